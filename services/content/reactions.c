#include "services/content/reactions.h"

#include "base/clock.h"
#include "services/content/publications.h"
#include "content_contract.h"

static bool decide(struct ctx *ctx, const struct publication_asked *asked,
                   struct publication_row *row)
{
    if (asked->action == PUBLICATION_ASKED_ACTION_UNDO)
        return publication_undo(ctx, asked->launch_id);
    if (asked->action != PUBLICATION_ASKED_ACTION_DO)
        return ctx_fail(ctx, ERR_INVALID, "there is no such action");
    struct str entry_ids[PUBLICATION_MOST];
    if (asked->n_entries > PUBLICATION_MOST)
        return ctx_fail(ctx, ERR_INVALID, "a launch has at most %d entries", PUBLICATION_MOST);
    for (size_t i = 0; i < asked->n_entries; i++)
        entry_ids[i] = asked->entries[i].entry_id;
    struct publication_row wanted = { .launch_id = asked->launch_id,
                                      .command_id = asked->command_id };
    return publication_do(ctx, &wanted, asked->expires_at, entry_ids, asked->n_entries, row);
}

#define REASON_MOST 500 /* as the answer's schema says; a sentence of ours is far shorter */

enum outcome on_publication_asked(struct ctx *ctx, const struct publication_asked *asked)
{
    bool undo = asked->action == PUBLICATION_ASKED_ACTION_UNDO;
    struct publication_row row = { 0 };
    if (!decide(ctx, asked, &row))
        return outcome_of(ctx);
    bool refused = str_is(row.state, "refused");
    struct publication_answered answered = {
        .command_id = asked->command_id,
        .campaign_id = asked->campaign_id,
        .launch_id = asked->launch_id,
        .action = undo ? PUBLICATION_ANSWERED_ACTION_UNDO : PUBLICATION_ANSWERED_ACTION_DO,
        .outcome = refused ? PUBLICATION_ANSWERED_OUTCOME_REFUSED
                           : PUBLICATION_ANSWERED_OUTCOME_DONE,
        .answered_at = clock_now_us(),
        .has_published = !undo && !refused,
        .published = row.published,
    };
    if (refused)
        answered.reason = (struct str){ row.reason.ptr, MIN(row.reason.len, (size_t)REASON_MOST) };
    return publish_publication_answered(ctx, &answered) ? DONE : outcome_of(ctx);
}
