// Stands for NVIDIA's libcuda.so.1 in tests: the driver calls that the challenge makes, over the
// processor. Its "GPU" runs the very kernels of challenge.cu, one thread after the other. Strict: a call
// that a correct program would not make ends the test.
//
// Variants, by -D: DEVICES (1), MEMORY in bytes (1 GiB), REFUSE_PTX, FAIL_LAUNCH, NO_UUID (an old driver), NVML_UUID (those of NVML's stand-in).
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

_Thread_local unsigned BLOCK, THREADS, THREAD;
#include "../../kernels/challenge.cu"

#ifndef DEVICES
#define DEVICES 1
#endif
#ifndef MEMORY
#define MEMORY (1ull << 30)
#endif

enum { OUT_OF_MEMORY = 2, NOT_INITIALIZED = 3, NO_DEVICE = 100, INVALID_PTX = 218, NOT_FOUND = 500, LAUNCH_FAILED = 719 };

#define MUST(condition)                                                   \
  do {                                                                    \
    if (!(condition)) {                                                   \
      fprintf(stderr, "libcuda stub: %s in %s\n", #condition, __func__); \
      abort();                                                            \
    }                                                                     \
  } while (0)

struct allocation {
  char *start;
  size_t size;
  int device;
};
static struct allocation allocations[64];
static int initialized, retained[DEVICES + 1], modules;
static uint64_t used[DEVICES + 1];
// A context is its device's number, plus one: none is a null pointer.
static _Thread_local uintptr_t current;
static char image_of_all[] = "module";

// What a program that gives everything back leaves: 0.
int stub_held(void) {
  int held = modules;
  for (int i = 0; i < 64; i++) held += allocations[i].start != NULL;
  for (int i = 0; i < DEVICES; i++) held += retained[i];
  return held;
}

static void check_range(uint64_t start, size_t size) {
  MUST(current);
  for (int i = 0; i < 64; i++) {
    uint64_t first = (uint64_t)allocations[i].start;
    if (first && start >= first && start + size <= first + allocations[i].size) {
      MUST(allocations[i].device == (int)current - 1);
      return;
    }
  }
  MUST(!"memory that nobody allocated");
}

int cuInit(unsigned flags) {
  MUST(flags == 0);
  if (DEVICES == 0) return NO_DEVICE;
  initialized = 1;
  return 0;
}
int cuDeviceGetCount(int *count) {
  if (!initialized) return NOT_INITIALIZED;
  *count = DEVICES;
  return 0;
}
int cuDeviceGet(int *device, int ordinal) {
  MUST(ordinal < DEVICES);
  *device = ordinal;
  return 0;
}
int cuDeviceGetName(char *name, int size, int device) {
  snprintf(name, size, "NVIDIA Stub %d", device);
  return 0;
}
int cuDeviceTotalMem_v2(size_t *bytes, int device) {
  *bytes = MEMORY;
  return 0;
}
#ifndef NO_UUID
int cuDeviceGetUuid_v2(unsigned char uuid[16], int device) {
#ifdef NVML_UUID
  for (int i = 0; i < 16; i++) uuid[i] = 0;
#else
  for (int i = 0; i < 16; i++) uuid[i] = 0xa0 + i;
#endif
  uuid[15] = device;
  return 0;
}
#endif
int cuDevicePrimaryCtxRetain(uintptr_t *context, int device) {
  retained[device]++;
  *context = device + 1;
  return 0;
}
int cuDevicePrimaryCtxRelease_v2(int device) {
  MUST(retained[device] > 0);
  retained[device]--;
  return 0;
}
int cuCtxSetCurrent(uintptr_t context) {
  MUST(context && retained[context - 1]);
  current = context;
  return 0;
}
int cuCtxSynchronize(void) {
  MUST(current);
#ifdef FAIL_LAUNCH
  return LAUNCH_FAILED;
#else
  return 0;
#endif
}
static const char *ptx;
int cuModuleLoadData(void **module, const char *image) {
  MUST(current && strstr(image, ".version") && strstr(image, ".target sm_70"));
#ifdef REFUSE_PTX
  return INVALID_PTX;
#else
  modules++;
  ptx = image;
  *module = image_of_all;
  return 0;
#endif
}
int cuModuleUnload(void *module) {
  MUST(module == image_of_all && modules > 0 && current);
  modules--;
  return 0;
}
int cuModuleGetFunction(void **function, void *module, const char *name) {
  char entry[64];
  snprintf(entry, sizeof entry, ".visible .entry %s(", name);
  MUST(module == image_of_all);
  if (!strstr(ptx, entry)) return NOT_FOUND;
  *function = !strcmp(name, "fill") ? (void *)fill : !strcmp(name, "multiply") ? (void *)multiply : (void *)digest;
  return 0;
}
int cuMemAlloc_v2(uint64_t *start, size_t size) {
  MUST(current && size > 0);
  if (used[current - 1] + size > MEMORY) return OUT_OF_MEMORY;
  for (int i = 0; i < 64; i++) {
    if (allocations[i].start) continue;
    allocations[i] = (struct allocation){aligned_alloc(256, (size + 255) / 256 * 256), size, (int)current - 1};
    memset(allocations[i].start, 0xee, size);
    used[current - 1] += size;
    *start = (uint64_t)allocations[i].start;
    return 0;
  }
  return OUT_OF_MEMORY;
}
int cuMemFree_v2(uint64_t start) {
  for (int i = 0; i < 64; i++) {
    if ((uint64_t)allocations[i].start != start) continue;
    MUST(current && allocations[i].device == (int)current - 1);
    used[current - 1] -= allocations[i].size;
    free(allocations[i].start);
    allocations[i].start = NULL;
    return 0;
  }
  MUST(!"freed twice");
}
int cuMemcpyHtoD_v2(uint64_t to, const void *from, size_t size) {
  check_range(to, size);
  memcpy((void *)to, from, size);
  return 0;
}
int cuMemcpyDtoH_v2(void *to, uint64_t from, size_t size) {
  check_range(from, size);
  memcpy(to, (void *)from, size);
  return 0;
}
int cuMemcpyDtoD_v2(uint64_t to, uint64_t from, size_t size) {
  check_range(to, size);
  check_range(from, size);
  memcpy((void *)to, (void *)from, size);
  return 0;
}
int cuLaunchKernel(void *function, unsigned blocks, unsigned y, unsigned z, unsigned threads, unsigned ty, unsigned tz,
                   unsigned shared, void *stream, void **arguments, void **extra) {
  MUST(current && modules && y == 1 && z == 1 && ty == 1 && tz == 1 && shared == 0 && !stream && !extra);
  MUST(threads <= 1024);
  THREADS = threads;
  for (BLOCK = 0; BLOCK < blocks; BLOCK++)
    for (THREAD = 0; THREAD < threads; THREAD++) {
      if (function == (void *)fill)
        fill(*(u32 **)arguments[0], *(struct key *)arguments[1], *(u64 *)arguments[2]);
      else if (function == (void *)multiply)
        multiply(*(u32 **)arguments[0], *(u32 **)arguments[1], *(u32 **)arguments[2], *(u32 *)arguments[3]);
      else
        digest(*(u32 **)arguments[0], *(u32 **)arguments[1], *(u32 *)arguments[2]);
    }
  return 0;
}
