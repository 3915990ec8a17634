/* Messages of Amazon SNS: are they signed by it? (Amazon SNS Developer Guide: "Verifying the signatures of Amazon SNS messages") */
#pragma once

#include "base/ctx.h"
#include "platform/json/json.h"

enum sns_type { SNS_UNKNOWN, SNS_NOTIFICATION, SNS_SUBSCRIPTION, SNS_UNSUBSCRIPTION };

struct sns_message {
    enum sns_type type;
    struct str topic, message, subscribe_url, certificate_url, signature;
    struct str signed_text; /* what the signature is over */
    int64_t at_us;
    bool sha1; /* SignatureVersion 1 */
};

/* INVALID: it is none. FORBIDDEN: its URLs lead elsewhere than to SNS. */
bool sns_read(struct ctx *ctx, const struct json *body, struct sns_message *out);

/* Is it "https://sns.<region>.amazonaws.com/..." (or .com.cn)? *host is the part up to the path. */
bool sns_url(struct str url, struct str *host, struct str *path);

/* With a certificate (PEM) that is known to be theirs. UNAUTHENTICATED. */
bool sns_verify(struct ctx *ctx, const struct sns_message *message, struct str certificate);

/* ---- over the network (sns_fetch.c): for threads that may wait ---- */

/* Certificates that were fetched, by their URL; thread-safe. */
struct sns_certificates;
struct sns_certificates *sns_certificates_new(void);
void sns_certificates_free(struct sns_certificates *certificates); /* NULL-safe */

/* That which the message names, in ctx's arena; asked for once. UNAVAILABLE. */
bool sns_certificate(struct ctx *ctx, struct sns_certificates *certificates,
                     const struct sns_message *message, struct str *certificate);
/* Says yes to a subscription. UNAVAILABLE. */
bool sns_confirm(struct ctx *ctx, const struct sns_message *message);
