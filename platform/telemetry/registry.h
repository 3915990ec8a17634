/* The instruments as they are kept; for metrics.c and metrics_text.c. */
#pragma once

#include <pthread.h>
#include <stdatomic.h>

#include "platform/telemetry/metrics.h"

/* Seconds. Those of OpenTelemetry's conventions for HTTP, and finer ones below: this stack lives there. */
#define METRIC_SECONDS(X)                                                                          \
    X(0.00001)                                                                                     \
    X(0.000025) X(0.00005) X(0.0001) X(0.00025) X(0.0005) X(0.001) X(0.0025) X(0.005) X(0.01)      \
        X(0.025) X(0.05) X(0.075) X(0.1) X(0.25) X(0.5) X(0.75) X(1) X(2.5) X(5) X(7.5) X(10)

#define METRIC_BUCKETS 22

struct metric {
    struct metric *next_in_family, *next_in_table;
    struct metric_family *family;
    char *labels; /* "" or a="b",c="d" */
    int64_t (*callback)(void *);
    void *argument;
    _Atomic int64_t value; /* of a histogram: microseconds in sum */
    _Atomic int64_t *buckets; /* METRIC_BUCKETS + 1 of a histogram, the last for what is above */
};

struct metric_family {
    struct metric_family *next;
    char *name, *help;
    enum metric_kind kind;
    bool micros; /* a value in microseconds, shown in seconds */
    size_t n_metrics;
    struct metric *metrics, *last;
};

extern const int64_t metric_bounds_us[METRIC_BUCKETS];
extern pthread_mutex_t metric_lock; /* families and their lists; not the values */
extern struct metric_family *metric_families;
