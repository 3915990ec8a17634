#include "services/email/reactions.h"

#include "base/clock.h"
#include "services/email/address.h"
#include "services/email/asking.h"
#include "services/email/catcher.h"
#include "services/email/email.h"
#include "services/email/store.h"
#include "services/email/store_attachments.h"
#include "services/email/store_feedback.h"
#include "services/email/store_messages.h"
#include "services/email/suppressions.h"

enum outcome on_profile_updated(struct ctx *ctx, const struct profile_updated *profile)
{
    bool erased;
    struct str zone = json_str(json_get(profile->traits, "timezone"));
    struct contact_row contact = {
        .person_id = profile->profile_id,
        .email = profile->email,
        .name = profile->name,
        .locale = profile->locale,
        .time_zone = zone.len && zone.len <= 60 ? zone : (struct str){ NULL, 0 },
        .traits = profile->traits ? json_text(ctx->arena, profile->traits)
                                  : (struct str){ NULL, 0 },
        .version = profile->version,
    };
    if (profile->email.ptr && address_is_valid(profile->email))
        contact.address_hash = address_hash(ctx->arena, email_of(ctx)->secret, profile->email);
    else
        contact.email = (struct str){ NULL, 0 };
    if (!store_erased(ctx, profile->profile_id, &erased))
        return outcome_of(ctx);
    return erased || store_contact_put(ctx, &contact) ? DONE : outcome_of(ctx);
}

/* Mail that was caught is a copy too; what is past its dot just now is deleted once it is caught (sending_outcome.c). */
static bool caught_forget(struct ctx *ctx, struct str person_id)
{
    struct contact_row contact;
    if (!store_contact(ctx, person_id, &contact))
        return !ctx_failed(ctx);
    return !contact.email.ptr || catcher_forget(ctx, email_of(ctx)->catcher, contact.email);
}

/* What was sent to the address while nobody was known to have it. */
static bool strangers_forget(struct ctx *ctx, struct str person_id)
{
    struct contact_row contact;
    if (!store_contact(ctx, person_id, &contact) || !contact.address_hash.ptr)
        return !ctx_failed(ctx);
    struct str stranger = asking_stranger(ctx->arena, contact.address_hash);
    return store_attachments_erase(ctx, stranger) && store_feedback_erase(ctx, stranger) &&
           store_messages_erase(ctx, stranger);
}

enum outcome on_profile_erased(struct ctx *ctx, const struct profile_erased *erased)
{
    struct erasure_done done = { .request_id = erased->request_id,
                                 .profile_id = erased->profile_id,
                                 .service = STR("email"),
                                 .erased_at = clock_now_us() };
    return strangers_forget(ctx, erased->profile_id) && caught_forget(ctx, erased->profile_id) &&
                   store_attachments_erase(ctx, erased->profile_id) &&
                   store_erase(ctx, erased->profile_id, erased->erased_at) &&
                   store_feedback_erase(ctx, erased->profile_id) &&
                   store_messages_erase(ctx, erased->profile_id) && publish_erasure_done(ctx, &done)
               ? DONE
               : outcome_of(ctx);
}

enum outcome on_consent_changed(struct ctx *ctx, const struct consent_changed *consent)
{
    bool erased;
    if (consent->purpose != CONSENT_CHANGED_PURPOSE_MARKETING ||
        (consent->channel != CONSENT_CHANGED_CHANNEL_EMAIL &&
         consent->channel != CONSENT_CHANGED_CHANNEL_ALL))
        return DONE;
    if (!store_erased(ctx, consent->profile_id, &erased))
        return outcome_of(ctx);
    if (erased)
        return DONE;
    if (!store_consent_put(ctx, consent->profile_id,
                           str_of(consent_changed_channel_name(consent->channel)),
                           str_of(consent_changed_state_name(consent->state)), consent->changed_at))
        return outcome_of(ctx);
    return consent->state != CONSENT_CHANGED_STATE_GRANTED ||
                   suppression_outdated(ctx, consent->profile_id, consent->changed_at)
               ? DONE
               : outcome_of(ctx);
}

enum outcome on_membership_changed(struct ctx *ctx, const struct membership_changed *membership)
{
    bool erased, in = membership->state == MEMBERSHIP_CHANGED_STATE_ENTERED;
    if (!store_erased(ctx, membership->person_id, &erased))
        return outcome_of(ctx);
    return erased || store_membership(ctx, membership->segment_id, membership->person_id, in)
               ? DONE
               : outcome_of(ctx);
}

enum outcome on_entry_published(struct ctx *ctx, const struct entry_published *published)
{
    struct entry_row entry = { .entry_id = published->entry_id,
                               .kind = str_of(entry_published_kind_name(published->kind)),
                               .slug = published->slug,
                               .locale = published->locale.ptr ? published->locale : STR(""),
                               .version = published->version };
    if (published->kind != ENTRY_PUBLISHED_KIND_EMAIL_TEMPLATE &&
        published->kind != ENTRY_PUBLISHED_KIND_SNIPPET)
        return DONE;
    entry.document = json_text(ctx->arena, published->document);
    return store_entry_put(ctx, &entry) ? DONE : outcome_of(ctx);
}

enum outcome on_entry_unpublished(struct ctx *ctx, const struct entry_unpublished *unpublished)
{
    return store_entry_delete(ctx, unpublished->entry_id, unpublished->version) ? DONE
                                                                                : outcome_of(ctx);
}
