#include "services/broker/compactor.h"

#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/clock.h"
#include "services/broker/log_private.h"

#define LOOK_AGAIN_US (20 * US_PER_MS) /* while somebody waits for a segment to end */

struct compactor {
    struct log_env *env;
    struct topics *topics;
    struct compaction_limits limits;
    struct compaction_end end;
    struct timer timer;
    struct compact_wait *waits;
    struct log *running; /* NULL: none */
    struct compact_wait *running_for;
    bool stopped;
};

static void wait_end(struct compact_wait *wait, const char *why)
{
    wait->done(wait, why);
    compact_wait_drop(wait);
}

void compact_wait_drop(struct compact_wait *wait)
{
    if (!wait->at)
        return;
    if (wait->compactor->running_for == wait)
        wait->compactor->running_for = NULL;
    *wait->at = wait->next;
    if (wait->next)
        wait->next->at = wait->at;
    wait->at = NULL;
    free((char *)wait->topic.ptr);
    free(wait->until);
}

static void run(struct compactor *compactor, struct log *log, struct compact_wait *wait)
{
    compactor->running = log;
    compactor->running_for = wait;
    compaction_start(log, &compactor->limits, wait != NULL, &compactor->end);
}

/* Does what somebody waits for on one partition. True: something is under way, or soon will be. */
static bool serve_log(struct compactor *compactor, struct compact_wait *wait, struct log *log,
                      int64_t until, const char **why)
{
    if (log_compacted(log) >= until)
        return false;
    if (log_is_broken(log)) {
        *why = "a partition takes nothing in until a restart";
        return false;
    }
    if (log_sealed(log) < until) {
        log_roll(log);
        if (log->full && !log->commit)
            *why = "the disk is full";
        return !*why;
    }
    run(compactor, log, wait);
    return true;
}

/* True: something is under way, or soon will be. */
static bool serve(struct compactor *compactor, struct compact_wait *wait)
{
    struct topic *topic = topic_get(compactor->topics, wait->topic);
    const char *why = NULL;
    if (!topic || memcmp(topic->generation, wait->generation, GENERATION_BYTES) != 0)
        why = "the topic is gone";
    bool busy = false;
    for (int32_t i = 0; !why && !busy && i < wait->n; i++)
        busy = serve_log(compactor, wait, topic->partitions[i]->log, wait->until[i], &why);
    if (!busy)
        wait_end(wait, why);
    return busy;
}

static bool start_due(struct compactor *compactor)
{
    int64_t now_ms = clock_now_us() / US_PER_MS;
    struct topic *topic;
    for (size_t at = 0; (topic = topic_next(compactor->topics, &at));) {
        for (int32_t i = 0; topic->state == TOPIC_READY && i < topic->n_partitions; i++) {
            if (log_should_compact(topic->partitions[i]->log, now_ms)) {
                run(compactor, topic->partitions[i]->log, NULL);
                return true;
            }
        }
    }
    return false;
}

void compactor_look(struct compactor *compactor)
{
    if (compactor->running || compactor->stopped)
        return;
    while (compactor->waits && !serve(compactor, compactor->waits))
        ;
    if (compactor->waits)
        timer_set(compactor->env->loop, &compactor->timer,
                  loop_now_us(compactor->env->loop) + LOOK_AGAIN_US);
    else
        start_due(compactor);
}

static void look_again(struct timer *timer)
{
    compactor_look(CONTAINER_OF(timer, struct compactor, timer));
}

/* The next one begins with the timer, so that one that ends at once does not end within itself. */
static void ended(struct compaction_end *end, enum compaction_outcome outcome)
{
    struct compactor *compactor = CONTAINER_OF(end, struct compactor, end);
    struct compact_wait *wait = compactor->running_for;
    compactor->running = NULL;
    compactor->running_for = NULL;
    if (wait && outcome == COMPACTION_FAILED)
        wait_end(wait, "compaction failed; the broker's log says why");
    timer_set(compactor->env->loop, &compactor->timer, loop_now_us(compactor->env->loop));
}

struct compactor *compactor_new(struct log_env *env, struct topics *topics,
                                const struct compaction_limits *limits)
{
    struct compactor *compactor = mem_alloc(sizeof(*compactor));
    compactor->env = env;
    compactor->topics = topics;
    compactor->limits = *limits;
    compactor->end.done = ended;
    compactor->timer.fire = look_again;
    return compactor;
}

void compactor_free(struct compactor *compactor)
{
    if (!compactor)
        return;
    timer_stop(compactor->env->loop, &compactor->timer);
    free(compactor);
}

void compactor_ask(struct compactor *compactor, struct topic *topic, struct compact_wait *wait)
{
    struct compact_wait **last = &compactor->waits;
    while (*last)
        last = &(*last)->next;
    wait->next = NULL;
    wait->at = last;
    *last = wait;
    wait->compactor = compactor;
    wait->topic = (struct str){ mem_strdup(topic->name.ptr), topic->name.len };
    memcpy(wait->generation, topic->generation, GENERATION_BYTES);
    wait->n = topic->n_partitions;
    wait->until = mem_alloc((size_t)wait->n * sizeof(*wait->until));
    for (int32_t i = 0; i < wait->n; i++) {
        wait->until[i] = log_synced(topic->partitions[i]->log);
        if (log_compacted(topic->partitions[i]->log) < wait->until[i])
            log_roll(topic->partitions[i]->log);
    }
    if (compactor->running && !compactor->running_for)
        compaction_cancel(compactor->running->compaction); /* what nobody waits for can wait */
    else if (!compactor->running)
        timer_set(compactor->env->loop, &compactor->timer, loop_now_us(compactor->env->loop));
}

void compactor_stop(struct compactor *compactor)
{
    compactor->stopped = true;
    while (compactor->waits)
        wait_end(compactor->waits, "the broker is stopping");
    if (compactor->running)
        compaction_cancel(compactor->running->compaction);
}

bool compactor_is_busy(const struct compactor *compactor)
{
    return compactor->running != NULL;
}
