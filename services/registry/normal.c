#include "services/registry/normal.h"

#include <stdlib.h>

#include "platform/crypto/crypto.h"

struct member {
    struct str key;
    const struct json *value;
};

static int member_order(const void *a, const void *b)
{
    return str_cmp(((const struct member *)a)->key, ((const struct member *)b)->key);
}

static void put_normal(struct ctx *ctx, struct json_out *out, const struct json *value);

static void put_object(struct ctx *ctx, struct json_out *out, const struct json *object)
{
    size_t n = json_size(object);
    struct member *members = ARENA_ARRAY(ctx->arena, struct member, n + 1);
    for (struct json_iter it = json_iter(object); json_next(&it);)
        members[it.index] = (struct member){ it.key, it.value };
    qsort(members, n, sizeof(*members), member_order);
    json_object(out);
    for (size_t i = 0; i < n; i++) {
        json_key_n(out, members[i].key);
        put_normal(ctx, out, members[i].value);
    }
    json_object_end(out);
}

/* As deep as json_parse() lets a document be. */
static void put_normal(struct ctx *ctx, struct json_out *out, const struct json *value)
{
    double number = json_double(value);
    switch (json_type(value)) {
    case JSON_OBJECT:
        put_object(ctx, out, value);
        break;
    case JSON_ARRAY:
        json_array(out);
        for (struct json_iter it = json_iter(value); json_next(&it);)
            put_normal(ctx, out, it.value);
        json_array_end(out);
        break;
    case JSON_NUMBER:
        if (json_is_integral(value) && number > -1e15 && number < 1e15)
            json_put_int(out, (int64_t)number);
        else
            json_put(out, value);
        break;
    default:
        json_put(out, value);
    }
}

struct str schema_normal(struct ctx *ctx, const struct json *schema)
{
    struct json_out out;
    json_out_init(&out, ctx->arena);
    put_normal(ctx, &out, schema);
    return json_out_str(&out);
}

struct str schema_fingerprint(struct ctx *ctx, struct str normal, const struct str *beside,
                              size_t n)
{
    uint8_t hash[32];
    struct str text = normal;
    for (size_t i = 0; i < n; i++)
        text = arena_printf(ctx->arena, STR_FMT "\n" STR_FMT, STR_ARG(text), STR_ARG(beside[i]));
    crypto_sha256(text.ptr, text.len, hash);
    return crypto_hex(ctx->arena, hash, sizeof(hash));
}
