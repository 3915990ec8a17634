#include "platform/service/testing.h"

#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/clock.h"
#include "platform/events/events_internal.h"
#include "platform/faults/faults.h"
#include "platform/service/runtime.h"

#define FLUSH_US (10 * US_PER_S)
#define MOST_HEADERS 32
#define REFUSES "http://127.0.0.1:1" /* no service there; what runs on this machine is left alone */

struct test_service {
    const struct service *service;
    const char *url;
    const char *const *overrides;
    char folder[64];
    struct arena *arena;
    struct ctx ctx;
    struct runtime runtime;
};

static void give_up(const struct test_service *test, const char *what)
{
    fprintf(stderr, "%s: %s: " STR_FMT "\n", test->service->name, what,
            STR_ARG(test->ctx.error.detail));
    exit(1);
}

static int remove_one(const char *path, const struct stat *status, int kind, struct FTW *where)
{
    return remove(path);
}

/* ---- opening ---- */

static void set(struct test_service *test, struct settings *settings, const char *key,
                const char *value)
{
    if (settings_get(settings, key) &&
        !settings_set(&test->ctx, settings, arena_printf(test->arena, "%s=%s", key, value)))
        give_up(test, "settings");
}

static struct settings *make_settings(struct test_service *test)
{
    struct settings *settings = settings_new(test->service);
    set(test, settings, "data", test->folder);
    set(test, settings, "keys", arena_printf(test->arena, "%s/keys", test->folder).ptr);
    set(test, settings, "log", "kafka://127.0.0.1:1");
    set(test, settings, "registry_url", "");
    if (test->url)
        set(test, settings, "database", test->url);
    for (size_t i = 0; test->service->peers && test->service->peers[i]; i++)
        set(test, settings, arena_printf(test->arena, "%s_url", test->service->peers[i]).ptr,
            REFUSES);
    for (size_t i = 0; test->overrides && test->overrides[i]; i++)
        if (!settings_set(&test->ctx, settings, str_of(test->overrides[i])))
            give_up(test, "settings");
    if (!settings_finish(&test->ctx, settings))
        give_up(test, "settings");
    return settings;
}

static void open_service(struct test_service *test)
{
    test->ctx = (struct ctx){ .arena = test->arena };
    struct settings *settings = make_settings(test);
    if (!runtime_open(&test->ctx, &test->runtime, test->service, settings))
        give_up(test, "open");
    atomic_store(&test->runtime.is_ready, true);
}

static void close_service(struct test_service *test)
{
    runtime_stop(&test->runtime, NULL);
    runtime_close(&test->runtime);
}

struct test_service *test_open(const struct service *service, const char *url,
                               const char *const *overrides)
{
    struct test_service *test = mem_alloc(sizeof(*test));
    const char *parent = getenv("TMPDIR");
    *test = (struct test_service){
        .service = service, .url = url, .overrides = overrides, .arena = arena_new(0)
    };
    test->ctx.arena = test->arena;
    snprintf(test->folder, sizeof(test->folder), "%s/fanfare-%s-XXXXXX",
             parent && strlen(parent) < 30 ? parent : "/tmp", service->name);
    if (!mkdtemp(test->folder))
        give_up(test, "no temporary folder");
    log_setup(service->name, LOG_WARN);
    faults_enable(true);
    if (!token_keys_create(&test->ctx, arena_printf(test->arena, "%s/keys", test->folder).ptr,
                           NULL))
        give_up(test, "keys");
    if (url && !sql_erase(&test->ctx, str_of(url), service->name))
        give_up(test, "emptying the schema");
    open_service(test);
    return test;
}

void test_reopen(struct test_service *test)
{
    close_service(test);
    open_service(test);
}

void test_close(struct test_service *test)
{
    close_service(test);
    faults_clear();
    nftw(test->folder, remove_one, 16, FTW_DEPTH | FTW_PHYS);
    arena_free(test->arena);
    free(test);
}

/* ---- requests ---- */

struct str test_bearer_of(struct test_service *test, const char *subject, const char *scopes)
{
    struct str token = token_mint(&test->ctx,
                                  settings_get(test->runtime.settings, "keys")->text.ptr,
                                  str_of(subject), str_of(scopes), (struct str){ NULL, 0 }, 600);
    if (!token.ptr)
        give_up(test, "token");
    return arena_printf(test->arena, "Bearer %s", token.ptr);
}

struct str test_bearer(struct test_service *test, const char *scopes)
{
    return test_bearer_of(test, "test", scopes);
}

struct reply test_send_in(struct test_service *test, struct arena *arena, const char *method,
                          const char *target, struct str authorization, const char *headers,
                          struct str body)
{
    struct request_header list[MOST_HEADERS + 2];
    struct str lines = str_of(headers), line, name;
    size_t n = 0;
    bool has_type = false;
    while (n < MOST_HEADERS && str_split(&lines, '\n', &line)) {
        str_split(&line, ':', &name);
        has_type |= str_eq_nocase(name, STR("content-type"));
        list[n++] = (struct request_header){ str_trim(name), str_trim(line) };
    }
    if (authorization.ptr)
        list[n++] = (struct request_header){ STR("Authorization"), authorization };
    if (body.ptr && !has_type)
        list[n++] = (struct request_header){ STR("Content-Type"), STR("application/json") };
    return router_call(test->runtime.router, arena, method, target, list, n, body);
}

struct reply test_send(struct test_service *test, const char *method, const char *target,
                       const char *scopes, const char *headers, struct str body)
{
    struct str authorization = scopes ? test_bearer(test, scopes) : (struct str){ NULL, 0 };
    return test_send_in(test, test->arena, method, target, authorization, headers, body);
}

struct reply test_call(struct test_service *test, const char *method, const char *target,
                       const char *scopes, const char *headers, const char *body)
{
    return test_send(test, method, target, scopes, headers, str_of(body));
}

const struct json *test_json(struct test_service *test, struct reply reply)
{
    ctx_clear(&test->ctx);
    const struct json *json = json_parse(&test->ctx, reply.body);
    if (!json)
        give_up(test, "the body of the reply");
    return json;
}

/* ---- events ---- */

/* For one call; what it gives lives until test_close. */
static struct ctx fresh_ctx(struct test_service *test)
{
    return (
        struct ctx){ .arena = test->arena, .app = test->runtime.app, .runtime = &test->runtime };
}

enum outcome test_event(struct test_service *test, const struct event_type *type, const char *id,
                        const char *data_json)
{
    struct ctx ctx = fresh_ctx(test);
    return events_give(&ctx, test->runtime.events, type, str_of(id), (struct str){ NULL, 0 },
                       str_of(data_json));
}

struct outbox_question {
    const struct event_type *type;
    int64_t index, n;
    struct str data;
};

static bool count_published(struct ctx *ctx, void *argument)
{
    struct outbox_question *question = argument;
    struct sql_rows rows;
    if (!sql_one(ctx, &rows, "SELECT count(*) FROM platform_outbox WHERE type = $1",
                 sql_text(question->type->type)))
        return false;
    question->n = row_int(&rows, 0);
    sql_rows_close(&rows);
    return true;
}

static bool read_published(struct ctx *ctx, void *argument)
{
    struct outbox_question *question = argument;
    struct sql_rows rows;
    if (!sql_one(ctx, &rows,
                 "SELECT data FROM platform_outbox WHERE type = $1 ORDER BY seq LIMIT 1 OFFSET $2",
                 sql_text(question->type->type), sql_int(question->index)))
        return false;
    question->data = row_blob(ctx, &rows, 0);
    sql_rows_close(&rows);
    return true;
}

static void ask_outbox(struct test_service *test, struct outbox_question *question,
                       bool (*ask)(struct ctx *ctx, void *argument))
{
    test->ctx = fresh_ctx(test);
    if (test->runtime.later && !later_flush(test->runtime.later, FLUSH_US))
        give_up(test, "events published later are not stored");
    if (!sql_read(&test->ctx, test->runtime.db, ask, question) && ctx_failed(&test->ctx))
        give_up(test, "the outbox");
}

size_t test_published(struct test_service *test, const struct event_type *type)
{
    struct outbox_question question = { .type = type };
    ask_outbox(test, &question, count_published);
    return (size_t)question.n;
}

const struct json *test_published_data(struct test_service *test, const struct event_type *type,
                                       size_t index)
{
    struct outbox_question question = { .type = type, .index = (int64_t)index };
    ask_outbox(test, &question, read_published);
    return question.data.ptr ? json_parse(&test->ctx, question.data) : NULL;
}

/* ---- store ---- */

struct ctx *test_ctx(struct test_service *test)
{
    test->ctx = fresh_ctx(test);
    return &test->ctx;
}

bool test_write(struct test_service *test, bool (*run)(struct ctx *ctx, void *argument),
                void *argument)
{
    return sql_write(test_ctx(test), test->runtime.db, run, argument);
}

bool test_read(struct test_service *test, bool (*run)(struct ctx *ctx, void *argument),
               void *argument)
{
    return sql_read(test_ctx(test), test->runtime.db, run, argument);
}

bool test_work(struct test_service *test, const char *worker)
{
    return worker_run_once(&test->runtime, worker);
}
