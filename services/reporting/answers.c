#include "services/reporting/answers.h"

#include "platform/service/service.h"

#define MOST_DAYS 1100 /* three years */
#define USUAL_DAYS 28
#define FIRST_DAY -719162 /* 0001-01-01, the first that can be written */

/* ---- what is asked for ---- */

struct str day_text(struct arena *arena, int64_t day)
{
    int year, month, of_month;
    clock_civil(day, &year, &month, &of_month);
    return arena_printf(arena, "%04d-%02d-%02d", year, month, of_month);
}

static bool day_read(struct ctx *ctx, struct str text, int64_t otherwise, const char *name,
                     int64_t *day)
{
    int64_t at_us;
    *day = otherwise;
    if (!text.ptr)
        return true;
    if (!clock_parse(text, true, &at_us))
        return ctx_fail_at(ctx, ERR_INVALID, arena_printf(ctx->arena, "query/%s", name),
                           "is no day such as 2026-01-31");
    *day = day_of(at_us);
    return true;
}

bool asked_read(struct ctx *ctx, struct str from, struct str to, struct str currency, bool always,
                struct asked *out)
{
    int64_t from_day, to_day;
    if (!day_read(ctx, to, day_of(clock_now_us()), "to", &to_day) ||
        !day_read(ctx, from, always ? FIRST_DAY : to_day - USUAL_DAYS + 1, "from", &from_day))
        return false;
    if (from_day > to_day)
        return ctx_fail_at(ctx, ERR_INVALID, STR("query/from"), "is after `to`");
    if (!always && to_day - from_day >= MOST_DAYS)
        return ctx_fail_at(ctx, ERR_INVALID, STR("query/from"), "is more than %d days before `to`",
                           MOST_DAYS - 1);
    if (!currency.ptr)
        currency = setting_text(ctx, "currency");
    *out = (struct asked){ .question = { .from_day = from_day, .to_day = to_day },
                           .from = day_text(ctx->arena, from_day),
                           .to = day_text(ctx->arena, to_day),
                           .currency = currency };
    memcpy(out->question.currency, currency.ptr, 3);
    return true;
}

/* ---- how new it is ---- */

const struct str *topics_heard(struct ctx *ctx, size_t *n)
{
    CLEANUP(model_done) struct model_use use = service_model(ctx);
    const struct projection_settings *settings = projection_settings(use.projection);
    struct str *topics = ARENA_ARRAY(ctx->arena, struct str, settings->n_reactions);
    *n = 0;
    for (size_t i = 0; i < settings->n_reactions; i++) {
        struct str topic = str_of(settings->reactions[i].event->topic);
        size_t k = 0;
        while (k < *n && !str_eq(topics[k], topic))
            k++;
        if (k == *n)
            topics[(*n)++] = topic;
    }
    return topics;
}

void freshness_of(struct ctx *ctx, const struct lmdb_read *read, struct str topic,
                  struct freshness_row *out)
{
    int64_t newest, behind = events_behind(service_events(ctx), topic);
    bool any = figures_newest(read, topic, &newest);
    *out = (struct freshness_row){ .topic = topic,
                                   .has_newest_at = any,
                                   .newest_at = newest,
                                   .has_behind = behind >= 0,
                                   .behind = behind };
}

void asked_look(struct ctx *ctx, const struct lmdb_read *read, struct asked *asked)
{
    size_t n;
    const struct str *topics = topics_heard(ctx, &n);
    asked->has_as_of = figures_newest(read, (struct str){ NULL, 0 }, &asked->as_of);
    for (size_t i = 0; i < n; i++) {
        int64_t behind = events_behind(service_events(ctx), topics[i]);
        asked->has_behind = asked->has_behind || behind >= 0;
        asked->behind += MAX(behind, 0);
    }
}

/* ---- figures ---- */

static bool share(int64_t part, int64_t of, double *out)
{
    *out = of > 0 ? (double)part / (double)of : 0;
    return of > 0;
}

#define SHARE(figures, rate, part, of) (figures).has_##rate = share((part), (of), &(figures).rate)

struct figures figures_answer(const struct row *row, bool whole)
{
    const int64_t *of = row->sums.of;
    struct figures f = {
        .visitors = of[MEASURE_visitors],
        .has_distinct_visitors = true,
        .distinct_visitors = row->distinct,
        .orders = of[MEASURE_orders],
        .revenue = of[MEASURE_revenue],
        .refunded = of[MEASURE_refunded],
        .impressions = of[MEASURE_impressions],
        .ad_clicks = of[MEASURE_ad_clicks],
        .spend = of[MEASURE_spend],
        .sent = of[MEASURE_sent],
        .delivered = of[MEASURE_delivered],
        .bounced = of[MEASURE_bounced],
        .failed = of[MEASURE_failed],
        .withheld = of[MEASURE_withheld],
        .doubted = of[MEASURE_doubted],
        .complained = of[MEASURE_complained],
        .opened = of[MEASURE_opened],
        .clicked = of[MEASURE_clicked],
        .unsubscribed = of[MEASURE_unsubscribed],
        .journeys_entered = of[MEASURE_journeys_entered],
        .journeys_ended = of[MEASURE_journeys_ended],
        .journeys_won = of[MEASURE_journeys_won],
        .net_revenue = (int64_t)((uint64_t)of[MEASURE_revenue] - (uint64_t)of[MEASURE_refunded]),
        .has_published = whole,
        .published = of[MEASURE_published],
        .has_points_earned = whole,
        .points_earned = of[MEASURE_points_earned],
        .has_points_spent = whole,
        .points_spent = of[MEASURE_points_spent],
    };
    SHARE(f, conversion, f.orders, f.visitors);
    SHARE(f, delivery_rate, f.delivered, f.sent + f.failed);
    SHARE(f, bounce_rate, f.bounced, f.sent);
    SHARE(f, complaint_rate, f.complained, f.delivered);
    SHARE(f, open_rate, f.opened, f.delivered);
    SHARE(f, click_rate, f.clicked, f.delivered);
    SHARE(f, unsubscribe_rate, f.unsubscribed, f.delivered);
    SHARE(f, return_on_spend, row->ads_net, f.spend);
    return f;
}

static struct lasting lasting_answer(struct ctx *ctx, const struct lmdb_read *read,
                                     enum lasting_kind what, const struct question *question,
                                     struct str campaign_id)
{
    struct lasted lasted;
    figures_lasted(ctx, read, what, question, campaign_id, &lasted);
    return (struct lasting){ .messages = lasted.n,
                             .has_p50_s = lasted.n > 0,
                             .p50_s = (double)lasted.p50_us / US_PER_S,
                             .has_p95_s = lasted.n > 0,
                             .p95_s = (double)lasted.p95_us / US_PER_S };
}

struct time_to_inbox inbox_answer(struct ctx *ctx, const struct lmdb_read *read,
                                  const struct question *question, struct str campaign_id)
{
    return (struct time_to_inbox){
        .accepted = lasting_answer(ctx, read, LASTING_ACCEPTED, question, campaign_id),
        .opened = lasting_answer(ctx, read, LASTING_OPENED, question, campaign_id),
    };
}

struct day_row *days_answer(struct ctx *ctx, const struct overview *overview,
                            const struct question *question, size_t *n)
{
    *n = (size_t)(question->to_day - question->from_day + 1);
    struct day_row *rows = ARENA_ARRAY(ctx->arena, struct day_row, *n);
    for (size_t i = 0; i < *n; i++)
        rows[i] = (struct day_row){ .day = day_text(ctx->arena, question->from_day + (int64_t)i),
                                    .figures = figures_answer(&overview->days[i], true) };
    return rows;
}

struct channel_row *channels_answer(struct ctx *ctx, const struct overview *overview, size_t *n)
{
    static const char *const names[] = {
#define X(name, text) [CHANNEL_##name] = text,
        CHANNELS(X)
#undef X
    };
    struct channel_row *rows = ARENA_ARRAY(ctx->arena, struct channel_row, N_CHANNELS);
    *n = 0;
    for (int i = CHANNEL_ALL + 1; i < N_CHANNELS; i++)
        rows[(*n)++] =
            (struct channel_row){ .channel = channel_row_channel_parse(str_of(names[i])),
                                  .figures = figures_answer(&overview->channels[i], false) };
    return rows;
}

bool dashboard_answer(struct ctx *ctx, const struct lmdb_read *read, struct asked *asked,
                      struct dashboard *out)
{
    struct overview *overview = ARENA_NEW(ctx->arena, struct overview);
    figures_overview(ctx, read, &asked->question, overview);
    asked_look(ctx, read, asked);
    struct currency_row *currencies =
        ARENA_ARRAY(ctx->arena, struct currency_row, overview->n_currencies);
    for (size_t i = 0; i < overview->n_currencies; i++)
        currencies[i] = (struct currency_row){ str_of(overview->currencies[i].currency),
                                               overview->currencies[i].orders };
    *out = (struct dashboard){
        ASKED(asked),
        .currencies = currencies,
        .n_currencies = overview->n_currencies,
        .figures = figures_answer(&overview->total, true),
        .time_to_inbox = inbox_answer(ctx, read, &asked->question, (struct str){ NULL, 0 }),
    };
    out->days = days_answer(ctx, overview, &asked->question, &out->n_days);
    out->channels = channels_answer(ctx, overview, &out->n_channels);
    return !ctx_failed(ctx);
}

/* ---- campaigns ---- */

#define MOST_ENTRIES 5000 /* of the history of one campaign */

static enum campaign_state state_after(enum campaign_state state, enum told what,
                                       const struct json *data)
{
    struct str step = json_str(json_get(data, "state"));
    switch (what) {
    case TOLD_SCHEDULED:
        return CAMPAIGN_STATE_SCHEDULED;
    case TOLD_STEPPED:
        return str_is(step, "undoing") || str_is(step, "undone") ? CAMPAIGN_STATE_UNDOING
                                                                 : CAMPAIGN_STATE_LAUNCHING;
    case TOLD_LAUNCHED:
    case TOLD_RESUMED:
        return CAMPAIGN_STATE_LAUNCHED;
    case TOLD_PAUSED:
        return CAMPAIGN_STATE_PAUSED;
    case TOLD_FAILED:
        return CAMPAIGN_STATE_FAILED;
    case TOLD_CANCELLED:
        return CAMPAIGN_STATE_CANCELLED;
    case TOLD_COMPLETED:
        return CAMPAIGN_STATE_COMPLETED;
    default:
        return state;
    }
}

static struct launch_step step_of(const struct launch_entry *entry)
{
    const struct json *data = entry->data;
    return (
        struct launch_step){ .at = entry->at_us,
                             .step = launch_step_step_parse(json_str(json_get(data, "step"))),
                             .state = launch_step_state_parse(json_str(json_get(data, "state"))),
                             .attempt = json_int(json_get(data, "attempt")),
                             .reason = json_str(json_get(data, "reason")) };
}

static void launch_ends(struct launch *launch, const struct launch_entry *entry)
{
    launch->has_ended_at = true;
    launch->ended_at = entry->at_us;
    launch->reason = json_str(json_get(entry->data, "reason"));
}

/* What one entry says of its launch. */
static void launch_add(struct launch *launch, const struct launch_entry *entry)
{
    const struct json *data = entry->data;
    launch->state = state_after(launch->state, entry->what, data);
    switch (entry->what) {
    case TOLD_SCHEDULED:
        launch->has_starts_at =
            clock_parse(json_str(json_get(data, "starts_at")), false, &launch->starts_at);
        break;
    case TOLD_STEPPED:
        ((struct launch_step *)launch->steps)[launch->n_steps++] = step_of(entry);
        break;
    case TOLD_COUNTED:
        launch->has_recipients = launch->has_withheld = launch->has_held_out = true;
        launch->recipients = json_int(json_get(data, "recipients"));
        launch->withheld = json_int(json_get(data, "withheld"));
        launch->held_out = json_int(json_get(data, "held_out"));
        break;
    case TOLD_LAUNCHED:
        launch->has_launched_at = true;
        launch->launched_at = entry->at_us;
        break;
    case TOLD_WINNER:
        launch->winner = json_str(json_get(data, "variant"));
        break;
    case TOLD_FAILED:
    case TOLD_CANCELLED:
    case TOLD_COMPLETED:
        launch_ends(launch, entry);
        break;
    default:
        break;
    }
}

static size_t entries_of(const struct launch_entry *entries, size_t n, struct str launch_id)
{
    size_t of = 0;
    for (size_t i = 0; i < n; i++)
        of += str_eq(json_str(json_get(entries[i].data, "launch_id")), launch_id);
    return of;
}

/* In the order in which they were first heard of. */
static struct launch *launches_of(struct ctx *ctx, const struct launch_entry *entries,
                                  size_t n_entries, size_t *n)
{
    struct launch *launches = ARENA_ARRAY(ctx->arena, struct launch, n_entries);
    *n = 0;
    for (size_t i = 0; i < n_entries; i++) {
        struct str launch_id = json_str(json_get(entries[i].data, "launch_id"));
        size_t k = 0;
        while (k < *n && !str_eq(launches[k].launch_id, launch_id))
            k++;
        if (k == *n) {
            size_t most = entries_of(entries, n_entries, launch_id);
            launches[(*n)++] = (struct launch){
                .launch_id = launch_id,
                .state = CAMPAIGN_STATE_LAUNCHING,
                .steps = ARENA_ARRAY(ctx->arena, struct launch_step, most),
            };
        }
        launch_add(&launches[k], &entries[i]);
    }
    return launches;
}

struct story {
    bool planned;
    struct campaign_saved plan;
    struct launch *launches;
    size_t n_launches;
    enum campaign_state state;
    int64_t recipients; /* of launches that went out */
};

static bool story_read(struct ctx *ctx, const struct lmdb_read *read, struct str campaign_id,
                       struct story *out)
{
    struct launch_entry *entries;
    size_t n;
    *out = (struct story){ 0 };
    out->planned = campaign_plan(ctx, read, campaign_id, &out->plan);
    if (ctx_failed(ctx) || !campaign_history(ctx, read, campaign_id, MOST_ENTRIES, &entries, &n))
        return false;
    out->launches = launches_of(ctx, entries, n, &out->n_launches);
    out->state = out->planned ? CAMPAIGN_STATE_PLANNED : CAMPAIGN_STATE_UNKNOWN;
    for (size_t i = 0; i < out->n_launches; i++) {
        out->state = out->launches[i].state;
        if (out->launches[i].has_launched_at)
            out->recipients += out->launches[i].recipients;
    }
    return true;
}

static bool completion_of(const struct story *story, const struct row *always, double *out)
{
    return share(always->sums.of[MEASURE_completed], story->recipients, out);
}

static struct str name_of(const struct story *story)
{
    return story->planned ? story->plan.name : (struct str){ NULL, 0 };
}

bool campaign_answer(struct ctx *ctx, const struct lmdb_read *read, struct asked *asked,
                     struct str campaign_id, struct campaign *out)
{
    struct story story;
    struct campaign_figures figures = { .campaign_id = campaign_id };
    if (!story_read(ctx, read, campaign_id, &story))
        return false;
    figures_campaign(read, &asked->question, &figures);
    if (story.state == CAMPAIGN_STATE_UNKNOWN && figures.first_day == INT64_MAX)
        return ctx_fail(ctx, ERR_NOT_FOUND, "nothing was heard of this campaign");
    asked_look(ctx, read, asked);
    if (asked->question.from_day == FIRST_DAY)
        asked->from = day_text(ctx->arena, MIN(figures.first_day, asked->question.to_day));
    *out = (struct campaign){
        ASKED(asked),
        .campaign_id = campaign_id,
        .name = name_of(&story),
        .has_state = story.state != CAMPAIGN_STATE_UNKNOWN,
        .state = story.state,
        .figures = figures_answer(&figures.row, false),
        .time_to_inbox = inbox_answer(ctx, read, &asked->question, campaign_id),
        .launches = story.launches,
        .n_launches = story.n_launches,
    };
    out->has_completion = completion_of(&story, &figures.always, &out->completion);
    if (story.planned) {
        out->goal = story.plan.goal;
        out->budget = story.plan.budget;
    }
    return true;
}

bool campaigns_answer(struct ctx *ctx, const struct lmdb_read *read, struct asked *asked,
                      struct str after, size_t limit, struct campaign_list *out)
{
    struct campaign_figures *list;
    size_t n;
    figures_campaigns(ctx, read, &asked->question, after, limit + 1, &list, &n);
    asked_look(ctx, read, asked);
    struct campaign_row *rows = ARENA_ARRAY(ctx->arena, struct campaign_row, MIN(n, limit));
    for (size_t i = 0; i < MIN(n, limit); i++) {
        struct story story;
        if (!story_read(ctx, read, list[i].campaign_id, &story))
            return false;
        rows[i] = (struct campaign_row){ .campaign_id = list[i].campaign_id,
                                         .name = name_of(&story),
                                         .has_state = story.state != CAMPAIGN_STATE_UNKNOWN,
                                         .state = story.state,
                                         .figures = figures_answer(&list[i].row, false) };
        rows[i].has_completion = completion_of(&story, &list[i].always, &rows[i].completion);
    }
    *out = (struct campaign_list){ ASKED(asked), .items = rows, .n_items = MIN(n, limit) };
    if (n > limit)
        out->next_cursor = sql_cursor(ctx->arena, &rows[limit - 1].campaign_id, 1);
    return true;
}
