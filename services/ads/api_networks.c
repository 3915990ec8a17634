#include "base/clock.h"
#include "platform/webhook/signature.h"
#include "services/ads/networks.h"
#include "ads_contract.h"

/* ---- what is known of them ---- */

static struct network network_of(const struct network_row *row)
{
    struct network network = { .network_id = row->network_id,
                               .name = row->name,
                               .url = row->url,
                               .currency = str_of(row->currency),
                               .updated_at = row->updated_us };
    return network;
}

static struct reply reply_network(struct ctx *ctx, const struct network_row *row)
{
    struct network network = network_of(row);
    return reply_ok(ctx, network_encode(ctx, &network));
}

static bool network_find(struct ctx *ctx, struct str network_id, struct network_row *out)
{
    return store_network(ctx, network_id, out) ||
           (!ctx_failed(ctx) && ctx_fail(ctx, ERR_NOT_FOUND, "there is no network with this id"));
}

static bool secret_check(struct ctx *ctx, struct str secret)
{
    struct str bytes;
    if (!secret.ptr)
        return ctx_fail_at(ctx, ERR_INVALID, STR("/secret"), "a new network needs a secret");
    if (webhook_secret_read(ctx, secret, &bytes))
        return true;
    ctx->error.pointer = STR("/secret");
    return false;
}

/* Also of one that was deleted, and comes back. */
static bool currency_check(struct ctx *ctx, struct str network_id, struct str currency)
{
    struct str paid_in;
    return store_network_paid_in(ctx, network_id, &paid_in) &&
           (!paid_in.ptr || str_eq(paid_in, currency) ||
            ctx_fail(ctx, ERR_CONFLICT, "it has shown launches, and is paid for them in " STR_FMT,
                     STR_ARG(paid_in)));
}

struct reply ads_put_network(struct ctx *ctx, const struct put_network_in *in)
{
    struct network_row before, row = { .network_id = in->network_id,
                                       .name = in->body->name,
                                       .url = in->body->url,
                                       .secret = in->body->secret,
                                       .updated_us = clock_now_us() };
    bool known = store_network(ctx, in->network_id, &before);
    if (ctx_failed(ctx) || !currency_check(ctx, in->network_id, in->body->currency))
        return reply_error(ctx);
    if (known && !row.secret.ptr)
        row.secret = before.secret;
    memcpy(row.currency, in->body->currency.ptr,
           MIN(in->body->currency.len, sizeof(row.currency) - 1));
    if (!secret_check(ctx, row.secret) || !store_network_put(ctx, &row) ||
        (known && !str_eq(before.url, row.url) &&
         !store_network_moved(ctx, row.network_id, row.url)))
        return reply_error(ctx);
    return reply_network(ctx, &row);
}

struct reply ads_get_network(struct ctx *ctx, const struct get_network_in *in)
{
    struct network_row row;
    return network_find(ctx, in->network_id, &row) ? reply_network(ctx, &row) : reply_error(ctx);
}

struct reply ads_delete_network(struct ctx *ctx, const struct delete_network_in *in)
{
    struct network_row row;
    bool busy;
    if (!network_find(ctx, in->network_id, &row) || !store_network_busy(ctx, in->network_id, &busy))
        return reply_error(ctx);
    if (busy) {
        ctx_fail(ctx, ERR_CONFLICT, "launches are on it, or it has not heard yet that they end");
        return reply_error(ctx);
    }
    return store_network_delete(ctx, in->network_id) ? reply_empty(ctx) : reply_error(ctx);
}

struct reply ads_list_networks(struct ctx *ctx, const struct list_networks_in *in)
{
    struct str after = { NULL, 0 };
    size_t n, limit = (size_t)in->limit;
    struct network_row *rows = ARENA_ARRAY(ctx->arena, struct network_row, limit + 1);
    if ((in->cursor.ptr && !sql_cursor_parse(ctx, in->cursor, &after, 1)) ||
        !store_networks(ctx, after, limit + 1, rows, &n))
        return reply_error(ctx);
    struct network_list list = { .n_items = MIN(n, limit) };
    struct network *items = ARENA_ARRAY(ctx->arena, struct network, limit + 1);
    for (size_t i = 0; i < list.n_items; i++)
        items[i] = network_of(&rows[i]);
    list.items = items;
    if (n > limit)
        list.next_cursor = sql_cursor(ctx->arena, &rows[limit - 1].network_id, 1);
    return reply_ok(ctx, network_list_encode(ctx, &list));
}

/* ---- what they tell ---- */

static bool network_check(struct ctx *ctx, const struct take_results_in *in,
                          struct network_row *network)
{
    struct str secret;
    struct webhook_head head = { in->webhook_id, in->webhook_timestamp, in->webhook_signature };
    return network_find(ctx, in->network_id, network) &&
           webhook_secret_read(ctx, network->secret, &secret) &&
           webhook_verify(ctx, secret, &head, in->body_raw, clock_now_us() / US_PER_S);
}

static bool is_of_launch(struct ctx *ctx, const struct activation_row *launch, struct str ad_id)
{
    const struct json *ids = json_parse(ctx, launch->ads);
    for (struct json_iter it = json_iter(ids); json_next(&it);)
        if (str_eq(json_str(it.value), ad_id))
            return true;
    return false;
}

/* A day on which it was shown, wherever that day began. */
static bool day_check(struct ctx *ctx, const struct activation_row *launch,
                      const struct figures_row *said, size_t i)
{
    struct str pointer = arena_printf(ctx->arena, "/results/%zu/day", i);
    int64_t day_us = 0;
    bool otherwise;
    if (said->day.ptr && (!clock_parse(said->day, true, &day_us) || day_us > clock_now_us() ||
                          day_us < launch->starts_us - 2 * US_PER_DAY))
        return ctx_fail_at(ctx, ERR_INVALID, pointer, "is no day of this launch so far");
    if (!store_figures_otherwise(ctx, said, &otherwise))
        return false;
    return !otherwise || ctx_fail_at(ctx, ERR_INVALID, pointer, "this ad of the launch is told %s",
                                     said->day.ptr ? "in all, not by day" : "by day, not in all");
}

static bool result_take(struct ctx *ctx, const struct activation_row *launch,
                        const struct network_row *network, const struct network_result *result,
                        size_t i)
{
    struct figures_row said = { .launch_id = launch->launch_id,
                                .network_id = network->network_id,
                                .ad_id = result->ad_id,
                                .amount = result->amount.amount,
                                .impressions = result->impressions,
                                .clicks = result->clicks,
                                .until_us = MIN(result->until, clock_now_us()),
                                .day = result->day,
                                .version = result->has_version ? result->version : 0 };
    if (!is_of_launch(ctx, launch, result->ad_id))
        return ctx_fail_at(ctx, ERR_INVALID, arena_printf(ctx->arena, "/results/%zu/ad_id", i),
                           "the launch has no such ad");
    if (said.amount < 0 || said.amount > NETWORK_AMOUNT_MOST)
        return ctx_fail_at(ctx, ERR_INVALID, arena_printf(ctx->arena, "/results/%zu/amount", i),
                           "it is less than nothing, or more than can be");
    if (strcmp(result->amount.currency, network->currency) != 0)
        return ctx_fail_at(ctx, ERR_INVALID, arena_printf(ctx->arena, "/results/%zu/amount", i),
                           "the network is paid in %s", network->currency);
    return day_check(ctx, launch, &said, i) && network_figures(ctx, launch, network, &said);
}

static bool state_take(struct ctx *ctx, const struct network_results *results,
                       struct part_row *part)
{
    struct str reason = results->reason.ptr ? results->reason : STR("it says so");
    if (!results->has_state || results->state == NETWORK_RESULTS_STATE_RUNNING)
        return true;
    if (results->state == NETWORK_RESULTS_STATE_ENDED)
        return network_leaves(ctx, part, "stopped", results->reason.ptr ? reason : STR(""));
    return network_leaves(ctx, part, "refused", reason);
}

static bool results_take(struct ctx *ctx, const struct network_row *network,
                         const struct network_results *results, struct part_row *part)
{
    struct activation_row launch;
    if (!store_activation(ctx, part->launch_id, &launch))
        return false;
    for (size_t i = 0; i < results->n_results; i++)
        if (!result_take(ctx, &launch, network, &results->results[i], i))
            return false;
    return state_take(ctx, results, part) && networks_settle(ctx, part->launch_id);
}

static struct reply reply_part(struct ctx *ctx, const struct network_row *network,
                               const struct part_row *part)
{
    struct figures_row sum;
    if (!store_figures_sum(ctx, part->launch_id, part->network_id, &sum))
        return reply_error(ctx);
    struct results_taken taken = { .launch_id = part->launch_id,
                                   .wanted = network_wanted_parse(part->wanted),
                                   .version = part->version,
                                   .spent = { .amount = sum.amount },
                                   .impressions = sum.impressions,
                                   .clicks = sum.clicks };
    memcpy(taken.spent.currency, network->currency, sizeof(taken.spent.currency));
    return reply_ok(ctx, results_taken_encode(ctx, &taken));
}

struct reply ads_take_results(struct ctx *ctx, const struct take_results_in *in)
{
    struct network_row network;
    struct network_results results;
    struct part_row part;
    bool again;
    if (!network_check(ctx, in, &network))
        return reply_error(ctx);
    const struct json *body = json_parse(ctx, in->body_raw);
    if (!body || !network_results_decode(ctx, body, &results))
        return reply_error(ctx);
    if (!store_launch_hold(ctx, results.launch_id) ||
        !store_part(ctx, results.launch_id, in->network_id, &part)) {
        if (!ctx_failed(ctx))
            ctx_fail(ctx, ERR_NOT_FOUND, "this network has no part in such a launch");
        return reply_error(ctx);
    }
    if (!store_word(ctx, in->network_id, in->webhook_id, &again) ||
        (!again && (!results_take(ctx, &network, &results, &part) ||
                    !store_part(ctx, results.launch_id, in->network_id, &part))))
        return reply_error(ctx);
    return reply_part(ctx, &network, &part);
}
