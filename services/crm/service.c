#include "services/crm/crm.h"

#include "services/crm/reactions.h"
#include "crm_contract.h"
#include "crm_migrations.h"

static const struct reaction reactions[] = {
    ON(COMMERCE_ORDER_PLACED_V1, on_order_placed,
       READS("order_id", "customer_id", "total", "placed_at")),
    ON(COMMERCE_ORDER_REFUNDED_V1, on_order_refunded,
       READS("order_id", "refund_id", "customer_id", "refund", "refunded_at")),
    ON(COMMERCE_ORDER_CANCELLED_V1, on_order_cancelled,
       READS("order_id", "customer_id", "total", "cancelled_at")),
    ON(LOYALTY_TIER_CHANGED_V1,     on_tier_changed,    READS("customer_id", "tier", "changed_at")),
    ON(ANALYTICS_TRAITS_TOLD_V1, on_traits_told,
       READS("message_id", "user_id", "anonymous_id", "traits", "told_at")),
    ON(EMAIL_SUPPRESSION_ADDED_V1, on_suppression_added,
       READS("person_id", "reason", "message_id", "added_at")),
    ON(EMAIL_MESSAGE_RESUBSCRIBED_V1, on_message_resubscribed,
       READS("person_id", "message_id", "resubscribed_at")),
    ON(CRM_ERASURE_DONE_V1, on_erasure_done, READS("request_id", "service", "erased_at")),
};

const struct service crm_service = {
    .name = "crm",
    .port = 8111,
    .contract = &crm_contract,
    .migrations = crm_migrations,
    .n_migrations = CRM_N_MIGRATIONS,
    .reactions = reactions,
    .n_reactions = COUNT(reactions),
};
