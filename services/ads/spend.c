#include "services/ads/spend.h"

#include "base/id.h"
#include "services/ads/counts.h"
#include "services/ads/store_networks.h"
#include "ads_contract.h"

#define ROUND_MOST 100

static bool tell_one(struct ctx *ctx, const struct spend_row *row, int64_t now_us)
{
    int64_t amount = row->milli / 1000;
    struct spend_recorded event = { .spend_id = id_new(ctx->arena, "spd"),
                                    .ad_id = row->ad_id,
                                    .campaign_id = row->campaign_id,
                                    .launch_id = row->launch_id,
                                    .network = STR("house"),
                                    .amount = { .amount = amount - row->told_amount },
                                    .impressions = row->impressions - row->told_impressions,
                                    .clicks = row->clicks - row->told_clicks,
                                    .from = row->told_us,
                                    .until = now_us };
    memcpy(event.amount.currency, row->currency.ptr, 3);
    return publish_spend_recorded(ctx, &event) && store_spend_told(ctx, row, amount, now_us);
}

static bool tell_in(struct ctx *ctx, void *argument)
{
    size_t *n = argument;
    struct spend_row *rows = ARENA_ARRAY(ctx->arena, struct spend_row, ROUND_MOST);
    int64_t now_us = clock_now_us();
    if (!store_spend_untold(ctx, ROUND_MOST, rows, n))
        return false;
    for (size_t i = 0; i < *n; i++)
        if (!tell_one(ctx, &rows[i], now_us))
            return false;
    return true;
}

bool spend_tell(struct ctx *ctx)
{
    size_t n = 0;
    if (events_accepting(ctx, service_events(ctx)) && sql_write(ctx, service_db(ctx), tell_in, &n))
        return n == ROUND_MOST;
    log_line(LOG_WARN, ctx, "spend_not_told", LOG_S("why", ctx->error.detail));
    return false;
}

static bool prune_in(struct ctx *ctx, void *argument)
{
    int64_t before_us = clock_now_us() - CLICKED_WITHIN_US - US_PER_DAY;
    return store_impressions_prune(ctx, before_us) && store_words_prune(ctx, before_us);
}

bool impressions_prune(struct ctx *ctx)
{
    if (!sql_write(ctx, service_db(ctx), prune_in, NULL))
        log_line(LOG_WARN, ctx, "impressions_not_pruned", LOG_S("why", ctx->error.detail));
    return false;
}
