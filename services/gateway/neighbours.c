#include "services/gateway/neighbours.h"

#include "base/clock.h"
#include "ads_client.h"
#include "commerce_client.h"
#include "content_client.h"
#include "personalization_client.h"

#define LOCALES_ASKED 200 /* with fallbacks of their own: a page of the list */
#define LOCALES_US (2 * US_PER_S)
#define SCOPES "decisions:read quotes:read content:read ads:decide"

/* Without a token the call is made all the same, and refused there: one way of failing less. */
static struct str own_token(struct ctx *ctx)
{
    struct str token = service_token(ctx, SCOPES);
    if (!token.ptr)
        ctx_clear(ctx);
    return token;
}

/* Makes the calls, each to the version that its neighbour's route has for this visitor. True when all were answered. */
static bool ask(struct ctx *ctx, struct str visitor, const char *const *peers, struct call *calls,
                size_t n)
{
    const struct gateway *gateway = ctx->app;
    struct leg *legs = ARENA_ARRAY(ctx->arena, struct leg, n);
    for (size_t i = 0; i < n; i++) {
        legs[i] = routing_take(gateway->routing, peers[i], visitor);
        calls[i].peer = legs[i].peer;
    }
    bool all = client_call(ctx, calls, n);
    for (size_t i = 0; i < n; i++)
        routing_give(&legs[i], &calls[i]);
    return all;
}

/* ---- content ---- */

bool content_page(struct ctx *ctx, struct str slug, struct str locale, struct str visitor,
                  int64_t deadline_us, struct published *out)
{
    static const char *const peer = "content";
    struct get_published_in in = { .slug = slug,
                                   .kind = GET_PUBLISHED_KIND_PAGE,
                                   .locale = locale };
    struct call call = { .method = "GET",
                         .path = content_get_published_target(ctx->arena, &in),
                         .token = own_token(ctx),
                         .deadline_us = deadline_us };
    bool answered = ask(ctx, visitor, &peer, &call, 1);
    ctx_clear(ctx);
    if (answered && call.status == 404)
        return ctx_fail(ctx, ERR_NOT_FOUND, "nothing is shown under this slug");
    const struct json *json = answered && call.status == 200 ? json_parse(ctx, call.answer) : NULL;
    if (json && published_read(ctx, json, out))
        return true;
    ctx_clear(ctx);
    return ctx_fail(ctx, ERR_UNAVAILABLE,
                    "the page is not known here, and content cannot be asked");
}

bool locales_ask(struct ctx *ctx, struct lmdb *edge)
{
    struct locale_list list;
    struct list_locales_in in = { .limit = LOCALES_ASKED };
    static const char *const peer = "content";
    struct call call = { .method = "GET",
                         .path = content_list_locales_target(ctx->arena, &in),
                         .token = own_token(ctx),
                         .deadline_us = clock_mono_us() + LOCALES_US };
    if (!ask(ctx, STR("locales"), &peer, &call, 1) || call.status != 200)
        return true; /* what was known goes on */
    const struct json *json = json_parse(ctx, call.answer);
    return json && locale_list_read(ctx, json, &list) && edge_locales_put(ctx, edge, &list);
}

/* ---- personalization, commerce and ads ---- */

static struct call decision_call(struct ctx *ctx, const struct structure *structure,
                                 struct str customer_id, struct str visitor_id)
{
    struct json_out context;
    json_out_init(&context, ctx->arena);
    json_object(&context);
    json_key(&context, "slug");
    json_put_str(&context, structure->head.slug);
    if (structure->head.locale.ptr) {
        json_key(&context, "locale");
        json_put_str(&context, structure->head.locale);
    }
    json_object_end(&context);
    struct decision_request request = { .customer_id = customer_id,
                                        .visitor_id = visitor_id,
                                        .slots = structure->slots,
                                        .n_slots = structure->n_slots,
                                        .context = json_parse(ctx, json_out_str(&context)) };
    return (struct call){ .method = "POST",
                          .path = personalization_decide_target(ctx->arena, NULL),
                          .body = decision_request_encode(ctx, &request),
                          .idempotent = true };
}

static struct call quote_call(struct ctx *ctx, const struct structure *structure,
                              struct str customer_id)
{
    struct quote_line_request *lines =
        ARENA_ARRAY(ctx->arena, struct quote_line_request, structure->n_products);
    for (size_t i = 0; i < structure->n_products; i++)
        lines[i] =
            (struct quote_line_request){ .product_id = structure->products[i], .quantity = 1 };
    struct quote_request request = { .customer_id = customer_id,
                                     .lines = lines,
                                     .n_lines = structure->n_products };
    return (struct call){ .method = "POST",
                          .path = commerce_quote_target(ctx->arena, NULL),
                          .body = quote_request_encode(ctx, &request),
                          .idempotent = true };
}

static struct call ads_call(struct ctx *ctx, const struct structure *structure,
                            struct str customer_id, struct str visitor_id)
{
    struct ad_request request = { .person_id = customer_id.ptr ? customer_id : visitor_id,
                                  .slots = structure->ad_slots,
                                  .n_slots = structure->n_ad_slots };
    return (struct call){ .method = "POST",
                          .path = ads_choose_ads_target(ctx->arena, NULL),
                          .body = ad_request_encode(ctx, &request),
                          .idempotent = true };
}

static bool call_read(struct ctx *ctx, const struct call *call, const struct schema_type *type,
                      void *out)
{
    const struct json *json = call->status == 200 ? json_parse(ctx, call->answer) : NULL;
    bool ok = json && contract_decode(ctx, type, json, DECODE_TOLERANT, out);
    ctx_clear(ctx);
    return ok;
}

/* The last known prices. Without them (a disk that fails) the page has none, and says that it is a default. */
static const struct edge_product *prices_known(struct ctx *ctx, const struct structure *structure)
{
    CLEANUP(model_done) struct model_use edge = service_model(ctx);
    struct edge_product *known =
        ARENA_ARRAY(ctx->arena, struct edge_product, structure->n_products);
    bool ok = edge_products(ctx, edge.model, structure->products, structure->n_products, known);
    ctx_clear(ctx);
    return ok ? known : NULL;
}

/* The answer of its call, where it was needed and came; *missing says that it did not. */
static void *answer_read(struct ctx *ctx, const struct call *call, const struct schema_type *type,
                         size_t bytes, bool *missing)
{
    void *out = *missing ? arena_alloc(ctx->arena, bytes) : NULL;
    if (out && !call_read(ctx, call, type, out))
        return NULL;
    *missing = false;
    return out;
}

void neighbours_ask(struct ctx *ctx, const struct structure *structure, struct str customer_id,
                    struct str visitor_id, int64_t deadline_us, struct answers *out)
{
    struct call calls[3], *decision = NULL, *quote = NULL, *ads = NULL;
    const char *peers[COUNT(calls)];
    size_t n = 0;
    *out = (struct answers){ .no_decision = structure->n_slots > 0,
                             .no_quote = structure->n_products > 0,
                             .no_ads = structure->n_ad_slots > 0 };
    if (out->no_decision) {
        peers[n] = "personalization";
        *(decision = &calls[n++]) = decision_call(ctx, structure, customer_id, visitor_id);
    }
    if (out->no_quote) {
        peers[n] = "commerce";
        *(quote = &calls[n++]) = quote_call(ctx, structure, customer_id);
    }
    if (out->no_ads) {
        peers[n] = "ads";
        *(ads = &calls[n++]) = ads_call(ctx, structure, customer_id, visitor_id);
    }
    for (size_t i = 0; i < n; i++) {
        calls[i].deadline_us = deadline_us;
        calls[i].token = own_token(ctx);
    }
    if (n)
        ask(ctx, visitor_id.ptr ? visitor_id : customer_id, peers, calls,
            n); /* each says for itself */
    ctx_clear(ctx);
    out->decision =
        answer_read(ctx, decision, &decision_type, sizeof(struct decision), &out->no_decision);
    out->quote = answer_read(ctx, quote, &quote_type, sizeof(struct quote), &out->no_quote);
    out->ads = answer_read(ctx, ads, &ad_decision_type, sizeof(struct ad_decision), &out->no_ads);
    if (out->no_quote)
        out->known = prices_known(ctx, structure);
}

static bool ads_count(struct ctx *ctx, struct str path, int64_t deadline_us, struct reply *out)
{
    static const char *const peer = "ads";
    struct call call = { .method = "GET", .path = path, .deadline_us = deadline_us };
    ask(ctx, (struct str){ NULL, 0 }, &peer, &call, 1);
    ctx_clear(ctx);
    if (call.status == 0 || call.error.code != ERR_NONE)
        return ctx_fail_openly(ctx, ERR_UNAVAILABLE, "this cannot be counted at the moment");
    const char *type = call.answer_type.ptr ? arena_cstr(ctx->arena, call.answer_type)
                                            : "application/octet-stream";
    *out = reply_text(ctx, call.status, type, call.answer);
    if (call.location.ptr)
        reply_add(ctx, out, "Location", call.location);
    reply_add(ctx, out, "Cache-Control", STR("no-store"));
    return true;
}

bool ads_seen(struct ctx *ctx, struct str token, int64_t deadline_us, struct reply *out)
{
    return ads_count(ctx, ads_see_ad_target(ctx->arena, &(struct see_ad_in){ .token = token }),
                     deadline_us, out);
}

bool ads_clicked(struct ctx *ctx, struct str token, int64_t deadline_us, struct reply *out)
{
    return ads_count(ctx, ads_click_ad_target(ctx->arena, &(struct click_ad_in){ .token = token }),
                     deadline_us, out);
}

/* ---- what is passed on ---- */

/* The request as it came, credentials too, to where the call says; the reply is the neighbour's own. False without an error:
 * none came. */
static bool pass_on(struct ctx *ctx, const char *peer, struct str visitor, struct call *call,
                    struct reply *out)
{
    static const char *const passed[] = { "Authorization", "Content-Encoding", "If-None-Match" };
    struct header headers[COUNT(passed)];
    struct str type = request_header(ctx, "Content-Type");
    call->method = "POST";
    call->body = ctx->request->body;
    call->content_type = type.ptr ? arena_cstr(ctx->arena, type) : NULL;
    call->headers = headers;
    for (size_t i = 0; i < COUNT(passed); i++) {
        struct str value = request_header(ctx, passed[i]);
        if (value.ptr)
            headers[call->n_headers++] = (struct header){ str_of(passed[i]), value };
    }
    ask(ctx, visitor, &peer, call, 1);
    ctx_clear(ctx);
    if (call->status == 0 || call->error.code != ERR_NONE)
        return false;
    *out = reply_text(ctx, call->status,
                      call->answer_type.ptr ? arena_cstr(ctx->arena, call->answer_type)
                                            : "application/json",
                      call->answer);
    if (call->etag.ptr)
        reply_add(ctx, out, "ETag", call->etag);
    return true;
}

/* ---- analytics ---- */

/* Who tells, so that one browser's calls stay together: in a batch, the first. What cannot be read here (it may be
 * compressed) goes by the address. */
static struct str teller(struct ctx *ctx)
{
    const struct gateway *gateway = ctx->app;
    static const char *const members[] = { "anonymousId", "userId" };
    if (!routing_splits(gateway->routing, "analytics"))
        return (struct str){ NULL, 0 };
    const struct json *told = json_parse(ctx, ctx->request->body);
    const struct json *first = json_at(json_get(told, "batch"), 0);
    ctx_clear(ctx);
    for (size_t i = 0; i < COUNT(members); i++) {
        struct str id = json_str(json_get(first ? first : told, members[i]));
        if (id.len)
            return id;
    }
    return ctx->request->remote;
}

bool analytics_tell(struct ctx *ctx, int64_t deadline_us, struct reply *out)
{
    struct call call = { .path = str_of(ctx->operation->path), .deadline_us = deadline_us };
    return pass_on(ctx, "analytics", teller(ctx), &call, out) ||
           ctx_fail_openly(ctx, ERR_UNAVAILABLE,
                           "what was told cannot be taken at the moment; send it again");
}

/* ---- personalization's flags ---- */

/* Whom flags are evaluated for, as teller() has it. */
static struct str targeted(struct ctx *ctx)
{
    const struct gateway *gateway = ctx->app;
    if (!routing_splits(gateway->routing, "personalization"))
        return (struct str){ NULL, 0 };
    const struct json *asked = json_parse(ctx, ctx->request->body);
    struct str key = json_str(json_get(json_get(asked, "context"), "targetingKey"));
    ctx_clear(ctx);
    return key.len ? key : ctx->request->remote;
}

bool flags_evaluate(struct ctx *ctx, struct str key, int64_t deadline_us, struct reply *out)
{
    struct call call = { .path = key.ptr ? personalization_evaluate_flag_target(
                                               ctx->arena, &(struct evaluate_flag_in){ .key = key })
                                         : str_of(ctx->operation->path),
                         .idempotent = true,
                         .deadline_us = deadline_us };
    return pass_on(ctx, "personalization", targeted(ctx), &call, out) ||
           ctx_fail_openly(ctx, ERR_UNAVAILABLE, "flags cannot be evaluated at the moment");
}
