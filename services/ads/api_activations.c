#include "base/clock.h"
#include "base/id.h"
#include "services/ads/activations.h"
#include "services/ads/counts.h"
#include "services/ads/networks.h"
#include "ads_contract.h"

static const struct str *list_of(struct ctx *ctx, struct str text, size_t *n)
{
    const struct json *json = json_parse(ctx, text);
    struct str *items = ARENA_ARRAY(ctx->arena, struct str, json_size(json) + 1);
    *n = 0;
    for (struct json_iter it = json_iter(json); json_next(&it);)
        items[(*n)++] = json_str(it.value);
    return items;
}

/* What each network has of it; what it has brought is added to the whole. */
static bool networks_of(struct ctx *ctx, struct activation *out)
{
    struct part_row parts[ACTIVATION_NETWORKS];
    size_t n;
    if (!store_parts(ctx, out->launch_id, ACTIVATION_NETWORKS, parts, &n))
        return false;
    struct activation_network *items = ARENA_ARRAY(ctx->arena, struct activation_network, n + 1);
    for (size_t i = 0; i < n; i++) {
        struct figures_row sum;
        if (!store_figures_sum(ctx, out->launch_id, parts[i].network_id, &sum))
            return false;
        items[i] = (struct activation_network){ .network_id = parts[i].network_id,
                                                .state = network_state_parse(parts[i].state),
                                                .wanted = network_wanted_parse(parts[i].wanted),
                                                .impressions = sum.impressions,
                                                .clicks = sum.clicks,
                                                .spent = { .amount = sum.amount } };
        if (!network_why(ctx, &parts[i], &items[i].reason))
            return false;
        if (!items[i].reason.len)
            items[i].reason = (struct str){ NULL, 0 };
        memcpy(items[i].spent.currency, parts[i].currency, sizeof(items[i].spent.currency));
        out->impressions += sum.impressions;
        out->clicks += sum.clicks;
    }
    out->networks = items;
    out->n_networks = n;
    return true;
}

static struct reply reply_activation(struct ctx *ctx, const struct activation_row *row)
{
    struct money budget = { .amount = row->budget_milli / 1000 };
    struct spend_row spent;
    memcpy(budget.currency, row->currency, sizeof(budget.currency));
    if (!store_spend_sum(ctx, row->launch_id, &spent))
        return reply_error(ctx);
    struct activation activation = { .launch_id = row->launch_id,
                                     .campaign_id = row->campaign_id,
                                     .state = activation_state_parse(row->state),
                                     .spent_milli = row->spent_milli,
                                     .impressions = spent.impressions,
                                     .clicks = spent.clicks,
                                     .has_starts_at = true,
                                     .starts_at = row->starts_us,
                                     .has_ends_at = row->ends_us != NO_END,
                                     .ends_at = row->ends_us,
                                     .updated_at = row->updated_us };
    activation.ads = list_of(ctx, row->ads, &activation.n_ads);
    activation.segments = list_of(ctx, row->segments, &activation.n_segments);
    if (row->budget_milli)
        activation.budget = &budget;
    if (row->reason.len)
        activation.reason = row->reason;
    if (!networks_of(ctx, &activation))
        return reply_error(ctx);
    return reply_ok(ctx, activation_encode(ctx, &activation));
}

struct reply ads_put_activation(struct ctx *ctx, const struct put_activation_in *in)
{
    const struct activation_put *put = in->body;
    struct activation_row row;
    struct wish wish = { .launch_id = in->launch_id,
                         .campaign_id = put->campaign_id,
                         .command_id = id_new(ctx->arena, "cmd"),
                         .ads = put->ads,
                         .n_ads = put->n_ads,
                         .segments = put->segments,
                         .n_segments = put->n_segments,
                         .networks = put->networks,
                         .n_networks = put->n_networks,
                         .budget = put->budget,
                         .starts_us = put->has_starts_at ? put->starts_at : 0,
                         .ends_us = put->has_ends_at ? put->ends_at : NO_END,
                         .expires_us = INT64_MAX };
    if (!activation_do(ctx, &wish, &row))
        return reply_error(ctx);
    if (str_is(row.state, "refused")) {
        ctx_fail(ctx, ERR_CONFLICT, STR_FMT, STR_ARG(row.reason));
        return reply_error(ctx);
    }
    return reply_activation(ctx, &row);
}

struct reply ads_get_activation(struct ctx *ctx, const struct get_activation_in *in)
{
    struct activation_row row;
    if (store_activation(ctx, in->launch_id, &row))
        return reply_activation(ctx, &row);
    if (!ctx_failed(ctx))
        ctx_fail(ctx, ERR_NOT_FOUND, "nothing was asked for this launch");
    return reply_error(ctx);
}

struct reply ads_undo_activation(struct ctx *ctx, const struct undo_activation_in *in)
{
    return activation_undo(ctx, in->launch_id, STR("")) ? reply_empty(ctx) : reply_error(ctx);
}
