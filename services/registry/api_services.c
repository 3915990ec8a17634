/* What services say of themselves. */
#include "base/clock.h"
#include "platform/service/service.h"
#include "services/registry/catalog.h"
#include "services/registry/refusal.h"
#include "services/registry/store_services.h"
#include "services/registry/subjects.h"

#define FORGET_US (7 * US_PER_DAY) /* an instance that was silent for so long is history */

/* A service speaks for itself alone; people, who have other subjects, for any. */
static bool may_speak(struct ctx *ctx, struct str service)
{
    struct str who = ctx->who->subject, name = { who.ptr + 4, who.len - 4 };
    return !str_starts(who, STR("svc:")) || str_eq(name, service) ||
           ctx_fail(ctx, ERR_FORBIDDEN, "One service does not speak for another.");
}

/* ---- contracts ---- */

/* A schema that breaks readers, or is none, is refused by itself: the service runs with it all the same, and that is to be
 * seen. */
static bool event_register(struct ctx *ctx, const struct published_event *event,
                           struct registered_event *out)
{
    struct bid bid = { .document = event->schema };
    struct version_row version;
    struct judgement why;
    *out = (struct registered_event){ .type = event->type };
    if (subject_register(ctx, event->type, &bid, &version, &why)) {
        out->has_version = out->has_schema_id = true;
        out->version = version.version;
        out->schema_id = version.schema_id;
        return true;
    }
    if (!refusal_of(&ctx->error))
        return false;
    struct str *sentence = ARENA_NEW(ctx->arena, struct str);
    *sentence = ctx->error.detail;
    out->refused = why.n ? why.sentences : sentence;
    out->n_refused = MAX(why.n, 1);
    ctx_clear(ctx);
    return true;
}

static bool contract_keep(struct ctx *ctx, const struct put_contract_in *in, struct str registered)
{
    struct service_contract rest = *in->body;
    rest.openapi = json_parse(ctx, STR("{}"));
    return store_contract_put(
        ctx, &(struct contract_row){ .service = in->service,
                                     .digest = in->digest,
                                     .openapi = json_text(ctx->arena, in->body->openapi),
                                     .told = service_contract_encode(ctx, &rest),
                                     .registered = registered,
                                     .told_us = clock_now_us() });
}

struct reply registry_put_contract(struct ctx *ctx, const struct put_contract_in *in)
{
    const struct service_contract *told = in->body;
    struct registered_event *events =
        ARENA_ARRAY(ctx->arena, struct registered_event, told->n_publishes + 1);
    if (!may_speak(ctx, in->service))
        return reply_error(ctx);
    for (size_t i = 0; i < told->n_publishes; i++)
        if (!event_register(ctx, &told->publishes[i], &events[i]))
            return reply_error(ctx);
    struct str registered =
        contract_told_encode(ctx, &(struct contract_told){ .service = in->service,
                                                           .digest = in->digest,
                                                           .events = events,
                                                           .n_events = told->n_publishes });
    return contract_keep(ctx, in, registered) ? reply_ok(ctx, registered) : reply_error(ctx);
}

struct reply registry_get_contract(struct ctx *ctx, const struct get_contract_in *in)
{
    struct contract_row row;
    struct service_contract contract;
    if (!store_contract(ctx, in->service, in->digest, &row)) {
        ctx_fail(ctx, ERR_NOT_FOUND, "the service has told no such contract");
        return reply_error(ctx);
    }
    if (!service_contract_read(ctx, json_parse(ctx, row.told), &contract) ||
        !(contract.openapi = json_parse(ctx, row.openapi)))
        return reply_error(ctx);
    return reply_ok(ctx, service_contract_encode(ctx, &contract));
}

/* ---- instances ---- */

struct reply registry_put_instance(struct ctx *ctx, const struct put_instance_in *in)
{
    int64_t now_us = clock_now_us();
    struct instance_row row = { .service = in->service,
                                .instance = in->instance,
                                .version = in->body->version,
                                .digest = in->body->contract,
                                .started_us = in->body->started_at,
                                .seen_us = now_us };
    if (!may_speak(ctx, in->service))
        return reply_error(ctx);
    if (!store_contract_known(ctx, in->service, in->body->contract)) {
        ctx_fail(ctx, ERR_NOT_FOUND,
                 "the service has told no such contract; it is to be told first");
        return reply_error(ctx);
    }
    if (!store_instance_put(ctx, &row, now_us - FORGET_US))
        return reply_error(ctx);
    return reply_ok(ctx, instance_encode(ctx, &(struct instance){ .instance = row.instance,
                                                                  .version = row.version,
                                                                  .contract = row.digest,
                                                                  .started_at = row.started_us,
                                                                  .seen_at = row.seen_us,
                                                                  .running = true }));
}

/* ---- what is known of all ---- */

/* On a thread that may take its time: all contracts are read for it. */
static bool read_catalog(struct ctx *ctx, void *catalog)
{
    return catalog_make(ctx, catalog);
}

struct reply registry_list_services(struct ctx *ctx, const struct list_services_in *in)
{
    struct catalog catalog;
    if (!sql_read(ctx, service_db(ctx), read_catalog, &catalog))
        return reply_error(ctx);
    return reply_ok(
        ctx, service_list_encode(ctx, &(struct service_list){ .items = catalog.services,
                                                              .n_items = catalog.n_services }));
}

struct reply registry_get_catalog(struct ctx *ctx, const struct get_catalog_in *in)
{
    struct catalog catalog;
    if (!sql_read(ctx, service_db(ctx), read_catalog, &catalog))
        return reply_error(ctx);
    return reply_ok(ctx, catalog_encode(ctx, &catalog));
}

static bool write_asyncapi(struct ctx *ctx, void *argument)
{
    struct str *text = argument;
    struct catalog catalog;
    return catalog_make(ctx, &catalog) && (*text = asyncapi_text(ctx, &catalog)).ptr;
}

struct reply registry_get_asyncapi(struct ctx *ctx, const struct get_asyncapi_in *in)
{
    struct str text;
    return sql_read(ctx, service_db(ctx), write_asyncapi, &text) ? reply_ok(ctx, text)
                                                                 : reply_error(ctx);
}
