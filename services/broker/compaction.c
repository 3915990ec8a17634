#include "services/broker/compaction.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/clock.h"
#include "services/broker/compaction_private.h"

#define PASSES_MOST                                                                                \
    64 /* that are remembered: tombstones of the last ones then stay a little longer */
#define FAILED_AGAIN_MS (10 * 60000)

int64_t log_compacted(const struct log *log)
{
    return MAX(log->n_passes ? log->passes[log->n_passes - 1].before : 0, log->buried);
}

int64_t log_sealed(const struct log *log)
{
    return log->segments.n ? log_active(log)->base : log->synced;
}

/* How many of the first segments may be compacted. */
static size_t n_ready(const struct log *log, bool at_once, int64_t now_ms)
{
    int64_t least_ms = at_once ? 0 : log->config.policy.lag_least_ms;
    size_t n = 0;
    while (n + 1 < log->segments.n &&
           (least_ms == 0 || log->segments.list[n]->written_ms <= now_ms - least_ms))
        n++;
    return n;
}

/* Where the tombstones begin whose time is not over; *due: there are some whose time is. */
static int64_t bury_before(const struct log *log, int64_t now_ms, bool *due)
{
    int64_t before = log->buried;
    *due = false;
    for (size_t i = 0; i < log->n_passes; i++)
        if (log->passes[i].ms <= now_ms - log->config.policy.tombstone_ms) {
            before = log->passes[i].before;
            *due |= log->passes[i].tombstones > 0;
        }
    return before;
}

bool log_should_compact(const struct log *log, int64_t now_ms)
{
    const struct log_policy *policy = &log->config.policy;
    if (!policy->compacts || log->broken || log->refused || log->compaction ||
        now_ms < log->compact_after_ms)
        return false;
    int64_t done = log_compacted(log), oldest_ms = INT64_MAX;
    uint64_t fresh = 0, old = 0;
    size_t n = n_ready(log, false, now_ms);
    for (size_t i = 0; i < n; i++) {
        const struct segment *segment = log->segments.list[i];
        bool is_new = segment->end > done;
        *(is_new ? &fresh : &old) += segment->bytes;
        if (is_new)
            oldest_ms = MIN(oldest_ms, segment->born_ms);
    }
    bool due;
    bury_before(log, now_ms, &due);
    return due || (fresh && (fresh >= old || oldest_ms <= now_ms - policy->lag_most_ms));
}

static void count(struct compaction *compaction)
{
    struct broker_stats *stats = compaction->log->env->stats;
    struct compaction_counts *counts = &compaction->counts;
    stats->compaction_read_bytes += counts->read_bytes;
    stats->compaction_written_bytes += counts->written_bytes;
    stats->compacted_records += counts->records;
    stats->compaction_unreadable += counts->unreadable;
    *counts = (struct compaction_counts){ 0 };
}

static void say_failed(const struct compaction *compaction)
{
    const struct log *log = compaction->log;
    size_t at = MIN(compaction->reading, compaction->segments.n - 1);
    char path[FILE_PATH_BYTES];
    segment_path(path, &log->config.home, compaction->segments.list[at]);
    notice(&log->env->notices, NOTICE_ERROR, "compaction.failed", "compacting %s: %s", path,
           compaction->failed == EBADMSG ? "it is damaged; nothing is repaired by itself"
                                         : strerror(compaction->failed));
}

static void clear_pass(struct compaction *compaction)
{
    compaction_drop_fresh(compaction);
    segments_clear(&compaction->segments);
    key_offsets_clear(&compaction->keys);
    compaction->at = compaction->group = compaction->reading = 0;
    compaction->tombstones = 0;
}

static void finish(struct compaction *compaction, enum compaction_outcome outcome)
{
    struct log *log = compaction->log;
    struct compaction_end *end = compaction->end;
    count(compaction);
    log->compact_after_ms = 0;
    if (outcome == COMPACTION_FAILED) {
        log->env->stats->compactions_failed++;
        log->compact_after_ms = clock_now_us() / US_PER_MS + FAILED_AGAIN_MS;
        if (compaction->segments.n)
            say_failed(compaction);
    }
    log->env->stats->compactions += outcome == COMPACTION_DONE;
    clear_pass(compaction);
    compress_buffer_clear(&compaction->expanded);
    compress_buffer_clear(&compaction->shrunk);
    writer_clear(&compaction->out);
    writer_clear(&compaction->chosen);
    timer_stop(log->env->loop, &compaction->timer);
    log->compaction = NULL;
    free(compaction);
    end->done(end, outcome);
}

static void step(struct compaction *compaction)
{
    compaction->working = true;
    loop_submit(compaction->log->env->loop, &compaction->job);
}

static void is_due(struct timer *timer)
{
    step(CONTAINER_OF(timer, struct compaction, timer));
}

/* The next step comes when what was read and written is within the rate. */
static void step_later(struct compaction *compaction, uint64_t bytes)
{
    struct loop *loop = compaction->log->env->loop;
    int64_t now_us = loop_now_us(loop);
    compaction->due_us = MAX(compaction->due_us, now_us) +
                         (int64_t)(bytes * US_PER_S / compaction->limits.bytes_a_second);
    if (compaction->due_us <= now_us)
        step(compaction);
    else
        timer_set(loop, &compaction->timer, compaction->due_us);
}

static void pass_begin(struct compaction *compaction)
{
    struct log *log = compaction->log;
    int64_t now_ms = clock_now_us() / US_PER_MS;
    size_t n = n_ready(log, compaction->at_once, now_ms);
    bool due;
    clear_pass(compaction);
    compaction->bury = bury_before(log, now_ms, &due);
    compaction->from = log_compacted(log);
    compaction->to = n ? log->segments.list[n - 1]->end : 0;
    if (!n || (compaction->to <= compaction->from && !due)) {
        finish(compaction, COMPACTION_DONE);
        return;
    }
    compaction->to = MAX(compaction->to, compaction->from);
    compaction->start = log->start;
    for (size_t i = 0; i < n; i++)
        segments_add(&compaction->segments, segment_ref(log->segments.list[i]));
    while (compaction->reading + 1 < n &&
           compaction->segments.list[compaction->reading]->end <= compaction->from)
        compaction->reading++;
    key_offsets_init(&compaction->keys, compaction->limits.memory_bytes);
    compaction->phase = compaction->to > compaction->from ? COMPACTION_KEYS : COMPACTION_LOOK;
    step(compaction);
}

/* The file takes the place of those that it stands for. */
static void swap_in(struct compaction *compaction)
{
    struct log *log = compaction->log;
    struct segment **list = log->segments.list;
    size_t first = 0, group = compaction->group;
    while (list[first] != compaction->segments.list[compaction->at])
        first++;
    for (size_t i = first; i < first + group; i++)
        segments_add(&log->doomed, list[i]);
    list[first] = compaction->fresh;
    memmove(list + first + 1, list + first + group,
            (log->segments.n - first - group) * sizeof(*list));
    log->segments.n -= group - 1;
    log->revision++;
    compaction->fresh = NULL;
    compaction->at += group;
    compaction->group = 0;
    compaction->phase = COMPACTION_LOOK;
    log_save(log, &compaction->saved);
}

/* What was before `to` is compacted; what was before `bury` has no tombstones. */
static void note_pass(struct compaction *compaction)
{
    struct log *log = compaction->log;
    struct pass pass = { .before = compaction->to,
                         .ms = clock_now_us() / US_PER_MS,
                         .tombstones = compaction->tombstones };
    if (pass.before > log_compacted(log)) {
        if (log->n_passes == PASSES_MOST)
            pass.tombstones += log->passes[--log->n_passes].tombstones;
        log_add_pass(log, pass);
    }
    log->buried = MAX(log->buried, compaction->bury);
    size_t n = 0;
    while (n < log->n_passes && log->passes[n].before <= log->buried)
        n++;
    log->n_passes -= n;
    memmove(log->passes, log->passes + n, log->n_passes * sizeof(pass));
    log_save(log, &compaction->saved);
}

static void saved(struct log_waiter *waiter, bool kept)
{
    struct compaction *compaction = CONTAINER_OF(waiter, struct compaction, saved);
    compaction->working = false;
    if (!kept)
        compaction->failed = EIO;
    if (compaction->cancelled || compaction->log->refused)
        finish(compaction, COMPACTION_CANCELLED);
    else if (!kept)
        finish(compaction, COMPACTION_FAILED);
    else if (compaction->phase == COMPACTION_OVER)
        pass_begin(compaction);
    else
        step_later(compaction, 0);
}

static void stepped(struct job *job)
{
    struct compaction *compaction = CONTAINER_OF(job, struct compaction, job);
    uint64_t bytes = compaction->counts.read_bytes + compaction->counts.written_bytes;
    count(compaction);
    compaction->working = false;
    if (compaction->cancelled || compaction->log->refused || compaction->log->broken)
        finish(compaction, COMPACTION_CANCELLED);
    else if (compaction->failed)
        finish(compaction, COMPACTION_FAILED);
    else if (compaction->phase == COMPACTION_SWAP) {
        compaction->working = true;
        swap_in(compaction);
    } else if (compaction->phase == COMPACTION_OVER) {
        compaction->working = true;
        note_pass(compaction);
    } else
        step_later(compaction, bytes);
}

void compaction_start(struct log *log, const struct compaction_limits *limits, bool at_once,
                      struct compaction_end *end)
{
    struct compaction *compaction = mem_alloc(sizeof(*compaction));
    compaction->job = (struct job){ .run = compaction_run, .done = stepped };
    compaction->timer.fire = is_due;
    compaction->saved.done = saved;
    compaction->log = log;
    compaction->limits = *limits;
    compaction->end = end;
    compaction->at_once = at_once;
    compaction->fd = -1;
    log->compaction = compaction;
    pass_begin(compaction);
}

void compaction_cancel(struct compaction *compaction)
{
    compaction->cancelled = true;
    if (!compaction->working)
        finish(compaction, COMPACTION_CANCELLED);
}
