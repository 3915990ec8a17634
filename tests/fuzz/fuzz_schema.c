/* A schema, a line feed, an instance: what fits and what not is the same each time, and a refusal says where. */
#include "platform/schema/schema.h"
#include "tests/fuzz/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena *arena CLEANUP(arena_freep) = arena_new(0);
    struct ctx ctx = { .arena = arena };
    struct str rest, first = fuzz_cut(data, size, &rest);
    const struct json *document = json_parse(&ctx, first);
    const struct json *instance = document ? json_parse(&ctx, rest) : NULL;
    if (!instance)
        return 0;
    struct schema *schema =
        schema_compile(&ctx, document, &(struct schema_options){ .assert_formats = true });
    MUST(ctx_failed(&ctx) == !schema);
    if (!schema)
        return 0;
    bool fits = schema_validate(&ctx, schema, instance);
    MUST(ctx_failed(&ctx) == !fits);
    MUST(fits || (ctx.error.code == ERR_INVALID && ctx.error.pointer.ptr));
    struct ctx second = { .arena = arena };
    MUST(schema_validate(&second, schema, instance) == fits);
    schema_free(schema);
    return 0;
}
