/* Webhooks of the providers that mail goes out by: are they theirs, and what do they say? */
#include "base/clock.h"
#include "platform/crypto/crypto.h"
#include "services/email/email.h"
#include "services/email/feedback.h"
#include "services/email/news.h"
#include "services/email/returns.h"
#include "services/email/sns.h"
#include "services/email/store_providers.h"
#include "email_contract.h"

#define AHEAD_US (300 * US_PER_S) /* of clocks */

/* ---- what is known of them ---- */

static struct reply provider_reply(struct ctx *ctx, const struct provider_row *row)
{
    struct provider answer = { .provider = provider_name_parse(row->provider),
                               .topic = row->topic,
                               .most_age_s = row->most_age_s,
                               .updated_at = row->updated_us };
    return reply_ok(ctx, provider_encode(ctx, &answer));
}

static struct str token_hash(struct ctx *ctx, struct str token)
{
    uint8_t hash[32];
    const struct email *email = email_of(ctx);
    struct str text = arena_printf(ctx->arena, "postmark " STR_FMT, STR_ARG(token));
    crypto_hmac_sha256((struct str){ (const char *)email->secret, sizeof(email->secret) }, text,
                       hash);
    return crypto_hex(ctx->arena, hash, sizeof(hash));
}

static bool key_check(struct ctx *ctx, struct str key, const char *pointer)
{
    return crypto_is_key(ctx->arena, key) ||
           ctx_fail_at(ctx, ERR_INVALID, str_of(pointer),
                       "this is no public key or certificate of RSA (2048 bits) or P-256");
}

static bool missing(struct ctx *ctx, const char *pointer)
{
    return ctx_fail_at(ctx, ERR_INVALID, str_of(pointer), "it is needed for this provider");
}

static bool row_of(struct ctx *ctx, const struct put_provider_in *in, struct provider_row *row)
{
    const struct provider_put *asked = in->body;
    *row = (struct provider_row){ .provider = str_of(provider_name_name(in->provider)),
                                  .most_age_s = asked->most_age_s,
                                  .updated_us = clock_now_us() };
    switch (in->provider) {
    case PROVIDER_NAME_SES:
        row->topic = asked->topic;
        row->key = asked->certificate;
        return asked->topic.ptr ? !row->key.ptr || key_check(ctx, row->key, "/certificate")
                                : missing(ctx, "/topic");
    case PROVIDER_NAME_SENDGRID:
        row->key = asked->public_key;
        return row->key.ptr ? key_check(ctx, row->key, "/public_key") : missing(ctx, "/public_key");
    default:
        row->key = asked->token.ptr ? token_hash(ctx, asked->token) : asked->token;
        return row->key.ptr || missing(ctx, "/token");
    }
}

struct reply email_put_provider(struct ctx *ctx, const struct put_provider_in *in)
{
    struct provider_row row;
    return row_of(ctx, in, &row) && store_provider_put(ctx, &row) ? provider_reply(ctx, &row)
                                                                  : reply_error(ctx);
}

static bool provider_find(struct ctx *ctx, struct str name, struct provider_row *row)
{
    return store_provider(ctx, name, row) ||
           (!ctx_failed(ctx) && ctx_fail(ctx, ERR_NOT_FOUND, "this provider is not set up"));
}

struct reply email_get_provider(struct ctx *ctx, const struct get_provider_in *in)
{
    struct provider_row row;
    return provider_find(ctx, str_of(provider_name_name(in->provider)), &row)
               ? provider_reply(ctx, &row)
               : reply_error(ctx);
}

struct reply email_delete_provider(struct ctx *ctx, const struct delete_provider_in *in)
{
    bool was;
    if (store_provider_delete(ctx, str_of(provider_name_name(in->provider)), &was) && !was)
        ctx_fail(ctx, ERR_NOT_FOUND, "this provider is not set up");
    return ctx_failed(ctx) ? reply_error(ctx) : reply_empty(ctx);
}

/* ---- what they say ---- */

struct batch {
    struct news *news;
    size_t n;
};

static bool news_note(struct ctx *ctx, const struct news *news)
{
    struct message_row message;
    struct str by_path = returns_message(ctx, news->return_path),
               id = by_path.ptr ? by_path : news->message_id;
    if (news->what == NEWS_NOTHING || !id.ptr || !store_message(ctx, id, &message))
        return !ctx_failed(ctx);
    switch (news->what) {
    case NEWS_DELIVERED:
        return feedback_delivered(ctx, &message);
    case NEWS_BOUNCED:
        return feedback_bounced(ctx, &message, news->bounce, news->status);
    case NEWS_COMPLAINED:
        return feedback_complained(ctx, &message);
    default:
        return feedback_unsubscribed(ctx, &message);
    }
}

static bool batch_note(struct ctx *ctx, void *argument)
{
    const struct batch *batch = argument;
    for (size_t i = 0; i < batch->n; i++)
        if (!news_note(ctx, &batch->news[i]))
            return false;
    return true;
}

static struct reply noted(struct ctx *ctx, struct news *news, size_t n)
{
    struct batch batch = { news, n };
    return sql_write(ctx, service_db(ctx), batch_note, &batch) ? reply_empty(ctx)
                                                               : reply_error(ctx);
}

static bool row_read(struct ctx *ctx, void *argument)
{
    struct provider_row *row = argument;
    return provider_find(ctx, row->provider, row);
}

static bool known(struct ctx *ctx, const char *name, struct provider_row *row)
{
    row->provider = str_of(name);
    return sql_read(ctx, service_db(ctx), row_read, row);
}

/* What was signed long ago may be sent again by somebody who has seen it. */
static bool is_fresh(struct ctx *ctx, const struct provider_row *row, int64_t at_us)
{
    int64_t age_us = clock_now_us() - at_us;
    return row->most_age_s == 0 || (age_us <= row->most_age_s * US_PER_S && age_us >= -AHEAD_US) ||
           ctx_fail(ctx, ERR_FORBIDDEN, "it was signed too long ago, or in the future");
}

/* ---- Amazon SES, by way of SNS ---- */

static bool sns_check(struct ctx *ctx, const struct sns_message *message)
{
    struct provider_row row;
    struct str certificate;
    if (!known(ctx, "ses", &row))
        return false;
    if (!str_eq(message->topic, row.topic))
        return ctx_fail(ctx, ERR_FORBIDDEN, "it is of another topic than that which was set up");
    certificate = row.key;
    return is_fresh(ctx, &row, message->at_us) &&
           (certificate.ptr ||
            sns_certificate(ctx, email_of(ctx)->certificates, message, &certificate)) &&
           sns_verify(ctx, message, certificate);
}

struct reply email_take_ses(struct ctx *ctx, const struct take_ses_in *in)
{
    struct sns_message message;
    const struct json *body = json_parse(ctx, in->body_raw);
    if (!body || !sns_read(ctx, body, &message) || !sns_check(ctx, &message))
        return reply_error(ctx);
    if (message.type == SNS_SUBSCRIPTION)
        return sns_confirm(ctx, &message) ? reply_empty(ctx) : reply_error(ctx);
    const struct json *notification = json_parse(ctx, message.message);
    ctx_clear(ctx); /* SES tells in words that it has found its topic */
    struct news news = news_of_ses(notification);
    return noted(ctx, &news, 1);
}

/* ---- SendGrid ---- */

static bool sendgrid_check(struct ctx *ctx, const struct take_sendgrid_in *in)
{
    int64_t at_s;
    struct provider_row row;
    struct str timestamp = in->x_twilio_email_event_webhook_timestamp,
               signature = crypto_unbase64(ctx->arena, in->x_twilio_email_event_webhook_signature),
               text = arena_printf(ctx->arena, STR_FMT STR_FMT, STR_ARG(timestamp),
                                   STR_ARG(in->body_raw));
    if (!known(ctx, "sendgrid", &row))
        return false;
    if (!crypto_verify(ctx->arena, row.key, CRYPTO_SHA256, text, signature) ||
        !str_to_int(timestamp, &at_s) || at_s < 0 || at_s > INT64_MAX / US_PER_S)
        return ctx_fail(ctx, ERR_UNAUTHENTICATED, "it is not signed with the key of this webhook");
    return is_fresh(ctx, &row, at_s * US_PER_S);
}

struct reply email_take_sendgrid(struct ctx *ctx, const struct take_sendgrid_in *in)
{
    if (!sendgrid_check(ctx, in))
        return reply_error(ctx);
    const struct json *events = json_parse(ctx, in->body_raw);
    if (!events)
        return reply_error(ctx);
    struct news *news = ARENA_ARRAY(ctx->arena, struct news, json_size(events) + 1);
    size_t n = 0;
    for (struct json_iter it = json_iter(events); json_next(&it);)
        news[n++] = news_of_sendgrid(it.value);
    return noted(ctx, news, n);
}

/* ---- Postmark ---- */

static bool postmark_check(struct ctx *ctx, struct str token)
{
    struct provider_row row;
    if (!known(ctx, "postmark", &row))
        return false;
    struct str hash = token_hash(ctx, token);
    return (token.ptr && hash.len == row.key.len &&
            crypto_equal(hash.ptr, row.key.ptr, hash.len)) ||
           ctx_fail(ctx, ERR_UNAUTHENTICATED, "X-Webhook-Token is not that of this webhook");
}

struct reply email_take_postmark(struct ctx *ctx, const struct take_postmark_in *in)
{
    if (!postmark_check(ctx, in->x_webhook_token))
        return reply_error(ctx);
    const struct json *record = json_parse(ctx, in->body_raw);
    if (!record)
        return reply_error(ctx);
    struct news news = news_of_postmark(record);
    return noted(ctx, &news, 1);
}
