#include "base/clock.h"
#include "platform/http/expectation.h"
#include "services/personalization/asker.h"
#include "services/personalization/people_sweep.h"
#include "services/personalization/personalization.h"
#include "services/personalization/store_segments.h"
#include "personalization_contract.h"

static bool segment_of(struct ctx *ctx, struct people *people, const struct definition_row *row,
                       struct segment *out)
{
    struct segment_put put;
    const struct json *json = json_parse(ctx, row->definition);
    if (!json || !segment_put_read(ctx, json, &put))
        return ctx_fail(ctx, ERR_INTERNAL, "reading the segment " STR_FMT, STR_ARG(row->id));
    *out = (struct segment){ .segment_id = row->id,
                             .name = put.name,
                             .kind = put.kind,
                             .rule = put.rule,
                             .size = people_segment_size(people, row->id),
                             .version = row->version,
                             .updated_at = row->updated_us };
    return true;
}

static struct reply reply_segment(struct ctx *ctx, const struct definition_row *row)
{
    CLEANUP(model_done) struct model_use people = service_model(ctx);
    struct segment segment;
    if (!segment_of(ctx, people.model, row, &segment))
        return reply_error(ctx);
    return reply_versioned(ctx, segment_encode(ctx, &segment), row->version);
}

static bool find(struct ctx *ctx, struct str segment_id, struct definition_row *row)
{
    return store_definition(ctx, DEFINITION_SEGMENT, segment_id, row) ||
           (ctx_failed(ctx) ? false : ctx_fail(ctx, ERR_NOT_FOUND, "there is no such segment"));
}

static bool read_put(struct ctx *ctx, const struct definition_row *row, struct segment_put *out)
{
    const struct json *json = json_parse(ctx, row->definition);
    return json && segment_put_read(ctx, json, out);
}

/* ---- definitions ---- */

static bool check(struct ctx *ctx, const struct put_segment_in *in)
{
    bool list = in->body->kind == SEGMENT_KIND_LIST;
    if (list && in->body->rule)
        return ctx_fail_at(ctx, ERR_INVALID, STR("/rule"), "a list has no rule");
    if (!list && !in->body->rule)
        return ctx_fail_at(ctx, ERR_INVALID, STR("/rule"), "a segment that is no list has a rule");
    return segment_check(ctx, in->segment_id, in->body->rule);
}

static bool keeps_kind(struct ctx *ctx, const struct put_segment_in *in,
                       const struct definition_row *row)
{
    struct segment_put before;
    return read_put(ctx, row, &before) &&
           (before.kind == in->body->kind ||
            ctx_fail(ctx, ERR_CONFLICT, "the segment is a %s, and stays one",
                     segment_kind_name(before.kind)));
}

struct reply personalization_put_segment(struct ctx *ctx, const struct put_segment_in *in)
{
    struct definition_row row = { 0 };
    bool known = store_definition(ctx, DEFINITION_SEGMENT, in->segment_id, &row);
    if (ctx_failed(ctx) || (known && !keeps_kind(ctx, in, &row)) || !check(ctx, in) ||
        !expectation_check(ctx, &(struct expectation){ .if_match = in->if_match }, row.version))
        return reply_error(ctx);
    struct str definition = segment_put_encode(ctx, in->body);
    if (known && str_eq(row.definition, definition))
        return reply_segment(ctx, &row);
    row = (struct definition_row){ .id = in->segment_id,
                                   .definition = definition,
                                   .version = row.version + 1,
                                   .updated_us = clock_now_us() };
    return store_definition_put(ctx, DEFINITION_SEGMENT, &row) ? reply_segment(ctx, &row)
                                                               : reply_error(ctx);
}

struct reply personalization_get_segment(struct ctx *ctx, const struct get_segment_in *in)
{
    struct definition_row row;
    return find(ctx, in->segment_id, &row) ? reply_segment(ctx, &row) : reply_error(ctx);
}

struct reply personalization_delete_segment(struct ctx *ctx, const struct delete_segment_in *in)
{
    struct definition_row row;
    struct str user;
    int64_t change;
    if (!find(ctx, in->segment_id, &row) ||
        !expectation_check(ctx, &(struct expectation){ .if_match = in->if_match }, row.version) ||
        !segment_user(ctx, in->segment_id, &user))
        return reply_error(ctx);
    if (user.ptr) {
        ctx_fail(ctx, ERR_CONFLICT, "the segment " STR_FMT " is made of it", STR_ARG(user));
        return reply_error(ctx);
    }
    return store_list_change(ctx, &change) && store_list_clear(ctx, in->segment_id, change) &&
                   store_definition_delete(ctx, DEFINITION_SEGMENT, in->segment_id)
               ? reply_empty(ctx)
               : reply_error(ctx);
}

struct reply personalization_list_segments(struct ctx *ctx, const struct list_segments_in *in)
{
    CLEANUP(model_done) struct model_use people = service_model(ctx);
    struct str after = { NULL, 0 };
    if (in->cursor.ptr && !sql_cursor_parse(ctx, in->cursor, &after, 1))
        return reply_error(ctx);
    size_t n, limit = (size_t)in->limit;
    struct definition_row *rows = ARENA_ARRAY(ctx->arena, struct definition_row, limit + 1);
    if (!store_definitions(ctx, DEFINITION_SEGMENT, after, limit + 1, rows, &n))
        return reply_error(ctx);
    struct segment_list list = { .n_items = MIN(n, limit) };
    struct segment *items = ARENA_ARRAY(ctx->arena, struct segment, list.n_items);
    for (size_t i = 0; i < list.n_items; i++)
        if (!segment_of(ctx, people.model, &rows[i], &items[i]))
            return reply_error(ctx);
    list.items = items;
    if (n > limit)
        list.next_cursor = sql_cursor(ctx->arena, &rows[limit - 1].id, 1);
    return reply_ok(ctx, segment_list_encode(ctx, &list));
}

/* ---- a rule that is not saved ---- */

struct missing {
    const struct segment_set *set;
    struct str segment_id; /* ptr NULL: none */
};

static bool note_missing(void *argument, struct str name, bool segment)
{
    struct missing *missing = argument;
    if (segment && !segment_find(missing->set, name))
        missing->segment_id = name;
    return missing->segment_id.ptr == NULL;
}

static struct program *preview_compile(struct ctx *ctx, const struct json *rule)
{
    const struct personalization *app = ctx->app;
    struct program *program = program_compile(ctx, rule);
    if (!program) {
        ctx->error.pointer = arena_printf(ctx->arena, "/rule" STR_FMT, STR_ARG(ctx->error.pointer));
        return NULL;
    }
    struct missing missing = { segment_shelf_hold(app->segments), { NULL, 0 } };
    program_names(program, note_missing, &missing);
    segment_set_drop((struct segment_set *)missing.set);
    if (!missing.segment_id.ptr)
        return program;
    ctx_fail_at(ctx, ERR_INVALID, STR("/rule"), "there is no segment " STR_FMT,
                STR_ARG(missing.segment_id));
    return NULL;
}

struct reply personalization_preview_segment(struct ctx *ctx, const struct preview_segment_in *in)
{
    CLEANUP(model_done) struct model_use people = service_model(ctx);
    struct program *program = preview_compile(ctx, in->body->rule);
    struct people_count count = { .most_ids = (size_t)in->body->sample };
    if (!program || !people_count(ctx, people.model, program, &count))
        return reply_error(ctx);
    struct segment_preview preview = {
        .size = count.size, .people = count.people, .sample = count.ids, .n_sample = count.n_ids
    };
    return reply_ok(ctx, segment_preview_encode(ctx, &preview));
}

/* ---- who is in them ---- */

static struct reply reply_members(struct ctx *ctx, const struct member *members, size_t n,
                                  uint32_t next)
{
    struct segment_members list = { .n_items = n };
    struct segment_member *items = ARENA_ARRAY(ctx->arena, struct segment_member, n);
    for (size_t i = 0; i < n; i++)
        items[i] = (struct segment_member){ members[i].person_id, members[i].since_us };
    list.items = items;
    if (next != NO_ROW) {
        struct str row = arena_printf(ctx->arena, "%u", next);
        list.next_cursor = sql_cursor(ctx->arena, &row, 1);
    }
    return reply_ok(ctx, segment_members_encode(ctx, &list));
}

struct reply personalization_list_segment_members(struct ctx *ctx,
                                                  const struct list_segment_members_in *in)
{
    CLEANUP(model_done) struct model_use people = service_model(ctx);
    struct definition_row row;
    struct str text;
    int64_t first = 0;
    size_t n = (size_t)in->limit;
    if (!find(ctx, in->segment_id, &row) ||
        (in->cursor.ptr && !sql_cursor_parse(ctx, in->cursor, &text, 1)))
        return reply_error(ctx);
    if (in->cursor.ptr && (!str_to_int(text, &first) || first < 0 || first >= NO_ROW)) {
        ctx_fail(ctx, ERR_INVALID, "the cursor is none of this list");
        return reply_error(ctx);
    }
    uint32_t next = (uint32_t)first;
    struct member *members = ARENA_ARRAY(ctx->arena, struct member, n);
    return people_members(ctx, people.model, in->segment_id, &next, members, &n)
               ? reply_members(ctx, members, n, next)
               : reply_error(ctx);
}

struct reply personalization_get_person_segments(struct ctx *ctx,
                                                 const struct get_person_segments_in *in)
{
    CLEANUP(model_done) struct model_use people = service_model(ctx);
    struct lmdb_read read;
    struct person person;
    struct person_segments answer = { 0 };
    if (!people_read_begin(ctx, people.model, &read))
        return reply_error(ctx);
    bool ok = people_root(ctx, &read, in->person_id, &answer.person_id, &person);
    struct segment_membership *items =
        ARENA_ARRAY(ctx->arena, struct segment_membership, ok ? person.n_memberships : 0);
    for (uint32_t i = 0; ok && i < person.n_memberships; i++)
        items[i] = (struct segment_membership){ person.memberships[i].segment_id,
                                                person.memberships[i].since_us };
    answer.items = items;
    answer.n_items = ok ? person.n_memberships : 0;
    struct str body = ok ? person_segments_encode(ctx, &answer) : (struct str){ NULL, 0 };
    lmdb_read_end(&read);
    return ok ? reply_ok(ctx, body) : reply_error(ctx);
}
