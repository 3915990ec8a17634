#include "services/commerce/commerce.h"

#include "services/commerce/catalog.h"
#include "services/commerce/reactions.h"
#include "commerce_contract.h"
#include "commerce_migrations.h"

static const struct setting settings[] = {
    { .key = "quotes_memory",
      .kind = SETTING_BYTES,
      .fallback = "16MB",
      .help = "What is kept in memory at most of products that quotes were asked for",
      .least = 1024 * 1024,
      .most = 4LL * 1024 * 1024 * 1024 },
};

static const struct reaction reactions[] = {
    ON(CRM_PROFILE_ERASED_V1, on_profile_erased, READS("profile_id", "request_id")),
};

static bool commerce_open(struct ctx *ctx)
{
    struct catalog *catalog = ctx->app =
        catalog_new((size_t)setting_int(ctx, "quotes_memory"), sql_is_postgresql(service_db(ctx)));
    sql_on_commit(service_db(ctx), catalog_doubt, catalog);
    return service_consume(ctx, &(struct consumer_settings){ .name = "commerce",
                                                             .sharing = CONSUMER_SHARED,
                                                             .rare = true,
                                                             .reactions = reactions,
                                                             .n_reactions = COUNT(reactions) });
}

static void commerce_close(void *catalog)
{
    catalog_free(catalog);
}

const struct service commerce_service = {
    .name = "commerce",
    .port = 8109,
    .contract = &commerce_contract,
    .migrations = commerce_migrations,
    .n_migrations = COMMERCE_N_MIGRATIONS,
    .settings = settings,
    .n_settings = COUNT(settings),
    .open = commerce_open,
    .close = commerce_close,
};
