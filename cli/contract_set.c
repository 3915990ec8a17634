#include "cli/contract_set.h"

#include <sys/stat.h>

#include "cli/contract_tree.h"

struct contract_service *set_service(const struct contract_set *set, struct str name)
{
    for (struct contract_service *at = set->services; at; at = at->next)
        if (str_eq(at->name, name))
            return at;
    return NULL;
}

const struct contract_event *service_event(const struct contract_service *service, struct str type)
{
    for (size_t i = 0; service && i < service->n_events; i++)
        if (str_eq(service->events[i].type, type))
            return &service->events[i];
    return NULL;
}

const struct contract_event *set_event(const struct contract_set *set, struct str type,
                                       const struct contract_service **owner)
{
    for (const struct contract_service *at = set->services; at; at = at->next) {
        const struct contract_event *event = service_event(at, type);
        if (!event)
            continue;
        if (owner)
            *owner = at;
        return event;
    }
    return NULL;
}

/* ---- of a tree ---- */

struct reading {
    struct ctx *ctx;
    struct tree *tree;
    struct contract_set *set;
};

static struct compat_document document_of(const struct reading *reading, struct str path,
                                          const struct json *root)
{
    return (struct compat_document){
        .root = root,
        .uri = arena_printf(reading->ctx->arena, TREE_BASE STR_FMT, STR_ARG(path)),
        .resolve = tree_resolve,
        .argument = reading->tree,
        .closed = true,
    };
}

/* "services/stock/events/x.json" -> "stock", "events/x.json" */
static bool split_path(struct str path, struct str *service, struct str *rest)
{
    struct str services, left = path;
    bool ok = str_split(&left, '/', &services) && str_is(services, "services") &&
              str_split(&left, '/', service) && left.len > 0;
    *rest = left;
    return ok;
}

static struct contract_service *service_of(const struct reading *reading, struct str name)
{
    struct contract_service *service = set_service(reading->set, name),
                            **last = &reading->set->services;
    if (service)
        return service;
    while (*last)
        last = &(*last)->next;
    *last = ARENA_NEW(reading->ctx->arena, struct contract_service);
    (*last)->name = name;
    (*last)->events = ARENA_ARRAY(reading->ctx->arena, struct contract_event, reading->tree->n);
    return *last;
}

static bool read_file(const struct reading *reading, struct str path)
{
    struct ctx *ctx = reading->ctx;
    struct str service, rest;
    if (!split_path(path, &service, &rest))
        return true;
    bool openapi = str_is(rest, "openapi.yaml"),
         event = str_starts(rest, STR("events/")) && str_ends(rest, STR(".json"));
    if (!openapi && !event)
        return true;
    const struct json *root = tree_json(ctx, reading->tree, path);
    if (!root)
        return false;
    struct contract_service *to = service_of(reading, service);
    if (openapi) {
        to->openapi = document_of(reading, path, root);
        to->file = path;
        return true;
    }
    struct str type = json_str(json_get(json_get(root, "x-event"), "type"));
    if (!type.ptr)
        return ctx_fail(ctx, ERR_INVALID, STR_FMT " of %s: x-event has no type", STR_ARG(path),
                        reading->tree->name.ptr);
    to->events[to->n_events++] =
        (struct contract_event){ type, document_of(reading, path, root), path };
    return true;
}

static bool read_tree(struct ctx *ctx, struct tree *tree, struct contract_set *out)
{
    struct reading reading = { ctx, tree, out };
    *out = (struct contract_set){ .name = tree->name };
    for (size_t i = 0; i < tree->n; i++)
        if (!read_file(&reading, tree->files[i].path))
            return false;
    set_find_readers(ctx, tree, out);
    return true;
}

bool set_read_folder(struct ctx *ctx, const char *folder, struct contract_set *out)
{
    struct tree *tree = ARENA_NEW(ctx->arena, struct tree);
    return tree_read_folder(ctx, folder, tree) && read_tree(ctx, tree, out);
}

bool set_read(struct ctx *ctx, const char *from, const char *root, struct str token,
              struct contract_set *out)
{
    struct stat found;
    if (str_starts(str_of(from), STR("http://")) || str_starts(str_of(from), STR("https://")))
        return set_read_registry(ctx, from, token, out);
    if (stat(from, &found) == 0 && S_ISDIR(found.st_mode))
        return set_read_folder(ctx, from, out);
    struct tree *tree = ARENA_NEW(ctx->arena, struct tree);
    return tree_read_revision(ctx, root, from, tree) && read_tree(ctx, tree, out);
}
