/* Making, growing and deleting topics. One is made in staging/ and renamed into place, and
 * renamed into trash/ before its files go: after a kill at any moment it is there as a whole or
 * not at all. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/id.h"
#include "services/broker/files.h"
#include "services/broker/topics_private.h"

#define BUSY_AGAIN_US (2 * US_PER_MS)

/* Making, growing or deleting one. */
struct change {
    struct job job;
    struct timer timer;
    struct topics *topics;
    struct topic *topic;
    struct topic_waiter *waiter;
    struct arena *arena;
    struct str text; /* of the file `topic` */
    int32_t n_partitions; /* when it grows */
    int failed;
};

static struct change *change_new(struct topics *topics, struct topic *topic,
                                 struct topic_waiter *waiter)
{
    struct change *change = mem_alloc(sizeof(*change));
    change->topics = topics;
    topics->n_changes++;
    change->topic = topic;
    change->waiter = waiter;
    change->arena = arena_new(0);
    return change;
}

static void change_free(struct change *change)
{
    change->topics->n_changes--;
    arena_free(change->arena);
    free(change);
}

static void tell(struct change *change, enum kafka_error error)
{
    if (change->waiter)
        change->waiter->done(change->waiter, error);
}

static void make_run(struct job *job)
{
    struct change *change = CONTAINER_OF(job, struct change, job);
    const struct topic *topic = change->topic;
    char staged[FILE_PATH_BYTES];
    file_path(staged, change->topics->staging, "%s", topic->generation);
    int failed = file_make_folder(staged);
    if (!failed)
        failed = file_replace(staged, "topic", change->text.ptr, change->text.len);
    if (!failed && rename(staged, topic->folder))
        failed = errno;
    if (!failed)
        failed = file_sync_folder(change->topics->folder);
    if (failed)
        file_remove_folder(staged);
    change->failed = failed;
}

static void make_done(struct job *job)
{
    struct change *change = CONTAINER_OF(job, struct change, job);
    struct topic *topic = change->topic;
    struct topics *topics = change->topics;
    struct ctx ctx = { .arena = change->arena };
    if (change->failed)
        ctx_fail(&ctx, ERR_INTERNAL, "%s: %s", topic->folder, strerror(change->failed));
    if (!change->failed && topic_open_partitions(&ctx, topics, topic, 0, topic->n_partitions)) {
        topic->state = TOPIC_READY;
        tell(change, KAFKA_NONE);
    } else {
        notice(&topics->env->notices, NOTICE_ERROR, "topic.failed", "making a topic: " STR_FMT,
               STR_ARG(ctx.error.detail));
        map_take(&topics->by_name, topic->name);
        topic_free(topics, topic);
        tell(change, KAFKA_STORAGE_ERROR);
    }
    change_free(change);
}

static struct str topic_text(const struct topic *topic, int32_t n_partitions, struct arena *arena)
{
    struct str text = arena_printf(arena, "generation=%s\npartitions=%" PRId32 "\n",
                                   topic->generation, n_partitions);
    for (int i = 0; i < N_TOPIC_SETTINGS; i++)
        if (topic->config.set[i])
            text = arena_printf(arena, STR_FMT "%s=" STR_FMT "\n", STR_ARG(text),
                                topic_setting_name(i),
                                STR_ARG(topic_config_text(&topic->config, arena, i)));
    return text;
}

struct topic *topic_make(struct topics *topics, struct str name, int32_t n_partitions,
                         const struct topic_config *config, struct topic_waiter *waiter)
{
    struct topic *topic = topic_new(topics, name);
    uint8_t random[16];
    id_random(random, sizeof(random));
    id_uuid_text(random, 8, topic->generation);
    topic_set_partitions(topics, topic, n_partitions);
    topic->config = *config;
    struct change *change = change_new(topics, topic, waiter);
    change->job = (struct job){ .run = make_run, .done = make_done };
    change->text = topic_text(topic, n_partitions, change->arena);
    loop_submit(topics->env->loop, &change->job);
    return topic;
}

static void grow_run(struct job *job)
{
    struct change *change = CONTAINER_OF(job, struct change, job);
    change->failed =
        file_replace(change->topic->folder, "topic", change->text.ptr, change->text.len);
}

static void grow_done(struct job *job)
{
    struct change *change = CONTAINER_OF(job, struct change, job);
    struct topic *topic = change->topic;
    struct topics *topics = change->topics;
    struct ctx ctx = { .arena = change->arena };
    int32_t from = topic->n_partitions, to = change->n_partitions;
    bool grown = !change->failed && topic_open_partitions(&ctx, topics, topic, from, to);
    if (grown) {
        topic_set_partitions(topics, topic, to);
    } else {
        notice(&topics->env->notices, NOTICE_ERROR, "topic.failed", "%s: adding partitions: %s",
               topic->folder, change->failed ? strerror(change->failed) : ctx.error.detail.ptr);
        for (int32_t i = from; !change->failed && i < to; i++)
            partition_free(topics, topic->partitions[i]);
    }
    topic->growing = false;
    tell(change, grown ? KAFKA_NONE : KAFKA_STORAGE_ERROR);
    change_free(change);
}

void topic_grow(struct topics *topics, struct topic *topic, int32_t n, struct topic_waiter *waiter)
{
    struct change *change = change_new(topics, topic, waiter);
    change->job = (struct job){ .run = grow_run, .done = grow_done };
    change->n_partitions = n;
    change->text = topic_text(topic, n, change->arena);
    topic->growing = true;
    loop_submit(topics->env->loop, &change->job);
}

static void delete_run(struct job *job)
{
    struct change *change = CONTAINER_OF(job, struct change, job);
    char doomed[FILE_PATH_BYTES];
    file_path(doomed, change->topics->trash, "%s", change->topic->generation);
    change->failed =
        rename(change->topic->folder, doomed) ? errno : file_sync_folder(change->topics->folder);
    if (!change->failed)
        file_remove_folder(doomed); /* what is left of it is removed at the next start */
}

static void delete_done(struct job *job)
{
    struct change *change = CONTAINER_OF(job, struct change, job);
    struct topic *topic = change->topic;
    struct topics *topics = change->topics;
    if (change->failed) {
        notice(&topics->env->notices, NOTICE_ERROR, "topic.failed", "deleting %s: %s",
               topic->folder, strerror(change->failed));
        topic->state = TOPIC_READY;
        for (int32_t i = 0; i < topic->n_partitions; i++)
            log_refuse(topic->partitions[i]->log, KAFKA_NONE);
    } else {
        map_take(&topics->by_name, topic->name);
        topic_free(topics, topic);
    }
    tell(change, change->failed ? KAFKA_STORAGE_ERROR : KAFKA_NONE);
    change_free(change);
}

/* The files can go when no worker uses them any more. */
static void delete_when_quiet(struct timer *timer)
{
    struct change *change = CONTAINER_OF(timer, struct change, timer);
    struct loop *loop = change->topics->env->loop;
    for (int32_t i = 0; i < change->topic->n_partitions; i++) {
        if (log_is_busy(change->topic->partitions[i]->log)) {
            timer_set(loop, timer, loop_now_us(loop) + BUSY_AGAIN_US);
            return;
        }
    }
    loop_submit(loop, &change->job);
}

void topic_delete(struct topics *topics, struct topic *topic, struct topic_waiter *waiter)
{
    struct change *change = change_new(topics, topic, waiter);
    change->job = (struct job){ .run = delete_run, .done = delete_done };
    change->timer.fire = delete_when_quiet;
    topic->state = TOPIC_GOING;
    for (int32_t i = 0; i < topic->n_partitions; i++) {
        log_refuse(topic->partitions[i]->log, KAFKA_UNKNOWN_TOPIC_OR_PARTITION);
        partition_wake(topic->partitions[i]);
    }
    delete_when_quiet(&change->timer);
}
