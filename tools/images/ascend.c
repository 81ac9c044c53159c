// Tries whatever gives a program more than it was given, and says what came of each try, a line each:
// `NAME: denied ERRNO` or `NAME: GAINED`. Nothing is done that would change the machine if it worked.
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/perf_event.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/klog.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/time.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#define TRY(name, call)                       \
  do {                                        \
    errno = 0;                                \
    if ((long)(call) >= 0)                    \
      printf("%s: GAINED\n", name);           \
    else                                      \
      printf("%s: denied %d\n", name, errno); \
    fflush(stdout);                           \
  } while (0)

// Where something is hidden, an empty file stands in its place.
static long reads(const char *path) {
  char byte;
  long read_bytes = read(open(path, O_RDONLY), &byte, 1);
  return read_bytes > 0 ? 0 : -1;
}

static int answers(const char *path) {
  struct sockaddr_un address = {.sun_family = AF_UNIX};
  strncpy(address.sun_path, path, sizeof address.sun_path - 1);
  return connect(socket(AF_UNIX, SOCK_STREAM, 0), (struct sockaddr *)&address, sizeof address);
}

// The handle of a file system's root, as the host has it: open_by_handle_at leads out of the container.
static int by_handle(void) {
  struct {
    struct file_handle head;
    unsigned inode[2];
  } handle = {.head = {.handle_bytes = 8, .handle_type = 1}, .inode = {2, 0}};
  return open_by_handle_at(open("/inputs", O_RDONLY), &handle.head, O_RDONLY);
}

static int lowered_oom_score(void) {
  int score = open("/proc/self/oom_score_adj", O_WRONLY);
  return score < 0 ? -1 : write(score, "-1000", 5);
}

static int more_files(void) {
  struct rlimit limit;
  getrlimit(RLIMIT_NOFILE, &limit);
  limit.rlim_cur = ++limit.rlim_max;
  return setrlimit(RLIMIT_NOFILE, &limit);
}

int main(void) {
  struct perf_event_attr event = {.type = PERF_TYPE_SOFTWARE, .size = sizeof event};
  struct timespec now;
  gid_t none = 0;
  clock_gettime(CLOCK_REALTIME, &now);

  // The file belongs to root and has the set-user-ID bit.
  TRY("setuid-bit", geteuid() == 0 ? 0 : (errno = EPERM, -1));
  TRY("setuid", setuid(0));
  TRY("setgid", setgid(0));
  TRY("setgroups", setgroups(1, &none));
  TRY("no-new-privileges-off", prctl(PR_SET_NO_NEW_PRIVS, 0, 0, 0, 0));
  TRY("seccomp-off", prctl(PR_SET_SECCOMP, 0));
  TRY("ambient-capability", prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, 21, 0, 0));
  TRY("user-namespace", unshare(CLONE_NEWUSER));
  TRY("network-namespace", unshare(CLONE_NEWNET));
  TRY("mount-namespace", unshare(CLONE_NEWNS));
  TRY("cgroup-namespace", unshare(CLONE_NEWCGROUP));
  TRY("clone-user-namespace", syscall(SYS_clone, CLONE_NEWUSER | SIGCHLD, 0, 0, 0, 0));
  TRY("setns", setns(open("/proc/1/ns/net", O_RDONLY), 0));
  TRY("mount", mount("none", "/tmp", "tmpfs", 0, ""));
  TRY("mount-proc", mount("proc", "/tmp", "proc", 0, ""));
  TRY("mount-cgroup", mount("cgroup", "/tmp", "cgroup", 0, "memory"));
  TRY("remount-inputs", mount("none", "/inputs", NULL, MS_REMOUNT | MS_BIND, ""));
  TRY("unmount-inputs", umount("/inputs"));
  TRY("chroot", chroot("/tmp"));
  TRY("pivot-root", syscall(SYS_pivot_root, "/tmp", "/tmp"));
  TRY("open-by-handle", by_handle());
  TRY("make-memory-device", mknod("/tmp/memory", S_IFCHR | 0666, makedev(1, 1)));
  TRY("make-disk-device", mknod("/tmp/disk", S_IFBLK | 0666, makedev(8, 0)));
  TRY("memory-device-of-the-image", open("/evil/memory", O_RDONLY));
  TRY("disk-device-of-the-image", open("/evil/disk", O_RDONLY));
  TRY("kernel-memory", reads("/proc/kcore"));
  TRY("kernel-log", klogctl(3, (char[64]){0}, 64));
  TRY("timers", reads("/proc/timer_list"));
  TRY("keys", reads("/proc/keys"));
  TRY("core-pattern", open("/proc/sys/kernel/core_pattern", O_WRONLY));
  TRY("module-path", open("/proc/sys/kernel/modprobe", O_WRONLY));
  TRY("sysrq", open("/proc/sysrq-trigger", O_WRONLY));
  TRY("uevent-helper", open("/sys/kernel/uevent_helper", O_WRONLY));
  TRY("cgroup-of-its-own", mkdir("/sys/fs/cgroup/memory/evil", 0755) == 0 ? 0 : mkdir("/sys/fs/cgroup/evil", 0755));
  TRY("release-agent", open("/sys/fs/cgroup/memory/release_agent", O_WRONLY));
  TRY("more-memory", open("/sys/fs/cgroup/memory/memory.limit_in_bytes", O_WRONLY));
  TRY("oom-score", lowered_oom_score());
  TRY("more-open-files", more_files());
  TRY("priority", setpriority(PRIO_PROCESS, 0, -20));
  TRY("real-time", sched_setscheduler(0, SCHED_FIFO, &(struct sched_param){1}));
  TRY("raw-socket", socket(AF_INET, SOCK_RAW, 1));
  TRY("packet-socket", socket(AF_PACKET, SOCK_RAW, 0));
  TRY("host-name", sethostname("evil", 4));
  TRY("clock", clock_settime(CLOCK_REALTIME, &now));
  TRY("module", syscall(SYS_init_module, "", 0, ""));
  TRY("bpf", syscall(SYS_bpf, 0, &event, sizeof event));
  TRY("perf", syscall(SYS_perf_event_open, &event, 0, -1, -1, 0));
  TRY("keyring", syscall(SYS_keyctl, 1, "evil"));
  TRY("userfaultfd", syscall(SYS_userfaultfd, 0));
  TRY("swap", syscall(SYS_swapon, "/tmp/memory", 0));
  TRY("docker-socket", answers("/var/run/docker.sock") == 0 ? 0 : answers("/run/docker.sock"));
  TRY("containerd-socket", answers("/run/containerd/containerd.sock"));
  return 0;
}
