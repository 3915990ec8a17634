/* diff.c: what it finds, and that doing it makes the second document of the first, on documents at random. */
#include "base/tests/check.h"
#include "services/content/diff.h"

static struct str changes_text(struct ctx *ctx, const struct changes *changes)
{
    struct str text = STR("");
    for (size_t i = 0; i < changes->n; i++)
        text = arena_printf(ctx->arena, STR_FMT "%s%s " STR_FMT, STR_ARG(text), i ? "; " : "",
                            changes->items[i].op, STR_ARG(changes->items[i].path));
    return text;
}

static const struct {
    const char *before, *after, *changes;
} cases[] = {
    { "{\"a\":1}", "{\"a\":1.0}", "" },
    { "{\"a\":1,\"b\":2}", "{\"b\":2,\"a\":1}", "" },
    { "{\"a\":1}", "{\"b\":1}", "remove /a; add /b" },
    { "{\"a/b\":{\"~\":1}}", "{\"a/b\":{\"~\":2}}", "replace /a~1b/~0" },
    { "[1,2,3]", "[1,9,2,3]", "add /1" },
    { "[1,2,3]", "[1,3]", "remove /1" },
    { "[1,2,3,4]", "[1]", "remove /3; remove /2; remove /1" },
    { "[1]", "[1,2,3]", "add /1; add /2" },
    { "[{\"a\":1},{\"b\":2}]", "[{\"a\":1},{\"b\":3}]", "replace /1/b" },
    { "{\"a\":[1]}", "{\"a\":{\"0\":1}}", "replace /a" },
    { "{\"a\":null}", "{}", "remove /a" },
};

static void test_cases(struct ctx *ctx)
{
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct changes found;
        changes_find(ctx->arena, json_parse(ctx, str_of(cases[i].before)),
                     json_parse(ctx, str_of(cases[i].after)), &found);
        CHECK_STR(changes_text(ctx, &found), cases[i].changes);
        CHECK(!found.more);
    }
}

/* ---- doing it (RFC 6902), in the plainest way ---- */

/* `path` without its first token, which is put into `token`. */
static bool token_take(struct ctx *ctx, struct str *path, struct str *token)
{
    if (path->len == 0)
        return false;
    struct str rest = { path->ptr + 1, path->len - 1 };
    ptrdiff_t slash = str_find_char(rest, '/');
    size_t len = slash < 0 ? rest.len : (size_t)slash;
    *path = (struct str){ rest.ptr + len, rest.len - len };
    char *text = arena_alloc(ctx->arena, len + 1), *to = text;
    for (size_t i = 0; i < len; i++)
        *to++ = rest.ptr[i] != '~' ? rest.ptr[i] : rest.ptr[++i] == '0' ? '~' : '/';
    *token = (struct str){ text, (size_t)(to - text) };
    return true;
}

static void put_done(struct ctx *ctx, struct json_out *out, const struct json *value,
                     struct str path, const struct changed *change);

static void put_member(struct ctx *ctx, struct json_out *out, struct str key,
                       const struct json *value, struct str path, const struct changed *change)
{
    if (path.len == 0 && strcmp(change->op, "remove") == 0)
        return;
    if (key.ptr)
        json_key_n(out, key);
    put_done(ctx, out, value, path, change);
}

static void put_array(struct ctx *ctx, struct json_out *out, const struct json *value,
                      struct str token, struct str path, const struct changed *change)
{
    int64_t at = -1;
    bool add = strcmp(change->op, "add") == 0 && path.len == 0;
    struct str none = { NULL, 0 };
    str_to_int(token, &at);
    json_array(out);
    for (struct json_iter it = json_iter(value); json_next(&it);) {
        bool here = (int64_t)it.index == at;
        if (here && add)
            json_put(out, change->after);
        if (here && !add)
            put_member(ctx, out, none, it.value, path, change);
        else
            json_put(out, it.value);
    }
    if (add && at == (int64_t)json_size(value))
        json_put(out, change->after);
    json_array_end(out);
}

static void put_done(struct ctx *ctx, struct json_out *out, const struct json *value,
                     struct str path, const struct changed *change)
{
    struct str token;
    if (!token_take(ctx, &path, &token)) {
        json_put(out, change->after);
    } else if (json_type(value) == JSON_ARRAY) {
        put_array(ctx, out, value, token, path, change);
    } else {
        json_object(out);
        for (struct json_iter it = json_iter(value); json_next(&it);)
            if (str_eq(it.key, token)) {
                put_member(ctx, out, it.key, it.value, path, change);
            } else {
                json_key_n(out, it.key);
                json_put(out, it.value);
            }
        if (path.len == 0 && !json_get_n(value, token)) {
            json_key_n(out, token);
            json_put(out, change->after);
        }
        json_object_end(out);
    }
}

static unsigned dice(unsigned *seed, unsigned sides)
{
    *seed = *seed * 1103515245u + 12345u;
    return (*seed >> 16) % sides;
}

static void put_random(struct json_out *out, unsigned *seed, int depth)
{
    static const char *const keys[] = { "a", "b/c", "~", "" };
    unsigned kind = dice(seed, depth ? 5 : 3);
    if (kind < 2) {
        json_put_int(out, dice(seed, 3));
    } else if (kind == 2) {
        json_put_null(out);
    } else if (kind == 3) {
        json_array(out);
        for (unsigned n = dice(seed, 5); n; n--)
            put_random(out, seed, depth - 1);
        json_array_end(out);
    } else {
        json_object(out);
        for (size_t i = 0; i < COUNT(keys); i++)
            if (dice(seed, 2)) {
                json_key(out, keys[i]);
                put_random(out, seed, depth - 1);
            }
        json_object_end(out);
    }
}

static const struct json *random_document(struct ctx *ctx, unsigned *seed)
{
    struct json_out out;
    json_out_init(&out, ctx->arena);
    json_array(&out);
    for (unsigned n = dice(seed, 6); n; n--)
        put_random(&out, seed, 4);
    json_array_end(&out);
    return json_parse(ctx, json_out_str(&out));
}

static void test_done_it_makes_the_second(struct ctx *ctx)
{
    unsigned seed = 7, differing = 0;
    for (int round = 0; round < 2000; round++) {
        const struct json *before = random_document(ctx, &seed),
                          *after = random_document(ctx, &seed);
        struct changes found;
        changes_find(ctx->arena, before, after, &found);
        differing += found.n > 1;
        const struct json *now = before;
        for (size_t i = 0; i < found.n && !found.more; i++) {
            struct json_out out;
            json_out_init(&out, ctx->arena);
            put_done(ctx, &out, now, found.items[i].path, &found.items[i]);
            now = json_parse(ctx, json_out_str(&out));
        }
        if (!CHECK(!ctx_failed(ctx) && json_equal(now, after)))
            fprintf(stderr, STR_FMT " -> " STR_FMT ": " STR_FMT "\n",
                    STR_ARG(json_text(ctx->arena, before)), STR_ARG(json_text(ctx->arena, after)),
                    STR_ARG(changes_text(ctx, &found)));
        arena_clear(ctx->arena);
    }
    CHECK(differing > 200);
}

static void test_too_many(struct ctx *ctx)
{
    struct json_out before, after;
    json_out_init(&before, ctx->arena);
    json_out_init(&after, ctx->arena);
    json_array(&before);
    json_array(&after);
    for (int i = 0; i < CHANGES_MOST + 1; i++) {
        json_put_int(&before, i);
        json_put_int(&after, -1 - i);
    }
    json_array_end(&before);
    json_array_end(&after);
    struct changes found;
    changes_find(ctx->arena, json_parse(ctx, json_out_str(&before)),
                 json_parse(ctx, json_out_str(&after)), &found);
    CHECK(found.more && found.n == CHANGES_MOST);
}

int main(void)
{
    struct ctx ctx = { .arena = arena_new(0) };
    test_cases(&ctx);
    test_done_it_makes_the_second(&ctx);
    test_too_many(&ctx);
    arena_free(ctx.arena);
    return check_end();
}
