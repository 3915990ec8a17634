#include "services/gateway/gateway.h"
#include "services/gateway/routes.h"
#include "gateway_contract.h"

/* ---- answers ---- */

static enum verdict verdict_now(const struct canary_progress *progress)
{
    return progress->looks == 0          ? VERDICT_NONE
           : progress->judgement.worse ? VERDICT_WORSE
                                       : VERDICT_GOOD;
}

static struct route_canary *canary_of(struct ctx *ctx, const struct route_row *row, struct str own)
{
    const struct gateway *gateway = ctx->app;
    const char *name = routing_find(gateway->routing, row->route);
    struct canary_progress progress = routing_progress(gateway->routing, name);
    enum route_colour colour = route_other(row->live);
    struct route_canary *canary = ARENA_NEW(ctx->arena, struct route_canary);
    *canary =
        (struct route_canary){ .canary_id = row->canary_id,
                               .colour = colour,
                               .address = route_address(row, colour, own),
                               .share = row->share,
                               .step = row->step,
                               .most = row->most,
                               .sample = row->sample,
                               .hold_s = row->hold_s,
                               .by_itself = row->by_itself,
                               .canary_calls = progress.canary_calls,
                               .stable_calls = progress.stable_calls,
                               .judged = route_verdict_of(ctx, verdict_now(&progress), &progress) };
    return canary;
}

static struct route route_of(struct ctx *ctx, const struct route_row *row, struct str own)
{
    return (struct route){ .route = row->route,
                           .live = row->live,
                           .blue = route_address(row, ROUTE_COLOUR_BLUE, own),
                           .green = row->green,
                           .canary = row->canary_id.ptr ? canary_of(ctx, row, own) : NULL,
                           .version = row->version,
                           .has_updated_at = row->version > 0,
                           .updated_at = row->updated_us };
}

static struct reply reply_route(struct ctx *ctx, const struct route_row *row, struct str own)
{
    struct route route = route_of(ctx, row, own);
    return reply_ok(ctx, route_encode(ctx, &route));
}

/* The address of its setting; NOT_FOUND for what is no neighbour. */
static bool own_address(struct ctx *ctx, struct str route, struct str *own)
{
    const struct gateway *gateway = ctx->app;
    const char *name = routing_find(gateway->routing, route);
    if (!name)
        return ctx_fail(ctx, ERR_NOT_FOUND, "there is no neighbour of this name");
    *own = routing_own_address(gateway->routing, name);
    return true;
}

/* ---- operations ---- */

struct reply gateway_list_routes(struct ctx *ctx, const struct list_routes_in *in)
{
    const struct gateway *gateway = ctx->app;
    struct route *items = ARENA_ARRAY(ctx->arena, struct route, ROUTING_MOST);
    struct route_list list = { .items = items };
    const char *name;
    for (; (name = routing_name(gateway->routing, list.n_items)); list.n_items++) {
        struct route_row row;
        if (!store_route(ctx, str_of(name), &row))
            return reply_error(ctx);
        items[list.n_items] = route_of(ctx, &row, routing_own_address(gateway->routing, name));
    }
    return reply_ok(ctx, route_list_encode(ctx, &list));
}

struct reply gateway_get_route(struct ctx *ctx, const struct get_route_in *in)
{
    struct str own;
    struct route_row row;
    if (!own_address(ctx, in->route, &own) || !store_route(ctx, in->route, &row))
        return reply_error(ctx);
    return reply_route(ctx, &row, own);
}

struct reply gateway_put_canary(struct ctx *ctx, const struct put_canary_in *in)
{
    struct str own;
    struct route_row row;
    if (!own_address(ctx, in->route, &own) ||
        !route_canary_start(ctx, in->route, own, in->body, &row))
        return reply_error(ctx);
    return reply_route(ctx, &row, own);
}

struct reply gateway_switch_route(struct ctx *ctx, const struct switch_route_in *in)
{
    struct str own;
    struct route_row row;
    if (!own_address(ctx, in->route, &own) || !route_switch(ctx, in->route, own, in->body, &row))
        return reply_error(ctx);
    return reply_route(ctx, &row, own);
}

static bool change_of(struct ctx *ctx, const struct route_change_row *row, struct route_change *out)
{
    *out = (struct route_change){ .change_id = row->change_id,
                                  .what = route_change_what_parse(row->what),
                                  .who = row->who,
                                  .live = route_colour_parse(row->live),
                                  .address = row->address,
                                  .share = row->share,
                                  .version = row->version,
                                  .at = row->at_us };
    if (!row->judgement.ptr)
        return true;
    struct route_verdict *judged = ARENA_NEW(ctx->arena, struct route_verdict);
    const struct json *json = json_parse(ctx, row->judgement);
    out->judged = judged;
    return json && route_verdict_read(ctx, json, judged);
}

struct reply gateway_list_route_changes(struct ctx *ctx, const struct list_route_changes_in *in)
{
    struct str own;
    struct sql_moment before;
    size_t n, limit = (size_t)in->limit;
    struct route_change_row *rows = ARENA_ARRAY(ctx->arena, struct route_change_row, limit + 1);
    if (!own_address(ctx, in->route, &own) || !sql_moment_parse(ctx, in->cursor, &before) ||
        !store_changes(ctx, in->route, before, limit + 1, rows, &n))
        return reply_error(ctx);
    struct route_change_list list = { .n_items = MIN(n, limit) };
    struct route_change *items = ARENA_ARRAY(ctx->arena, struct route_change, list.n_items);
    for (size_t i = 0; i < list.n_items; i++)
        if (!change_of(ctx, &rows[i], &items[i]))
            return reply_error(ctx);
    list.items = items;
    if (n > limit)
        list.next_cursor =
            sql_moment_cursor(ctx->arena, rows[limit - 1].at_us, rows[limit - 1].change_id);
    return reply_ok(ctx, route_change_list_encode(ctx, &list));
}
