// Preloaded into a worker that a test is going to kill: tells each change of the journal apart, writes it
// down, and kills the worker (SIGKILL) at the one the test has chosen. A moment is a line in the file MOMENTS,
// written before the next one can happen:
//   before append RECORD · after append RECORD      a line of the journal
//   before cut · after cut                          what was torn is cut off when a journal is opened
//   before draft · after draft · before replace · after replace     compaction
// and whatever the worker's own wrappers write to that file. What the kernel has been given survives SIGKILL,
// so syncing is no moment of its own: a power cut's torn lines are tested with the journal.
// Where the file JOURNAL_BROKEN is there, the disk takes no further line of the journal.
// The machine's clock, as the worker reads it, is set forward by the seconds in the file CLOCK_STEP.
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

static pthread_mutex_t one_at_a_time = PTHREAD_MUTEX_INITIALIZER;
static long passed;

static void moment(const char *name, size_t length) {
  pthread_mutex_lock(&one_at_a_time);
  char line[256];
  int written = snprintf(line, sizeof line, "%.*s\n", (int)length, name);
  long file = syscall(SYS_openat, AT_FDCWD, getenv("MOMENTS"), O_WRONLY | O_APPEND | O_CREAT, 0600);
  syscall(SYS_write, file, line, written);
  syscall(SYS_close, file);
  const char *chosen = getenv("KILL_AT");
  if (chosen && ++passed == atol(chosen)) {
    kill(getpid(), SIGKILL);
    for (;;) pause();
  }
  pthread_mutex_unlock(&one_at_a_time);
}

static void around(const char *when, const char *what, size_t length) {
  char name[128];
  int written = snprintf(name, sizeof name, "%s %.*s", when, (int)length, what);
  moment(name, written);
}

enum { OTHER, JOURNAL, DRAFT, MOMENTS };

static int known(const char *path, size_t length) {
  const char *journal = getenv("JOURNAL"), *moments = getenv("MOMENTS");
  if (!journal || !moments) return OTHER;
  size_t name = strlen(journal);
  if (length == name && !memcmp(path, journal, name)) return JOURNAL;
  if (length == name + 4 && !memcmp(path, journal, name) && !memcmp(path + name, ".new", 4)) return DRAFT;
  return length == strlen(moments) && !memcmp(path, moments, length) ? MOMENTS : OTHER;
}

static int file(int descriptor) {
  if (descriptor <= 2) return OTHER;
  char link[64], path[4096];
  snprintf(link, sizeof link, "/proc/self/fd/%d", descriptor);
  ssize_t length = readlink(link, path, sizeof path);
  return length < 0 ? OTHER : known(path, length);
}

// "append" and what the line is a record of.
static size_t appended(char *name, size_t size, const char *line, size_t length) {
  static const char field[] = "\"record\":\"";
  const char *found = memmem(line, length, field, sizeof field - 1);
  if (!found) return snprintf(name, size, "append nothing known");
  found += sizeof field - 1;
  const char *end = memchr(found, '"', line + length - found);
  return snprintf(name, size, "append %.*s", (int)((end ? end : line + length) - found), found);
}

ssize_t write(int descriptor, const void *data, size_t length) {
  static ssize_t (*real)(int, const void *, size_t);
  if (!real) real = dlsym(RTLD_NEXT, "write");
  char name[128];
  size_t named;
  switch (file(descriptor)) {
    case MOMENTS:
      moment(data, length);
      return length;
    case JOURNAL:
      if (getenv("JOURNAL_BROKEN") && !access(getenv("JOURNAL_BROKEN"), F_OK)) {
        errno = EIO;
        return -1;
      }
      named = appended(name, sizeof name, data, length);
      break;
    case DRAFT:
      named = snprintf(name, sizeof name, "draft");
      break;
    default:
      return real(descriptor, data, length);
  }
  around("before", name, named);
  ssize_t written = real(descriptor, data, length);
  around("after", name, named);
  return written;
}

int ftruncate64(int descriptor, off64_t length) {
  static int (*real)(int, off64_t);
  if (!real) real = dlsym(RTLD_NEXT, "ftruncate64");
  if (file(descriptor) != JOURNAL) return real(descriptor, length);
  around("before", "cut", 3);
  int result = real(descriptor, length);
  around("after", "cut", 3);
  return result;
}

int rename(const char *from, const char *to) {
  static int (*real)(const char *, const char *);
  if (!real) real = dlsym(RTLD_NEXT, "rename");
  if (known(to, strlen(to)) != JOURNAL) return real(from, to);
  around("before", "replace", 7);
  int result = real(from, to);
  around("after", "replace", 7);
  return result;
}

int clock_gettime(clockid_t clock, struct timespec *time) {
  int result = syscall(SYS_clock_gettime, clock, time);
  const char *path = getenv("CLOCK_STEP");
  if (result || clock != CLOCK_REALTIME || !path) return result;
  char text[32] = "";
  long step = syscall(SYS_openat, AT_FDCWD, path, O_RDONLY);
  if (step < 0) return result;
  syscall(SYS_read, step, text, sizeof text - 1);
  syscall(SYS_close, step);
  time->tv_sec += atol(text);
  return result;
}
