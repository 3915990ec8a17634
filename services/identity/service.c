#include "services/identity/identity.h"

#include "services/identity/reactions.h"
#include "identity_contract.h"
#include "identity_migrations.h"

static const struct reaction reactions[] = {
    ON(IDENTITY_KEY_USED_V1, on_key_used, READS("key_id", "used_at")),
};

static bool identity_open(struct ctx *ctx)
{
    return service_consume(ctx, &(struct consumer_settings){ .name = "identity",
                                                             .sharing = CONSUMER_SHARED,
                                                             .reactions = reactions,
                                                             .n_reactions = COUNT(reactions),
                                                             .independent = true,
                                                             .rare = true });
}

const struct service identity_service = {
    .name = "identity",
    .port = 8102,
    .contract = &identity_contract,
    .migrations = identity_migrations,
    .n_migrations = COUNT(identity_migrations),
    .open = identity_open,
};
