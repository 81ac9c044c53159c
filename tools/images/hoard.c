// Takes disk by a file that is in no folder any more, 4 MiB more each second, in the way that its argument names.
#define _GNU_SOURCE
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#define STEP (4L << 20)
#define STEPS 16

static void require(int succeeded, const char *what) {
  if (!succeeded) {
    perror(what);
    exit(1);
  }
}

static int removed_file(void) {
  int file = open("/outputs/hoard", O_RDWR | O_CREAT, 0600);
  require(file >= 0, "open");
  require(unlink("/outputs/hoard") == 0, "unlink");
  return file;
}

static void grow(int file, char *mapped) {
  static char bytes[STEP];
  memset(bytes, 1, STEP);
  for (int step = 0; step < STEPS; step++) {
    if (mapped)
      memset(mapped + step * STEP, 1, STEP);
    else
      require(write(file, bytes, STEP) == STEP, "write");
    sleep(1);
  }
}

// Only a mapping is left of it.
static void map_and_close(void) {
  int file = removed_file();
  require(ftruncate(file, STEPS * STEP) == 0, "ftruncate");
  char *mapped = mmap(NULL, STEPS * STEP, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
  require(mapped != MAP_FAILED, "mmap");
  close(file);
  grow(-1, mapped);
}

// A thread with a table of open files to itself, and no main thread in whose name /proc would show anything.
static int open_aside(void *unused) {
  (void)unused;
  grow(removed_file(), NULL);
  exit(0);
}

static void open_in_a_thread(void) {
  static char stack[64 << 10] __attribute__((aligned(16)));
  int flags = CLONE_VM | CLONE_FS | CLONE_SIGHAND | CLONE_THREAD | CLONE_SYSVSEM;
  require(clone(open_aside, stack + sizeof stack, flags, NULL) > 0, "clone");
  syscall(SYS_exit, 0);
}

int main(int count, char **arguments) {
  const char *way = count > 1 ? arguments[1] : "";
  if (strcmp(way, "open") == 0)
    grow(removed_file(), NULL);
  else if (strcmp(way, "mapped") == 0)
    map_and_close();
  else if (strcmp(way, "thread") == 0)
    open_in_a_thread();
  else
    return 2;
  return 0;
}
