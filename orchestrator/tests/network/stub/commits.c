// Preloaded into an orchestrator that a test is going to kill: counts the commits to its journal, SQLite's
// write-ahead log, and kills the process (SIGKILL) at the moment the test has chosen. Of each commit there are two:
// before its first write, when nothing of it is there, and after its last one, when all of it is and nobody has
// been told. What the kernel has been given survives SIGKILL. Moments are counted from one, and each is a line in
// the file MOMENTS.
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

static pthread_mutex_t one_at_a_time = PTHREAD_MUTEX_INITIALIZER;
static long passed;
// Whether the commit under way has written something.
static int begun;

static void moment(const char *name) {
  long file = syscall(SYS_openat, AT_FDCWD, getenv("MOMENTS"), O_WRONLY | O_APPEND | O_CREAT, 0600);
  syscall(SYS_write, file, name, strlen(name));
  syscall(SYS_close, file);
  const char *chosen = getenv("KILL_AT");
  if (chosen && ++passed == atol(chosen)) {
    kill(getpid(), SIGKILL);
    for (;;) pause();
  }
}

static int is_log(int descriptor) {
  if (descriptor <= 2 || !getenv("MOMENTS")) return 0;
  char link[64], path[4096];
  snprintf(link, sizeof link, "/proc/self/fd/%d", descriptor);
  ssize_t length = readlink(link, path, sizeof path);
  return length > 4 && !memcmp(path + length - 4, "-wal", 4);
}

static void before_write(int descriptor) {
  if (!is_log(descriptor)) return;
  pthread_mutex_lock(&one_at_a_time);
  if (!begun) moment("before a commit\n");
  begun = 1;
  pthread_mutex_unlock(&one_at_a_time);
}

static void before_sync(int descriptor) {
  if (!is_log(descriptor)) return;
  pthread_mutex_lock(&one_at_a_time);
  if (begun) moment("after a commit\n");
  begun = 0;
  pthread_mutex_unlock(&one_at_a_time);
}

ssize_t write(int descriptor, const void *data, size_t length) {
  static ssize_t (*real)(int, const void *, size_t);
  if (!real) real = dlsym(RTLD_NEXT, "write");
  before_write(descriptor);
  return real(descriptor, data, length);
}

ssize_t pwrite(int descriptor, const void *data, size_t length, off_t offset) {
  static ssize_t (*real)(int, const void *, size_t, off_t);
  if (!real) real = dlsym(RTLD_NEXT, "pwrite");
  before_write(descriptor);
  return real(descriptor, data, length, offset);
}

ssize_t pwrite64(int descriptor, const void *data, size_t length, off64_t offset) {
  static ssize_t (*real)(int, const void *, size_t, off64_t);
  if (!real) real = dlsym(RTLD_NEXT, "pwrite64");
  before_write(descriptor);
  return real(descriptor, data, length, offset);
}

int fdatasync(int descriptor) {
  static int (*real)(int);
  if (!real) real = dlsym(RTLD_NEXT, "fdatasync");
  before_sync(descriptor);
  return real(descriptor);
}

int fsync(int descriptor) {
  static int (*real)(int);
  if (!real) real = dlsym(RTLD_NEXT, "fsync");
  before_sync(descriptor);
  return real(descriptor);
}
