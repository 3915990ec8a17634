#include "services/analytics/analytics.h"

#include "services/analytics/reactions.h"
#include "services/analytics/warehouse.h"
#include "analytics_contract.h"
#include "analytics_migrations.h"

static const struct reaction reactions[] = {
    ON(ANALYTICS_EVENT_RECORDED_V1, on_event_recorded,
       READS("kind", "name", "person_id", "source", "properties", "occurred_at")),
    ON(GATEWAY_PAGE_VIEWED_V1, on_page_viewed,
       READS("slug", "person_id", "defaults", "duration_us", "viewed_at")),
    ON(COMMERCE_ORDER_PLACED_V1, on_order_placed,
       READS("order_id", "customer_id", "total", "lines", "placed_at")),
    ON(COMMERCE_ORDER_REFUNDED_V1, on_order_refunded,
       READS("order_id", "customer_id", "refund", "refunded_at")),
    ON(COMMERCE_ORDER_CANCELLED_V1, on_order_cancelled,
       READS("order_id", "customer_id", "total", "cancelled_at")),
    ON(COMMERCE_ORDER_CHANGED_V1, on_order_changed,
       READS("order_id", "total", "total_before", "placed_at")),
    ON(EMAIL_MESSAGE_SENT_V1, on_message_sent, READS("person_id", "campaign_id", "sent_at")),
    ON(ADS_IMPRESSION_RECORDED_V1, on_impression_recorded,
       READS("person_id", "campaign_id", "seen_at")),
    ON(CRM_PROFILE_ERASED_V1, on_profile_erased, READS("profile_id", "request_id", "other_ids")),
};

/* In SQL, apart from the warehouse: a rebuild of that one does not ask for anything again. */
static const struct reaction launches[] = {
    ON(ANALYTICS_TRACKING_ASKED_V1, on_tracking_asked,
       READS("command_id", "campaign_id", "launch_id", "action", "expires_at", "name", "goal",
             "starts_at", "ends_at")),
};

static bool analytics_open(struct ctx *ctx)
{
    return service_consume(ctx, &(struct consumer_settings){ .name = "analytics.launches",
                                                             .sharing = CONSUMER_SHARED,
                                                             .reactions = launches,
                                                             .n_reactions = COUNT(launches) });
}

static const struct setting settings[] = {
    { "warehouse_memory", SETTING_BYTES, "256MB",
      "What the warehouse may use at most for a question", 16 << 20, 1LL << 40 },
    { "warehouse_threads", SETTING_INTEGER, "2", "Threads that answer one question", 1, 256 },
};

static void *open_warehouse(struct ctx *ctx, const char *path)
{
    return warehouse_open(ctx, &(struct warehouse_settings){
                                   .path = path,
                                   .memory_bytes = setting_int(ctx, "warehouse_memory"),
                                   .threads = (int)setting_int(ctx, "warehouse_threads"),
                               });
}

static const struct projection_settings warehouse = {
    .name = "analytics",
    .file = "warehouse.duckdb",
    .sharing = CONSUMER_SHARED,
    .reactions = reactions,
    .n_reactions = COUNT(reactions),
    .independent = true, /* rows, whatever there was before */
    .store = &warehouse_event_store,
    .open = open_warehouse,
    .close = warehouse_close,
};

const struct service analytics_service = {
    .name = "analytics",
    .port = 8105,
    .contract = &analytics_contract,
    .migrations = analytics_migrations,
    .n_migrations = ANALYTICS_N_MIGRATIONS,
    .projection = &warehouse,
    .settings = settings,
    .n_settings = COUNT(settings),
    .open = analytics_open,
};
