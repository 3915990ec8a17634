/* Documents that are no contracts at all are judged without harm: the cases, with something else in a place of each.
 * `bent_test FILE...`; what it shows, it shows under the sanitizers. */
#include <stdio.h>

#include "base/tests/check.h"
#include "platform/compat/compat.h"

#define TURNS 12 /* of each case */

static uint64_t state = 88172645463325252ull;

static unsigned pick(unsigned n)
{
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    return (unsigned)((state >> 11) % n);
}

static const char *const junk[] = {
    "null",       "true",   "false",   "0",       "-1",
    "1e300",      "\"\"",   "\"x\"",   "\"^[\"",  "[]",
    "[1]",        "{}",     "[\"a\"]", "\"#/x\"", "{\"$ref\":\"#\"}",
    "{\"a\":{}}", "[[{}]]", "\"#\"",
};

static size_t count(const struct json *value)
{
    size_t n = 1;
    for (struct json_iter it = json_iter(value); json_next(&it);)
        n += count(it.value);
    return n;
}

static void put_bent(struct json_out *out, const struct json *value, size_t *left)
{
    bool object = json_type(value) == JSON_OBJECT;
    if ((*left)-- == 0) {
        json_put_raw(out, str_of(junk[pick(COUNT(junk))]));
        return;
    }
    if (!object && json_type(value) != JSON_ARRAY) {
        json_put(out, value);
        return;
    }
    (object ? json_object : json_array)(out);
    for (struct json_iter it = json_iter(value); json_next(&it);) {
        if (object)
            json_key_n(out, it.key);
        put_bent(out, it.value, left);
    }
    (object ? json_object_end : json_array_end)(out);
}

static const struct json *bent(struct arena *arena, const struct json *value)
{
    struct json_out out;
    size_t left = pick((unsigned)count(value));
    json_out_init(&out, arena);
    put_bent(&out, value, &left);
    return json_parse(&(struct ctx){ .arena = arena }, json_out_str(&out));
}

static void judge(struct arena *arena, struct str kind, const struct compat_document *old,
                  const struct compat_document *new)
{
    for (int i = 0; i < 2; i++) {
        struct ctx ctx = { .arena = arena };
        struct compat_findings findings = { 0 };
        bool judged = str_is(kind, "event")     ? compat_event(&ctx, old, new, &findings)
                      : str_is(kind, "openapi")
                          ? compat_openapi(&ctx, old, new, &findings)
                          : compat_json_schema(&ctx, old, new, i ? COMPAT_FORWARD : COMPAT_BACKWARD,
                                               &findings);
        CHECK(judged == !ctx_failed(&ctx));
    }
}

static void check_case(const struct json *test)
{
    CLEANUP(arena_freep) struct arena *arena = arena_new(0);
    const struct json *old = json_get(test, "old"), *new = json_get(test, "new");
    struct str kind = json_str(json_get(test, "kind"));
    for (int i = 0; old && new &&i < TURNS; i++) {
        struct compat_document before = { .root = pick(2) ? bent(arena, old) : old },
                               after = { .root = pick(3) ? bent(arena, new) : new };
        if (CHECK(before.root && after.root))
            judge(arena, kind, &before, &after);
        arena_clear(arena);
    }
}

static struct str file_text(struct arena *arena, const char *path)
{
    FILE *file = fopen(path, "r");
    REQUIRE(file != NULL);
    char *text = arena_alloc(arena, 1 << 20);
    size_t n = fread(text, 1, 1 << 20, file);
    fclose(file);
    return (struct str){ text, n };
}

int main(int argc, char **argv)
{
    CLEANUP(arena_freep) struct arena *arena = arena_new(0);
    for (int i = 1; i < argc; i++) {
        struct ctx ctx = { .arena = arena };
        const struct json *cases = json_parse_yaml(&ctx, file_text(arena, argv[i]));
        CHECK(json_size(cases) > 0);
        for (struct json_iter it = json_iter(cases); json_next(&it);)
            check_case(it.value);
    }
    return check_end();
}
