/* What a partition lets go: records before its start, and segments past their age or size. */
#include <stdlib.h>

#include "base/arena.h"
#include "services/broker/log_private.h"

#define SEGMENTS_KEPT 1 /* the last one tells a start without a checkpoint where the log ends */

/* The first `n` segments: their files go with the next checkpoint. */
static void drop(struct log *log, size_t n)
{
    struct segments *segments = &log->segments;
    for (size_t i = 0; i < n; i++)
        segments_add(&log->doomed, segments->list[i]);
    segments->n -= n;
    memmove(segments->list, segments->list + n, segments->n * sizeof(struct segment *));
}

void log_trim(struct log *log)
{
    size_t n = 0;
    while (!log->compaction && n + SEGMENTS_KEPT < log->segments.n &&
           log->segments.list[n]->end <= log->start)
        n++;
    if (n)
        drop(log, n);
}

void log_start_at(struct log *log, int64_t offset, struct log_waiter *waiter)
{
    log->start = MAX(log->start, MIN(offset, log->synced));
    log_trim(log);
    log_save(log, waiter);
}

void log_roll(struct log *log)
{
    const struct segment *active = log_active(log);
    if (!active || active->bytes == SEGMENT_HEADER_BYTES || log->broken || log->refused)
        return;
    log->roll = true;
    log_flush(log);
}

/* The age of the newest record, by its own time; but never later than it came, so that one from
 * the future is not kept for ever. */
static int64_t newest_ms(const struct segment *segment)
{
    return segment->max_time_ms < 0 ? segment->written_ms
                                    : MIN(segment->max_time_ms, segment->written_ms);
}

/* How many of the first segments are past their time. */
static size_t n_expired(const struct log *log, int64_t now_ms)
{
    const struct log_policy *policy = &log->config.policy;
    uint64_t bytes = 0;
    for (size_t i = 0; i < log->segments.n; i++)
        bytes += log->segments.list[i]->bytes;
    size_t n = 0;
    for (; n + SEGMENTS_KEPT < log->segments.n; n++) {
        const struct segment *segment = log->segments.list[n];
        bool old = policy->retention_ms >= 0 && newest_ms(segment) < now_ms - policy->retention_ms;
        bool too_much = policy->retention_bytes >= 0 &&
                        bytes - segment->bytes >= (uint64_t)policy->retention_bytes;
        if (!old && !too_much)
            break;
        bytes -= segment->bytes;
    }
    return n;
}

/* The age at which the last segment ends: only then it can expire, or be compacted. */
static int64_t roll_ms(const struct log_policy *policy)
{
    int64_t ms = policy->segment_ms;
    if (policy->deletes && policy->retention_ms >= 0)
        ms = MIN(ms, policy->retention_ms);
    if (policy->compacts)
        ms = MIN(ms, policy->lag_most_ms);
    return ms;
}

static bool should_roll(const struct log *log, int64_t now_ms)
{
    const struct segment *active = log_active(log);
    return active && active->bytes > SEGMENT_HEADER_BYTES && !log->commit &&
           (now_ms - active->born_ms >= roll_ms(&log->config.policy) || log->start >= active->end);
}

bool log_retain(struct log *log, int64_t now_ms)
{
    if (log->broken || log->refused)
        return false;
    if (log->unsaved)
        log_checkpoint(log);
    bool rolls = !log->full && should_roll(log, now_ms);
    if (rolls)
        log_roll(log);
    size_t n = log->config.policy.deletes && !log->compaction ? n_expired(log, now_ms) : 0;
    if (n) {
        log->env->stats->segments_expired += n;
        log_start_at(log, log->segments.list[n - 1]->end, NULL);
    } else if (log->segments.n > SEGMENTS_KEPT && log->segments.list[0]->end <= log->start) {
        log_start_at(log, log->start, NULL); /* what a compaction was in the way of */
    }
    return rolls || n;
}
