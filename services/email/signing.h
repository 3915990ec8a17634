/* DKIM signatures of mail on its way, by the keys of its sender's domain. */
#pragma once

#include "base/ctx.h"

/* The keys that one thread keeps; a change of a domain's keys is taken within some seconds. */
struct signing;
struct signing *signing_new(void);
void signing_free(struct signing *signing); /* NULL-safe */

/* The message with a signature of each key that signs for this domain, in ctx's arena; as it is where none does. False:
 * UNAVAILABLE, the keys cannot be read: it is not sent unsigned. */
bool signing_sign(struct ctx *ctx, struct signing *signing, struct str domain, struct str message,
                  struct str *out);
