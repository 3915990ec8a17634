#include "services/crm/erasures.h"

#include "analytics_events.h"
#include "base/clock.h"
#include "base/id.h"
#include "services/crm/crm.h"
#include "services/crm/profiles.h"

#define SETTLE_US                                                                                  \
    (5 *                                                                                           \
     US_PER_S) /* what was told beside an answer is on the log by then, and files are written anew */
#define AT_ONCE 100              /* requests that share a compaction */
#define COMPACT_US (120 * US_PER_S) /* then it is asked for again */

static const struct str OWN = STR_INIT("crm");

/* The topics that hold what people are called. */
static const struct event_type *const erasable[] = { &CRM_PROFILE_UPDATED_V1_TYPE,
                                                     &ANALYTICS_TRAITS_TOLD_V1_TYPE };

/* ---- asked for ---- */

static bool answers_await(struct ctx *ctx, struct str request_id)
{
    const struct crm *app = ctx->app;
    struct str rest = str_of(app->answering), name;
    while (str_split(&rest, ',', &name))
        if (str_trim(name).len && !store_answer_await(ctx, request_id, str_trim(name)))
            return false;
    return store_answer_await(ctx, request_id, OWN);
}

bool erasure_ask(struct ctx *ctx, struct str profile_id, struct str *request_id)
{
    struct profile_row row;
    struct str *other_ids = ARENA_ARRAY(ctx->arena, struct str, STORE_OTHER_IDS);
    struct profile_erased erased = { .profile_id = profile_id,
                                     .other_ids = other_ids,
                                     .erased_at = clock_now_us() };
    if (store_erased(ctx, profile_id, request_id))
        return true;
    if (ctx_failed(ctx) || !profile_get(ctx, profile_id, &row) ||
        !store_other_ids(ctx, profile_id, other_ids, &erased.n_other_ids))
        return false;
    if (!erased.n_other_ids)
        erased.other_ids = NULL;
    erased.request_id = *request_id = id_new(ctx->arena, "ers");
    /* The tombstone first: the word that the profile is erased is what stays on the compacted topic. */
    return store_erase(ctx, profile_id, *request_id, erased.erased_at) &&
           answers_await(ctx, *request_id) && publish_profile_updated_tombstone(ctx, profile_id) &&
           publish_profile_erased(ctx, &erased);
}

/* ---- what became of it ---- */

static bool answers_read(struct ctx *ctx, struct erasure *out)
{
    struct erasure_answer_row *rows =
        ARENA_ARRAY(ctx->arena, struct erasure_answer_row, STORE_ANSWERS);
    size_t n_open = 0;
    if (!store_answers(ctx, out->request_id, rows, &out->n_services))
        return false;
    struct erasure_answer *services =
        ARENA_ARRAY(ctx->arena, struct erasure_answer, out->n_services);
    for (size_t i = 0; i < out->n_services; i++) {
        bool answered = rows[i].erased_us != 0;
        services[i] = (struct erasure_answer){ .service = rows[i].service,
                                               .state = answered ? ERASURE_STATE_ANSWERED
                                                                 : ERASURE_STATE_OPEN,
                                               .has_erased_at = answered,
                                               .erased_at = rows[i].erased_us };
        n_open += !answered;
    }
    out->services = services;
    out->state = n_open == 0 && out->n_services > 0 ? ERASURE_STATE_ANSWERED : ERASURE_STATE_OPEN;
    return true;
}

static bool compactions_read(struct ctx *ctx, struct erasure *out)
{
    struct compaction_row *rows = ARENA_ARRAY(ctx->arena, struct compaction_row, STORE_TOPICS);
    if (!store_compactions(ctx, out->request_id, rows, &out->n_compacted))
        return false;
    struct erasure_compaction *list =
        ARENA_ARRAY(ctx->arena, struct erasure_compaction, out->n_compacted);
    for (size_t i = 0; i < out->n_compacted; i++)
        list[i] = (struct erasure_compaction){ rows[i].topic, rows[i].compacted_us };
    out->compacted = list;
    return true;
}

bool erasure_of(struct ctx *ctx, const struct erasure_row *row, struct erasure *out)
{
    *out = (struct erasure){ .request_id = row->request_id,
                             .profile_id = row->profile_id,
                             .asked_at = row->asked_us,
                             .has_completed_at = row->completed_us != 0,
                             .completed_at = row->completed_us };
    if (!answers_read(ctx, out) || !compactions_read(ctx, out))
        return false;
    if (row->completed_us)
        out->state = ERASURE_STATE_COMPLETE;
    return true;
}

bool erasure_find(struct ctx *ctx, struct str request_id, struct erasure *out)
{
    struct erasure_row row;
    if (!store_erasure(ctx, request_id, &row))
        return !ctx_failed(ctx) &&
               ctx_fail(ctx, ERR_NOT_FOUND, "there is no such request to erase");
    return erasure_of(ctx, &row, out);
}

/* ---- the last word ---- */

/* It takes the place of the one that names the other ids. That it and our answer have come by the log says that the
 * tombstone before them is there too. */
static bool last_word_tell(struct ctx *ctx, const struct erasure_row *row)
{
    struct profile_erased last = { .profile_id = row->profile_id,
                                   .request_id = row->request_id,
                                   .erased_at = row->asked_us,
                                   .has_last = true,
                                   .last = true };
    struct erasure_done done = { .request_id = row->request_id,
                                 .profile_id = row->profile_id,
                                 .service = OWN,
                                 .erased_at = row->asked_us };
    return store_erasure_worded(ctx, row->request_id, clock_now_us()) &&
           publish_profile_erased(ctx, &last) && publish_erasure_done(ctx, &done);
}

struct found {
    struct erasure_row rows[AT_ONCE];
    size_t n;
};

static bool answered_find(struct ctx *ctx, void *found)
{
    struct found *out = found;
    return store_erasures_answered(ctx, OWN, AT_ONCE, out->rows, &out->n);
}

static bool last_words_tell(struct ctx *ctx, void *argument)
{
    struct found *found = argument;
    for (size_t i = 0; i < found->n; i++)
        if (!last_word_tell(ctx, &found->rows[i]))
            return false;
    return true;
}

/* ---- compaction ---- */

static bool worded_find(struct ctx *ctx, void *argument)
{
    const struct crm *app = ctx->app;
    struct found *found = argument;
    int64_t settled_us = clock_now_us() - (app->log_admin ? SETTLE_US : app->compacted_within_us);
    return store_erasures_worded(ctx, settled_us, AT_ONCE, found->rows, &found->n);
}

/* A topic that is not there holds nobody; but only the broker can say so, not whoever else answers at a wrong URL. */
static bool is_no_topic(const struct call *call)
{
    static const char says[] = "there is no such topic";
    return call->status == 404 && call->answer.len &&
           memmem(call->answer.ptr, call->answer.len, says, sizeof(says) - 1);
}

static bool topic_compact(struct ctx *ctx, const struct event_type *type)
{
    const struct crm *app = ctx->app;
    struct call call = { .peer = app->log_admin,
                         .method = "POST",
                         .path = arena_printf(ctx->arena, "/compact?topic=%s", type->topic),
                         .deadline_us = clock_mono_us() + COMPACT_US };
    client_call(ctx, &call, 1);
    return call.status == 200 || is_no_topic(&call) ||
           ctx_fail(ctx, ERR_UNAVAILABLE, "%s was not compacted: %d " STR_FMT, type->topic,
                    call.status, STR_ARG(call.error.detail));
}

static bool topics_compact(struct ctx *ctx)
{
    const struct crm *app = ctx->app;
    for (size_t i = 0; app->log_admin && i < COUNT(erasable); i++)
        if (!topic_compact(ctx, erasable[i]))
            return false;
    return true;
}

/* ---- the certificate ---- */

static bool complete(struct ctx *ctx, struct erasure_row *row, int64_t now_us)
{
    struct erasure erasure;
    for (size_t i = 0; i < COUNT(erasable); i++)
        if (!store_compacted(ctx, row->request_id,
                             &(struct compaction_row){ str_of(erasable[i]->topic), now_us }))
            return false;
    row->completed_us = now_us;
    return erasure_of(ctx, row, &erasure) &&
           store_erasure_complete(ctx, row->request_id, certificate_sign(ctx, &erasure), now_us);
}

static bool all_complete(struct ctx *ctx, void *argument)
{
    struct found *found = argument;
    int64_t now_us = clock_now_us();
    for (size_t i = 0; i < found->n; i++)
        if (!complete(ctx, &found->rows[i], now_us))
            return false;
    return true;
}

/* ---- the worker ---- */

static bool advance(struct ctx *ctx, bool (*find)(struct ctx *, void *),
                    bool (*go_on)(struct ctx *, void *), bool compact, bool *more)
{
    struct found *found = ARENA_NEW(ctx->arena, struct found);
    if (!sql_read(ctx, service_db(ctx), find, found))
        return false;
    *more |= found->n == AT_ONCE;
    return !found->n ||
           ((!compact || topics_compact(ctx)) && sql_write(ctx, service_db(ctx), go_on, found));
}

bool erasures_run(struct ctx *ctx)
{
    bool more = false;
    if (!advance(ctx, answered_find, last_words_tell, false, &more) ||
        !advance(ctx, worded_find, all_complete, true, &more)) {
        log_line(LOG_WARN, ctx, "erasures_wait", LOG_S("why", ctx->error.detail));
        return false;
    }
    return more;
}
