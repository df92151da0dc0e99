/* What the files of the fake library share; nvml.c documents the whole. */
#ifndef NVML_H
#define NVML_H

#include "scene.h"

typedef enum { SUCCESS = 0, UNINITIALIZED = 1, INVALID_ARGUMENT = 2, NOT_SUPPORTED = 3,
               NOT_FOUND = 6, INSUFFICIENT_SIZE = 7, GPU_IS_LOST = 15 } Return;
typedef struct { int index; int mig; } Device;

double now_s(void);

/* What a list like "nvmlDeviceGetPowerUsage=3,field185=3" says about a call; 0: nothing. */
double said_of(const char *variable, const char *call);

/* Whether the library is initialised in this process, and the device, if any is given, still there. */
Return ready(const Device *device);

/* What a call returns before it looks at anything; it takes its time. */
Return enter(const char *call, const Device *device);

#endif
