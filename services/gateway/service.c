#include "services/gateway/gateway.h"

#include <stdlib.h>

#include "base/clock.h"
#include "services/gateway/edge.h"
#include "services/gateway/reactions.h"
#include "services/gateway/routes.h"
#include "gateway_contract.h"
#include "gateway_migrations.h"

#define ROUTES_US                                                                                  \
    (250 * US_PER_MS) /* how late calls may follow a route, and a canary its verdict */

static const struct reaction reactions[] = {
    ON(CONTENT_ENTRY_PUBLISHED_V1,   on_entry_published,
       READS("entry_id", "kind", "slug", "locale", "title", "version", "document", "published_at")),
    ON(CONTENT_ENTRY_UNPUBLISHED_V1, on_entry_unpublished,
       READS("entry_id", "kind", "unpublished_at")),
    ON(COMMERCE_PRODUCT_UPSERTED_V1, on_product_upserted,
       READS("product_id", "name", "price", "active")),
};

static const struct setting settings[] = {
    { .key = "page_budget",
      .kind = SETTING_DURATION,
      .fallback = "50ms",
      .help =
          "Within this time of its request a page is answered, with defaults for what did not come",
      .least = 5 * US_PER_MS,
      .most = 10 * US_PER_S },
    { .key = "page_margin",
      .kind = SETTING_DURATION,
      .fallback = "10ms",
      .help =
          "The part of page_budget that is kept for putting the page together; neighbours have the rest",
      .least = 1 * US_PER_MS,
      .most = 1 * US_PER_S },
    { .key = "collect_budget",
      .kind = SETTING_DURATION,
      .fallback = "10s",
      .help = "How long analytics may take to answer for what a site told",
      .least = 100 * US_PER_MS,
      .most = 60 * US_PER_S },
};

static const char *const peers[] = { "analytics", "commerce", "content", "personalization", NULL };

static void gateway_close(void *app)
{
    struct gateway *gateway = app;
    if (!gateway)
        return;
    misses_free(gateway->misses);
    routing_free(gateway->routing);
    free(gateway);
}

static bool settings_read(struct ctx *ctx, struct gateway *gateway)
{
    gateway->budget_us = setting_int(ctx, "page_budget");
    gateway->margin_us = setting_int(ctx, "page_margin");
    gateway->collect_us = setting_int(ctx, "collect_budget");
    return gateway->margin_us < gateway->budget_us ||
           ctx_fail(ctx, ERR_INVALID,
                    "page_margin must be shorter than page_budget, of which it is a part");
}

static void metrics_make(struct gateway *gateway)
{
    static const char defaults[] = "gateway_page_defaults_total",
                      help[] = "Pages that were answered with defaults, by who did not answer.";
    gateway->no_decision = metric_get(METRIC_COUNTER, defaults, help, "peer=\"personalization\"");
    gateway->no_quote = metric_get(METRIC_COUNTER, defaults, help, "peer=\"commerce\"");
    gateway->views_lost =
        metric_get(METRIC_COUNTER, "gateway_page_views_lost_total",
                   "Pages whose view could not be told, since too many were waiting.", "");
}

/* ---- routes ---- */

static bool routes_read(struct ctx *ctx, void *routing)
{
    return routing_refresh(ctx, routing);
}

static bool ruling_store(struct ctx *ctx, void *argument)
{
    const struct gateway *gateway = ctx->app;
    const struct ruling *ruling = argument;
    return route_rule(ctx, routing_own_address(gateway->routing, ruling->route), ruling);
}

static void canary_rule(struct ctx *ctx, struct ruling *ruling)
{
    static const char *const words[] = { [VERDICT_GOOD] = "good", [VERDICT_WORSE] = "worse" };
    if (ruling->verdict == VERDICT_NONE ||
        (ruling->verdict == VERDICT_GOOD && ruling->next_share == ruling->share))
        return;
    bool stored = sql_write(ctx, service_db(ctx), ruling_store, ruling);
    log_line(stored ? LOG_INFO : LOG_WARN, ctx, "canary_judged", LOG_C("route", ruling->route),
             LOG_C("verdict", words[ruling->verdict]), LOG_I("share", ruling->share),
             LOG_C("stored", stored ? "true" : "false"));
    ctx_clear(ctx); /* the next round tries again */
}

/* Every canary is judged by what this instance saw of it; then routes are as they are stored. */
static bool routes_tend(struct ctx *ctx)
{
    const struct gateway *gateway = ctx->app;
    const char *name;
    for (size_t i = 0; (name = routing_name(gateway->routing, i)); i++) {
        struct ruling ruling = routing_judge(ctx, gateway->routing, name);
        canary_rule(ctx, &ruling);
    }
    if (!sql_read(ctx, service_db(ctx), routes_read, gateway->routing))
        log_line(LOG_WARN, ctx, "routes_not_read", LOG_S("why", ctx->error.detail));
    return false;
}

static bool gateway_open(struct ctx *ctx)
{
    struct gateway *gateway = ctx->app = mem_alloc(sizeof(*gateway));
    gateway->misses = misses_new();
    gateway->routing = routing_new(ctx, peers);
    metrics_make(gateway);
    return settings_read(ctx, gateway) &&
           sql_read(ctx, service_db(ctx), routes_read, gateway->routing) &&
           service_worker(ctx, "routes", ROUTES_US, routes_tend);
}

static const struct projection_settings edge = {
    .name = "gateway.edge",
    .file = "edge",
    .sharing = CONSUMER_LOCAL,
    .reactions = reactions,
    .n_reactions = COUNT(reactions),
    .store = &lmdb_event_store,
    .open = edge_open,
    .close = edge_close,
};

const struct service gateway_service = {
    .name = "gateway",
    .port = 8080,
    .edge = true,
    .contract = &gateway_contract,
    .migrations = gateway_migrations,
    .n_migrations = GATEWAY_N_MIGRATIONS,
    .projection = &edge,
    .settings = settings,
    .n_settings = COUNT(settings),
    .peers = peers,
    .open = gateway_open,
    .close = gateway_close,
};
