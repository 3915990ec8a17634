#include "services/ads/activations.h"

#include "base/clock.h"
#include "base/money.h"
#include "services/ads/ads.h"
#include "services/ads/networks.h"
#include "ads_contract.h"

#define MILLI 1000 /* of a minor unit */

/* ---- may it be shown? ---- */

/* The reason against one ad; ptr NULL: none. */
static struct str ad_refusal(struct ctx *ctx, struct str ad_id, const struct money *budget)
{
    struct ad_row row;
    struct ad_put ad;
    if (!store_ad(ctx, ad_id, &row))
        return arena_printf(ctx->arena, "there is no ad " STR_FMT, STR_ARG(ad_id));
    if (!str_is(row.state, "approved"))
        return arena_printf(ctx->arena, "the ad " STR_FMT " is not approved", STR_ARG(ad_id));
    const struct json *json = json_parse(ctx, row.definition);
    if (budget && json && ad_put_read(ctx, json, &ad) &&
        strcmp(ad.price.currency, budget->currency) != 0)
        return arena_printf(ctx->arena, "the ad " STR_FMT " is paid in %s, the budget is in %s",
                            STR_ARG(ad_id), ad.price.currency, budget->currency);
    return (struct str){ NULL, 0 };
}

static struct str budget_refusal(struct ctx *ctx, const struct money *budget)
{
    const struct ads *app = ctx->app;
    if (!budget)
        return (struct str){ NULL, 0 };
    if (budget->amount <= 0)
        return STR("a budget is more than nothing");
    if (budget->amount > app->budget_most)
        return arena_printf(ctx->arena, "the budget is over the limit of %lld %s",
                            (long long)app->budget_most, budget->currency);
    return (struct str){ NULL, 0 };
}

/* The first reason against it; ptr NULL: none, or an error in ctx. */
static struct str refusal_of(struct ctx *ctx, const struct wish *wish)
{
    int64_t now_us = clock_now_us();
    if (wish->expires_us <= now_us)
        return STR("the command has expired");
    if (wish->ends_us <= now_us)
        return STR("its end is over");
    if (wish->ends_us <= wish->starts_us)
        return STR("it ends before it starts");
    if (wish->n_ads == 0)
        return STR("it names no ads");
    struct str reason = budget_refusal(ctx, wish->budget);
    for (size_t i = 0; !reason.ptr && i < wish->n_ads; i++)
        reason = ad_refusal(ctx, wish->ads[i], wish->budget);
    return reason.ptr ? reason : networks_refusal(ctx, wish);
}

/* ---- deciding ---- */

static struct str list_text(struct ctx *ctx, const struct str *items, size_t n)
{
    struct json_out out;
    json_out_init(&out, ctx->arena);
    json_array(&out);
    for (size_t i = 0; i < n; i++)
        json_put_str(&out, items[i]);
    json_array_end(&out);
    return json_out_str(&out);
}

static struct activation_row row_of(struct ctx *ctx, const struct wish *wish)
{
    int64_t now_us = clock_now_us();
    struct activation_row row = { .launch_id = wish->launch_id,
                                  .campaign_id = wish->campaign_id,
                                  .command_id = wish->command_id,
                                  .state = STR("active"),
                                  .reason = STR(""),
                                  .ads = list_text(ctx, wish->ads, wish->n_ads),
                                  .segments = list_text(ctx, wish->segments, wish->n_segments),
                                  .starts_us = wish->starts_us ? wish->starts_us : now_us,
                                  .ends_us = wish->ends_us,
                                  .updated_us = now_us };
    return row;
}

static bool decide(struct ctx *ctx, const struct wish *wish, struct activation_row *row)
{
    struct str reason = refusal_of(ctx, wish);
    if (ctx_failed(ctx))
        return false;
    *row = row_of(ctx, wish);
    if (reason.ptr) {
        row->state = STR("refused");
        row->reason = reason;
    } else if (wish->budget) {
        row->budget_milli = wish->budget->amount * MILLI;
        memcpy(row->currency, wish->budget->currency, sizeof(row->currency));
    }
    return store_activation_put(ctx, row) &&
           (reason.ptr || networks_join(ctx, row->launch_id, wish->networks, wish->n_networks));
}

bool activation_do(struct ctx *ctx, const struct wish *wish, struct activation_row *out)
{
    struct activation_row row;
    bool known = store_activation(ctx, wish->launch_id, &row);
    if (ctx_failed(ctx))
        return false;
    if (known && str_is(row.state, "undone")) {
        row.state = STR("refused");
        row.reason = STR("the launch is undone");
    } else if (!known ||
               (str_is(row.state, "refused") && !str_eq(row.command_id, wish->command_id))) {
        if (!decide(ctx, wish, &row))
            return false;
    }
    *out = row;
    return true;
}

bool activation_undo(struct ctx *ctx, struct str launch_id, struct str campaign_id)
{
    struct activation_row row;
    bool known = store_activation(ctx, launch_id, &row);
    if (ctx_failed(ctx))
        return false;
    if (!known)
        row = row_of(ctx, &(struct wish){ .launch_id = launch_id,
                                          .campaign_id = campaign_id,
                                          .command_id = STR(""),
                                          .ends_us = NO_END });
    row.state = STR("undone");
    row.reason = STR("");
    row.updated_us = clock_now_us();
    return store_activation_put(ctx, &row) && networks_settle(ctx, launch_id);
}

bool activation_move(struct ctx *ctx, struct str launch_id, const char *from, const char *also_from,
                     const char *to)
{
    return store_activation_move(ctx, launch_id, from, also_from, to) &&
           networks_settle(ctx, launch_id);
}
