#include <stdio.h>
#include <time.h>

#include "cli/command.h"
#include "cli/stack.h"
#include "platform/token/token.h"

#define USUAL_WAIT_S 60
#define LONGEST_WAIT_S (7 * 86400)

static const char *clock_text(struct ctx *ctx, int64_t seconds)
{
    time_t at = seconds;
    struct tm tm;
    char text[32];
    gmtime_r(&at, &tm);
    strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%SZ", &tm);
    return arena_str(ctx->arena, str_of(text)).ptr;
}

static bool read_wait(struct ctx *ctx, const struct option_value *wait, int64_t *wait_s)
{
    *wait_s = USUAL_WAIT_S;
    if (!wait->value)
        return true;
    return (str_to_int(str_of(wait->value), wait_s) && *wait_s >= 0 && *wait_s <= LONGEST_WAIT_S) ||
           ctx_fail(ctx, ERR_INVALID, "--wait is a number of seconds, at most %d", LONGEST_WAIT_S);
}

static void tell(struct ctx *ctx, const struct token_rotation *rotation)
{
    printf("key " STR_FMT " signs from %s on\n", STR_ARG(rotation->kid),
           clock_text(ctx, rotation->signs_from_s));
    if (rotation->old_until_s)
        printf("what was signed before it is good until %s\n",
               clock_text(ctx, rotation->old_until_s));
    else
        printf("what was signed before it is good for nothing\n");
}

static int run_rotate(struct ctx *ctx, int argc, char **argv)
{
    struct option_value options[] = { { "--data" }, { "--wait" }, { "--at-once", .flag = true } };
    size_t n_rest;
    int64_t wait_s;
    struct token_rotation rotation;
    if (!options_read(ctx, argc, argv, options, COUNT(options), NULL, 0, &n_rest) ||
        !read_wait(ctx, &options[1], &wait_s))
        return command_failed(ctx);
    if (options[1].value && options[2].value) {
        ctx_fail(ctx, ERR_INVALID, "--at-once does not wait");
        return command_failed(ctx);
    }
    struct str data = stack_data(ctx, options[0].value, false);
    if (!data.ptr)
        return command_failed(ctx);
    struct str folder = arena_printf(ctx->arena, STR_FMT "/keys", STR_ARG(data));
    if (!token_key_rotate(ctx, folder.ptr, options[2].value ? -1 : wait_s, &rotation))
        return command_failed(ctx);
    tell(ctx, &rotation);
    return 0;
}

const struct command command_rotate_key = {
    .name = "rotate-key",
    .arguments = "[--wait SECONDS | --at-once] [--data DIR]",
    .help = "Make the next key that signs tokens; services need no restart",
    .details =
        "  --wait SECONDS  until it signs, so that all have read it by then (default: 60)\n"
        "  --at-once       it signs now, and what was signed before is good for nothing: somebody\n"
        "                  has the old key\n"
        "  --data DIR      the stack's folder, which holds the signing key\n",
    .run = run_rotate,
};
