#include "services/registry/refusal.h"

#define MEDIA_TYPE "application/vnd.schemaregistry.v1+json"
#define CODE "code/"

bool refuse(struct ctx *ctx, enum refusal refusal, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    struct str sentence = arena_vprintf(ctx->arena, format, args);
    va_end(args);
    int status = refusal < 1000 ? (int)refusal : (int)refusal / 100;
    return ctx_fail_at(ctx, error_of_status(status),
                       arena_printf(ctx->arena, CODE "%d", (int)refusal), STR_FMT,
                       STR_ARG(sentence));
}

enum refusal refusal_of(const struct error *error)
{
    int64_t code;
    struct str pointer = error->pointer;
    if (str_starts(pointer, STR(CODE)) &&
        str_to_int((struct str){ pointer.ptr + sizeof(CODE) - 1, pointer.len - sizeof(CODE) + 1 },
                   &code))
        return (enum refusal)code;
    return (enum refusal)0;
}

static int64_t code_of(const struct error *error)
{
    struct str pointer = error->pointer;
    if (refusal_of(error))
        return refusal_of(error);
    if (str_is(pointer, "/schema"))
        return REFUSAL_BAD_SCHEMA;
    if (str_is(pointer, "/compatibility"))
        return REFUSAL_BAD_LEVEL;
    if (error->code == ERR_INTERNAL || error->code == ERR_NONE)
        return REFUSAL_STORE;
    return error->code == ERR_TIMEOUT ? REFUSAL_TIMEOUT : error_status(error->code);
}

struct reply refusal_reply(struct ctx *ctx)
{
    struct error error = ctx->error;
    if (error.code == ERR_NONE) /* a handler that failed without saying why */
        error.code = ERR_INTERNAL;
    struct json_out out;
    json_out_init(&out, ctx->arena);
    json_object(&out);
    json_key(&out, "error_code");
    json_put_int(&out, code_of(&error));
    json_key(&out, "message");
    json_put_str(&out,
                 error.code == ERR_INTERNAL ? STR("Something went wrong here.") : error.detail);
    json_object_end(&out);
    return reply_text(ctx, error_status(error.code), MEDIA_TYPE, json_out_str(&out));
}

struct reply answer(struct ctx *ctx, struct str body)
{
    return reply_text(ctx, 200, MEDIA_TYPE, body);
}
