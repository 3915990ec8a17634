#include "services/reporting/reactions.h"

#include "services/reporting/launches.h"
#include "services/reporting/mail.h"
#include "services/reporting/people.h"
#include "services/reporting/purchases.h"

static enum outcome done(struct ctx *ctx, bool ok)
{
    return ok && model_heard(ctx, ctx->model) ? DONE : outcome_of(ctx);
}

/* ---- content ---- */

/* Of ENTRIES. The topic keeps only the newest of each entry: so does this. */
struct entry {
    int64_t at_us, shown;
};

static bool count_entry(struct ctx *ctx, const struct entry *entry, int64_t n)
{
    struct cell cell = { .at_us = entry->at_us, .channel = CHANNEL_ALL };
    return !entry->shown || cell_add(ctx, ctx->model, &cell, MEASURE_published, n);
}

static enum outcome entry_is(struct ctx *ctx, struct str entry_id, int64_t at_us, bool shown)
{
    struct entry before = { .at_us = INT64_MIN }, after = { at_us, shown };
    struct str record = lmdb_get_for_update(ctx, ctx->model, TABLE_ENTRIES, entry_id);
    if (record.len == sizeof(before))
        memcpy(&before, record.ptr, sizeof(before));
    if (at_us < before.at_us || (at_us == before.at_us && shown <= before.shown))
        return done(ctx, !ctx_failed(ctx));
    return done(ctx, count_entry(ctx, &before, -1) && count_entry(ctx, &after, 1) &&
                         lmdb_put(ctx, ctx->model, TABLE_ENTRIES, entry_id,
                                  (struct str){ (const char *)&after, sizeof(after) }));
}

enum outcome on_entry_published(struct ctx *ctx, const struct entry_published *event)
{
    return entry_is(ctx, event->entry_id, event->published_at, true);
}

enum outcome on_entry_unpublished(struct ctx *ctx, const struct entry_unpublished *event)
{
    return entry_is(ctx, event->entry_id, event->unpublished_at, false);
}

/* ---- campaigns ---- */

enum outcome on_campaign_saved(struct ctx *ctx, const struct campaign_saved *event)
{
    return done(ctx, campaign_planned(ctx, ctx->model, event));
}

#define ON_LAUNCH(event_name, what, moment)                                                        \
    enum outcome on_##event_name(struct ctx *ctx, const struct event_name *event)                  \
    {                                                                                              \
        return done(ctx, launch_told(ctx, ctx->model, event->campaign_id, event->launch_id, what,  \
                                     event->moment, event_name##_encode(ctx, event)));             \
    }

ON_LAUNCH(campaign_scheduled, TOLD_SCHEDULED, scheduled_at)
ON_LAUNCH(campaign_launched, TOLD_LAUNCHED, launched_at)
ON_LAUNCH(campaign_failed, TOLD_FAILED, failed_at)
ON_LAUNCH(campaign_paused, TOLD_PAUSED, paused_at)
ON_LAUNCH(campaign_resumed, TOLD_RESUMED, resumed_at)
ON_LAUNCH(campaign_cancelled, TOLD_CANCELLED, cancelled_at)
ON_LAUNCH(campaign_completed, TOLD_COMPLETED, completed_at)
ON_LAUNCH(launch_stepped, TOLD_STEPPED, stepped_at)
ON_LAUNCH(winner_chosen, TOLD_WINNER, chosen_at)
ON_LAUNCH(delivery_counted, TOLD_COUNTED, counted_at)
ON_LAUNCH(delivery_finished, TOLD_FINISHED, finished_at)

/* Each visit of a journey is counted once when it begins and once when it ends. */
enum outcome on_journey_moved(struct ctx *ctx, const struct journey_moved *event)
{
    bool first, entered = event->state == JOURNEY_MOVED_STATE_ENTERED;
    struct cell cell = { .at_us = event->moved_at,
                         .channel = CHANNEL_ALL,
                         .campaign = event->journey_id };
    struct sums sums = { 0 };
    if (!entered && event->state != JOURNEY_MOVED_STATE_EXITED)
        return done(ctx, true);
    if (!model_once(ctx, ctx->model, entered ? 'j' : 'k', event->visit_id, &first))
        return outcome_of(ctx);
    sums.of[entered ? MEASURE_journeys_entered : MEASURE_journeys_ended] = 1;
    sums.of[MEASURE_journeys_won] = !entered && event->has_reason &&
                                    event->reason == JOURNEY_MOVED_REASON_GOAL;
    return done(ctx, !first || cell_change(ctx, ctx->model, &cell, &sums));
}

/* ---- mail ---- */

static enum outcome mail(struct ctx *ctx, struct mail_news news)
{
    return done(ctx, mail_heard(ctx, ctx->model, &news));
}

#define ON_MESSAGE(event_name, what, moment)                                                       \
    enum outcome on_##event_name(struct ctx *ctx, const struct event_name *event)                  \
    {                                                                                              \
        return mail(ctx, (struct mail_news){ event->message_id, event->campaign_id, what,          \
                                             .at_us = event->moment,                               \
                                             .of_launch = event->launch_id.ptr != NULL });         \
    }

ON_MESSAGE(message_delivered, MAIL_DELIVERED, delivered_at)
ON_MESSAGE(message_bounced, MAIL_BOUNCED, bounced_at)
ON_MESSAGE(message_failed, MAIL_FAILED, failed_at)
ON_MESSAGE(message_withheld, MAIL_WITHHELD, withheld_at)
ON_MESSAGE(message_doubted, MAIL_DOUBTED, doubted_at)
ON_MESSAGE(message_complained, MAIL_COMPLAINED, complained_at)
ON_MESSAGE(message_unsubscribed, MAIL_UNSUBSCRIBED, unsubscribed_at)

enum outcome on_message_sent(struct ctx *ctx, const struct message_sent *event)
{
    return mail(ctx, (struct mail_news){ event->message_id, event->campaign_id, MAIL_SENT,
                                         event->sent_at,
                                         event->has_scheduled_at ? event->scheduled_at : 0,
                                         event->launch_id.ptr != NULL });
}

enum outcome on_message_opened(struct ctx *ctx, const struct message_opened *event)
{
    if (event->machine)
        return done(ctx, true);
    return mail(ctx, (struct mail_news){ event->message_id, event->campaign_id, MAIL_OPENED,
                                         .at_us = event->opened_at });
}

enum outcome on_message_clicked(struct ctx *ctx, const struct message_clicked *event)
{
    struct touch touch = { CHANNEL_EMAIL, event->campaign_id.ptr ? event->campaign_id : STR("") };
    struct mail_news news = { event->message_id, event->campaign_id, MAIL_CLICKED,
                              .at_us = event->clicked_at };
    return done(ctx, event->machine || (mail_heard(ctx, ctx->model, &news) &&
                                        people_touched(ctx, ctx->model, event->person_id,
                                                       event->clicked_at, &touch)));
}

/* ---- visits ---- */

static bool is_claim(struct str visitor_id, struct str customer_id)
{
    return visitor_id.len && customer_id.len;
}

enum outcome on_event_recorded(struct ctx *ctx, const struct event_recorded *event)
{
    struct touch touch;
    bool seen = event->kind == EVENT_RECORDED_KIND_PAGE ||
                event->kind == EVENT_RECORDED_KIND_SCREEN;
    if (is_claim(event->anonymous_id, event->user_id) &&
        !people_claimed(ctx, ctx->model, event->anonymous_id, event->user_id, event->occurred_at))
        return outcome_of(ctx);
    if (!seen)
        return done(ctx, true);
    if (touch_of(ctx, event->context, event->properties, &touch) &&
        !people_touched(ctx, ctx->model, event->person_id, event->occurred_at, &touch))
        return outcome_of(ctx);
    return done(ctx, people_visited(ctx, ctx->model, event->person_id, event->occurred_at));
}

enum outcome on_page_viewed(struct ctx *ctx, const struct page_viewed *event)
{
    if (is_claim(event->visitor_id, event->customer_id) &&
        !people_claimed(ctx, ctx->model, event->visitor_id, event->customer_id, event->viewed_at))
        return outcome_of(ctx);
    return done(ctx, people_visited(ctx, ctx->model, event->person_id, event->viewed_at));
}

/* ---- orders and points ---- */

enum outcome on_order_placed(struct ctx *ctx, const struct order_placed *event)
{
    return done(ctx, people_ordered(ctx, ctx->model, event->order_id, event->customer_id,
                                    event->total, event->placed_at));
}

enum outcome on_order_refunded(struct ctx *ctx, const struct order_refunded *event)
{
    return done(ctx,
                purchase_refunded(ctx, ctx->model, event->order_id, event->refunded_total.amount));
}

enum outcome on_order_changed(struct ctx *ctx, const struct order_changed *event)
{
    return done(ctx, purchase_changed(ctx, ctx->model, event->order_id, event->change,
                                      event->total.amount));
}

enum outcome on_order_cancelled(struct ctx *ctx, const struct order_cancelled *event)
{
    return done(ctx, purchase_cancelled(ctx, ctx->model, event->order_id));
}

static enum outcome points(struct ctx *ctx, struct str entry_id, int64_t at_us,
                           enum measure measure, int64_t n)
{
    bool first;
    struct cell cell = { .at_us = at_us, .channel = CHANNEL_ALL };
    if (!model_once(ctx, ctx->model, 'p', entry_id, &first))
        return outcome_of(ctx);
    return done(ctx, !first || cell_add(ctx, ctx->model, &cell, measure, n));
}

enum outcome on_points_earned(struct ctx *ctx, const struct points_earned *event)
{
    return points(ctx, event->entry_id, event->earned_at, MEASURE_points_earned, event->points);
}

enum outcome on_points_spent(struct ctx *ctx, const struct points_spent *event)
{
    return points(ctx, event->entry_id, event->spent_at, MEASURE_points_spent, event->points);
}

/* ---- ads ---- */

static struct cell ads_cell(struct str campaign_id, int64_t at_us, const char *currency)
{
    return (struct cell){ .at_us = at_us,
                          .channel = CHANNEL_ADS,
                          .currency = currency,
                          .campaign = campaign_id.ptr ? campaign_id : STR("") };
}

enum outcome on_impression_recorded(struct ctx *ctx, const struct impression_recorded *event)
{
    bool first;
    struct cell cell = ads_cell(event->campaign_id, event->seen_at, NULL);
    if (!model_once(ctx, ctx->model, 'i', event->impression_id, &first))
        return outcome_of(ctx);
    return done(ctx, !first || cell_add(ctx, ctx->model, &cell, MEASURE_impressions, 1));
}

enum outcome on_click_recorded(struct ctx *ctx, const struct click_recorded *event)
{
    bool first;
    struct cell cell = ads_cell(event->campaign_id, event->clicked_at, NULL);
    struct touch touch = { CHANNEL_ADS, cell.campaign };
    if (!model_once(ctx, ctx->model, 'c', event->impression_id, &first))
        return outcome_of(ctx);
    return done(ctx, !first || (cell_add(ctx, ctx->model, &cell, MEASURE_ad_clicks, 1) &&
                                people_touched(ctx, ctx->model, event->person_id, event->clicked_at,
                                               &touch)));
}

/* What the house shows is told one by one; of outside networks this is all that is known. */
enum outcome on_spend_recorded(struct ctx *ctx, const struct spend_recorded *event)
{
    bool first;
    struct cell seen = ads_cell(event->campaign_id, event->from, NULL);
    struct cell paid = ads_cell(event->campaign_id, event->from, event->amount.currency);
    struct sums sums = { 0 };
    if (!model_once(ctx, ctx->model, 's', event->spend_id, &first))
        return outcome_of(ctx);
    if (!str_is(event->network, "house")) {
        sums.of[MEASURE_impressions] = event->impressions - event->impressions_taken_back;
        sums.of[MEASURE_ad_clicks] = event->clicks - event->clicks_taken_back;
    }
    return done(ctx,
                !first || (cell_change(ctx, ctx->model, &seen, &sums) &&
                           cell_add(ctx, ctx->model, &paid, MEASURE_spend, event->amount.amount)));
}

/* ---- erasing ---- */

enum outcome on_profile_erased(struct ctx *ctx, const struct profile_erased *event)
{
    struct erasure_done answer = { .request_id = event->request_id,
                                   .profile_id = event->profile_id,
                                   .service = STR("reporting"),
                                   .erased_at = clock_now_us() };
    bool erased = people_erased(ctx, ctx->model, event->profile_id);
    for (size_t i = 0; erased && i < event->n_other_ids; i++)
        erased = people_erased(ctx, ctx->model, event->other_ids[i]);
    return done(ctx, erased && publish_erasure_done(ctx, &answer));
}
