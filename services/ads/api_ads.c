#include "base/clock.h"
#include "services/ads/store.h"
#include "ads_contract.h"

/* ---- placements ---- */

static struct reply reply_placement(struct ctx *ctx, const struct placement_row *row)
{
    struct placement placement = { .placement_id = row->placement_id,
                                   .slot = row->slot,
                                   .name = row->name,
                                   .updated_at = row->updated_us };
    return reply_ok(ctx, placement_encode(ctx, &placement));
}

static bool placement_find(struct ctx *ctx, struct str placement_id, struct placement_row *out)
{
    return store_placement(ctx, placement_id, out) ||
           ctx_fail(ctx, ERR_NOT_FOUND, "there is no placement with this id");
}

struct reply ads_put_placement(struct ctx *ctx, const struct put_placement_in *in)
{
    struct placement_row row = { .placement_id = in->placement_id,
                                 .slot = in->body->slot,
                                 .name = in->body->name,
                                 .updated_us = clock_now_us() };
    if (!store_placement_put(ctx, &row)) {
        if (ctx->error.code == ERR_CONFLICT)
            ctx->error.detail = STR("another placement has this slot");
        return reply_error(ctx);
    }
    return reply_placement(ctx, &row);
}

struct reply ads_get_placement(struct ctx *ctx, const struct get_placement_in *in)
{
    struct placement_row row;
    return placement_find(ctx, in->placement_id, &row) ? reply_placement(ctx, &row)
                                                       : reply_error(ctx);
}

/* ---- ads ---- */

static bool ad_of(struct ctx *ctx, const struct ad_row *row, struct ad *out)
{
    const struct json *json = json_parse(ctx, row->definition);
    *out = (struct ad){ .ad_id = row->ad_id,
                        .state = ad_state_parse(row->state),
                        .version = row->version,
                        .updated_at = row->updated_us };
    return json && ad_put_read(ctx, json, &out->ad);
}

static struct reply reply_ad(struct ctx *ctx, const struct ad_row *row)
{
    struct ad ad;
    return ad_of(ctx, row, &ad) ? reply_ok(ctx, ad_encode(ctx, &ad)) : reply_error(ctx);
}

static bool ad_find(struct ctx *ctx, struct str ad_id, struct ad_row *out)
{
    return store_ad(ctx, ad_id, out) || ctx_fail(ctx, ERR_NOT_FOUND, "there is no ad with this id");
}

struct reply ads_put_ad(struct ctx *ctx, const struct put_ad_in *in)
{
    struct ad_row before = { 0 };
    struct placement_row placement;
    if (!placement_find(ctx, in->body->placement_id, &placement))
        return reply_error(ctx);
    if (in->body->price.amount < 0) {
        ctx_fail_at(ctx, ERR_INVALID, STR("/price/amount"), "a price is never negative");
        return reply_error(ctx);
    }
    bool known = store_ad(ctx, in->ad_id, &before);
    if (ctx_failed(ctx))
        return reply_error(ctx);
    struct ad_row row = { .ad_id = in->ad_id,
                          .placement_id = in->body->placement_id,
                          .name = in->body->name,
                          .definition = ad_put_encode(ctx, in->body),
                          .state = STR("draft"),
                          .version = before.version + 1,
                          .updated_us = clock_now_us() };
    if (known && str_eq(before.definition, row.definition))
        return reply_ad(ctx, &before);
    return store_ad_put(ctx, &row) ? reply_ad(ctx, &row) : reply_error(ctx);
}

struct reply ads_get_ad(struct ctx *ctx, const struct get_ad_in *in)
{
    struct ad_row row;
    return ad_find(ctx, in->ad_id, &row) ? reply_ad(ctx, &row) : reply_error(ctx);
}

struct reply ads_review_ad(struct ctx *ctx, const struct review_ad_in *in)
{
    struct ad_row row;
    if (!ad_find(ctx, in->ad_id, &row))
        return reply_error(ctx);
    row.state = str_of(review_state_name(in->body->state));
    row.updated_us = clock_now_us();
    return store_ad_put(ctx, &row) ? reply_ad(ctx, &row) : reply_error(ctx);
}

struct reply ads_list_ads(struct ctx *ctx, const struct list_ads_in *in)
{
    struct str after = { NULL, 0 };
    size_t n, limit = (size_t)in->limit;
    struct ad_row *rows = ARENA_ARRAY(ctx->arena, struct ad_row, limit + 1);
    if ((in->cursor.ptr && !sql_cursor_parse(ctx, in->cursor, &after, 1)) ||
        !store_ads(ctx, after, limit + 1, rows, &n))
        return reply_error(ctx);
    struct ad_list list = { .n_items = MIN(n, limit) };
    struct ad *items = ARENA_ARRAY(ctx->arena, struct ad, list.n_items);
    for (size_t i = 0; i < list.n_items; i++)
        if (!ad_of(ctx, &rows[i], &items[i]))
            return reply_error(ctx);
    list.items = items;
    if (n > limit)
        list.next_cursor = sql_cursor(ctx->arena, &rows[limit - 1].ad_id, 1);
    return reply_ok(ctx, ad_list_encode(ctx, &list));
}
