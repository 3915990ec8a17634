#include "services/campaign/campaign.h"

#include <stdlib.h>

#include "platform/sql/answer_cache.h"
#include "services/campaign/app.h"
#include "services/campaign/journey_shelf.h"
#include "services/campaign/journey_timers.h"
#include "services/campaign/reactions.h"
#include "services/campaign/reactions_journeys.h"
#include "services/campaign/saga.h"
#include "campaign_contract.h"
#include "campaign_migrations.h"

#define STATUSES_BYTES (4 * 1024 * 1024) /* a thousand campaigns that are looked at */

static const struct setting settings[] = {
    { .key = "approval",
      .kind = SETTING_BOOL,
      .fallback = "true",
      .help = "A campaign is launched only once a second person has approved it" },
    { .key = "step_limit",
      .kind = SETTING_DURATION,
      .fallback = "5m",
      .help = "A step of a launch that is not answered so long is given up, and the launch undone",
      .least = 1000 * 1000,
      .most = 86400LL * 1000 * 1000 },
    { .key = "step_again",
      .kind = SETTING_DURATION,
      .fallback = "15s",
      .help = "After so long without an answer a step is asked again",
      .least = 100 * 1000,
      .most = 3600LL * 1000 * 1000 },
    { .key = "winner_limit",
      .kind = SETTING_DURATION,
      .fallback = "24h",
      .help =
          "A test of variants of which nothing was sent is decided for the first one so long after its time, so that the "
          "rest of the mail does not wait for ever",
      .most = 30LL * 86400 * 1000 * 1000 },
    { .key = "journey_settle",
      .kind = SETTING_DURATION,
      .fallback = "2s",
      .help =
          "After the event log was away, or not watched, waits in journeys are over only so much later: "
          "others first tell what they could not tell",
      .most = 3600LL * 1000 * 1000 },
    { .key = "webhook_secret",
      .kind = SETTING_TEXT,
      .fallback = "",
      .help =
          "What calls to webhooks are signed with: whsec_ and base64; empty: what the file webhook.secret in the "
          "service's folder holds, which is made. Several instances need the same",
      .secret = true },
    { .key = "webhook_hosts",
      .kind = SETTING_TEXT,
      .fallback = "*",
      .help = "Hosts that webhooks may be on, divided by commas; *: any" },
};

static const struct reaction reactions[] = {
    ON(CONTENT_PUBLICATION_ANSWERED_V1, on_publication_answered,
       READS("command_id", "launch_id", "action", "outcome", "reason")),
    ON(EMAIL_DELIVERY_ANSWERED_V1, on_delivery_answered,
       READS("command_id", "launch_id", "action", "outcome", "reason")),
    ON(ADS_ACTIVATION_ANSWERED_V1, on_activation_answered,
       READS("command_id", "launch_id", "action", "outcome", "reason")),
    ON(ANALYTICS_TRACKING_ANSWERED_V1, on_tracking_answered,
       READS("command_id", "launch_id", "action", "outcome", "reason")),
    ON(EMAIL_DELIVERY_FINISHED_V1,      on_delivery_finished,    READS("launch_id")),
    ON(EMAIL_MESSAGE_SENT_V1, on_message_sent, READS("launch_id", "variant")),
    ON(EMAIL_MESSAGE_DELIVERED_V1, on_message_delivered, READS("launch_id", "variant")),
    ON(EMAIL_MESSAGE_BOUNCED_V1, on_message_bounced, READS("launch_id", "variant")),
    ON(EMAIL_MESSAGE_COMPLAINED_V1, on_message_complained, READS("launch_id", "variant")),
    ON(EMAIL_MESSAGE_UNSUBSCRIBED_V1, on_message_unsubscribed, READS("launch_id", "variant")),
    ON(EMAIL_MESSAGE_WITHHELD_V1, on_message_withheld, READS("launch_id", "variant")),
    ON(EMAIL_MESSAGE_DOUBTED_V1, on_message_doubted, READS("launch_id", "variant")),
    ON(EMAIL_MESSAGE_FAILED_V1, on_message_failed, READS("launch_id", "variant")),
    ON(EMAIL_MESSAGE_OPENED_V1, on_message_opened, READS("launch_id", "variant", "machine")),
    ON(EMAIL_MESSAGE_CLICKED_V1, on_message_clicked,
       READS("launch_id", "variant", "machine", "message_id")),
    ON(EMAIL_DELIVERY_COUNTED_V1, on_delivery_counted,
       READS("launch_id", "recipients", "withheld", "held_out")),
    ON(ADS_IMPRESSION_RECORDED_V1, on_impression_recorded, READS("launch_id")),
    ON(ADS_CLICK_RECORDED_V1, on_click_recorded, READS("launch_id")),
};

static bool webhooks_run(struct ctx *ctx)
{
    return webhooks_round(ctx, &campaign_of(ctx)->webhooks);
}

static bool workers_open(struct ctx *ctx)
{
    return service_worker(ctx, "launches", LAUNCHES_EVERY_US, launches_run) &&
           service_worker(ctx, "journeys", JOURNEYS_EVERY_US, journeys_run) &&
           service_worker(ctx, "journeys-tidy", JOURNEYS_TIDY_US, journeys_tidy) &&
           service_worker(ctx, "webhooks", WEBHOOKS_EVERY_US, webhooks_run);
}

static bool campaign_open(struct ctx *ctx)
{
    struct campaign_app *app = ctx->app = mem_alloc(sizeof(*app));
    app->limits = (struct saga_limits){ .give_up_us = setting_int(ctx, "step_limit"),
                                        .again_us = setting_int(ctx, "step_again"),
                                        .winner_us = setting_int(ctx, "winner_limit") };
    app->settle_us = setting_int(ctx, "journey_settle");
    app->webhooks.fault = "campaign.webhook";
    app->shelves = shelves_new();
    app->statuses = answer_cache_new(STATUSES_BYTES, sql_is_postgresql(service_db(ctx)));
    sql_on_commit(service_db(ctx), answer_cache_doubt, app->statuses);
    if (!webhooks_open(ctx, &app->webhooks) ||
        !service_consume(ctx, &(struct consumer_settings){ .name = JOURNEYS_CONSUMER,
                                                           .sharing = CONSUMER_SHARED,
                                                           .reactions = journey_reactions,
                                                           .n_reactions = n_journey_reactions,
                                                           .ids_on_demand = true }))
        return false;
    app->heard = heard_new(service_events(ctx), JOURNEYS_CONSUMER);
    return workers_open(ctx);
}

static void campaign_close(void *argument)
{
    struct campaign_app *app = argument;
    heard_free(app->heard);
    shelves_free(app->shelves);
    answer_cache_free(app->statuses);
    webhooks_close(&app->webhooks);
    free(app);
}

const struct service campaign_service = {
    .name = "campaign",
    .port = 8106,
    .contract = &campaign_contract,
    .migrations = campaign_migrations,
    .n_migrations = CAMPAIGN_N_MIGRATIONS,
    .reactions = reactions,
    .n_reactions = COUNT(reactions),
    .settings = settings,
    .n_settings = COUNT(settings),
    .open = campaign_open,
    .close = campaign_close,
};
