#include "base/clock.h"
#include "platform/http/expectation.h"
#include "platform/token/token.h"
#include "services/campaign/journey_intakes.h"
#include "services/campaign/schedule.h"
#include "services/campaign/store_journeys.h"
#include "services/campaign/store_visits.h"
#include "campaign_contract.h"

/* ---- answering ---- */

/* What people are still leaving has been stopped. */
static enum journey_state state_of(const struct journey_row *row)
{
    return str_is(row->state, "stopping") ? JOURNEY_STATE_STOPPED : journey_state_parse(row->state);
}

static bool journey_answer(struct ctx *ctx, const struct journey_row *row, struct journey *out)
{
    *out = (struct journey){ .journey_id = row->journey_id,
                             .state = state_of(row),
                             .version = row->version,
                             .revision = row->revision,
                             .saved_by = row->saved_by,
                             .saved_at = row->saved_us,
                             .has_activated_at = row->activated_us > 0,
                             .activated_at = row->activated_us };
    const struct json *json = json_parse(ctx, row->definition);
    return (json && journey_definition_read(ctx, json, &out->definition)) ||
           ctx_fail(ctx, ERR_INTERNAL, "reading the definition of a journey");
}

static struct reply reply_journey(struct ctx *ctx, const struct journey_row *row)
{
    struct journey answer;
    if (!journey_answer(ctx, row, &answer))
        return reply_error(ctx);
    return reply_versioned(ctx, journey_encode(ctx, &answer), row->version);
}

static bool journey_find(struct ctx *ctx, struct str journey_id, struct journey_row *out)
{
    bool found = store_journey(ctx, journey_id, out) && !str_is(out->state, "deleted");
    return found || ctx_fail(ctx, ERR_NOT_FOUND, "there is no journey with this id");
}

static bool journey_find_at(struct ctx *ctx, struct str journey_id, struct str if_match,
                            struct journey_row *out)
{
    return journey_find(ctx, journey_id, out) &&
           expectation_check(ctx, &(struct expectation){ .if_match = if_match }, out->version);
}

static bool journey_save(struct ctx *ctx, struct journey_row *row)
{
    row->version++;
    row->saved_by = ctx->who->subject;
    row->saved_us = clock_now_us();
    return store_journey_put(ctx, row);
}

/* ---- saving ---- */

/* A journey by date looks at everybody again. */
static void definition_set(struct ctx *ctx, struct journey_row *row,
                           const struct journey_definition *definition)
{
    row->definition = journey_definition_encode(ctx, definition);
    row->revision = row->version + 1;
    row->dated_to = definition->entry.kind == JOURNEY_ENTRY_KIND_DATE ? STR("")
                                                                      : (struct str){ NULL, 0 };
}

struct reply campaign_put_journey(struct ctx *ctx, const struct put_journey_in *in)
{
    struct journey_row row = { .journey_id = in->journey_id, .state = STR("draft") };
    struct journey_program program;
    store_journey(ctx, in->journey_id, &row);
    if (str_is(row.state, "deleted"))
        ctx_fail(ctx, ERR_CONFLICT, "the journey of this id is being deleted");
    if (ctx_failed(ctx) ||
        !expectation_check(ctx, &(struct expectation){ .if_match = in->if_match }, row.version) ||
        !journey_compile(ctx, in->body, &program))
        return reply_error(ctx);
    definition_set(ctx, &row, in->body);
    return journey_save(ctx, &row) ? reply_journey(ctx, &row) : reply_error(ctx);
}

/* ---- states ---- */

static bool has_times_to_come(struct ctx *ctx, const struct journey_row *row)
{
    struct journey journey;
    struct schedule_start start;
    if (!journey_answer(ctx, row, &journey))
        return false;
    if (!journey.definition.entry.schedule)
        return true;
    const struct campaign_schedule schedule = journey_schedule(&journey.definition);
    if (schedule_next(ctx, &schedule, clock_now_us(), &start))
        return true;
    return ctx_failed(ctx) ? false
                           : ctx_fail(ctx, ERR_CONFLICT, "no time of its schedule is to come");
}

struct reply campaign_activate_journey(struct ctx *ctx, const struct activate_journey_in *in)
{
    struct journey_row row;
    if (!journey_find_at(ctx, in->journey_id, in->if_match, &row))
        return reply_error(ctx);
    if (str_is(row.state, "active") || str_is(row.state, "stopping")) {
        ctx_fail(ctx, ERR_CONFLICT,
                 str_is(row.state, "active") ? "it is active"
                                             : "people are still leaving it: in a moment");
        return reply_error(ctx);
    }
    if (!str_is(row.state, "paused")) {
        row.activated_us = clock_now_us();
        if (!has_times_to_come(ctx, &row))
            return reply_error(ctx);
    }
    row.state = STR("active");
    return journey_save(ctx, &row) ? reply_journey(ctx, &row) : reply_error(ctx);
}

struct reply campaign_pause_journey(struct ctx *ctx, const struct pause_journey_in *in)
{
    struct journey_row row;
    if (!journey_find_at(ctx, in->journey_id, in->if_match, &row))
        return reply_error(ctx);
    if (!str_is(row.state, "active")) {
        ctx_fail(ctx, ERR_CONFLICT, "it is %s", journey_state_name(state_of(&row)));
        return reply_error(ctx);
    }
    row.state = STR("paused");
    return journey_save(ctx, &row) ? reply_journey(ctx, &row) : reply_error(ctx);
}

static bool is_running(const struct journey_row *row)
{
    return str_is(row->state, "active") || str_is(row->state, "paused");
}

struct reply campaign_stop_journey(struct ctx *ctx, const struct stop_journey_in *in)
{
    struct journey_row row;
    if (!journey_find_at(ctx, in->journey_id, in->if_match, &row))
        return reply_error(ctx);
    if (!is_running(&row)) {
        ctx_fail(ctx, ERR_CONFLICT, "it is %s", journey_state_name(state_of(&row)));
        return reply_error(ctx);
    }
    row.state = STR("stopping");
    return journey_save(ctx, &row) ? reply_journey(ctx, &row) : reply_error(ctx);
}

struct reply campaign_delete_journey(struct ctx *ctx, const struct delete_journey_in *in)
{
    struct journey_row row;
    if (!journey_find_at(ctx, in->journey_id, in->if_match, &row))
        return reply_error(ctx);
    if (is_running(&row)) {
        ctx_fail(ctx, ERR_CONFLICT, "it is " STR_FMT ": stop it first", STR_ARG(row.state));
        return reply_error(ctx);
    }
    row.state = STR("deleted");
    return journey_save(ctx, &row) ? reply_empty(ctx) : reply_error(ctx);
}

/* ---- reading ---- */

struct reply campaign_get_journey(struct ctx *ctx, const struct get_journey_in *in)
{
    struct journey_row row;
    return journey_find(ctx, in->journey_id, &row) ? reply_journey(ctx, &row) : reply_error(ctx);
}

struct reply campaign_list_journeys(struct ctx *ctx, const struct list_journeys_in *in)
{
    struct str after = { NULL, 0 }, state = { NULL, 0 };
    size_t n, limit = (size_t)in->limit;
    struct journey_row *rows = ARENA_ARRAY(ctx->arena, struct journey_row, limit + 1);
    if (in->has_state)
        state = str_of(journey_state_name(in->state));
    if ((in->cursor.ptr && !sql_cursor_parse(ctx, in->cursor, &after, 1)) ||
        !store_journeys(ctx, state, after, limit + 1, rows, &n))
        return reply_error(ctx);
    struct journey_list list = { .n_items = MIN(n, limit) };
    struct journey *items = ARENA_ARRAY(ctx->arena, struct journey, list.n_items + 1);
    for (size_t i = 0; i < list.n_items; i++)
        if (!journey_answer(ctx, &rows[i], &items[i]))
            return reply_error(ctx);
    list.items = items;
    if (n > limit)
        list.next_cursor = sql_cursor(ctx->arena, &rows[limit - 1].journey_id, 1);
    return reply_ok(ctx, journey_list_encode(ctx, &list));
}

/* ---- who is where ---- */

static int64_t figure_of(const struct journey_figure *figures, size_t n, struct str node,
                         const char *figure)
{
    for (size_t i = 0; i < n; i++)
        if (str_eq(figures[i].node, node) && str_is(figures[i].figure, figure))
            return figures[i].count;
    return 0;
}

struct counts {
    struct node_count *waiting;
    struct journey_figure *figures;
    size_t n_waiting, n_figures;
};

static void node_add(const struct counts *counts, struct str node,
                     struct journey_node_counts *nodes, size_t *n)
{
    for (size_t i = 0; i < *n; i++)
        if (str_eq(nodes[i].node, node))
            return;
    nodes[*n] = (struct journey_node_counts){
        .node = node, .arrived = figure_of(counts->figures, counts->n_figures, node, "arrived")
    };
    for (size_t i = 0; i < counts->n_waiting; i++)
        if (str_eq(counts->waiting[i].node, node))
            nodes[*n].waiting = counts->waiting[i].count;
    ++*n;
}

/* The newest definition's in its order, then those that only figures know. */
static void nodes_list(struct ctx *ctx, const struct journey_definition *definition,
                       const struct counts *counts, struct journey_status *out)
{
    struct journey_node_counts *nodes = ARENA_ARRAY(ctx->arena, struct journey_node_counts,
                                                    definition->n_nodes + counts->n_figures + 1);
    for (size_t i = 0; i < definition->n_nodes; i++)
        node_add(counts, definition->nodes[i].id, nodes, &out->n_nodes);
    for (size_t i = 0; i < counts->n_figures; i++)
        if (counts->figures[i].node.len)
            node_add(counts, counts->figures[i].node, nodes, &out->n_nodes);
    out->nodes = nodes;
}

static void ends_list(struct ctx *ctx, const struct counts *counts, struct journey_status *out)
{
    struct journey_ended *ended =
        ARENA_ARRAY(ctx->arena, struct journey_ended, JOURNEY_REASON_CANCELLED + 1);
    for (int reason = 1; reason <= (int)JOURNEY_REASON_CANCELLED; reason++) {
        int64_t count = figure_of(counts->figures, counts->n_figures, STR(""),
                                  journey_reason_name((enum journey_reason)reason));
        if (count)
            ended[out->n_ended++] = (struct journey_ended){ (enum journey_reason)reason, count };
    }
    out->ended = ended;
}

struct reply campaign_get_journey_status(struct ctx *ctx, const struct get_journey_status_in *in)
{
    struct journey_row row;
    struct journey shown;
    struct counts counts;
    int64_t intake_us;
    if (!journey_find(ctx, in->journey_id, &row) || !journey_answer(ctx, &row, &shown) ||
        !journey_intake_at(ctx, &row, &shown.definition, &intake_us) ||
        !store_visits_count(ctx, row.journey_id, &counts.waiting, &counts.n_waiting) ||
        !store_journey_figures(ctx, row.journey_id, &counts.figures, &counts.n_figures))
        return reply_error(ctx);
    struct journey_status status = { .journey_id = row.journey_id,
                                     .state = shown.state,
                                     .has_intake_at = intake_us && is_running(&row),
                                     .intake_at = intake_us,
                                     .entered = figure_of(counts.figures, counts.n_figures, STR(""),
                                                          "entered") };
    for (size_t i = 0; i < counts.n_waiting; i++)
        status.under_way += counts.waiting[i].count;
    nodes_list(ctx, &shown.definition, &counts, &status);
    ends_list(ctx, &counts, &status);
    return reply_ok(ctx, journey_status_encode(ctx, &status));
}

/* ---- visits ---- */

static void visit_answer(const struct visit_row *row, struct journey_visit *out)
{
    *out = (struct journey_visit){ .visit_id = row->visit_id,
                                   .journey_id = row->journey_id,
                                   .person_id = row->person_id,
                                   .revision = row->revision,
                                   .node = row->node,
                                   .has_due_at = !row->ended_us && row->waits,
                                   .due_at = row->due_us,
                                   .entered_at = row->entered_us,
                                   .has_ended_at = row->ended_us > 0,
                                   .ended_at = row->ended_us,
                                   .has_reason = row->reason != JOURNEY_REASON_UNKNOWN,
                                   .reason = row->reason };
    if (row->key.len)
        out->key = row->key;
}

struct reply campaign_list_journey_visits(struct ctx *ctx, const struct list_journey_visits_in *in)
{
    struct journey_row row;
    struct visits_wanted wanted = { .journey_id = in->journey_id,
                                    .person_id = in->person_id,
                                    .node = in->node,
                                    .limit = (size_t)in->limit + 1 };
    struct visit_row *rows = ARENA_ARRAY(ctx->arena, struct visit_row, wanted.limit);
    size_t n;
    if (!journey_find(ctx, in->journey_id, &row) ||
        !sql_moment_parse(ctx, in->cursor, &wanted.before) || !store_visits(ctx, &wanted, rows, &n))
        return reply_error(ctx);
    struct journey_visit_list list = { .n_items = MIN(n, (size_t)in->limit) };
    struct journey_visit *items = ARENA_ARRAY(ctx->arena, struct journey_visit, wanted.limit);
    for (size_t i = 0; i < list.n_items; i++)
        visit_answer(&rows[i], &items[i]);
    list.items = items;
    if (n > list.n_items)
        list.next_cursor = sql_moment_cursor(ctx->arena, rows[list.n_items - 1].entered_us,
                                             rows[list.n_items - 1].visit_id);
    return reply_ok(ctx, journey_visit_list_encode(ctx, &list));
}

#define VISITS_SHOWN 20
#define STEPS_SHOWN 1000 /* of each: who goes round for ever has more */

static bool path_answer(struct ctx *ctx, struct journey_visit *visit)
{
    struct path_row *rows = ARENA_ARRAY(ctx->arena, struct path_row, STEPS_SHOWN);
    size_t n;
    if (!store_path(ctx, visit->visit_id, STEPS_SHOWN, rows, &n))
        return false;
    struct journey_preview_step *steps =
        ARENA_ARRAY(ctx->arena, struct journey_preview_step, n + 1);
    for (size_t i = 0; i < n; i++)
        steps[i] =
            (struct journey_preview_step){ .at = rows[i].at_us,
                                           .did = rows[i].did,
                                           .node = rows[i].node,
                                           .has_reason = rows[i].reason != JOURNEY_REASON_UNKNOWN,
                                           .reason = rows[i].reason };
    visit->path = steps;
    visit->n_path = n;
    return true;
}

struct reply campaign_get_journey_person(struct ctx *ctx, const struct get_journey_person_in *in)
{
    struct journey_row row;
    const struct visits_wanted wanted = { .journey_id = in->journey_id,
                                          .person_id = in->person_id,
                                          .before = { INT64_MAX, STR("") },
                                          .limit = VISITS_SHOWN };
    struct visit_row *rows = ARENA_ARRAY(ctx->arena, struct visit_row, VISITS_SHOWN);
    struct journey_visit *items = ARENA_ARRAY(ctx->arena, struct journey_visit, VISITS_SHOWN);
    struct journey_person_visits list = { .items = items };
    if (!journey_find(ctx, in->journey_id, &row) ||
        !store_visits(ctx, &wanted, rows, &list.n_items))
        return reply_error(ctx);
    for (size_t i = 0; i < list.n_items; i++) {
        visit_answer(&rows[i], &items[i]);
        if (!path_answer(ctx, &items[i]))
            return reply_error(ctx);
    }
    return reply_ok(ctx, journey_person_visits_encode(ctx, &list));
}
