#include "services/crm/crm.h"

#include <stdlib.h>

#include "base/clock.h"
#include "platform/crypto/crypto.h"
#include "platform/sql/secrets.h"
#include "services/crm/erasures.h"
#include "services/crm/pages.h"
#include "services/crm/reactions.h"
#include "crm_contract.h"
#include "crm_migrations.h"

static const struct reaction reactions[] = {
    ON(COMMERCE_ORDER_PLACED_V1, on_order_placed,
       READS("order_id", "customer_id", "total", "placed_at")),
    ON(COMMERCE_ORDER_REFUNDED_V1, on_order_refunded,
       READS("order_id", "refund_id", "customer_id", "refund", "refunded_at")),
    ON(COMMERCE_ORDER_CANCELLED_V1, on_order_cancelled,
       READS("order_id", "customer_id", "total", "cancelled_at")),
    ON(COMMERCE_ORDER_CHANGED_V1, on_order_changed,
       READS("order_id", "customer_id", "change", "total", "total_before", "changed_at")),
    ON(LOYALTY_TIER_CHANGED_V1,     on_tier_changed,    READS("customer_id", "tier", "changed_at")),
    ON(ANALYTICS_TRAITS_TOLD_V1, on_traits_told,
       READS("message_id", "user_id", "anonymous_id", "traits", "told_at")),
    ON(EMAIL_SUPPRESSION_ADDED_V1, on_suppression_added,
       READS("person_id", "reason", "message_id", "added_at")),
    ON(EMAIL_MESSAGE_RESUBSCRIBED_V1, on_message_resubscribed,
       READS("person_id", "message_id", "resubscribed_at")),
    ON(CRM_ERASURE_DONE_V1, on_erasure_done, READS("request_id", "service", "erased_at")),
};

static const struct setting settings[] = {
    { .key = "erasure_services",
      .kind = SETTING_TEXT,
      .fallback = "ads,analytics,campaign,commerce,email,loyalty,personalization,reporting",
      .help = "Whose answers an erasure waits for: those that run and hold something of people" },
    { .key = "broker_admin_url",
      .kind = SETTING_URL,
      .fallback = "http://127.0.0.1:10092",
      .choices = "http|https",
      .optional = true,
      .help =
          "The broker's admin listener, of which compaction is asked; nothing: another Kafka, which sees to it by itself" },
    { .key = "compacted_within",
      .kind = SETTING_DURATION,
      .fallback = "24h",
      .least = US_PER_S,
      .most = 365 * US_PER_DAY,
      .help =
          "How long another Kafka takes to compact, at most (max.compaction.lag.ms of its topics)" },
    { .key = "public_url",
      .kind = SETTING_TEXT, /* with --port 0 the default is no URL yet */
      .fallback = "http://127.0.0.1:{port}",
      .help = "Where people reach this service, by the links in mails that ask for consent" },
    { .key = "confirmation_template",
      .kind = SETTING_TEXT,
      .fallback = "double-opt-in",
      .help =
          "Slug of the email template that asks for consent; it sees data.confirm_url, data.purpose, data.wording, data.expires_at" },
    { .key = "confirmation_lives",
      .kind = SETTING_DURATION,
      .fallback = "72h",
      .least = US_PER_S,
      .most = 90 * US_PER_DAY,
      .help = "How long the link in such a mail is good" },
    { .key = "confirmation_again",
      .kind = SETTING_DURATION,
      .fallback = "5m",
      .most = US_PER_DAY,
      .help = "Between two mails that ask for the same consent" },
    { .key = "confirmation_mails",
      .kind = SETTING_INTEGER,
      .fallback = "3",
      .least = 1,
      .most = 20,
      .help = "How many mails ask for the same consent, at most" },
};

static bool secret_read(struct ctx *ctx, struct str name, uint8_t out[32])
{
    struct str digits, bytes;
    if (!sql_secret_make(ctx, name, &digits))
        return false;
    bytes = crypto_unhex(ctx->arena, digits);
    if (!bytes.ptr || bytes.len != 32)
        return ctx_fail(ctx, ERR_INTERNAL, "the key of " STR_FMT " is none", STR_ARG(name));
    memcpy(out, bytes.ptr, 32);
    return true;
}

static bool secrets_read(struct ctx *ctx, void *argument)
{
    struct crm *app = argument;
    if (!secret_read(ctx, STR("certificates"), app->seed) ||
        !secret_read(ctx, STR("confirmations"), app->confirmations.secret))
        return false;
    crypto_ed25519_public(app->seed, app->public_key);
    return true;
}

static char *text_setting(struct ctx *ctx, const char *key)
{
    return mem_strdup(arena_cstr(ctx->arena, setting_text(ctx, key)));
}

static void crm_close(void *argument)
{
    struct crm *app = argument;
    peer_free(app->log_admin);
    free(app->answering);
    free(app->confirmations.public_url);
    free(app->confirmations.template);
    free(app);
}

static bool crm_open(struct ctx *ctx)
{
    struct crm *app = ctx->app = mem_alloc(sizeof(*app));
    struct str admin = setting_text(ctx, "broker_admin_url");
    app->answering = text_setting(ctx, "erasure_services");
    app->confirmations =
        (struct confirmation_rules){ .public_url = text_setting(ctx, "public_url"),
                                     .template = text_setting(ctx, "confirmation_template"),
                                     .lives_us = setting_int(ctx, "confirmation_lives"),
                                     .again_us = setting_int(ctx, "confirmation_again"),
                                     .most = setting_int(ctx, "confirmation_mails") };
    app->compacted_within_us = setting_int(ctx, "compacted_within");
    if (admin.len)
        app->log_admin = peer_new(
            &(struct peer_settings){ .name = "broker", .url = arena_cstr(ctx->arena, admin) });
    return sql_write(ctx, service_db(ctx), secrets_read, app) &&
           service_worker(ctx, "confirmations", CONFIRMATIONS_EVERY_US, confirmations_run) &&
           service_worker(ctx, "erasures", ERASURES_EVERY_US, erasures_run);
}

const struct service crm_service = {
    .name = "crm",
    .port = 8111,
    .contract = &crm_contract,
    .migrations = crm_migrations,
    .n_migrations = CRM_N_MIGRATIONS,
    .reactions = reactions,
    .n_reactions = COUNT(reactions),
    .settings = settings,
    .n_settings = COUNT(settings),
    .refusal = page_error,
    .open = crm_open,
    .close = crm_close,
};
