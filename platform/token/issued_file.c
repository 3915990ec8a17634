/* Issued keys on the disk, with the place in the log up to which they are what it says. */
#include "platform/crypto/crypto.h"
#include "platform/json/json.h"
#include "platform/token/keyset.h"

struct writing {
    struct arena *arena;
    struct json_out out;
};

static void put_text(struct json_out *out, const char *name, struct str text)
{
    json_key(out, name);
    json_put_str(out, text);
}

static void put_key(void *argument, const struct issued_key *key)
{
    struct writing *writing = argument;
    struct json_out *out = &writing->out;
    json_object(out);
    put_text(out, "key_id", key->key_id);
    put_text(out, "name", key->name);
    put_text(out, "scopes", key->scopes);
    put_text(out, "hash", crypto_hex(writing->arena, key->hash, sizeof(key->hash)));
    json_key(out, "write");
    json_put_bool(out, key->write);
    json_key(out, "expires_us");
    json_put_int(out, key->expires_us);
    json_object_end(out);
}

bool token_issued_save(struct ctx *ctx, struct token_keys *keys, const char *folder,
                       const char *name, const struct issued_place *place)
{
    struct writing writing = { .arena = ctx->arena };
    struct json_out *out = &writing.out;
    json_out_init(out, ctx->arena);
    json_object(out);
    put_text(out, "log", place->log);
    json_key(out, "next");
    json_put_int(out, place->next);
    json_key(out, "keys");
    json_array(out);
    token_issued_each(keys, put_key, &writing);
    json_array_end(out);
    json_object_end(out);
    return token_write_file(ctx, folder, name, json_out_str(out), 0600);
}

static bool read_key(struct ctx *ctx, const struct json *json, struct issued_key *key)
{
    struct str hash = crypto_unhex(ctx->arena, json_str(json_get(json, "hash")));
    *key = (struct issued_key){ .key_id = json_str(json_get(json, "key_id")),
                                .name = json_str(json_get(json, "name")),
                                .scopes = json_str(json_get(json, "scopes")),
                                .write = json_bool(json_get(json, "write")),
                                .expires_us = json_int(json_get(json, "expires_us")) };
    if (hash.len != sizeof(key->hash) || !key->key_id.len || !key->name.ptr || !key->scopes.ptr)
        return ctx_fail(ctx, ERR_INVALID, "one of its keys is not whole");
    memcpy(key->hash, hash.ptr, sizeof(key->hash));
    return true;
}

bool token_issued_load(struct ctx *ctx, struct token_keys *keys, const char *folder,
                       const char *name, struct issued_place *place)
{
    struct str text = token_read_file(ctx, folder, name);
    const struct json *root = text.ptr ? json_parse(ctx, text) : NULL;
    const struct json *list = json_get(root, "keys"), *next = json_get(root, "next");
    struct issued_place read = { .log = json_str(json_get(root, "log")), .next = json_int(next) };
    if (!root)
        return false;
    if (!read.log.ptr || !json_is_integral(next) || json_type(list) != JSON_ARRAY)
        return ctx_fail(ctx, ERR_INVALID, "%s/%s needs log, next and keys", folder, name);
    size_t n = 0;
    struct issued_change *changes =
        ARENA_ARRAY(ctx->arena, struct issued_change, json_size(list) + 1);
    for (struct json_iter it = json_iter(list); json_next(&it); n++)
        if (!read_key(ctx, it.value, &changes[n].key))
            return ctx_fail(ctx, ERR_INVALID, "%s/%s", folder, name);
    token_issued_change(keys, changes, n);
    *place = read;
    return true;
}
