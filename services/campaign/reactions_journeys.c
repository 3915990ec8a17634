#include "services/campaign/reactions_journeys.h"

#include "base/clock.h"
#include "services/campaign/journey_dates.h"
#include "services/campaign/journeys.h"
#include "services/campaign/store_journeys.h"

static enum outcome heard(struct ctx *ctx, const char *name, struct str person_id,
                          const struct json *properties, int64_t at_us)
{
    const struct journey_event event = {
        .name = str_of(name), .person_id = person_id, .properties = properties, .at_us = at_us
    };
    return journeys_hear(ctx, &event) ? DONE : outcome_of(ctx);
}

/* ---- what people do ---- */

/* What visitors tell is never taken for what the services tell. */
static enum outcome on_event_recorded(struct ctx *ctx, const struct event_recorded *event)
{
    if (event->kind == EVENT_RECORDED_KIND_PAGE)
        return heard(ctx, "fanfare.page.viewed", event->person_id, event->properties,
                     event->received_at);
    if (event->kind != EVENT_RECORDED_KIND_TRACK || !event->name.ptr ||
        str_starts(event->name, STR("fanfare.")))
        return DONE;
    return heard(ctx, event->name.ptr, event->person_id, event->properties, event->received_at);
}

/*       event, name in journeys, whose it is: its properties are the members of its contract */
#define TOLD_TABLE(X)                                                                              \
    X(order_placed, "fanfare.order.placed", customer_id)                                           \
    X(order_paid, "fanfare.order.paid", customer_id)                                               \
    X(order_fulfilled, "fanfare.order.fulfilled", customer_id)                                     \
    X(order_completed, "fanfare.order.completed", customer_id)                                     \
    X(order_cancelled, "fanfare.order.cancelled", customer_id)                                     \
    X(order_refunded, "fanfare.order.refunded", customer_id)                                       \
    X(message_sent, "fanfare.message.sent", person_id)                                             \
    X(message_delivered, "fanfare.message.delivered", person_id)                                   \
    X(message_opened, "fanfare.message.opened", person_id)                                         \
    X(message_clicked, "fanfare.message.clicked", person_id)                                       \
    X(message_bounced, "fanfare.message.bounced", person_id)                                       \
    X(message_complained, "fanfare.message.complained", person_id)                                 \
    X(message_unsubscribed, "fanfare.message.unsubscribed", person_id)                             \
    X(message_withheld, "fanfare.message.withheld", person_id)                                     \
    X(message_failed, "fanfare.message.failed", person_id)                                         \
    X(points_earned, "fanfare.points.earned", customer_id)                                         \
    X(points_spent, "fanfare.points.spent", customer_id)                                           \
    X(tier_changed, "fanfare.tier.changed", customer_id)                                           \
    X(consent_changed, "fanfare.consent.changed", profile_id)

#define X(type, name, member)                                                                      \
    static enum outcome on_##type(struct ctx *ctx, const struct type *event)                       \
    {                                                                                              \
        return heard(ctx, name, event->member, NULL, ctx->event->time_us);                         \
    }
TOLD_TABLE(X)
#undef X

/* ---- what is known of people ---- */

static enum outcome on_membership_changed(struct ctx *ctx, const struct membership_changed *event)
{
    bool erased, in = event->state == MEMBERSHIP_CHANGED_STATE_ENTERED;
    if (!store_person_erased(ctx, event->person_id, &erased) ||
        (!erased && !store_member_set(ctx, event->person_id, event->segment_id, in)))
        return outcome_of(ctx);
    return heard(ctx, in ? "fanfare.segment.entered" : "fanfare.segment.left", event->person_id,
                 NULL, ctx->event->time_us);
}

static enum outcome on_profile_updated(struct ctx *ctx, const struct profile_updated *profile)
{
    bool erased, taken = false;
    struct str traits = { NULL, 0 };
    if (profile->traits)
        traits = json_text(ctx->arena, profile->traits);
    if (!store_person_erased(ctx, profile->profile_id, &erased) ||
        (!erased &&
         !store_person_put(ctx, profile->profile_id, traits, profile->version, &taken)) ||
        (taken && !journey_dates_of(ctx, profile->profile_id, profile->traits)))
        return outcome_of(ctx);
    return DONE;
}

static enum outcome on_profile_erased(struct ctx *ctx, const struct profile_erased *erased)
{
    const struct erasure_done done = { .request_id = erased->request_id,
                                       .profile_id = erased->profile_id,
                                       .service = STR("campaign"),
                                       .erased_at = clock_now_us() };
    return journeys_erase(ctx, erased->profile_id, erased->erased_at) &&
                   publish_erasure_done(ctx, &done)
               ? DONE
               : outcome_of(ctx);
}

const struct reaction journey_reactions[] = {
    ON(ANALYTICS_EVENT_RECORDED_V1, on_event_recorded,
       READS("kind", "name", "person_id", "properties", "received_at")),
    ON(COMMERCE_ORDER_PLACED_V1, on_order_placed,
       READS("order_id", "customer_id", "placed_at", "channel", "total", "lines", "state")),
    ON(COMMERCE_ORDER_PAID_V1, on_order_paid, READS("order_id", "customer_id", "total", "paid_at")),
    ON(COMMERCE_ORDER_FULFILLED_V1, on_order_fulfilled,
       READS("order_id", "customer_id", "total", "fulfilled_at")),
    ON(COMMERCE_ORDER_COMPLETED_V1, on_order_completed,
       READS("order_id", "customer_id", "total", "completed_at")),
    ON(COMMERCE_ORDER_CANCELLED_V1, on_order_cancelled,
       READS("order_id", "customer_id", "total", "cancelled_at", "reason")),
    ON(COMMERCE_ORDER_REFUNDED_V1, on_order_refunded,
       READS("order_id", "refund_id", "customer_id", "refund", "refunded_total", "refunded_at",
             "reason", "lines")),
    ON(EMAIL_MESSAGE_SENT_V1, on_message_sent,
       READS("message_id", "person_id", "kind", "campaign_id", "launch_id", "step", "variant",
             "scheduled_at", "sent_at")),
    ON(EMAIL_MESSAGE_DELIVERED_V1, on_message_delivered,
       READS("message_id", "person_id", "kind", "campaign_id", "launch_id", "step", "variant",
             "delivered_at")),
    ON(EMAIL_MESSAGE_OPENED_V1, on_message_opened,
       READS("message_id", "person_id", "kind", "campaign_id", "launch_id", "step", "variant",
             "machine", "opened_at")),
    ON(EMAIL_MESSAGE_CLICKED_V1, on_message_clicked,
       READS("message_id", "person_id", "kind", "campaign_id", "launch_id", "step", "variant",
             "machine", "link", "clicked_at")),
    ON(EMAIL_MESSAGE_BOUNCED_V1, on_message_bounced,
       READS("message_id", "person_id", "kind", "campaign_id", "launch_id", "step", "variant",
             "bounce", "status", "bounced_at")),
    ON(EMAIL_MESSAGE_COMPLAINED_V1, on_message_complained,
       READS("message_id", "person_id", "kind", "campaign_id", "launch_id", "step", "variant",
             "complained_at")),
    ON(EMAIL_MESSAGE_UNSUBSCRIBED_V1, on_message_unsubscribed,
       READS("message_id", "person_id", "kind", "campaign_id", "launch_id", "step", "variant",
             "unsubscribed_at")),
    ON(EMAIL_MESSAGE_WITHHELD_V1, on_message_withheld,
       READS("message_id", "person_id", "kind", "campaign_id", "launch_id", "step", "variant",
             "reason", "withheld_at")),
    ON(EMAIL_MESSAGE_FAILED_V1, on_message_failed,
       READS("message_id", "person_id", "kind", "campaign_id", "launch_id", "step", "variant",
             "reason", "status", "failed_at")),
    ON(LOYALTY_POINTS_EARNED_V1, on_points_earned,
       READS("entry_id", "customer_id", "points", "balance", "lifetime_points", "order_id",
             "reason", "earned_at")),
    ON(LOYALTY_POINTS_SPENT_V1, on_points_spent,
       READS("entry_id", "customer_id", "points", "balance", "reason", "spent_at")),
    ON(LOYALTY_TIER_CHANGED_V1, on_tier_changed,
       READS("customer_id", "tier", "previous_tier", "changed_at")),
    ON(CRM_CONSENT_CHANGED_V1, on_consent_changed,
       READS("profile_id", "purpose", "channel", "state", "source", "changed_at")),
    ON(PERSONALIZATION_MEMBERSHIP_CHANGED_V1, on_membership_changed,
       READS("person_id", "segment_id", "state", "changed_at")),
    ON(CRM_PROFILE_UPDATED_V1, on_profile_updated, READS("profile_id", "traits", "version")),
    ON(CRM_PROFILE_ERASED_V1, on_profile_erased, READS("profile_id", "request_id", "erased_at")),
};
const size_t n_journey_reactions = COUNT(journey_reactions);
