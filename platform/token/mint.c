#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/file.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/id.h"
#include "platform/crypto/crypto.h"
#include "platform/json/json.h"
#include "platform/token/keyset.h"

static void close_filep(int *file)
{
    if (*file >= 0)
        close(*file);
}

/* ---- tokens ---- */

static bool read_seed(struct ctx *ctx, const char *folder, uint8_t seed[32])
{
    struct str text = token_read_file(ctx, folder, SIGNING_FILE);
    if (!text.ptr)
        return false;
    struct str bytes = crypto_unhex(ctx->arena, str_trim(text));
    if (bytes.len != 32)
        return ctx_fail(ctx, ERR_UNAVAILABLE, "%s/" SIGNING_FILE " does not hold 64 hex digits",
                        folder);
    memcpy(seed, bytes.ptr, 32);
    return true;
}

static void put(struct json_out *out, const char *key, struct str value)
{
    json_key(out, key);
    json_put_str(out, value);
}

static struct str header_json(struct arena *arena, const uint8_t seed[32])
{
    uint8_t public_key[32];
    crypto_ed25519_public(seed, public_key);
    struct json_out out;
    json_out_init(&out, arena);
    json_object(&out);
    put(&out, "alg", STR("EdDSA"));
    put(&out, "typ", STR("JWT"));
    put(&out, "kid", token_key_id(arena, public_key));
    json_object_end(&out);
    return json_out_str(&out);
}

static struct str claims_json(struct arena *arena, struct str subject, struct str scopes,
                              struct str audience, int64_t lifetime_s)
{
    int64_t now_s = clock_now_us() / US_PER_S;
    char jti[ID_UUID_BYTES];
    id_uuid7(jti);
    struct json_out out;
    json_out_init(&out, arena);
    json_object(&out);
    put(&out, "iss", STR(ISSUER));
    put(&out, "sub", subject);
    put(&out, "aud", audience.len ? audience : STR(ISSUER));
    put(&out, "scope", scopes);
    put(&out, "jti", str_of(jti));
    json_key(&out, "iat");
    json_put_int(&out, now_s);
    json_key(&out, "nbf");
    json_put_int(&out, now_s);
    json_key(&out, "exp");
    json_put_int(&out, now_s + lifetime_s);
    json_object_end(&out);
    return json_out_str(&out);
}

struct str token_mint(struct ctx *ctx, const char *folder, struct str subject, struct str scopes,
                      struct str audience, int64_t lifetime_s)
{
    uint8_t seed[32], signature[64];
    if (!read_seed(ctx, folder, seed))
        return (struct str){ NULL, 0 };
    struct str header = crypto_base64url(ctx->arena, header_json(ctx->arena, seed));
    struct str claims = crypto_base64url(
        ctx->arena, claims_json(ctx->arena, subject, scopes, audience, lifetime_s));
    struct str text = arena_printf(ctx->arena, "%s.%s", header.ptr, claims.ptr);
    crypto_ed25519_sign(seed, text, signature);
    explicit_bzero(seed, sizeof(seed));
    struct str encoded = crypto_base64url(ctx->arena, (struct str){ (const char *)signature, 64 });
    return arena_printf(ctx->arena, "%s.%s", text.ptr, encoded.ptr);
}

/* ---- the key folder ---- */

static bool write_all(int file, struct str text)
{
    while (text.len) {
        ssize_t n = write(file, text.ptr, text.len);
        if (n < 0)
            return false;
        text = (struct str){ text.ptr + n, text.len - (size_t)n };
    }
    return fsync(file) == 0;
}

/* Whole or not at all: a new file takes the old one's place. */
static bool write_file(struct ctx *ctx, const char *folder, const char *name, struct str text,
                       mode_t mode)
{
    struct str path = arena_printf(ctx->arena, "%s/%s", folder, name);
    struct str new_path = arena_printf(ctx->arena, "%s.new", path.ptr);
    CLEANUP(close_filep)
    int file = open(new_path.ptr, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, mode);
    if (file < 0 || !write_all(file, text) || rename(new_path.ptr, path.ptr) < 0)
        return ctx_fail(ctx, ERR_UNAVAILABLE, "%s cannot be written: %s", path.ptr,
                        strerror(errno));
    return true;
}

static bool exists(struct ctx *ctx, const char *folder, const char *name)
{
    return access(arena_printf(ctx->arena, "%s/%s", folder, name).ptr, F_OK) == 0;
}

static struct str make_write_key(struct arena *arena)
{
    uint8_t bytes[20];
    id_random(bytes, sizeof(bytes));
    struct str hex = crypto_hex(arena, bytes, sizeof(bytes));
    return arena_printf(arena, "wk_%s", hex.ptr);
}

static struct str key_set_json(struct arena *arena, const uint8_t public_key[32],
                               struct str write_key)
{
    uint8_t hash[32];
    crypto_sha256(write_key.ptr, write_key.len, hash);
    struct json_out out;
    json_out_init(&out, arena);
    json_object(&out);
    json_key(&out, "keys");
    json_array(&out);
    json_object(&out);
    put(&out, "kid", token_key_id(arena, public_key));
    put(&out, "kty", STR("OKP"));
    put(&out, "crv", STR("Ed25519"));
    put(&out, "x", crypto_base64url(arena, (struct str){ (const char *)public_key, 32 }));
    json_object_end(&out);
    json_array_end(&out);
    json_key(&out, "write_keys");
    json_array(&out);
    json_object(&out);
    put(&out, "hash", crypto_hex(arena, hash, 32));
    put(&out, "source", STR("default"));
    put(&out, "scopes", STR("collect"));
    json_object_end(&out);
    json_array_end(&out);
    json_key(&out, "revoked");
    json_array(&out);
    json_array_end(&out);
    json_object_end(&out);
    return json_out_str(&out);
}

static bool create_locked(struct ctx *ctx, const char *folder, struct str *write_key)
{
    uint8_t seed[32], public_key[32];
    if (exists(ctx, folder, SIGNING_FILE)) {
        if (exists(ctx, folder, KEY_SET_FILE))
            return true;
        if (!read_seed(ctx, folder, seed))
            return false;
    } else {
        if (exists(ctx, folder, KEY_SET_FILE))
            return true; /* tokens are minted elsewhere */
        crypto_ed25519_new(seed, public_key);
        struct str hex = crypto_hex(ctx->arena, seed, 32);
        if (!write_file(ctx, folder, SIGNING_FILE, hex, 0600))
            return false;
    }
    crypto_ed25519_public(seed, public_key);
    struct str made = make_write_key(ctx->arena);
    if (!write_file(ctx, folder, KEY_SET_FILE, key_set_json(ctx->arena, public_key, made), 0644))
        return false;
    if (write_key)
        *write_key = made;
    return true;
}

static bool make_folder(struct ctx *ctx, const char *folder)
{
    char *path = arena_cstr(ctx->arena, str_of(folder));
    for (char *at = path + 1;; at++) {
        if (*at != '/' && *at != '\0')
            continue;
        char kept = *at;
        *at = '\0';
        if (mkdir(path, 0700) < 0 && errno != EEXIST)
            return ctx_fail(ctx, ERR_UNAVAILABLE, "the key folder %s cannot be made: %s", folder,
                            strerror(errno));
        if (kept == '\0')
            return true;
        *at = kept;
    }
}

bool token_keys_create(struct ctx *ctx, const char *folder, struct str *write_key)
{
    if (!*folder || !make_folder(ctx, folder))
        return *folder ? false : ctx_fail(ctx, ERR_INVALID, "the key folder has no name");
    /* Two that start at once must not each make a key. */
    CLEANUP(close_filep) int lock = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (lock < 0 || flock(lock, LOCK_EX) < 0)
        return ctx_fail(ctx, ERR_UNAVAILABLE, "the key folder %s cannot be used: %s", folder,
                        strerror(errno));
    if (!create_locked(ctx, folder, write_key))
        return false;
    if (fsync(lock) < 0)
        return ctx_fail(ctx, ERR_UNAVAILABLE, "the key folder %s cannot be synced: %s", folder,
                        strerror(errno));
    return true;
}
