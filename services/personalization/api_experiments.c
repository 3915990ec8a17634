#include "base/clock.h"
#include "platform/http/expectation.h"
#include "services/personalization/personalization.h"
#include "services/personalization/results.h"
#include "services/personalization/store_definitions.h"
#include "personalization_contract.h"

static bool experiment_of(struct ctx *ctx, const struct definition_row *row, struct experiment *out)
{
    struct experiment_put put;
    const struct json *json = json_parse(ctx, row->definition);
    if (!json || !experiment_put_read(ctx, json, &put))
        return ctx_fail(ctx, ERR_INTERNAL, "reading the experiment " STR_FMT, STR_ARG(row->id));
    *out = (struct experiment){ .experiment_id = row->id,
                                .slot = put.slot,
                                .name = put.name,
                                .priority = put.priority,
                                .status = put.status,
                                .audience = put.audience,
                                .variants = put.variants,
                                .n_variants = put.n_variants,
                                .holdout = put.holdout,
                                .salt = put.salt.ptr ? put.salt : row->id,
                                .schedule = put.schedule,
                                .exclusion = put.exclusion,
                                .goals = put.goals,
                                .n_goals = put.n_goals,
                                .version = row->version,
                                .updated_at = row->updated_us };
    return true;
}

static struct reply reply_experiment(struct ctx *ctx, const struct definition_row *row)
{
    struct experiment experiment;
    if (!experiment_of(ctx, row, &experiment))
        return reply_error(ctx);
    return reply_versioned(ctx, experiment_encode(ctx, &experiment), row->version);
}

static struct reply reply_none(struct ctx *ctx)
{
    if (!ctx_failed(ctx))
        ctx_fail(ctx, ERR_NOT_FOUND, "there is no experiment with this id");
    return reply_error(ctx);
}

struct rival {
    struct str experiment_id;
    const struct experiment_exclusion *exclusion;
};

/* False with CONFLICT when the other one has places of the same group too. */
static bool rival_check(struct ctx *ctx, const struct definition_row *row, void *argument)
{
    const struct rival *rival = argument;
    struct experiment_put put;
    const struct json *json = json_parse(ctx, row->definition);
    if (!json || !experiment_put_read(ctx, json, &put))
        return ctx_fail(ctx, ERR_INTERNAL, "reading the experiment " STR_FMT, STR_ARG(row->id));
    if (str_eq(row->id, rival->experiment_id) || !put.exclusion ||
        put.status == EXPERIMENT_STATUS_ENDED ||
        !str_eq(put.exclusion->group, rival->exclusion->group) ||
        put.exclusion->to <= rival->exclusion->from || put.exclusion->from >= rival->exclusion->to)
        return true;
    return ctx_fail_at(ctx, ERR_CONFLICT, STR("/exclusion"),
                       STR_FMT " has %lld to %lld of this group", STR_ARG(row->id),
                       (long long)put.exclusion->from, (long long)put.exclusion->to);
}

static bool exclusion_check(struct ctx *ctx, const struct put_experiment_in *in)
{
    struct rival rival = { in->experiment_id, in->body->exclusion };
    return !rival.exclusion || in->body->status == EXPERIMENT_STATUS_ENDED ||
           store_definitions_each(ctx, DEFINITION_EXPERIMENT, rival_check, &rival);
}

struct reply personalization_put_experiment(struct ctx *ctx, const struct put_experiment_in *in)
{
    struct definition_row row = { 0 };
    bool known = experiment_check(ctx, in->body) && exclusion_check(ctx, in) &&
                 store_definition(ctx, DEFINITION_EXPERIMENT, in->experiment_id, &row);
    struct str definition = experiment_put_encode(ctx, in->body);
    if (ctx_failed(ctx) ||
        !expectation_check(ctx, &(struct expectation){ .if_match = in->if_match }, row.version))
        return reply_error(ctx);
    if (known && str_eq(row.definition, definition))
        return reply_experiment(ctx, &row);
    row = (struct definition_row){ .id = in->experiment_id,
                                   .definition = definition,
                                   .version = row.version + 1,
                                   .updated_us = clock_now_us() };
    return store_definition_put(ctx, DEFINITION_EXPERIMENT, &row) ? reply_experiment(ctx, &row)
                                                                  : reply_error(ctx);
}

struct reply personalization_get_experiment(struct ctx *ctx, const struct get_experiment_in *in)
{
    struct definition_row row;
    return store_definition(ctx, DEFINITION_EXPERIMENT, in->experiment_id, &row)
               ? reply_experiment(ctx, &row)
               : reply_none(ctx);
}

struct reply personalization_delete_experiment(struct ctx *ctx,
                                               const struct delete_experiment_in *in)
{
    struct definition_row row;
    if (!store_definition(ctx, DEFINITION_EXPERIMENT, in->experiment_id, &row))
        return reply_none(ctx);
    if (!expectation_check(ctx, &(struct expectation){ .if_match = in->if_match }, row.version) ||
        !store_definition_delete(ctx, DEFINITION_EXPERIMENT, in->experiment_id))
        return reply_error(ctx);
    return reply_empty(ctx);
}

struct reply personalization_list_experiments(struct ctx *ctx, const struct list_experiments_in *in)
{
    struct str after = { NULL, 0 };
    if (in->cursor.ptr && !sql_cursor_parse(ctx, in->cursor, &after, 1))
        return reply_error(ctx);
    size_t n, limit = (size_t)in->limit;
    struct definition_row *rows = ARENA_ARRAY(ctx->arena, struct definition_row, limit + 1);
    if (!store_definitions(ctx, DEFINITION_EXPERIMENT, after, limit + 1, rows, &n))
        return reply_error(ctx);
    struct experiment_list list = { .n_items = MIN(n, limit) };
    struct experiment *items = ARENA_ARRAY(ctx->arena, struct experiment, list.n_items);
    for (size_t i = 0; i < list.n_items; i++)
        if (!experiment_of(ctx, &rows[i], &items[i]))
            return reply_error(ctx);
    list.items = items;
    if (n > limit)
        list.next_cursor = sql_cursor(ctx->arena, &rows[limit - 1].id, 1);
    return reply_ok(ctx, experiment_list_encode(ctx, &list));
}

/* A copy: counting may take longer than a snapshot stays. */
static bool experiment_copy(struct ctx *ctx, const struct compiled_experiment *from,
                            struct compiled_experiment *out)
{
    const struct json *json = json_parse(ctx, experiment_put_encode(ctx, &from->put));
    *out =
        (struct compiled_experiment){ .experiment_id = arena_str(ctx->arena, from->experiment_id) };
    return json && experiment_put_read(ctx, json, &out->put);
}

struct reply personalization_get_results(struct ctx *ctx, const struct get_results_in *in)
{
    const struct personalization *app = ctx->app;
    CLEANUP(model_done) struct model_use people = service_model(ctx);
    const struct compiled_experiment *experiment =
        experiments_find(&definitions_now(app->definitions)->experiments, in->experiment_id);
    struct compiled_experiment own;
    struct experiment_results results;
    if (!experiment || experiment->broken)
        return reply_none(ctx);
    return experiment_copy(ctx, experiment, &own) && results_read(ctx, people.model, &own, &results)
               ? reply_ok(ctx, experiment_results_encode(ctx, &results))
               : reply_error(ctx);
}
