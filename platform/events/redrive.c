#include "platform/events/redrive.h"

#include "platform/events/batch.h"
#include "platform/telemetry/log.h"

#define PORTION 200 /* rows of a key that are taken in one transaction */

/* ---- the list ---- */

struct listing {
    struct events *events;
    struct str after[4];
    bool has_after;
    size_t limit, n;
    struct json_out *out;
    struct str last[4];
};

static void put_str(struct json_out *out, const char *name, struct str text)
{
    json_key(out, name);
    json_put_str(out, text);
}

static void put_int(struct json_out *out, const char *name, int64_t number)
{
    json_key(out, name);
    json_put_int(out, number);
}

static void put_row(struct ctx *ctx, struct listing *listing, const struct sql_rows *rows)
{
    struct json_out *out = listing->out;
    struct str consumer = row_str(ctx, rows, 0), topic = row_str(ctx, rows, 1);
    json_object(out);
    put_str(out, "consumer", consumer);
    put_str(out, "topic", topic);
    put_int(out, "partition", row_int(rows, 2));
    put_int(out, "offset", row_int(rows, 3));
    put_str(out, "key", row_str(ctx, rows, 4));
    put_str(out, "id", row_str(ctx, rows, 5));
    put_str(out, "type", row_str(ctx, rows, 6));
    put_str(out, "state", row_str(ctx, rows, 7));
    put_str(out, "code", row_str(ctx, rows, 8));
    put_str(out, "detail", row_str(ctx, rows, 9));
    json_key(out, "parked_at");
    json_put_time(out, row_int(rows, 10));
    json_key(out, "first");
    json_put_bool(out, row_int(rows, 11) == 0);
    json_object_end(out);
    listing->last[0] = consumer;
    listing->last[1] = topic;
    listing->last[2] = arena_printf(ctx->arena, "%lld", (long long)row_int(rows, 2));
    listing->last[3] = arena_printf(ctx->arena, "%lld", (long long)row_int(rows, 3));
}

static bool list_rows(struct ctx *ctx, void *argument)
{
    struct listing *listing = argument;
    struct sql_rows rows;
    int64_t partition = -1, offset = -1;
    struct str consumer = STR(""), topic = STR("");
    if (listing->has_after) {
        consumer = listing->after[0];
        topic = listing->after[1];
        if (!str_to_int(listing->after[2], &partition) || !str_to_int(listing->after[3], &offset))
            return ctx_fail(ctx, ERR_INVALID, "the cursor is not one of ours");
    }
    /* `|| ''` and `+ 0` keep the planner from the primary key, by which it would go through all of the topic for each
     * row: a key has few. */
    if (!sql_query(
            ctx, &rows,
            "SELECT consumer, topic, topic_partition, log_offset, partition_key, event_id, type, state, code, "
            "detail, parked_us, (SELECT count(*) FROM (SELECT 1 FROM platform_parked before WHERE "
            "p.partition_key <> '' AND before.consumer = p.consumer AND before.partition_key = p.partition_key "
            "AND before.topic || '' = p.topic AND (before.topic_partition + 0, before.log_offset) < "
            "(p.topic_partition, p.log_offset) LIMIT 1) earlier) FROM platform_parked p "
            "WHERE (consumer, topic, topic_partition, log_offset) > ($1, $2, $3, $4) "
            "ORDER BY consumer, topic, topic_partition, log_offset LIMIT $5",
            sql_str(consumer), sql_str(topic), sql_int(partition), sql_int(offset),
            sql_int((int64_t)listing->limit)))
        return false;
    for (; sql_next(ctx, &rows); listing->n++)
        put_row(ctx, listing, &rows);
    return !ctx_failed(ctx);
}

static bool has_list(struct ctx *ctx, const struct events *events)
{
    return events->db ||
           ctx_fail(ctx, ERR_NOT_FOUND,
                    "%s has no SQL database and keeps no list of what it set aside: its dead "
                    "letters are on the log alone, and replaying gives one again",
                    events->service);
}

bool redrive_list(struct ctx *ctx, struct events *events, struct str cursor, size_t limit,
                  struct json_out *out, struct str *next)
{
    struct listing listing = { .events = events, .limit = limit, .out = out };
    *next = (struct str){ 0 };
    if (cursor.ptr && !sql_cursor_parse(ctx, cursor, listing.after, 4))
        return false;
    listing.has_after = cursor.ptr != NULL;
    if (!has_list(ctx, events) || !sql_read(ctx, events->db, list_rows, &listing))
        return false;
    if (listing.n == limit)
        *next = sql_cursor(ctx->arena, listing.last, 4);
    return true;
}

/* ---- a key's events that wait, in order ---- */

struct waiting {
    int partition;
    int64_t offset;
    struct str log, id;
    bool dead;
};

/* How far it is; of a transaction that is run again, as it was before. */
struct progress {
    struct redrive_result result;
    bool dropped; /* the place itself */
    bool over;    /* nothing more is to be done */
};

struct chain {
    struct consumer *consumer;
    struct redrive_place place;
    enum redrive_wish wish;
    struct str key;
    bool known; /* the key: the place may be gone by now */
    struct waiting *rows;
    struct record *records;
    size_t n;
    struct progress now, next;
};

static bool find_key(struct ctx *ctx, struct chain *chain)
{
    struct sql_rows rows;
    const struct redrive_place *place = &chain->place;
    if (chain->known)
        return true;
    if (!sql_one(ctx, &rows,
                 "SELECT partition_key FROM platform_parked WHERE consumer = $1 AND topic = $2 "
                 "AND topic_partition = $3 AND log_offset = $4",
                 sql_str(place->consumer), sql_str(place->topic), sql_int(place->partition),
                 sql_int(place->offset)))
        return ctx_failed(ctx)
                   ? false
                   : ctx_fail(ctx, ERR_NOT_FOUND, "nothing is set aside at " STR_FMT "/%d@%lld",
                              STR_ARG(place->topic), place->partition, (long long)place->offset);
    chain->key = row_str(ctx, &rows, 0);
    sql_rows_close(&rows);
    return chain->known = true;
}

#define WAITING                                                                                    \
    "SELECT topic_partition, log_offset, log, event_id, state FROM platform_parked WHERE "

/* Without a key nothing waits behind it: it is alone. (As in the list, the planner is kept to the index of keys.) */
static bool ask_chain(struct ctx *ctx, const struct chain *chain, struct sql_rows *rows)
{
    const struct redrive_place *place = &chain->place;
    if (!chain->key.len)
        return sql_query(
            ctx, rows,
            WAITING "consumer = $1 AND topic = $2 AND topic_partition = $3 AND log_offset = $4",
            sql_str(place->consumer), sql_str(place->topic), sql_int(place->partition),
            sql_int(place->offset));
    return sql_query(ctx, rows,
                     WAITING "consumer = $1 AND partition_key = $2 AND topic || '' = $3 "
                             "ORDER BY topic_partition + 0, log_offset LIMIT $4",
                     sql_str(place->consumer), sql_str(chain->key), sql_str(place->topic),
                     sql_int(PORTION));
}

static bool load_chain(struct ctx *ctx, void *argument)
{
    struct chain *chain = argument;
    struct sql_rows rows;
    chain->n = 0;
    if (!find_key(ctx, chain) || !ask_chain(ctx, chain, &rows))
        return false;
    while (sql_next(ctx, &rows)) {
        struct str state = row_str(ctx, &rows, 4);
        chain->rows[chain->n++] = (struct waiting){ .partition = (int)row_int(&rows, 0),
                                                    .offset = row_int(&rows, 1),
                                                    .log = row_str(ctx, &rows, 2),
                                                    .id = row_str(ctx, &rows, 3),
                                                    .dead = str_is(state, "dead") };
    }
    return !ctx_failed(ctx);
}

/* The records, partition by partition: a key has one, unless the topic was given more. */
static bool load_records(struct ctx *ctx, struct chain *chain)
{
    struct log_reader *reader = log_reader_open(ctx, chain->consumer->events->url);
    int64_t *offsets = ARENA_ARRAY(ctx->arena, int64_t, chain->n);
    bool read = reader != NULL;
    for (size_t i = 0, k; i < chain->n && read; i = k) {
        for (k = i; k < chain->n && chain->rows[k].partition == chain->rows[i].partition; k++)
            offsets[k] = chain->rows[k].offset;
        read = log_read_at(ctx, reader, chain->place.topic, chain->rows[i].partition, &offsets[i],
                           k - i, &chain->records[i]);
    }
    log_reader_free(reader);
    return read;
}

/* ---- what becomes of a row ---- */

/* One row, for the small transactions of its own that a store without SQL needs; inside of one, part of it. */
struct row_step {
    const struct chain *chain;
    const struct waiting *row;
    struct passage *passage;
    bool waits;
};

static bool ask_row(struct ctx *ctx, void *argument)
{
    struct row_step *step = argument;
    const struct redrive_place *place = &step->chain->place;
    struct sql_rows rows;
    step->waits = sql_one(ctx, &rows,
                          "SELECT 1 FROM platform_parked WHERE consumer = $1 AND topic = $2 "
                          "AND topic_partition = $3 AND log_offset = $4",
                          sql_str(place->consumer), sql_str(place->topic),
                          sql_int(step->row->partition), sql_int(step->row->offset));
    if (step->waits)
        sql_rows_close(&rows);
    return !ctx_failed(ctx);
}

static bool end_row(struct ctx *ctx, void *argument)
{
    struct row_step *step = argument;
    const struct redrive_place *place = &step->chain->place;
    return sql_exec(ctx, NULL,
                    "DELETE FROM platform_parked WHERE consumer = $1 AND topic = $2 AND "
                    "topic_partition = $3 AND log_offset = $4",
                    sql_str(place->consumer), sql_str(place->topic), sql_int(step->row->partition),
                    sql_int(step->row->offset));
}

/* What waited behind another is now a dead letter itself. */
static bool reject_row(struct ctx *ctx, void *argument)
{
    struct row_step *step = argument;
    const struct redrive_place *place = &step->chain->place;
    struct parked parked = passage_reason(step->passage, FATE_REJECTED);
    struct event_record letter;
    if (!sql_exec(
            ctx, NULL,
            "UPDATE platform_parked SET state = 'dead', code = $5, detail = $6, parked_us = $7 "
            "WHERE consumer = $1 AND topic = $2 AND topic_partition = $3 AND log_offset = $4",
            sql_str(place->consumer), sql_str(place->topic), sql_int(step->row->partition),
            sql_int(step->row->offset), sql_text(error_name(parked.code)), sql_str(parked.detail),
            sql_int(clock_now_us())))
        return false;
    if (step->row->dead)
        return true;
    dead_letter_make(ctx, step->chain->consumer->events->service, &parked, &letter);
    return event_put(ctx, &letter);
}

/* Is the record the one that was set aside? A topic may have been made anew. */
static bool check_record(struct ctx *ctx, const struct chain *chain, size_t i)
{
    const struct waiting *row = &chain->rows[i];
    const char *topic = arena_cstr(ctx->arena, chain->place.topic);
    const struct partition *partition = assignment_find(chain->consumer, topic, row->partition);
    struct event event;
    if (chain->records[i].offset < 0)
        return ctx_fail(ctx, ERR_GONE,
                        "the log does not hold %s/%d@%lld any more: it can only be dropped", topic,
                        row->partition, (long long)row->offset);
    event_decode(ctx, &chain->records[i], &event);
    ctx_clear(ctx);
    if ((partition && !str_is(row->log, partition->log)) ||
        (row->id.len && !str_eq(row->id, event.id)))
        return ctx_fail(ctx, ERR_CONFLICT,
                        "%s/%d@%lld is another record than the one that was set aside", topic,
                        row->partition, (long long)row->offset);
    return true;
}

static bool stop_at(struct chain *chain, struct error why)
{
    chain->next.over = true;
    chain->next.result.why = why;
    return true;
}

/* Handles the event of a row. False: the transaction is broken. */
static bool drive_row(struct ctx *ctx, struct chain *chain, size_t i)
{
    struct consumer *consumer = chain->consumer;
    struct slice slice = { .log = chain->rows[i].log,
                           .topic = chain->place.topic,
                           .partition = chain->rows[i].partition };
    /* Its id was noted when it was set aside; a store without SQL has noted only what it has handled. */
    struct passage passage = { .consumer = consumer,
                               .slice = &slice,
                               .again = !consumer->settings.store };
    struct row_step step = { chain, &chain->rows[i], &passage, false };
    enum fate fate;
    if (!check_record(ctx, chain, i)) {
        struct error why = ctx->error;
        ctx_clear(ctx);
        return stop_at(chain, why);
    }
    if (!passage_try(ctx, &passage, &chain->records[i], &fate))
        return false;
    if (fate == FATE_RETRY)
        return stop_at(chain, passage.why);
    if (fate == FATE_REJECTED) {
        chain->next.result.rejected++;
        return sql_write(ctx, consumer->events->db, reject_row, &step) &&
               stop_at(chain, passage.why);
    }
    chain->next.result.done++;
    return sql_write(ctx, consumer->events->db, end_row, &step);
}

/* What is to be done with the i-th row. */
static bool take_row(struct ctx *ctx, struct chain *chain, size_t i)
{
    struct row_step step = { chain, &chain->rows[i], NULL, false };
    if (!sql_read(ctx, chain->consumer->events->db, ask_row, &step))
        return false;
    if (!step.waits) /* somebody else was quicker, and goes on with what is behind */
        return chain->next.over = true;
    if (chain->wish == REDRIVE_DROP && chain->rows[i].dead) /* one for somebody to decide */
        return chain->next.over = true;
    return drive_row(ctx, chain, i);
}

/* The place itself is given up; what is before it in the key's order still waits, and so what is behind it does. */
static bool drop_place(struct ctx *ctx, struct chain *chain, size_t *start)
{
    struct waiting place = { .partition = chain->place.partition, .offset = chain->place.offset };
    struct row_step step = { chain, &place, NULL, false };
    if (!sql_read(ctx, chain->consumer->events->db, ask_row, &step) ||
        !sql_write(ctx, chain->consumer->events->db, end_row, &step))
        return false;
    chain->next.dropped = true;
    chain->next.result.dropped += step.waits;
    *start = 1;
    chain->next.over = !step.waits || chain->rows[0].partition != place.partition ||
                       chain->rows[0].offset != place.offset;
    return true;
}

/* On the consumer's thread; for SQL in one transaction. */
static bool drive(struct ctx *ctx, void *argument)
{
    struct chain *chain = argument;
    int64_t position;
    size_t start = 0;
    chain->next = chain->now;
    if (!chain->consumer->settings.store &&
        !position_lock(ctx, chain->place.consumer, chain->place.topic, chain->rows[0].partition,
                       &position))
        return false;
    if (chain->wish == REDRIVE_DROP && !chain->next.dropped && !drop_place(ctx, chain, &start))
        return false;
    for (size_t i = start; i < chain->n && !chain->next.over; i++)
        if (!take_row(ctx, chain, i))
            return false;
    return true;
}

static bool drive_there(struct ctx *ctx, struct consumer *consumer, void *argument)
{
    struct chain *chain = argument;
    bool done = consumer->settings.store ? drive(ctx, chain)
                                         : sql_write(ctx, consumer->events->db, drive, chain);
    if (done)
        chain->now = chain->next;
    return done;
}

/* ---- from outside ---- */

static struct consumer *find_consumer(struct ctx *ctx, struct events *events, struct str name)
{
    for (size_t i = 0; i < events->n_consumers; i++)
        if (str_eq(events->consumers[i]->name, name))
            return events->consumers[i];
    ctx_fail(ctx, ERR_NOT_FOUND, "%s has no consumer " STR_FMT, events->service, STR_ARG(name));
    return NULL;
}

/* One portion after the other, as long as there is something: events may have come to wait meanwhile. */
static bool drive_all(struct ctx *ctx, struct chain *chain)
{
    struct events *events = chain->consumer->events;
    do {
        if (!sql_read(ctx, events->db, load_chain, chain))
            return false;
        if (chain->n == 0)
            return true;
        if (!load_records(ctx, chain) || !errand_do(ctx, chain->consumer, drive_there, chain))
            return false;
    } while (!chain->now.over);
    return true;
}

bool redrive_run(struct ctx *ctx, struct events *events, const struct redrive_place *place,
                 enum redrive_wish wish, struct redrive_result *result)
{
    struct chain chain = { .place = *place, .wish = wish };
    *result = (struct redrive_result){ 0 };
    if (!has_list(ctx, events) || !(chain.consumer = find_consumer(ctx, events, place->consumer)))
        return false;
    chain.rows = ARENA_ARRAY(ctx->arena, struct waiting, PORTION);
    chain.records = ARENA_ARRAY(ctx->arena, struct record, PORTION);
    bool driven = drive_all(ctx, &chain);
    *result = chain.now.result;
    if (driven && result->why.code && !result->rejected)
        driven = ctx_fail(ctx, result->why.code, STR_FMT, STR_ARG(result->why.detail));
    log_line(result->rejected || !driven ? LOG_WARN : LOG_INFO, ctx, "redriven",
             LOG_S("consumer", place->consumer), LOG_S("topic", place->topic),
             LOG_I("partition", place->partition), LOG_I("offset", place->offset),
             LOG_I("done", result->done), LOG_I("dropped", result->dropped),
             LOG_I("rejected", result->rejected));
    return driven;
}
