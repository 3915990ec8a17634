#include "services/ads/ads.h"

#include <stdlib.h>

#include "platform/sql/secrets.h"
#include "services/ads/networks.h"
#include "services/ads/people.h"
#include "services/ads/reactions.h"
#include "services/ads/shelf.h"
#include "services/ads/spend.h"
#include "ads_contract.h"
#include "ads_migrations.h"

#define REFRESH_US (250 * US_PER_MS) /* how late an instance may see what another has changed */

static const struct reaction launches[] = {
    ON(ADS_ACTIVATION_ASKED_V1, on_activation_asked,
       READS("command_id", "campaign_id", "launch_id", "action", "expires_at", "ads", "budget",
             "starts_at", "ends_at", "segments", "networks")),
    ON(CAMPAIGN_CAMPAIGN_PAUSED_V1,    on_campaign_paused,    READS("launch_id")),
    ON(CAMPAIGN_CAMPAIGN_RESUMED_V1,   on_campaign_resumed,   READS("launch_id")),
    ON(CAMPAIGN_CAMPAIGN_COMPLETED_V1, on_campaign_completed, READS("launch_id")),
    ON(CAMPAIGN_CAMPAIGN_CANCELLED_V1, on_campaign_cancelled, READS("launch_id")),
    ON(CRM_PROFILE_ERASED_V1,          on_profile_erased,     READS("profile_id", "request_id")),
};

static const struct reaction of_people[] = {
    ON(PERSONALIZATION_MEMBERSHIP_CHANGED_V1, on_membership_changed,
       READS("person_id", "segment_id", "state")),
    ON(ADS_IMPRESSION_RECORDED_V1, on_impression_recorded, READS("person_id", "ad_id", "seen_at")),
    ON(CRM_PROFILE_ERASED_V1, on_person_erased, READS("profile_id")),
};

static const struct projection_settings people = {
    .name = "ads.people",
    .file = "people",
    .sharing = CONSUMER_LOCAL,
    .reactions = of_people,
    .n_reactions = COUNT(of_people),
    .store = &lmdb_event_store,
    .open = people_open,
    .close = people_close,
};

static const struct setting settings[] = {
    { "budget_most", SETTING_INTEGER, "100000000",
      "The largest budget of one launch, in minor units of its currency", 1, 1LL << 40 },
    { .key = "webhook_hosts",
      .kind = SETTING_TEXT,
      .fallback = "*",
      .help = "Hosts that outside networks may be on, divided by commas; *: any" },
};

static bool webhooks_run(struct ctx *ctx)
{
    struct ads *app = ctx->app;
    return webhooks_round(ctx, &app->webhooks);
}

static bool refresh_in(struct ctx *ctx, void *shelf)
{
    return shelf_refresh(ctx, shelf) && shelf_spent_read(ctx, shelf);
}

static bool refresh(struct ctx *ctx)
{
    const struct ads *app = ctx->app;
    if (!sql_read(ctx, service_db(ctx), refresh_in, app->shelf))
        log_line(LOG_WARN, ctx, "shelf_not_read", LOG_S("why", ctx->error.detail));
    return false;
}

static bool key_read(struct ctx *ctx, void *argument)
{
    return sql_secret_make(ctx, STR("links"), argument);
}

static void ads_close(void *argument)
{
    struct ads *app = argument;
    shelf_free(app->shelf);
    webhooks_close(&app->webhooks);
    free(app);
}

static bool workers_open(struct ctx *ctx)
{
    return service_worker(ctx, "shelf", REFRESH_US, refresh) &&
           service_worker(ctx, "spend", SPEND_US, spend_tell) &&
           service_worker(ctx, "prune", PRUNE_US, impressions_prune) &&
           service_worker(ctx, "networks", NETWORKS_EVERY_US, networks_run) &&
           service_worker(ctx, "webhooks", WEBHOOKS_EVERY_US, webhooks_run);
}

static bool ads_open(struct ctx *ctx)
{
    struct ads *app = mem_alloc(sizeof(*app));
    struct str key;
    app->shelf = shelf_new();
    ctx->app = app;
    app->webhooks = (struct webhooks){ .fault = "ads.webhook",
                                       .secret_of = network_secret,
                                       .ended = network_told };
    app->budget_most = setting_int(ctx, "budget_most");
    if (!sql_write(ctx, service_db(ctx), key_read, &key))
        return false;
    crypto_hmac_key(key, &app->key);
    sql_on_commit(service_db(ctx), shelf_doubt, app->shelf);
    return webhooks_open(ctx, &app->webhooks) &&
           sql_read(ctx, service_db(ctx), refresh_in, app->shelf) && workers_open(ctx);
}

const struct service ads_service = {
    .name = "ads",
    .port = 8112,
    .contract = &ads_contract,
    .migrations = ads_migrations,
    .n_migrations = ADS_N_MIGRATIONS,
    .reactions = launches,
    .n_reactions = COUNT(launches),
    .projection = &people,
    .settings = settings,
    .n_settings = COUNT(settings),
    .open = ads_open,
    .close = ads_close,
};
