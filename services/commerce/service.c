#include "services/commerce/commerce.h"

#include "commerce_contract.h"
#include "commerce_migrations.h"

const struct service commerce_service = {
    .name = "commerce",
    .port = 8109,
    .contract = &commerce_contract,
    .migrations = commerce_migrations,
    .n_migrations = COMMERCE_N_MIGRATIONS,
};
