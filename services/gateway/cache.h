/* What others may keep of a page: Cache-Control (RFC 9111, RFC 5861), ETag, and the surrogate keys by which a CDN is told
 * that it has changed. */
#pragma once

#include "services/gateway/page.h"

#define CACHE_PRODUCTS                                                                             \
    40 /* a page with more of them has the key of all, so that the header stays in bounds */

struct str cache_key_of_entry(struct arena *arena, struct str entry_id);
struct str cache_key_of_product(struct arena *arena, struct str product_id);
#define CACHE_KEY_PRODUCTS STR("products")
#define CACHE_KEY_LAYOUTS STR("layouts") /* of all that is HTML */

/* Is the page the same for everybody: no slot is personal, nobody's prices are asked for, and nothing is a default? Where
 * the settings let nobody keep one, none is. */
bool cache_is_shared(const struct ctx *ctx, const struct structure *structure,
                     const struct answers *answers, struct str customer_id);

/* The headers of a page that is, or is not; 304 with an empty body where the caller has it already. */
void cache_tell(struct ctx *ctx, const struct structure *structure, bool shared,
                struct reply *reply);
