#include "services/gateway/cache.h"

#include "base/clock.h"
#include "base/hash.h"
#include "services/gateway/gateway.h"

struct str cache_key_of_entry(struct arena *arena, struct str entry_id)
{
    return arena_printf(arena, "entry:" STR_FMT, STR_ARG(entry_id));
}

struct str cache_key_of_product(struct arena *arena, struct str product_id)
{
    return arena_printf(arena, "product:" STR_FMT, STR_ARG(product_id));
}

bool cache_is_shared(const struct ctx *ctx, const struct structure *structure,
                     const struct answers *answers, struct str customer_id)
{
    const struct gateway *gateway = ctx->app;
    return gateway->fresh_us >= US_PER_S && structure->n_slots == 0 && structure->n_ad_slots == 0 &&
           (!customer_id.ptr || structure->n_products == 0) && !answers->no_quote;
}

static struct str surrogate_keys(struct arena *arena, const struct structure *structure)
{
    struct str keys = cache_key_of_entry(arena, structure->head.entry_id);
    if (structure->n_products > CACHE_PRODUCTS)
        return arena_printf(arena, STR_FMT " " STR_FMT, STR_ARG(keys), STR_ARG(CACHE_KEY_PRODUCTS));
    for (size_t i = 0; i < structure->n_products; i++)
        keys = arena_printf(arena, STR_FMT " product:" STR_FMT, STR_ARG(keys),
                            STR_ARG(structure->products[i]));
    return keys;
}

/* Is it in the If-None-Match of the request (RFC 9110 section 13.1.2: compared weakly)? */
static bool caller_has(const struct ctx *ctx, struct str etag)
{
    struct str list = request_header(ctx, "If-None-Match"), part;
    while (list.len && str_split(&list, ',', &part)) {
        part = str_trim(part);
        if (str_starts(part, STR("W/")))
            part = (struct str){ part.ptr + 2, part.len - 2 };
        if (str_eq(part, etag) || str_is(part, "*"))
            return true;
    }
    return false;
}

void cache_tell(struct ctx *ctx, const struct structure *structure, bool shared,
                struct reply *reply)
{
    const struct gateway *gateway = ctx->app;
    if (!shared) {
        reply_add(ctx, reply, "Cache-Control", STR("private, no-store")); /* it is one visitor's */
        return;
    }
    struct str etag =
        arena_printf(ctx->arena, "\"%016llx\"",
                     (unsigned long long)hash_fnv1a(reply->body.ptr, reply->body.len));
    if (caller_has(ctx, etag))
        *reply = reply_not_modified(ctx, etag);
    else
        reply_add(ctx, reply, "ETag", etag);
    /* Browsers ask again each time, since nobody can purge them; what is between keeps it. */
    reply_add(ctx, reply, "Cache-Control",
              arena_printf(ctx->arena,
                           "public, max-age=0, s-maxage=%lld, stale-while-revalidate=%lld",
                           (long long)(gateway->fresh_us / US_PER_S),
                           (long long)(gateway->stale_us / US_PER_S)));
    struct str keys = surrogate_keys(ctx->arena, structure);
    reply_add(ctx, reply, "Surrogate-Key",
              arena_printf(ctx->arena, STR_FMT " layouts", STR_ARG(keys)));
}
