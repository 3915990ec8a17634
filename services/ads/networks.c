#include "services/ads/networks.h"

#include "base/clock.h"
#include "base/id.h"
#include "platform/webhook/calls.h"
#include "platform/webhook/signature.h"
#include "services/ads/ads.h"
#include "services/ads/shelf.h"
#include "ads_contract.h"

#define MILLI 1000 /* of a minor unit */
#define ROUND_MOST 100
#define GONE 410 /* a network that answers so refuses */

/* ---- a launch asks for them ---- */

struct str networks_refusal(struct ctx *ctx, const struct wish *wish)
{
    struct network_row row;
    for (size_t i = 0; i < wish->n_networks; i++) {
        struct str id = wish->networks[i];
        if (!store_network(ctx, id, &row))
            return arena_printf(ctx->arena, "there is no network " STR_FMT, STR_ARG(id));
        if (wish->budget && strcmp(row.currency, wish->budget->currency) != 0)
            return arena_printf(ctx->arena,
                                "the network " STR_FMT " is paid in %s, the budget is in %s",
                                STR_ARG(id), row.currency, wish->budget->currency);
    }
    return (struct str){ NULL, 0 };
}

bool networks_join(struct ctx *ctx, struct str launch_id, const struct str *networks, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (!store_part_put(ctx, &(struct part_row){ .launch_id = launch_id,
                                                     .network_id = networks[i],
                                                     .wanted = STR(""),
                                                     .state = STR("waiting"),
                                                     .reason = STR("") }))
            return false;
    return networks_settle(ctx, launch_id);
}

/* ---- what a call says ---- */

static void put_text(struct json_out *out, const char *key, struct str text)
{
    json_key(out, key);
    json_put_str(out, text);
}

static void put_money(struct json_out *out, const char *key, int64_t amount, const char *currency)
{
    json_key(out, key);
    json_object(out);
    json_key(out, "amount");
    json_put_int(out, amount);
    put_text(out, "currency", str_of(currency));
    json_object_end(out);
}

/* Those that are approved as they are now: nothing else is shown. */
static bool put_ads(struct ctx *ctx, struct json_out *out, struct str list)
{
    const struct json *ids = json_parse(ctx, list);
    json_key(out, "ads");
    json_array(out);
    for (struct json_iter it = json_iter(ids); json_next(&it);) {
        struct ad_row row;
        struct ad_put ad;
        if (!store_ad(ctx, json_str(it.value), &row)) {
            if (ctx_failed(ctx))
                return false;
            continue;
        }
        const struct json *definition = json_parse(ctx, row.definition);
        if (!str_is(row.state, "approved"))
            continue;
        if (!definition || !ad_put_read(ctx, definition, &ad))
            return false;
        json_object(out);
        put_text(out, "ad_id", row.ad_id);
        put_text(out, "name", ad.name);
        put_text(out, "target_url", ad.target_url);
        json_key(out, "content");
        json_put(out, ad.content);
        json_object_end(out);
    }
    json_array_end(out);
    return true;
}

static bool data_of(struct ctx *ctx, const struct activation_row *launch,
                    const struct part_row *part, struct str *data)
{
    struct json_out out;
    json_out_init(&out, ctx->arena);
    json_object(&out);
    put_text(&out, "launch_id", launch->launch_id);
    put_text(&out, "campaign_id", launch->campaign_id);
    put_text(&out, "network_id", part->network_id);
    json_key(&out, "version");
    json_put_int(&out, part->version);
    put_text(&out, "state", part->wanted);
    json_key(&out, "starts_at");
    json_put_time(&out, launch->starts_us);
    if (launch->ends_us != NO_END) {
        json_key(&out, "ends_at");
        json_put_time(&out, launch->ends_us);
    }
    if (launch->budget_milli)
        put_money(&out, "budget", launch->budget_milli / MILLI, launch->currency);
    json_key(&out, "segments");
    json_put_raw(&out, launch->segments);
    if (!put_ads(ctx, &out, launch->ads))
        return false;
    json_object_end(&out);
    *data = json_out_str(&out);
    return true;
}

/* ---- telling ---- */

static struct str source_of(struct ctx *ctx, const struct part_row *part)
{
    return arena_printf(ctx->arena, STR_FMT "/" STR_FMT, STR_ARG(part->launch_id),
                        STR_ARG(part->network_id));
}

static struct str type_of(struct str before, struct str wanted)
{
    return str_is(wanted, "stopped")  ? STR("activation.stop")
           : str_is(wanted, "paused") ? STR("activation.pause")
           : str_is(before, "paused") ? STR("activation.resume")
                                      : STR("activation.start");
}

/* What it was to be told before is overtaken. */
static bool part_tell(struct ctx *ctx, const struct activation_row *launch, struct part_row *part,
                      const char *wanted)
{
    struct network_row network;
    struct webhook_owed owed = { .call_id = id_new(ctx->arena, "msg"),
                                 .type = type_of(part->wanted, str_of(wanted)),
                                 .source_id = source_of(ctx, part) };
    part->wanted = str_of(wanted);
    part->version++;
    if (!store_network(ctx, part->network_id, &network))
        return !ctx_failed(ctx) && store_part_put(ctx, part);
    owed.url = network.url;
    return data_of(ctx, launch, part, &owed.data) && webhook_drop(ctx, owed.source_id) &&
           webhook_owe(ctx, &owed) && store_part_put(ctx, part);
}

static const char *wanted_of(const struct activation_row *launch)
{
    bool spent = launch->budget_milli && launch->spent_milli >= launch->budget_milli;
    if (spent || launch->ends_us <= clock_now_us())
        return "stopped";
    return str_is(launch->state, "active")   ? "active"
           : str_is(launch->state, "paused") ? "paused"
                                             : "stopped";
}

bool networks_settle(struct ctx *ctx, struct str launch_id)
{
    struct activation_row launch;
    struct part_row parts[ACTIVATION_NETWORKS];
    size_t n = 0;
    if (!store_launch_hold(ctx, launch_id) ||
        !store_parts(ctx, launch_id, ACTIVATION_NETWORKS, parts, &n))
        return false;
    if (n == 0 || !store_activation(ctx, launch_id, &launch))
        return !ctx_failed(ctx);
    const char *wanted = wanted_of(&launch);
    for (size_t i = 0; i < n; i++) {
        if (str_is(parts[i].wanted, "stopped") || str_is(parts[i].wanted, wanted))
            continue;
        parts[i].state = STR("waiting");
        if (!part_tell(ctx, &launch, &parts[i], wanted))
            return false;
    }
    return true;
}

bool network_leaves(struct ctx *ctx, struct part_row *part, const char *state, struct str reason)
{
    part->wanted = STR("stopped");
    part->state = str_of(state);
    part->reason = reason;
    return webhook_drop(ctx, source_of(ctx, part)) && store_part_put(ctx, part);
}

bool network_why(struct ctx *ctx, const struct part_row *part, struct str *out)
{
    *out = part->reason;
    return !str_is(part->state, "waiting") || store_calls_why(ctx, source_of(ctx, part), out);
}

/* ---- what became of a call ---- */

/* "launch/network" */
static bool part_of_call(struct ctx *ctx, const struct call_row *call, struct part_row *out)
{
    size_t at = call->source_id.len;
    while (at > 0 && call->source_id.ptr[at - 1] != '/')
        at--;
    if (at == 0)
        return false;
    struct str launch = { call->source_id.ptr, at - 1 },
               network = { call->source_id.ptr + at, call->source_id.len - at };
    return store_part(ctx, launch, network, out);
}

bool network_secret(struct ctx *ctx, const struct call_row *call, struct str *out)
{
    struct part_row part;
    struct network_row network;
    *out = (struct str){ NULL, 0 };
    if (!part_of_call(ctx, call, &part) || !store_network(ctx, part.network_id, &network))
        return !ctx_failed(ctx);
    return webhook_secret_read(ctx, network.secret, out);
}

/* Nobody has answered for days. It may have heard of it all the same: so it is told once more, to stop. */
static bool part_fails(struct ctx *ctx, struct part_row *part, struct str reason)
{
    struct activation_row launch;
    part->state = STR("failed");
    part->reason = reason;
    if (str_is(part->wanted, "stopped") || !store_activation(ctx, part->launch_id, &launch))
        return !ctx_failed(ctx) && store_part_put(ctx, part);
    return part_tell(ctx, &launch, part, "stopped");
}

bool network_told(struct ctx *ctx, const struct call_row *call)
{
    struct part_row part;
    if (!part_of_call(ctx, call, &part) || !store_launch_hold(ctx, part.launch_id) ||
        !part_of_call(ctx, call, &part))
        return !ctx_failed(ctx);
    if (!str_is(part.state, "waiting")) /* a failed one has been told to stop, or not */
        return true;
    if (call->reason.ptr)
        return call->status == GONE ? network_leaves(ctx, &part, "refused", call->reason)
                                    : part_fails(ctx, &part, call->reason);
    part.state = part.wanted;
    return store_part_put(ctx, &part);
}

/* ---- what they tell ---- */

static bool more_tell(struct ctx *ctx, const struct activation_row *launch,
                      const struct network_row *network, const struct figures_row *more,
                      int64_t from_us)
{
    struct spend_recorded event = { .spend_id = id_new(ctx->arena, "spd"),
                                    .ad_id = more->ad_id,
                                    .campaign_id = launch->campaign_id,
                                    .launch_id = launch->launch_id,
                                    .network = network->network_id,
                                    .amount = { .amount = more->amount },
                                    .impressions = MAX(more->impressions, 0),
                                    .clicks = MAX(more->clicks, 0),
                                    .has_impressions_taken_back = more->impressions < 0,
                                    .impressions_taken_back = MAX(-more->impressions, 0),
                                    .has_clicks_taken_back = more->clicks < 0,
                                    .clicks_taken_back = MAX(-more->clicks, 0),
                                    .from = from_us,
                                    .until = MAX(more->until_us, from_us) };
    const struct ads *app = ctx->app;
    memcpy(event.amount.currency, network->currency, sizeof(event.amount.currency));
    if (more->amount < 0) /* what is more is seen in SQL, as that of other instances */
        shelf_counted(app->shelf, launch->launch_id, clock_now_us(), 0, more->amount * MILLI);
    return store_spent_add(ctx, launch->launch_id, more->amount * MILLI) &&
           publish_spend_recorded(ctx, &event);
}

/* What it says beyond what is known: less than nothing where a later version corrects. */
static bool is_news(const struct figures_row *known, const struct figures_row *said,
                    struct figures_row *more)
{
    int64_t least = said->version ? INT64_MIN : 0;
    *more = *said;
    if (said->version && said->version <= known->version)
        return false;
    more->amount = MAX(said->amount - known->amount, least);
    more->impressions = MAX(said->impressions - known->impressions, least);
    more->clicks = MAX(said->clicks - known->clicks, least);
    return said->version || more->amount || more->impressions || more->clicks;
}

/* A day begins with itself; figures in all go on from where they were. */
static int64_t from_of(const struct activation_row *launch, const struct figures_row *said)
{
    int64_t day_us;
    if (said->day.ptr && clock_parse(said->day, true, &day_us))
        return day_us;
    return MIN(launch->starts_us, said->until_us);
}

bool network_figures(struct ctx *ctx, const struct activation_row *launch,
                     const struct network_row *network, const struct figures_row *said)
{
    struct figures_row known = { .launch_id = said->launch_id,
                                 .network_id = said->network_id,
                                 .ad_id = said->ad_id,
                                 .day = said->day,
                                 .until_us = from_of(launch, said) };
    struct figures_row more;
    if (!store_figures(ctx, &known) && ctx_failed(ctx))
        return false;
    if (!is_news(&known, said, &more))
        return true;
    int64_t from_us = said->day.ptr ? from_of(launch, said) : known.until_us;
    known.amount += more.amount;
    known.impressions += more.impressions;
    known.clicks += more.clicks;
    known.until_us = MAX(known.until_us, said->until_us);
    known.version = MAX(known.version, said->version);
    bool changes = more.amount || more.impressions || more.clicks;
    return (!changes || more_tell(ctx, launch, network, &more, from_us)) &&
           store_figures_put(ctx, &known);
}

/* ---- time ---- */

static bool over_settle(struct ctx *ctx, void *argument)
{
    size_t *n = argument;
    struct str *launches = ARENA_ARRAY(ctx->arena, struct str, ROUND_MOST);
    if (!store_parts_over(ctx, clock_now_us(), ROUND_MOST, launches, n))
        return false;
    for (size_t i = 0; i < *n; i++)
        if (!networks_settle(ctx, launches[i]))
            return false;
    return true;
}

static bool over_look(struct ctx *ctx, void *argument)
{
    struct str one;
    return store_parts_over(ctx, clock_now_us(), 1, &one, argument);
}

bool networks_run(struct ctx *ctx)
{
    size_t n = 0;
    if (sql_read(ctx, service_db(ctx), over_look, &n) &&
        (n == 0 || sql_write(ctx, service_db(ctx), over_settle, &n)))
        return n == ROUND_MOST;
    log_line(LOG_WARN, ctx, "networks_not_settled", LOG_S("why", ctx->error.detail));
    return false;
}
