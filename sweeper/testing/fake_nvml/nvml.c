/* A small libnvidia-ml for tests: GPUs whose draw is written down, and whose sensors follow a clock.
 *
 * Built as libnvidia-ml.so.1 from all files here (__init__.py); its folder goes on LD_LIBRARY_PATH.
 * Everything is set by environment variables, which are read at each call:
 *
 *   FAKE_NVML_WATTS        draw of each GPU, for instance "300,75"; default "300"; its length is the count
 *   FAKE_NVML_TRACE        a file with the draw over time, instead of WATTS, which still is the count
 *   FAKE_NVML_PROCESSES    a file with the processes; scene.h describes both
 *   FAKE_NVML_LIMITS       power limit of each GPU in watts, 0: cannot be read; default 700 each
 *   FAKE_NVML_CLOCK        a file that holds the time in seconds; default the monotonic clock
 *   FAKE_NVML_T0           when the counters stood at 0; default 0
 *   FAKE_NVML_PERIOD_S     steps in which the sensors move; default 0.1; FAKE_NVML_PHASE_S shifts them
 *   FAKE_NVML_WINDOW_S     how long before each step instant power is the mean of; default 0.025
 *   FAKE_NVML_LEGACY       "instant": what nvmlDeviceGetPowerUsage is; default the 1 s average
 *   FAKE_NVML_GAIN         multiplies counter and power; FAKE_NVML_COUNTER_GAIN only the counter
 *   FAKE_NVML_RESET_S      when the counters went back to 0 once more; default never
 *   FAKE_NVML_STUCK_S      from when on the counters stand still; default never
 *   FAKE_NVML_NO_COUNTER   1 for each GPU without an energy counter, for instance "0,1"; default 0
 *   FAKE_NVML_LOST_S       from when on the GPUs cannot be read any more; default never
 *   FAKE_NVML_SCOPE        the only scope that field values answer for: 0 GPU (default), 1 module
 *   FAKE_NVML_SLICES       compute slices of a MIG device; default 1
 *   FAKE_NVML_EMPTY        "success": what a process sampling without samples returns; default not found
 *   FAKE_NVML_ERRORS       codes to return, for instance "nvmlDeviceGetPowerUsage=3,field185=3"
 *   FAKE_NVML_DELAY        seconds that calls take, for instance "nvmlDeviceGetProcessUtilization=0.08"
 *   FAKE_NVML_CALLS        a file that gets one byte for each initialisation
 *
 * It is strict about forks: in a child every call but the initialisation fails until the child has
 * initialised the library itself, as NVML gives no promise to children.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "nvml.h"

static Device boards[MAX_GPUS], slices[MAX_GPUS];
static pid_t initialised_in = 0;

static int gpu_count(void)
{
    const char *text = getenv("FAKE_NVML_WATTS");
    int count = 1;
    if (text && !*text)
        return 0;
    for (; text && *text; text++)
        count += *text == ',';
    return count < MAX_GPUS ? count : MAX_GPUS;
}

double now_s(void)
{
    const char *path = getenv("FAKE_NVML_CLOCK");
    struct timespec now;
    double seconds = 0;
    FILE *file;
    if (path && (file = fopen(path, "r"))) {
        if (fscanf(file, "%lf", &seconds) != 1)
            seconds = 0;
        fclose(file);
        return seconds;
    }
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

double said_of(const char *variable, const char *call)
{
    size_t length = strlen(call);
    for (const char *text = getenv(variable); text && *text; text = strchr(text, ',')) {
        text += *text == ',';
        if (strncmp(text, call, length) == 0 && text[length] == '=')
            return atof(text + length + 1);
    }
    return 0;
}

Return ready(const Device *device)
{
    if (initialised_in != getpid())
        return UNINITIALIZED;
    if (device && now_s() >= number("FAKE_NVML_LOST_S", 0, INFINITY))
        return GPU_IS_LOST;
    return SUCCESS;
}

Return enter(const char *call, const Device *device)
{
    double delay_s = said_of("FAKE_NVML_DELAY", call);
    Return injected = (Return)said_of("FAKE_NVML_ERRORS", call);
    if (delay_s > 0)
        nanosleep(&(struct timespec){(time_t)delay_s, (long)(fmod(delay_s, 1) * 1e9)}, NULL);
    return injected ? injected : ready(device);
}

static Return copy(const char *text, char *to, unsigned int length)
{
    if (strlen(text) + 1 > length)
        return INSUFFICIENT_SIZE;
    strcpy(to, text);
    return SUCCESS;
}

static void write_uuid(const Device *device, char *to, size_t size)
{
    snprintf(to, size, "%s-%08x-fa4e-fa4e-fa4e-%012x", device->mig ? "MIG" : "GPU",
             (unsigned)device->index, (unsigned)device->index);
}

Return nvmlInitWithFlags(unsigned int flags)
{
    const char *calls = getenv("FAKE_NVML_CALLS");
    FILE *file = calls ? fopen(calls, "a") : NULL;
    (void)flags;
    if (file) {
        fputc('i', file);
        fclose(file);
    }
    for (int i = 0; i < MAX_GPUS; i++) {
        boards[i] = (Device){i, 0};
        slices[i] = (Device){i, 1};
    }
    initialised_in = getpid();
    return SUCCESS;
}

Return nvmlInit_v2(void)
{
    return nvmlInitWithFlags(0);
}

Return nvmlShutdown(void)
{
    Return state = ready(NULL);
    initialised_in = 0;
    return state;
}

const char *nvmlErrorString(Return code)
{
    switch (code) {
    case SUCCESS: return "Success";
    case UNINITIALIZED: return "Uninitialized";
    case INVALID_ARGUMENT: return "Invalid Argument";
    case NOT_SUPPORTED: return "Not Supported";
    case NOT_FOUND: return "Not Found";
    case INSUFFICIENT_SIZE: return "Insufficient Size";
    case GPU_IS_LOST: return "GPU is lost";
    }
    return "Unknown Error";
}

Return nvmlSystemGetDriverVersion(char *version, unsigned int length)
{
    Return state = ready(NULL);
    return state ? state : copy("fake", version, length);
}

Return nvmlDeviceGetCount_v2(unsigned int *count)
{
    *count = (unsigned)gpu_count();
    return ready(NULL);
}

Return nvmlDeviceGetHandleByIndex_v2(unsigned int index, Device **device)
{
    if (index >= (unsigned)gpu_count())
        return INVALID_ARGUMENT;
    *device = &boards[index];
    return ready(NULL);
}

Return nvmlDeviceGetHandleByUUID(const char *uuid, Device **device)
{
    char known[80];
    for (int i = 0; i < gpu_count(); i++) {
        Device *both[] = {&boards[i], &slices[i]};
        for (int j = 0; j < 2; j++) {
            write_uuid(both[j], known, sizeof known);
            if (strcmp(uuid, known) == 0) {
                *device = both[j];
                return ready(NULL);
            }
        }
    }
    return NOT_FOUND;
}

Return nvmlDeviceGetDeviceHandleFromMigDeviceHandle(Device *mig, Device **parent)
{
    if (!mig->mig)
        return INVALID_ARGUMENT;
    *parent = &boards[mig->index];
    return ready(NULL);
}

Return nvmlDeviceGetUUID(Device *device, char *uuid, unsigned int length)
{
    char text[80];
    Return state = ready(NULL);
    write_uuid(device, text, sizeof text);
    return state ? state : copy(text, uuid, length);
}

Return nvmlDeviceGetName(Device *device, char *name, unsigned int length)
{
    Return state = ready(device);
    return state ? state : copy("Fake GPU", name, length);
}

Return nvmlDeviceGetEnforcedPowerLimit(Device *device, unsigned int *limit_mw)
{
    Return state = enter(__func__, device);
    *limit_mw = (unsigned)(number("FAKE_NVML_LIMITS", device->index, 700) * 1e3);
    return state ? state : *limit_mw ? SUCCESS : NOT_SUPPORTED;
}

Return nvmlDeviceGetTemperature(Device *device, int sensor, unsigned int *celsius)
{
    Return state = enter(__func__, device);
    *celsius = 40;
    return sensor == 0 ? state : INVALID_ARGUMENT;
}

Return nvmlDeviceGetMigMode(Device *device, unsigned int *current, unsigned int *pending)
{
    *current = *pending = 0;
    return enter(__func__, device);
}

Return nvmlDeviceGetMaxMigDeviceCount(Device *device, unsigned int *count)
{
    *count = 7;
    return enter(__func__, device);
}

Return nvmlDeviceIsMigDeviceHandle(Device *device, unsigned int *is_mig)
{
    *is_mig = (unsigned)device->mig;
    return enter(__func__, device);
}

Return nvmlDeviceGetPersistenceMode(Device *device, unsigned int *mode)
{
    *mode = 1;
    return enter(__func__, device);
}

Return nvmlSystemGetNVMLVersion(char *version, unsigned int length)
{
    Return state = enter(__func__, NULL);
    return state ? state : copy("fake", version, length);
}

typedef struct {
    unsigned int multiprocessors, shared[5], gpu_instance_slices, compute_instance_slices;
    unsigned long long memory_mb;
} Attributes;

Return nvmlDeviceGetAttributes_v2(Device *device, Attributes *attributes)
{
    Return state = enter(__func__, device);
    unsigned int slices = (unsigned)number("FAKE_NVML_SLICES", 0, 1);
    *attributes = (Attributes){16 * slices, {0}, slices, slices, 10240ULL * slices};
    return device->mig ? state : NOT_SUPPORTED;
}
