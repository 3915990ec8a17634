#include "platform/webhook/webhooks.h"

#include <stdlib.h>

#include "base/clock.h"
#include "platform/faults/faults.h"
#include "platform/json/json.h"
#include "platform/service/service.h"
#include "platform/webhook/calls.h"
#include "platform/webhook/signature.h"

#define ROUND_MOST 50             /* calls at once */
#define HOST_MOST 10              /* of them to one host: a slow one does not hold up the others */
#define LOOK_MOST 200             /* rows among which they are chosen */
#define CALL_US (10 * US_PER_S)   /* an answer that takes longer is none */
#define LEASE_US (20 * US_PER_S)  /* who has taken a call and ended: it is made again then */
#define KEPT_US (30 * US_PER_DAY) /* calls that are over are shown so long */
#define FORGET_EVERY_US (60 * US_PER_S)
#define GONE 410 /* the receiver is no more, and says so (Standard Webhooks) */

/* ---- owing ---- */

/* As Standard Webhooks wants payloads: type, timestamp, data. */
static struct str body_of(struct ctx *ctx, const struct webhook_owed *owed, int64_t now_us)
{
    struct json_out out;
    json_out_init(&out, ctx->arena);
    json_object(&out);
    json_key(&out, "type");
    json_put_str(&out, owed->type);
    json_key(&out, "timestamp");
    json_put_time(&out, now_us);
    json_key(&out, "data");
    json_put_raw(&out, owed->data);
    json_object_end(&out);
    return json_out_str(&out);
}

bool webhook_owe(struct ctx *ctx, const struct webhook_owed *owed)
{
    int64_t now_us = clock_now_us();
    return store_call_add(
        ctx, &(struct call_row){ .call_id = owed->call_id,
                                 .url = owed->url,
                                 .body = body_of(ctx, owed, now_us),
                                 .person_id = owed->person_id.ptr ? owed->person_id : STR(""),
                                 .source_id = owed->source_id,
                                 .due_us = now_us,
                                 .created_us = now_us });
}

bool webhook_drop(struct ctx *ctx, struct str source_id)
{
    return store_calls_drop(ctx, source_id);
}

/* ---- rules ---- */

/* "https://host:port/path" -> scheme and host with port; the rest is the path. */
static struct str base_of(struct str url)
{
    size_t at = 0;
    while (at + 3 <= url.len && memcmp(url.ptr + at, "://", 3) != 0)
        at++;
    for (at = MIN(at + 3, url.len); at < url.len; at++)
        if (url.ptr[at] == '/' || url.ptr[at] == '?')
            break;
    return (struct str){ url.ptr, at };
}

/* Without the port; of an address in brackets, with them. */
static struct str host_of(struct str url)
{
    struct str host = base_of(url), rest = host;
    ptrdiff_t slash = 0;
    while ((slash = str_find_char(rest, '/')) >= 0)
        rest = (struct str){ rest.ptr + slash + 1, rest.len - (size_t)slash - 1 };
    ptrdiff_t end = str_find_char(rest, rest.len && rest.ptr[0] == '[' ? ']' : ':');
    if (end >= 0)
        rest.len = (size_t)end + (rest.ptr[0] == '[');
    return rest;
}

bool webhook_host_fits(struct str url, struct str hosts)
{
    struct str rest = hosts, one, host = host_of(url);
    while (str_split(&rest, ',', &one)) {
        struct str name = str_trim(one);
        if (str_is(name, "*") || (name.len && str_eq_nocase(name, host)))
            return true;
    }
    return false;
}

/* As the specification proposes: some three days in all. */
int64_t webhook_again_us(int64_t attempts)
{
    static const int32_t after_s[] = { 5, 300, 1800, 7200, 18000, 36000, 50400, 72000, 86400 };
    return attempts <= (int64_t)COUNT(after_s) ? after_s[attempts - 1] * US_PER_S : 0;
}

/* ---- a round ---- */

struct calls {
    const struct webhooks *webhooks;
    struct call_row *rows;
    struct call *made;
    size_t n;
    bool more; /* are due, and wait for the next round */
};

static size_t of_host(const struct calls *calls, struct str host)
{
    size_t n = 0;
    for (size_t i = 0; i < calls->n; i++)
        n += str_eq(host_of(calls->rows[i].url), host);
    return n;
}

/* What each is signed with; ptr NULL: nobody knows any more. */
static bool secrets_read(struct ctx *ctx, struct calls *calls)
{
    const struct webhooks *webhooks = calls->webhooks;
    for (size_t i = 0; i < calls->n; i++) {
        struct call_row *row = &calls->rows[i];
        row->secret = (struct str){ webhooks->secret, webhooks->secret_len };
        if (webhooks->secret_of && !webhooks->secret_of(ctx, row, &row->secret))
            return false;
    }
    return true;
}

static bool calls_look(struct ctx *ctx, void *argument)
{
    struct calls *calls = argument;
    struct call_row *rows = ARENA_ARRAY(ctx->arena, struct call_row, LOOK_MOST);
    size_t n;
    if (!store_calls_due(ctx, clock_now_us(), LOOK_MOST, rows, &n))
        return false;
    for (size_t i = 0; i < n && calls->n < ROUND_MOST; i++)
        if (of_host(calls, host_of(rows[i].url)) < HOST_MOST)
            calls->rows[calls->n++] = rows[i];
    calls->more = n > calls->n;
    return secrets_read(ctx, calls);
}

static bool calls_take(struct ctx *ctx, void *argument)
{
    struct calls *calls = argument;
    size_t n = 0;
    for (size_t i = 0; i < calls->n; i++) {
        struct call_row row = calls->rows[i];
        if (store_call_take(ctx, &row, clock_now_us() + LEASE_US))
            calls->rows[n++] = row;
        else if (ctx_failed(ctx))
            return false;
    }
    calls->n = n;
    return true;
}

static const struct header *headers_of(struct ctx *ctx, const struct call_row *row)
{
    struct header *headers = ARENA_ARRAY(ctx->arena, struct header, 3);
    int64_t now_s = clock_now_us() / US_PER_S;
    headers[0] = (struct header){ STR("webhook-id"), row->call_id };
    headers[1] = (struct header){ STR("webhook-timestamp"),
                                  arena_printf(ctx->arena, "%lld", (long long)now_s) };
    headers[2] = (struct header){ STR("webhook-signature"),
                                  webhook_signature(ctx->arena, row->secret, row->call_id, now_s,
                                                    row->body) };
    return headers;
}

/* The receiver is told to by a connection of its own: what one of them does is no matter of the others'. */
static void call_make(struct ctx *ctx, const struct call_row *row, struct call *out)
{
    struct str base = base_of(row->url);
    struct str path = { row->url.ptr + base.len, row->url.len - base.len };
    if (!path.len || path.ptr[0] != '/')
        path = arena_printf(ctx->arena, "/" STR_FMT, STR_ARG(path));
    *out = (struct call){ .peer = peer_new(&(struct peer_settings){
                              .name = "webhook", .url = arena_cstr(ctx->arena, base) }),
                          .method = "POST",
                          .path = path,
                          .body = row->body,
                          .headers = headers_of(ctx, row),
                          .n_headers = 3,
                          .deadline_us = clock_mono_us() + CALL_US };
}

static void call_over(struct call_row *row, struct str reason)
{
    row->ended_us = clock_now_us();
    row->due_us = INT64_MAX;
    row->reason = reason;
}

static void call_judge(struct ctx *ctx, const struct call *call, struct call_row *row)
{
    int64_t again_us = webhook_again_us(row->attempts);
    row->status = call->status;
    if (call->status >= 200 && call->status < 300) {
        call_over(row, (struct str){ NULL, 0 });
        return;
    }
    struct str reason =
        call->status ? arena_printf(ctx->arena, "it answered %d", call->status)
                     : arena_printf(ctx->arena, "no answer: %s", error_name(call->error.code));
    if (call->status == GONE || !again_us) {
        call_over(row, reason);
        return;
    }
    row->reason = reason;
    row->due_us = clock_now_us() + again_us;
}

static bool call_may(const struct webhooks *webhooks, struct call_row *row)
{
    if (!webhook_host_fits(row->url, str_of(webhooks->hosts)))
        call_over(row, STR("the setting webhook_hosts does not name its host"));
    else if (!row->secret.ptr)
        call_over(row, STR("there is no secret to sign it with any more"));
    return !row->ended_us;
}

static void calls_make(struct ctx *ctx, struct calls *calls)
{
    size_t n = 0;
    struct call_row **rows = ARENA_ARRAY(ctx->arena, struct call_row *, calls->n);
    for (size_t i = 0; i < calls->n; i++)
        if (call_may(calls->webhooks, &calls->rows[i])) {
            rows[n] = &calls->rows[i];
            call_make(ctx, rows[n], &calls->made[n]);
            n++;
        }
    client_call(ctx, calls->made, n);
    fault_at(calls->webhooks->fault, NULL);
    for (size_t i = 0; i < n; i++) {
        call_judge(ctx, &calls->made[i], rows[i]);
        peer_free(calls->made[i].peer);
    }
}

static bool calls_put(struct ctx *ctx, void *argument)
{
    const struct calls *calls = argument;
    const struct webhooks *webhooks = calls->webhooks;
    for (size_t i = 0; i < calls->n; i++) {
        const struct call_row *row = &calls->rows[i];
        bool was;
        if (!store_call_put(ctx, row, &was) ||
            (was && row->ended_us && webhooks->ended && !webhooks->ended(ctx, row)))
            return false;
    }
    return true;
}

static bool calls_forget(struct ctx *ctx, void *argument)
{
    (void)argument;
    return store_calls_forget(ctx, clock_now_us() - KEPT_US);
}

static bool forget(struct ctx *ctx, struct webhooks *webhooks)
{
    int64_t now_us = clock_mono_us();
    if (now_us - webhooks->forgot_us < FORGET_EVERY_US)
        return true;
    webhooks->forgot_us = now_us;
    return sql_write(ctx, service_db(ctx), calls_forget, NULL);
}

bool webhooks_round(struct ctx *ctx, struct webhooks *webhooks)
{
    struct calls calls = { .webhooks = webhooks,
                           .rows = ARENA_ARRAY(ctx->arena, struct call_row, ROUND_MOST),
                           .made = ARENA_ARRAY(ctx->arena, struct call, ROUND_MOST) };
    if (!forget(ctx, webhooks) || !sql_read(ctx, service_db(ctx), calls_look, &calls) ||
        calls.n == 0 || !sql_write(ctx, service_db(ctx), calls_take, &calls))
        return false;
    calls_make(ctx, &calls);
    return sql_write(ctx, service_db(ctx), calls_put, &calls) && calls.more;
}

/* ---- life ---- */

static bool own_secret_open(struct ctx *ctx, struct webhooks *webhooks)
{
    struct str secret, text = setting_text(ctx, "webhook_secret");
    if (text.len ? !webhook_secret_read(ctx, text, &secret)
                 : !webhook_secret_load(ctx, service_data_path(ctx, "webhook.secret"), &secret))
        return false;
    webhooks->secret = mem_alloc(secret.len + 1);
    memcpy(webhooks->secret, secret.ptr, secret.len);
    webhooks->secret_len = secret.len;
    return true;
}

bool webhooks_open(struct ctx *ctx, struct webhooks *webhooks)
{
    if (!webhooks->secret_of && !own_secret_open(ctx, webhooks))
        return false;
    webhooks->hosts = mem_strdup(setting_text(ctx, "webhook_hosts").ptr);
    return true;
}

void webhooks_close(struct webhooks *webhooks)
{
    free(webhooks->secret);
    free(webhooks->hosts);
}
