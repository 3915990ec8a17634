#include "base/clock.h"
#include "platform/mail/message.h"
#include "services/email/address.h"
#include "services/email/email.h"
#include "services/email/suppressions.h"
#include "email_contract.h"

static struct suppression answer_of(const struct suppression_row *row)
{
    return (struct suppression){ .suppression_id = row->suppression_id,
                                 .person_id = row->person_id,
                                 .reason = suppression_reason_parse(row->reason),
                                 .scope = suppression_scope_parse(row->scope),
                                 .message_id = row->message_id,
                                 .campaign_id = row->campaign_id,
                                 .added_at = row->added_us };
}

static struct suppression_row row_of(const struct suppression_add *asked)
{
    return (struct suppression_row){
        .person_id = asked->person_id,
        .reason = asked->has_reason ? str_of(suppression_reason_name(asked->reason))
                                    : STR("manual"),
        .scope = asked->has_scope ? str_of(suppression_scope_name(asked->scope)) : STR("all"),
    };
}

struct reply email_add_suppression(struct ctx *ctx, const struct add_suppression_in *in)
{
    bool added;
    struct suppression_row row = row_of(in->body);
    if (!in->body->person_id.ptr == !in->body->address.ptr)
        ctx_fail_at(ctx, ERR_INVALID, STR("/person_id"), "one of person_id and address is needed");
    else if (in->body->person_id.ptr)
        suppress_person(ctx, &row, &added);
    else if (!address_is_valid(in->body->address))
        ctx_fail_at(ctx, ERR_INVALID, STR("/address"), "this is no address");
    else
        suppress_address(ctx, in->body->address, &row, &added);
    if (ctx_failed(ctx))
        return reply_error(ctx);
    struct suppression answer = answer_of(&row);
    return reply_ok(ctx, suppression_encode(ctx, &answer));
}

struct reply email_import_suppressions(struct ctx *ctx, const struct import_suppressions_in *in)
{
    const struct suppression_import *asked = in->body;
    struct suppression_imported answer = { 0 };
    struct refused_address *refused =
        ARENA_ARRAY(ctx->arena, struct refused_address, asked->n_addresses);
    for (size_t i = 0; i < asked->n_addresses; i++) {
        bool added;
        struct str address = str_trim(asked->addresses[i]);
        struct suppression_row row = { .reason = STR("imported"),
                                       .scope = asked->has_scope
                                                    ? str_of(suppression_scope_name(asked->scope))
                                                    : STR("all") };
        const char *fault = mail_address_fault(address);
        if (fault) {
            refused[answer.n_refused++] =
                (struct refused_address){ .index = (int64_t)i, .reason = str_of(fault) };
            continue;
        }
        if (!suppress_address(ctx, address, &row, &added))
            return reply_error(ctx);
        *(added ? &answer.added : &answer.known) += 1;
    }
    answer.refused = refused;
    return reply_ok(ctx, suppression_imported_encode(ctx, &answer));
}

struct reply email_list_suppressions(struct ctx *ctx, const struct list_suppressions_in *in)
{
    struct sql_moment before;
    struct str target = { NULL, 0 };
    if (in->address.ptr)
        target =
            arena_printf(ctx->arena, "a:" STR_FMT,
                         STR_ARG(address_hash(ctx->arena, email_of(ctx)->secret, in->address)));
    size_t limit = (size_t)in->limit, n;
    struct suppression_row *rows = ARENA_ARRAY(ctx->arena, struct suppression_row, limit + 1);
    if (!sql_moment_parse(ctx, in->cursor, &before) ||
        !store_suppressions(ctx, in->person_id, target, before, limit + 1, rows, &n))
        return reply_error(ctx);
    struct suppression *items = ARENA_ARRAY(ctx->arena, struct suppression, limit);
    struct suppression_list answer = { .items = items, .n_items = MIN(n, limit) };
    for (size_t i = 0; i < answer.n_items; i++)
        items[i] = answer_of(&rows[i]);
    if (n > limit)
        answer.next_cursor =
            sql_moment_cursor(ctx->arena, rows[limit - 1].added_us, rows[limit - 1].suppression_id);
    return reply_ok(ctx, suppression_list_encode(ctx, &answer));
}

struct reply email_remove_suppression(struct ctx *ctx, const struct remove_suppression_in *in)
{
    return suppression_remove(ctx, in->suppression_id) ? reply_empty(ctx) : reply_error(ctx);
}

struct reply email_get_contact(struct ctx *ctx, const struct get_contact_in *in)
{
    struct reach reach;
    struct str *segments = ARENA_ARRAY(ctx->arena, struct str, STORE_SEGMENTS);
    struct contact answer = { .person_id = in->person_id, .segments = segments };
    if (!store_reach(ctx, in->person_id, &reach) ||
        !store_segments_of(ctx, in->person_id, segments, &answer.n_segments))
        return reply_error(ctx);
    answer.address = reach.contact.email;
    answer.name = reach.contact.name;
    answer.locale = reach.contact.locale;
    answer.time_zone = reach.contact.time_zone;
    answer.marketing = !reach.marketing;
    answer.service = !reach.service;
    if ((answer.has_marketing_why_not = reach.marketing))
        answer.marketing_why_not = why_not_parse(str_of(reach.marketing));
    if ((answer.has_service_why_not = reach.service))
        answer.service_why_not = why_not_parse(str_of(reach.service));
    return reply_ok(ctx, contact_encode(ctx, &answer));
}
