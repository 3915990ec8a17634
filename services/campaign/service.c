#include "services/campaign/campaign.h"

#include "campaign_contract.h"
#include "campaign_migrations.h"

static const struct setting settings[] = {
    { .key = "approval",
      .kind = SETTING_BOOL,
      .fallback = "true",
      .help = "A campaign is launched only once a second person has approved it" },
    { .key = "webhook_hosts",
      .kind = SETTING_TEXT,
      .fallback = "",
      .optional = true,
      .help =
          "Hosts that webhooks may go to, as in their URLs (hooks.example.com:8443), separated by commas" },
};

const struct service campaign_service = {
    .name = "campaign",
    .port = 8106,
    .contract = &campaign_contract,
    .migrations = campaign_migrations,
    .n_migrations = CAMPAIGN_N_MIGRATIONS,
    .settings = settings,
    .n_settings = COUNT(settings),
};
