/* `fanfare contract`: check, can-deploy, docs, rules. */
#include <stdio.h>

#include "cli/command.h"
#include "cli/contract_command.h"
#include "cli/contract_report.h"
#include "cli/contract_tree.h"
#include "cli/stack.h"
#include "platform/token/token.h"

#define LIFETIME_S 600 /* tokens live ten minutes (semantics: Tokens) */

int contract_failed(const struct ctx *ctx)
{
    command_failed(ctx);
    return CONTRACT_NOT_CHECKED;
}

/* A token that is given, or one that the stack's folder can make; ptr NULL where there is neither. */
struct str contract_token(struct ctx *ctx, const char *token, const char *data)
{
    struct ctx own = { .arena = ctx->arena };
    if (token)
        return str_of(token);
    struct str folder = stack_data(&own, data, false);
    if (!folder.ptr)
        return folder;
    struct str keys = arena_printf(ctx->arena, STR_FMT "/keys", STR_ARG(folder));
    return token_mint(&own, keys.ptr, STR("operator"), STR("catalog:read schemas:read"),
                      STR("fanfare"), LIFETIME_S);
}

struct str contract_root(struct ctx *ctx, const char *option)
{
    return option ? str_of(option) : tree_find_root(ctx);
}

/* ---- check ---- */

enum { AGAINST, ROOT, ACCEPT, TOKEN, DATA, ALL, JSON, N_CHECK };

static int run_check(struct ctx *ctx, int argc, char **argv)
{
    struct option_value options[N_CHECK] = { [AGAINST] = { "--against" },
                                             [ROOT] = { "--root" },
                                             [ACCEPT] = { "--accept" },
                                             [TOKEN] = { "--token" },
                                             [DATA] = { "--data" },
                                             [ALL] = { "--all", .flag = true },
                                             [JSON] = { "--json", .flag = true } };
    struct contract_set before, after;
    struct report report = { 0 };
    size_t n_rest;
    if (!options_read(ctx, argc, argv, options, N_CHECK, NULL, 0, &n_rest))
        return contract_failed(ctx);
    const char *against = options[AGAINST].value;
    if (!against) {
        ctx_fail(
            ctx, ERR_INVALID,
            "--against says what to compare with: a git revision, a folder or a registry's URL");
        return contract_failed(ctx);
    }
    struct str root = contract_root(ctx, options[ROOT].value);
    if (!root.ptr || !set_read_folder(ctx, root.ptr, &after) ||
        !set_read(ctx, against, root.ptr,
                  contract_token(ctx, options[TOKEN].value, options[DATA].value), &before) ||
        !report_compare(ctx, &before, &after, (struct str){ NULL, 0 }, &report))
        return contract_failed(ctx);
    report.against = str_of(against);
    struct str accepted =
        arena_printf(ctx->arena, STR_FMT "/contracts/accepted.yaml", STR_ARG(root));
    const char *given = options[ACCEPT].value;
    if (!report_accept(ctx, &report, given ? given : accepted.ptr, given != NULL))
        return contract_failed(ctx);
    if (options[JSON].value)
        report_print_json(ctx, &report);
    else
        report_print(ctx, &report, options[ALL].value != NULL);
    return report.n_breaking ? CONTRACT_BREAKS : CONTRACT_FITS;
}

/* ---- rules ---- */

/* As a table in Markdown, as docs/contracts.md explains it. */
static int run_rules(struct ctx *ctx, int argc, char **argv)
{
    size_t n, n_rest;
    const struct compat_rule *rules = compat_rules(&n);
    if (!options_read(ctx, argc, argv, NULL, 0, NULL, 0, &n_rest))
        return contract_failed(ctx);
    printf(
        "| rule | schema | request | response | replay | event | to the new one | to the old one |\n"
        "|---|---|---|---|---|---|---|---|\n");
    for (size_t i = 0; i < n; i++) {
        printf("| `%s`", rules[i].name);
        for (size_t k = 0; k < COUNT(rules[i].severity); k++)
            printf(" | %s", rules[i].severity[k] == COMPAT_NOT_TOLD
                                ? ""
                                : compat_severity_name((enum compat_severity)rules[i].severity[k]));
        printf(" | %s | %s |\n", rules[i].new_reads, rules[i].old_reads);
    }
    return CONTRACT_FITS;
}

/* ---- which ---- */

static const struct {
    const char *name;
    int (*run)(struct ctx *ctx, int argc, char **argv);
} subcommands[] = {
    { "check", run_check },
    { "can-deploy", contract_can_deploy },
    { "docs", contract_docs },
    { "rules", run_rules },
};

static int run_contract(struct ctx *ctx, int argc, char **argv)
{
    for (size_t i = 0; argc > 1 && i < COUNT(subcommands); i++)
        if (strcmp(argv[1], subcommands[i].name) == 0)
            return subcommands[i].run(ctx, argc - 1, argv + 1);
    ctx_fail(ctx, ERR_INVALID,
             "contract check, can-deploy, docs or rules? --help tells what they take");
    return contract_failed(ctx);
}

const struct command command_contract = {
    .name = "contract",
    .arguments = "check --against REV|DIR|URL | can-deploy SERVICE | docs --out DIR | rules",
    .help = "Find what a change of contracts breaks, and whom; write their reference",
    .details =
        "check: the contracts of this tree against those of a git revision, of another folder, or\n"
        "those that a registry knows. Tells what breaks, where, and who reads or calls it.\n"
        "  --against REV|DIR|URL  what was before\n"
        "  --accept FILE          breaks that are meant (default: contracts/accepted.yaml)\n"
        "  --all                  tell what is new and breaks nobody, too\n"
        "  --json                 for programs\n\n"
        "can-deploy SERVICE: may this tree's version of it go out beside what runs?\n"
        "  --registry URL         which knows what runs (default: http://127.0.0.1:8101)\n"
        "  --json                 for programs\n\n"
        "docs: a reference of all operations and events, with who reads them, as HTML.\n"
        "  --out DIR              where to\n\n"
        "rules: the table of rules that check and can-deploy judge by.\n\n"
        "All:\n"
        "  --root DIR             the folder with services/ (default: this one, or one above)\n"
        "  --token TOKEN          for the registry, with catalog:read\n"
        "  --data DIR             the stack's folder, which can make a token\n\n"
        "The exit status is 0 when nothing breaks, 1 when something does, 2 when it could not be\n"
        "told.\n",
    .run = run_contract,
};
