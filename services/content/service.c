#include "services/content/content.h"

#include "services/content/schedules.h"
#include "content_contract.h"
#include "content_migrations.h"

static bool content_open(struct ctx *ctx)
{
    return service_worker(ctx, "schedules", SCHEDULES_EVERY_US, schedules_run);
}

const struct service content_service = {
    .name = "content",
    .port = 8103,
    .contract = &content_contract,
    .migrations = content_migrations,
    .n_migrations = COUNT(content_migrations),
    .open = content_open,
};
