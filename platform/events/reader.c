#include "platform/events/reader.h"

#include "platform/events/events_internal.h"

#define CALL_MS 5000
#define POLL_MS 200
#define SILENCE_US (15 * US_PER_S) /* without a word from the log, neither records nor its end */
#define NEAR 500                   /* records that are read past rather than looked up anew */
#define ARENA_RECORDS 1000

struct log_reader {
    rd_kafka_t *rk;
};

struct log_reader *log_reader_open(struct ctx *ctx, const char *url)
{
    struct events client = { .service = "fanfare-reader" };
    if (!kafka_address(ctx, url, &client.broker))
        return NULL;
    rd_kafka_conf_t *conf = kafka_conf(&client, NULL);
    kafka_address_clear(&client.broker);
    kafka_set(conf, "group.id", "fanfare-reader"); /* asked for by librdkafka; never joined */
    kafka_set(conf, "enable.auto.commit", "false");
    kafka_set(conf, "enable.auto.offset.store", "false");
    kafka_set(conf, "auto.offset.reset", "earliest");
    kafka_set(conf, "enable.partition.eof", "true");
    kafka_set(conf, "check.crcs", "true");
    kafka_set(conf, "fetch.wait.max.ms", "100");
    kafka_set(conf, "queued.max.messages.kbytes", "8192");
    rd_kafka_t *rk = kafka_new(ctx, RD_KAFKA_CONSUMER, conf);
    if (!rk)
        return NULL;
    rd_kafka_poll_set_consumer(rk);
    struct log_reader *reader = mem_alloc(sizeof *reader);
    reader->rk = rk;
    return reader;
}

void log_reader_free(struct log_reader *reader)
{
    if (!reader)
        return;
    rd_kafka_destroy_flags(reader->rk, RD_KAFKA_DESTROY_F_NO_CONSUMER_CLOSE);
    free(reader);
}

static bool no_answer(struct ctx *ctx, rd_kafka_resp_err_t error)
{
    return ctx_fail(ctx, ERR_UNAVAILABLE, "the event log does not answer: %s",
                    rd_kafka_err2str(error));
}

static int by_name(const void *a, const void *b)
{
    return str_cmp(((const struct log_topic *)a)->name, ((const struct log_topic *)b)->name);
}

bool log_reader_topics(struct ctx *ctx, struct log_reader *reader, struct log_topic **topics,
                       size_t *n)
{
    const struct rd_kafka_metadata *told;
    rd_kafka_resp_err_t error = rd_kafka_metadata(reader->rk, 1, NULL, &told, CALL_MS);
    if (error)
        return no_answer(ctx, error);
    *topics = ARENA_ARRAY(ctx->arena, struct log_topic, (size_t)told->topic_cnt + 1);
    *n = 0;
    for (int i = 0; i < told->topic_cnt; i++)
        (*topics)[(*n)++] =
            (struct log_topic){ arena_str(ctx->arena, str_of(told->topics[i].topic)),
                                told->topics[i].partition_cnt };
    rd_kafka_metadata_destroy(told);
    qsort(*topics, *n, sizeof **topics, by_name);
    return true;
}

bool log_reader_begins(struct ctx *ctx, struct log_reader *reader, struct str topic, int partition,
                       int64_t *low)
{
    int64_t high;
    rd_kafka_resp_err_t error = rd_kafka_query_watermark_offsets(
        reader->rk, arena_cstr(ctx->arena, topic), partition, low, &high, CALL_MS);
    return error ? no_answer(ctx, error) : true;
}

/* ---- a range ---- */

/* The partitions of a query, with what there is in them as it begins. */
struct range {
    rd_kafka_topic_partition_list_t *list;
    int64_t *ends;
    bool *ended;
    int left;
};

static bool is_wanted(const struct log_query *query, struct str topic)
{
    for (size_t i = 0; i < query->n_topics; i++)
        if (str_eq(topic, query->topics[i]))
            return true;
    return !query->topics && !str_starts(topic, STR("__"));
}

static bool list_partitions(struct ctx *ctx, struct log_reader *reader,
                            const struct log_query *query, rd_kafka_topic_partition_list_t *list)
{
    struct log_topic *topics;
    size_t n, found = 0;
    if (!log_reader_topics(ctx, reader, &topics, &n))
        return false;
    for (size_t i = 0; i < n; i++) {
        if (!is_wanted(query, topics[i].name))
            continue;
        found++;
        for (int p = 0; p < topics[i].partitions; p++)
            if (query->partition < 0 || query->partition == p)
                rd_kafka_topic_partition_list_add(list, topics[i].name.ptr, p);
    }
    if (query->topics && found < query->n_topics)
        return ctx_fail(ctx, ERR_NOT_FOUND, "the log has no topic of that name");
    return list->cnt > 0 || !query->topics || ctx_fail(ctx, ERR_NOT_FOUND, "no such partition");
}

/* Where each partition is to be read from, as an offset. */
static bool find_starts(struct ctx *ctx, struct log_reader *reader, const struct log_query *query,
                        struct range *range)
{
    bool by_time = query->from_us > 0 && query->from_us < INT64_MAX;
    for (int i = 0; i < range->list->cnt; i++)
        range->list->elems[i].offset = by_time ? query->from_us / US_PER_MS : 0;
    rd_kafka_resp_err_t error =
        by_time ? rd_kafka_offsets_for_times(reader->rk, range->list, CALL_MS) : 0;
    range->ends = ARENA_ARRAY(ctx->arena, int64_t, (size_t)range->list->cnt + 1);
    range->ended = ARENA_ARRAY(ctx->arena, bool, (size_t)range->list->cnt + 1);
    for (int i = 0; i < range->list->cnt && !error; i++) {
        rd_kafka_topic_partition_t *one = &range->list->elems[i];
        int64_t low = 0;
        error = rd_kafka_query_watermark_offsets(reader->rk, one->topic, one->partition, &low,
                                                 &range->ends[i], CALL_MS);
        if (query->from_us == INT64_MAX || one->offset < 0) /* nothing is as late as that */
            one->offset = range->ends[i];
        one->offset = MAX(one->offset, low);
        range->ended[i] = one->offset >= range->ends[i];
        range->left += !range->ended[i];
    }
    return error ? no_answer(ctx, error) : true;
}

static void note_end(struct range *range, const rd_kafka_message_t *message)
{
    for (int i = 0; i < range->list->cnt; i++) {
        const rd_kafka_topic_partition_t *one = &range->list->elems[i];
        if (one->partition != message->partition ||
            strcmp(one->topic, rd_kafka_topic_name(message->rkt)) != 0 || range->ended[i])
            continue;
        range->ended[i] = message->err || message->offset + 1 >= range->ends[i];
        range->left -= range->ended[i];
    }
}

static bool is_past(const struct range *range, const rd_kafka_message_t *message)
{
    for (int i = 0; i < range->list->cnt; i++)
        if (range->list->elems[i].partition == message->partition &&
            strcmp(range->list->elems[i].topic, rd_kafka_topic_name(message->rkt)) == 0)
            return message->offset >= range->ends[i];
    return true;
}

struct reading {
    const struct log_query *query;
    struct range *range;
    struct ctx inner;
    log_each *each;
    void *argument;
    size_t n;
};

/* False: it is over. */
static bool take(struct ctx *ctx, struct reading *reading, const rd_kafka_message_t *message)
{
    const struct log_query *query = reading->query;
    if (message->err && message->err != RD_KAFKA_RESP_ERR__PARTITION_EOF)
        return no_answer(ctx, message->err);
    if (message->err) {
        note_end(reading->range, message);
        return true;
    }
    struct record record = record_of_message(reading->inner.arena, message);
    bool more = true;
    if ((query->follow || !is_past(reading->range, message)) &&
        (query->from_us == INT64_MAX || record.time_us >= query->from_us) &&
        (!query->until_us || record.time_us < query->until_us))
        more = reading->each(&reading->inner, &record, reading->argument);
    note_end(reading->range, message);
    ctx_clear(&reading->inner);
    if (++reading->n % ARENA_RECORDS == 0)
        arena_clear(reading->inner.arena);
    return more;
}

static void read_on(struct ctx *ctx, struct log_reader *reader, struct reading *reading)
{
    int64_t heard_us = clock_mono_us();
    while (reading->query->follow || reading->range->left) {
        rd_kafka_message_t *message = rd_kafka_consumer_poll(reader->rk, POLL_MS);
        if (!message && !reading->query->follow && clock_mono_us() - heard_us > SILENCE_US) {
            ctx_fail(ctx, ERR_UNAVAILABLE, "the event log says nothing any more");
            return;
        }
        if (!message)
            continue;
        heard_us = clock_mono_us();
        bool more = take(ctx, reading, message);
        rd_kafka_message_destroy(message);
        if (!more)
            return;
    }
}

bool log_read(struct ctx *ctx, struct log_reader *reader, const struct log_query *query,
              log_each *each, void *argument)
{
    struct range range = { .list = rd_kafka_topic_partition_list_new(16) };
    struct reading reading = { query, &range, { .arena = arena_new(0) }, each, argument, 0 };
    if (list_partitions(ctx, reader, query, range.list) &&
        find_starts(ctx, reader, query, &range)) {
        rd_kafka_assign(reader->rk, range.list);
        read_on(ctx, reader, &reading);
        rd_kafka_assign(reader->rk, NULL);
    }
    rd_kafka_topic_partition_list_destroy(range.list);
    arena_free(reading.inner.arena);
    return !ctx_failed(ctx);
}

/* ---- single records ---- */

static struct str copy_bytes(struct arena *arena, struct str bytes)
{
    return bytes.ptr ? arena_str(arena, bytes) : bytes;
}

static struct record copy_record(struct arena *arena, const rd_kafka_message_t *message)
{
    struct record record = record_of_message(arena, message);
    record.topic = copy_bytes(arena, record.topic);
    record.key = copy_bytes(arena, record.key);
    record.value = copy_bytes(arena, record.value);
    for (size_t i = 0; i < record.n_headers; i++)
        record.headers[i] = (struct record_header){ copy_bytes(arena, record.headers[i].name),
                                                    copy_bytes(arena, record.headers[i].value) };
    return record;
}

static void start_at(struct log_reader *reader, const char *topic, int partition, int64_t offset)
{
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(1);
    rd_kafka_topic_partition_list_add(list, topic, partition)->offset = offset;
    rd_kafka_assign(reader->rk, list);
    rd_kafka_topic_partition_list_destroy(list);
}

/* Reads until the record at `offset` or past it; -1 in *at: the log ends before. False: no answer. The message that is
 * past it is kept in *ahead. */
static bool read_to(struct ctx *ctx, struct log_reader *reader, int64_t offset,
                    rd_kafka_message_t **ahead)
{
    int64_t until = clock_mono_us() + SILENCE_US;
    while (clock_mono_us() < until) {
        rd_kafka_message_t *message = *ahead ? *ahead : rd_kafka_consumer_poll(reader->rk, POLL_MS);
        *ahead = NULL;
        if (!message)
            continue;
        if (message->err == RD_KAFKA_RESP_ERR__PARTITION_EOF) {
            rd_kafka_message_destroy(message);
            return true;
        }
        if (message->err) {
            no_answer(ctx, message->err);
            rd_kafka_message_destroy(message);
            return false;
        }
        if (message->offset >= offset) {
            *ahead = message;
            return true;
        }
        rd_kafka_message_destroy(message);
    }
    return ctx_fail(ctx, ERR_UNAVAILABLE, "the event log says nothing any more");
}

bool log_read_at(struct ctx *ctx, struct log_reader *reader, struct str topic, int partition,
                 const int64_t *offsets, size_t n, struct record *out)
{
    rd_kafka_message_t *ahead = NULL;
    int64_t at = -1;
    const char *name = arena_cstr(ctx->arena, topic);
    bool read = true;
    for (size_t i = 0; i < n && read; i++) {
        out[i] = (struct record){ .topic = topic, .partition = partition, .offset = -1 };
        if (at < 0 || offsets[i] - at > NEAR) {
            if (ahead)
                rd_kafka_message_destroy(ahead);
            ahead = NULL;
            start_at(reader, name, partition, offsets[i]);
        }
        read = read_to(ctx, reader, offsets[i], &ahead);
        if (read && ahead && ahead->offset == offsets[i])
            out[i] = copy_record(ctx->arena, ahead);
        at = ahead ? offsets[i] : -1;
    }
    if (ahead)
        rd_kafka_message_destroy(ahead);
    rd_kafka_assign(reader->rk, NULL);
    return read;
}
