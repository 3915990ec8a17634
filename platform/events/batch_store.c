#include "platform/events/batch.h"
#include "platform/faults/faults.h"

/* Stores without savepoints: when an event does not get through, all is undone and what went well is done again, up to
 * there. What the reactions publish, the dead letters and what is parked are written first, in SQL; their ids are made
 * from their causes, so that doing it again after a crash between the two commits makes the same events. */
struct store_batch {
    struct consumer *consumer;
    struct slice *slices;
    size_t n;
    struct event_effects effects;
};

enum attempt { ATTEMPT_WHOLE, ATTEMPT_CUT, ATTEMPT_BROKEN };

/* ---- beforehand, on a reader: which events wait behind a dead letter ---- */

/* A rebuild leaves out what is set aside, and that alone: what came before it of the same key was handled. */
static bool is_set_aside(struct ctx *ctx, struct passage *passage, const struct record *record,
                         bool *parked)
{
    *parked = false;
    if (passage->consumer->rebuild)
        return parked_at(ctx, passage->consumer->list, record->topic, record->partition,
                         record->offset, parked);
    if (event_decode(ctx, record, &passage->event) && passage->event.type.ptr &&
        !passage_is_parked(ctx, passage, parked))
        return false;
    ctx_clear(ctx);
    return true;
}

static bool screen(struct ctx *ctx, void *argument)
{
    struct store_batch *batch = argument;
    struct passage passage = { .consumer = batch->consumer };
    if (batch->consumer->settings.independent && !batch->consumer->rebuild)
        return true;
    if (!parked_any(ctx, batch->consumer->list, &passage.any_parked))
        return false;
    for (size_t i = 0; passage.any_parked && i < batch->n; i++) {
        struct slice *slice = &batch->slices[i];
        for (size_t k = 0; k < slice->n; k++) {
            bool parked;
            if (!is_set_aside(ctx, &passage, &slice->records[k], &parked))
                return false;
            slice->fates[k] = parked ? FATE_PARKED : FATE_NONE;
        }
    }
    return true;
}

/* ---- effects ---- */

static void effects_park(struct ctx *ctx, struct event_effects *effects,
                         const struct parked *parked)
{
    if (effects->n_parked == effects->cap_parked) {
        size_t cap = effects->cap_parked ? 2 * effects->cap_parked : 16;
        struct parked *grown = ARENA_ARRAY(ctx->arena, struct parked, cap);
        if (effects->n_parked)
            memcpy(grown, effects->parked, effects->n_parked * sizeof *grown);
        effects->parked = grown;
        effects->cap_parked = cap;
    }
    struct parked *copy = &effects->parked[effects->n_parked++];
    *copy = *parked;
    copy->event = arena_copy(ctx->arena, parked->event, sizeof *parked->event);
}

static bool effects_write(struct ctx *ctx, void *argument)
{
    struct event_effects *effects = argument;
    for (size_t i = 0; i < effects->n; i++)
        if (!event_put(ctx, &effects->records[i]))
            return false;
    for (size_t i = 0; i < effects->n_parked; i++)
        if (!parked_put(ctx, &effects->parked[i]))
            return false;
    return true;
}

/* What a rebuild brings about the live consumer has brought about before. */
static bool effects_flush(struct ctx *ctx, const struct consumer *consumer,
                          struct event_effects *effects)
{
    struct events *events = consumer->events;
    if (consumer->rebuild || (effects->n == 0 && effects->n_parked == 0))
        return true;
    if (events->db)
        return sql_write(ctx, events->db, effects_write, effects);
    return sender_send(ctx, events->sender, effects->records, effects->n);
}

/* ---- one attempt ---- */

static void set_aside(struct ctx *ctx, struct store_batch *batch, struct passage *passage,
                      enum fate fate)
{
    struct parked parked = passage_reason(passage, fate);
    if (fate == FATE_REJECTED) {
        struct event_record letter;
        dead_letter_make(ctx, batch->consumer->events->service, &parked, &letter);
        effects_add(ctx, &batch->effects, &letter);
    }
    effects_park(ctx, &batch->effects, &parked);
}

/* The record at the cut, once what is before it has gone through. */
static void reject_at_cut(struct ctx *ctx, struct store_batch *batch, struct slice *slice)
{
    struct passage passage = {
        .consumer = batch->consumer, .slice = slice, .why = slice->error, .trace = slice->trace
    };
    event_decode(ctx, &slice->records[slice->limit], &passage.event);
    ctx_clear(ctx);
    set_aside(ctx, batch, &passage, FATE_REJECTED);
    slice->fates[slice->limit] = FATE_REJECTED;
    slice->through = slice->limit + 1;
}

static enum attempt slice_move(struct ctx *ctx, struct store_batch *batch, struct slice *slice)
{
    const struct consumer_settings *settings = &batch->consumer->settings;
    if (slice->through == 0)
        return ATTEMPT_WHOLE;
    slice->next = slice->records[slice->through - 1].offset + 1;
    if (settings->store->move(ctx, settings->store_data, slice->log, slice->topic, slice->partition,
                              slice->was, slice->next))
        return ATTEMPT_WHOLE;
    if (ctx->error.code != ERR_CONFLICT)
        return ATTEMPT_BROKEN;
    ctx_clear(ctx);
    slice->lost = true;
    return ATTEMPT_CUT;
}

static enum attempt slice_attempt(struct ctx *ctx, struct store_batch *batch, struct slice *slice)
{
    struct passage passage = { .consumer = batch->consumer,
                               .slice = slice,
                               .effects = &batch->effects };
    for (size_t i = 0; i < slice->limit; i++) {
        if (slice->fates[i] == FATE_PARKED) {
            event_decode(ctx, &slice->records[i], &passage.event);
            ctx_clear(ctx); /* a rebuild may leave out what is no event */
            set_aside(ctx, batch, &passage, FATE_PARKED);
            continue;
        }
        enum fate fate = passage_run(ctx, &passage, &slice->records[i]);
        slice->fates[i] = fate;
        if (fate == FATE_RETRY || fate == FATE_REJECTED) {
            slice->limit = i;
            slice->rejected = fate == FATE_REJECTED;
            slice->error = passage.why;
            slice->trace = passage.trace;
            return ATTEMPT_CUT;
        }
    }
    slice->through = slice->limit;
    if (slice->rejected)
        reject_at_cut(ctx, batch, slice);
    return slice_move(ctx, batch, slice);
}

static enum attempt attempt(struct ctx *ctx, struct store_batch *batch)
{
    const struct consumer_settings *settings = &batch->consumer->settings;
    batch->effects = (struct event_effects){ 0 };
    if (!settings->store->begin(ctx, settings->store_data))
        return ATTEMPT_BROKEN;
    enum attempt result = ATTEMPT_WHOLE;
    for (size_t i = 0; i < batch->n && result == ATTEMPT_WHOLE; i++) {
        batch->slices[i].through = 0;
        batch->slices[i].next = batch->slices[i].was;
        if (!batch->slices[i].lost)
            result = slice_attempt(ctx, batch, &batch->slices[i]);
    }
    if (result == ATTEMPT_WHOLE && !effects_flush(ctx, batch->consumer, &batch->effects))
        result = ATTEMPT_BROKEN;
    if (result == ATTEMPT_WHOLE &&
        fault_at("events.consumer.commit", settings->name) == FAULT_ERROR) {
        ctx_fail(ctx, ERR_UNAVAILABLE, "fault at events.consumer.commit");
        result = ATTEMPT_BROKEN;
    }
    if (result != ATTEMPT_WHOLE)
        settings->store->undo(ctx, settings->store_data);
    else if (!settings->store->commit(ctx, settings->store_data))
        result = ATTEMPT_BROKEN;
    return result;
}

bool batch_run_store(struct ctx *ctx, struct consumer *consumer, struct slice *slices, size_t n)
{
    struct store_batch batch = { .consumer = consumer, .slices = slices, .n = n };
    for (size_t i = 0; i < n; i++) {
        slices[i].limit = slices[i].n;
        slices[i].rejected = slices[i].lost = false;
    }
    if (consumer->events->db && !sql_read(ctx, consumer->events->db, screen, &batch))
        return false;
    enum attempt result;
    while ((result = attempt(ctx, &batch)) == ATTEMPT_CUT)
        ;
    return result == ATTEMPT_WHOLE;
}

bool store_try(struct ctx *ctx, struct passage *passage, const struct record *record,
               enum fate *fate)
{
    const struct consumer_settings *settings = &passage->consumer->settings;
    struct event_effects effects = { 0 };
    passage->effects = &effects;
    if (!settings->store->begin(ctx, settings->store_data))
        return false;
    *fate = passage_run(ctx, passage, record);
    if (*fate != FATE_RETRY && *fate != FATE_REJECTED && *fate != FATE_PARKED &&
        effects_flush(ctx, passage->consumer, &effects))
        return settings->store->commit(ctx, settings->store_data);
    settings->store->undo(ctx, settings->store_data);
    return !ctx_failed(ctx);
}
