#include "services/search/search.h"

#include <stdlib.h>

#include "base/clock.h"
#include "services/search/reactions.h"
#include "search_contract.h"
#include "search_migrations.h"

#define REFRESH_US (250 * US_PER_MS) /* how late an instance may see changed definitions */

static const struct reaction reactions[] = {
    ON(COMMERCE_PRODUCT_UPSERTED_V1, on_product_upserted,
       READS("product_id", "name", "category", "subcategory", "price", "active", "version",
             "updated_at")),
    ON(CONTENT_ENTRY_PUBLISHED_V1, on_entry_published,
       READS("entry_id", "kind", "type", "slug", "locale", "title", "document", "published_at")),
    ON(CONTENT_ENTRY_UNPUBLISHED_V1, on_entry_unpublished, READS("entry_id", "unpublished_at")),
    ON(COMMERCE_ORDER_PLACED_V1, on_order_placed, READS("lines", "placed_at")),
    ON(GATEWAY_PAGE_VIEWED_V1, on_page_viewed, READS("slug", "viewed_at")),
    ON(ANALYTICS_EVENT_RECORDED_V1, on_event_recorded,
       READS("kind", "name", "properties", "occurred_at")),
};

static bool refresh_in(struct ctx *ctx, void *argument)
{
    return definitions_refresh(ctx, argument);
}

static bool refresh(struct ctx *ctx)
{
    struct search *app = ctx->app;
    if (!sql_read(ctx, service_db(ctx), refresh_in, app->definitions))
        log_line(LOG_WARN, ctx, "definitions_not_read", LOG_S("why", ctx->error.detail));
    return false;
}

static void search_close(void *argument)
{
    struct search *app = argument;
    definitions_free(app->definitions);
    free(app);
}

static bool search_open(struct ctx *ctx)
{
    struct search *app = mem_alloc(sizeof(*app));
    app->definitions = definitions_new();
    ctx->app = app;
    return sql_read(ctx, service_db(ctx), refresh_in, app->definitions) &&
           service_worker(ctx, "definitions", REFRESH_US, refresh);
}

static const struct projection_settings projection = {
    .name = "search",
    .file = "index",
    .sharing = CONSUMER_LOCAL,
    .reactions = reactions,
    .n_reactions = COUNT(reactions),
    .store = &index_event_store,
    .open = index_open,
    .close = index_close,
};

const struct service search_service = {
    .name = "search",
    .port = 8108,
    .contract = &search_contract,
    .migrations = search_migrations,
    .n_migrations = SEARCH_N_MIGRATIONS,
    .projection = &projection,
    .open = search_open,
    .close = search_close,
};
