#include "services/campaign/journey_timers.h"

#include "base/clock.h"
#include "platform/service/service.h"
#include "services/campaign/app.h"
#include "services/campaign/journey_dates.h"
#include "services/campaign/journey_intakes.h"
#include "services/campaign/journeys.h"
#include "services/campaign/store_journeys.h"

#define ROUND_MOST 100           /* in one transaction: others wait for the writer meanwhile */
#define AGAIN_US (60 * US_PER_S) /* what could not be done is tried again then */

/* ---- what is due ---- */

struct due {
    struct str journey_id, id; /* of a visit; of a person whose date has come */
    int64_t revision, version, due_us;
    bool date;
};

struct round {
    struct due *items;
    size_t n;
    int64_t until_us;
    bool intakes, more;
};

static bool due_visits(struct ctx *ctx, const struct shelf_program *program, struct round *round)
{
    struct visit_row *rows = ARENA_ARRAY(ctx->arena, struct visit_row, ROUND_MOST);
    size_t n;
    if (!store_visits_due(ctx, program->journey_id, round->until_us, ROUND_MOST - round->n, rows,
                          &n))
        return false;
    for (size_t i = 0; i < n; i++)
        round->items[round->n++] = (struct due){ .journey_id = program->journey_id,
                                                 .id = rows[i].visit_id,
                                                 .revision = rows[i].revision,
                                                 .version = rows[i].version,
                                                 .due_us = rows[i].due_us };
    return true;
}

static bool due_dates(struct ctx *ctx, const struct shelf_program *program, struct round *round)
{
    struct date_row *rows = ARENA_ARRAY(ctx->arena, struct date_row, ROUND_MOST);
    size_t n;
    if (program->definition.entry.kind != JOURNEY_ENTRY_KIND_DATE)
        return true;
    if (!store_dates_due(ctx, program->journey_id, round->until_us, ROUND_MOST - round->n, rows,
                         &n))
        return false;
    for (size_t i = 0; i < n; i++)
        round->items[round->n++] = (struct due){ .journey_id = program->journey_id,
                                                 .id = rows[i].person_id,
                                                 .revision = program->revision,
                                                 .due_us = rows[i].due_us,
                                                 .date = true };
    return true;
}

/* Each journey once, whatever revisions there are; a round that is full leaves the others to the next one. */
static bool due_read(struct ctx *ctx, void *argument)
{
    struct round *round = argument;
    CLEANUP(shelf_done) const struct shelf *shelf = shelf_use(ctx, campaign_of(ctx)->shelves);
    if (!shelf)
        return false;
    size_t first = shelf->n_programs ? (size_t)clock_mono_us() % shelf->n_programs : 0;
    for (size_t i = 0; i < shelf->n_programs && round->n < ROUND_MOST; i++) {
        const struct shelf_program *program = &shelf->programs[(first + i) % shelf->n_programs];
        if (program->newest && !program->held &&
            (!due_visits(ctx, program, round) || !due_dates(ctx, program, round)))
            return false;
    }
    for (size_t i = 0; i < round->n; i++) /* the shelf may go */
        round->items[i].journey_id = arena_str(ctx->arena, round->items[i].journey_id);
    return journey_intakes_due(ctx, shelf, round->until_us, &round->intakes);
}

/* ---- doing it ---- */

static bool visit_wake(struct ctx *ctx, const struct shelf_program *program, const struct due *due)
{
    struct visit_row row;
    if (!store_visit(ctx, due->id, &row))
        return !ctx_failed(ctx);
    return row.version != due->version || journeys_wake(ctx, program, &row);
}

static bool due_do(struct ctx *ctx, const struct shelf *shelf, const struct due *due)
{
    const struct shelf_program *program = shelf_program(shelf, due->journey_id, due->revision);
    if (!program || program->held)
        return true;
    return due->date ? journey_date_comes(ctx, program, due->id, due->due_us)
                     : visit_wake(ctx, program, due);
}

/* The others go on without it. */
static bool due_put_off(struct ctx *ctx, const struct due *due)
{
    int64_t due_us = clock_now_us() + AGAIN_US;
    log_line(LOG_ERROR, ctx, "journey_put_off", LOG_S("journey_id", due->journey_id),
             LOG_S("reason", ctx->error.detail));
    ctx_clear(ctx);
    return due->date ? store_date_put(ctx, due->journey_id, due->id, due_us)
                     : store_visit_later(ctx, due->id, due_us);
}

static bool due_one(struct ctx *ctx, const struct shelf *shelf, const struct due *due)
{
    if (!sql_savepoint(ctx))
        return false;
    if (due_do(ctx, shelf, due))
        return sql_savepoint_keep(ctx);
    struct error error = ctx->error;
    ctx_clear(ctx);
    if (!sql_savepoint_undo(ctx))
        return false;
    if (error.code == ERR_UNAVAILABLE) /* moved meanwhile: the next round sees */
        return true;
    ctx->error = error;
    return due_put_off(ctx, due);
}

static bool round_do(struct ctx *ctx, void *argument)
{
    struct round *round = argument;
    CLEANUP(shelf_done) const struct shelf *shelf = shelf_use(ctx, campaign_of(ctx)->shelves);
    if (!shelf)
        return false;
    for (size_t i = 0; i < round->n; i++)
        if (round->items[i].due_us <= round->until_us && !due_one(ctx, shelf, &round->items[i]))
            return false;
    return !round->intakes || journey_intakes_go_on(ctx, shelf, round->until_us, &round->more);
}

/* Only when something is due is the log asked how far it has been heard. */
bool journeys_run(struct ctx *ctx)
{
    const struct campaign_app *app = campaign_of(ctx);
    struct round round = { .items = ARENA_ARRAY(ctx->arena, struct due, ROUND_MOST),
                           .until_us = clock_now_us() };
    if (!events_accepting(ctx, service_events(ctx)) ||
        !sql_read(ctx, service_db(ctx), due_read, &round))
        return false;
    if (round.n == 0 && !round.intakes)
        return false;
    round.until_us = heard_until(ctx, app->heard, app->settle_us);
    size_t ready = 0;
    for (size_t i = 0; i < round.n; i++)
        ready += round.items[i].due_us <= round.until_us;
    /* Whose wait is over has gone on before it is asked who is under way. */
    round.intakes = round.intakes && round.until_us > 0 && ready < ROUND_MOST;
    return (ready > 0 || round.intakes) && sql_write(ctx, service_db(ctx), round_do, &round) &&
           (ready == ROUND_MOST || round.more);
}

/* ---- what is left to do ---- */

#define TIDY_MOST 100
#define REVISIONS_EVERY_US (60 * US_PER_S)

/* The visits that are under way end. */
static bool visits_end(struct ctx *ctx, const struct journey_row *journey, bool *more)
{
    struct visit_row *rows = ARENA_ARRAY(ctx->arena, struct visit_row, TIDY_MOST);
    size_t n;
    if (!store_visits_due(ctx, journey->journey_id, INT64_MAX, TIDY_MOST, rows, &n))
        return false;
    for (size_t i = 0; i < n; i++)
        if (!journeys_end(ctx, &rows[i], JOURNEY_REASON_CANCELLED))
            return false;
    *more = n == TIDY_MOST;
    return true;
}

static bool stop_go_on(struct ctx *ctx, struct journey_row *journey, bool *more)
{
    if (!visits_end(ctx, journey, more) || *more)
        return !ctx_failed(ctx);
    journey->state = STR("stopped");
    journey->version++;
    return store_journey_put(ctx, journey);
}

/* It may have been stopped only just now. */
static bool delete_go_on(struct ctx *ctx, const struct journey_row *journey, bool *more)
{
    int64_t n;
    if (!visits_end(ctx, journey, more) || *more)
        return !ctx_failed(ctx);
    if (!store_visits_remove(ctx, journey->journey_id, TIDY_MOST, &n))
        return false;
    *more = n == TIDY_MOST;
    return *more || (store_dates_remove(ctx, journey->journey_id) &&
                     store_journey_remove(ctx, journey->journey_id));
}

/* One journey of this state at a time. */
static bool state_go_on(struct ctx *ctx, const char *state, bool *more)
{
    struct journey_row row;
    size_t n;
    if (!store_journeys(ctx, str_of(state), (struct str){ NULL, 0 }, 1, &row, &n))
        return false;
    if (n == 0)
        return true;
    bool here = false, done = strcmp(state, "deleted") == 0 ? delete_go_on(ctx, &row, &here)
                                                            : stop_go_on(ctx, &row, &here);
    *more = *more || here;
    return done;
}

static bool dates_go_on(struct ctx *ctx, bool *more)
{
    CLEANUP(shelf_done) const struct shelf *shelf = shelf_use(ctx, campaign_of(ctx)->shelves);
    bool here = false;
    for (size_t i = 0; shelf && i < shelf->n_programs && !here; i++)
        if (!journey_dates_fill(ctx, &shelf->programs[i], &here))
            return false;
    *more = *more || here;
    return shelf;
}

static bool revisions_go_on(struct ctx *ctx)
{
    struct campaign_app *app = campaign_of(ctx);
    int64_t removed, now_us = clock_mono_us();
    if (now_us - app->tidied_us < REVISIONS_EVERY_US)
        return true;
    app->tidied_us = now_us;
    return store_revisions_tidy(ctx, &removed);
}

static bool tidy_do(struct ctx *ctx, void *more)
{
    return state_go_on(ctx, "stopping", more) && state_go_on(ctx, "deleted", more) &&
           dates_go_on(ctx, more) && revisions_go_on(ctx);
}

static bool tidy_look(struct ctx *ctx, void *argument)
{
    struct journey_row row;
    bool *found = argument;
    *found = store_journey_untidy(ctx, &row);
    return !ctx_failed(ctx);
}

bool journeys_tidy(struct ctx *ctx)
{
    bool more = false, found = false;
    if (!events_accepting(ctx, service_events(ctx)) ||
        !sql_read(ctx, service_db(ctx), tidy_look, &found))
        return false;
    if (!found && clock_mono_us() - campaign_of(ctx)->tidied_us < REVISIONS_EVERY_US)
        return false;
    return sql_write(ctx, service_db(ctx), tidy_do, &more) && more;
}
