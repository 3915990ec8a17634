#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/clock.h"
#include "platform/crypto/crypto.h"
#include "platform/json/json.h"
#include "platform/telemetry/log.h"
#include "platform/token/keyset.h"

#define LARGEST_FILE (4 << 20)
#define LOOK_EVERY_US US_PER_S

static void close_filep(int *file)
{
    if (*file >= 0)
        close(*file);
}

struct str token_read_file(struct ctx *ctx, const char *folder, const char *name)
{
    const struct str none = { NULL, 0 };
    struct str path = arena_printf(ctx->arena, "%s/%s", folder, name);
    CLEANUP(close_filep) int file = open(path.ptr, O_RDONLY | O_CLOEXEC);
    struct stat status;
    if (file < 0 || fstat(file, &status) < 0) {
        ctx_fail(ctx, ERR_UNAVAILABLE, "%s cannot be read: %s", path.ptr, strerror(errno));
        return none;
    }
    if (!S_ISREG(status.st_mode) || status.st_size > LARGEST_FILE) {
        ctx_fail(ctx, ERR_UNAVAILABLE, "%s is not a file of keys", path.ptr);
        return none;
    }
    char *text = arena_alloc(ctx->arena, (size_t)status.st_size + 1);
    ssize_t n = read(file, text, (size_t)status.st_size);
    if (n != status.st_size) {
        ctx_fail(ctx, ERR_UNAVAILABLE, "%s could not be read whole", path.ptr);
        return none;
    }
    return (struct str){ text, (size_t)n };
}

/* ---- keys.json ---- */

static bool read_key(struct ctx *ctx, struct key_set *set, const struct json *value)
{
    struct str kid = json_str(json_get(value, "kid"));
    struct str x = crypto_unbase64(ctx->arena, json_str(json_get(value, "x")));
    if (!str_is(json_str(json_get(value, "kty")), "OKP") ||
        !str_is(json_str(json_get(value, "crv")), "Ed25519") || kid.len == 0 || x.len != 32)
        return ctx_fail(
            ctx, ERR_INVALID,
            "/keys/%zu is not an Ed25519 key (kid, kty OKP, crv Ed25519, x of 32 bytes)",
            set->n_keys);
    struct public_key *key = &set->keys[set->n_keys++];
    const struct json *until = json_get(value, "until");
    key->kid = arena_str(set->arena, kid);
    key->until_s = until ? json_int(until) : INT64_MAX;
    memcpy(key->bytes, x.ptr, 32);
    return true;
}

static bool read_write_key(struct ctx *ctx, struct key_set *set, const struct json *value)
{
    struct str hash = crypto_unhex(ctx->arena, json_str(json_get(value, "hash")));
    struct str source = json_str(json_get(value, "source"));
    struct str scopes = json_str(json_get(value, "scopes"));
    if (hash.len != 32 || source.len == 0 || !scopes.ptr)
        return ctx_fail(ctx, ERR_INVALID,
                        "/write_keys/%zu needs hash (SHA-256 in hex), source and scopes",
                        set->n_write_keys);
    struct write_key *key = &set->write_keys[set->n_write_keys++];
    memcpy(key->hash, hash.ptr, 32);
    key->source = arena_str(set->arena, source);
    key->scopes = arena_str(set->arena, scopes);
    return true;
}

static bool read_revoked(struct ctx *ctx, struct key_set *set, const struct json *value)
{
    if (json_type(value) != JSON_STRING)
        return ctx_fail(ctx, ERR_INVALID, "/revoked/%zu is not a token id", set->n_revoked);
    set->revoked[set->n_revoked++] = arena_str(set->arena, json_str(value));
    return true;
}

static bool read_list(struct ctx *ctx, struct key_set *set, const struct json *list,
                      bool (*read_one)(struct ctx *, struct key_set *, const struct json *))
{
    for (struct json_iter it = json_iter(list); json_next(&it);)
        if (!read_one(ctx, set, it.value))
            return false;
    return true;
}

static bool fill_set(struct ctx *ctx, struct key_set *set, struct str text)
{
    const struct json *root = json_parse(ctx, text);
    if (!root)
        return false;
    const struct json *keys = json_get(root, "keys");
    const struct json *write_keys = json_get(root, "write_keys");
    const struct json *revoked = json_get(root, "revoked");
    if (json_type(keys) != JSON_ARRAY)
        return ctx_fail(ctx, ERR_INVALID, "it has no `keys`");
    set->keys = ARENA_ARRAY(set->arena, struct public_key, json_size(keys) + 1);
    set->write_keys = ARENA_ARRAY(set->arena, struct write_key, json_size(write_keys) + 1);
    set->revoked = ARENA_ARRAY(set->arena, struct str, json_size(revoked) + 1);
    return read_list(ctx, set, keys, read_key) && read_list(ctx, set, write_keys, read_write_key) &&
           read_list(ctx, set, revoked, read_revoked);
}

static void set_free(struct key_set *set)
{
    if (set)
        arena_free(set->arena);
}

static struct key_set *set_read(struct ctx *ctx, const char *folder)
{
    struct str text = token_read_file(ctx, folder, KEY_SET_FILE);
    if (!text.ptr)
        return NULL;
    struct arena *arena = arena_new(1024);
    struct key_set *set = ARENA_NEW(arena, struct key_set);
    set->arena = arena;
    if (fill_set(ctx, set, text))
        return set;
    ctx_fail(ctx, ctx->error.code, "%s/" KEY_SET_FILE, folder);
    set_free(set);
    return NULL;
}

static bool same_file(const struct stat *a, const struct stat *b)
{
    return a->st_ino == b->st_ino && a->st_size == b->st_size &&
           a->st_mtim.tv_sec == b->st_mtim.tv_sec && a->st_mtim.tv_nsec == b->st_mtim.tv_nsec;
}

bool token_keys_refresh(struct ctx *ctx, struct token_keys *keys)
{
    struct stat now;
    struct str path = arena_printf(ctx->arena, "%s/" KEY_SET_FILE, keys->folder);
    if (stat(path.ptr, &now) < 0)
        return ctx_fail(ctx, ERR_UNAVAILABLE, "%s cannot be read: %s", path.ptr, strerror(errno));
    pthread_rwlock_rdlock(&keys->lock);
    bool same = keys->set && same_file(&now, &keys->seen);
    pthread_rwlock_unlock(&keys->lock);
    if (same)
        return true;
    struct key_set *set = set_read(ctx, keys->folder);
    if (!set)
        return false;
    pthread_rwlock_wrlock(&keys->lock);
    struct key_set *old = keys->set;
    keys->set = set;
    keys->reading++;
    keys->seen = now;
    token_cache_clear(keys);
    pthread_rwlock_unlock(&keys->lock);
    set_free(old);
    return true;
}

void token_keys_look(struct token_keys *keys)
{
    int64_t now_us = clock_mono_us(), at_us = atomic_load(&keys->look_at_us);
    if (now_us < at_us ||
        !atomic_compare_exchange_strong(&keys->look_at_us, &at_us, now_us + LOOK_EVERY_US))
        return;
    CLEANUP(arena_freep) struct arena *arena = arena_new(1024);
    struct ctx ctx = { .arena = arena };
    if (!token_keys_refresh(&ctx, keys))
        log_line(LOG_WARN, NULL, "keys_not_refreshed", LOG_S("reason", ctx.error.detail));
}

struct token_keys *token_keys_open(struct ctx *ctx, const char *folder)
{
    struct token_keys *keys = mem_alloc(sizeof(*keys));
    keys->folder = mem_strdup(folder);
    pthread_rwlock_init(&keys->lock, NULL);
    keys->look_at_us = clock_mono_us() + LOOK_EVERY_US;
    if (token_keys_refresh(ctx, keys))
        return keys;
    token_keys_close(keys);
    return NULL;
}

void token_keys_close(struct token_keys *keys)
{
    if (!keys)
        return;
    token_cache_clear(keys);
    token_issued_clear(keys);
    set_free(keys->set);
    pthread_rwlock_destroy(&keys->lock);
    free(keys->folder);
    free(keys);
}

struct str token_key_id(struct arena *arena, const uint8_t public_key[32])
{
    struct str x = crypto_base64url(arena, (struct str){ (const char *)public_key, 32 });
    struct str text =
        arena_printf(arena, "{\"crv\":\"Ed25519\",\"kty\":\"OKP\",\"x\":\"%s\"}", x.ptr);
    uint8_t digest[32];
    crypto_sha256(text.ptr, text.len, digest);
    return crypto_base64url(arena, (struct str){ (const char *)digest, 32 });
}
