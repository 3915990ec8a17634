#include "services/email/links.h"

#include <stdlib.h>

#include "platform/crypto/crypto.h"
#include "services/email/secret.h"

#define MOST_KEYS 20
#define MAC_BYTES 16 /* half of SHA-256 (RFC 2104 section 5) */
#define VERSION 1
#define SIGNED_AS "link 1 " /* VERSION, so that no signature is of two */
#define HEAD_BYTES (2 + MAC_BYTES) /* version, key, MAC */

struct links {
    char *base; /* without a slash at its end */
    struct crypto_hmac_key keys[MOST_KEYS + 1];
    bool known[MOST_KEYS + 1];
    uint8_t newest;
};

/* Where each kind is answered, and what tells its signatures from those of the others. */
static const char *const paths[] = {
    [LINK_CLICK] = "clicks",
    [LINK_OPEN] = "opens",
    [LINK_UNSUBSCRIBE] = "unsubscribe",
    [LINK_PREFERENCES] = "preferences",
};

static bool url_check(struct ctx *ctx, struct str url)
{
    struct str target = link_target(ctx->arena, url);
    return (target.ptr && str_eq(target, url) && !strpbrk(target.ptr, "?#&\"'")) ||
           ctx_fail(ctx, ERR_INVALID, "public_url is not the http or https URL of a place");
}

static bool keys_load(struct ctx *ctx, struct links *links, const char *folder)
{
    for (uint8_t n = 1; n <= MOST_KEYS; n++) {
        struct str path = arena_printf(ctx->arena, "%s/links.%u.key", folder, n);
        struct str key = secret_read(ctx, path);
        if (!key.ptr && ctx->error.code != ERR_NOT_FOUND)
            return false;
        ctx_clear(ctx);
        if (!key.ptr)
            continue;
        if (key.len != 32)
            return ctx_fail(ctx, ERR_INVALID, STR_FMT " does not hold 32 bytes", STR_ARG(path));
        crypto_hmac_key(key, &links->keys[n]);
        links->known[n] = true;
        links->newest = n;
    }
    if (links->newest)
        return true;
    uint8_t first[32];
    if (!secret_key(ctx, arena_printf(ctx->arena, "%s/links.1.key", folder), first))
        return false;
    crypto_hmac_key((struct str){ (const char *)first, sizeof first }, &links->keys[1]);
    links->known[1] = true;
    links->newest = 1;
    return true;
}

struct links *links_open(struct ctx *ctx, const char *folder, struct str public_url)
{
    struct links *links = mem_alloc(sizeof(*links));
    while (public_url.len && public_url.ptr[public_url.len - 1] == '/')
        public_url.len--;
    public_url = arena_str(ctx->arena, public_url);
    links->base = mem_strdup(public_url.ptr);
    if (url_check(ctx, public_url) && keys_load(ctx, links, folder))
        return links;
    links_close(links);
    return NULL;
}

void links_close(struct links *links)
{
    if (!links)
        return;
    free(links->base);
    free(links);
}

/* ---- tokens: base64url of version, key, MAC, and what is signed: the message, and behind a line feed the target ---- */

static void sign(struct arena *arena, const struct links *links, uint8_t key, enum link_kind kind,
                 struct str signed_text, uint8_t out[32])
{
    struct str parts[] = { STR(SIGNED_AS), str_of(paths[kind]), STR("\n"), signed_text };
    struct str named = arena_join(arena, parts, COUNT(parts));
    crypto_hmac_sha256_by(&links->keys[key], named, out);
}

struct str link_token(struct arena *arena, const struct links *links, enum link_kind kind,
                      struct str message_id, struct str target)
{
    uint8_t mac[32];
    struct str parts[] = { message_id, STR("\n"), target };
    struct str text = arena_join(arena, parts, COUNT(parts));
    char *token = arena_alloc(arena, HEAD_BYTES + text.len);
    token[0] = VERSION;
    token[1] = (char)links->newest;
    sign(arena, links, links->newest, kind, text, mac);
    memcpy(token + 2, mac, MAC_BYTES);
    memcpy(token + HEAD_BYTES, text.ptr, text.len);
    return crypto_base64url(arena, (struct str){ token, HEAD_BYTES + text.len });
}

bool link_read(struct ctx *ctx, const struct links *links, enum link_kind kind, struct str token,
               struct link *out)
{
    uint8_t mac[32];
    struct str bytes = crypto_unbase64(ctx->arena, token);
    bool ok = bytes.ptr && bytes.len > HEAD_BYTES && bytes.ptr[0] == VERSION &&
              str_eq(crypto_base64url(ctx->arena, bytes), token); /* written in one way only */
    uint8_t key = ok ? (uint8_t)bytes.ptr[1] : 0;
    if (ok && key < links->newest && !links->known[key])
        return ctx_fail(ctx, ERR_GONE, "The link is too old.");
    ok = ok && key && key <= MOST_KEYS && links->known[key];
    struct str text = ok ? (struct str){ bytes.ptr + HEAD_BYTES, bytes.len - HEAD_BYTES } : STR("");
    if (ok)
        sign(ctx->arena, links, key, kind, text, mac);
    if (!ok || !crypto_equal(mac, bytes.ptr + 2, MAC_BYTES))
        return ctx_fail(ctx, ERR_NOT_FOUND, "There is no such link.");
    str_split(&text, '\n', &out->message_id);
    out->message_id = arena_str(ctx->arena, out->message_id);
    out->target = arena_str(ctx->arena, text.ptr ? text : STR(""));
    return true;
}

struct str link_url(struct arena *arena, const struct links *links, enum link_kind kind,
                    struct str message_id, struct str target)
{
    struct str parts[] = { str_of(links->base), STR("/v1/"), str_of(paths[kind]), STR("/"),
                           link_token(arena, links, kind, message_id, target) };
    return arena_join(arena, parts, COUNT(parts));
}

struct str link_unsubscribe(struct arena *arena, const struct links *links, struct str message_id)
{
    return link_url(arena, links, LINK_UNSUBSCRIBE, message_id, STR(""));
}

struct str link_preferences(struct arena *arena, const struct links *links, struct str message_id)
{
    return link_url(arena, links, LINK_PREFERENCES, message_id, STR(""));
}

/* ---- the HTML of a mail ---- */

static bool is_own(const struct links *links, struct str target)
{
    size_t n = strlen(links->base);
    return target.len > n && str_eq_nocase((struct str){ target.ptr, n }, str_of(links->base)) &&
           str_starts((struct str){ target.ptr + n, target.len - n }, STR("/v1/"));
}

/* What is put into the HTML, in the order of their places. */
struct patch {
    size_t from, to;
    struct str text;
};

static struct str patched(struct arena *arena, struct str html, const struct patch *patches,
                          size_t n)
{
    size_t len = html.len, at = 0, end = 0;
    for (size_t i = 0; i < n; i++)
        len += patches[i].text.len;
    char *out = arena_alloc_raw(arena, len + 1);
    for (size_t i = 0; i <= n; i++) {
        size_t from = i < n ? patches[i].from : html.len;
        memcpy(out + end, html.ptr + at, from - at);
        end += from - at;
        if (i == n)
            break;
        memcpy(out + end, patches[i].text.ptr, patches[i].text.len);
        end += patches[i].text.len;
        at = patches[i].to;
    }
    out[end] = '\0';
    return (struct str){ out, end };
}

static struct str picture(struct arena *arena, const struct links *links, struct str message_id)
{
    return arena_printf(
        arena, "<img src=\"" STR_FMT "\" width=\"1\" height=\"1\" alt=\"\" style=\"border:0\">",
        STR_ARG(link_url(arena, links, LINK_OPEN, message_id, STR(""))));
}

bool links_track(struct ctx *ctx, const struct links *links, const struct link_message *message,
                 struct str html, struct str *out)
{
    *out = html;
    if (message->untracked || !html.len)
        return true;
    struct str *hrefs = ARENA_ARRAY(ctx->arena, struct str, LINKS_MOST);
    struct patch *patches = ARENA_ARRAY(ctx->arena, struct patch, LINKS_MOST + 1);
    size_t end, n = 0, found = link_hrefs(html, hrefs, LINKS_MOST, &end);
    for (size_t i = 0; i < found; i++) {
        struct str target = link_target(ctx->arena, hrefs[i]);
        size_t from = (size_t)(hrefs[i].ptr - html.ptr);
        if (!target.ptr || is_own(links, target))
            continue;
        patches[n++] =
            (struct patch){ from, from + hrefs[i].len,
                            link_url(ctx->arena, links, LINK_CLICK, message->message_id, target) };
    }
    size_t place = n;
    while (place > 0 && patches[place - 1].from > end) /* links behind </body> */
        place--;
    memmove(patches + place + 1, patches + place, (n - place) * sizeof(*patches));
    patches[place] = (struct patch){ end, end, picture(ctx->arena, links, message->message_id) };
    *out = patched(ctx->arena, html, patches, n + 1);
    return true;
}
