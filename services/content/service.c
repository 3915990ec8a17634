#include "services/content/content.h"

#include "content_contract.h"
#include "content_migrations.h"

const struct service content_service = {
    .name = "content",
    .port = 8103,
    .contract = &content_contract,
    .migrations = content_migrations,
    .n_migrations = COUNT(content_migrations),
};
