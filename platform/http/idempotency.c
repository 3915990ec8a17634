/* Idempotency-Key: the first request with a key is carried out and its answer kept for a day in the same savepoint; the
 * same request again gets that answer, another one with the key is refused. */
#include <stdatomic.h>

#include "base/clock.h"
#include "platform/crypto/crypto.h"
#include "platform/http/exchange.h"

#define KEEP_US US_PER_DAY
#define PURGE_EVERY_US (600 * US_PER_S)
#define KEY_MAX_BYTES 255

bool idempotency_wanted(const struct exchange *ex)
{
    return ex->headers.idempotency_key.ptr && ex->ctx.operation->idempotency_key;
}

static struct str record_owner(const struct exchange *ex)
{
    return ex->who.subject.ptr ? ex->who.subject : STR("");
}

static void request_hash(const struct exchange *ex, uint8_t hash[32])
{
    const struct request *request = ex->request;
    struct str all = arena_printf(ex->ctx.arena, STR_FMT " " STR_FMT "\n", STR_ARG(request->method),
                                  STR_ARG(request->target));
    char *text = arena_alloc_raw(ex->ctx.arena, all.len + request->body.len);
    memcpy(text, all.ptr, all.len);
    if (request->body.len)
        memcpy(text + all.len, request->body.ptr, request->body.len);
    crypto_sha256(text, all.len + request->body.len, hash);
}

static bool key_fits(struct exchange *ex, struct str *key)
{
    *key = str_trim(ex->headers.idempotency_key);
    bool fits = key->len > 0 && key->len <= KEY_MAX_BYTES;
    for (size_t i = 0; fits && i < key->len; i++)
        fits = key->ptr[i] > ' ' && key->ptr[i] < 0x7f;
    return fits ||
           ctx_fail(&ex->ctx, ERR_MALFORMED,
                    "Idempotency-Key must be 1 to %d visible ASCII characters.", KEY_MAX_BYTES);
}

/* Old records go now and then, by whoever writes with a key next. */
static bool purge(struct exchange *ex, int64_t now_us)
{
    int64_t last_us = atomic_load(&ex->router->purged_us);
    if (now_us - last_us < PURGE_EVERY_US ||
        !atomic_compare_exchange_strong(&ex->router->purged_us, &last_us, now_us))
        return true;
    return sql_exec(&ex->ctx, NULL, "DELETE FROM platform_idempotency WHERE created_us < $1",
                    sql_int(now_us - KEEP_US));
}

static const char *line_to_header(struct exchange *ex, struct str line)
{
    struct str name;
    if (!str_split(&line, ':', &name) || !line.ptr)
        return NULL;
    reply_add(&ex->ctx, &ex->reply, arena_cstr(ex->ctx.arena, name), str_trim(line));
    return name.ptr;
}

static void reply_restore(struct exchange *ex, const struct sql_rows *rows)
{
    struct ctx *ctx = &ex->ctx;
    struct str type = row_str(ctx, rows, 2), lines = row_str(ctx, rows, 3), line;
    ex->reply = (struct reply){ .status = (int)row_int(rows, 1),
                                .body = row_blob(ctx, rows, 4),
                                .content_type = type.ptr };
    while (str_split(&lines, '\n', &line))
        line_to_header(ex, line);
    reply_add(ctx, &ex->reply, "Idempotency-Replayed", STR("true"));
}

/* The record of this key is there. */
static enum idempotency record_found(struct exchange *ex, struct str key, const uint8_t hash[32],
                                     int64_t now_us)
{
    struct ctx *ctx = &ex->ctx;
    struct sql_rows rows;
    if (!sql_one(
            ctx, &rows,
            "SELECT request_hash, status, content_type, headers, body, created_us FROM platform_idempotency"
            " WHERE principal = $1 AND operation = $2 AND key = $3",
            sql_str(record_owner(ex)), sql_text(ctx->operation->id), sql_str(key))) {
        if (!ctx_failed(ctx))
            ctx_fail_openly(ctx, ERR_UNAVAILABLE,
                            "The first request with this key is not settled yet.");
        return IDEMPOTENCY_FAILED;
    }
    struct str stored = row_blob(ctx, &rows, 0);
    bool old = row_int(&rows, 5) < now_us - KEEP_US,
         same = stored.len == 32 && memcmp(stored.ptr, hash, 32) == 0;
    if (!old && same)
        reply_restore(ex, &rows);
    sql_rows_close(&rows);
    if (!old && !same)
        ctx_fail(ctx, ERR_KEY_REUSED, "Another request was sent with this Idempotency-Key.");
    if (!old)
        return same ? IDEMPOTENCY_REPLAY : IDEMPOTENCY_FAILED;
    return sql_exec(ctx, NULL,
                    "UPDATE platform_idempotency SET request_hash = $4, created_us = $5"
                    " WHERE principal = $1 AND operation = $2 AND key = $3",
                    sql_str(record_owner(ex)), sql_text(ctx->operation->id), sql_str(key),
                    sql_blob((struct str){ (const char *)hash, 32 }), sql_int(now_us))
               ? IDEMPOTENCY_FIRST
               : IDEMPOTENCY_FAILED;
}

/* The insert comes first: on PostgreSQL it waits for another request with the key that is still under way. */
enum idempotency idempotency_begin(struct exchange *ex)
{
    struct ctx *ctx = &ex->ctx;
    struct str key;
    uint8_t hash[32];
    int64_t now_us = clock_now_us(), changed = 0;
    if (!key_fits(ex, &key) || !purge(ex, now_us))
        return IDEMPOTENCY_FAILED;
    request_hash(ex, hash);
    if (!sql_exec(
            ctx, &changed,
            "INSERT INTO platform_idempotency (principal, operation, key, request_hash, status, created_us)"
            " VALUES ($1, $2, $3, $4, 0, $5) ON CONFLICT DO NOTHING",
            sql_str(record_owner(ex)), sql_text(ctx->operation->id), sql_str(key),
            sql_blob((struct str){ (const char *)hash, 32 }), sql_int(now_us)))
        return IDEMPOTENCY_FAILED;
    return changed ? IDEMPOTENCY_FIRST : record_found(ex, key, hash, now_us);
}

bool idempotency_keep(struct exchange *ex)
{
    struct ctx *ctx = &ex->ctx;
    const struct reply *reply = &ex->reply;
    struct str lines = STR(""), key;
    for (const struct reply_header *header = reply->headers; header; header = header->next)
        lines = arena_printf(ctx->arena, STR_FMT "%s: " STR_FMT "\n", STR_ARG(lines), header->name,
                             STR_ARG(header->value));
    return key_fits(ex, &key) &&
           sql_exec(
               ctx, NULL,
               "UPDATE platform_idempotency SET status = $4, content_type = $5, headers = $6, body = $7"
               " WHERE principal = $1 AND operation = $2 AND key = $3",
               sql_str(record_owner(ex)), sql_text(ctx->operation->id), sql_str(key),
               sql_int(reply->status), sql_text(reply->content_type), sql_str(lines),
               sql_blob(reply->body));
}
