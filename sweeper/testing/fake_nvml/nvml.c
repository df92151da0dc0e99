/* A small libnvidia-ml for tests: GPUs of constant power whose counters follow a clock.
 *
 * Build it as libnvidia-ml.so.1 (see __init__.py) and put its folder on LD_LIBRARY_PATH. Everything
 * is set by environment variables, which are read at each call:
 *
 *   FAKE_NVML_WATTS        draw of each GPU, for instance "300,75"; default "300"
 *   FAKE_NVML_LIMITS       power limit of each GPU in watts, 0: cannot be read; default 700 each
 *   FAKE_NVML_CLOCK        a file that holds the time in seconds; default the monotonic clock
 *   FAKE_NVML_T0           when the counters stood at 0; default 0
 *   FAKE_NVML_PERIOD_S     steps in which the counters advance; default 0.1
 *   FAKE_NVML_RESET_S      when the counters went back to 0 once more; default never
 *   FAKE_NVML_NO_COUNTER   1 for each GPU without an energy counter, for instance "0,1"; default 0
 *   FAKE_NVML_LOST_S       from when on the GPUs cannot be read any more; default never
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

typedef enum { SUCCESS = 0, UNINITIALIZED = 1, INVALID_ARGUMENT = 2, NOT_SUPPORTED = 3,
               NOT_FOUND = 6, INSUFFICIENT_SIZE = 7, GPU_IS_LOST = 15 } Return;
typedef struct { int index; int mig; } Device;

enum { MAX_GPUS = 16 };
static Device boards[MAX_GPUS], slices[MAX_GPUS];
static pid_t initialised_in = 0;

/* The index-th number of a comma-separated list; `otherwise` where the list is shorter. */
static double number(const char *name, int index, double otherwise)
{
    const char *text = getenv(name);
    while (text && index-- > 0) {
        text = strchr(text, ',');
        text = text ? text + 1 : NULL;
    }
    return text && *text ? atof(text) : otherwise;
}

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

static double now_s(void)
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

static Return ready(const Device *device)
{
    if (initialised_in != getpid())
        return UNINITIALIZED;
    if (device && now_s() >= number("FAKE_NVML_LOST_S", 0, INFINITY))
        return GPU_IS_LOST;
    return SUCCESS;
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

Return nvmlDeviceGetTotalEnergyConsumption(Device *device, unsigned long long *energy_mj)
{
    Return state = ready(device);
    double since = number("FAKE_NVML_T0", 0, 0), period = number("FAKE_NVML_PERIOD_S", 0, 0.1);
    double reset = number("FAKE_NVML_RESET_S", 0, INFINITY), now = now_s(), elapsed;
    if (state)
        return state;
    if (device->mig || number("FAKE_NVML_NO_COUNTER", device->index, 0) > 0)
        return NOT_SUPPORTED;
    if (now >= reset && reset > since)
        since = reset;
    elapsed = now > since ? now - since : 0;
    if (period > 0) /* the small term is for 0.3 / 0.1, which is less than 3 */
        elapsed = floor(elapsed / period + 1e-6) * period;
    *energy_mj =
        (unsigned long long)llround(number("FAKE_NVML_WATTS", device->index, 300) * elapsed * 1e3);
    return SUCCESS;
}

Return nvmlDeviceGetPowerUsage(Device *device, unsigned int *power_mw)
{
    Return state = ready(device);
    *power_mw = (unsigned)(number("FAKE_NVML_WATTS", device->index, 300) * 1e3);
    return state;
}

Return nvmlDeviceGetEnforcedPowerLimit(Device *device, unsigned int *limit_mw)
{
    Return state = ready(device);
    *limit_mw = (unsigned)(number("FAKE_NVML_LIMITS", device->index, 700) * 1e3);
    return state ? state : *limit_mw ? SUCCESS : NOT_SUPPORTED;
}
