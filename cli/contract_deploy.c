/* `fanfare contract can-deploy`: this tree's version of a service beside what runs. What runs must
 * be able to read and call it, and it must be able to read and call what runs. */
#include <stdio.h>

#include "cli/command.h"
#include "cli/contract_command.h"
#include "cli/contract_report.h"

#define REGISTRY "http://127.0.0.1:8101"

struct deploy {
    struct ctx *ctx;
    struct contract_set tree, running;
    const struct contract_service *service; /* of the tree */
    struct contract_set alone;              /* the service, and no other */
    struct report report;
};

/* ---- findings of its own side: what it needs of others ---- */

/* Adds them as breaking the service itself, whoever else reads or calls the same. */
static void add_needs(struct deploy *deploy, const struct compat_findings *findings,
                      struct str provider, struct str event)
{
    struct contract_set nobody = { 0 };
    struct report_source source = {
        .service = provider, .event = event, .before = &nobody, .after = &nobody
    };
    size_t from = deploy->report.n;
    report_add(deploy->ctx, &deploy->report, findings, &source);
    for (size_t i = from; i < deploy->report.n; i++) {
        struct report_item *item = &deploy->report.items[i];
        item->breaks = ARENA_NEW(deploy->ctx->arena, struct str);
        *item->breaks = deploy->service->name;
        item->n_breaks = 1;
    }
}

static void add_need(struct deploy *deploy, const char *rule, enum compat_severity severity,
                     struct str provider, struct str event, struct str place, const char *sentence)
{
    struct compat_finding finding = { .rule = rule,
                                      .severity = severity,
                                      .use = event.ptr ? COMPAT_EVENT : COMPAT_REQUEST,
                                      .pointer = STR(""),
                                      .place = place,
                                      .sentence = str_of(sentence) };
    add_needs(deploy, &(struct compat_findings){ .items = &finding, .n = 1 }, provider, event);
}

/* ---- events that it reads ---- */

static void check_members(struct deploy *deploy, const struct contract_service *owner,
                          const struct contract_read *read, const struct contract_event *written)
{
    const struct json *members = json_get(written->document.root, "properties");
    for (size_t i = 0; i < read->n; i++)
        if (!json_get_n(members, read->members[i]))
            add_need(deploy, "not-written", COMPAT_WARNING, owner->name, read->type,
                     read->members[i], "is not written by what runs");
}

static bool check_read(struct deploy *deploy, const struct contract_read *read)
{
    const struct contract_event *built = set_event(&deploy->tree, read->type, NULL);
    const struct contract_service *tree_owner = NULL;
    bool found = false;
    set_event(&deploy->tree, read->type, &tree_owner);
    for (const struct contract_service *at = deploy->running.services; at; at = at->next) {
        const struct contract_event *written = at->running ? service_event(at, read->type) : NULL;
        struct compat_findings findings = { 0 };
        if (!written)
            continue;
        found = true;
        if (!compat_event_read(deploy->ctx, &written->document, &built->document, &findings))
            return ctx_fail(deploy->ctx, ERR_INVALID, STR_FMT, STR_ARG(read->type));
        add_needs(deploy, &findings, at->name, read->type);
        check_members(deploy, at, read, written);
    }
    if (!found && tree_owner != deploy->service)
        add_need(deploy, "not-published", COMPAT_WARNING, tree_owner->name, read->type, STR(""),
                 "is published by nothing that runs");
    return true;
}

/* ---- operations that it calls ---- */

static bool is_needed(const struct compat_finding *finding, struct str operation)
{
    return str_eq(finding->operation, operation) && finding->severity != COMPAT_FINE &&
           strcmp(finding->rule, "operation-renamed") != 0;
}

/* The findings of one operation, its place told as that of what runs. */
static struct compat_findings of_operation(struct ctx *ctx, const struct compat_findings *all,
                                           struct str operation)
{
    struct compat_findings out = { 0 };
    out.items = ARENA_ARRAY(ctx->arena, struct compat_finding, all->n + 1);
    for (size_t i = 0; i < all->n; i++) {
        if (!is_needed(&all->items[i], operation))
            continue;
        out.items[out.n] = all->items[i];
        out.items[out.n++].place =
            arena_printf(ctx->arena, STR_FMT ", as it runs", STR_ARG(all->items[i].place));
    }
    return out;
}

static bool check_call(struct deploy *deploy, const struct contract_call *call)
{
    struct ctx *ctx = deploy->ctx;
    const struct contract_service *built = set_service(&deploy->tree, call->service);
    bool found = false;
    for (const struct contract_service *at = deploy->running.services; at; at = at->next) {
        struct compat_findings all = { 0 };
        if (!at->running || !str_eq(at->name, call->service) || !at->openapi.root)
            continue;
        found = true;
        if (!compat_openapi(ctx, &built->openapi, &at->openapi, &all))
            return ctx_fail(ctx, ERR_INVALID, STR_FMT, STR_ARG(call->service));
        struct compat_findings needed = of_operation(ctx, &all, call->operation);
        add_needs(deploy, &needed, at->name, (struct str){ NULL, 0 });
    }
    if (!found)
        add_need(deploy, "not-running", COMPAT_WARNING, call->service, (struct str){ NULL, 0 },
                 call->operation, "is offered by nothing that runs");
    return true;
}

/* ---- all of it ---- */

static bool judge(struct deploy *deploy)
{
    const struct contract_service *service = deploy->service;
    for (size_t i = 0; i < service->n_reads; i++)
        if (!check_read(deploy, &service->reads[i]))
            return false;
    for (size_t i = 0; i < service->n_calls; i++)
        if (!check_call(deploy, &service->calls[i]))
            return false;
    if (!report_compare(deploy->ctx, &deploy->running, &deploy->alone, service->name,
                        &deploy->report))
        return false;
    report_count(&deploy->report);
    return true;
}

/* Contracts of what does not run count for nobody, but for the service's own: the log holds what it
 * wrote. */
static void forget_stopped(struct deploy *deploy, struct str name)
{
    for (struct contract_service **at = &deploy->running.services; *at;) {
        if ((*at)->running || str_eq((*at)->name, name))
            at = &(*at)->next;
        else
            *at = (*at)->next;
    }
}

static bool read_sets(struct deploy *deploy, const char *name, struct str root, const char *url,
                      struct str token)
{
    struct ctx *ctx = deploy->ctx;
    if (!set_read_folder(ctx, root.ptr, &deploy->tree) ||
        !set_read_registry(ctx, url, token, &deploy->running))
        return false;
    deploy->service = set_service(&deploy->tree, str_of(name));
    if (!deploy->service)
        return ctx_fail(ctx, ERR_NOT_FOUND, "this tree has no service %s", name);
    if (deploy->running.events_only)
        return ctx_fail(ctx, ERR_INVALID, "%s does not know what runs, only schemas", url);
    forget_stopped(deploy, str_of(name));
    struct contract_service *alone = ARENA_NEW(ctx->arena, struct contract_service);
    *alone = *deploy->service;
    alone->next = NULL;
    deploy->alone = (struct contract_set){ deploy->tree.name, alone, false };
    deploy->report.against = arena_printf(ctx->arena, "what runs, by %s", url);
    return true;
}

enum { REGISTRY_URL, ROOT, TOKEN, DATA, JSON, N_OPTIONS };

int contract_can_deploy(struct ctx *ctx, int argc, char **argv)
{
    struct option_value options[N_OPTIONS] = { [REGISTRY_URL] = { "--registry" },
                                               [ROOT] = { "--root" },
                                               [TOKEN] = { "--token" },
                                               [DATA] = { "--data" },
                                               [JSON] = { "--json", .flag = true } };
    struct deploy deploy = { .ctx = ctx };
    const char *name = NULL;
    size_t n_rest;
    if (!options_read(ctx, argc, argv, options, N_OPTIONS, &name, 1, &n_rest))
        return contract_failed(ctx);
    if (!name) {
        ctx_fail(ctx, ERR_INVALID, "can-deploy what? It takes the name of a service");
        return contract_failed(ctx);
    }
    struct str root = contract_root(ctx, options[ROOT].value);
    const char *url = options[REGISTRY_URL].value ? options[REGISTRY_URL].value : REGISTRY;
    if (!root.ptr ||
        !read_sets(&deploy, name, root, url,
                   contract_token(ctx, options[TOKEN].value, options[DATA].value)) ||
        !judge(&deploy))
        return contract_failed(ctx);
    if (options[JSON].value) {
        report_print_json(ctx, &deploy.report);
    } else {
        report_print(ctx, &deploy.report, false);
        printf("%s %s\n", name,
               deploy.report.n_breaking ? "cannot go out: it would break what runs, or be broken"
                                        : "can go out");
    }
    return deploy.report.n_breaking ? CONTRACT_BREAKS : CONTRACT_FITS;
}
