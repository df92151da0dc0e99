/* What the fake GPUs draw and who keeps them busy, as functions of time.
 *
 * Two text files, both append-only, so that a load may write what it does while others read:
 *
 *   FAKE_NVML_TRACE        lines "t_s gpu watts" (or "t_s watts": all GPUs): from then on it draws that
 *   FAKE_NVML_PROCESSES    lines "t_s gpu pid sm_percent memory_mb"; sm_percent -1: the process is gone
 *
 * Only what was appended since the last look is read. A line may lie in the future, and may be older
 * than one that was written before it. Safe for threads.
 */
#ifndef SCENE_H
#define SCENE_H

enum { MAX_GPUS = 16 };

/* One process in a stretch of time. */
typedef struct { unsigned pid; double sm_s, present_s, sm_now, memory_mb; } Part;

/* The index-th number of a comma-separated list; `otherwise` where the list is shorter. */
double number(const char *name, int index, double otherwise);

/* Joules of a GPU from the beginning of its trace up to a time; before it there is nothing. */
double joules(int gpu, double at_s);

/* Sums up who was on a GPU between two times and is there at the second; at most `room` processes. */
int parts_between(int gpu, double from_s, double to_s, Part *parts, int room);

#endif
