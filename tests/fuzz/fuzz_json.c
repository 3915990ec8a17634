/* What is read can be written, and reads back as the same. */
#include "platform/json/json.h"
#include "tests/fuzz/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena *arena CLEANUP(arena_freep) = arena_new(0);
    struct ctx ctx = { .arena = arena };
    const struct json *value = json_parse(&ctx, (struct str){ (const char *)data, size });
    MUST(ctx_failed(&ctx) == !value);
    if (!value)
        return 0;
    struct str text = json_text(arena, value);
    const struct json *again = json_parse(&ctx, text);
    MUST(again && json_equal(value, again) && json_order(value, again) == 0);
    MUST(str_eq(text, json_text(arena, again)));
    for (struct json_iter it = json_iter(value); json_next(&it);) {
        MUST(!it.key.ptr || json_get_n(value, it.key) == it.value);
        MUST(it.key.ptr || json_at(value, it.index) == it.value);
        json_pointer(value, json_str(it.value));
    }
    return 0;
}
