#include "base/clock.h"
#include "platform/token/token.h"
#include "services/crm/consents.h"
#include "services/crm/profiles.h"
#include "crm_contract.h"

static struct reply reply_consents(struct ctx *ctx, struct str profile_id)
{
    size_t n;
    struct consent_row *rows = ARENA_ARRAY(ctx->arena, struct consent_row, STORE_CONSENTS);
    if (!store_consents(ctx, profile_id, rows, &n))
        return reply_error(ctx);
    struct consent *items = ARENA_ARRAY(ctx->arena, struct consent, n);
    for (size_t i = 0; i < n; i++)
        items[i] = (struct consent){ .purpose = purpose_parse(rows[i].purpose),
                                     .channel = channel_parse(rows[i].channel),
                                     .state = consent_state_parse(rows[i].state),
                                     .source = rows[i].source,
                                     .at = rows[i].at_us };
    struct consent_list list = { .items = items, .n_items = n };
    return reply_ok(ctx, consent_list_encode(ctx, &list));
}

struct reply crm_record_consent(struct ctx *ctx, const struct record_consent_in *in)
{
    const struct consent_record *body = in->body;
    int64_t now_us = clock_now_us();
    struct profile_row profile;
    struct consent_row word = { .profile_id = in->profile_id,
                                .purpose = str_of(purpose_name(body->purpose)),
                                .channel = str_of(channel_name(body->channel)),
                                .state = str_of(consent_state_name(body->state)),
                                .source = body->source,
                                .wording = body->wording,
                                .proof = body->proof,
                                .actor = ctx->who->subject,
                                .at_us = body->has_at ? body->at : now_us };
    if (word.at_us > now_us)
        ctx_fail_at(ctx, ERR_INVALID, STR("/at"), "nothing was said in the future");
    if (ctx_failed(ctx) || !profile_get(ctx, in->profile_id, &profile) || !consent_note(ctx, &word))
        return reply_error(ctx);
    return reply_consents(ctx, in->profile_id);
}

struct reply crm_get_consents(struct ctx *ctx, const struct get_consents_in *in)
{
    struct profile_row profile;
    if (!profile_get(ctx, in->profile_id, &profile))
        return reply_error(ctx);
    return reply_consents(ctx, in->profile_id);
}

struct reply crm_list_consent_history(struct ctx *ctx, const struct list_consent_history_in *in)
{
    struct profile_row profile;
    struct sql_moment before;
    size_t limit = (size_t)in->limit, n;
    struct consent_row *rows = ARENA_ARRAY(ctx->arena, struct consent_row, limit + 1);
    if (!sql_moment_parse(ctx, in->cursor, &before) ||
        !profile_get(ctx, in->profile_id, &profile) ||
        !store_consent_history(ctx, in->profile_id, before, limit + 1, rows, &n))
        return reply_error(ctx);
    struct consent_word *items = ARENA_ARRAY(ctx->arena, struct consent_word, limit);
    struct consent_history list = { .items = items, .n_items = MIN(n, limit) };
    for (size_t i = 0; i < list.n_items; i++)
        items[i] = (struct consent_word){ .consent_id = rows[i].consent_id,
                                          .purpose = purpose_parse(rows[i].purpose),
                                          .channel = channel_parse(rows[i].channel),
                                          .state = consent_state_parse(rows[i].state),
                                          .source = rows[i].source,
                                          .wording = rows[i].wording,
                                          .proof = rows[i].proof,
                                          .actor = rows[i].actor,
                                          .at = rows[i].at_us,
                                          .has_noted_at = rows[i].noted_us != 0,
                                          .noted_at = rows[i].noted_us };
    if (n > limit)
        list.next_cursor =
            sql_moment_cursor(ctx->arena, rows[limit - 1].at_us, rows[limit - 1].consent_id);
    return reply_ok(ctx, consent_history_encode(ctx, &list));
}

static struct timeline_entry entry_of(struct timeline_row *row)
{
    return (struct timeline_entry){ .kind = timeline_kind_parse(row->kind),
                                    .reference = row->reference,
                                    .amount = row->has_amount ? &row->amount : NULL,
                                    .at = row->at_us };
}

struct reply crm_get_timeline(struct ctx *ctx, const struct get_timeline_in *in)
{
    struct profile_row profile;
    struct sql_moment before;
    size_t n, limit = (size_t)in->limit;
    struct timeline_row *rows = ARENA_ARRAY(ctx->arena, struct timeline_row, limit + 1);
    if (!sql_moment_parse(ctx, in->cursor, &before) ||
        !profile_get(ctx, in->profile_id, &profile) ||
        !store_timeline(ctx, in->profile_id, before, limit + 1, rows, &n))
        return reply_error(ctx);
    struct timeline list = { .n_items = MIN(n, limit) };
    struct timeline_entry *items = ARENA_ARRAY(ctx->arena, struct timeline_entry, list.n_items);
    for (size_t i = 0; i < list.n_items; i++)
        items[i] = entry_of(&rows[i]);
    list.items = items;
    if (n > limit)
        list.next_cursor =
            sql_moment_cursor(ctx->arena, rows[limit - 1].at_us, rows[limit - 1].entry_id);
    return reply_ok(ctx, timeline_encode(ctx, &list));
}
