/* Energy counter and power: what moves in steps. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "nvml.h"

/* The last time up to now at which the sensors moved. */
static double moved_s(double since_s)
{
    double period_s = number("FAKE_NVML_PERIOD_S", 0, 0.1), phase_s = number("FAKE_NVML_PHASE_S", 0, 0);
    double elapsed_s = now_s() - since_s - phase_s;
    if (period_s <= 0)
        return now_s();
    /* the small term is for 0.3 / 0.1, which is less than 3 */
    return since_s + phase_s + floor(elapsed_s / period_s + 1e-6) * period_s;
}

static double mean_w(int gpu, double from_s, double to_s)
{
    return number("FAKE_NVML_GAIN", 0, 1) * (joules(gpu, to_s) - joules(gpu, from_s)) / (to_s - from_s);
}

static double average_w(int gpu)
{
    double at_s = moved_s(number("FAKE_NVML_T0", 0, 0));
    return mean_w(gpu, at_s - 1, at_s);
}

static double instant_w(int gpu)
{
    double at_s = moved_s(number("FAKE_NVML_T0", 0, 0));
    return mean_w(gpu, at_s - number("FAKE_NVML_WINDOW_S", 0, 0.025), at_s);
}

static Return counter_mj(const Device *device, unsigned long long *energy_mj)
{
    double since_s = number("FAKE_NVML_T0", 0, 0), reset_s = number("FAKE_NVML_RESET_S", 0, INFINITY);
    double gain = number("FAKE_NVML_GAIN", 0, 1) * number("FAKE_NVML_COUNTER_GAIN", 0, 1), at_s;
    if (device->mig || number("FAKE_NVML_NO_COUNTER", device->index, 0) > 0)
        return NOT_SUPPORTED;
    if (now_s() >= reset_s && reset_s > since_s)
        since_s = reset_s;
    at_s = fmin(moved_s(since_s), number("FAKE_NVML_STUCK_S", 0, INFINITY));
    *energy_mj = at_s <= since_s ? 0 : (unsigned long long)llround(
        gain * (joules(device->index, at_s) - joules(device->index, since_s)) * 1e3);
    return SUCCESS;
}

Return nvmlDeviceGetTotalEnergyConsumption(Device *device, unsigned long long *energy_mj)
{
    Return state = enter(__func__, device);
    return state ? state : counter_mj(device, energy_mj);
}

Return nvmlDeviceGetPowerUsage(Device *device, unsigned int *power_mw)
{
    Return state = enter(__func__, device);
    const char *legacy = getenv("FAKE_NVML_LEGACY");
    int instant = legacy && strcmp(legacy, "instant") == 0;
    if (state || device->mig)
        return state ? state : NOT_SUPPORTED;
    *power_mw = (unsigned)llround((instant ? instant_w : average_w)(device->index) * 1e3);
    return SUCCESS;
}

typedef struct {
    unsigned int field, scope;
    long long timestamp_us, latency_us;
    unsigned int type;
    Return state;
    union { double real; unsigned int whole; unsigned long long large; } value;
} FieldValue;

static Return read_field(const Device *device, FieldValue *field)
{
    char name[20];
    Return injected;
    snprintf(name, sizeof name, "field%u", field->field);
    injected = (Return)said_of("FAKE_NVML_ERRORS", name);
    field->value.large = ~0ULL; /* whoever reads more than the type says finds garbage */
    if (injected || ready(device))
        return injected ? injected : ready(device);
    if (field->scope != (unsigned)number("FAKE_NVML_SCOPE", 0, 0) || device->mig)
        return NOT_SUPPORTED;
    switch (field->field) {
    case 83: /* NVML_FI_DEV_TOTAL_ENERGY_CONSUMPTION */
    case 191: /* NVML_FI_DEV_ENERGY */
        field->type = 3; /* NVML_VALUE_TYPE_UNSIGNED_LONG_LONG */
        return counter_mj(device, &field->value.large);
    case 185: /* NVML_FI_DEV_POWER_AVERAGE */
    case 186: /* NVML_FI_DEV_POWER_INSTANT */
        field->type = 1; /* NVML_VALUE_TYPE_UNSIGNED_INT */
        field->value.whole = (unsigned)llround(
            (field->field == 185 ? average_w : instant_w)(device->index) * 1e3);
        return SUCCESS;
    }
    return NOT_SUPPORTED;
}

Return nvmlDeviceGetFieldValues(Device *device, int count, FieldValue *fields)
{
    Return state = enter(__func__, NULL);
    for (int i = 0; !state && i < count; i++) {
        fields[i].timestamp_us = (long long)(now_s() * 1e6);
        fields[i].latency_us = 1;
        fields[i].state = read_field(device, &fields[i]);
    }
    return state;
}
