/* Who is on a GPU, how busy they keep it, and what memory they hold. */
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "nvml.h"

enum { MAX_PROCESSES = 256, SAMPLES_KEPT = 60 };
static const double SAMPLE_S = 1.0 / 6;

typedef struct { unsigned int gpu, memory; } Utilisation;

Return nvmlDeviceGetUtilizationRates(Device *device, Utilisation *rates)
{
    Return state = enter(__func__, device);
    Part parts[MAX_PROCESSES];
    int count = parts_between(device->index, now_s(), now_s(), parts, MAX_PROCESSES);
    double sum = 0;
    for (int i = 0; i < count; i++)
        sum += parts[i].sm_now > 0 ? parts[i].sm_now : 0;
    *rates = (Utilisation){(unsigned)lround(fmin(sum, 100)), 0};
    return device->mig ? NOT_SUPPORTED : state;
}

typedef struct {
    unsigned int pid;
    unsigned long long memory_bytes;
    unsigned int gpu_instance, compute_instance;
} Process;

Return nvmlDeviceGetComputeRunningProcesses_v3(Device *device, unsigned int *count, Process *listed)
{
    Return state = enter(__func__, device);
    Part parts[MAX_PROCESSES];
    int known = parts_between(device->index, now_s(), now_s(), parts, MAX_PROCESSES);
    unsigned int found = 0, room = listed ? *count : 0;
    if (state)
        return state;
    for (int i = 0; i < known; i++) {
        if (parts[i].sm_now < 0)
            continue;
        if (found < room)
            listed[found] = (Process){
                parts[i].pid, (unsigned long long)parts[i].memory_mb << 20, ~0U, ~0U};
        found++;
    }
    *count = found;
    return found > room ? INSUFFICIENT_SIZE : SUCCESS;
}

typedef struct {
    unsigned int pid;
    unsigned long long timestamp_us;
    unsigned int sm, memory, encoder, decoder;
} Sample;

/* Seconds from this clock to the wall clock, by which the driver stamps its samples. */
static double to_wall_s(void)
{
    struct timespec wall;
    if (getenv("FAKE_NVML_CLOCK"))
        return 0;
    clock_gettime(CLOCK_REALTIME, &wall);
    return (double)wall.tv_sec + (double)wall.tv_nsec / 1e9 - now_s();
}

Return nvmlDeviceGetProcessUtilization(Device *device, Sample *samples, unsigned int *count,
                                       unsigned long long since_us)
{
    Return state = enter(__func__, device);
    Part parts[MAX_PROCESSES];
    const char *empty = getenv("FAKE_NVML_EMPTY");
    unsigned int found = 0, room = samples ? *count : 0;
    double offset_s = floor(to_wall_s() * 1e3) / 1e3;
    long last = (long)floor(now_s() / SAMPLE_S + 1e-6);
    if (state)
        return state;
    for (long each = last < SAMPLES_KEPT ? 1 : last - SAMPLES_KEPT + 1; each <= last; each++) {
        double end_s = (double)each * SAMPLE_S;
        unsigned long long stamp_us = (unsigned long long)llround((end_s + offset_s) * 1e6);
        int known;
        if (stamp_us <= since_us + 2000) /* the two clocks are read one after the other */
            continue;
        known = parts_between(device->index, end_s - SAMPLE_S, end_s, parts, MAX_PROCESSES);
        for (int i = 0; i < known; i++) {
            if (parts[i].present_s <= 0)
                continue;
            if (found < room)
                samples[found] = (Sample){
                    parts[i].pid, stamp_us, (unsigned)lround(parts[i].sm_s / SAMPLE_S), 0, 0, 0};
            found++;
        }
    }
    *count = found;
    if (!found)
        return empty && strcmp(empty, "success") == 0 ? SUCCESS : NOT_FOUND;
    return found > room ? INSUFFICIENT_SIZE : SUCCESS;
}

typedef struct { unsigned long long total, free, used; } Memory;

Return nvmlDeviceGetMemoryInfo(Device *device, Memory *memory)
{
    Return state = enter(__func__, device);
    Part parts[MAX_PROCESSES];
    int count = parts_between(device->index, now_s(), now_s(), parts, MAX_PROCESSES);
    memory->total = 80ULL << 30;
    memory->used = 0;
    for (int i = 0; i < count; i++)
        if (parts[i].sm_now >= 0)
            memory->used += (unsigned long long)parts[i].memory_mb << 20;
    memory->free = memory->total - memory->used;
    return state;
}
