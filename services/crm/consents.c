#include "services/crm/consents.h"

#include "base/clock.h"
#include "base/id.h"
#include "platform/events/events.h"
#include "crm_contract.h"

static bool consent_tell(struct ctx *ctx, const struct consent_row *word)
{
    struct consent_changed changed = { .profile_id = word->profile_id,
                                       .purpose = consent_changed_purpose_parse(word->purpose),
                                       .channel = consent_changed_channel_parse(word->channel),
                                       .state = consent_changed_state_parse(word->state),
                                       .source = word->source,
                                       .changed_at = word->at_us };
    struct timeline_row entry = { .profile_id = word->profile_id,
                                  .entry_id = id_new(ctx->arena, "consent"),
                                  .kind = STR("consent"),
                                  .reference =
                                      arena_printf(ctx->arena, STR_FMT "/" STR_FMT " " STR_FMT,
                                                   STR_ARG(word->purpose), STR_ARG(word->channel),
                                                   STR_ARG(word->state)),
                                  .at_us = word->at_us };
    bool added;
    return store_timeline_add(ctx, &entry, &added) && publish_consent_changed(ctx, &changed);
}

bool consent_note(struct ctx *ctx, const struct consent_row *word)
{
    bool changed;
    struct consent_row noted = *word;
    noted.noted_us = clock_now_us();
    return store_consent(ctx, &noted, &changed) && (!changed || consent_tell(ctx, word));
}
