/* Reads trace and processes; scene.h says what they are. */
#include <math.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "scene.h"

typedef struct { double at_s, watts, joules; } Step; /* joules: since the first step, up to this one */
typedef struct { double at_s; unsigned pid; double sm; double memory_mb; } Deed;

static struct { Step *steps; int count, room; } traces[MAX_GPUS];
static struct { Deed *deeds; int count, room; } histories[MAX_GPUS];

/* A file and how far it was read. */
typedef struct { char path[1024]; long read_up_to; } Read;
static Read trace_read, processes_read;

/* Held for all of the above, and across a fork, so that a child finds it whole. */
static pthread_mutex_t reading = PTHREAD_MUTEX_INITIALIZER;

static void hold(void) { pthread_mutex_lock(&reading); }
static void let_go(void) { pthread_mutex_unlock(&reading); }

__attribute__((constructor)) static void hold_across_forks(void)
{
    pthread_atfork(hold, let_go, let_go);
}

double number(const char *name, int index, double otherwise)
{
    const char *text = getenv(name);
    while (text && index-- > 0) {
        text = strchr(text, ',');
        text = text ? text + 1 : NULL;
    }
    return text && *text ? atof(text) : otherwise;
}

static void *room_for_one_more(void *items, int count, int *room, size_t size)
{
    if (count < *room)
        return items;
    *room = *room ? 2 * *room : 64;
    items = realloc(items, (size_t)*room * size);
    if (!items)
        abort();
    return items;
}

static void add_step(int gpu, double at_s, double watts)
{
    Step *steps = traces[gpu].steps = room_for_one_more(traces[gpu].steps, traces[gpu].count,
                                                        &traces[gpu].room, sizeof(Step));
    int place = traces[gpu].count++;
    for (; place > 0 && steps[place - 1].at_s > at_s; place--)
        steps[place] = steps[place - 1];
    steps[place] = (Step){at_s, watts, 0};
    for (int i = place; i < traces[gpu].count; i++)
        steps[i].joules = i == 0 ? 0
            : steps[i - 1].joules + steps[i - 1].watts * (steps[i].at_s - steps[i - 1].at_s);
}

static void add_deed(int gpu, Deed deed)
{
    Deed *deeds = histories[gpu].deeds = room_for_one_more(
        histories[gpu].deeds, histories[gpu].count, &histories[gpu].room, sizeof(Deed));
    int place = histories[gpu].count++;
    for (; place > 0 && deeds[place - 1].at_s > deed.at_s; place--)
        deeds[place] = deeds[place - 1];
    deeds[place] = deed;
}

static void take_trace(const char *line)
{
    double at_s, second, third;
    int count = sscanf(line, "%lf %lf %lf", &at_s, &second, &third);
    if (count == 3 && second >= 0 && second < MAX_GPUS)
        add_step((int)second, at_s, third);
    for (int gpu = 0; count == 2 && gpu < MAX_GPUS; gpu++)
        add_step(gpu, at_s, second);
}

static void take_process(const char *line)
{
    Deed deed;
    int gpu;
    if (sscanf(line, "%lf %d %u %lf %lf", &deed.at_s, &gpu, &deed.pid, &deed.sm, &deed.memory_mb) == 5
        && gpu >= 0 && gpu < MAX_GPUS)
        add_deed(gpu, deed);
}

static void forget_trace(void)
{
    for (int gpu = 0; gpu < MAX_GPUS; gpu++)
        traces[gpu].count = 0;
}

static void forget_processes(void)
{
    for (int gpu = 0; gpu < MAX_GPUS; gpu++)
        histories[gpu].count = 0;
}

/* Reads the whole lines that were appended to a file since the last look; another file is new. */
static void catch_up(const char *variable, Read *so_far, void (*forget)(void),
                     void (*take)(const char *))
{
    const char *path = getenv(variable);
    FILE *file = path ? fopen(path, "r") : NULL;
    char line[256];
    if (strncmp(so_far->path, path ? path : "", sizeof so_far->path - 1) != 0) {
        snprintf(so_far->path, sizeof so_far->path, "%s", path ? path : "");
        so_far->read_up_to = 0;
        forget();
    }
    if (!file)
        return;
    if (fseek(file, so_far->read_up_to, SEEK_SET) == 0)
        while (fgets(line, sizeof line, file) && strchr(line, '\n')) {
            so_far->read_up_to += (long)strlen(line);
            take(line);
        }
    fclose(file);
}

/* The last step that began by a time, or the first one. */
static const Step *step_at(int gpu, double at_s)
{
    int low = 0, high = traces[gpu].count - 1;
    while (low < high) {
        int middle = (low + high + 1) / 2;
        if (traces[gpu].steps[middle].at_s <= at_s)
            low = middle;
        else
            high = middle - 1;
    }
    return &traces[gpu].steps[low];
}

double joules(int gpu, double at_s)
{
    double used_j = 0;
    if (!getenv("FAKE_NVML_TRACE"))
        return number("FAKE_NVML_WATTS", gpu, 300) * (at_s - number("FAKE_NVML_T0", 0, 0));
    hold();
    catch_up("FAKE_NVML_TRACE", &trace_read, forget_trace, take_trace);
    if (traces[gpu].count > 0) {
        const Step *step = step_at(gpu, at_s);
        if (at_s >= step->at_s)
            used_j = step->joules + step->watts * (at_s - step->at_s);
    }
    let_go();
    return used_j;
}

/* When a deed is followed by the next one of its process, or `otherwise`. */
static double until(int gpu, int deed, double otherwise)
{
    for (int i = deed + 1; i < histories[gpu].count; i++)
        if (histories[gpu].deeds[i].pid == histories[gpu].deeds[deed].pid)
            return fmin(otherwise, histories[gpu].deeds[i].at_s);
    return otherwise;
}

/* Adds what a deed did between two times to its process, which is new if nobody has its pid. */
static int add_part(Deed deed, double from_s, double to_s, Part *parts, int count, int room)
{
    int place = 0;
    while (place < count && parts[place].pid != deed.pid)
        place++;
    if (place == room)
        return count;
    if (place == count)
        parts[count++] = (Part){deed.pid, 0, 0, -1, 0};
    parts[place].sm_now = deed.sm;
    parts[place].memory_mb = deed.memory_mb;
    if (deed.sm >= 0 && to_s > fmax(from_s, deed.at_s)) {
        parts[place].present_s += to_s - fmax(from_s, deed.at_s);
        parts[place].sm_s += deed.sm * (to_s - fmax(from_s, deed.at_s));
    }
    return count;
}

int parts_between(int gpu, double from_s, double to_s, Part *parts, int room)
{
    int count = 0;
    hold();
    catch_up("FAKE_NVML_PROCESSES", &processes_read, forget_processes, take_process);
    for (int i = 0; i < histories[gpu].count && histories[gpu].deeds[i].at_s <= to_s; i++)
        count = add_part(histories[gpu].deeds[i], from_s, until(gpu, i, to_s), parts, count, room);
    let_go();
    return count;
}
