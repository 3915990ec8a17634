#include "services/gateway/gateway.h"

#include <stdlib.h>

#include "base/clock.h"
#include "services/gateway/edge.h"
#include "services/gateway/neighbours.h"
#include "services/gateway/reactions.h"
#include "services/gateway/routes.h"
#include "gateway_contract.h"
#include "gateway_migrations.h"

#define LOCALES_US (30 * US_PER_S) /* how late changed fallbacks of locales may be followed */
#define ROUTES_US                                                                                  \
    (250 * US_PER_MS) /* how late calls may follow a route, and a canary its verdict */

static const struct reaction reactions[] = {
    ON(CONTENT_ENTRY_PUBLISHED_V1,   on_entry_published,
       READS("entry_id", "kind", "slug", "locale", "title", "version", "document", "published_at",
             "earlier")),
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
    { .key = "flags_budget",
      .kind = SETTING_DURATION,
      .fallback = "1s",
      .help = "How long personalization may take to evaluate the flags that a browser asks for",
      .least = 10 * US_PER_MS,
      .most = 60 * US_PER_S },
    { .key = "rate_per_address",
      .kind = SETTING_INTEGER,
      .fallback = "0",
      .help =
          "Requests a minute from one address; 0: no limit (behind a CDN all come from its addresses)",
      .most = 100000000 },
    { .key = "rate_per_key",
      .kind = SETTING_INTEGER,
      .fallback = "0",
      .help = "Requests a minute by one token's subject or one write key's source; 0: no limit",
      .most = 100000000 },
    { .key = "address_header",
      .kind = SETTING_TEXT,
      .fallback = "",
      .help =
          "The header in which a proxy in front names the visitor's address; believed, so only where nobody else gets in",
      .optional = true },
    { .key = "cors_origins",
      .kind = SETTING_TEXT,
      .fallback = "*",
      .help =
          "Origins whose pages may ask from a browser, with spaces between them; * for all, nothing for none",
      .optional = true },
    { .key = "content_security_policy",
      .kind = SETTING_TEXT,
      .fallback =
          "default-src 'self'; img-src * data:; style-src 'self' 'unsafe-inline'; base-uri 'self'; form-action 'self'; frame-ancestors 'self'",
      .help = "What browsers let pages that are HTML load and do; nothing: it is not said",
      .optional = true },
    { .key = "https",
      .kind = SETTING_BOOL,
      .fallback = "false",
      .help =
          "Visitors come by https: says so to browsers (Strict-Transport-Security, Secure cookies)" },
    { .key = "access_log",
      .kind = SETTING_BOOL,
      .fallback = "false",
      .help =
          "A line in the log for each request: method, route, status, bytes, time; nothing about persons" },
    { .key = "page_fresh",
      .kind = SETTING_DURATION,
      .fallback = "1m",
      .help = "How long a CDN may keep a page that is the same for everybody; 0s: none is kept",
      .most = US_PER_DAY },
    { .key = "page_stale",
      .kind = SETTING_DURATION,
      .fallback = "10m",
      .help = "How long after that it may still show it while it asks for the new one",
      .most = 30 * US_PER_DAY },
    { .key = "purge_url",
      .kind = SETTING_URL,
      .fallback = "",
      .help =
          "Where a CDN is told by POST which surrogate keys have changed; nothing: none is told",
      .choices = "http|https",
      .optional = true },
    { .key = "purge_token",
      .kind = SETTING_TEXT,
      .fallback = "",
      .help = "The bearer token for purge_url",
      .secret = true,
      .optional = true },
};

static const char *const peers[] = { "ads",     "analytics",       "commerce",
                                     "content", "personalization", NULL };

static void gateway_close(void *app)
{
    struct gateway *gateway = app;
    if (!gateway)
        return;
    misses_free(gateway->misses);
    door_close(&gateway->door);
    purge_close(&gateway->purge);
    html_close(&gateway->html);
    routing_free(gateway->routing);
    free(gateway);
}

static bool settings_read(struct ctx *ctx, struct gateway *gateway)
{
    gateway->budget_us = setting_int(ctx, "page_budget");
    gateway->margin_us = setting_int(ctx, "page_margin");
    gateway->collect_us = setting_int(ctx, "collect_budget");
    gateway->flags_us = setting_int(ctx, "flags_budget");
    gateway->fresh_us = setting_int(ctx, "page_fresh");
    gateway->stale_us = setting_int(ctx, "page_stale");
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
    gateway->no_ads = metric_get(METRIC_COUNTER, defaults, help, "peer=\"ads\"");
    gateway->views_lost =
        metric_get(METRIC_COUNTER, "gateway_page_views_lost_total",
                   "Pages whose view could not be told, since too many were waiting.", "");
}

static bool locales_refresh(struct ctx *ctx)
{
    CLEANUP(model_done) struct model_use use = service_model(ctx);
    if (!locales_ask(ctx, use.model))
        log_line(LOG_WARN, ctx, "locales_not_asked", LOG_S("why", ctx->error.detail));
    return false;
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
    door_open(ctx, &gateway->door);
    return settings_read(ctx, gateway) && html_open(ctx, &gateway->html) &&
           purge_open(ctx, &gateway->purge) &&
           sql_read(ctx, service_db(ctx), routes_read, gateway->routing) &&
           service_worker(ctx, "routes", ROUTES_US, routes_tend) &&
           service_worker(ctx, "locales", LOCALES_US, locales_refresh);
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
    .open_most_us = GATEWAY_OPEN_US,
    .admits = door_admits,
    .finish = door_finish,
    .open = gateway_open,
    .close = gateway_close,
};
