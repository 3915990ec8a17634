#include "platform/events/events_internal.h"

static bool another_log(struct ctx *ctx, struct str topic, int partition, struct str ours,
                        struct str log)
{
    return ctx_fail(ctx, ERR_CONFLICT,
                    "the position in " STR_FMT "/%d is of the log " STR_FMT
                    ", but this one is " STR_FMT,
                    STR_ARG(topic), partition, STR_ARG(ours), STR_ARG(log));
}

bool position_read(struct ctx *ctx, struct str consumer, struct str log, struct str topic,
                   int partition, int64_t *next)
{
    struct sql_rows rows;
    *next = -1;
    if (!sql_one(ctx, &rows,
                 "SELECT next_offset, log FROM platform_positions "
                 "WHERE consumer = $1 AND topic = $2 AND topic_partition = $3",
                 sql_str(consumer), sql_str(topic), sql_int(partition)))
        return !ctx_failed(ctx);
    int64_t stored = row_int(&rows, 0);
    struct str ours = row_str(ctx, &rows, 1);
    sql_rows_close(&rows);
    if (!str_eq(ours, log))
        return another_log(ctx, topic, partition, ours, log);
    *next = stored;
    return true;
}

bool position_move(struct ctx *ctx, struct str consumer, struct str log, struct str topic,
                   int partition, int64_t was, int64_t next)
{
    int64_t changed = 0;
    bool done;
    if (was < 0)
        done = sql_exec(
            ctx, &changed,
            "INSERT INTO platform_positions (consumer, topic, topic_partition, log, next_offset, moved_us) "
            "VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT (consumer, topic, topic_partition) DO NOTHING",
            sql_str(consumer), sql_str(topic), sql_int(partition), sql_str(log), sql_int(next),
            sql_int(clock_now_us()));
    else
        done = sql_exec(
            ctx, &changed,
            "UPDATE platform_positions SET next_offset = $5, moved_us = $6 WHERE consumer = $1 "
            "AND topic = $2 AND topic_partition = $3 AND log = $4 AND next_offset = $7",
            sql_str(consumer), sql_str(topic), sql_int(partition), sql_str(log), sql_int(next),
            sql_int(clock_now_us()), sql_int(was));
    if (!done)
        return ctx_fail(ctx, ERR_INTERNAL, "moving the position in " STR_FMT "/%d", STR_ARG(topic),
                        partition);
    if (changed != 1)
        return ctx_fail(ctx, ERR_CONFLICT,
                        "another instance moved the position in " STR_FMT "/%d from %lld",
                        STR_ARG(topic), partition, (long long)was);
    return true;
}

bool position_lock(struct ctx *ctx, struct str consumer, struct str topic, int partition,
                   int64_t *next)
{
    struct sql_rows rows;
    *next = -1;
    if (!sql_exec(ctx, NULL,
                  "UPDATE platform_positions SET moved_us = moved_us "
                  "WHERE consumer = $1 AND topic = $2 AND topic_partition = $3",
                  sql_str(consumer), sql_str(topic), sql_int(partition)))
        return false;
    if (!sql_one(ctx, &rows,
                 "SELECT next_offset FROM platform_positions "
                 "WHERE consumer = $1 AND topic = $2 AND topic_partition = $3",
                 sql_str(consumer), sql_str(topic), sql_int(partition)))
        return !ctx_failed(ctx);
    *next = row_int(&rows, 0);
    sql_rows_close(&rows);
    return true;
}

bool seen_note(struct ctx *ctx, struct str consumer, struct str id, bool *already)
{
    int64_t changed;
    if (!sql_exec(ctx, &changed,
                  "INSERT INTO platform_seen (consumer, id, seen_us) VALUES ($1, $2, $3) "
                  "ON CONFLICT (consumer, id) DO NOTHING",
                  sql_str(consumer), sql_str(id), sql_int(clock_now_us())))
        return false;
    *already = changed == 0;
    return true;
}

/* In portions, so that nobody waits long for the writer. */
bool seen_forget(struct ctx *ctx, int64_t before_us, int64_t *forgotten)
{
    return sql_exec(ctx, forgotten,
                    "DELETE FROM platform_seen WHERE (consumer, id) IN "
                    "(SELECT consumer, id FROM platform_seen WHERE seen_us < $1 LIMIT 2000)",
                    sql_int(before_us));
}

bool parked_any(struct ctx *ctx, struct str consumer, bool *any)
{
    struct sql_rows rows;
    *any = sql_one(ctx, &rows, "SELECT 1 FROM platform_parked WHERE consumer = $1 LIMIT 1",
                   sql_str(consumer));
    if (*any)
        sql_rows_close(&rows);
    return !ctx_failed(ctx);
}

bool parked_key(struct ctx *ctx, struct str consumer, struct str topic, struct str key,
                bool *parked)
{
    struct sql_rows rows;
    *parked = sql_one(
        ctx, &rows,
        "SELECT 1 FROM platform_parked WHERE consumer = $1 AND partition_key = $2 AND topic = $3 LIMIT 1",
        sql_str(consumer), sql_str(key), sql_str(topic));
    if (*parked)
        sql_rows_close(&rows);
    return !ctx_failed(ctx);
}

bool parked_at(struct ctx *ctx, struct str consumer, struct str topic, int partition,
               int64_t offset, bool *parked)
{
    struct sql_rows rows;
    *parked = sql_one(ctx, &rows,
                      "SELECT 1 FROM platform_parked WHERE consumer = $1 AND topic = $2 "
                      "AND topic_partition = $3 AND log_offset = $4",
                      sql_str(consumer), sql_str(topic), sql_int(partition), sql_int(offset));
    if (*parked)
        sql_rows_close(&rows);
    return !ctx_failed(ctx);
}

bool parked_put(struct ctx *ctx, const struct parked *parked)
{
    const struct event *event = parked->event;
    return sql_exec(
        ctx, NULL,
        "INSERT INTO platform_parked (consumer, topic, topic_partition, log_offset, log, partition_key, "
        "event_id, type, state, code, detail, parked_us) "
        "VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12) "
        "ON CONFLICT (consumer, topic, topic_partition, log_offset) DO NOTHING",
        sql_str(parked->consumer), sql_str(event->topic), sql_int(event->partition),
        sql_int(event->offset), sql_str(parked->log),
        sql_str(event->key.ptr ? event->key : STR("")),
        sql_str(event->id.ptr ? event->id : STR("")),
        sql_str(event->type.ptr ? event->type : STR("")), sql_text(parked->state),
        sql_text(error_name(parked->code)), sql_str(parked->detail.ptr ? parked->detail : STR("")),
        sql_int(clock_now_us()));
}
