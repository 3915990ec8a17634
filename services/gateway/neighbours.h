/* What the gateway asks its neighbours for: content for a page that it does not know, personalization, commerce and
 * ads for each page, in parallel and inside the page's budget; analytics gets what sites tell. */
#pragma once

#include "services/gateway/gateway.h"
#include "services/gateway/page.h"

/* A page from content. NOT_FOUND only when content said so; UNAVAILABLE when it did not answer. */
bool content_page(struct ctx *ctx, struct str slug, struct str locale, struct str visitor,
                  int64_t deadline_us, struct published *out);

/* Keeps the fallbacks that content has set for locales. */
bool locales_ask(struct ctx *ctx, struct lmdb *edge);

/* Asks for what the structure needs; what has not come by the deadline is noted as missing. Never fails. */
void neighbours_ask(struct ctx *ctx, const struct structure *structure, struct str customer_id,
                    struct str visitor_id, int64_t deadline_us, struct answers *out);

/* Passes on to ads, which counts it, that an ad was seen, or followed. The reply is ads' own; UNAVAILABLE when it does not
 * answer. */
bool ads_seen(struct ctx *ctx, struct str token, int64_t deadline_us, struct reply *out);
bool ads_clicked(struct ctx *ctx, struct str token, int64_t deadline_us, struct reply *out);

/* Passes the body of the request at hand on as it came; the reply is analytics' own. UNAVAILABLE when it does not answer. */
bool analytics_tell(struct ctx *ctx, int64_t deadline_us, struct reply *out);

/* The same to personalization, which evaluates a flag, or all where key.ptr is NULL. */
bool flags_evaluate(struct ctx *ctx, struct str key, int64_t deadline_us, struct reply *out);
