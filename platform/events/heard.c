#include "platform/events/events_internal.h"

#define ASK_MS 1000
/* Not asked for so long: what the log did meanwhile is not known, as if it had been away. */
#define UNWATCHED_US (5 * US_PER_S)

struct heard_place {
    struct str topic;
    int partition;
    int64_t end; /* the next offset of the log */
};

struct heard {
    struct events *events;
    const char *name;
    struct consumer
        *consumer; /* found when it is asked for: a service's consumers are made after its open() */
    rd_kafka_t *
        asker; /* of its own: a consumer's question would wait behind the fetch that waits for news */
    struct arena *arena; /* of the mark */
    struct heard_place *places;
    size_t n_places;
    int64_t marked_us; /* when the log ended there; 0: no mark is open */
    int64_t until_us, since_us, asked_us;
};

struct heard *heard_new(struct events *events, const char *consumer)
{
    struct heard *heard = mem_alloc(sizeof *heard);
    heard->events = events;
    heard->name = consumer;
    heard->arena = arena_new(0);
    return heard;
}

static bool consumer_find(struct ctx *ctx, struct heard *heard)
{
    for (size_t i = 0; i < heard->events->n_consumers && !heard->consumer; i++)
        if (str_is(heard->events->consumers[i]->name, heard->name))
            heard->consumer = heard->events->consumers[i];
    return heard->consumer || ctx_fail(ctx, ERR_INTERNAL, "there is no consumer %s", heard->name);
}

void heard_free(struct heard *heard)
{
    if (!heard)
        return;
    if (heard->asker)
        rd_kafka_destroy(heard->asker);
    arena_free(heard->arena);
    free(heard);
}

/* ---- where the log ends ---- */

static bool is_read(const struct heard *heard, const char *topic)
{
    const struct consumer_settings *settings = &heard->consumer->settings;
    for (size_t i = 0; i < settings->n_reactions; i++)
        if (strcmp(settings->reactions[i].event->topic, topic) == 0)
            return true;
    return false;
}

static bool mark_partition(struct heard *heard, const char *topic, int partition)
{
    int64_t low, high;
    if (rd_kafka_query_watermark_offsets(heard->asker, topic, partition, &low, &high, ASK_MS))
        return false;
    if (high > low) /* what has aged out cannot be heard */
        heard->places[heard->n_places++] =
            (struct heard_place){ arena_str(heard->arena, str_of(topic)), partition, high };
    return true;
}

static bool mark_topics(struct heard *heard, const struct rd_kafka_metadata *metadata)
{
    size_t most = 0;
    for (int i = 0; i < metadata->topic_cnt; i++)
        most += (size_t)metadata->topics[i].partition_cnt;
    heard->places = ARENA_ARRAY(heard->arena, struct heard_place, most + 1);
    heard->n_places = 0;
    for (int i = 0; i < metadata->topic_cnt; i++) {
        const struct rd_kafka_metadata_topic *topic = &metadata->topics[i];
        for (int p = 0; p < topic->partition_cnt && is_read(heard, topic->topic); p++)
            if (!mark_partition(heard, topic->topic, topic->partitions[p].id))
                return false;
    }
    return true;
}

/* False: the log is away. */
static bool mark(struct ctx *ctx, struct heard *heard)
{
    const struct rd_kafka_metadata *metadata;
    int64_t now_us = clock_now_us();
    if (!heard->asker && !(heard->asker = kafka_new(ctx, RD_KAFKA_PRODUCER,
                                                    kafka_conf(heard->events, heard->events)))) {
        ctx_clear(ctx);
        return false;
    }
    arena_clear(heard->arena);
    if (rd_kafka_metadata(heard->asker, 1, NULL, &metadata, ASK_MS))
        return false;
    bool whole = mark_topics(heard, metadata);
    rd_kafka_metadata_destroy(metadata);
    heard->marked_us = whole ? now_us : 0;
    return whole;
}

/* ---- have the positions come there? ---- */

static void place_reached(struct heard *heard, struct str topic, int64_t partition, int64_t next)
{
    for (size_t i = 0; i < heard->n_places; i++) {
        struct heard_place *place = &heard->places[i];
        if (place->partition == partition && next >= place->end && str_eq(place->topic, topic)) {
            *place = heard->places[--heard->n_places];
            return;
        }
    }
}

static bool positions_read(struct ctx *ctx, void *argument)
{
    struct heard *heard = argument;
    struct sql_rows rows;
    if (!sql_query(ctx, &rows,
                   "SELECT topic, topic_partition, next_offset FROM platform_positions"
                   " WHERE consumer = $1",
                   sql_str(heard->consumer->name)))
        return false;
    while (sql_next(ctx, &rows))
        place_reached(heard, row_str(ctx, &rows, 0), row_int(&rows, 1), row_int(&rows, 2));
    return !ctx_failed(ctx);
}

/* What was compacted away at the end of a partition moves no position: the client has seen the end. */
static void ends_read(struct heard *heard)
{
    struct consumer *consumer = heard->consumer;
    pthread_mutex_lock(&consumer->lock);
    for (size_t i = 0; i < consumer->n_partitions; i++) {
        const struct partition *p = &consumer->partitions[i];
        if (p->n_held == 0)
            place_reached(heard, str_of(p->topic), p->number, p->end_seen);
    }
    pthread_mutex_unlock(&consumer->lock);
}

static bool reached(struct ctx *ctx, struct heard *heard)
{
    if (heard->marked_us && heard->n_places &&
        !sql_read(ctx, heard->events->db, positions_read, heard))
        return false;
    if (heard->marked_us && heard->n_places)
        ends_read(heard);
    if (!heard->marked_us || heard->n_places)
        return false;
    heard->until_us = heard->marked_us;
    heard->marked_us = 0;
    return true;
}

static void forget(struct heard *heard)
{
    heard->marked_us = heard->until_us = heard->since_us = 0;
}

int64_t heard_until(struct ctx *ctx, struct heard *heard, int64_t settle_us)
{
    int64_t now_us = clock_now_us(), mono_us = clock_mono_us();
    if (!consumer_find(ctx, heard))
        return 0;
    if (!heard->consumer->rk)
        return now_us;
    if (mono_us - heard->asked_us > UNWATCHED_US)
        forget(heard);
    heard->asked_us = mono_us;
    if (heard->events->broker.away) {
        forget(heard);
        return 0;
    }
    reached(ctx, heard);
    if (!heard->marked_us && !ctx_failed(ctx) && !mark(ctx, heard)) {
        forget(heard);
        return 0;
    }
    reached(ctx, heard);
    if (!heard->since_us)
        heard->since_us = mono_us;
    return mono_us - heard->since_us >= settle_us ? heard->until_us : 0;
}
