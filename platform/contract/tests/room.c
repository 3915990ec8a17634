/* The room of the sample: handlers that say what they got. */
#include "platform/contract/tests/room.h"

struct ctx *fresh(void)
{
    static struct ctx ctx;
    arena_free(ctx.arena);
    ctx = (struct ctx){ .arena = arena_new(0) };
    return &ctx;
}

const void *decoded(struct ctx *ctx, const struct schema_type *type, enum decode_mode mode,
                    const char *text)
{
    const struct json *value = json_parse(ctx, str_of(text));
    void *out = arena_alloc(ctx->arena, type->size);
    return value && contract_decode(ctx, type, value, mode, out) ? out : NULL;
}

const char *thing_with(struct ctx *ctx, const char *member, const char *value)
{
    static const char *const base[][2] = {
        { "id", "\"thg_1\"" },
        { "name", "\"Lamp\"" },
        { "grade", "\"plain\"" },
        { "count", "1" },
        { "price", "{\"amount\":1999,\"currency\":\"USD\"}" },
        { "size", "{\"width\":1.5}" },
        { "made_at", "\"2026-01-31T12:00:00Z\"" },
        { "note", "null" },
    };
    struct str out = STR("{");
    bool placed = value == NULL;
    for (size_t i = 0; i < COUNT(base); i++) {
        bool this_one = member && strcmp(base[i][0], member) == 0;
        if (this_one && !value)
            continue;
        placed |= this_one;
        out = arena_printf(ctx->arena, STR_FMT "%s\"%s\":%s", STR_ARG(out), out.len > 1 ? "," : "",
                           base[i][0], this_one ? value : base[i][1]);
    }
    if (member && !placed)
        out = arena_printf(ctx->arena, STR_FMT ",\"%s\":%s", STR_ARG(out), member, value);
    return arena_printf(ctx->arena, STR_FMT "}", STR_ARG(out)).ptr;
}

struct reply sample_get_thing(struct ctx *ctx, const struct get_thing_in *in)
{
    return reply_ok(ctx, in->thing_id);
}

bool sample_get_thing_at_once(struct ctx *ctx, const struct get_thing_in *in, struct reply *reply)
{
    if (!str_is(in->thing_id, "thg_kept"))
        return false;
    *reply = reply_ok(ctx, STR("kept"));
    return true;
}

struct reply sample_put_thing(struct ctx *ctx, const struct put_thing_in *in)
{
    return reply_ok(ctx, thing_encode(ctx, in->body));
}

struct reply sample_tell(struct ctx *ctx, const struct tell_in *in)
{
    return reply_ok(ctx, in->body ? json_text(ctx->arena, in->body) : STR("nothing"));
}

struct reply sample_tell_open(struct ctx *ctx, const struct tell_open_in *in)
{
    return reply_ok(ctx, json_text(ctx->arena, in->body));
}

struct reply sample_tell_raw(struct ctx *ctx, const struct tell_raw_in *in)
{
    return reply_text(ctx, 200, "text/plain", in->body_raw);
}
