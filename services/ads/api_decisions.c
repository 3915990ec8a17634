#include "base/id.h"
#include "services/ads/ads.h"
#include "services/ads/link.h"
#include "services/ads/people.h"
#include "services/ads/shelf.h"
#include "ads_contract.h"

static bool may_see(const struct offer *offer, const struct person *person, int64_t now_us)
{
    if (offer->cap && person_saw(person, offer->ad, now_us - offer->cap_us) >= offer->cap)
        return false;
    for (size_t i = 0; i < offer->n_segments; i++)
        if (person_is_in(person, offer->segments[i]))
            return true;
    return offer->n_segments == 0;
}

#define TRIED_MOST 16 /* offers of a slot whose budgets are asked */

/* The one that is furthest behind its pace, of those that this person may see and whose pace allows it. */
static const struct offer *offer_choose(const struct offers *offers, const struct person *person,
                                        int64_t now_us)
{
    const struct offer *refused[TRIED_MOST];
    for (size_t tries = 0; tries < TRIED_MOST; tries++) {
        const struct offer *best = NULL;
        int64_t best_share = INT64_MAX;
        for (size_t i = 0; i < offers->n; i++) {
            const struct offer *offer = &offers->items[i];
            size_t k = 0;
            while (k < tries && refused[k] != offer)
                k++;
            if (k < tries || !may_see(offer, person, now_us))
                continue;
            int64_t share = offer_share(offer, now_us);
            if (share < best_share) {
                best = offer;
                best_share = share;
            }
        }
        if (!best || offer_promise(best, now_us))
            return best;
        refused[tries] = best;
    }
    return NULL;
}

static struct chosen_ad chosen_of(struct ctx *ctx, const struct offer *offer, struct str person_id,
                                  int64_t now_us)
{
    const struct ads *app = ctx->app;
    struct link link = { .impression_id = id_new(ctx->arena, "imp"),
                         .ad_id = offer->ad_id,
                         .placement_id = offer->placement_id,
                         .person_id = person_id,
                         .launch_id = offer->launch_id,
                         .campaign_id = offer->campaign_id,
                         .at_us = now_us };
    struct link_paths paths = link_sign(ctx->arena, &app->key, &link);
    return (struct chosen_ad){
        .slot = offer->slot,
        .ad_id = offer->ad_id,
        .placement_id = offer->placement_id,
        .content = offer->content,
        .token = paths.token,
        .impression_path = paths.impression,
        .click_path = paths.click,
    };
}

static struct reply choose(struct ctx *ctx, const struct ad_request *request)
{
    const struct ads *app = ctx->app;
    CLEANUP(model_done) struct model_use people = service_model(ctx);
    const struct offers *offers = shelf_now(app->shelf);
    struct chosen_ad *chosen = ARENA_ARRAY(ctx->arena, struct chosen_ad, request->n_slots);
    struct ad_decision decision = { .ads = chosen };
    int64_t now_us = clock_now_us();
    struct lmdb_read read;
    if (!lmdb_read_begin(ctx, people.model, &read))
        return reply_error(ctx);
    struct person person = people_get(&read, request->person_id);
    for (size_t i = 0; i < request->n_slots; i++) {
        struct offers here = offers_in(offers, request->slots[i]);
        const struct offer *offer = offer_choose(&here, &person, now_us);
        if (offer)
            chosen[decision.n_ads++] = chosen_of(ctx, offer, request->person_id, now_us);
    }
    lmdb_read_end(&read);
    return reply_ok(ctx, ad_decision_encode(ctx, &decision));
}

struct reply ads_choose_ads(struct ctx *ctx, const struct choose_ads_in *in)
{
    const struct ads *app = ctx->app;
    if (!shelf_refresh(ctx, app->shelf))
        return reply_error(ctx);
    return choose(ctx, in->body);
}

/* What was committed a moment ago may have changed what is offered: that is looked at first. */
bool ads_choose_ads_at_once(struct ctx *ctx, const struct choose_ads_in *in, struct reply *reply)
{
    const struct ads *app = ctx->app;
    if (!shelf_is_fresh(app->shelf))
        return false;
    *reply = choose(ctx, in->body);
    return true;
}
