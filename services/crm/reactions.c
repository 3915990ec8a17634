#include "services/crm/reactions.h"

#include "base/id.h"
#include "services/crm/consents.h"
#include "services/crm/profiles.h"
#include "services/crm/store_erasures.h"

/* Is this a person whom we may know? *known false: erased; sums over all still count what they did. */
static bool person_known(struct ctx *ctx, struct str profile_id, bool *known)
{
    if ((*known = profile_ensure(ctx, profile_id)))
        return true;
    if (ctx->error.code != ERR_GONE)
        return false;
    ctx_clear(ctx);
    return true;
}

/* An order's news: an entry on the timeline, and its part of the sums, both once. */
static enum outcome note_order(struct ctx *ctx, struct timeline_row *entry,
                               const struct spent_row *part)
{
    bool known, added = false;
    entry->entry_id = arena_printf(ctx->arena, STR_FMT ":" STR_FMT, STR_ARG(entry->kind),
                                   STR_ARG(entry->entry_id));
    entry->has_amount = true;
    if (!person_known(ctx, entry->profile_id, &known))
        return outcome_of(ctx);
    if (!known)
        return store_spent_add(ctx, STR(""), part) ? DONE : outcome_of(ctx);
    if (!store_timeline_add(ctx, entry, &added))
        return outcome_of(ctx);
    return !added || store_spent_add(ctx, entry->profile_id, part) ? DONE : outcome_of(ctx);
}

enum outcome on_order_placed(struct ctx *ctx, const struct order_placed *placed)
{
    struct timeline_row entry = { .profile_id = placed->customer_id,
                                  .entry_id = placed->order_id,
                                  .kind = STR("order"),
                                  .reference = placed->order_id,
                                  .amount = placed->total,
                                  .at_us = placed->placed_at };
    struct spent_row part = { .orders = 1, .spent = placed->total.amount };
    memcpy(part.currency, placed->total.currency, sizeof(part.currency));
    return note_order(ctx, &entry, &part);
}

enum outcome on_order_refunded(struct ctx *ctx, const struct order_refunded *refunded)
{
    struct timeline_row entry = { .profile_id = refunded->customer_id,
                                  .entry_id = refunded->refund_id,
                                  .kind = STR("refund"),
                                  .reference = refunded->order_id,
                                  .amount = refunded->refund,
                                  .at_us = refunded->refunded_at };
    struct spent_row part = { .refunded = refunded->refund.amount };
    memcpy(part.currency, refunded->refund.currency, sizeof(part.currency));
    return note_order(ctx, &entry, &part);
}

enum outcome on_order_cancelled(struct ctx *ctx, const struct order_cancelled *cancelled)
{
    struct timeline_row entry = { .profile_id = cancelled->customer_id,
                                  .entry_id = cancelled->order_id,
                                  .kind = STR("cancellation"),
                                  .reference = cancelled->order_id,
                                  .amount = cancelled->total,
                                  .at_us = cancelled->cancelled_at };
    struct spent_row part = { .refunded = cancelled->total.amount };
    memcpy(part.currency, cancelled->total.currency, sizeof(part.currency));
    return note_order(ctx, &entry, &part);
}

/* The order stands there again, with its total of then. */
enum outcome on_order_changed(struct ctx *ctx, const struct order_changed *changed)
{
    struct timeline_row entry = { .profile_id = changed->customer_id,
                                  .entry_id = arena_printf(ctx->arena, STR_FMT ":%lld",
                                                           STR_ARG(changed->order_id),
                                                           (long long)changed->change),
                                  .kind = STR("order"),
                                  .reference = changed->order_id,
                                  .amount = changed->total,
                                  .at_us = changed->changed_at };
    struct spent_row part = { .spent = changed->total.amount - changed->total_before.amount };
    memcpy(part.currency, changed->total.currency, sizeof(part.currency));
    return note_order(ctx, &entry, &part);
}

enum outcome on_tier_changed(struct ctx *ctx, const struct tier_changed *changed)
{
    bool known, added;
    struct str tier = str_of(tier_changed_tier_name(changed->tier));
    struct timeline_row entry = { .profile_id = changed->customer_id,
                                  .entry_id = arena_printf(ctx->arena, "tier:" STR_FMT,
                                                           STR_ARG(ctx->event->id)),
                                  .kind = STR("tier"),
                                  .reference = tier,
                                  .at_us = changed->changed_at };
    if (!person_known(ctx, changed->customer_id, &known))
        return outcome_of(ctx);
    return !known || store_timeline_add(ctx, &entry, &added) ? DONE : outcome_of(ctx);
}

static const struct str PROFILE_PREFIX = STR_INIT("prf_");

/* Whose traits these are: a profile id as it is, any other id through the identities. *profile_id ptr NULL: of nobody
 * whom we know; what strangers tell is not kept. */
static bool resolve(struct ctx *ctx, const struct traits_told *told, struct str *profile_id)
{
    *profile_id = (struct str){ NULL, 0 };
    if (told->user_id.ptr && str_starts(told->user_id, PROFILE_PREFIX) &&
        id_has_prefix(told->user_id, "prf"))
        *profile_id = told->user_id;
    else if (told->user_id.ptr)
        store_identity(ctx, STR("external"), told->user_id, profile_id);
    if (!profile_id->ptr && told->anonymous_id.ptr && !ctx_failed(ctx))
        store_identity(ctx, STR("anonymous"), told->anonymous_id, profile_id);
    return !ctx_failed(ctx);
}

/* Traits with a place of their own in the profile. */
static void take(struct ctx *ctx, const struct json *traits, const char *name, size_t most,
                 struct str *place)
{
    struct str text = json_str(json_get(traits, name));
    if (text.len > 0 && str_utf8_length(text) <= most)
        *place = arena_str(ctx->arena, text);
}

static bool note_traits(struct ctx *ctx, struct str profile_id, const struct traits_told *told)
{
    struct profile_row row;
    if (!profile_get(ctx, profile_id, &row))
        return false;
    take(ctx, told->traits, "email", 254, &row.email);
    take(ctx, told->traits, "name", 200, &row.name);
    take(ctx, told->traits, "phone", 40, &row.phone);
    take(ctx, told->traits, "locale", 35, &row.locale);
    struct timeline_row entry = { .profile_id = profile_id,
                                  .entry_id = arena_printf(ctx->arena, "identify:" STR_FMT,
                                                           STR_ARG(told->message_id)),
                                  .kind = STR("identify"),
                                  .at_us = told->told_at };
    bool added;
    return traits_merge(ctx, row.traits, told->traits, &row.traits) &&
           profile_replace(ctx, &row, &row) && store_timeline_add(ctx, &entry, &added);
}

enum outcome on_traits_told(struct ctx *ctx, const struct traits_told *told)
{
    bool known;
    struct str profile_id, owner;
    if (!resolve(ctx, told, &profile_id))
        return outcome_of(ctx);
    if (!profile_id.ptr)
        return DONE;
    if (!person_known(ctx, profile_id, &known))
        return outcome_of(ctx);
    if (!known)
        return DONE;
    if (told->anonymous_id.ptr &&
        !store_identity_add(ctx, STR("anonymous"), told->anonymous_id, profile_id, &owner))
        return outcome_of(ctx);
    return note_traits(ctx, profile_id, told) ? DONE : outcome_of(ctx);
}

/* What a person said of marketing by email by way of a mail, which is the proof. */
static enum outcome mail_word(struct ctx *ctx, struct consent_row *word, const char *what,
                              struct str message_id)
{
    bool known;
    word->purpose = STR("marketing");
    word->channel = STR("email");
    word->source = STR("message");
    word->actor = STR("email");
    word->wording = message_id.ptr
                        ? arena_printf(ctx->arena, "%s by " STR_FMT, what, STR_ARG(message_id))
                        : str_of(what);
    if (!person_known(ctx, word->profile_id, &known))
        return outcome_of(ctx);
    return !known || consent_note(ctx, word) ? DONE : outcome_of(ctx);
}

/* Who unsubscribes or complains has said no; a mailbox that is gone, or a list that somebody brought, says nothing. */
enum outcome on_suppression_added(struct ctx *ctx, const struct suppression_added *added)
{
    struct consent_row word = { .profile_id = added->person_id,
                                .state = STR("refused"),
                                .at_us = added->added_at };
    if (added->reason != SUPPRESSION_ADDED_REASON_UNSUBSCRIBED &&
        added->reason != SUPPRESSION_ADDED_REASON_COMPLAINED)
        return DONE;
    return mail_word(ctx, &word, suppression_added_reason_name(added->reason), added->message_id);
}

enum outcome on_message_resubscribed(struct ctx *ctx,
                                     const struct message_resubscribed *resubscribed)
{
    struct consent_row word = { .profile_id = resubscribed->person_id,
                                .state = STR("granted"),
                                .at_us = resubscribed->resubscribed_at };
    return mail_word(ctx, &word, "resubscribed", resubscribed->message_id);
}

/* An answer to a request that is not ours (of another stack, or later than a restored backup) is ignored. */
enum outcome on_erasure_done(struct ctx *ctx, const struct erasure_done *done)
{
    struct erasure_answer_row answer = { .service = done->service, .erased_us = done->erased_at };
    return store_answer(ctx, done->request_id, &answer) ? DONE : outcome_of(ctx);
}
