#include "platform/events/batch.h"
#include "platform/faults/faults.h"

/* SQL: one transaction, a savepoint for each partition and in it one for each event. */

struct sql_batch {
    struct consumer *consumer;
    struct slice *slices;
    size_t n;
};

/* Writes the dead letter (once the event's savepoint is undone), or what is parked. */
static bool set_aside(struct ctx *ctx, struct passage *passage, enum fate fate)
{
    struct parked parked = passage_reason(passage, fate);
    if (fate == FATE_PARKED)
        return parked_put(ctx, &parked);
    bool already;
    struct event_record letter;
    dead_letter_make(ctx, passage->consumer->events->service, &parked, &letter);
    if (!event_put(ctx, &letter) || !parked_put(ctx, &parked))
        return false;
    if (!event_has_followers(&passage->event))
        return true;
    passage->any_parked = true;
    return seen_note(ctx, passage->consumer->name, passage->event.id, &already);
}

bool sql_try(struct ctx *ctx, struct passage *passage, const struct record *record, enum fate *fate)
{
    if (!sql_savepoint(ctx))
        return false;
    *fate = passage_run(ctx, passage, record);
    if (*fate == FATE_RETRY || *fate == FATE_REJECTED) {
        if (!sql_savepoint_undo(ctx))
            return false;
    } else if (!sql_savepoint_keep(
                   ctx)) { /* a reaction that says DONE although a statement failed */
        *fate = passage_failed(ctx, passage);
        if (!sql_savepoint_undo(ctx))
            return false;
    }
    return true;
}

bool sql_one_record(struct ctx *ctx, struct passage *passage, const struct record *record,
                    enum fate *fate)
{
    if (!sql_try(ctx, passage, record, fate))
        return false;
    if (*fate == FATE_REJECTED || *fate == FATE_PARKED)
        return set_aside(ctx, passage, *fate);
    return true;
}

/* False: the transaction is broken. */
static bool sql_slice(struct ctx *ctx, struct consumer *consumer, struct slice *slice)
{
    struct passage passage = { .consumer = consumer, .slice = slice };
    slice->through = 0;
    slice->next = slice->was;
    slice->lost = false;
    memset(slice->fates, 0, slice->n * sizeof *slice->fates);
    int64_t position;
    if (!sql_savepoint(ctx) || !parked_any(ctx, consumer->name, &passage.any_parked))
        return false;
    /* Redriving must not end a key's waiting while one more is put behind it here. */
    if (passage.any_parked &&
        !position_lock(ctx, consumer->name, slice->topic, slice->partition, &position))
        return false;
    for (size_t i = 0; i < slice->n; i++) {
        if (!sql_one_record(ctx, &passage, &slice->records[i], &slice->fates[i]))
            return false;
        if (slice->fates[i] == FATE_RETRY) {
            slice->error = passage.why;
            break;
        }
        if (slice->fates[i] == FATE_REJECTED)
            slice->error = passage.why;
        slice->through = i + 1;
        slice->next = slice->records[i].offset + 1;
    }
    if (slice->through == 0 || position_move(ctx, consumer->name, slice->log, slice->topic,
                                             slice->partition, slice->was, slice->next))
        return sql_savepoint_keep(ctx);
    if (ctx->error.code != ERR_CONFLICT)
        return false;
    ctx_clear(ctx);
    slice->lost = true;
    slice->through = 0;
    return sql_savepoint_undo(ctx);
}

static bool sql_run(struct ctx *ctx, void *argument)
{
    struct sql_batch *batch = argument;
    for (size_t i = 0; i < batch->n; i++)
        if (!sql_slice(ctx, batch->consumer, &batch->slices[i]))
            return false;
    if (fault_at("events.consumer.commit", batch->consumer->settings.name) == FAULT_ERROR)
        return ctx_fail(ctx, ERR_UNAVAILABLE, "fault at events.consumer.commit");
    return true;
}

bool batch_run_sql(struct ctx *ctx, struct consumer *consumer, struct slice *slices, size_t n)
{
    struct sql_batch batch = { consumer, slices, n };
    return sql_write(ctx, consumer->events->db, sql_run, &batch);
}
