#include "services/loyalty/loyalty.h"

#include "services/loyalty/reactions.h"
#include "loyalty_contract.h"
#include "loyalty_migrations.h"

static const struct reaction reactions[] = {
    ON(COMMERCE_ORDER_PLACED_V1, on_order_placed,
       READS("order_id", "customer_id", "total", "placed_at")),
    ON(COMMERCE_ORDER_REFUNDED_V1, on_order_refunded,
       READS("order_id", "refunded_total", "refunded_at")),
    ON(COMMERCE_ORDER_CANCELLED_V1, on_order_cancelled, READS("order_id", "total", "cancelled_at")),
    ON(COMMERCE_ORDER_CHANGED_V1,   on_order_changed,   READS("order_id", "total", "changed_at")),
    ON(CRM_PROFILE_ERASED_V1,       on_profile_erased,  READS("profile_id", "request_id")),
};

const struct service loyalty_service = {
    .name = "loyalty",
    .port = 8110,
    .contract = &loyalty_contract,
    .migrations = loyalty_migrations,
    .n_migrations = LOYALTY_N_MIGRATIONS,
    .reactions = reactions,
    .n_reactions = COUNT(reactions),
};
