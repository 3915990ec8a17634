/* Events once more, on the admin listener: what was set aside (GET /dlq, POST /dlq/redrive, POST /dlq/drop; scope `dlq`),
 * some to the same reactions (POST /events/replay; `dlq`), all of them into a read model (POST, GET, DELETE /rebuild;
 * `rebuild`). What takes time runs on a thread of its own, one request at a time, so that health is answered meanwhile. */
#include <stdlib.h>

#include "base/clock.h"
#include "platform/events/rebuild.h"
#include "platform/events/redrive.h"
#include "platform/service/runtime.h"

#define SCOPE_DLQ "dlq"
#define SCOPE_REBUILD "rebuild"
#define PAGE 500
#define MOST_PLACES 100
#define MOST_OFFSETS 500

struct redriver {
    struct runtime *runtime;
    pthread_mutex_t lock;
    pthread_cond_t ended;
    size_t running; /* threads: the one that is busy, and those that hand their answer over */
    bool is_busy, is_closed;
};

struct post;

struct task {
    struct redriver *redriver;
    struct request *request;
    const struct post *post;
};

/* ---- answers ---- */

static void put_int(struct json_out *out, const char *name, int64_t number)
{
    json_key(out, name);
    json_put_int(out, number);
}

static struct str query_member(struct ctx *ctx, struct str target, const char *name)
{
    struct str rest = target, part;
    str_split(&rest, '?', &part);
    while (str_split(&rest, '&', &part)) {
        struct str value = part, key;
        str_split(&value, '=', &key);
        if (str_is(key, name))
            return arena_str(ctx->arena, value);
    }
    return (struct str){ NULL, 0 };
}

static struct reply get_list(struct ctx *ctx, const struct request *request)
{
    struct json_out out;
    struct str next;
    json_out_init(&out, ctx->arena);
    json_object(&out);
    json_key(&out, "items");
    json_array(&out);
    if (!redrive_list(ctx, runtime_of(ctx)->events, query_member(ctx, request->target, "after"),
                      PAGE, &out, &next))
        return reply_error(ctx);
    json_array_end(&out);
    if (next.ptr) {
        json_key(&out, "next");
        json_put_str(&out, next);
    }
    json_object_end(&out);
    return reply_text(ctx, 200, "application/json", json_out_str(&out));
}

static bool read_place(struct ctx *ctx, const struct json *value, struct redrive_place *place)
{
    const struct json *partition = json_get(value, "partition"),
                      *offset = json_get(value, "offset");
    *place = (struct redrive_place){ .consumer = json_str(json_get(value, "consumer")),
                                     .topic = json_str(json_get(value, "topic")),
                                     .partition = (int)json_int(partition),
                                     .offset = json_int(offset) };
    return (place->consumer.len && place->topic.len && json_is_integral(partition) &&
            json_is_integral(offset) && place->partition >= 0 && place->offset >= 0) ||
           ctx_fail(ctx, ERR_INVALID, "a place has consumer, topic, partition and offset");
}

struct outcome_sum {
    int64_t done, dropped, rejected, absent;
    struct json_out failures;
};

static void put_failure(struct outcome_sum *sum, const struct redrive_place *place,
                        const struct error *why)
{
    struct json_out *out = &sum->failures;
    json_object(out);
    json_key(out, "topic");
    json_put_str(out, place->topic);
    put_int(out, "partition", place->partition);
    put_int(out, "offset", place->offset);
    json_key(out, "code");
    json_put_str(out, str_of(error_name(why->code)));
    json_key(out, "detail");
    json_put_str(out, why->detail.ptr ? why->detail : STR(""));
    json_object_end(out);
}

static void drive_place(struct ctx *ctx, const struct redrive_place *place, enum redrive_wish wish,
                        struct outcome_sum *sum)
{
    struct redrive_result result;
    bool driven = redrive_run(ctx, runtime_of(ctx)->events, place, wish, &result);
    struct error why = driven ? result.why : ctx->error;
    ctx_clear(ctx);
    sum->done += result.done;
    sum->dropped += result.dropped;
    sum->rejected += result.rejected;
    if (why.code == ERR_NOT_FOUND) /* it went with the one it waited behind */
        sum->absent++;
    else if (why.code)
        put_failure(sum, place, &why);
}

static struct reply sum_reply(struct ctx *ctx, struct outcome_sum *sum)
{
    struct json_out out;
    json_array_end(&sum->failures);
    json_out_init(&out, ctx->arena);
    json_object(&out);
    put_int(&out, "done", sum->done);
    put_int(&out, "dropped", sum->dropped);
    put_int(&out, "rejected", sum->rejected);
    put_int(&out, "absent", sum->absent);
    json_key(&out, "failures");
    json_put_raw(&out, json_out_str(&sum->failures));
    json_object_end(&out);
    return reply_text(ctx, 200, "application/json", json_out_str(&out));
}

static struct reply post_places(struct ctx *ctx, const struct json *body, enum redrive_wish wish)
{
    const struct json *places = json_get(body, "places");
    struct outcome_sum sum = { 0 };
    struct redrive_place place;
    if (json_size(places) < 1 || json_size(places) > MOST_PLACES) {
        ctx_fail(ctx, ERR_INVALID, "places names 1 to %d", MOST_PLACES);
        return reply_error(ctx);
    }
    for (struct json_iter it = json_iter(places); json_next(&it);)
        if (!read_place(ctx, it.value, &place))
            return reply_error(ctx);
    json_out_init(&sum.failures, ctx->arena);
    json_array(&sum.failures);
    for (struct json_iter it = json_iter(places); json_next(&it);)
        if (read_place(ctx, it.value, &place))
            drive_place(ctx, &place, wish, &sum);
    return sum_reply(ctx, &sum);
}

static struct reply post_redrive(struct ctx *ctx, const struct json *body)
{
    return post_places(ctx, body, REDRIVE_AGAIN);
}

static struct reply post_drop(struct ctx *ctx, const struct json *body)
{
    return post_places(ctx, body, REDRIVE_DROP);
}

static bool read_offsets(struct ctx *ctx, const struct json *list, int64_t *offsets)
{
    int64_t before = -1;
    if (json_size(list) < 1 || json_size(list) > MOST_OFFSETS)
        return ctx_fail(ctx, ERR_INVALID, "offsets names 1 to %d", MOST_OFFSETS);
    for (struct json_iter it = json_iter(list); json_next(&it);) {
        int64_t offset = json_int(it.value);
        if (!json_is_integral(it.value) || offset <= before)
            return ctx_fail(ctx, ERR_INVALID, "offsets are whole numbers that ascend");
        offsets[it.index] = before = offset;
    }
    return true;
}

static struct reply post_replay(struct ctx *ctx, const struct json *body)
{
    int64_t offsets[MOST_OFFSETS];
    struct str topic = json_str(json_get(body, "topic"));
    const struct json *list = json_get(body, "offsets");
    struct replay_result result;
    struct json_out out;
    if (!topic.len || json_int(json_get(body, "partition")) < 0)
        ctx_fail(ctx, ERR_INVALID, "topic, partition and offsets say what is to be given again");
    if (ctx_failed(ctx) || !read_offsets(ctx, list, offsets) ||
        !replay_run(ctx, runtime_of(ctx)->events, topic, (int)json_int(json_get(body, "partition")),
                    offsets, json_size(list), json_bool(json_get(body, "force")), &result))
        return reply_error(ctx);
    json_out_init(&out, ctx->arena);
    json_object(&out);
    put_int(&out, "done", result.done);
    put_int(&out, "duplicate", result.duplicate);
    put_int(&out, "rejected", result.rejected);
    put_int(&out, "parked", result.parked);
    put_int(&out, "skipped", result.skipped);
    put_int(&out, "ahead", result.ahead);
    put_int(&out, "gone", result.gone);
    json_object_end(&out);
    return reply_text(ctx, 200, "application/json", json_out_str(&out));
}

/* ---- a read model ---- */

static void put_time(struct json_out *out, const char *name, int64_t us)
{
    char text[CLOCK_TEXT_BYTES];
    if (us == 0)
        return;
    clock_format(us, text);
    json_key(out, name);
    json_put_str(out, str_of(text));
}

static struct reply rebuild_reply(struct ctx *ctx)
{
    struct rebuild_state state;
    struct json_out out;
    if (!rebuild_look(ctx, runtime_of(ctx)->events, &state))
        return reply_error(ctx);
    json_out_init(&out, ctx->arena);
    json_object(&out);
    json_key(&out, "phase");
    json_put_str(&out, str_of(rebuild_phases[state.phase]));
    put_int(&out, "generation", state.generation);
    put_int(&out, "read", state.read);
    put_int(&out, "of", state.of);
    put_int(&out, "rejected", state.rejected);
    json_key(&out, "partial");
    json_put_bool(&out, state.partial);
    put_time(&out, "began_at", state.began_us);
    put_time(&out, "ended_at", state.ended_us);
    if (state.detail.ptr) {
        json_key(&out, "detail");
        json_put_str(&out, state.detail);
    }
    json_object_end(&out);
    return reply_text(ctx, 200, "application/json", json_out_str(&out));
}

static struct reply post_rebuild(struct ctx *ctx, const struct json *body)
{
    bool partial = json_bool(json_get(body, "partial"));
    return rebuild_start(ctx, runtime_of(ctx)->events, partial) ? rebuild_reply(ctx)
                                                                : reply_error(ctx);
}

static struct reply get_rebuild(struct ctx *ctx, const struct request *request)
{
    return rebuild_reply(ctx);
}

static struct reply delete_rebuild(struct ctx *ctx, const struct request *request)
{
    return rebuild_cancel(ctx, runtime_of(ctx)->events) ? rebuild_reply(ctx) : reply_error(ctx);
}

/* ---- what is answered at once, and what on the thread ---- */

static const struct {
    const char *method, *path, *scope;
    struct reply (*handle)(struct ctx *ctx, const struct request *request);
} looks[] = {
    { "GET",    "/dlq",     SCOPE_DLQ,     get_list       },
    { "GET",    "/rebuild", SCOPE_REBUILD, get_rebuild    },
    { "DELETE", "/rebuild", SCOPE_REBUILD, delete_rebuild },
};

static const struct post {
    const char *path, *scope;
    struct reply (*handle)(struct ctx *ctx, const struct json *body);
} posts[] = {
    { "/dlq/redrive",   SCOPE_DLQ,     post_redrive },
    { "/dlq/drop",      SCOPE_DLQ,     post_drop    },
    { "/events/replay", SCOPE_DLQ,     post_replay  },
    { "/rebuild",       SCOPE_REBUILD, post_rebuild },
};

static struct str path_of(const struct request *request)
{
    struct str rest = request->target, path = request->target;
    str_split(&rest, '?', &path);
    return path;
}

static struct ctx ctx_of(const struct redriver *redriver, const struct request *request)
{
    return (struct ctx){ .arena = request->arena,
                         .app = redriver->runtime->app,
                         .runtime = redriver->runtime };
}

static void *serve(void *argument)
{
    struct task *task = argument; /* in the request's arena, which ends with the answer */
    struct redriver *redriver = task->redriver;
    struct request *request = task->request;
    struct ctx ctx = ctx_of(redriver, request);
    const struct json *body = json_parse(&ctx, request->body);
    struct reply reply = body ? task->post->handle(&ctx, body) : reply_error(&ctx);
    pthread_mutex_lock(&redriver->lock); /* who has the answer may ask the next */
    redriver->is_busy = false;
    pthread_mutex_unlock(&redriver->lock);
    request->answer(request, &reply);
    pthread_mutex_lock(&redriver->lock);
    redriver->running--;
    pthread_cond_broadcast(&redriver->ended);
    pthread_mutex_unlock(&redriver->lock);
    return NULL;
}

static bool begin(struct ctx *ctx, struct redriver *redriver, struct request *request,
                  const struct post *post)
{
    if (redriver->is_closed)
        return ctx_fail(ctx, ERR_UNAVAILABLE, "the service is about to end");
    if (redriver->is_busy)
        return ctx_fail(ctx, ERR_IN_PROGRESS, "events are being given again already");
    /* What it has left out because it was set aside would be missing in the new one. */
    if (rebuild_is_running(redriver->runtime->events))
        return ctx_fail(ctx, ERR_IN_PROGRESS,
                        "the read model is being made again: not before that has ended");
    struct task task = { redriver, request, post };
    pthread_t thread;
    if (!thread_start(&thread, "redriver", WORKER_STACK_BYTES, serve,
                      arena_copy(request->arena, &task, sizeof task)))
        return ctx_fail(ctx, ERR_UNAVAILABLE, "no thread to do it");
    pthread_detach(thread);
    redriver->running++;
    return redriver->is_busy = true;
}

static void take_post(struct ctx *ctx, struct redriver *redriver, struct request *request,
                      const struct post *post)
{
    bool begun = false;
    if (admin_has_scope(ctx, request, post->scope)) {
        pthread_mutex_lock(&redriver->lock);
        begun = begin(ctx, redriver, request, post);
        pthread_mutex_unlock(&redriver->lock);
    }
    if (begun)
        return;
    struct reply reply = reply_error(ctx);
    request->answer(request, &reply);
}

bool redriver_takes(struct redriver *redriver, struct request *request)
{
    struct ctx ctx = ctx_of(redriver, request);
    struct str path = path_of(request);
    if (!redriver->runtime->events)
        return false;
    for (size_t i = 0; i < COUNT(looks); i++)
        if (str_is(path, looks[i].path) && str_is(request->method, looks[i].method)) {
            struct reply reply = admin_has_scope(&ctx, request, looks[i].scope)
                                     ? looks[i].handle(&ctx, request)
                                     : reply_error(&ctx);
            request->answer(request, &reply);
            return true;
        }
    for (size_t i = 0; i < COUNT(posts); i++)
        if (str_is(path, posts[i].path) && str_is(request->method, "POST")) {
            take_post(&ctx, redriver, request, &posts[i]);
            return true;
        }
    return false;
}

struct redriver *redriver_new(struct runtime *runtime)
{
    struct redriver *redriver = mem_alloc(sizeof *redriver);
    redriver->runtime = runtime;
    pthread_mutex_init(&redriver->lock, NULL);
    pthread_cond_init(&redriver->ended, NULL);
    return redriver;
}

void redriver_close(struct redriver *redriver)
{
    pthread_mutex_lock(&redriver->lock);
    redriver->is_closed = true;
    while (redriver->running)
        pthread_cond_wait(&redriver->ended, &redriver->lock);
    pthread_mutex_unlock(&redriver->lock);
}

void redriver_free(struct redriver *redriver)
{
    pthread_cond_destroy(&redriver->ended);
    pthread_mutex_destroy(&redriver->lock);
    free(redriver);
}
