/* A token's header, a line feed, its claims, signed by a key that is known; and the whole input as a token, an API key and a
 * write key. What is taken says what it must; nothing else is. */
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "platform/crypto/crypto.h"
#include "platform/json/json.h"
#include "platform/token/keyset.h"
#include "tests/fuzz/fuzz.h"

#define NOW_S 1800000000LL

static uint8_t seed[32]; /* all zeros: its key's name is the same in every run, so a corpus holds */
static struct token_keys *keys;

static void make_keys(void)
{
    char folder[] = "/tmp/fanfare-fuzz-XXXXXX";
    uint8_t public_key[32];
    struct arena *arena CLEANUP(arena_freep) = arena_new(0);
    struct ctx ctx = { .arena = arena };
    MUST(mkdtemp(folder));
    crypto_ed25519_public(seed, public_key);
    struct str x = crypto_base64url(arena, (struct str){ (const char *)public_key, 32 });
    struct str set = arena_printf(
        arena, "{\"keys\":[{\"kid\":\"%s\",\"kty\":\"OKP\",\"crv\":\"Ed25519\",\"x\":\"%s\"}]}",
        token_key_id(arena, public_key).ptr, x.ptr);
    MUST(token_write_file(&ctx, folder, KEY_SET_FILE, set, 0600));
    keys = token_keys_open(&ctx, folder);
    MUST(keys);
    atomic_store(&keys->look_at_us, INT64_MAX); /* the folder goes */
    MUST(unlink(arena_printf(arena, "%s/" KEY_SET_FILE, folder).ptr) == 0 && rmdir(folder) == 0);
    clock_hold_us(NOW_S * US_PER_S);
}

static struct str sign(struct arena *arena, struct str head, struct str claims)
{
    uint8_t signature[64];
    struct str text = arena_printf(arena, "%s.%s", crypto_base64url(arena, head).ptr,
                                   crypto_base64url(arena, claims).ptr);
    crypto_ed25519_sign(seed, text, signature);
    struct str end = crypto_base64url(arena, (struct str){ (const char *)signature, 64 });
    return arena_printf(arena, "%s.%s", text.ptr, end.ptr);
}

static void check_signed(struct ctx *ctx, struct str head, struct str claims)
{
    struct principal who = { 0 };
    if (!token_verify(ctx, keys, sign(ctx->arena, head, claims), "commerce", &who)) {
        MUST(ctx->error.code == ERR_UNAUTHENTICATED && who.kind == PRINCIPAL_NOBODY);
        ctx_clear(ctx);
        return;
    }
    const struct json *said = json_parse(ctx, claims), *header = json_parse(ctx, head);
    MUST(said && header && str_is(json_str(json_get(header, "alg")), "EdDSA"));
    MUST(str_is(json_str(json_get(said, "iss")), "fanfare"));
    MUST(json_int(json_get(said, "exp")) > NOW_S);
    MUST(json_int(json_get(said, "nbf")) <= NOW_S + CLOCK_LEEWAY_S);
    MUST(who.subject.len && str_eq(who.subject, json_str(json_get(said, "sub"))));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (!keys)
        make_keys();
    struct arena *arena CLEANUP(arena_freep) = arena_new(0);
    struct ctx ctx = { .arena = arena };
    struct str rest, head = fuzz_cut(data, size, &rest), whole = { (const char *)data, size };
    struct principal who;
    if (rest.ptr)
        check_signed(&ctx, head, rest);
    MUST(!token_verify(&ctx, keys, whole, "commerce", &who)); /* who could sign that? */
    ctx_clear(&ctx);
    MUST(!token_write_key(&ctx, keys, whole, &who));
    return 0;
}
