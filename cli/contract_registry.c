/* What a registry knows: what services said of themselves, or, of one that is not ours, the schemas
 * of its subjects. */
#include "cli/contract_set.h"
#include "platform/client/client.h"

struct asking {
    struct ctx *ctx;
    struct peer *peer;
    struct str token;
    const char *url;
};

/* The answer to a GET; NULL with a sentence. *status is 0 when there was none. */
static const struct json *ask(const struct asking *asking, struct str path, int *status)
{
    struct ctx *ctx = asking->ctx;
    struct call call = {
        .peer = asking->peer, .method = "GET", .path = path, .token = asking->token
    };
    client_call(ctx, &call, 1);
    *status = call.status;
    if (call.status == 200)
        return json_parse(ctx, call.answer);
    if (call.status == 401 || call.status == 403)
        ctx_fail(ctx, ERR_FORBIDDEN,
                 "%s wants a token with catalog:read: --token gives one, --data the folder of the "
                 "stack that can make one",
                 asking->url);
    else if (call.status)
        ctx_fail(ctx, ERR_BAD_GATEWAY, "%s" STR_FMT " answers %d", asking->url, STR_ARG(path),
                 call.status);
    else
        ctx_fail(ctx, call.error.code, "%s: " STR_FMT, asking->url, STR_ARG(call.error.detail));
    return NULL;
}

static struct contract_service *add_service(struct ctx *ctx, struct contract_set *set,
                                            struct str name, size_t events)
{
    struct contract_service **last = &set->services;
    while (*last)
        last = &(*last)->next;
    *last = ARENA_NEW(ctx->arena, struct contract_service);
    (*last)->name = name;
    (*last)->events = ARENA_ARRAY(ctx->arena, struct contract_event, events + 1);
    return *last;
}

/* ---- ours ---- */

static void add_reads(struct ctx *ctx, struct contract_service *service, const struct json *reads)
{
    service->reads = ARENA_ARRAY(ctx->arena, struct contract_read, json_size(reads) + 1);
    for (struct json_iter it = json_iter(reads); json_next(&it);) {
        const struct json *members = json_get(it.value, "members");
        struct contract_read *read = &service->reads[service->n_reads++];
        read->type = json_str(json_get(it.value, "type"));
        read->members = ARENA_ARRAY(ctx->arena, struct str, json_size(members) + 1);
        for (struct json_iter member = json_iter(members); json_next(&member);)
            read->members[read->n++] = json_str(member.value);
    }
}

static void add_contract(struct ctx *ctx, struct contract_service *service,
                         const struct json *contract)
{
    const struct json *calls = json_get(contract, "calls");
    const struct json *openapi = json_get(contract, "openapi");
    service->openapi.root = json_size(openapi) ? openapi : NULL;
    for (struct json_iter it = json_iter(json_get(contract, "publishes")); json_next(&it);)
        service->events[service->n_events++] = (struct contract_event){
            .type = json_str(json_get(it.value, "type")),
            .document = { .root = json_get(it.value, "schema") },
        };
    add_reads(ctx, service, json_get(contract, "reads"));
    service->calls = ARENA_ARRAY(ctx->arena, struct contract_call, json_size(calls) + 1);
    for (struct json_iter it = json_iter(calls); json_next(&it);)
        service->calls[service->n_calls++] =
            (struct contract_call){ .service = json_str(it.value) };
}

static bool read_contract(const struct asking *asking, struct contract_set *set, struct str name,
                          const struct json *instance, bool running)
{
    struct ctx *ctx = asking->ctx;
    int status;
    struct str path = arena_printf(ctx->arena, "/v1/services/" STR_FMT "/contracts/" STR_FMT,
                                   STR_ARG(name),
                                   STR_ARG(json_str(json_get(instance, "contract"))));
    const struct json *contract = ask(asking, path, &status);
    if (!contract)
        return false;
    struct contract_service *service =
        add_service(ctx, set, name, json_size(json_get(contract, "publishes")));
    service->version = json_str(json_get(instance, "version"));
    service->running = running;
    add_contract(ctx, service, contract);
    return true;
}

/* Was this contract met at an instance before? */
static bool is_met(const struct json *instances, size_t index, bool running)
{
    struct str contract = json_str(json_get(json_at(instances, index), "contract"));
    for (size_t i = 0; i < index; i++) {
        const struct json *before = json_at(instances, i);
        if ((!running || json_bool(json_get(before, "running"))) &&
            str_eq(json_str(json_get(before, "contract")), contract))
            return true;
    }
    return false;
}

/* All contracts of a service that run; where none does, that of the instance which was seen last. */
static bool read_service(const struct asking *asking, struct contract_set *set,
                         const struct json *service)
{
    const struct json *instances = json_get(service, "instances"), *newest = NULL;
    struct str name = json_str(json_get(service, "service"));
    size_t n = 0;
    for (struct json_iter it = json_iter(instances); json_next(&it);) {
        struct str seen = json_str(json_get(it.value, "seen_at"));
        if (!newest || str_cmp(seen, json_str(json_get(newest, "seen_at"))) > 0)
            newest = it.value;
        if (!json_bool(json_get(it.value, "running")))
            continue;
        n++;
        if (!is_met(instances, it.index, true) && !read_contract(asking, set, name, it.value, true))
            return false;
    }
    return n || !newest || read_contract(asking, set, name, newest, false);
}

/* ---- another's ---- */

/* "fanfare.stock.level.changed.v1" -> "stock"; what is called otherwise has no owner that is known. */
static struct str owner_of(struct str type)
{
    struct str rest = type, fanfare, service;
    if (str_split(&rest, '.', &fanfare) && str_is(fanfare, "fanfare") &&
        str_split(&rest, '.', &service) && rest.len)
        return service;
    return STR("registry");
}

static bool read_subject(const struct asking *asking, struct contract_set *set, struct str subject,
                         size_t most)
{
    struct ctx *ctx = asking->ctx;
    int status;
    const struct json *version =
        ask(asking,
            arena_printf(ctx->arena, "/subjects/" STR_FMT "/versions/latest",
                         STR_ARG(client_escape(ctx->arena, subject))),
            &status);
    if (!version)
        return false;
    struct str kind = json_str(json_get(version, "schemaType"));
    if (!str_is(kind, "JSON"))
        return true;
    const struct json *schema = json_parse(ctx, json_str(json_get(version, "schema")));
    if (!schema)
        return false;
    struct str type = json_str(json_get(json_get(schema, "x-event"), "type"));
    if (!type.ptr)
        type = subject;
    struct contract_service *service = set_service(set, owner_of(type));
    if (!service)
        service = add_service(ctx, set, owner_of(type), most);
    service->events[service->n_events++] = (struct contract_event){
        .type = type,
        .document = { .root = schema },
    };
    return true;
}

static bool read_subjects(const struct asking *asking, struct contract_set *set)
{
    int status;
    const struct json *subjects = ask(asking, STR("/subjects"), &status);
    set->events_only = true;
    if (!subjects)
        return false;
    for (struct json_iter it = json_iter(subjects); json_next(&it);)
        if (!read_subject(asking, set, json_str(it.value), json_size(subjects)))
            return false;
    return true;
}

/* ---- either ---- */

static bool read_all(const struct asking *asking, struct contract_set *set)
{
    int status;
    const struct json *services = ask(asking, STR("/v1/services"), &status);
    if (!services && status == 404) {
        ctx_clear(asking->ctx);
        return read_subjects(asking, set);
    }
    if (!services)
        return false;
    for (struct json_iter it = json_iter(json_get(services, "items")); json_next(&it);)
        if (!read_service(asking, set, it.value))
            return false;
    return true;
}

bool set_read_registry(struct ctx *ctx, const char *url, struct str token, struct contract_set *out)
{
    struct peer *peer = peer_new(&(struct peer_settings){ .name = "registry", .url = url });
    struct asking asking = { ctx, peer, token, url };
    *out = (struct contract_set){ .name = str_of(url) };
    bool ok = read_all(&asking, out);
    peer_free(peer);
    return ok;
}
