/* A pattern, a line feed, a text. */
#include "platform/schema/pattern.h"
#include "tests/fuzz/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena *arena CLEANUP(arena_freep) = arena_new(0);
    struct ctx ctx = { .arena = arena };
    struct str text, first = fuzz_cut(data, size, &text);
    struct pattern *pattern = pattern_compile(&ctx, first);
    MUST(ctx_failed(&ctx) == !pattern);
    if (pattern && str_is_utf8(text))
        pattern_find(pattern, text);
    pattern_free(pattern);
    return 0;
}
