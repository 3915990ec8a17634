#include "services/ads/counts.h"

#include "services/ads/ads.h"
#include "services/ads/shelf.h"
#include "ads_contract.h"

static bool ad_load(struct ctx *ctx, struct str ad_id, struct ad_put *out)
{
    struct ad_row row;
    if (!store_ad(ctx, ad_id, &row))
        return ctx_fail(ctx, ERR_NOT_FOUND, "there is no such ad any more");
    const struct json *json = json_parse(ctx, row.definition);
    return json && ad_put_read(ctx, json, out);
}

bool ad_target(struct ctx *ctx, struct str ad_id, struct str *out)
{
    struct ad_put ad;
    if (!ad_load(ctx, ad_id, &ad))
        return false;
    *out = ad.target_url;
    return true;
}

/* The cost of one impression or click in thousandths of a minor unit; 0 where the ad is paid by the other. */
static int64_t cost_of(const struct ad_put *ad, enum price_model of)
{
    if (ad->model != of)
        return 0;
    return of == PRICE_MODEL_MILLE ? ad->price.amount : ad->price.amount * 1000;
}

static bool charge(struct ctx *ctx, const struct link *link, enum price_model of)
{
    const struct ads *app = ctx->app;
    struct ad_put ad;
    int64_t charged;
    if (!ad_load(ctx, link->ad_id, &ad))
        return false;
    int64_t cost = cost_of(&ad, of);
    struct spend_row more = { .launch_id = link->launch_id,
                              .ad_id = link->ad_id,
                              .currency = str_of(ad.price.currency),
                              .impressions = of == PRICE_MODEL_MILLE,
                              .clicks = of == PRICE_MODEL_CLICK,
                              .told_us = clock_now_us() };
    if (!store_charge(ctx, link->launch_id, cost, &charged))
        return false;
    more.milli = charged;
    shelf_counted(app->shelf, link->launch_id, link->at_us, of == PRICE_MODEL_MILLE ? cost : 0,
                  charged);
    return store_spend_add(ctx, &more);
}

bool count_seen(struct ctx *ctx, const struct link *link)
{
    bool first;
    if (!store_seen(ctx, link, &first) || !first)
        return !ctx_failed(ctx);
    struct impression_recorded event = { .impression_id = link->impression_id,
                                         .person_id = link->person_id,
                                         .ad_id = link->ad_id,
                                         .placement_id = link->placement_id,
                                         .campaign_id = link->campaign_id,
                                         .launch_id = link->launch_id,
                                         .seen_at = clock_now_us() };
    return charge(ctx, link, PRICE_MODEL_MILLE) && publish_impression_recorded(ctx, &event);
}

bool count_clicked(struct ctx *ctx, const struct link *link)
{
    bool first;
    if (!store_clicked(ctx, link, &first) || !first)
        return !ctx_failed(ctx);
    struct click_recorded event = { .impression_id = link->impression_id,
                                    .person_id = link->person_id,
                                    .ad_id = link->ad_id,
                                    .placement_id = link->placement_id,
                                    .campaign_id = link->campaign_id,
                                    .launch_id = link->launch_id,
                                    .clicked_at = clock_now_us() };
    return charge(ctx, link, PRICE_MODEL_CLICK) && publish_click_recorded(ctx, &event);
}
