// Stands for NVIDIA's libnvidia-ml.so.1 in tests: a rig of GPUs that do not exist. What is wrong with
// them stands in the file CONTROL, a line each, read at every call:
//   lost GPU · gone GPU · reset GPU · broken GPU (an error that says nothing) · hung GPU (no answer while it stands
//   there) · hot GPU · braked GPU ·
//   ecc GPU COUNT · xid GPU NUMBER (each line is one event)
// Variants, by -D: GPUS (8), MIG (the number of a GPU that has slices; those behind it have none yet), PLAIN (a consumer's GPU: no ECC, no
// NVLink, no MIG), MIXED (GPU 0 is another model than the others), DEAF (GPU 0 has no events), INIT (what nvmlInit answers).
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#ifndef GPUS
#define GPUS 8
#endif
#ifndef INIT
#define INIT 0
#endif

enum { INVALID = 2, NOT_SUPPORTED = 3, NOT_FOUND = 6, TIMEOUT = 10, LOST = 15, RESET = 16, UNKNOWN = 999 };

typedef struct {
  int gpu, slice;
} device;
typedef struct {
  char legacy[16];
  unsigned domain, bus, device, id, subsystem;
  char bus_id[32];
} pci;
typedef struct {
  unsigned version;
  unsigned long long total, reserved, free, used;
} memory;
typedef struct {
  device *device;
  unsigned long long type, data;
  unsigned gpu_instance, compute_instance;
} event;

#define SLICES 4
static device devices[GPUS + 1][SLICES + 1];
// Each event set hears each Xid once.
static struct {
  int used, heard, registered[GPUS + 1];
} sets[64];

static const char *profiles[SLICES] = {"1g.10gb", "1g.10gb", NULL, "3g.40gb"};
static const unsigned long long slice_mib[SLICES] = {9728, 9728, 0, 40448};

// The number behind the last line with this word and GPU; -1 for no such line.
static long said(const char *word, int gpu) {
  long found = -1;
  FILE *control = fopen(CONTROL, "r");
  char line[128], name[32];
  while (control && fgets(line, sizeof line, control)) {
    int number;
    long value = 0;
    if (sscanf(line, "%31s %d %ld", name, &number, &value) >= 2 && !strcmp(name, word) && number == gpu) found = value;
  }
  if (control) fclose(control);
  return found;
}
static int trouble(int gpu) {
  while (said("hung", gpu) >= 0) usleep(20000);
  if (said("lost", gpu) >= 0) return LOST;
  if (said("gone", gpu) >= 0) return LOST;
  if (said("reset", gpu) >= 0) return RESET;
  return said("broken", gpu) >= 0 ? UNKNOWN : 0;
}
#define ALIVE(d)                       \
  do {                                 \
    int wrong = trouble((d)->gpu);     \
    if (wrong) return wrong;           \
  } while (0)

static void uuid_of(device *d, char *uuid, unsigned size) {
  if (d->slice)
    snprintf(uuid, size, "MIG-00000000-0000-0000-0000-0000000000%d%d", d->gpu, d->slice);
  else
    snprintf(uuid, size, "GPU-00000000-0000-0000-0000-00000000000%d", d->gpu);
}
static void place(int number, pci *info) {
  memset(info, 0, sizeof *info);
  info->bus = 0x10 + number;
  snprintf(info->bus_id, sizeof info->bus_id, "00000000:%02X:00.0", info->bus);
}

int nvmlInit_v2(void) {
  for (int gpu = 0; gpu < GPUS; gpu++)
    for (int slice = 0; slice <= SLICES; slice++) devices[gpu][slice] = (device){gpu, slice};
  return INIT;
}
int nvmlShutdown(void) { return 0; }
int nvmlSystemGetDriverVersion(char *version, unsigned size) {
  snprintf(version, size, "570.86.15");
  return 0;
}
int nvmlSystemGetCudaDriverVersion_v2(int *version) {
  *version = 12080;
  return 0;
}
int nvmlDeviceGetCount_v2(unsigned *count) {
  *count = GPUS;
  return 0;
}
int nvmlDeviceGetHandleByIndex_v2(unsigned index, device **found) {
  *found = &devices[index][0];
  ALIVE(*found);
  return 0;
}
int nvmlDeviceGetHandleByUUID(const char *uuid, device **found) {
  char own[80];
  for (int gpu = 0; gpu < GPUS; gpu++)
    for (int slice = 0; slice <= SLICES; slice++) {
      uuid_of(&devices[gpu][slice], own, sizeof own);
      if (strcmp(own, uuid)) continue;
      if (said("gone", gpu) >= 0) return NOT_FOUND;
      *found = &devices[gpu][slice];
      ALIVE(*found);
      return 0;
    }
  return NOT_FOUND;
}
int nvmlDeviceGetHandleByPciBusId_v2(const char *bus_id, device **found) {
  pci own;
  for (int gpu = 0; gpu < GPUS; gpu++) {
    place(gpu, &own);
    if (strcmp(own.bus_id, bus_id)) continue;
    *found = &devices[gpu][0];
    return 0;
  }
  return NOT_FOUND;
}
int nvmlDeviceGetUUID(device *d, char *uuid, unsigned size) {
  ALIVE(d);
  uuid_of(d, uuid, size);
  return 0;
}
int nvmlDeviceGetName(device *d, char *name, unsigned size) {
  ALIVE(d);
#ifdef PLAIN
  snprintf(name, size, "NVIDIA GeForce RTX 4090");
#else
#ifdef MIXED
  if (d->gpu == 0) {
    snprintf(name, size, "Tesla T4");
    return 0;
  }
#endif
  if (d->slice)
    snprintf(name, size, "NVIDIA A100-SXM4-80GB MIG %s", profiles[d->slice - 1]);
  else
    snprintf(name, size, "NVIDIA A100-SXM4-80GB");
#endif
  return 0;
}
int nvmlDeviceGetMemoryInfo_v2(device *d, memory *info) {
  ALIVE(d);
  if (info->version != (sizeof *info | 2 << 24)) return INVALID;
  unsigned long long mib = d->slice ? slice_mib[d->slice - 1] : 81920;
  info->total = mib << 20;
  info->used = 1024ull << 20;
  info->reserved = 0;
  info->free = info->total - info->used;
  return 0;
}
// Drivers count device nodes otherwise than GPUs. A slice has none of its own.
int nvmlDeviceGetMinorNumber(device *d, unsigned *number) {
  ALIVE(d);
  if (d->slice) return NOT_SUPPORTED;
  *number = d->gpu ^ 1;
  return 0;
}
int nvmlDeviceGetPciInfo_v3(device *d, pci *info) {
  ALIVE(d);
  place(d->gpu, info);
  return 0;
}
int nvmlDeviceGetMaxPcieLinkGeneration(device *d, unsigned *value) {
  ALIVE(d);
  *value = 4;
  return 0;
}
int nvmlDeviceGetMaxPcieLinkWidth(device *d, unsigned *value) {
  ALIVE(d);
  *value = 16;
  return 0;
}
int nvmlDeviceGetMigMode(device *d, unsigned *current, unsigned *pending) {
  ALIVE(d);
#ifdef PLAIN
  return NOT_SUPPORTED;
#elif defined MIG
  *current = *pending = d->gpu >= MIG;
#else
  *current = *pending = 0;
#endif
  return 0;
}
int nvmlDeviceGetMaxMigDeviceCount(device *d, unsigned *count) {
  ALIVE(d);
  *count = SLICES;
  return 0;
}
int nvmlDeviceGetMigDeviceHandleByIndex(device *d, unsigned index, device **found) {
  ALIVE(d);
#ifdef MIG
  if (d->gpu != MIG || !profiles[index]) return NOT_FOUND;
  *found = &devices[d->gpu][index + 1];
  return 0;
#else
  return NOT_FOUND;
#endif
}
// Two pairs of GPUs share a switch each, four a processor.
int nvmlDeviceGetTopologyCommonAncestor(device *one, device *other, unsigned *level) {
  ALIVE(one);
  ALIVE(other);
  *level = one->gpu / 2 == other->gpu / 2 ? 10 : one->gpu / 4 == other->gpu / 4 ? 30 : 50;
  return 0;
}
// Two NVLinks to the other of the pair, four to a switch, and one that is down.
int nvmlDeviceGetNvLinkState(device *d, unsigned link, unsigned *active) {
  ALIVE(d);
#ifdef PLAIN
  return NOT_SUPPORTED;
#else
  if (link > 6) return INVALID;
  *active = link != 3;
  return 0;
#endif
}
int nvmlDeviceGetNvLinkRemotePciInfo_v2(device *d, unsigned link, pci *info) {
  ALIVE(d);
  place(link < 2 ? d->gpu ^ 1 : 0x80, info);
  return 0;
}
int nvmlDeviceGetCurrentClocksThrottleReasons(device *d, unsigned long long *reasons) {
  ALIVE(d);
  *reasons = (said("hot", d->gpu) >= 0 ? 0x40 : 0) | (said("braked", d->gpu) >= 0 ? 0x80 : 0) | 4;
  return 0;
}
int nvmlDeviceGetUtilizationRates(device *d, unsigned rates[2]) {
  ALIVE(d);
  rates[0] = 90 + d->gpu, rates[1] = 40;
  return 0;
}
int nvmlDeviceGetPowerUsage(device *d, unsigned *milliwatts) {
  ALIVE(d);
  *milliwatts = 300000 + d->gpu;
  return 0;
}
int nvmlDeviceGetTotalEnergyConsumption(device *d, unsigned long long *millijoules) {
  ALIVE(d);
  *millijoules = 5000000000ull;
  return 0;
}
int nvmlDeviceGetTemperature(device *d, unsigned sensor, unsigned *celsius) {
  ALIVE(d);
  *celsius = 60 + d->gpu;
  return sensor == 0 ? 0 : INVALID;
}
int nvmlDeviceGetTemperatureThreshold(device *d, unsigned kind, unsigned *celsius) {
  ALIVE(d);
  *celsius = 89;
  return kind == 1 ? 0 : INVALID;
}
int nvmlDeviceGetTotalEccErrors(device *d, unsigned kind, unsigned counter, unsigned long long *count) {
  ALIVE(d);
#ifdef PLAIN
  return NOT_SUPPORTED;
#else
  long errors = said("ecc", d->gpu);
  *count = kind == 0 ? 7 : errors < 0 ? 0 : errors;
  return counter == 0 ? 0 : INVALID;
#endif
}

int nvmlEventSetCreate(long *set) {
  for (int i = 1; i < 64; i++) {
    if (sets[i].used) continue;
    memset(&sets[i], 0, sizeof sets[i]);
    sets[i].used = 1;
    *set = i;
    return 0;
  }
  return UNKNOWN;
}
int nvmlEventSetFree(long set) {
  sets[set].used = 0;
  return 0;
}
int nvmlDeviceRegisterEvents(device *d, unsigned long long types, long set) {
  ALIVE(d);
  if (types != 8) return INVALID;
#ifdef DEAF
  if (d->gpu == 0) return NOT_SUPPORTED;
#endif
  sets[set].registered[d->gpu] = 1;
  return 0;
}
int nvmlEventSetWait_v2(long set, event *out, unsigned millis) {
  for (unsigned waited = 0;; waited += 10) {
    FILE *control = fopen(CONTROL, "r");
    char line[128];
    int gpu, seen = 0;
    long number;
    while (control && fgets(line, sizeof line, control)) {
      if (sscanf(line, "xid %d %ld", &gpu, &number) != 2 || seen++ < sets[set].heard) continue;
      sets[set].heard = seen;
      if (!sets[set].registered[gpu]) continue;
      fclose(control);
      *out = (event){&devices[gpu][0], 8, number, 0, 0};
      return 0;
    }
    if (control) fclose(control);
    for (int i = 0; i < GPUS; i++)
      if (sets[set].registered[i] && said("lost", i) >= 0) return LOST;
    if (waited >= millis) return TIMEOUT;
    nanosleep(&(struct timespec){0, 10000000}, NULL);
  }
}
