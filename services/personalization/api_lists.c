/* Lists: people imported, one in each line. */
#include "platform/json/json.h"
#include "services/personalization/personalization.h"
#include "services/personalization/store_segments.h"
#include "personalization_contract.h"

#define MOST_LINES 100000
#define LONGEST_ID 200

struct importing {
    struct str segment_id;
    bool member;
    int64_t change, people;
};

/* The id in a line: all of it, or the member person_id of an object. */
static bool id_of(struct ctx *ctx, struct str line, int number, struct str *id)
{
    *id = line;
    if (line.ptr[0] == '{') {
        const struct json *object = json_parse(ctx, line);
        if (!object) {
            struct str why = ctx->error.detail;
            ctx_clear(ctx);
            return ctx_fail(ctx, ERR_INVALID, "line %d: " STR_FMT, number, STR_ARG(why));
        }
        *id = json_str(json_get(object, "person_id"));
        if (!id->len)
            return ctx_fail(ctx, ERR_INVALID, "line %d has no person_id", number);
    }
    if (id->len > LONGEST_ID || !str_is_utf8(*id) || memchr(id->ptr, '\0', id->len))
        return ctx_fail(ctx, ERR_INVALID, "line %d is no id of a person: 1 to %d bytes of UTF-8",
                        number, LONGEST_ID);
    return true;
}

static bool import_lines(struct ctx *ctx, struct str body, struct importing *importing)
{
    struct str line;
    for (int number = 1; str_split(&body, '\n', &line); number++) {
        struct str id;
        line = str_trim(line);
        if (line.len == 0)
            continue;
        if (number > MOST_LINES)
            return ctx_fail(ctx, ERR_INVALID, "there are more than %d lines", MOST_LINES);
        if (!id_of(ctx, line, number, &id) ||
            !store_list_put(ctx, importing->segment_id, id, importing->member, importing->change))
            return false;
        importing->people++;
    }
    return true;
}

static bool is_list(struct ctx *ctx, struct str segment_id)
{
    struct definition_row row;
    struct segment_put put;
    if (!store_definition(ctx, DEFINITION_SEGMENT, segment_id, &row))
        return ctx_failed(ctx) ? false : ctx_fail(ctx, ERR_NOT_FOUND, "there is no such segment");
    const struct json *json = json_parse(ctx, row.definition);
    return json && segment_put_read(ctx, json, &put) &&
           (put.kind == SEGMENT_KIND_LIST ||
            ctx_fail(ctx, ERR_CONFLICT, "the segment has a rule, it is no list"));
}

struct reply personalization_import_segment_members(struct ctx *ctx,
                                                    const struct import_segment_members_in *in)
{
    struct importing importing = { .segment_id = in->segment_id,
                                   .member = in->mode != LIST_MODE_REMOVE };
    if (!is_list(ctx, in->segment_id) || !store_list_change(ctx, &importing.change) ||
        (in->mode == LIST_MODE_REPLACE &&
         !store_list_clear(ctx, in->segment_id, importing.change)) ||
        !import_lines(ctx, in->body_raw, &importing))
        return reply_error(ctx);
    struct list_imported imported = { .people = importing.people };
    return reply_ok(ctx, list_imported_encode(ctx, &imported));
}
