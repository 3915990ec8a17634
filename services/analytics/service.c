#include "services/analytics/analytics.h"

#include <stdlib.h>

#include "services/analytics/reactions.h"
#include "analytics_contract.h"

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
    ON(CRM_PROFILE_ERASED_V1,       on_profile_erased,  READS("profile_id")),
};

static const struct setting settings[] = {
    { "warehouse_memory", SETTING_BYTES, "256MB",
      "What the warehouse may use at most for a question", 16 << 20, 1LL << 40 },
    { "warehouse_threads", SETTING_INTEGER, "2", "Threads that answer one question", 1, 256 },
};

static void analytics_close(void *argument)
{
    struct analytics *app = argument;
    warehouse_close(app->warehouse);
    free(app);
}

static bool analytics_open(struct ctx *ctx)
{
    struct analytics *app = mem_alloc(sizeof(*app));
    struct str path = service_data_path(ctx, "warehouse.duckdb");
    struct warehouse_settings warehouse = { .path = path.ptr,
                                            .memory_bytes = setting_int(ctx, "warehouse_memory"),
                                            .threads = (int)setting_int(ctx, "warehouse_threads") };
    ctx->app = app;
    if (!path.ptr || !(app->warehouse = warehouse_open(ctx, &warehouse)))
        return false;
    struct consumer_settings consumer = { .name = "analytics",
                                          .sharing = CONSUMER_SHARED,
                                          .reactions = reactions,
                                          .n_reactions = COUNT(reactions),
                                          .store = &warehouse_event_store,
                                          .store_data = app->warehouse,
                                          .app = app };
    return service_consume(ctx, &consumer);
}

const struct service analytics_service = {
    .name = "analytics",
    .port = 8105,
    .contract = &analytics_contract,
    .no_sql = true,
    .settings = settings,
    .n_settings = COUNT(settings),
    .open = analytics_open,
    .close = analytics_close,
};
