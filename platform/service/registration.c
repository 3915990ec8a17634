#include "platform/service/registration.h"

#include <stdlib.h>
#include <unistd.h>

#include "base/clock.h"
#include "platform/crypto/crypto.h"
#include "platform/service/version.h"

#define WORKER "registry"
#define TELL_EVERY_US (60 * US_PER_S) /* an instance counts as running for three minutes */
#define FIRST_WAIT_US US_PER_S /* services start together: the registry is there in a moment */
#define CALL_LIMIT_US (10 * US_PER_S)
#define FAILS_BEFORE_A_WORD 4 /* that is, some seven seconds after the start */
#define SCOPE "services:write"

struct registration {
    struct peer *peer;
    char *instance;
    char digest[65];
    int64_t started_us;
    int fails; /* in a row */
};

/* ---- what is told ---- */

static void put_text(struct json_out *out, const char *key, const char *text)
{
    json_key(out, key);
    json_put_str(out, str_of(text));
}

static void put_event(struct json_out *out, const struct event_type *type, bool command)
{
    static const char *const keepings[] = {
        [KEEP_FOREVER] = "forever", [KEEP_COMPACTED] = "compacted", [KEEP_DAYS] = "days"
    };
    json_object(out);
    put_text(out, "type", type->type);
    put_text(out, "topic", type->topic);
    put_text(out, "subject", type->subject->name);
    put_text(out, "key", type->key->name);
    put_text(out, "keeping", keepings[type->keeping]);
    if (type->keeping == KEEP_DAYS) {
        json_key(out, "days");
        json_put_int(out, type->days);
    }
    json_key(out, "partitions");
    json_put_int(out, type->partitions);
    json_key(out, "erasable");
    json_put_bool(out, type->erasable);
    json_key(out, "command");
    json_put_bool(out, command);
    json_key(out, "schema");
    json_put_raw(out, str_of(type->schema));
    json_object_end(out);
}

static void put_reads(struct json_out *out, const struct consumer_settings *consumer)
{
    for (size_t i = 0; i < consumer->n_reactions; i++) {
        const struct reaction *reaction = &consumer->reactions[i];
        json_object(out);
        put_text(out, "type", reaction->event->type);
        put_text(out, "consumer", consumer->name);
        put_text(out, "sharing", consumer->sharing == CONSUMER_SHARED ? "shared" : "local");
        json_key(out, "members");
        json_array(out);
        for (const char *const *member = reaction->reads; member && *member; member++)
            json_put_str(out, str_of(*member));
        json_array_end(out);
        json_object_end(out);
    }
}

struct str registration_contract(struct ctx *ctx, const struct runtime *runtime)
{
    const struct contract *contract = runtime->service->contract;
    struct json_out out;
    json_out_init(&out, ctx->arena);
    json_object(&out);
    json_key(&out, "openapi");
    json_put_raw(&out, contract->openapi ? str_of(contract->openapi) : STR("{}"));
    json_key(&out, "publishes");
    json_array(&out);
    for (size_t i = 0; i < contract->n_publishes; i++)
        put_event(&out, contract->publishes[i], false);
    for (size_t i = 0; i < contract->n_commands; i++)
        put_event(&out, contract->commands[i], true);
    json_array_end(&out);
    json_key(&out, "reads");
    json_array(&out);
    for (size_t i = 0; i < runtime->n_consumers; i++)
        put_reads(&out, &runtime->consumers[i]);
    json_array_end(&out);
    json_key(&out, "calls");
    json_array(&out);
    for (const char *const *peer = runtime->service->peers; peer && *peer; peer++)
        json_put_str(&out, str_of(*peer));
    json_array_end(&out);
    json_object_end(&out);
    return json_out_str(&out);
}

/* ---- telling ---- */

/* False when there was no answer that can be used; `status` is the answer's. */
static bool put(struct ctx *ctx, const struct registration *registration, struct str path,
                struct str body, int *status, struct str *answer)
{
    struct call call = { .peer = registration->peer,
                         .method = "PUT",
                         .path = path,
                         .body = body,
                         .token = service_token(ctx, SCOPE),
                         .deadline_us = clock_mono_us() + CALL_LIMIT_US };
    if (!call.token.ptr)
        return false;
    client_call(ctx, &call, 1);
    if (call.error.code != ERR_NONE)
        return ctx_fail(ctx, call.error.code, STR_FMT, STR_ARG(call.error.detail));
    *status = call.status;
    *answer = call.answer;
    return true;
}

static bool unwanted(struct ctx *ctx, const char *what, int status, struct str answer)
{
    return ctx_fail(ctx, ERR_BAD_GATEWAY, "the registry did not take the %s: %d " STR_FMT, what,
                    status, (int)MIN(answer.len, 300), answer.ptr ? answer.ptr : "");
}

/* A schema that breaks its readers is for whoever deployed it to see; the service goes on. */
static void log_refused(struct ctx *ctx, struct str answer)
{
    const struct json *told = json_parse(ctx, answer);
    for (struct json_iter it = json_iter(json_get(told, "events")); json_next(&it);)
        for (struct json_iter why = json_iter(json_get(it.value, "refused")); json_next(&why);)
            log_line(LOG_ERROR, NULL, "schema_refused",
                     LOG_S("type", json_str(json_get(it.value, "type"))),
                     LOG_S("reason", json_str(why.value)));
    ctx_clear(ctx);
}

static bool tell_contract(struct ctx *ctx, struct runtime *runtime)
{
    struct registration *registration = runtime->registration;
    struct str answer, path = arena_printf(ctx->arena, "/v1/services/%s/contracts/%s",
                                           runtime->service->name, registration->digest);
    int status;
    if (!put(ctx, registration, path, registration_contract(ctx, runtime), &status, &answer))
        return false;
    if (status != 200)
        return unwanted(ctx, "contract", status, answer);
    log_refused(ctx, answer);
    return true;
}

static struct str instance_text(struct ctx *ctx, const struct registration *registration)
{
    struct json_out out;
    json_out_init(&out, ctx->arena);
    json_object(&out);
    put_text(&out, "version", FANFARE_VERSION);
    put_text(&out, "contract", registration->digest);
    json_key(&out, "started_at");
    json_put_time(&out, registration->started_us);
    json_object_end(&out);
    return json_out_str(&out);
}

/* `known`: whether the registry knows the contract that it runs by. */
static bool tell_instance(struct ctx *ctx, struct runtime *runtime, bool *known)
{
    struct registration *registration = runtime->registration;
    struct str answer, path = arena_printf(ctx->arena, "/v1/services/%s/instances/%s",
                                           runtime->service->name, registration->instance);
    int status;
    if (!put(ctx, registration, path, instance_text(ctx, registration), &status, &answer))
        return false;
    *known = status != 404;
    return status == 200 || status == 404 || unwanted(ctx, "instance", status, answer);
}

/* ---- the worker ---- */

/* Not there is no failure of the worker: one word when it lasts, one when it is over. */
static void wait_longer(struct ctx *ctx, struct runtime *runtime)
{
    struct registration *registration = runtime->registration;
    if (++registration->fails == FAILS_BEFORE_A_WORD)
        log_line(LOG_WARN, NULL, "registry_away", LOG_S("cause", ctx->error.detail));
    int64_t wait_us = FIRST_WAIT_US << MIN(registration->fails - 1, 6);
    worker_wait(runtime, WORKER, MIN(wait_us, TELL_EVERY_US));
    ctx_clear(ctx);
}

/* An instance is told in few bytes; the contract only to a registry that does not know it. */
static bool tell_all(struct ctx *ctx, struct runtime *runtime)
{
    bool known;
    if (!tell_instance(ctx, runtime, &known) || known)
        return !ctx_failed(ctx);
    return tell_contract(ctx, runtime) && tell_instance(ctx, runtime, &known) &&
           (known || ctx_fail(ctx, ERR_BAD_GATEWAY, "the registry forgets what it is told"));
}

static bool tell(struct ctx *ctx)
{
    struct runtime *runtime = runtime_of(ctx);
    struct registration *registration = runtime->registration;
    if (!tell_all(ctx, runtime)) {
        wait_longer(ctx, runtime);
        return false;
    }
    if (registration->fails >= FAILS_BEFORE_A_WORD)
        log_line(LOG_INFO, NULL, "registry_back");
    registration->fails = 0;
    worker_wait(runtime, WORKER, TELL_EVERY_US);
    return false;
}

/* The same after a restart, so that a service that starts anew takes its old place. */
static char *instance_name(struct ctx *ctx)
{
    char host[65] = "";
    int64_t port = setting_int(ctx, "port");
    gethostname(host, sizeof(host) - 1);
    for (char *at = host; *at; at++)
        if (!strchr("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-", *at))
            *at = '-';
    const char *name = *host && *host != '.' && *host != '-' ? host : "host";
    return mem_strdup(
        arena_printf(ctx->arena, "%s-%lld", name, (long long)(port ? port : getpid())).ptr);
}

bool registration_open(struct ctx *ctx, struct runtime *runtime)
{
    struct str url = setting_text(ctx, "registry_url");
    if (url.len == 0)
        return true;
    struct registration *registration = mem_alloc(sizeof(*registration));
    runtime->registration = registration;
    registration->peer = peer_new(&(struct peer_settings){ .name = "registry", .url = url.ptr });
    registration->instance = instance_name(ctx);
    registration->started_us = clock_now_us();
    CLEANUP(arena_freep) struct arena *arena = arena_new(0);
    struct ctx own = { .arena = arena, .runtime = runtime };
    struct str text = registration_contract(&own, runtime);
    uint8_t hash[32];
    crypto_sha256(text.ptr, text.len, hash);
    memcpy(registration->digest, crypto_hex(arena, hash, sizeof(hash)).ptr,
           sizeof(registration->digest));
    return service_worker(ctx, WORKER, TELL_EVERY_US, tell);
}

void registration_free(struct registration *registration)
{
    if (!registration)
        return;
    peer_free(registration->peer);
    free(registration->instance);
    free(registration);
}
