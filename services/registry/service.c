#include "services/registry/registry.h"

#include "services/registry/refusal.h"
#include "registry_contract.h"
#include "registry_migrations.h"

static const struct setting registry_settings[] = {
    { .key = "open_reads",
      .kind = SETTING_BOOL,
      .fallback = "false",
      .help =
          "Whether callers on this machine may read schemas without a token, as clients of the Confluent Schema Registry "
          "do by default" },
    { .key = "running_within",
      .kind = SETTING_DURATION,
      .fallback = "3m",
      .least = 1000000,
      .most = 86400LL * 1000000,
      .help = "How long after its last word an instance counts as running" },
};

/* Loopback is who runs on this machine: behind a proxy on it, everybody would be, so it is not the default. */
static bool lets_in(struct ctx *ctx)
{
    struct str remote = ctx->request->remote;
    bool here = str_starts(remote, STR("127.")) || str_is(remote, "::1") ||
                str_starts(remote, STR("::ffff:127."));
    return here && setting_bool(ctx, "open_reads");
}

const struct service registry_service = {
    .name = "registry",
    .port = 8101,
    .contract = &registry_contract,
    .migrations = registry_migrations,
    .n_migrations = REGISTRY_N_MIGRATIONS,
    .settings = registry_settings,
    .n_settings = COUNT(registry_settings),
    .lets_in = lets_in,
    .refusal = refusal_reply,
};
