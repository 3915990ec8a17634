/* Bodies bent at random: nothing crashes, what decoding takes is what the schema takes, and what is taken survives
 * being written and read again. FUZZ_ROUNDS and FUZZ_SEED make it longer or other. */
#include "platform/contract/tests/room.h"
#include "platform/schema/schema.h"

#define ROUNDS 20000

static uint64_t state;

static uint64_t next(void)
{
    uint64_t z = (state += 0x9E3779B97F4A7C15ull);
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9ull;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EBull;
    return z ^ (z >> 31);
}

static size_t below(size_t n)
{
    return (size_t)(next() % n);
}

/* Members and values to put in: right ones, wrong ones, and those on the limits. */
static const char *const members[] = {
    "id",     "name",        "grade",   "count",  "price",   "size",       "made_at",   "note",
    "code",   "email",       "website", "weight", "sold",    "tags",       "old_price", "wrapped",
    "parts",  "other_grade", "scores",  "prices", "extras",  "tree",       "depth",     "anything",
    "colour", "share",       "visible", "rank",   "default", "customerId", "sold_at",   "nothing",
};
static const char *const values[] = {
    "null",
    "true",
    "0",
    "-2",
    "10",
    "11",
    "0.5",
    "1.0",
    "1e2",
    "-1e400",
    "9223372036854775807",
    "\"\"",
    "\"plain\"",
    "\"7a\"",
    "\"thg_1\"",
    "\"AB12\"",
    "\"Lampe\"",
    "\"\\u00e4\\u20ac\\ud83d\\ude00ab\"",
    "\"a@example.com\"",
    "\"https://example.com\"",
    "\"2026-01-31T12:00:00Z\"",
    "\"2026-01-31T12:00:60+01:00\"",
    "[]",
    "{}",
    "[1]",
    "[\"a\",\"b\"]",
    "{\"width\":1}",
    "{\"width\":0.5,\"height\":-0.0}",
    "{\"amount\":1,\"currency\":\"USD\"}",
    "[{\"amount\":1,\"currency\":\"USD\"}]",
    "{\"amount\":1,\"currency\":\"USD\",\"x\":1}",
    "{\"label\":\"x\",\"child\":{\"label\":\"y\",\"children\":[]}}",
    "[{\"kind\":\"nail\",\"amount\":1}]",
    "[{\"kind\":\"glue\"}]",
    "{\"a\":1,\"b\":2}",
};

static struct str thing_text(struct ctx *ctx)
{
    const char *text = thing_with(ctx, NULL, NULL);
    for (size_t i = below(6); i > 0; i--) {
        struct str more = arena_printf(ctx->arena, "%.*s,\"%s\":%s}", (int)strlen(text) - 1, text,
                                       members[below(COUNT(members))],
                                       values[below(COUNT(values))]);
        text = more.ptr;
    }
    return below(3) ? str_of(text)
                    : str_of(thing_with(ctx, members[below(COUNT(members))],
                                        values[below(COUNT(values))]));
}

static struct str bent(struct ctx *ctx, struct str text)
{
    char *bytes = arena_cstr(ctx->arena, text);
    for (size_t i = below(3); i > 0 && text.len; i--)
        bytes[below(text.len)] = (char)(below(4) ? ' ' + below(95) : below(256));
    return (struct str){ bytes, below(20) ? text.len : below(text.len + 1) };
}

/* Where decoding and the schema may differ: U+0000, and numbers beyond 64 bits, which only decoding refuses. */
static bool may_differ(const struct ctx *ctx)
{
    return strstr(ctx->error.detail.ptr, "U+0000") || strstr(ctx->error.detail.ptr, "64-bit");
}

static void round_trip(struct ctx *ctx, const struct thing *thing)
{
    struct str text = thing_encode(ctx, thing);
    struct thing again;
    const struct json *value = json_parse(ctx, text);
    if (!CHECK(value && thing_decode(ctx, value, &again)) ||
        !CHECK(contract_check(ctx, &thing_type, thing)))
        fprintf(stderr, "  " STR_FMT ": " STR_FMT "\n", STR_ARG(ctx->error.detail), STR_ARG(text));
    else
        CHECK_STR(thing_encode(ctx, &again), text.ptr);
}

static void one_round(struct schema *schema, size_t *taken)
{
    struct ctx *ctx = fresh();
    struct str text = thing_text(ctx);
    if (below(2))
        text = bent(ctx, text);
    const struct json *value = json_parse(ctx, text);
    if (!value)
        return;
    struct thing thing;
    bool fits = schema_validate(ctx, schema, value);
    ctx_clear(ctx);
    bool decoded_fine = thing_decode(ctx, value, &thing);
    if (decoded_fine != fits && (decoded_fine || !may_differ(ctx))) {
        CHECK(!"decoding and the schema differ");
        fprintf(stderr, "  decoded %d, fits %d: " STR_FMT "\n", decoded_fine, fits, STR_ARG(text));
    }
    *taken += decoded_fine;
    if (decoded_fine)
        round_trip(ctx, &thing);
    ctx_clear(ctx);
    thing_read(ctx, value, &thing);
}

static struct schema *thing_schema(struct ctx *ctx)
{
    const struct json *openapi = json_parse(ctx, str_of(sample_contract.openapi));
    struct json_out out;
    json_out_init(&out, ctx->arena);
    json_object(&out);
    json_key(&out, "$ref");
    json_put_str(&out, STR("#/components/schemas/Thing"));
    json_key(&out, "components");
    json_put(&out, json_get(openapi, "components"));
    json_object_end(&out);
    struct schema_options options = { .base_uri = STR("urn:sample"), .assert_formats = true };
    return schema_compile(ctx, json_parse(ctx, json_out_str(&out)), &options);
}

int main(void)
{
    const char *rounds = getenv("FUZZ_ROUNDS"), *seed = getenv("FUZZ_SEED");
    state = seed ? strtoull(seed, NULL, 10) : 1;
    struct ctx *ctx = &(struct ctx){ .arena = arena_new(0) };
    struct schema *schema = thing_schema(ctx);
    REQUIRE(schema != NULL);
    size_t taken = 0, n = rounds ? strtoull(rounds, NULL, 10) : ROUNDS;
    for (size_t i = 0; i < n; i++)
        one_round(schema, &taken);
    CHECK(taken > n / 100);
    printf("%zu rounds, %zu taken\n", n, taken);
    schema_free(schema);
    arena_free(ctx->arena);
    arena_free(fresh()->arena);
    return check_end();
}
