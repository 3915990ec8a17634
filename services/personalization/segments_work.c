#include "services/personalization/segments_work.h"

#include "base/clock.h"
#include "services/personalization/people_sweep.h"
#include "services/personalization/people_tell.h"
#include "services/personalization/personalization.h"
#include "services/personalization/store_segments.h"
#include "personalization_events.h"

#define AT_ONCE 500
#define MARK_DEFINITIONS STR("@definitions")
#define MARK_DAY STR("@day")
#define MOMENT_US (60 * US_PER_S) /* how late somebody may enter or leave to whom nothing happens */

bool segments_load(struct ctx *ctx)
{
    struct personalization *app = ctx->app;
    int64_t revision;
    if (!store_revision(ctx, &revision))
        return false;
    struct segment_set *set = segment_set_read(ctx, revision);
    if (set)
        segment_shelf_put(app->segments, set);
    return set != NULL;
}

/* ---- lists ---- */

struct list_page {
    struct list_row after, *rows;
    size_t n;
};

static bool read_list_page(struct ctx *ctx, void *argument)
{
    struct list_page *page = argument;
    page->rows = ARENA_ARRAY(ctx->arena, struct list_row, AT_ONCE);
    return store_list_rows(ctx, &page->after, AT_ONCE, page->rows, &page->n);
}

/* The changes since the last that was taken over; several of them may share a number. */
static bool take_lists(struct ctx *ctx, struct people *people)
{
    int64_t change;
    if (!people_list_change(ctx, people, &change))
        return false;
    struct list_page page = { .after = { .change = change + 1 } };
    do {
        CLEANUP(arena_freep) struct arena *arena = arena_new(0);
        struct ctx own = *ctx;
        own.arena = arena;
        bool ok = sql_read(&own, service_db(ctx), read_list_page, &page);
        bool last = ok && page.n < AT_ONCE;
        if (!ok || (page.n && !people_list_take(&own, people, page.rows, page.n,
                                                last ? page.rows[page.n - 1].change : 0)))
            return ctx_fail(ctx, own.error.code, STR_FMT, STR_ARG(own.error.detail));
        if (last)
            return true;
        page.after = page.rows[page.n - 1];
        page.after.segment_id = arena_str(ctx->arena, page.after.segment_id);
        page.after.person_id = arena_str(ctx->arena, page.after.person_id);
    } while (true);
}

/* ---- telling ---- */

/* Whoever tells must have come at least as far as who told before, in everything that memberships are made of: then the
 * one's answer stands for the other's, and each change is told once, whichever instance does it. */
struct telling {
    struct untold items[AT_ONCE];
    size_t n;
    struct mark *marks;
    size_t n_marks;
    bool behind;
};

static bool compare_mark(void *argument, struct str name, int64_t next)
{
    struct telling *telling = argument;
    int64_t ours = -1;
    for (size_t i = 0; i < telling->n_marks && ours < 0; i++)
        if (str_eq(telling->marks[i].name, name)) {
            ours = telling->marks[i].next;
            if (ours == next)
                telling->marks[i].name = (struct str){ NULL, 0 }; /* need not be written */
        }
    /* A day that is further ahead was told by a clock that was wrong. */
    telling->behind |= ours < next && !(str_eq(name, MARK_DAY) && next > ours + 1);
    return true;
}

static bool tell_one(struct ctx *ctx, const struct untold *untold)
{
    bool changed;
    struct membership_changed event = { .person_id = untold->person_id,
                                        .segment_id = untold->segment_id,
                                        .state = untold->member ? MEMBERSHIP_CHANGED_STATE_ENTERED
                                                                : MEMBERSHIP_CHANGED_STATE_LEFT,
                                        .changed_at = untold->at_us };
    return store_told_put(ctx, untold->segment_id, untold->person_id, untold->member, &changed) &&
           (!changed || publish_membership_changed(ctx, &event));
}

static bool tell_all(struct ctx *ctx, void *argument)
{
    struct telling *telling = argument;
    struct mark *marks = ARENA_ARRAY(ctx->arena, struct mark, telling->n_marks);
    struct telling own = *telling; /* may be run again */
    memcpy(marks, telling->marks, telling->n_marks * sizeof *marks);
    own.marks = marks;
    own.behind = false;
    if (!store_tell_lock(ctx) || !store_told_marks(ctx, compare_mark, &own))
        return false;
    telling->behind = own.behind;
    for (size_t i = 0; !own.behind && i < own.n; i++)
        if (!tell_one(ctx, &own.items[i]))
            return false;
    for (size_t i = 0; !own.behind && i < own.n_marks; i++)
        if (marks[i].name.ptr && !store_told_mark_put(ctx, marks[i].name, marks[i].next))
            return false;
    return true;
}

static bool tell(struct ctx *ctx, struct people *people, bool *more)
{
    struct personalization *app = ctx->app;
    struct telling *telling = ARENA_NEW(ctx->arena, struct telling);
    struct mark *marks;
    size_t n_marks;
    *more = false;
    int32_t day = (int32_t)(clock_now_us() / US_PER_DAY);
    telling->n = AT_ONCE;
    if (!people_untold(ctx, people, telling->items, &telling->n, &marks, &n_marks))
        return false;
    if (telling->n == 0)
        return true;
    telling->marks = ARENA_ARRAY(ctx->arena, struct mark, n_marks + 2);
    if (n_marks)
        memcpy(telling->marks, marks, n_marks * sizeof *marks);
    telling->marks[n_marks] = (struct mark){ MARK_DEFINITIONS, app->caught_up_revision };
    telling->marks[n_marks + 1] = (struct mark){ MARK_DAY, day };
    telling->n_marks = n_marks + 2;
    if (!sql_write(ctx, service_db(ctx), tell_all, telling))
        return false;
    if (telling->behind)
        return true;
    *more = telling->n == AT_ONCE;
    return people_told(ctx, people, telling->items, telling->n);
}

/* ---- a round ---- */

static bool load_in(struct ctx *ctx, void *argument)
{
    return segments_load(ctx);
}

/* What has changed in SQL since this model was looked at last. */
static bool follow_definitions(struct ctx *ctx, struct people *people)
{
    struct personalization *app = ctx->app;
    int64_t revision = definitions_revision(app->definitions);
    bool changed;
    if (revision != segment_shelf_revision(app->segments) &&
        !sql_read(ctx, service_db(ctx), load_in, NULL))
        return false;
    revision = segment_shelf_revision(app->segments);
    if (app->caught_up_revision == revision && app->caught_up_model == people)
        return true;
    if (!take_lists(ctx, people) || !people_catch_up(ctx, people, &changed))
        return false;
    app->caught_up_revision = revision;
    app->caught_up_model = people;
    app->moment = 0;
    return true;
}

/* Once a minute: it is a walk over everybody, on columns. */
static bool pass_moment(struct ctx *ctx, struct people *people)
{
    struct personalization *app = ctx->app;
    int64_t moment = clock_now_us() / MOMENT_US;
    if (moment != app->moment && !people_pass_moment(ctx, people))
        return false;
    app->moment = moment;
    return true;
}

bool segments_work(struct ctx *ctx)
{
    CLEANUP(model_done) struct model_use use = service_model(ctx);
    struct people *people = use.model;
    bool more_due, more_told;
    if (!follow_definitions(ctx, people) || !pass_moment(ctx, people) ||
        !people_pass_day(ctx, people, &more_due))
        return false;
    if (more_due)
        return true;
    people_forget_columns(people);
    return tell(ctx, people, &more_told) && more_told;
}
