#include "platform/events/events_internal.h"
#include "platform/telemetry/log.h"

/* Which partitions a consumer reads, and from where: the position that its store keeps, never what the group says. */
#define LOOK_MISSING_US                                                                            \
    (200 * US_PER_MS) /* topics that are not there yet; their partitions never change */
#define LOOK_MOST_US (10 * US_PER_S)
#define RESOLVE_US (500 * US_PER_MS)
#define CALL_MS 1000 /* short: who asks must notice that it is to stop */
#define ANSWER_MS 5000
#define AWAY_CALL_MS 500 /* a broker that is not there must not keep the end waiting */
#define GENERATION                                                                                 \
    "fanfare.topic.generation" /* a topic's setting: tells a topic from one of the same name before it */

/* ---- the list ---- */

struct partition *assignment_find(struct consumer *consumer, const char *topic, int number)
{
    for (size_t i = 0; i < consumer->n_partitions; i++)
        if (consumer->partitions[i].number == number &&
            strcmp(consumer->partitions[i].topic, topic) == 0)
            return &consumer->partitions[i];
    return NULL;
}

void partition_release(struct partition *partition, size_t n)
{
    for (size_t i = 0; i < n; i++)
        rd_kafka_message_destroy(partition->held[i]);
    partition->n_held -= n;
    if (partition->n_held)
        memmove(partition->held, partition->held + n, partition->n_held * sizeof *partition->held);
}

/* What is in hand is read again, by whoever has the partition next. */
static void forget_partitions(struct consumer *consumer)
{
    pthread_mutex_lock(&consumer->lock);
    for (size_t i = 0; i < consumer->n_partitions; i++) {
        struct partition *partition = &consumer->partitions[i];
        partition_release(partition, partition->n_held);
        free(partition->held);
        free(partition->topic);
        free(partition->log);
    }
    free(consumer->partitions);
    consumer->partitions = NULL;
    consumer->n_partitions = 0;
    consumer->assigned = false;
    pthread_mutex_unlock(&consumer->lock);
}

void assignment_drop(struct consumer *consumer)
{
    forget_partitions(consumer);
    if (consumer->wanted)
        rd_kafka_topic_partition_list_destroy(consumer->wanted);
    consumer->wanted = NULL;
}

void assignment_want(struct consumer *consumer, const rd_kafka_topic_partition_list_t *list)
{
    assignment_drop(consumer);
    consumer->wanted = rd_kafka_topic_partition_list_copy(list);
    consumer->resolve_us = 0;
}

void assignment_again(struct consumer *consumer)
{
    forget_partitions(consumer);
    consumer->resolve_us = 0;
}

/* ---- without a group: all partitions that there are ---- */

static bool add_topic(rd_kafka_topic_partition_list_t *list,
                      const struct rd_kafka_metadata *metadata, const char *topic)
{
    for (int i = 0; i < metadata->topic_cnt; i++) {
        if (strcmp(metadata->topics[i].topic, topic) != 0 || metadata->topics[i].err)
            continue;
        for (int k = 0; k < metadata->topics[i].partition_cnt; k++)
            if (!rd_kafka_topic_partition_list_find(list, topic,
                                                    metadata->topics[i].partitions[k].id))
                rd_kafka_topic_partition_list_add(list, topic,
                                                  metadata->topics[i].partitions[k].id);
        return metadata->topics[i].partition_cnt > 0;
    }
    return false;
}

void assignment_look(struct consumer *consumer)
{
    int64_t now = clock_mono_us();
    if (consumer->complete || now < consumer->look_us)
        return;
    consumer->look_pause_us = MIN(MAX(2 * consumer->look_pause_us, LOOK_MISSING_US), LOOK_MOST_US);
    consumer->look_us = now + consumer->look_pause_us;
    const struct rd_kafka_metadata *metadata;
    bool first = consumer->look_pause_us == LOOK_MISSING_US;
    int call_ms = first || atomic_load(&consumer->events->broker.away) ? AWAY_CALL_MS : CALL_MS;
    if (rd_kafka_metadata(consumer->rk, 1, NULL, &metadata, call_ms) != RD_KAFKA_RESP_ERR_NO_ERROR)
        return;
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(16);
    bool all = true;
    for (size_t i = 0; i < consumer->settings.n_reactions; i++)
        all &= add_topic(list, metadata, consumer->settings.reactions[i].event->topic);
    rd_kafka_metadata_destroy(metadata);
    if (list->cnt && (!consumer->wanted || consumer->wanted->cnt != list->cnt))
        assignment_want(consumer, list);
    rd_kafka_topic_partition_list_destroy(list);
    pthread_mutex_lock(&consumer->lock);
    consumer->complete = all;
    pthread_mutex_unlock(&consumer->lock);
}

/* ---- which log it is ---- */

struct generation {
    const char *topic;
    char *text;
};

struct generations {
    struct generation *list;
    size_t n;
};

static void generations_free(struct generations *generations)
{
    for (size_t i = 0; i < generations->n; i++)
        free(generations->list[i].text);
    free(generations->list);
}

static const char *generation_of(const struct generations *generations, const char *topic)
{
    for (size_t i = 0; i < generations->n; i++)
        if (strcmp(generations->list[i].topic, topic) == 0)
            return generations->list[i].text;
    return NULL;
}

static struct generations topics_of(const rd_kafka_topic_partition_list_t *list)
{
    struct generations generations = { .list = mem_alloc((size_t)list->cnt *
                                                         sizeof *generations.list) };
    for (int i = 0; i < list->cnt; i++) {
        size_t k = 0;
        while (k < generations.n && strcmp(generations.list[k].topic, list->elems[i].topic) != 0)
            k++;
        if (k == generations.n)
            generations.list[generations.n++].topic = list->elems[i].topic;
    }
    return generations;
}

static char *generation_in(const rd_kafka_ConfigResource_t *resource)
{
    size_t n;
    const rd_kafka_ConfigEntry_t **entries = rd_kafka_ConfigResource_configs(resource, &n);
    for (size_t i = 0; i < n; i++)
        if (strcmp(rd_kafka_ConfigEntry_name(entries[i]), GENERATION) == 0 &&
            rd_kafka_ConfigEntry_value(entries[i]))
            return mem_strdup(rd_kafka_ConfigEntry_value(entries[i]));
    return mem_strdup("0");
}

/* A broker that may not be asked for settings has topics of generation 0. */
static void read_answer(struct generations *generations, rd_kafka_event_t *event)
{
    size_t n;
    const rd_kafka_ConfigResource_t **resources =
        rd_kafka_DescribeConfigs_result_resources(rd_kafka_event_DescribeConfigs_result(event), &n);
    for (size_t i = 0; i < n; i++) {
        rd_kafka_resp_err_t error = rd_kafka_ConfigResource_error(resources[i]);
        for (size_t k = 0; k < generations->n; k++) {
            struct generation *mine = &generations->list[k];
            if (strcmp(mine->topic, rd_kafka_ConfigResource_name(resources[i])) != 0 || mine->text)
                continue;
            if (error == RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED)
                mine->text = mem_strdup("0");
            else if (!error)
                mine->text = generation_in(resources[i]);
        }
    }
}

static bool read_generations(struct consumer *consumer, struct generations *generations)
{
    rd_kafka_ConfigResource_t **ask = mem_alloc(generations->n * sizeof *ask);
    for (size_t i = 0; i < generations->n; i++)
        ask[i] = rd_kafka_ConfigResource_new(RD_KAFKA_RESOURCE_TOPIC, generations->list[i].topic);
    rd_kafka_AdminOptions_t *options =
        rd_kafka_AdminOptions_new(consumer->rk, RD_KAFKA_ADMIN_OP_DESCRIBECONFIGS);
    rd_kafka_AdminOptions_set_request_timeout(options, ANSWER_MS, NULL, 0);
    rd_kafka_queue_t *queue = rd_kafka_queue_new(consumer->rk);
    rd_kafka_DescribeConfigs(consumer->rk, ask, generations->n, options, queue);
    rd_kafka_event_t *event = NULL;
    for (int waited = 0; !event && waited < ANSWER_MS && !atomic_load(&consumer->stop);
         waited += 100)
        event = rd_kafka_queue_poll(queue, 100);
    if (event && !rd_kafka_event_error(event))
        read_answer(generations, event);
    if (event)
        rd_kafka_event_destroy(event);
    rd_kafka_queue_destroy(queue);
    rd_kafka_AdminOptions_destroy(options);
    rd_kafka_ConfigResource_destroy_array(ask, generations->n);
    free(ask);
    for (size_t i = 0; i < generations->n; i++)
        if (!generations->list[i].text)
            return false;
    return true;
}

/* ---- from where ---- */

struct position_question {
    struct consumer *consumer;
    struct partition *partition;
};

static bool ask_sql(struct ctx *ctx, void *argument)
{
    const struct position_question *q = argument;
    return position_read(ctx, q->consumer->name, str_of(q->partition->log),
                         str_of(q->partition->topic), q->partition->number, &q->partition->next);
}

static bool find_position(struct ctx *ctx, struct consumer *consumer, struct partition *partition)
{
    const struct consumer_settings *settings = &consumer->settings;
    partition->next = -1;
    if (settings->store)
        return settings->store->position(ctx, settings->store_data, str_of(partition->log),
                                         str_of(partition->topic), partition->number,
                                         &partition->next);
    return sql_read(ctx, consumer->events->db, ask_sql,
                    &(struct position_question){ consumer, partition });
}

/* What is read already is good from the new position on, so the client need not be told: assigning again what is
 * assigned, just before the group takes it away, ends the process (librdkafka #5573). */
bool assignment_catch_up(struct ctx *ctx, struct consumer *consumer, struct partition *partition)
{
    struct partition there = { .topic = partition->topic,
                               .log = partition->log,
                               .number = partition->number };
    ctx_clear(ctx);
    if (!find_position(ctx, consumer, &there)) {
        bool away = ctx->error.code != ERR_CONFLICT;
        ctx_clear(ctx);
        return away; /* the next batch finds out */
    }
    if (there.next < partition->next)
        return false;
    size_t n = 0;
    while (n < partition->n_held && partition->held[n]->offset < there.next)
        n++;
    pthread_mutex_lock(&consumer->lock);
    partition->next = there.next;
    partition_release(partition, n);
    pthread_mutex_unlock(&consumer->lock);
    return true;
}

/* Who was erased while this service was away is known to it before it takes anything else of them: what is erasable is
 * read first, up to where the log ends now. Asked before anything is fetched: later the question would wait behind that. */
static bool find_first_until(struct consumer *consumer, struct partition *partition)
{
    int64_t low = 0, high = 0;
    bool erasable = false;
    for (size_t i = 0; i < consumer->settings.n_reactions; i++) {
        const struct event_type *type = consumer->settings.reactions[i].event;
        erasable |= type->erasable && strcmp(type->topic, partition->topic) == 0;
    }
    if (erasable && rd_kafka_query_watermark_offsets(consumer->rk, partition->topic,
                                                     partition->number, &low, &high, CALL_MS))
        return false;
    partition->first_until = high > low && high > partition->next ? high : 0;
    return true;
}

static void fill_partition(struct consumer *consumer, struct partition *partition,
                           const rd_kafka_topic_partition_t *from, const char *cluster,
                           const char *generation)
{
    size_t bytes = strlen(cluster) + strlen(generation) + 2;
    *partition = (struct partition){
        .topic = mem_strdup(from->topic),
        .number = from->partition,
        .log = mem_alloc(bytes),
        .end_seen = -1,
        .committed = -1,
        .lag = meter_lag(consumer, from->topic, from->partition),
    };
    snprintf(partition->log, bytes, "%s/%s", cluster, generation);
}

/* True when all positions are known. Another log than the positions are of stops the service. */
static bool find_positions(struct consumer *consumer, const char *cluster,
                           const struct generations *generations)
{
    struct arena *arena = arena_new(0);
    struct ctx ctx = consumer_ctx(consumer, arena);
    bool found = true;
    size_t n = (size_t)consumer->wanted->cnt;
    pthread_mutex_lock(&consumer->lock);
    consumer->partitions = mem_alloc(n * sizeof *consumer->partitions);
    consumer->n_partitions = n;
    for (size_t i = 0; i < n; i++) {
        const rd_kafka_topic_partition_t *from = &consumer->wanted->elems[i];
        fill_partition(consumer, &consumer->partitions[i], from, cluster,
                       generation_of(generations, from->topic));
    }
    pthread_mutex_unlock(&consumer->lock);
    for (size_t i = 0; i < n && found; i++)
        found = find_position(&ctx, consumer, &consumer->partitions[i]) &&
                find_first_until(consumer, &consumer->partitions[i]);
    if (!found && ctx.error.code == ERR_CONFLICT) {
        consumer_fatal(consumer, ctx.error.detail);
    }
    arena_free(arena);
    return found;
}

static bool begin_reading(struct consumer *consumer)
{
    for (size_t i = 0; i < consumer->n_partitions; i++) {
        int64_t next = consumer->partitions[i].next;
        consumer->wanted->elems[i].offset = next < 0 ? RD_KAFKA_OFFSET_BEGINNING : next;
    }
    if (rd_kafka_assign(consumer->rk, consumer->wanted) != RD_KAFKA_RESP_ERR_NO_ERROR)
        return false;
    pthread_mutex_lock(&consumer->lock);
    consumer->assigned = true;
    pthread_mutex_unlock(&consumer->lock);
    return true;
}

void assignment_resolve(struct consumer *consumer)
{
    int64_t now = clock_mono_us();
    if (!consumer->wanted || consumer->assigned || now < consumer->resolve_us)
        return;
    consumer->resolve_us = now + RESOLVE_US;
    if (consumer->wanted->cnt == 0) { /* a group with more members than partitions */
        begin_reading(consumer);
        return;
    }
    char *cluster = rd_kafka_clusterid(consumer->rk, CALL_MS);
    if (!cluster)
        return;
    struct generations generations = topics_of(consumer->wanted);
    bool begun = read_generations(consumer, &generations) &&
                 find_positions(consumer, cluster, &generations) && begin_reading(consumer);
    if (!begun)
        forget_partitions(consumer);
    generations_free(&generations);
    rd_kafka_mem_free(consumer->rk, cluster);
}

/* ---- has it read all there is? ---- */

struct standing {
    char topic[250];
    int number;
    int64_t next, end_seen;
    size_t n_held;
};

/* Asked by a client of its own: a consumer's question would wait behind the fetch that waits for news. */
static bool at_the_end(rd_kafka_t *asker, const struct standing *at)
{
    int64_t low, high;
    if (at->n_held ||
        rd_kafka_query_watermark_offsets(asker, at->topic, at->number, &low, &high, CALL_MS))
        return false;
    return at->next >= high || at->end_seen >= high;
}

bool consumer_settled(struct consumer *consumer, rd_kafka_t *asker)
{
    pthread_mutex_lock(&consumer->lock);
    bool settled = consumer->assigned && (consumer->grouped || consumer->complete);
    size_t n = consumer->n_partitions;
    struct standing *standings = mem_alloc((n + 1) * sizeof *standings);
    for (size_t i = 0; i < n && settled; i++) {
        const struct partition *p = &consumer->partitions[i];
        standings[i] = (struct standing){
            .number = p->number, .next = p->next, .end_seen = p->end_seen, .n_held = p->n_held
        };
        snprintf(standings[i].topic, sizeof standings[i].topic, "%s", p->topic);
    }
    pthread_mutex_unlock(&consumer->lock);
    for (size_t i = 0; i < n && settled; i++)
        settled = at_the_end(asker, &standings[i]);
    free(standings);
    return settled;
}
