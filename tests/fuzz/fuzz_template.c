/* Data, a line feed, a template that may render itself: what is made is bounded, text, and the same each time. */
#include "base/clock.h"
#include "platform/template/template.h"
#include "tests/fuzz/fuzz.h"

#define STEPS 20000
#define BYTES 100000
#define MOST_BYTES (16u << 20)

static const struct template *snippet(struct ctx *ctx, struct str name, void *argument)
{
    if (name.len % 2)
        return argument;
    return ctx_fail(ctx, ERR_NOT_FOUND, "there is none"), NULL;
}

static bool render(struct arena *arena, const struct template *template, const struct json *data,
                   bool text, struct str *out)
{
    struct ctx ctx = { .arena = arena };
    struct template_options options = {
        .data = data,
        .text = text,
        .most_steps = STEPS,
        .most_bytes = BYTES,
        .snippet = snippet,
        .argument = (void *)(uintptr_t) template,
    };
    bool ok = template_render(&ctx, template, &options, out);
    MUST(ok == !ctx_failed(&ctx));
    MUST(ok || str_starts(ctx.error.detail, STR("line ")));
    MUST(!ok || (out->len <= BYTES && out->ptr[out->len] == '\0' && str_is_utf8(*out)));
    return ok;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena *arena CLEANUP(arena_freep) = arena_new(0);
    struct ctx ctx = { .arena = arena };
    struct str source, first = fuzz_cut(data, size, &source), one, two;
    const struct json *input = json_parse(&ctx, first);
    ctx_clear(&ctx);
    clock_hold_us(1795521600 * US_PER_S);
    struct template *template = template_compile(&ctx, source);
    MUST(ctx_failed(&ctx) == !template);
    if (!template)
        return 0;
    bool ok = render(arena, template, input, false, &one);
    MUST(render(arena, template, input, false, &two) == ok && (!ok || str_eq(one, two)));
    render(arena, template, input, true, &two);
    MUST(arena_bytes(arena) < MOST_BYTES);
    template_free(template);
    return 0;
}
