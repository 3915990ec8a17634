/* How tests speak to the room. */
#pragma once

#include "base/clock.h"
#include "base/tests/check.h"
#include "platform/service/testing.h"
#include "services/content/content.h"
#include "content_contract.h"

static inline struct reply put(struct test_service *test, const char *id, const char *headers,
                               const char *body)
{
    struct str target = arena_printf(test_ctx(test)->arena, "/v1/entries/%s", id);
    return test_call(test, "PUT", target.ptr, "content:write", headers, body);
}

static inline struct reply post(struct test_service *test, const char *target, const char *body)
{
    return test_call(test, "POST", target, "content:write", NULL, body);
}

static inline struct reply get(struct test_service *test, const char *target, const char *headers)
{
    return test_call(test, "GET", target, "content:read", headers, NULL);
}

static inline int64_t version_of(struct test_service *test, struct reply reply)
{
    return reply.status == 200 ? json_int(json_get(test_json(test, reply), "version"))
                               : -reply.status;
}

static inline struct str header_of(struct reply reply, const char *name)
{
    for (const struct reply_header *at = reply.headers; at; at = at->next)
        if (strcmp(at->name, name) == 0)
            return at->value;
    return (struct str){ NULL, 0 };
}

/* Status and first pointer of a refusal, as "422 /document". */
static inline struct str refusal(struct test_service *test, struct reply reply)
{
    struct str pointer = json_str(json_pointer(test_json(test, reply), STR("/errors/0/pointer")));
    return arena_printf(test_ctx(test)->arena, "%d " STR_FMT, reply.status, STR_ARG(pointer));
}

/* "409 the slug is that of ent_home" */
static inline struct str sentence(struct test_service *test, struct reply reply)
{
    struct str detail = json_str(json_get(test_json(test, reply), "detail"));
    return arena_printf(test_ctx(test)->arena, "%d " STR_FMT, reply.status, STR_ARG(detail));
}

/* A text of the answer, at a JSON Pointer. */
static inline struct str text_at(struct test_service *test, struct reply reply, const char *pointer)
{
    return json_str(json_pointer(test_json(test, reply), str_of(pointer)));
}

/* The ids of a list, in its order: "ent_a ent_b". */
static inline struct str ids_of(struct test_service *test, struct reply reply)
{
    struct str ids = STR("");
    const struct json *items = json_get(test_json(test, reply), "items");
    for (struct json_iter it = json_iter(items); json_next(&it);)
        ids = arena_printf(test_ctx(test)->arena, STR_FMT "%s" STR_FMT, STR_ARG(ids),
                           ids.len ? " " : "", STR_ARG(json_str(json_get(it.value, "entry_id"))));
    return ids;
}

/* The room's suite on SQLite, and on PostgreSQL where it is installed. */
static inline void on_each_engine(void (*run)(struct test_service *test))
{
    const char *const urls[] = { NULL, test_postgresql_url() };
    for (size_t i = 0; i < COUNT(urls); i++) {
        if (i && !urls[i])
            continue;
        struct test_service *test = test_open(&content_service, urls[i], NULL);
        run(test);
        test_close(test);
    }
}
