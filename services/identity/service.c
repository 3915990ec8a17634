#include "services/identity/identity.h"

#include "identity_contract.h"
#include "identity_migrations.h"

const struct service identity_service = {
    .name = "identity",
    .port = 8102,
    .contract = &identity_contract,
    .migrations = identity_migrations,
    .n_migrations = COUNT(identity_migrations),
};
