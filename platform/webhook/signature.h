/* Signatures of Standard Webhooks (standardwebhooks.com, version 1.0.0): symmetric, v1. */
#pragma once

#include "base/ctx.h"

/* What comes with a call: webhook-id, webhook-timestamp, webhook-signature. */
struct webhook_head {
    struct str id, timestamp, signatures;
};

/* The bytes of "whsec_" and base64 of 24 to 64 bytes. INVALID. */
bool webhook_secret_read(struct ctx *ctx, struct str text, struct str *out);

/* What the file holds, which is made at the first start (0600, on the disk before it is used). UNAVAILABLE, INVALID. */
bool webhook_secret_load(struct ctx *ctx, struct str path, struct str *out);

/* Is it signed by who has the secret, and not longer than five minutes ago (nor so far ahead)? `signatures`: of each secret that
 * the sender uses one, divided by spaces. UNAUTHENTICATED. */
#define WEBHOOK_TOLERANCE_S 300
bool webhook_verify(struct ctx *ctx, struct str secret, const struct webhook_head *head,
                    struct str body, int64_t now_s);

/* "v1,..." of id, seconds and body. */
struct str webhook_signature(struct arena *arena, struct str secret, struct str id, int64_t at_s,
                             struct str body);
