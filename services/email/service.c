#include "services/email/email.h"

#include <stdlib.h>

#include "base/clock.h"
#include "services/email/catcher.h"
#include "services/email/catcher_page.h"
#include "services/email/deliveries.h"
#include "services/email/domains.h"
#include "services/email/feedback.h"
#include "services/email/letters.h"
#include "services/email/links.h"
#include "services/email/pages.h"
#include "services/email/reactions.h"
#include "services/email/returns.h"
#include "services/email/secret.h"
#include "services/email/sending.h"
#include "services/email/sns.h"
#include "email_contract.h"
#include "email_migrations.h"

static const struct reaction reactions[] = {
    ON(CRM_PROFILE_UPDATED_V1, on_profile_updated,
       READS("profile_id", "email", "name", "locale", "traits", "version")),
    ON(CRM_PROFILE_ERASED_V1, on_profile_erased, READS("profile_id", "request_id", "erased_at")),
    ON(CRM_CONSENT_CHANGED_V1, on_consent_changed,
       READS("profile_id", "purpose", "channel", "state", "changed_at")),
    ON(PERSONALIZATION_MEMBERSHIP_CHANGED_V1, on_membership_changed,
       READS("person_id", "segment_id", "state")),
    ON(CONTENT_ENTRY_PUBLISHED_V1, on_entry_published,
       READS("entry_id", "kind", "slug", "locale", "version", "document")),
    ON(CONTENT_ENTRY_UNPUBLISHED_V1, on_entry_unpublished, READS("entry_id", "version")),
    ON(COMMERCE_ORDER_PLACED_V1, on_order_placed,
       READS("order_id", "customer_id", "placed_at", "state", "total", "lines")),
    ON(COMMERCE_ORDER_CANCELLED_V1, on_order_cancelled,
       READS("order_id", "customer_id", "cancelled_at", "total")),
    ON(COMMERCE_ORDER_REFUNDED_V1, on_order_refunded,
       READS("order_id", "refund_id", "customer_id", "refunded_at", "refund", "lines")),
    ON(EMAIL_DELIVERY_ASKED_V1, on_delivery_asked,
       READS("command_id", "campaign_id", "launch_id", "action", "expires_at", "name", "template",
             "sender_id", "tracking", "purpose", "audience", "schedule", "variants", "test", "cap",
             "quiet")),
    ON(EMAIL_MESSAGE_ASKED_V1, on_message_asked,
       READS("command_id", "message_key", "person_id", "template", "purpose", "campaign_id", "step",
             "data", "sender_id", "tracking", "cap", "quiet", "expires_at")),
    ON(CAMPAIGN_CAMPAIGN_LAUNCHED_V1, on_campaign_launched, READS("launch_id")),
    ON(CAMPAIGN_CAMPAIGN_PAUSED_V1, on_campaign_paused, READS("launch_id")),
    ON(CAMPAIGN_CAMPAIGN_RESUMED_V1, on_campaign_resumed, READS("launch_id")),
    ON(CAMPAIGN_CAMPAIGN_CANCELLED_V1, on_campaign_cancelled, READS("launch_id")),
    ON(CAMPAIGN_WINNER_CHOSEN_V1, on_winner_chosen, READS("launch_id", "variant")),
};

static const struct setting settings[] = {
    { .key = "from_name",
      .kind = SETTING_TEXT,
      .fallback = "Fanfare",
      .help = "Whose name mail comes from that names no sender, while none is the default one" },
    { .key = "from_address",
      .kind = SETTING_TEXT,
      .fallback = "fanfare@example.com",
      .help = "And whose address" },
    { .key = "relays",
      .kind = SETTING_TEXT,
      .fallback = "",
      .help =
          "Where mail is handed over to: smtp://user:password@host:587?weight=2 smtps://..., see the room; none: the catcher, where it is on",
      .secret = true,
      .optional = true },
    { .key = "helo",
      .kind = SETTING_TEXT,
      .fallback = "",
      .help =
          "What the service calls itself at a relay (EHLO): a domain; without it the host's name, or [127.0.0.1]",
      .optional = true },
    { .key = "writers",
      .kind = SETTING_INTEGER,
      .fallback = "2",
      .least = 0,
      .most = WRITERS_MOST,
      .help = "Threads that write and sign letters; 0: that which hands them over" },
    { .key = "domain_connections",
      .kind = SETTING_INTEGER,
      .fallback = "20",
      .least = 0,
      .most = 10000,
      .help = "How many mails to one recipient's domain are under way at once; 0: any number" },
    { .key = "domain_rate",
      .kind = SETTING_INTEGER,
      .fallback = "0",
      .least = 0,
      .most = 100000,
      .help = "How many go to one recipient's domain in a second; 0: any number" },
    { .key = "relay_connect_limit",
      .kind = SETTING_DURATION,
      .fallback = "30s",
      .least = 10 * US_PER_MS,
      .most = 600 * US_PER_S,
      .help = "For how long a connection to a relay, and TLS on it, is waited for" },
    { .key = "relay_reply_limit",
      .kind = SETTING_DURATION,
      .fallback = "5m",
      .least = 10 * US_PER_MS,
      .most = 3600 * US_PER_S,
      .help = "For how long each of a relay's answers before the final dot is waited for" },
    { .key = "relay_accept_limit",
      .kind = SETTING_DURATION,
      .fallback = "10m",
      .least = 10 * US_PER_MS,
      .most = 3600 * US_PER_S,
      .help =
          "For how long the answer to the final dot is waited for; then nobody knows whether the mail has gone out" },
    { .key = "attempts",
      .kind = SETTING_INTEGER,
      .fallback = "30",
      .least = 1,
      .most = 1000,
      .help =
          "How often a mail that relays put off is tried, after 1, 2, 4 ... minutes, at most an hour" },
    { .key = "give_up_after",
      .kind = SETTING_DURATION,
      .fallback = "72h",
      .least = US_PER_S,
      .most = 30 * US_PER_DAY,
      .help = "A mail that is older is not put off any more" },
    { .key = "resend_in_doubt",
      .kind = SETTING_BOOL,
      .fallback = "false",
      .help =
          "Service mail of which nobody knows whether it has gone out is sent once more, with the same Message-ID; marketing mail never is" },
    { .key = "return_domain",
      .kind = SETTING_TEXT,
      .fallback = "",
      .help =
          "The domain that returned mail comes back to, with an address of its own for each mail; without it the sender's own" },
    { .key = "provider",
      .kind = SETTING_CHOICE,
      .fallback = "none",
      .choices = "none|ses|sendgrid|postmark",
      .help =
          "Whose relay mail goes out by: its webhooks tell a message back by what is put into the mail" },
    { .key = "return_port",
      .kind = SETTING_INTEGER,
      .fallback = "0",
      .least = 0,
      .most = 65535,
      .help = "Where an SMTP server takes what comes back to return_domain; 0: nowhere" },
    { .key = "return_bind",
      .kind = SETTING_TEXT,
      .fallback = "{bind}",
      .help = "And on which address" },
    { .key = "soft_bounces",
      .kind = SETTING_INTEGER,
      .fallback = "5",
      .least = 1,
      .most = 100,
      .help =
          "So many mails in a row that come back for the time being, and the address is suppressed" },
    { .key = "public_url",
      .kind = SETTING_TEXT,
      .fallback = "http://127.0.0.1:{port}",
      .help = "Where the links in mail find this service: an https URL that people can open" },
    { .key = "tracking",
      .kind = SETTING_BOOL,
      .fallback = "true",
      .help = "Whether it is noted that mails are opened and links in them followed" },
    { .key = "machine_within",
      .kind = SETTING_DURATION,
      .fallback = "2s",
      .help = "What opens a mail or follows a link sooner after the hand-over is a machine" },
    { .key = "catcher_port",
      .kind = SETTING_INTEGER,
      .fallback = "0",
      .least = 0,
      .most = 65535,
      .help = "Where the SMTP catcher listens, on 127.0.0.1; 0: nowhere" },
    { .key = "catcher_keep",
      .kind = SETTING_INTEGER,
      .fallback = "2000",
      .least = 1,
      .most = 100000,
      .help = "How many caught mails are kept, the newest" },
    { .key = "keys_folder",
      .kind = SETTING_PATH,
      .fallback = "",
      .optional = true,
      .help =
          "Where the keys of links and domains are; instances that share a database share it. Without it keys/ in the data folder" },
};

static void email_close(void *app)
{
    struct email *email = app;
    if (!email)
        return;
    sending_close(email->sending); /* to the catcher, perhaps */
    returns_stop(email->returns);
    sns_certificates_free(email->certificates);
    letters_free(email->letters);
    links_close(email->links);
    catcher_close(email->catcher);
    free(email->keys_folder);
    free(email);
}

static bool keys_open(struct ctx *ctx)
{
    struct email *email = email_of(ctx);
    if (!secret_folder(ctx, email->keys_folder) ||
        !secret_load(ctx, email->keys_folder, email->secret))
        return false;
    email->links = links_open(ctx, email->keys_folder, setting_text(ctx, "public_url"));
    return email->links;
}

static bool catcher_start(struct ctx *ctx)
{
    struct str folder = service_data_path(ctx, "caught");
    struct email *email = email_of(ctx);
    if (folder.ptr)
        email->catcher = catcher_open(ctx, folder, (int)setting_int(ctx, "catcher_port"),
                                      (size_t)setting_int(ctx, "catcher_keep"));
    return email->catcher != NULL;
}

static bool email_open(struct ctx *ctx)
{
    struct email *email = ctx->app = mem_alloc(sizeof(*email));
    struct str folder = setting_text(ctx, "keys_folder");
    if (!folder.len)
        folder = service_data_path(ctx, "keys");
    if (!folder.ptr)
        return false;
    email->keys_folder = mem_strdup(folder.ptr);
    email->letters = letters_new();
    email->certificates = sns_certificates_new();
    return keys_open(ctx) && catcher_start(ctx) && returns_open(ctx) &&
           service_worker(ctx, "deliveries", DELIVERIES_EVERY_US, deliveries_run) &&
           service_worker(ctx, "feedback", FEEDBACK_EVERY_US, feedback_run) &&
           sending_open(ctx, &email->sending) &&
           service_worker(ctx, "domains", DOMAINS_EVERY_US, domains_run);
}

const struct service email_service = {
    .name = "email",
    .port = 8107,
    .contract = &email_contract,
    .migrations = email_migrations,
    .n_migrations = COUNT(email_migrations),
    .reactions = reactions,
    .n_reactions = COUNT(reactions),
    .settings = settings,
    .n_settings = COUNT(settings),
    .lets_in = catcher_lets_in,
    .refusal = page_refusal,
    .open = email_open,
    .close = email_close,
};
