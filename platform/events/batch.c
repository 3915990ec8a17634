#include "platform/events/batch.h"
#include "platform/faults/faults.h"

/* The path of every event: envelope, parked key, duplicate, data, reactions. */

/* Takes the error out of ctx, so that the next record starts without one. */
static enum fate not_through(struct ctx *ctx, struct passage *passage, enum fate fate)
{
    passage->why = ctx->error;
    if (passage->why.code == ERR_NONE)
        passage->why = (struct error){ .code = fate == FATE_RETRY ? ERR_UNAVAILABLE : ERR_INVALID,
                                       .detail = STR("the reaction gave no reason") };
    ctx_clear(ctx);
    return fate;
}

/* The code says whether trying again may help. */
enum fate passage_failed(struct ctx *ctx, struct passage *passage)
{
    return not_through(ctx, passage, outcome_of(ctx) == REJECT ? FATE_REJECTED : FATE_RETRY);
}

static bool may_wait(const struct consumer *consumer, const struct event *event)
{
    return !consumer->settings.independent && event->key.len &&
           consumer_reaction(consumer, event->type, NULL);
}

bool passage_is_parked(struct ctx *ctx, const struct passage *passage, bool *parked)
{
    const struct event *event = &passage->event;
    *parked = false;
    if (!passage->any_parked || !may_wait(passage->consumer, event))
        return true;
    return parked_key(ctx, passage->consumer->name, event->topic, event->key, parked);
}

static bool note_seen(struct ctx *ctx, struct passage *passage, bool *already)
{
    const struct consumer_settings *settings = &passage->consumer->settings;
    *already = false;
    if (settings->ids_on_demand)
        return true;
    if (!settings->store)
        return seen_note(ctx, passage->consumer->name, passage->event.id, already);
    return !settings->store->seen ||
           settings->store->seen(ctx, settings->store_data, passage->event.id, already);
}

bool event_first(struct ctx *ctx, bool *first)
{
    bool already;
    if (!seen_note(ctx, ctx->event->reader, ctx->event->id, &already))
        return false;
    *first = !already || ctx->event->again;
    return true;
}

/* The data by the tables of the type, once for all reactions to it. */
static void *decode_data(struct ctx *ctx, const struct event_type *type, struct str text)
{
    const struct json *document = json_parse(ctx, text);
    void *data = arena_alloc(ctx->arena, type->data->size);
    if (document && contract_decode(ctx, type->data, document, DECODE_TOLERANT, data))
        return data;
    ctx_fail(ctx, ERR_INVALID, "the data of %s", type->type);
    return NULL;
}

static enum fate react(struct ctx *ctx, struct passage *passage)
{
    const struct reaction *reaction =
        consumer_reaction(passage->consumer, passage->event.type, NULL);
    void *data = decode_data(ctx, reaction->event, passage->event.data);
    if (!data)
        return not_through(ctx, passage, FATE_REJECTED);
    for (; reaction;
         reaction = consumer_reaction(passage->consumer, passage->event.type, reaction)) {
        enum outcome outcome = reaction->handle(ctx, data);
        if (outcome != DONE)
            return not_through(ctx, passage, outcome == REJECT ? FATE_REJECTED : FATE_RETRY);
    }
    ctx_clear(ctx); /* an error that the reaction got over */
    return FATE_DONE;
}

static struct span *open_span(struct ctx *ctx, const struct passage *passage)
{
    const struct event *event = &passage->event;
    struct str name = arena_printf(ctx->arena, "process " STR_FMT, STR_ARG(event->topic));
    struct span *span = span_start_linked(ctx, SPAN_CONSUMER, name, &event->trace);
    span_str(span, "messaging.system", STR("kafka"));
    span_str(span, "messaging.operation.type", STR("process"));
    span_str(span, "messaging.destination.name", event->topic);
    span_int(span, "messaging.destination.partition.id", event->partition);
    span_int(span, "messaging.kafka.offset", event->offset);
    span_str(span, "messaging.message.id", event->id);
    span_str(span, "messaging.consumer.group.name", passage->consumer->name);
    span_str(span, "fanfare.event.type", event->type);
    return span;
}

static enum fate through_reactions(struct ctx *ctx, struct passage *passage)
{
    bool already, parked;
    if (!passage_is_parked(ctx, passage, &parked) || !note_seen(ctx, passage, &already))
        return passage_failed(ctx, passage);
    if (already && !passage->again)
        return FATE_DUPLICATE;
    if (parked)
        return FATE_PARKED;
    return react(ctx, passage);
}

enum fate passage_run(struct ctx *ctx, struct passage *passage, const struct record *record)
{
    passage->trace = (struct trace_context){ 0 };
    bool event = event_decode(ctx, record, &passage->event);
    if (!event && !passage->event.type.ptr)
        return not_through(ctx, passage, FATE_REJECTED);
    if (!passage->event.type.ptr ||
        !consumer_reaction(passage->consumer, passage->event.type, NULL)) {
        ctx_clear(ctx);
        return FATE_SKIPPED;
    }
    if (!event)
        return not_through(ctx, passage, FATE_REJECTED);
    int64_t start = clock_mono_us();
    struct span *outer = ctx->span,
                *span = passage->consumer->rebuild ? NULL : open_span(ctx, passage);
    passage->event.effects = passage->effects;
    passage->event.reader = passage->consumer->name;
    passage->event.again = passage->again;
    ctx->event = &passage->event;
    enum fate fate = through_reactions(ctx, passage);
    ctx->event = NULL;
    if (fate == FATE_RETRY || fate == FATE_REJECTED)
        span_error(span, error_name(passage->why.code));
    span_context(ctx, &passage->trace);
    span_end(ctx, span);
    ctx->span = outer;
    meter_processed(passage->consumer->meter, passage->event.type, fate, clock_mono_us() - start);
    return fate;
}

bool passage_try(struct ctx *ctx, struct passage *passage, const struct record *record,
                 enum fate *fate)
{
    return (passage->consumer->settings.store ? store_try : sql_try)(ctx, passage, record, fate);
}

bool event_has_followers(const struct event *event)
{
    return event->key.len && event->id.ptr && event->type.ptr;
}

struct parked passage_reason(const struct passage *passage, enum fate fate)
{
    return (struct parked){
        .state = fate == FATE_REJECTED ? "dead" : "behind",
        .consumer = passage->consumer->name,
        .log = passage->slice->log,
        .event = &passage->event,
        .code = passage->why.code,
        .detail = passage->why.detail,
        .trace = passage->trace,
    };
}

bool batch_run(struct ctx *ctx, struct consumer *consumer, struct slice *slices, size_t n)
{
    for (size_t i = 0; i < n; i++)
        slices[i].fates = ARENA_ARRAY(ctx->arena, enum fate, slices[i].n);
    bool done = consumer->settings.store ? batch_run_store(ctx, consumer, slices, n)
                                         : batch_run_sql(ctx, consumer, slices, n);
    if (done)
        fault_at("events.consumer.committed", consumer->settings.name);
    return done;
}
