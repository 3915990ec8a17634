/* A rule, a line feed, its data: the work is bounded, and the result can be written and read. */
#include "platform/rules/rules.h"
#include "tests/fuzz/fuzz.h"

#define MOST_BYTES (64u << 20)

/* As one of a set, with what it has looked up before, it does what it did alone. */
static void in_set(struct ctx *ctx, const struct json *logic, struct rule_input input, bool ok)
{
    struct rule_set *set = rule_set_new(ctx->arena);
    struct rule *rule = rule_set_add(ctx, set, logic);
    struct value value;
    MUST(rule);
    input.memo = rule_memo_new(ctx->arena, set);
    for (int i = 0; i < 2; i++) {
        ctx_clear(ctx);
        MUST(rule_evaluate(ctx, rule, &input, &value) ||
             !ok); /* it takes fewer steps, never more */
    }
    ctx_clear(ctx);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena *arena CLEANUP(arena_freep) = arena_new(0);
    struct ctx ctx = { .arena = arena };
    struct str rest, first = fuzz_cut(data, size, &rest);
    const struct json *logic = json_parse(&ctx, first);
    struct rule_input input = { .data = logic ? json_parse(&ctx, rest) : NULL,
                                .flag_key = STR("flag"),
                                .targeting_key = STR("key") };
    ctx_clear(&ctx);
    struct rule *rule = logic ? rule_compile(&ctx, logic) : NULL;
    struct value value;
    bool ok = rule && rule_evaluate(&ctx, rule, &input, &value);
    MUST(!rule || ctx_failed(&ctx) == !ok);
    MUST(arena_bytes(arena) < MOST_BYTES);
    if (ok) {
        struct json_out out;
        json_out_init(&out, arena);
        rule_put_value(&out, &value);
        rule_truthy(&value);
        MUST(json_parse(&ctx, json_out_str(&out)) || strstr(ctx.error.detail.ptr, "deeper"));
    }
    if (rule)
        in_set(&ctx, logic, input, ok);
    rule_free(rule);
    return 0;
}
