#include <stdio.h>

#include "cli/command.h"

static struct option_value *find(struct option_value *options, size_t n, struct str name)
{
    for (size_t i = 0; i < n; i++)
        if (str_is(name, options[i].name))
            return &options[i];
    return NULL;
}

static bool take(struct ctx *ctx, int argc, char **argv, int *at, struct option_value *options,
                 size_t n)
{
    struct str name = str_of(argv[*at]);
    const char *equals = strchr(argv[*at], '=');
    if (equals)
        name.len = (size_t)(equals - argv[*at]);
    struct option_value *option = find(options, n, name);
    if (!option)
        return ctx_fail(ctx, ERR_INVALID, "there is no option " STR_FMT "; --help lists them",
                        STR_ARG(name));
    if (option->flag && equals)
        return ctx_fail(ctx, ERR_INVALID, "%s takes no value", option->name);
    if (option->flag)
        option->value = "";
    else if (equals)
        option->value = equals + 1;
    else if (*at + 1 < argc)
        option->value = argv[++*at];
    else
        return ctx_fail(ctx, ERR_INVALID, "%s needs a value", option->name);
    return true;
}

bool options_read(struct ctx *ctx, int argc, char **argv, struct option_value *options, size_t n,
                  const char **rest, size_t most, size_t *n_rest)
{
    *n_rest = 0;
    for (int at = 1; at < argc; at++) {
        if (strncmp(argv[at], "--", 2) == 0) {
            if (!take(ctx, argc, argv, &at, options, n))
                return false;
        } else if (*n_rest == most) {
            return ctx_fail(ctx, ERR_INVALID, "\"%s\" is one argument too many", argv[at]);
        } else {
            rest[(*n_rest)++] = argv[at];
        }
    }
    return true;
}

int command_failed(const struct ctx *ctx)
{
    fprintf(stderr, "fanfare: " STR_FMT "\n", STR_ARG(ctx->error.detail));
    return 1;
}
