#include "services/broker/broker.h"

#include <errno.h>
#include <fcntl.h>
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/id.h"
#include "services/broker/broker_private.h"
#include "services/broker/files.h"

#define WORKERS                                                                                    \
    4 /* syncs of several partitions share the journal's commit when they run at the same time */
#define TRIM_EVERY 6 /* rounds of it: what a burst left behind goes back to the system */
#define FILE_IDLE_US (60 * US_PER_S)
#define DRAIN_US (5 * US_PER_S)
#define META_VERSION "1"

void broker_defaults(struct broker_config *config)
{
    *config = (struct broker_config){
        .bind = "127.0.0.1",
        .tls_cert = "",
        .tls_key = "",
        .tls_ca = "",
        .port = 9092,
        .advertised = "",
        .auto_create_topics = true,
        .default_partitions = 6,
        .max_request_bytes = 32u << 20,
        .max_connections = 1000,
        .idle_us = 600 * US_PER_S,
        .max_held_bytes = 128u << 20,
        .segment_bytes = 256 << 20,
        .ahead_ms = 3600 * 1000,
        .gather_ms = 50,
        .compaction = { .memory_bytes = 32u << 20, .bytes_a_second = 16u << 20 },
        .housekeeping_us = 5 * US_PER_S,
        .offsets_keep_us = 7 * US_PER_DAY,
    };
}

/* The file `meta`: "version=1" and "cluster=<uuid>". */
static bool meta_parse(struct broker *broker, struct str text)
{
    struct str line, name;
    bool version = false;
    while (str_split(&text, '\n', &line)) {
        if (!str_split(&line, '=', &name))
            continue;
        if (str_is(name, "version"))
            version = str_is(line, META_VERSION);
        if (str_is(name, "cluster") && line.len == CLUSTER_ID_BYTES - 1)
            memcpy(broker->cluster_id, line.ptr, line.len);
    }
    return version && broker->cluster_id[0];
}

static int meta_make(struct broker *broker, const char *folder)
{
    uint8_t random[16];
    id_random(random, sizeof(random));
    id_uuid_text(random, 8, broker->cluster_id);
    char text[128];
    int n =
        snprintf(text, sizeof(text), "version=" META_VERSION "\ncluster=%s\n", broker->cluster_id);
    return file_replace(folder, "meta", text, (size_t)n);
}

/* A data folder without `meta` is new; but not when it already holds topics. */
static bool meta_open(struct ctx *ctx, struct broker *broker)
{
    const char *folder = broker->config.data;
    char path[FILE_PATH_BYTES], topics[FILE_PATH_BYTES];
    file_path(path, folder, "meta");
    file_path(topics, folder, "topics");
    uint8_t *bytes;
    size_t n;
    int failed = file_read_whole(path, &bytes, &n);
    if (failed == ENOENT && access(topics, F_OK) == 0)
        return ctx_fail(ctx, ERR_INTERNAL,
                        "%s is missing, but there are topics: whose log is this?", path);
    if (failed == ENOENT)
        failed = meta_make(broker, folder);
    else if (!failed) {
        bool ok = meta_parse(broker, (struct str){ (const char *)bytes, n });
        free(bytes);
        if (!ok)
            return ctx_fail(ctx, ERR_INTERNAL, "%s: not of this program, or of a later version",
                            path);
    }
    return failed ? ctx_fail(ctx, ERR_INTERNAL, "%s: %s", path, strerror(failed)) : true;
}

static bool lock_data(struct ctx *ctx, struct broker *broker)
{
    char path[FILE_PATH_BYTES];
    int failed = file_make_folders(broker->config.data);
    if (failed)
        return ctx_fail(ctx, ERR_INTERNAL, "%s: %s", broker->config.data, strerror(failed));
    file_path(path, broker->config.data, "lock");
    broker->lock = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (broker->lock < 0)
        return ctx_fail(ctx, ERR_INTERNAL, "%s: %s", path, strerror(errno));
    if (flock(broker->lock, LOCK_EX | LOCK_NB))
        return ctx_fail(ctx, ERR_CONFLICT, "%s is in use by another broker", broker->config.data);
    return true;
}

static void round_is_over(void *owner)
{
    struct broker *broker = owner;
    log_flush_dirty(&broker->env);
    if (broker->net && atomic_exchange(&broker->reload, false))
        net_reload(broker->net);
    if (broker->net)
        net_round(broker->net);
    log_flush_dirty(&broker->env); /* of what was taken from stashes */
}

static void close_idle_files(struct broker *broker, int64_t before_us)
{
    struct topic *topic;
    for (size_t at = 0; (topic = topic_next(broker->topics, &at));)
        for (int32_t i = 0; topic->state == TOPIC_READY && i < topic->n_partitions; i++)
            log_close_idle(topic->partitions[i]->log, before_us);
    offsets_close_idle(broker->offsets, before_us);
}

static void housekeeping(struct timer *timer)
{
    struct broker *broker = CONTAINER_OF(timer, struct broker, housekeeping);
    int64_t now_us = loop_now_us(broker->loop);
    net_sweep(broker->net);
    close_idle_files(broker, now_us - FILE_IDLE_US);
    topics_retain(broker->topics, clock_now_us() / US_PER_MS);
    compactor_look(broker->compactor);
    offsets_expire(broker->offsets, &broker->groups, broker->config.offsets_keep_us, now_us);
    if (++broker->n_housekeepings % TRIM_EVERY == 0)
        malloc_trim(0);
    timer_set(broker->loop, timer, now_us + broker->config.housekeeping_us);
}

struct broker *broker_open(struct ctx *ctx, const struct broker_config *config)
{
    struct broker *broker = mem_alloc(sizeof(*broker));
    broker->config = *config;
    broker->lock = -1;
    broker->housekeeping.fire = housekeeping;
    if (!lock_data(ctx, broker) || !meta_open(ctx, broker) ||
        !(broker->loop = loop_new(ctx, WORKERS, round_is_over, broker)))
        goto fail;
    broker->env = (struct log_env){ .loop = broker->loop,
                                    .disk = config->disk ? config->disk : &disk_real,
                                    .notices = config->notices,
                                    .stats = &broker->stats };
    groups_init(&broker->groups, broker->loop, &broker->stats, config->gather_ms);
    if (!(broker->topics = topics_open(ctx, &broker->env, config->data, config->segment_bytes)) ||
        !(broker->compactor = compactor_new(&broker->env, broker->topics, &config->compaction)) ||
        !(broker->offsets = offsets_open(ctx, &broker->env, config->data)) ||
        !(broker->net = net_open(ctx, broker)))
        goto fail;
    timer_set(broker->loop, &broker->housekeeping,
              loop_now_us(broker->loop) + config->housekeeping_us);
    return broker;
fail:
    broker_close(broker);
    return NULL;
}

void broker_run(struct broker *broker)
{
    loop_run(broker->loop);
}

void broker_stop(struct broker *broker)
{
    loop_stop(broker->loop);
}

void broker_reload(struct broker *broker)
{
    atomic_store(&broker->reload, true);
    loop_wake(broker->loop);
}

/* What was accepted is finished and answered. */
static void drain(struct broker *broker)
{
    int64_t end_us = clock_mono_us() + DRAIN_US;
    net_drain(broker->net);
    compactor_stop(broker->compactor);
    groups_clear(&broker->groups);
    log_flush_dirty(&broker->env);
    while (loop_jobs(broker->loop) || topics_are_changing(broker->topics) ||
           compactor_is_busy(broker->compactor) ||
           (net_is_busy(broker->net) && clock_mono_us() < end_us))
        loop_once(broker->loop, 20);
}

static void checkpoint_all(struct broker *broker)
{
    struct topic *topic;
    for (size_t at = 0; (topic = topic_next(broker->topics, &at));)
        for (int32_t i = 0; topic->state == TOPIC_READY && i < topic->n_partitions; i++)
            log_checkpoint(topic->partitions[i]->log);
    offsets_checkpoint(broker->offsets);
    while (loop_jobs(broker->loop))
        loop_once(broker->loop, 20);
}

void broker_close(struct broker *broker)
{
    if (!broker)
        return;
    if (broker->net) {
        drain(broker);
        net_free(broker->net);
        broker->net = NULL;
        timer_stop(broker->loop, &broker->housekeeping);
        checkpoint_all(broker);
    }
    if (broker->loop) /* else there were none yet */
        groups_clear(&broker->groups);
    compactor_free(broker->compactor);
    offsets_free(broker->offsets);
    topics_free(broker->topics);
    loop_free(broker->loop);
    if (broker->lock >= 0)
        close(broker->lock);
    free(broker);
}

uint16_t broker_port(const struct broker *broker)
{
    return net_port(broker->net);
}

const char *broker_cluster_id(const struct broker *broker)
{
    return broker->cluster_id;
}

const struct broker_stats *broker_stats(const struct broker *broker)
{
    return &broker->stats;
}
