#include "services/ads/link.h"

#include "platform/sql/sql.h"

#define SIGNATURE_BYTES 16 /* half of SHA-256 (RFC 2104 section 5) */

static struct str signature_of(struct arena *arena, const struct crypto_hmac_key *key,
                               struct str text)
{
    uint8_t hash[32];
    crypto_hmac_sha256_by(key, text, hash);
    return crypto_base64url(arena, (struct str){ (const char *)hash, SIGNATURE_BYTES });
}

/* `path`, `text`, a point and `signature`. */
static struct str path_of(struct arena *arena, struct str path, struct str text,
                          struct str signature)
{
    size_t length = path.len + text.len + 1 + signature.len;
    char *all = arena_alloc_raw(arena, length + 1), *at = all;
    at = mempcpy(at, path.ptr, path.len);
    at = mempcpy(at, text.ptr, text.len);
    *at++ = '.';
    at = mempcpy(at, signature.ptr, signature.len);
    *at = '\0';
    return (struct str){ all, length };
}

struct link_paths link_sign(struct arena *arena, const struct crypto_hmac_key *key,
                            const struct link *link)
{
    const struct str impressions = STR("/v1/impressions/"), clicks = STR("/v1/clicks/");
    char room[24];
    const struct str parts[] = {
        link->impression_id, link->ad_id,       link->placement_id,           link->person_id,
        link->launch_id,     link->campaign_id, str_of_int(link->at_us, room)
    };
    struct str text = sql_cursor(arena, parts, COUNT(parts));
    struct str signature = signature_of(arena, key, text);
    struct str impression = path_of(arena, impressions, text, signature);
    return (struct link_paths){ .impression = impression,
                                .click = path_of(arena, clicks, text, signature),
                                .token = { impression.ptr + impressions.len,
                                           impression.len - impressions.len } };
}

bool link_read(struct ctx *ctx, const struct crypto_hmac_key *key, struct str token,
               int64_t within_us, struct link *out)
{
    struct str parts[7], text, rest = token;
    int64_t at_us;
    bool ok = str_split(&rest, '.', &text) && rest.ptr;
    struct str wanted = signature_of(ctx->arena, key, ok ? text : STR(""));
    ok = ok && rest.len == wanted.len && crypto_equal(rest.ptr, wanted.ptr, wanted.len) &&
         sql_cursor_parse(ctx, text, parts, COUNT(parts)) && str_to_int(parts[6], &at_us) &&
         clock_now_us() - at_us <= within_us;
    ctx_clear(ctx);
    if (!ok)
        return ctx_fail(ctx, ERR_NOT_FOUND, "there is no such impression, or it is over");
    *out = (struct link){ .impression_id = parts[0],
                          .ad_id = parts[1],
                          .placement_id = parts[2],
                          .person_id = parts[3],
                          .launch_id = parts[4],
                          .campaign_id = parts[5],
                          .at_us = at_us };
    return true;
}
