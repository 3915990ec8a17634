#include "services/personalization/reactions.h"

#include <ctype.h>
#include <math.h>

#include "base/clock.h"
#include "services/personalization/exposures.h"
#include "services/personalization/personalization.h"

#define MOST_AMOUNT 1e9 /* of one event, in whole units: a thousand of them fit into a sum by far */

static bool is_experiment(struct str id)
{
    return str_starts(id, STR("exm_"));
}

static int32_t today(void)
{
    return (int32_t)(clock_now_us() / US_PER_DAY);
}

/* Reads the person, lets `change` work on it, and puts it back; nothing when the person was erased. */
static enum outcome with_person(struct ctx *ctx, struct str person_id,
                                void (*change)(struct ctx *ctx, struct person *person,
                                               const void *event),
                                const void *event)
{
    struct person *room = ARENA_NEW(ctx->arena, struct person), *person;
    if (!people_update(ctx, ctx->model, person_id, room, &person))
        return outcome_of(ctx);
    if (!person)
        return DONE;
    change(ctx, person, event);
    return people_put(ctx, ctx->model, person_id, person) ? DONE : outcome_of(ctx);
}

static int64_t in_currency(struct ctx *ctx, struct money amount)
{
    const struct personalization *app = ctx->app;
    return strcmp(app->currency, amount.currency) == 0 ? amount.amount : 0;
}

static void add_order(struct ctx *ctx, struct person *person, const void *event)
{
    const struct order_placed *placed = event;
    int64_t amount = in_currency(ctx, placed->total);
    history_add(ctx->arena, &person->orders, placed->placed_at, amount, today());
    person->spent += amount;
}

enum outcome on_order_placed(struct ctx *ctx, const struct order_placed *placed)
{
    return with_person(ctx, placed->customer_id, add_order, placed);
}

static void add_difference(struct ctx *ctx, struct person *person, const void *event)
{
    const struct order_changed *changed = event;
    person->spent += in_currency(ctx, changed->total) - in_currency(ctx, changed->total_before);
}

enum outcome on_order_changed(struct ctx *ctx, const struct order_changed *changed)
{
    return with_person(ctx, changed->customer_id, add_difference, changed);
}

static void add_refund(struct ctx *ctx, struct person *person, const void *event)
{
    person->refunded += in_currency(ctx, ((const struct order_refunded *)event)->refund);
}

enum outcome on_order_refunded(struct ctx *ctx, const struct order_refunded *refunded)
{
    return with_person(ctx, refunded->customer_id, add_refund, refunded);
}

static void add_cancellation(struct ctx *ctx, struct person *person, const void *event)
{
    person->refunded += in_currency(ctx, ((const struct order_cancelled *)event)->total);
}

enum outcome on_order_cancelled(struct ctx *ctx, const struct order_cancelled *cancelled)
{
    return with_person(ctx, cancelled->customer_id, add_cancellation, cancelled);
}

static void add_view(struct ctx *ctx, struct person *person, const void *event)
{
    history_add(ctx->arena, &person->visits, ((const struct page_viewed *)event)->viewed_at, 0,
                today());
}

/* What a page has shown of experiments. */
static bool note_shown(struct ctx *ctx, const struct page_viewed *viewed)
{
    for (size_t i = 0; i < viewed->n_shown; i++) {
        const struct page_viewed_shown *shown = &viewed->shown[i];
        struct exposure seen = { shown->experience_id, shown->variant, viewed->viewed_at, false };
        if (is_experiment(seen.experiment_id) &&
            !exposure_note(ctx, ctx->model, viewed->person_id, &seen))
            return false;
    }
    return true;
}

enum outcome on_page_viewed(struct ctx *ctx, const struct page_viewed *viewed)
{
    enum outcome outcome = with_person(ctx, viewed->person_id, add_view, viewed);
    return outcome != DONE || note_shown(ctx, viewed) ? outcome : outcome_of(ctx);
}

/* What a tracked event is worth: the first of these properties that is a number. */
static int64_t amount_of(const struct json *properties)
{
    static const char *const names[] = { "revenue", "value" };
    for (size_t i = 0; i < COUNT(names); i++) {
        const struct json *property = json_get(properties, names[i]);
        double amount = json_double(property);
        if (json_type(property) >= JSON_INTEGER && json_type(property) <= JSON_NUMBER)
            return fabs(amount) <= MOST_AMOUNT ? llround(amount * EVENT_SUM_SCALE) : 0;
    }
    return 0;
}

static void add_event(struct ctx *ctx, struct person *person, const void *event)
{
    const struct event_recorded *recorded = event;
    history_add(ctx->arena, person_event(ctx, person, recorded->name), recorded->occurred_at,
                amount_of(recorded->properties), today());
}

/* What became of mail to the person, under the names that Segment's specification has for it. Machines that open and click
 * say nothing of the person. */
struct mail_event {
    const char *name;
    int64_t at_us;
};

static void add_mail_event(struct ctx *ctx, struct person *person, const void *event)
{
    const struct mail_event *mail = event;
    history_add(ctx->arena, person_event(ctx, person, str_of(mail->name)), mail->at_us, 0, today());
}

enum outcome on_message_sent(struct ctx *ctx, const struct message_sent *sent)
{
    return with_person(ctx, sent->person_id, add_mail_event,
                       &(struct mail_event){ "Email Sent", sent->sent_at });
}

enum outcome on_message_opened(struct ctx *ctx, const struct message_opened *opened)
{
    return opened->machine ? DONE
                           : with_person(ctx, opened->person_id, add_mail_event,
                                         &(struct mail_event){ "Email Opened", opened->opened_at });
}

enum outcome on_message_clicked(struct ctx *ctx, const struct message_clicked *clicked)
{
    return clicked->machine
               ? DONE
               : with_person(ctx, clicked->person_id, add_mail_event,
                             &(struct mail_event){ "Email Link Clicked", clicked->clicked_at });
}

enum outcome on_message_bounced(struct ctx *ctx, const struct message_bounced *bounced)
{
    return with_person(ctx, bounced->person_id, add_mail_event,
                       &(struct mail_event){ "Email Bounced", bounced->bounced_at });
}

static enum outcome join(struct ctx *ctx, struct str other, const struct event_recorded *recorded)
{
    return people_join(ctx, ctx->model, other, recorded->user_id, recorded->occurred_at)
               ? DONE
               : outcome_of(ctx);
}

/* Who asks for decisions or flags without a page tells what was shown by Segment's event for that. */
static bool note_told(struct ctx *ctx, const struct event_recorded *recorded)
{
    struct exposure seen = {
        .experiment_id = json_str(json_get(recorded->properties, "experiment_id")),
        .variant = json_str(json_get(recorded->properties, "variation_id")),
        .first_us = recorded->occurred_at,
    };
    return !str_is(recorded->name, "Experiment Viewed") || !is_experiment(seen.experiment_id) ||
           !seen.variant.len || exposure_note(ctx, ctx->model, recorded->person_id, &seen);
}

static enum outcome track(struct ctx *ctx, const struct event_recorded *recorded)
{
    if (!recorded->name.ptr)
        return DONE;
    enum outcome outcome = with_person(ctx, recorded->person_id, add_event, recorded);
    return outcome != DONE || note_told(ctx, recorded) ? outcome : outcome_of(ctx);
}

enum outcome on_event_recorded(struct ctx *ctx, const struct event_recorded *recorded)
{
    switch (recorded->kind) {
    case EVENT_RECORDED_KIND_TRACK:
        return track(ctx, recorded);
    case EVENT_RECORDED_KIND_IDENTIFY:
        return join(ctx, recorded->anonymous_id, recorded);
    case EVENT_RECORDED_KIND_ALIAS:
        return join(ctx, recorded->previous_id, recorded);
    default:
        return DONE;
    }
}

/* What somebody is called and where they live decides nothing, and what is not kept here need not be erased from the free
 * pages of LMDB's file. Segment's names of such traits, and others that sites use; case, "_" and "-" do not matter. */
static bool names_somebody(struct ctx *ctx, struct str trait)
{
    static const char *const names[] = {
        "address",  "avatar",    "email",    "emailaddress", "familyname", "firstname",
        "fullname", "givenname", "lastname", "middlename",   "mobile",     "name",
        "phone",    "phonenumber", "street", "surname",      "telephone",  "username",
    };
    char *plain = arena_alloc(ctx->arena, trait.len + 1);
    size_t n = 0;
    for (size_t i = 0; i < trait.len; i++)
        if (trait.ptr[i] != '_' && trait.ptr[i] != '-' && trait.ptr[i] != ' ')
            plain[n++] = (char)tolower((unsigned char)trait.ptr[i]);
    for (size_t i = 0; i < COUNT(names); i++)
        if (str_is((struct str){ plain, n }, names[i]))
            return true;
    return false;
}

static void set_traits(struct ctx *ctx, struct person *person, const void *event)
{
    const struct profile_updated *updated = event;
    struct json_out kept;
    person->traits = (struct str){ NULL, 0 };
    if (!updated->traits)
        return;
    json_out_init(&kept, ctx->arena);
    json_object(&kept);
    for (struct json_iter it = json_iter(updated->traits); json_next(&it);)
        if (!names_somebody(ctx, it.key)) {
            json_key_n(&kept, it.key);
            json_put(&kept, it.value);
        }
    json_object_end(&kept);
    person->traits = json_out_str(&kept);
}

enum outcome on_profile_updated(struct ctx *ctx, const struct profile_updated *updated)
{
    return with_person(ctx, updated->profile_id, set_traits, updated);
}

enum outcome on_profile_erased(struct ctx *ctx, const struct profile_erased *erased)
{
    struct erasure_done done = { .request_id = erased->request_id,
                                 .profile_id = erased->profile_id,
                                 .service = STR("personalization"),
                                 .erased_at = clock_now_us() };
    bool gone = people_erase(ctx, ctx->model, erased->profile_id);
    for (size_t i = 0; gone && i < erased->n_other_ids; i++)
        gone = people_erase(ctx, ctx->model, erased->other_ids[i]);
    return gone && publish_erasure_done(ctx, &done) ? DONE : outcome_of(ctx);
}

static void set_consent(struct ctx *ctx, struct person *person, const void *event)
{
    const struct consent_changed *changed = event;
    if (changed->purpose && changed->channel) /* a member of a later contract is UNKNOWN: 0 */
        person_consent_set(person, (int)changed->purpose - 1, (int)changed->channel - 1,
                           changed->state == CONSENT_CHANGED_STATE_GRANTED);
}

enum outcome on_consent_changed(struct ctx *ctx, const struct consent_changed *changed)
{
    return with_person(ctx, changed->profile_id, set_consent, changed);
}

static void set_tier(struct ctx *ctx, struct person *person, const void *event)
{
    const struct tier_changed *changed = event;
    person->tier = changed->tier <= TIER_CHANGED_TIER_PLATINUM ? (enum feature_tier)changed->tier
                                                               : TIER_NONE;
}

enum outcome on_tier_changed(struct ctx *ctx, const struct tier_changed *changed)
{
    return with_person(ctx, changed->customer_id, set_tier, changed);
}
