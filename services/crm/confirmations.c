#include "services/crm/confirmations.h"

#include "base/clock.h"
#include "base/id.h"
#include "platform/crypto/crypto.h"
#include "platform/http/http.h"
#include "services/crm/consents.h"
#include "services/crm/crm.h"
#include "services/crm/profiles.h"
#include "email_events.h"

#define DUE_AFTER_US                                                                               \
    US_PER_S /* so that email has heard of the address, which goes by another topic */
#define AT_ONCE 100
#define KEPT_US (30 * US_PER_DAY) /* what was never confirmed, once it has expired */
#define SIGNATURE_BYTES 16        /* of the HMAC: 128 bits */
#define AGENT_MOST 300

static const struct confirmation_rules *rules_of(const struct ctx *ctx)
{
    return &((const struct crm *)ctx->app)->confirmations;
}

/* ---- links ---- */

struct str confirmation_token(struct ctx *ctx, struct str confirmation_id)
{
    uint8_t hash[32];
    const struct confirmation_rules *rules = rules_of(ctx);
    crypto_hmac_sha256((struct str){ (const char *)rules->secret, sizeof(rules->secret) },
                       confirmation_id, hash);
    struct str signature =
        crypto_base64url(ctx->arena, (struct str){ (const char *)hash, SIGNATURE_BYTES });
    return arena_printf(ctx->arena, STR_FMT "." STR_FMT, STR_ARG(confirmation_id),
                        STR_ARG(signature));
}

struct str confirmation_url(struct ctx *ctx, struct str confirmation_id)
{
    return arena_printf(ctx->arena, "%s/v1/confirm/" STR_FMT, rules_of(ctx)->public_url,
                        STR_ARG(confirmation_token(ctx, confirmation_id)));
}

/* ---- asking ---- */

static bool ask_again(struct ctx *ctx, struct confirmation_row *row, int64_t now_us)
{
    const struct confirmation_rules *rules = rules_of(ctx);
    int64_t wait_us = row->mail_us + rules->again_us - now_us;
    if (row->mails >= rules->most)
        return ctx_fail(ctx, ERR_RATE_LIMITED,
                        "%lld mails have asked for it already; the link in them is good",
                        (long long)row->mails);
    if (wait_us > 0)
        return ctx_fail(ctx, ERR_RATE_LIMITED,
                        "the last mail is too new; the next may go in %lld s",
                        (long long)(wait_us / US_PER_S + 1));
    row->mails++;
    row->mail_us = now_us;
    return store_confirmation_again(ctx, row->confirmation_id, now_us, now_us);
}

bool confirmation_ask(struct ctx *ctx, struct confirmation_row *wanted)
{
    int64_t now_us = clock_now_us();
    struct profile_row profile;
    struct confirmation_row open;
    if (!profile_get(ctx, wanted->profile_id, &profile))
        return false;
    if (!profile.email.ptr)
        return ctx_fail(ctx, ERR_CONFLICT, "the profile has no address that could be asked");
    wanted->address = profile.email;
    if (store_confirmation_open(ctx, wanted, now_us, &open)) {
        *wanted = open;
        return ask_again(ctx, wanted, now_us);
    }
    wanted->confirmation_id = id_new(ctx->arena, "cnf");
    wanted->requested_us = wanted->mail_us = now_us;
    wanted->expires_us = now_us + rules_of(ctx)->lives_us;
    wanted->mails = 1;
    return !ctx_failed(ctx) && store_confirmation_add(ctx, wanted, now_us + DUE_AFTER_US);
}

/* ---- following the link ---- */

bool confirmation_open(struct ctx *ctx, struct str token, struct confirmation_row *out)
{
    struct profile_row profile;
    struct str rest = token, id;
    str_split(&rest, '.', &id);
    struct str good = confirmation_token(ctx, id);
    if (token.len != good.len || !crypto_equal(token.ptr, good.ptr, good.len) ||
        !store_confirmation(ctx, id, out))
        return !ctx_failed(ctx) && ctx_fail(ctx, ERR_NOT_FOUND, "the link is none of ours");
    if (out->confirmed_us)
        return true;
    if (out->expires_us <= clock_now_us())
        return ctx_fail(ctx, ERR_GONE, "the link has expired");
    if (!store_profile(ctx, out->profile_id, &profile) || !str_eq(profile.email, out->address))
        return !ctx_failed(ctx) && ctx_fail(ctx, ERR_GONE, "the address is another now");
    return true;
}

static struct str when(struct ctx *ctx, int64_t us)
{
    char text[CLOCK_TEXT_BYTES];
    size_t n = clock_format(us, text);
    return arena_str(ctx->arena, (struct str){ text, n });
}

/* Which mail asked, when, of whom; and what followed the link. */
static struct str proof_of(struct ctx *ctx, const struct confirmation_row *row)
{
    struct str agent = request_header(ctx, "user-agent");
    if (agent.len > AGENT_MOST)
        agent.len = AGENT_MOST;
    if (!agent.ptr || !str_is_utf8(agent))
        agent = STR("-");
    return arena_printf(ctx->arena,
                        "confirmed by the link " STR_FMT ", mailed to " STR_FMT
                        ", asked for at " STR_FMT ", in %lld mails; with " STR_FMT,
                        STR_ARG(row->confirmation_id), STR_ARG(row->address),
                        STR_ARG(when(ctx, row->requested_us)), (long long)row->mails,
                        STR_ARG(agent));
}

bool confirmation_accept(struct ctx *ctx, const struct confirmation_row *row)
{
    bool first;
    int64_t now_us = clock_now_us();
    struct consent_row word = { .profile_id = row->profile_id,
                                .purpose = row->purpose,
                                .channel = row->channel,
                                .state = STR("granted"),
                                .source = row->source,
                                .wording = row->wording,
                                .actor = STR("person"),
                                .proof = proof_of(ctx, row),
                                .at_us = now_us };
    return store_confirmation_confirm(ctx, row->confirmation_id, now_us, &first) &&
           (!first || consent_note(ctx, &word));
}

/* ---- mails ---- */

static const struct json *mail_data(struct ctx *ctx, const struct confirmation_row *row)
{
    struct json_out out;
    json_out_init(&out, ctx->arena);
    json_object(&out);
    json_key(&out, "confirm_url");
    json_put_str(&out, confirmation_url(ctx, row->confirmation_id));
    json_key(&out, "purpose");
    json_put_str(&out, row->purpose);
    json_key(&out, "expires_at");
    json_put_str(&out, when(ctx, row->expires_us));
    if (row->wording.ptr) {
        json_key(&out, "wording");
        json_put_str(&out, row->wording);
    }
    json_object_end(&out);
    return json_parse(ctx, json_out_str(&out));
}

static bool mail_ask(struct ctx *ctx, const struct confirmation_row *row)
{
    struct str key = arena_printf(ctx->arena, STR_FMT "-%lld", STR_ARG(row->confirmation_id),
                                  (long long)row->mails);
    struct message_asked asked = { .command_id =
                                       arena_printf(ctx->arena, "cmd_" STR_FMT, STR_ARG(key)),
                                   .message_key = key,
                                   .person_id = row->profile_id,
                                   .template = str_of(rules_of(ctx)->template),
                                   .purpose = MESSAGE_ASKED_PURPOSE_SERVICE,
                                   .data = mail_data(ctx, row),
                                   .expires_at = row->expires_us };
    return store_confirmation_asked(ctx, row->confirmation_id) &&
           publish_message_asked(ctx, &asked);
}

struct due {
    struct confirmation_row rows[AT_ONCE];
    size_t n;
};

static bool due_find(struct ctx *ctx, void *due)
{
    struct due *out = due;
    return store_confirmations_due(ctx, clock_now_us(), AT_ONCE, out->rows, &out->n);
}

static bool due_ask(struct ctx *ctx, void *argument)
{
    struct due *due = argument;
    for (size_t i = 0; i < due->n; i++)
        if (!mail_ask(ctx, &due->rows[i]))
            return false;
    return store_confirmations_prune(ctx, clock_now_us() - KEPT_US);
}

bool confirmations_run(struct ctx *ctx)
{
    struct due *due = ARENA_NEW(ctx->arena, struct due);
    if (!sql_read(ctx, service_db(ctx), due_find, due) ||
        (due->n && !sql_write(ctx, service_db(ctx), due_ask, due))) {
        log_line(LOG_WARN, ctx, "confirmations_wait", LOG_S("why", ctx->error.detail));
        return false;
    }
    return due->n == AT_ONCE;
}
