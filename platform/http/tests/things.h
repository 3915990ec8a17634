/* A small service for the router's and the server's tests: its contract's tables written by hand, a real database and
 * real keys in a temporary folder. */
#pragma once

#include <pthread.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/tests/check.h"
#include "platform/http/http.h"

/* ---- get_thing ---- */

enum kind { KIND_UNKNOWN, KIND_BIG, KIND_SMALL };
static const char *const kinds[] = { "", "big", "small", NULL };

struct get_thing_in {
    struct str id;
    int64_t limit;
    bool has_kind;
    enum kind kind;
    struct str *tags;
    size_t n_tags;
    struct str mood;
};

#define NO_PRESENCE UINT32_MAX
#define NO_BODY                                                                                    \
    .body_offset = UINT32_MAX, .body_json_offset = UINT32_MAX, .body_raw_offset = UINT32_MAX

static const struct field_limits id_limits = { .least = INT64_MIN,
                                               .most = INT64_MAX,
                                               .min_length = 1,
                                               .max_length = 20,
                                               .max_items = UINT32_MAX };
static const struct field_limits limit_limits = {
    .least = 1, .most = 200, .max_length = UINT32_MAX, .max_items = UINT32_MAX
};
static const struct field_fallback limit_fallback = { .integer = 50 };

static const struct param get_thing_params[] = {
    { PARAM_PATH,
      { "id", 2, FIELD_STR, FIELD_REQUIRED, offsetof(struct get_thing_in, id), NO_PRESENCE,
        .limits = &id_limits } },
    { PARAM_QUERY,
      { "limit", 5, FIELD_INT, FIELD_DEFAULT, offsetof(struct get_thing_in, limit), NO_PRESENCE,
        .limits = &limit_limits, .fallback = &limit_fallback } },
    { PARAM_QUERY,
      { "kind", 4, FIELD_ENUM, FIELD_OPTIONAL, offsetof(struct get_thing_in, kind),
        offsetof(struct get_thing_in, has_kind), .members = kinds } },
    { PARAM_QUERY,
      { "tag", 3, FIELD_STR, FIELD_ARRAY | FIELD_OPTIONAL, offsetof(struct get_thing_in, tags),
        offsetof(struct get_thing_in, n_tags) } },
    { PARAM_HEADER,
      { "X-Mood", 6, FIELD_STR, FIELD_OPTIONAL, offsetof(struct get_thing_in, mood),
        NO_PRESENCE } },
};

static inline struct reply get_thing(struct ctx *ctx, const void *argument)
{
    const struct get_thing_in *in = argument;
    struct json_out out;
    if (str_is(in->id, "missing")) {
        ctx_fail(ctx, ERR_NOT_FOUND, "There is no thing missing.");
        return reply_error(ctx);
    }
    if (str_is(in->id, "broken")) {
        ctx_fail(ctx, ERR_INTERNAL, "a secret about the inside");
        return reply_error(ctx);
    }
    json_out_init(&out, ctx->arena);
    json_object(&out);
    json_key(&out, "id");
    json_put_str(&out, in->id);
    json_key(&out, "limit");
    json_put_int(&out, in->limit);
    json_key(&out, "kind");
    json_put_str(&out, str_of(in->has_kind ? kinds[in->kind] : "none"));
    json_key(&out, "tags");
    json_put_int(&out, (int64_t)in->n_tags);
    json_key(&out, "mood");
    json_put_str(&out, in->mood);
    json_key(&out, "who");
    json_put_str(&out, ctx->who->subject);
    json_key(&out, "agent");
    json_put_str(&out, request_header(ctx, "user-agent"));
    json_object_end(&out);
    struct reply reply = reply_ok(ctx, json_out_str(&out));
    reply_add(ctx, &reply, "ETag", STR("\"1\""));
    return reply;
}

static inline struct reply get_latest(struct ctx *ctx, const void *in)
{
    return reply_ok(ctx, STR("{\"latest\":true}"));
}

/* ---- make_thing ---- */

struct thing {
    struct str name;
    int64_t count;
};

struct make_thing_in {
    const struct thing *body;
};

static const struct field thing_fields[] = {
    { "name", 4, FIELD_STR, FIELD_REQUIRED, offsetof(struct thing, name), NO_PRESENCE,
      .limits = &id_limits },
    { "count", 5, FIELD_INT, FIELD_REQUIRED, offsetof(struct thing, count), NO_PRESENCE,
      .limits = &limit_limits },
};
static const struct schema_type thing_type = { "thing", sizeof(struct thing), thing_fields,
                                               COUNT(thing_fields), false };
static const char *const json_types[] = { "application/json", NULL };

static int things_made; /* how often the handler got through, in this process */

static inline struct reply make_thing(struct ctx *ctx, const void *argument)
{
    const struct thing *thing = ((const struct make_thing_in *)argument)->body;
    struct sql_rows rows;
    if (!sql_exec(ctx, NULL, "INSERT INTO things (name, count) VALUES ($1, $2)",
                  sql_str(thing->name), sql_int(thing->count)))
        return reply_error(ctx);
    if (str_is(thing->name, "refused")) {
        ctx_fail(ctx, ERR_CONFLICT, "It is refused after it was written.");
        return reply_error(ctx);
    }
    if (str_is(thing->name, "plain"))
        return reply_text(ctx, 409, "text/plain", STR("no"));
    if (!sql_one(ctx, &rows, "SELECT count(*) FROM things"))
        return reply_error(ctx);
    int64_t n = row_int(&rows, 0);
    sql_rows_close(&rows);
    things_made++;
    struct reply reply = reply_ok(ctx, arena_printf(ctx->arena, "{\"things\":%lld}", (long long)n));
    reply_add(ctx, &reply, "Location", STR("/v1/things/1"));
    return reply;
}

struct count_things_in {
    char nothing;
};

static inline struct reply count_things(struct ctx *ctx, const void *in)
{
    struct sql_rows rows;
    if (!sql_one(ctx, &rows, "SELECT count(*) FROM things"))
        return reply_error(ctx);
    int64_t n = row_int(&rows, 0);
    sql_rows_close(&rows);
    return reply_ok(ctx, arena_printf(ctx->arena, "{\"things\":%lld}", (long long)n));
}

/* ---- collect, store, wait ---- */

struct collect_in {
    const struct json *body;
};

static inline struct reply collect(struct ctx *ctx, const void *argument)
{
    const struct collect_in *in = argument;
    return reply_ok(ctx, arena_printf(ctx->arena, "{\"batch\":%zu,\"who\":\"" STR_FMT "\"}",
                                      json_size(json_get(in->body, "batch")),
                                      STR_ARG(ctx->who->subject)));
}

struct store_in {
    struct str body_raw;
};

static const char *const store_types[] = { "text/plain", "image/*", NULL };

static inline struct reply store(struct ctx *ctx, const void *argument)
{
    const struct store_in *in = argument;
    return reply_text(ctx, 200, "text/plain", in->body_raw);
}

struct wait_in {
    int64_t ms;
};

static const struct param wait_params[] = {
    { PARAM_QUERY,
      { "ms", 2, FIELD_INT, FIELD_REQUIRED, offsetof(struct wait_in, ms), NO_PRESENCE } },
};

static inline struct reply wait_ms(struct ctx *ctx, const void *argument)
{
    int64_t ms = ((const struct wait_in *)argument)->ms;
    nanosleep(&(struct timespec){ ms / 1000, ms % 1000 * 1000000 }, NULL);
    return reply_ok(ctx, STR("{}"));
}

/* What is in memory of the latest: nothing at first. */
static bool latest_is_known;

static inline bool get_latest_at_once(struct ctx *ctx, const void *in, struct reply *reply)
{
    if (latest_is_known)
        *reply = reply_ok(ctx, STR("{\"latest\":\"known\"}"));
    return latest_is_known;
}

#define LARGE_BYTES (12 * 1024 * 1024)

static inline struct reply large(struct ctx *ctx, const void *argument)
{
    char *text = arena_alloc_raw(ctx->arena, LARGE_BYTES);
    memset(text, 'x', LARGE_BYTES);
    return reply_text(ctx, 200, "text/plain", (struct str){ text, LARGE_BYTES });
}

/* ---- the contract ---- */

static const struct operation things_operations[] = {
    { .id = "get_thing",
      .method = "GET",
      .path = "/v1/things/{id}",
      .scope = "things:read",
      .run = RUN_READ,
      .success = 200,
      .in_size = sizeof(struct get_thing_in),
      .params = get_thing_params,
      .n_params = COUNT(get_thing_params),
      NO_BODY,
      .handle = get_thing },
    { .id = "get_latest",
      .method = "GET",
      .path = "/v1/things/latest",
      .auth = AUTH_PUBLIC,
      .run = RUN_READ,
      .success = 200,
      NO_BODY,
      .at_once = get_latest_at_once,
      .handle = get_latest },
    { .id = "make_thing",
      .method = "POST",
      .path = "/v1/things",
      .scope = "things:write",
      .run = RUN_WRITE,
      .success = 201,
      .in_size = sizeof(struct make_thing_in),
      .body = &thing_type,
      .body_offset = offsetof(struct make_thing_in, body),
      .body_json_offset = UINT32_MAX,
      .body_raw_offset = UINT32_MAX,
      .body_required = true,
      .idempotency_key = true,
      .body_types = json_types,
      .handle = make_thing },
    { .id = "count_things",
      .method = "GET",
      .path = "/v1/things",
      .auth = AUTH_PUBLIC,
      .run = RUN_READ,
      .success = 200,
      .in_size = sizeof(struct count_things_in),
      NO_BODY,
      .handle = count_things },
    { .id = "collect",
      .method = "POST",
      .path = "/v1/collect",
      .scope = "collect",
      .auth = AUTH_WRITE_KEY,
      .run = RUN_POOL,
      .success = 200,
      .in_size = sizeof(struct collect_in),
      .body_offset = UINT32_MAX,
      .body_json_offset = offsetof(struct collect_in, body),
      .body_raw_offset = UINT32_MAX,
      .body_required = true,
      .body_object = true,
      .body_types = json_types,
      .max_body_bytes = 2000,
      .priority = "collect",
      .handle = collect },
    { .id = "store",
      .method = "PUT",
      .path = "/v1/store",
      .auth = AUTH_PUBLIC,
      .run = RUN_READ,
      .success = 200,
      .in_size = sizeof(struct store_in),
      .body_offset = UINT32_MAX,
      .body_json_offset = UINT32_MAX,
      .body_raw_offset = offsetof(struct store_in, body_raw),
      .body_types = store_types,
      .max_body_bytes = 100,
      .handle = store },
    { .id = "large",
      .method = "GET",
      .path = "/v1/large",
      .auth = AUTH_PUBLIC,
      .run = RUN_READ,
      .success = 200,
      NO_BODY,
      .handle = large },
    { .id = "wait",
      .method = "GET",
      .path = "/v1/wait",
      .auth = AUTH_PUBLIC,
      .run = RUN_POOL,
      .success = 200,
      .in_size = sizeof(struct wait_in),
      .params = wait_params,
      .n_params = COUNT(wait_params),
      NO_BODY,
      .priority = "bulk",
      .handle = wait_ms },
    { .id = "elsewhere",
      .method = "GET",
      .path = "/elsewhere",
      .scope = "collect",
      .auth = AUTH_EITHER,
      .run = RUN_READ,
      .success = 200,
      NO_BODY,
      .foreign = true,
      .open = true,
      .handle = large },
};

static const struct contract things_contract = {
    .service = "things",
    .version = "1.0.0",
    .operations = things_operations,
    .n_operations = COUNT(things_operations),
    .openapi = "{\"openapi\":\"3.1.0\"}",
};

static const struct sql_migration things_migrations[] = {
    { 1, "001_things", "CREATE TABLE things (name TEXT NOT NULL, count BIGINT NOT NULL)",
      "CREATE TABLE things (name TEXT NOT NULL, count BIGINT NOT NULL)" },
};

/* ---- the service ---- */

struct things {
    struct ctx ctx;
    char folder[40];
    struct sql_db *db;
    struct token_keys *keys;
    struct str write_key, read_token, write_token;
    struct router *router;
};

static inline bool things_accept(struct ctx *ctx, const struct operation *operation)
{
    bool full = str_is(request_header(ctx, "X-Outbox"), "full");
    return !full || ctx_fail(ctx, ERR_UNAVAILABLE, "The outbox is full.");
}

static inline bool things_let_in(struct ctx *ctx)
{
    return request_header(ctx, "X-Near").ptr != NULL;
}

static inline struct reply things_refusal(struct ctx *ctx)
{
    return reply_text(ctx, error_status(ctx->error.code), "text/plain", STR("no"));
}

static inline struct str things_token(struct things *things, const char *scopes)
{
    struct str token = token_mint(&things->ctx,
                                  arena_printf(things->ctx.arena, "%s/keys", things->folder).ptr,
                                  STR("tester"), str_of(scopes), STR("fanfare"), 600);
    REQUIRE(token.ptr != NULL);
    return token;
}

static inline struct str asker_name(const struct ctx *ctx)
{
    return ctx->who->kind == PRINCIPAL_NOBODY ? STR("nobody") : ctx->who->subject;
}

static inline bool edge_admits(struct ctx *ctx)
{
    return !str_eq(request_header(ctx, "X-Refuse"), asker_name(ctx)) ||
           ctx_fail(ctx, ERR_RATE_LIMITED, "too many");
}

static inline void edge_finish(struct ctx *ctx, struct reply *reply)
{
    reply_add(ctx, reply, "X-Finished", asker_name(ctx));
}

/* `url` NULL: SQLite in the folder. */
static inline void things_open(struct things *things, const char *url, bool edge)
{
    *things =
        (struct things){ .ctx = { .arena = arena_new(0) }, .folder = "/tmp/fanfare-http-XXXXXX" };
    struct ctx *ctx = &things->ctx;
    REQUIRE(mkdtemp(things->folder) != NULL);
    const char *keys = arena_printf(ctx->arena, "%s/keys", things->folder).ptr;
    REQUIRE(token_keys_create(ctx, keys, &things->write_key));
    things->keys = token_keys_open(ctx, keys);
    REQUIRE(things->keys != NULL);
    struct str path = url ? str_of(url)
                          : arena_printf(ctx->arena, "sqlite:%s/things.db", things->folder);
    things->db = sql_open(ctx, path, "things", things_migrations, COUNT(things_migrations));
    if (!things->db)
        fprintf(stderr, STR_FMT "\n", STR_ARG(ctx->error.detail));
    REQUIRE(things->db != NULL);
    things->read_token = things_token(things, "things:read");
    things->write_token = things_token(things, "things:write");
    things->router = router_new(ctx, &(struct router_settings){ .contract = &things_contract,
                                                                .db = things->db,
                                                                .keys = things->keys,
                                                                .edge = edge,
                                                                .admits = edge ? edge_admits : NULL,
                                                                .finish = edge ? edge_finish : NULL,
                                                                .accepts = things_accept,
                                                                .lets_in = things_let_in,
                                                                .refusal = things_refusal,
                                                                .pool_threads = 4 });
    REQUIRE(things->router != NULL);
}

static inline void things_close(struct things *things)
{
    router_free(things->router);
    sql_close(things->db);
    token_keys_close(things->keys);
    REQUIRE(system(arena_printf(things->ctx.arena, "rm -rf %s", things->folder).ptr) == 0);
    arena_free(things->ctx.arena);
}
