#include "services/personalization/personalization.h"

#include <stdlib.h>

#include "base/clock.h"
#include "base/money.h"
#include "services/personalization/launches.h"
#include "services/personalization/ofrep.h"
#include "services/personalization/reactions.h"
#include "services/personalization/segments_work.h"
#include "personalization_contract.h"
#include "personalization_migrations.h"

#define SEGMENTS_US (100 * US_PER_MS) /* how late a membership is told, and a day has passed */
#define REFRESH_US (250 * US_PER_MS) /* how late an instance may see changed definitions */

static const struct reaction reactions[] = {
    ON(COMMERCE_ORDER_PLACED_V1, on_order_placed, READS("customer_id", "total", "placed_at")),
    ON(COMMERCE_ORDER_CHANGED_V1, on_order_changed, READS("customer_id", "total", "total_before")),
    ON(COMMERCE_ORDER_REFUNDED_V1,   on_order_refunded,  READS("customer_id", "refund")),
    ON(COMMERCE_ORDER_CANCELLED_V1,  on_order_cancelled, READS("customer_id", "total")),
    ON(GATEWAY_PAGE_VIEWED_V1,       on_page_viewed,     READS("person_id", "viewed_at", "shown")),
    ON(ANALYTICS_EVENT_RECORDED_V1, on_event_recorded,
       READS("kind", "name", "person_id", "user_id", "anonymous_id", "previous_id", "properties",
             "occurred_at")),
    ON(CRM_PROFILE_UPDATED_V1,       on_profile_updated, READS("profile_id", "traits")),
    ON(CRM_PROFILE_ERASED_V1, on_profile_erased, READS("profile_id", "request_id", "other_ids")),
    ON(CRM_CONSENT_CHANGED_V1, on_consent_changed,
       READS("profile_id", "purpose", "channel", "state")),
    ON(LOYALTY_TIER_CHANGED_V1,      on_tier_changed,    READS("customer_id", "tier")),
    ON(EMAIL_MESSAGE_SENT_V1,        on_message_sent,    READS("person_id", "sent_at")),
    ON(EMAIL_MESSAGE_OPENED_V1, on_message_opened, READS("person_id", "machine", "opened_at")),
    ON(EMAIL_MESSAGE_CLICKED_V1, on_message_clicked, READS("person_id", "machine", "clicked_at")),
    ON(EMAIL_MESSAGE_BOUNCED_V1,     on_message_bounced, READS("person_id", "bounced_at")),
};

/* In SQL, where experiences are, apart from what is known of people. */
static const struct reaction launches[] = {
    ON(CAMPAIGN_CAMPAIGN_LAUNCHED_V1,  on_campaign_launched,  READS("launch_id", "experiences")),
    ON(CAMPAIGN_CAMPAIGN_COMPLETED_V1, on_campaign_completed, READS("launch_id")),
    ON(CAMPAIGN_CAMPAIGN_CANCELLED_V1, on_campaign_cancelled, READS("launch_id")),
};

static const struct setting settings[] = {
    { "currency", SETTING_TEXT, "USD",
      "The shop's currency: what people spent is summed in it, other amounts are not" },
};

static bool refresh_in(struct ctx *ctx, void *argument)
{
    return definitions_refresh(ctx, argument);
}

static bool refresh(struct ctx *ctx)
{
    struct personalization *app = ctx->app;
    if (!sql_read(ctx, service_db(ctx), refresh_in, app->definitions))
        log_line(LOG_WARN, ctx, "definitions_not_read", LOG_S("why", ctx->error.detail));
    return false;
}

/* The segments as they are at the start, before the first event. */
static bool load_segments(struct ctx *ctx, void *argument)
{
    return segments_load(ctx);
}

static void personalization_close(void *argument)
{
    struct personalization *app = argument;
    definitions_free(app->definitions);
    segment_shelf_free(app->segments);
    free(app);
}

static bool personalization_open(struct ctx *ctx)
{
    struct personalization *app = mem_alloc(sizeof(*app));
    struct str currency = setting_text(ctx, "currency");
    app->definitions = definitions_new();
    app->segments = segment_shelf_new();
    ctx->app = app;
    if (currency.len != 3 || money_exponent(currency.ptr) < 0)
        return ctx_fail(ctx, ERR_INVALID,
                        "currency: " STR_FMT " is not a currency that is known here",
                        STR_ARG(currency));
    memcpy(app->currency, currency.ptr, 3);
    return sql_read(ctx, service_db(ctx), refresh_in, app->definitions) &&
           sql_read(ctx, service_db(ctx), load_segments, NULL) &&
           service_consume(ctx, &(struct consumer_settings){ .name = "personalization.launches",
                                                             .sharing = CONSUMER_SHARED,
                                                             .rare = true,
                                                             .reactions = launches,
                                                             .n_reactions = COUNT(launches) }) &&
           service_worker(ctx, "definitions", REFRESH_US, refresh) &&
           service_worker(ctx, "segments", SEGMENTS_US, segments_work);
}

static const struct projection_settings people = {
    .name = "personalization",
    .file = "features",
    .replaces = "people",
    .sharing = CONSUMER_LOCAL,
    .reactions = reactions,
    .n_reactions = COUNT(reactions),
    .store = &people_event_store,
    .open = people_open,
    .close = people_close,
};

const struct service personalization_service = {
    .name = "personalization",
    .port = 8104,
    .contract = &personalization_contract,
    .migrations = personalization_migrations,
    .n_migrations = PERSONALIZATION_N_MIGRATIONS,
    .projection = &people,
    .settings = settings,
    .n_settings = COUNT(settings),
    .open = personalization_open,
    .close = personalization_close,
    .refusal = ofrep_refusal,
};
