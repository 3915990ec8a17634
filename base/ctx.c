#include "base/ctx.h"

#include <stdio.h>

#include "base/clock.h"

static void note(struct ctx *ctx, enum error_code code, struct str pointer, const char *format,
                 va_list args)
{
    struct str sentence = arena_vprintf(ctx->arena, format, args);
    if (ctx->error.code == ERR_NONE) {
        ctx->error = (struct error){ code, sentence, { NULL, 0 } };
        if (pointer.ptr)
            ctx->error.pointer = arena_str(ctx->arena, pointer);
    } else {
        ctx->error.detail = arena_printf(ctx->arena, STR_FMT ": " STR_FMT, STR_ARG(sentence),
                                         STR_ARG(ctx->error.detail));
        ctx->error.open = false; /* the longer sentence is another one */
    }
}

bool ctx_fail(struct ctx *ctx, enum error_code code, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    note(ctx, code, (struct str){ NULL, 0 }, format, args);
    va_end(args);
    return false;
}

bool ctx_fail_at(struct ctx *ctx, enum error_code code, struct str pointer, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    note(ctx, code, pointer, format, args);
    va_end(args);
    return false;
}

bool ctx_fail_openly(struct ctx *ctx, enum error_code code, const char *format, ...)
{
    bool first = ctx->error.code == ERR_NONE;
    va_list args;
    va_start(args, format);
    note(ctx, code, (struct str){ NULL, 0 }, format, args);
    va_end(args);
    ctx->error.open = first;
    return false;
}

void ctx_clear(struct ctx *ctx)
{
    ctx->error = (struct error){ 0 };
}

int64_t ctx_left_us(const struct ctx *ctx)
{
    if (!ctx->deadline_us)
        return INT64_MAX;
    int64_t left = ctx->deadline_us - clock_mono_us();
    return left > 0 ? left : 0;
}

enum outcome outcome_of(const struct ctx *ctx)
{
    return error_outcome(ctx->error.code);
}
