#include "services/broker/metrics.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "services/broker/broker_private.h"

static void head(FILE *out, const char *name, const char *suffix, const char *kind,
                 const char *help)
{
    fprintf(out, "# HELP broker_%s%s %s\n# TYPE broker_%s%s %s\n", name, suffix, help, name, suffix,
            kind);
}

static void put_values(FILE *out, const struct broker_stats *stats)
{
#define X(name, help)                                                                              \
    head(out, #name, "_total", "counter", help);                                                   \
    fprintf(out, "broker_%s_total %" PRIu64 "\n", #name, stats->name);
    BROKER_COUNTERS(X)
#undef X
#define X(name, help)                                                                              \
    head(out, #name, "", "gauge", help);                                                           \
    fprintf(out, "broker_%s %" PRIu64 "\n", #name, stats->name);
    BROKER_GAUGES(X)
#undef X
}

static void put_syncs(FILE *out, const struct broker_stats *stats)
{
    static const double bounds_ms[] = {
#define X(ms) ms,
        SYNC_BUCKETS(X)
#undef X
    };
    const char *name = "sync_duration_seconds";
    uint64_t sum = 0;
    head(out, name, "", "histogram", "How long group commits took");
    for (size_t i = 0; i < N_SYNC_BUCKETS; i++) {
        sum += stats->sync_buckets[i];
        if (i < COUNT(bounds_ms))
            fprintf(out, "broker_%s_bucket{le=\"%g\"} %" PRIu64 "\n", name, bounds_ms[i] / 1000,
                    sum);
        else
            fprintf(out, "broker_%s_bucket{le=\"+Inf\"} %" PRIu64 "\n", name, sum);
    }
    fprintf(out, "broker_%s_sum %.6f\nbroker_%s_count %" PRIu64 "\n", name,
            (double)stats->sync_us / 1e6, name, sum);
}

static void put_label(FILE *out, const char *name, struct str value)
{
    fprintf(out, "%s=\"", name);
    for (size_t i = 0; i < value.len; i++) {
        if (value.ptr[i] == '"' || value.ptr[i] == '\\')
            fputc('\\', out);
        fputc((unsigned char)value.ptr[i] < ' ' ? ' ' : value.ptr[i], out);
    }
    fputc('"', out);
}

static void put_lag(FILE *out, const struct broker *broker, struct str group)
{
    const struct committed *committed;
    for (size_t at = 0; (committed = offsets_next(broker->offsets, group, &at));) {
        const struct partition *partition =
            partition_get(broker->topics, committed->topic, committed->partition);
        if (!partition)
            continue;
        fputs("broker_consumer_lag{", out);
        put_label(out, "group", group);
        put_label(out, ",topic", committed->topic);
        fprintf(out, ",partition=\"%" PRId32 "\"} %" PRId64 "\n", committed->partition,
                MAX(log_synced(partition->log) - committed->offset, 0));
    }
}

struct str metrics_text(const struct broker *broker, struct arena *arena)
{
    char *buffer = NULL;
    size_t n = 0;
    FILE *out = open_memstream(&buffer, &n);
    put_values(out, &broker->stats);
    put_syncs(out, &broker->stats);
    head(out, "consumer_lag", "", "gauge", "Records that a group has not committed yet");
    struct str group;
    for (size_t at = 0; offsets_next_group(broker->offsets, &at, &group);)
        put_lag(out, broker, group);
    fclose(out);
    struct str text = arena_str(arena, (struct str){ buffer, n });
    free(buffer);
    return text;
}
