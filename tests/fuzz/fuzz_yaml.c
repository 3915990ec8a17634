/* Whatever YAML is taken is a JSON document; and JSON that has no tabs between its tokens is YAML of the same meaning. */
#include "platform/json/json.h"
#include "tests/fuzz/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena *arena CLEANUP(arena_freep) = arena_new(0);
    struct ctx ctx = { .arena = arena };
    const struct json *value = json_parse_yaml(&ctx, (struct str){ (const char *)data, size });
    MUST(ctx_failed(&ctx) == !value);
    if (!value)
        return 0;
    const struct json *again = json_parse(&ctx, json_text(arena, value));
    MUST(again && json_equal(value, again));
    return 0;
}
