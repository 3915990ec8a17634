#include "services/email/feedback.h"

#include "base/clock.h"
#include "services/email/address.h"
#include "services/email/email.h"
#include "services/email/machines.h"
#include "services/email/messages.h"
#include "services/email/store_feedback.h"
#include "services/email/suppressions.h"
#include "platform/service/service.h"
#include "email_contract.h"

#define DECIDE_AFTER_US (2 * US_PER_S) /* all that a scanner follows at once is there */
#define BATCH 200
#define MOST_LINK 2000 /* message.clicked */

/* Of single mail to an address that nobody was known to have, what is left is that it was sent. */
static bool is_forgotten(const struct message_row *message)
{
    return !message_launch(message).ptr && !message->asked.ptr;
}

bool feedback_is_void(struct ctx *ctx, const struct message_row *message)
{
    bool erased;
    return message_is_trial(message) || is_forgotten(message) ||
           !store_erased(ctx, message->person_id, &erased) || erased;
}

bool feedback_note(struct ctx *ctx, const struct feedback_row *row, bool told, bool *first)
{
    struct happening_row happening = {
        .message_id = row->message_id,
        .at_us = row->at_us,
        .what = row->machine ? arena_printf(ctx->arena, STR_FMT "_by_machine", STR_ARG(row->what))
                             : row->what,
        .detail = row->detail,
    };
    return store_feedback_add(ctx, row, told, first) &&
           (!*first || !told || store_happening_add(ctx, &happening));
}

bool feedback_opened(struct ctx *ctx, const struct message_row *message, bool machine)
{
    bool first;
    struct message_opened opened = { WHAT_IT_IS(MESSAGE_OPENED), .machine = machine,
                                     .opened_at = clock_now_us() };
    struct feedback_row row = { message->message_id, STR("opened"), STR(""), machine,
                                opened.opened_at };
    if (feedback_is_void(ctx, message))
        return !ctx_failed(ctx);
    return feedback_note(ctx, &row, true, &first) &&
           (!first || (publish_message_opened(ctx, &opened) &&
                       (machine || feedback_is_reached(ctx, message))));
}

/* ---- clicks ---- */

static struct str without_query(struct str target)
{
    size_t n = 0;
    while (n < target.len && n < MOST_LINK && target.ptr[n] != '?' && target.ptr[n] != '#')
        n++;
    return (struct str){ target.ptr, n };
}

static bool tell_clicked(struct ctx *ctx, const struct message_row *message,
                         const struct feedback_row *row)
{
    struct message_clicked clicked = { WHAT_IT_IS(MESSAGE_CLICKED), .machine = row->machine,
                                       .link = row->detail, .clicked_at = row->at_us };
    return publish_message_clicked(ctx, &clicked);
}

bool feedback_clicked(struct ctx *ctx, const struct message_row *message, struct str target,
                      bool machine)
{
    bool first;
    struct feedback_row row = { message->message_id, STR("clicked"), without_query(target), machine,
                                clock_now_us() };
    if (feedback_is_void(ctx, message))
        return !ctx_failed(ctx);
    return feedback_note(ctx, &row, machine, &first) &&
           (!first || !machine || tell_clicked(ctx, message, &row));
}

/* What seemed a person's was a machine's. */
static bool unmask(struct ctx *ctx, const struct message_row *message,
                   const struct feedback_row *row)
{
    bool first;
    struct feedback_row other = *row;
    other.machine = true;
    return store_feedback_delete(ctx, row) && feedback_note(ctx, &other, true, &first) &&
           (!first || tell_clicked(ctx, message, &other));
}

static bool confirm(struct ctx *ctx, const struct message_row *message,
                    const struct feedback_row *row)
{
    struct happening_row happening = {
        .message_id = row->message_id, .at_us = row->at_us, .what = row->what, .detail = row->detail
    };
    return store_happening_add(ctx, &happening) && tell_clicked(ctx, message, row) &&
           feedback_is_reached(ctx, message);
}

struct decision {
    const struct feedback_row *row;
    struct message_row message;
    bool machine, gone;
};

static bool decide(struct ctx *ctx, const struct decision *decision)
{
    bool moved;
    if (!store_feedback_tell(ctx, decision->row, &moved) || !moved) /* another instance's work */
        return !ctx_failed(ctx);
    if (decision->gone)
        return true;
    return decision->machine ? unmask(ctx, &decision->message, decision->row)
                             : confirm(ctx, &decision->message, decision->row);
}

static bool judge(struct ctx *ctx, struct decision *decision)
{
    int64_t n;
    const struct feedback_row *row = decision->row;
    decision->gone = !store_message(ctx, row->message_id, &decision->message) ||
                     feedback_is_void(ctx, &decision->message);
    if (ctx_failed(ctx) ||
        !store_feedback_clicks(ctx, row->message_id, row->at_us - MACHINE_LINKS_WITHIN_US,
                               row->at_us + MACHINE_LINKS_WITHIN_US, &n))
        return false;
    decision->machine = n >= MACHINE_LINKS;
    return true;
}

struct round {
    struct feedback_row rows[BATCH];
    size_t n;
};

static bool round_read(struct ctx *ctx, void *argument)
{
    struct round *round = argument;
    return store_feedback_untold(ctx, clock_now_us() - DECIDE_AFTER_US, BATCH, round->rows,
                                 &round->n);
}

/* All are judged before the first is changed: they are each other's evidence. */
static bool round_write(struct ctx *ctx, void *argument)
{
    struct round *round = argument;
    struct decision *decisions = ARENA_ARRAY(ctx->arena, struct decision, round->n);
    for (size_t i = 0; i < round->n; i++) {
        decisions[i].row = &round->rows[i];
        if (!judge(ctx, &decisions[i]))
            return false;
    }
    for (size_t i = 0; i < round->n; i++)
        if (!decide(ctx, &decisions[i]))
            return false;
    return true;
}

bool feedback_run(struct ctx *ctx)
{
    struct round *round = ARENA_NEW(ctx->arena, struct round);
    struct sql_db *db = service_db(ctx);
    return sql_read(ctx, db, round_read, round) && round->n &&
           sql_write(ctx, db, round_write, round) && round->n == BATCH;
}

/* ---- what the person wants ---- */

bool feedback_reach(struct ctx *ctx, const struct message_row *message, struct reach *reach)
{
    struct str own = message->address;
    return own.ptr ? store_reach_at(ctx, message->person_id, own,
                                    address_hash(ctx->arena, email_of(ctx)->secret, own), reach)
                   : store_reach(ctx, message->person_id, reach);
}

bool feedback_unsubscribed(struct ctx *ctx, const struct message_row *message)
{
    bool added, first;
    struct message_unsubscribed told = { WHAT_IT_IS(MESSAGE_UNSUBSCRIBED),
                                         .unsubscribed_at = clock_now_us() };
    struct feedback_row row = { message->message_id, STR("unsubscribed"), STR(""), false,
                                told.unsubscribed_at };
    struct suppression_row person = { .person_id = message->person_id,
                                      .reason = STR("unsubscribed"),
                                      .scope = STR("marketing"),
                                      .message_id = message->message_id,
                                      .campaign_id = message->campaign_id },
                           address = person;
    if (feedback_is_void(ctx, message))
        return !ctx_failed(ctx);
    return suppress_person(ctx, &person, &added) &&
           (!message->address.ptr || suppress_address(ctx, message->address, &address, &added)) &&
           feedback_note(ctx, &row, true, &first) &&
           (!first || publish_message_unsubscribed(ctx, &told));
}

bool feedback_resubscribed(struct ctx *ctx, const struct message_row *message)
{
    struct reach reach;
    struct message_resubscribed told = { WHAT_IT_IS(MESSAGE_RESUBSCRIBED),
                                         .resubscribed_at = clock_now_us() };
    if (feedback_is_void(ctx, message) || !feedback_reach(ctx, message, &reach))
        return !ctx_failed(ctx);
    if (!reach.marketing)
        return true;
    return suppression_outdated(ctx, message->person_id, told.resubscribed_at + 1) &&
           (!message->address.ptr ||
            suppression_outdated_address(ctx, message->address, told.resubscribed_at + 1)) &&
           store_consent_put(ctx, message->person_id, STR("email"), STR("granted"),
                             told.resubscribed_at) &&
           publish_message_resubscribed(ctx, &told);
}
