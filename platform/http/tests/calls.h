/* Calls to the router over the loopback, and what is looked for in their answers. */
#pragma once

#include <zlib.h>

#include "platform/http/routes.h"
#include "platform/http/tests/things.h"
#include "platform/sql/testing_postgresql.h"
#include "platform/telemetry/log.h"
#include "platform/telemetry/metrics.h"

static struct things things;

/* `headers`: "Name: value" lines. */
static inline struct reply call(const char *method, const char *target, const char *headers,
                                struct str body)
{
    struct arena *arena = things.ctx.arena;
    struct request_header list[20];
    struct str rest = str_of(headers), line, name;
    size_t n = 0;
    while (str_split(&rest, '\n', &line)) {
        if (!line.len)
            continue;
        str_split(&line, ':', &name);
        list[n++] = (struct request_header){ name, str_trim(line) };
    }
    return router_call(things.router, arena, method, target, list, n, body);
}

static inline const char *with(struct str token, const char *more)
{
    return arena_printf(things.ctx.arena, "Authorization: Bearer " STR_FMT "\n%s", STR_ARG(token),
                        more)
        .ptr;
}

static inline struct str header_of(struct reply reply, const char *name)
{
    for (const struct reply_header *header = reply.headers; header; header = header->next)
        if (strcasecmp(header->name, name) == 0)
            return header->value;
    return (struct str){ NULL, 0 };
}

static inline const struct json *body_of(struct reply reply)
{
    const struct json *body = json_parse(&things.ctx, reply.body);
    REQUIRE(body != NULL);
    return body;
}

/* A problem of this status and type, with a trace id; gives it. */
static inline const struct json *problem(struct reply reply, int status, const char *type)
{
    CHECK_INT(reply.status, status);
    CHECK_STR(str_of(reply.content_type), "application/problem+json");
    const struct json *body = body_of(reply);
    CHECK_INT(json_int(json_get(body, "status")), status);
    struct str urn = json_str(json_get(body, "type"));
    CHECK_STR(urn, arena_printf(things.ctx.arena, "urn:fanfare:problem:%s", type).ptr);
    CHECK_INT(json_str(json_get(body, "trace_id")).len, 32);
    return body;
}

static inline struct str fault_place(const struct json *body, const char *member)
{
    return json_str(json_get(json_at(json_get(body, "errors"), 0), member));
}

#define NONE ((struct str){ NULL, 0 })
#define JSON_BODY "Content-Type: application/json\n"

static inline struct str gzip(struct str text)
{
    z_stream stream = { 0 };
    size_t cap = text.len + 1000;
    char *out = arena_alloc(things.ctx.arena, cap);
    REQUIRE(deflateInit2(&stream, 9, Z_DEFLATED, 15 + 16, 9, Z_DEFAULT_STRATEGY) == Z_OK);
    stream.next_in = (Bytef *)text.ptr;
    stream.avail_in = (uInt)text.len;
    stream.next_out = (Bytef *)out;
    stream.avail_out = (uInt)cap;
    REQUIRE(deflate(&stream, Z_FINISH) == Z_STREAM_END);
    deflateEnd(&stream);
    return (struct str){ out, stream.total_out };
}

static inline int64_t stored(void)
{
    return json_int(json_get(body_of(call("GET", "/v1/things", "", NONE)), "things"));
}

static inline bool rendered(const char *line)
{
    struct str text = metrics_render(things.ctx.arena);
    return memmem(text.ptr, text.len, line, strlen(line)) != NULL;
}

/* All of it on each engine. */
static inline void run_on_each_engine(void (*run)(void))
{
    things_open(&things, NULL, false);
    run();
    things_close(&things);
    const char *url = test_postgresql_url();
    if (!url)
        return;
    things_open(&things, url, false);
    run();
    things_close(&things);
}
