#include "platform/events/events_internal.h"

/* The path of an event without a broker, for tests of services. */
#define TEST_LOG "test/0"

static struct str key_of(struct ctx *ctx, const struct event_type *type, struct str data)
{
    const struct field *field = type->key ? type->key : type->subject;
    const struct json *document = json_parse(ctx, data);
    struct str key = { 0 };
    if (document && field)
        key = json_str(json_get(document, field->name));
    ctx_clear(ctx);
    return key.ptr ? key : STR("test");
}

struct question {
    struct consumer *consumer;
    struct str topic;
    int64_t next;
};

static bool ask_sql(struct ctx *ctx, void *argument)
{
    struct question *q = argument;
    return position_read(ctx, q->consumer->name, STR(TEST_LOG), q->topic, 0, &q->next);
}

static bool find_position(struct ctx *ctx, struct question *q)
{
    const struct consumer_settings *settings = &q->consumer->settings;
    q->next = -1;
    if (settings->store)
        return settings->store->position(ctx, settings->store_data, STR(TEST_LOG), q->topic, 0,
                                         &q->next);
    return sql_read(ctx, q->consumer->events->db, ask_sql, q);
}

static enum outcome give_to(struct ctx *ctx, struct consumer *consumer, struct record *record)
{
    struct question q = { .consumer = consumer, .topic = record->topic };
    if (!find_position(ctx, &q))
        return RETRY;
    record->offset = MAX(q.next, 0);
    struct slice slice = {
        .log = STR(TEST_LOG),
        .topic = record->topic,
        .was = q.next,
        .records = record,
        .n = 1,
    };
    struct ctx own = consumer_ctx(consumer, ctx->arena);
    bool committed = batch_run(&own, consumer, &slice, 1);
    enum fate fate = committed ? slice.fates[0] : FATE_RETRY;
    if (fate == FATE_RETRY || fate == FATE_REJECTED)
        ctx->error = committed ? slice.error : own.error;
    return fate == FATE_RETRY ? RETRY : fate == FATE_REJECTED ? REJECT : DONE;
}

enum outcome events_give(struct ctx *ctx, struct events *events, const struct event_type *type,
                         struct str id, struct str key, struct str data)
{
    char made[ID_UUID_BYTES];
    id_uuid7(made);
    struct record_header headers[] = {
        { STR("ce_specversion"), STR("1.0") },
        { STR("ce_id"), id.ptr ? id : str_of(made) },
        { STR("ce_type"), str_of(type->type) },
        { STR("ce_source"), STR("/fanfare/test") },
        { STR("content-type"), STR("application/json") },
    };
    struct record record = {
        .topic = str_of(type->topic),
        .time_us = clock_now_us(),
        .key = key.ptr ? key : key_of(ctx, type, data),
        .value = data,
        .headers = headers,
        .n_headers = COUNT(headers),
    };
    enum outcome worst = DONE;
    for (size_t i = 0; i < events->n_consumers; i++) {
        if (!consumer_reaction(events->consumers[i], record.headers[2].value, NULL))
            continue;
        enum outcome outcome = give_to(ctx, events->consumers[i], &record);
        worst = MAX(worst, outcome);
    }
    return worst;
}
