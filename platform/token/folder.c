/* The key folder: made at the first start, and its signing key replaced by the next one. */
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

static void put(struct json_out *out, const char *key, struct str value)
{
    json_key(out, key);
    json_put_str(out, value);
}

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

bool token_write_file(struct ctx *ctx, const char *folder, const char *name, struct str text,
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

static bool read_seed(struct ctx *ctx, const char *folder, const char *name, uint8_t seed[32])
{
    struct str text = token_read_file(ctx, folder, name);
    if (!text.ptr)
        return false;
    struct str bytes = crypto_unhex(ctx->arena, str_trim(text));
    if (bytes.len != 32)
        return ctx_fail(ctx, ERR_UNAVAILABLE, "%s/%s does not hold 64 hex digits", folder, name);
    memcpy(seed, bytes.ptr, 32);
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

static void put_public(struct json_out *out, struct arena *arena, const uint8_t public_key[32])
{
    put(out, "kid", token_key_id(arena, public_key));
    put(out, "kty", STR("OKP"));
    put(out, "crv", STR("Ed25519"));
    put(out, "x", crypto_base64url(arena, (struct str){ (const char *)public_key, 32 }));
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
    put_public(&out, arena, public_key);
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
        if (!read_seed(ctx, folder, SIGNING_FILE, seed))
            return false;
    } else {
        if (exists(ctx, folder, KEY_SET_FILE))
            return true; /* tokens are minted elsewhere */
        crypto_ed25519_new(seed, public_key);
        struct str hex = crypto_hex(ctx->arena, seed, 32);
        if (!token_write_file(ctx, folder, SIGNING_FILE, hex, 0600))
            return false;
    }
    crypto_ed25519_public(seed, public_key);
    struct str made = make_write_key(ctx->arena);
    if (!token_write_file(ctx, folder, KEY_SET_FILE, key_set_json(ctx->arena, public_key, made),
                          0644))
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

/* Two that change the folder at once must not each make a key. -1 with a sentence. */
static int lock_folder(struct ctx *ctx, const char *folder)
{
    int lock = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (lock >= 0 && flock(lock, LOCK_EX) == 0)
        return lock;
    ctx_fail(ctx, ERR_UNAVAILABLE, "the key folder %s cannot be used: %s", folder, strerror(errno));
    close_filep(&lock);
    return -1;
}

static bool sync_folder(struct ctx *ctx, const char *folder, int lock)
{
    return fsync(lock) == 0 ||
           ctx_fail(ctx, ERR_UNAVAILABLE, "the key folder %s cannot be synced: %s", folder,
                    strerror(errno));
}

bool token_keys_create(struct ctx *ctx, const char *folder, struct str *write_key)
{
    if (!*folder || !make_folder(ctx, folder))
        return *folder ? false : ctx_fail(ctx, ERR_INVALID, "the key folder has no name");
    CLEANUP(close_filep) int lock = lock_folder(ctx, folder);
    return lock >= 0 && create_locked(ctx, folder, write_key) && sync_folder(ctx, folder, lock);
}

/* ---- the next key ---- */

static int64_t now_s(void)
{
    return clock_now_us() / US_PER_S;
}

static const struct json *set_json(struct ctx *ctx, const char *folder)
{
    struct str text = token_read_file(ctx, folder, KEY_SET_FILE);
    return text.ptr ? json_parse(ctx, text) : NULL;
}

/* From when on the seed of this file signs; INT64_MAX: never, as its public key was not published. */
static int64_t signs_from(struct ctx *ctx, const char *folder, const char *name)
{
    uint8_t seed[32], public_key[32];
    const struct json *set = set_json(ctx, folder);
    if (!set || !read_seed(ctx, folder, name, seed))
        return INT64_MAX;
    crypto_ed25519_public(seed, public_key);
    explicit_bzero(seed, sizeof(seed));
    struct str kid = token_key_id(ctx->arena, public_key);
    for (struct json_iter it = json_iter(json_get(set, "keys")); json_next(&it);)
        if (str_eq(json_str(json_get(it.value, "kid")), kid))
            return json_int(json_get(it.value, "signs_from"));
    return INT64_MAX;
}

/* With the folder locked: the next key takes the place of the one before, if its time has come. A folder that cannot be
 * written keeps both files, and the next one is the one that signs. */
static const char *file_that_signs(struct ctx *ctx, const char *folder)
{
    if (!exists(ctx, folder, NEXT_FILE) || signs_from(ctx, folder, NEXT_FILE) > now_s())
        return SIGNING_FILE;
    struct str from = arena_printf(ctx->arena, "%s/" NEXT_FILE, folder);
    struct str to = arena_printf(ctx->arena, "%s/" SIGNING_FILE, folder);
    return rename(from.ptr, to.ptr) == 0 ? SIGNING_FILE : NEXT_FILE;
}

bool token_signing_seed(struct ctx *ctx, const char *folder, uint8_t seed[32])
{
    if (!exists(ctx, folder, NEXT_FILE))
        return read_seed(ctx, folder, SIGNING_FILE, seed);
    CLEANUP(close_filep) int lock = lock_folder(ctx, folder);
    return lock >= 0 && read_seed(ctx, folder, file_that_signs(ctx, folder), seed);
}

/* The entry of a key that is there already, unless what it has signed is over. At once (`until_s` is over) it is for all
 * that was made here, also for one that waits. */
static void put_old_key(struct json_out *out, const struct json *key, struct str signing_kid,
                        int64_t until_s)
{
    const struct json *until = json_get(key, "until");
    bool signing = str_eq(json_str(json_get(key, "kid")), signing_kid);
    bool of_here = signing || until || json_get(key, "signs_from");
    if ((until && json_int(until) <= now_s()) || (of_here && until_s <= now_s()))
        return;
    json_object(out);
    for (struct json_iter it = json_iter(key); json_next(&it);)
        if (!str_is(it.key, "signs_from") && !(signing && str_is(it.key, "until"))) {
            json_key(out, it.key.ptr);
            json_put(out, it.value);
        }
    if (signing) {
        json_key(out, "until");
        json_put_int(out, until_s);
    }
    json_object_end(out);
}

static void put_new_keys(struct ctx *ctx, struct json_out *out, const struct json *keys,
                         struct str signing_kid, const struct token_rotation *rotation,
                         const uint8_t public_key[32])
{
    json_array(out);
    for (struct json_iter it = json_iter(keys); json_next(&it);)
        put_old_key(out, it.value, signing_kid, rotation->old_until_s);
    json_object(out);
    put_public(out, ctx->arena, public_key);
    json_key(out, "signs_from");
    json_put_int(out, rotation->signs_from_s);
    json_object_end(out);
    json_array_end(out);
}

static struct str rotated_set(struct ctx *ctx, const char *folder, struct str signing_kid,
                              const struct token_rotation *rotation, const uint8_t public_key[32])
{
    const struct json *set = set_json(ctx, folder);
    struct json_out out;
    if (!set)
        return (struct str){ NULL, 0 };
    json_out_init(&out, ctx->arena);
    json_object(&out);
    for (struct json_iter it = json_iter(set); json_next(&it);) {
        json_key(&out, it.key.ptr);
        if (str_is(it.key, "keys"))
            put_new_keys(ctx, &out, it.value, signing_kid, rotation, public_key);
        else
            json_put(&out, it.value);
    }
    json_object_end(&out);
    return json_out_str(&out);
}

/* The seed first: a set that names a key which nobody has would end the old one and have none after it. */
static bool rotate_locked(struct ctx *ctx, const char *folder, struct token_rotation *rotation)
{
    uint8_t seed[32], public_key[32];
    const char *signing = file_that_signs(ctx, folder);
    if (rotation->old_until_s && exists(ctx, folder, NEXT_FILE) &&
        signs_from(ctx, folder, NEXT_FILE) != INT64_MAX)
        return ctx_fail(ctx, ERR_CONFLICT, "the next key waits for its time already");
    ctx_clear(ctx);
    if (!read_seed(ctx, folder, signing, seed))
        return false;
    crypto_ed25519_public(seed, public_key);
    struct str old_kid = token_key_id(ctx->arena, public_key);
    crypto_ed25519_new(seed, public_key);
    rotation->kid = token_key_id(ctx->arena, public_key);
    struct str set = rotated_set(ctx, folder, old_kid, rotation, public_key);
    struct str hex = crypto_hex(ctx->arena, seed, 32);
    explicit_bzero(seed, sizeof(seed));
    return set.ptr && token_write_file(ctx, folder, NEXT_FILE, hex, 0600) &&
           token_write_file(ctx, folder, KEY_SET_FILE, set, 0644);
}

bool token_key_rotate(struct ctx *ctx, const char *folder, int64_t wait_s,
                      struct token_rotation *out)
{
    bool at_once = wait_s < 0;
    out->signs_from_s = now_s() + (at_once ? 0 : wait_s);
    out->old_until_s = at_once ? 0 : out->signs_from_s + TOKEN_LONGEST_S + CLOCK_LEEWAY_S;
    CLEANUP(close_filep) int lock = lock_folder(ctx, folder);
    return lock >= 0 && rotate_locked(ctx, folder, out) && sync_folder(ctx, folder, lock);
}

/* ---- what others may see ---- */

struct str token_key_set(struct ctx *ctx, const char *folder)
{
    static const char *const members[] = { "kid", "kty", "crv", "x" };
    const struct json *set = set_json(ctx, folder);
    struct json_out out;
    if (!set)
        return (struct str){ NULL, 0 };
    json_out_init(&out, ctx->arena);
    json_object(&out);
    json_key(&out, "keys");
    json_array(&out);
    for (struct json_iter it = json_iter(json_get(set, "keys")); json_next(&it);) {
        const struct json *until = json_get(it.value, "until");
        if (until && json_int(until) <= now_s())
            continue;
        json_object(&out);
        for (size_t i = 0; i < COUNT(members); i++)
            put(&out, members[i], json_str(json_get(it.value, members[i])));
        put(&out, "alg", STR("EdDSA"));
        put(&out, "use", STR("sig"));
        json_object_end(&out);
    }
    json_array_end(&out);
    json_object_end(&out);
    return json_out_str(&out);
}
