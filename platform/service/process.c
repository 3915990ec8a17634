/* The process itself: how much memory it keeps, and its own metrics. */
#include <dirent.h>
#include <malloc.h>
#include <stdio.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/clock.h"
#include "platform/service/runtime.h"
#include "platform/service/version.h"

#define TRIM_ABOVE_BYTES                                                                           \
    (256 * 1024) /* free memory at the heap's end goes back to the system from there on */
#define MAP_ABOVE_BYTES                                                                            \
    (256 * 1024) /* larger pieces are maps of their own and go back when they are freed */

/* Many small services share a machine: two heaps are enough for each, and what is free goes back. */
void process_limit_memory(void)
{
    mallopt(M_ARENA_MAX, 2);
    mallopt(M_TRIM_THRESHOLD, TRIM_ABOVE_BYTES);
    mallopt(M_MMAP_THRESHOLD, MAP_ABOVE_BYTES);
}

static int64_t cpu_us(void *argument)
{
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    return (usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) * US_PER_S + usage.ru_utime.tv_usec +
           usage.ru_stime.tv_usec;
}

#define BUSY_US_PER_S 10000
#define TRIM_BUSY_EVERY 10

void process_give_back(int64_t since_us)
{
    static int64_t seen_us;
    static int n_busy;
    int64_t now_us = cpu_us(NULL), used_us = now_us - seen_us;
    seen_us = now_us;
    bool is_busy = used_us * US_PER_S > since_us * BUSY_US_PER_S;
    bool is_due = is_busy ? n_busy == TRIM_BUSY_EVERY : n_busy > 0;
    n_busy = is_due ? 0 : n_busy + is_busy;
    if (is_due)
        malloc_trim(0);
}

static int64_t resident_bytes(void *argument)
{
    long size = 0, resident = 0;
    FILE *file = fopen("/proc/self/statm", "re");
    if (!file)
        return 0;
    if (fscanf(file, "%ld %ld", &size, &resident) != 2)
        resident = 0;
    fclose(file);
    return resident * sysconf(_SC_PAGESIZE);
}

static int64_t open_files(void *argument)
{
    int64_t n = -3; /* ".", ".." and the one that looks */
    DIR *folder = opendir("/proc/self/fd");
    if (!folder)
        return 0;
    while (readdir(folder))
        n++;
    closedir(folder);
    return n;
}

void process_add_metrics(const struct service *service)
{
    CLEANUP(arena_freep) struct arena *arena = arena_new(0);
    metric_callback_seconds("process_cpu_seconds_total", "CPU time used.", "", cpu_us, NULL);
    metric_callback("process_resident_memory_bytes", "Memory in use.", "", resident_bytes, NULL);
    metric_callback("process_open_fds", "Open files and sockets.", "", open_files, NULL);
    metric_set(metric_get(METRIC_GAUGE, "process_start_time_seconds", "When it started.", ""),
               clock_now_us() / US_PER_S);
    struct str labels = arena_printf(arena, "%s,%s",
                                     metric_label(arena, "service", str_of(service->name)).ptr,
                                     metric_label(arena, "version", STR(FANFARE_VERSION)).ptr);
    metric_set(metric_get(METRIC_GAUGE, "fanfare_build_info", "Which program this is.", labels.ptr),
               1);
}
