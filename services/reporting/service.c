#include "services/reporting/reporting.h"

#include <stdlib.h>

#include "services/reporting/model.h"
#include "services/reporting/page.h"
#include "services/reporting/reactions.h"
#include "reporting_contract.h"

static const struct reaction reactions[] = {
    ON(CONTENT_ENTRY_PUBLISHED_V1, on_entry_published, READS("entry_id", "published_at")),
    ON(CONTENT_ENTRY_UNPUBLISHED_V1, on_entry_unpublished, READS("entry_id", "unpublished_at")),
    ON(CAMPAIGN_CAMPAIGN_CANCELLED_V1, on_campaign_cancelled,
       READS("campaign_id", "launch_id", "cancelled_at")),
    ON(CAMPAIGN_CAMPAIGN_COMPLETED_V1, on_campaign_completed,
       READS("campaign_id", "launch_id", "completed_at")),
    ON(CAMPAIGN_CAMPAIGN_FAILED_V1, on_campaign_failed,
       READS("campaign_id", "launch_id", "step", "reason", "failed_at")),
    ON(CAMPAIGN_CAMPAIGN_LAUNCHED_V1, on_campaign_launched,
       READS("campaign_id", "launch_id", "name", "channels", "experiences", "launched_at")),
    ON(CAMPAIGN_CAMPAIGN_PAUSED_V1, on_campaign_paused,
       READS("campaign_id", "launch_id", "paused_at")),
    ON(CAMPAIGN_CAMPAIGN_RESUMED_V1, on_campaign_resumed,
       READS("campaign_id", "launch_id", "resumed_at")),
    ON(CAMPAIGN_CAMPAIGN_SAVED_V1, on_campaign_saved,
       READS("campaign_id", "name", "revision", "goal", "budget", "channels", "saved_at")),
    ON(CAMPAIGN_CAMPAIGN_SCHEDULED_V1, on_campaign_scheduled,
       READS("campaign_id", "launch_id", "name", "starts_at", "scheduled_at")),
    ON(CAMPAIGN_JOURNEY_MOVED_V1, on_journey_moved,
       READS("journey_id", "visit_id", "state", "reason", "moved_at")),
    ON(CAMPAIGN_LAUNCH_STEPPED_V1, on_launch_stepped,
       READS("campaign_id", "launch_id", "step", "state", "attempt", "reason", "stepped_at")),
    ON(CAMPAIGN_WINNER_CHOSEN_V1, on_winner_chosen,
       READS("campaign_id", "launch_id", "variant", "metric", "by", "chosen_at")),
    ON(EMAIL_DELIVERY_COUNTED_V1, on_delivery_counted,
       READS("campaign_id", "launch_id", "recipients", "withheld", "held_out", "counted_at")),
    ON(EMAIL_DELIVERY_FINISHED_V1, on_delivery_finished,
       READS("campaign_id", "launch_id", "sent", "withheld", "doubted", "failed", "finished_at")),
    ON(EMAIL_MESSAGE_BOUNCED_V1, on_message_bounced,
       READS("message_id", "campaign_id", "launch_id", "bounced_at")),
    ON(EMAIL_MESSAGE_CLICKED_V1, on_message_clicked,
       READS("message_id", "person_id", "campaign_id", "machine", "clicked_at")),
    ON(EMAIL_MESSAGE_COMPLAINED_V1, on_message_complained,
       READS("message_id", "campaign_id", "launch_id", "complained_at")),
    ON(EMAIL_MESSAGE_DELIVERED_V1, on_message_delivered,
       READS("message_id", "campaign_id", "launch_id", "delivered_at")),
    ON(EMAIL_MESSAGE_DOUBTED_V1, on_message_doubted,
       READS("message_id", "campaign_id", "launch_id", "doubted_at")),
    ON(EMAIL_MESSAGE_FAILED_V1, on_message_failed,
       READS("message_id", "campaign_id", "launch_id", "failed_at")),
    ON(EMAIL_MESSAGE_OPENED_V1, on_message_opened,
       READS("message_id", "campaign_id", "machine", "opened_at")),
    ON(EMAIL_MESSAGE_SENT_V1, on_message_sent,
       READS("message_id", "campaign_id", "launch_id", "scheduled_at", "sent_at")),
    ON(EMAIL_MESSAGE_UNSUBSCRIBED_V1, on_message_unsubscribed,
       READS("message_id", "campaign_id", "launch_id", "unsubscribed_at")),
    ON(EMAIL_MESSAGE_WITHHELD_V1, on_message_withheld,
       READS("message_id", "campaign_id", "launch_id", "withheld_at")),
    ON(ANALYTICS_EVENT_RECORDED_V1, on_event_recorded,
       READS("kind", "person_id", "user_id", "anonymous_id", "properties", "context",
             "occurred_at")),
    ON(GATEWAY_PAGE_VIEWED_V1, on_page_viewed,
       READS("person_id", "visitor_id", "customer_id", "viewed_at")),
    ON(COMMERCE_ORDER_CANCELLED_V1, on_order_cancelled, READS("order_id")),
    ON(COMMERCE_ORDER_CHANGED_V1, on_order_changed, READS("order_id", "change", "total")),
    ON(COMMERCE_ORDER_PLACED_V1, on_order_placed,
       READS("order_id", "customer_id", "total", "placed_at")),
    ON(COMMERCE_ORDER_REFUNDED_V1, on_order_refunded, READS("order_id", "refunded_total")),
    ON(LOYALTY_POINTS_EARNED_V1, on_points_earned, READS("entry_id", "points", "earned_at")),
    ON(LOYALTY_POINTS_SPENT_V1, on_points_spent, READS("entry_id", "points", "spent_at")),
    ON(ADS_CLICK_RECORDED_V1, on_click_recorded,
       READS("impression_id", "person_id", "campaign_id", "clicked_at")),
    ON(ADS_IMPRESSION_RECORDED_V1, on_impression_recorded,
       READS("impression_id", "campaign_id", "seen_at")),
    ON(ADS_SPEND_RECORDED_V1, on_spend_recorded,
       READS("spend_id", "campaign_id", "network", "amount", "impressions", "clicks",
             "impressions_taken_back", "clicks_taken_back", "from")),
    ON(CRM_PROFILE_ERASED_V1, on_profile_erased, READS("profile_id", "request_id", "other_ids")),
};

static const struct setting settings[] = {
    { "currency", SETTING_TEXT, "USD",
      "Whose amounts are shown where nobody asks for another currency (ISO 4217)", 0, 0 },
};

static const struct projection_settings projection = {
    .name = "reporting",
    .file = "figures",
    .replaces = "model",
    .sharing = CONSUMER_LOCAL,
    .reactions = reactions,
    .n_reactions = COUNT(reactions),
    .independent = true, /* of what came before: whatever the order, the figures are the same */
    .store = &lmdb_event_store,
    .open = model_open,
    .close = model_close,
};

static bool reporting_open(struct ctx *ctx)
{
    struct str currency = setting_text(ctx, "currency");
    if (currency.len != 3)
        return ctx_fail(ctx, ERR_INVALID, "currency: three letters (ISO 4217), such as EUR");
    return page_open(ctx, &ctx->app);
}

const struct service reporting_service = {
    .name = "reporting",
    .port = 8113,
    .contract = &reporting_contract,
    .projection = &projection,
    .settings = settings,
    .n_settings = COUNT(settings),
    .open = reporting_open,
    .close = page_close,
};
