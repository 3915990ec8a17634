#include "platform/events/events_internal.h"

static _Atomic uint64_t count_put;

uint64_t outbox_puts(void)
{
    return atomic_load_explicit(&count_put, memory_order_acquire);
}

/* What a row takes in the database, roughly: its text and what surrounds it. */
static int64_t record_bytes(const struct event_record *record)
{
    return (int64_t)(record->data.len + record->key.len + record->subject.len + 256);
}

void effects_add(struct ctx *ctx, struct event_effects *effects, const struct event_record *record)
{
    if (effects->n == effects->cap) {
        size_t cap = effects->cap ? 2 * effects->cap : 16;
        struct event_record *grown = ARENA_ARRAY(ctx->arena, struct event_record, cap);
        if (effects->n)
            memcpy(grown, effects->records, effects->n * sizeof *grown);
        effects->records = grown;
        effects->cap = cap;
    }
    effects->records[effects->n++] = *record;
}

/* An id that is there already is the same event: made again by a reaction that was done again. */
bool event_put(struct ctx *ctx, const struct event_record *record)
{
    if (!ctx->sql && ctx->event && ctx->event->effects) {
        effects_add(ctx, ctx->event->effects, record);
        return true;
    }
    if (!ctx->sql)
        return ctx_fail(ctx, ERR_INTERNAL, STR_FMT " was published outside a transaction",
                        STR_ARG(record->type));
    if (!sql_exec(
            ctx, NULL,
            "INSERT INTO platform_outbox (id, topic, partition_key, type, subject, time_us, traceparent, "
            "content_type, data, created_us, bytes) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11) "
            "ON CONFLICT (id) DO NOTHING",
            sql_str(record->id), sql_str(record->topic), sql_str(record->key),
            sql_str(record->type), sql_str(record->subject), sql_int(record->time_us),
            sql_str(record->traceparent),
            record->data.ptr ? sql_text("application/json") : sql_null(),
            record->data.ptr ? sql_blob(record->data) : sql_null(), sql_int(clock_now_us()),
            sql_int(record_bytes(record))))
        return ctx_fail(ctx, ERR_INTERNAL, "publishing " STR_FMT, STR_ARG(record->type));
    atomic_fetch_add_explicit(&count_put, 1, memory_order_release);
    return true;
}

static struct outbox_row read_row(struct ctx *ctx, const struct sql_rows *rows)
{
    struct outbox_row row = {
        .seq = row_int(rows, 0),
        .created_us = row_int(rows, 8),
        .bytes = row_int(rows, 9),
        .event = {
            .id = row_str(ctx, rows, 1),
            .topic = row_str(ctx, rows, 2),
            .key = row_str(ctx, rows, 3),
            .type = row_str(ctx, rows, 4),
            .subject = row_str(ctx, rows, 5),
            .time_us = row_int(rows, 6),
            .traceparent = row_str(ctx, rows, 7),
        },
    };
    if (!row_is_null(rows, 10))
        row.event.data = row_blob(ctx, rows, 10);
    return row;
}

#define OUTBOX_ROWS                                                                                \
    "SELECT seq, id, topic, partition_key, type, subject, time_us, traceparent, created_us, bytes, data " \
    "FROM platform_outbox WHERE seq > $1 "

static struct sql_value numbers(struct ctx *ctx, const int64_t *seqs, size_t n)
{
    struct json_out list;
    json_out_init(&list, ctx->arena);
    json_array(&list);
    for (size_t i = 0; i < n; i++)
        json_put_int(&list, seqs[i]);
    json_array_end(&list);
    return sql_str(json_out_str(&list));
}

bool outbox_read(struct ctx *ctx, struct outbox_page *page)
{
    struct sql_rows rows;
    bool open = sql_is_postgresql(sql_db_of(ctx))
                    ? sql_query(ctx, &rows,
                                OUTBOX_ROWS
                                "AND seq NOT IN (SELECT value::bigint FROM "
                                "json_array_elements_text($3::json)) ORDER BY seq LIMIT $2",
                                sql_int(0), sql_int((int64_t)page->limit),
                                numbers(ctx, page->skip, page->n_skip))
                    : sql_query(ctx, &rows, OUTBOX_ROWS "ORDER BY seq LIMIT $2",
                                sql_int(page->after), sql_int((int64_t)page->limit));
    if (!open)
        return false;
    page->rows = ARENA_ARRAY(ctx->arena, struct outbox_row, page->limit);
    page->n = 0;
    int64_t bytes = 0;
    while (sql_next(ctx, &rows)) {
        page->rows[page->n] = read_row(ctx, &rows);
        bytes += page->rows[page->n++].bytes;
        if (bytes > PAGE_BYTES) {
            sql_rows_close(&rows);
            break;
        }
    }
    page->more = page->n == page->limit || bytes > PAGE_BYTES;
    return !ctx_failed(ctx);
}

bool outbox_measure(struct ctx *ctx, struct outbox_size *out)
{
    struct sql_rows rows;
    if (!sql_one(
            ctx, &rows,
            "SELECT count(*), CAST(coalesce(sum(bytes), 0) AS BIGINT), coalesce(min(created_us), 0) "
            "FROM platform_outbox"))
        return false;
    *out = (struct outbox_size){ row_int(&rows, 0), row_int(&rows, 1), row_int(&rows, 2) };
    sql_rows_close(&rows);
    return true;
}

/* The numbers go as one JSON array, so that one prepared statement serves any number of them. */
bool outbox_forget(struct ctx *ctx, const int64_t *seqs, size_t n)
{
    struct sql_value list = numbers(ctx, seqs, n);
    if (sql_is_postgresql(sql_db_of(ctx)))
        return sql_exec(ctx, NULL,
                        "DELETE FROM platform_outbox WHERE seq IN "
                        "(SELECT value::bigint FROM json_array_elements_text($1::json))",
                        list);
    return sql_exec(ctx, NULL,
                    "DELETE FROM platform_outbox WHERE seq IN (SELECT value FROM json_each($1))",
                    list);
}
