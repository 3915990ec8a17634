#include "services/email/sns.h"

#include "base/clock.h"
#include "platform/crypto/crypto.h"

static const struct {
    const char *name;
    enum sns_type type;
} types[] = {
    { "Notification", SNS_NOTIFICATION },
    { "SubscriptionConfirmation", SNS_SUBSCRIPTION },
    { "UnsubscribeConfirmation", SNS_UNSUBSCRIPTION },
};

/* What is signed, by name: of confirmations all of these, of notifications those that are there. */
static const char *const signed_members[] = { "Message", "MessageId", "Subject", "SubscribeURL",
                                              "Timestamp", "Token", "TopicArn", "Type" };

static bool is_region(struct str text)
{
    for (size_t i = 0; i < text.len; i++) {
        char c = text.ptr[i];
        if (!((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-'))
            return false;
    }
    return text.len > 0;
}

bool sns_url(struct str url, struct str *host, struct str *path)
{
    static const struct str begin = STR_INIT("https://sns."),
                            ends[] = { STR_INIT(".amazonaws.com"), STR_INIT(".amazonaws.com.cn") };
    if (!str_starts(url, begin))
        return false;
    size_t at = begin.len;
    while (at < url.len && url.ptr[at] != '/')
        at++;
    *host = (struct str){ url.ptr, at };
    *path = (struct str){ url.ptr + at, url.len - at };
    for (size_t i = 0; i < COUNT(ends); i++)
        if (path->len && str_ends(*host, ends[i]) && host->len > begin.len + ends[i].len &&
            is_region((struct str){ url.ptr + begin.len, at - begin.len - ends[i].len }))
            return true;
    return false;
}

static bool certificate_url_check(struct ctx *ctx, struct str url)
{
    struct str host, path;
    return (sns_url(url, &host, &path) && str_starts(path, STR("/SimpleNotificationService-")) &&
            str_ends(path, STR(".pem")) && str_find_char(path, '?') < 0) ||
           ctx_fail(ctx, ERR_FORBIDDEN, "its certificate is not one of Amazon SNS");
}

static struct str signed_text(struct ctx *ctx, const struct json *body, enum sns_type type)
{
    struct str text = STR("");
    for (size_t i = 0; i < COUNT(signed_members); i++) {
        struct str name = str_of(signed_members[i]),
                   value = json_str(json_get(body, signed_members[i]));
        bool of_confirmation = str_is(name, "SubscribeURL") || str_is(name, "Token");
        if (value.ptr && (!of_confirmation || type != SNS_NOTIFICATION))
            text = arena_printf(ctx->arena, STR_FMT STR_FMT "\n" STR_FMT "\n", STR_ARG(text),
                                STR_ARG(name), STR_ARG(value));
    }
    return text;
}

bool sns_read(struct ctx *ctx, const struct json *body, struct sns_message *out)
{
    struct str type = json_str(json_get(body, "Type")), host, path;
    *out = (struct sns_message){
        .topic = json_str(json_get(body, "TopicArn")),
        .message = json_str(json_get(body, "Message")),
        .subscribe_url = json_str(json_get(body, "SubscribeURL")),
        .certificate_url = json_str(json_get(body, "SigningCertURL")),
        .sha1 = str_is(json_str(json_get(body, "SignatureVersion")), "1"),
    };
    for (size_t i = 0; i < COUNT(types); i++)
        if (str_is(type, types[i].name))
            out->type = types[i].type;
    out->signature = crypto_unbase64(ctx->arena, json_str(json_get(body, "Signature")));
    out->signed_text = signed_text(ctx, body, out->type);
    if (out->type == SNS_UNKNOWN || !out->topic.ptr || !out->message.ptr ||
        !clock_parse(json_str(json_get(body, "Timestamp")), false, &out->at_us))
        return ctx_fail(ctx, ERR_INVALID, "this is no message of Amazon SNS");
    if (out->type == SNS_SUBSCRIPTION && !sns_url(out->subscribe_url, &host, &path))
        return ctx_fail(ctx, ERR_FORBIDDEN,
                        "it wants to be confirmed elsewhere than at Amazon SNS");
    return certificate_url_check(ctx, out->certificate_url);
}

bool sns_verify(struct ctx *ctx, const struct sns_message *message, struct str certificate)
{
    return crypto_verify(ctx->arena, certificate, message->sha1 ? CRYPTO_SHA1 : CRYPTO_SHA256,
                         message->signed_text, message->signature) ||
           ctx_fail(ctx, ERR_UNAUTHENTICATED, "it is not signed by Amazon SNS");
}
