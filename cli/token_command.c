#include <stdio.h>

#include "cli/command.h"
#include "cli/stack.h"
#include "platform/token/token.h"

#define LIFETIME_S 600 /* tokens live ten minutes (semantics: Tokens) */

static int run_token(struct ctx *ctx, int argc, char **argv)
{
    struct option_value options[] = { { "--data" }, { "--scopes" }, { "--subject" } };
    size_t n_rest;
    if (!options_read(ctx, argc, argv, options, COUNT(options), NULL, 0, &n_rest))
        return command_failed(ctx);
    if (!options[1].value) {
        ctx_fail(
            ctx, ERR_INVALID,
            "--scopes says what the token may do, such as \"orders:read orders:write\" or \"*\"");
        return command_failed(ctx);
    }
    struct str data = stack_data(ctx, options[0].value, false);
    if (!data.ptr)
        return command_failed(ctx);
    struct str folder = arena_printf(ctx->arena, STR_FMT "/keys", STR_ARG(data));
    struct str subject = str_of(options[2].value ? options[2].value : "operator");
    struct str token =
        token_mint(ctx, folder.ptr, subject, str_of(options[1].value), STR("fanfare"), LIFETIME_S);
    if (!token.ptr)
        return command_failed(ctx);
    printf(STR_FMT "\n", STR_ARG(token));
    return 0;
}

const struct command command_token = {
    .name = "token",
    .arguments = "--scopes \"A B\" [--subject NAME] [--data DIR]",
    .help = "Make a token that is good for ten minutes",
    .details = "  --scopes \"A B\"   what it may do; \"*\" for everything\n"
               "  --subject NAME   who uses it (default: operator)\n"
               "  --data DIR       the stack's folder, which holds the signing key\n",
    .run = run_token,
};

static int run_write_key(struct ctx *ctx, int argc, char **argv)
{
    struct option_value options[] = { { "--data" } };
    size_t n_rest;
    char key[256];
    if (!options_read(ctx, argc, argv, options, COUNT(options), NULL, 0, &n_rest))
        return command_failed(ctx);
    struct str data = stack_data(ctx, options[0].value, false);
    if (!data.ptr)
        return command_failed(ctx);
    struct str path = arena_printf(ctx->arena, STR_FMT "/keys/write.key", STR_ARG(data));
    FILE *file = fopen(path.ptr, "re");
    bool ok = file && fgets(key, sizeof(key), file);
    if (file)
        fclose(file);
    if (!ok) {
        ctx_fail(ctx, ERR_NOT_FOUND, "there is no write key in %s: the first `fanfare up` makes it",
                 path.ptr);
        return command_failed(ctx);
    }
    fputs(key, stdout);
    return 0;
}

const struct command command_write_key = {
    .name = "write-key",
    .arguments = "[--data DIR]",
    .help = "Show the write key that sites use to tell events (Segment API)",
    .details = "  --data DIR  the stack's folder\n",
    .run = run_write_key,
};
