#include "base/clock.h"
#include "platform/http/expectation.h"
#include "platform/rules/rules.h"
#include "services/personalization/schedule.h"
#include "services/personalization/store.h"
#include "personalization_contract.h"

/* The version before knows active alone, and may have changed it. */
static enum experience_status status_of(const struct experience_row *row)
{
    if (row->active)
        return EXPERIENCE_STATUS_ACTIVE;
    return str_is(row->status, "draft") ? EXPERIENCE_STATUS_DRAFT : EXPERIENCE_STATUS_PAUSED;
}

static bool schedule_of(struct ctx *ctx, struct str text, const struct experience_schedule **out)
{
    struct experience_schedule *schedule = ARENA_NEW(ctx->arena, struct experience_schedule);
    const struct json *json = text.ptr ? json_parse(ctx, text) : NULL;
    *out = text.ptr ? schedule : NULL;
    return !text.ptr || (json && experience_schedule_read(ctx, json, schedule));
}

static bool experience_of(struct ctx *ctx, const struct experience_row *row, struct experience *out)
{
    const struct json *variants = json_parse(ctx, row->variants);
    const struct experience_schedule *schedule;
    if (!variants || !schedule_of(ctx, row->schedule, &schedule))
        return ctx_fail(ctx, ERR_INTERNAL, "reading the experience " STR_FMT,
                        STR_ARG(row->experience_id));
    struct variant *items = ARENA_ARRAY(ctx->arena, struct variant, json_size(variants));
    for (struct json_iter it = json_iter(variants); json_next(&it);)
        items[it.index] = (struct variant){ .variant = json_str(json_get(it.value, "variant")),
                                            .rule = json_get(it.value, "rule") };
    *out = (struct experience){ .experience_id = row->experience_id,
                                .slot = row->slot,
                                .name = row->name,
                                .priority = row->priority,
                                .has_status = true,
                                .status = status_of(row),
                                .active = row->active,
                                .schedule = schedule,
                                .variants = items,
                                .n_variants = json_size(variants),
                                .version = row->version,
                                .updated_at = row->updated_us };
    return true;
}

static struct reply reply_experience(struct ctx *ctx, const struct experience_row *row)
{
    struct experience experience;
    if (!experience_of(ctx, row, &experience))
        return reply_error(ctx);
    return reply_versioned(ctx, experience_encode(ctx, &experience), row->version);
}

/* Names are used once, and every rule compiles; the pointer says which does not. */
static bool variants_check(struct ctx *ctx, const struct experience_put *put)
{
    for (size_t i = 0; i < put->n_variants; i++) {
        struct str pointer = arena_printf(ctx->arena, "/variants/%zu", i);
        for (size_t k = 0; k < i; k++)
            if (str_eq(put->variants[k].variant, put->variants[i].variant))
                return ctx_fail_at(ctx, ERR_INVALID, pointer, "two variants have this name");
        if (!put->variants[i].rule)
            continue;
        struct rule *rule = rule_compile(ctx, put->variants[i].rule);
        if (!rule) {
            ctx->error.pointer = arena_printf(ctx->arena, STR_FMT "/rule" STR_FMT, STR_ARG(pointer),
                                              STR_ARG(ctx->error.pointer));
            return false;
        }
        rule_free(rule);
    }
    return true;
}

static struct str variants_text(struct ctx *ctx, const struct experience_put *put)
{
    struct json_out out;
    json_out_init(&out, ctx->arena);
    json_array(&out);
    for (size_t i = 0; i < put->n_variants; i++)
        json_put_raw(&out, variant_encode(ctx, &put->variants[i]));
    json_array_end(&out);
    return json_out_str(&out);
}

static bool same(const struct experience_row *a, const struct experience_row *b)
{
    return str_eq(a->slot, b->slot) && str_eq(a->name, b->name) && a->priority == b->priority &&
           status_of(a) == status_of(b) && str_eq(a->schedule, b->schedule) &&
           str_eq(a->variants, b->variants);
}

static bool put_check(struct ctx *ctx, const struct experience_put *put)
{
    return variants_check(ctx, put) &&
           (!put->schedule || schedule_compile(ctx, put->schedule, "/schedule"));
}

struct reply personalization_put_experience(struct ctx *ctx, const struct put_experience_in *in)
{
    const struct experience_put *put = in->body;
    struct experience_row before = { 0 };
    if (!put_check(ctx, put))
        return reply_error(ctx);
    bool known = store_experience(ctx, in->experience_id, &before);
    if (ctx_failed(ctx) ||
        !expectation_check(ctx, &(struct expectation){ .if_match = in->if_match }, before.version))
        return reply_error(ctx);
    struct experience_row row = { .experience_id = in->experience_id,
                                  .slot = put->slot,
                                  .name = put->name,
                                  .variants = variants_text(ctx, put),
                                  .priority = put->priority,
                                  .version = before.version + 1,
                                  .updated_us = clock_now_us(),
                                  .active = put->active && put->status == EXPERIENCE_STATUS_ACTIVE,
                                  .status = str_of(experience_status_name(put->status)) };
    if (put->schedule)
        row.schedule = experience_schedule_encode(ctx, put->schedule);
    if (known && same(&before, &row))
        return reply_experience(ctx, &before);
    return store_experience_put(ctx, &row) ? reply_experience(ctx, &row) : reply_error(ctx);
}

static struct reply reply_none(struct ctx *ctx)
{
    if (!ctx_failed(ctx))
        ctx_fail(ctx, ERR_NOT_FOUND, "there is no experience with this id");
    return reply_error(ctx);
}

struct reply personalization_get_experience(struct ctx *ctx, const struct get_experience_in *in)
{
    struct experience_row row;
    return store_experience(ctx, in->experience_id, &row) ? reply_experience(ctx, &row)
                                                          : reply_none(ctx);
}

struct reply personalization_delete_experience(struct ctx *ctx,
                                               const struct delete_experience_in *in)
{
    struct experience_row row;
    if (!store_experience(ctx, in->experience_id, &row))
        return reply_none(ctx);
    if (!expectation_check(ctx, &(struct expectation){ .if_match = in->if_match }, row.version) ||
        !store_experience_delete(ctx, in->experience_id))
        return reply_error(ctx);
    return reply_empty(ctx);
}

struct reply personalization_list_experiences(struct ctx *ctx, const struct list_experiences_in *in)
{
    struct str after = { NULL, 0 };
    if (in->cursor.ptr && !sql_cursor_parse(ctx, in->cursor, &after, 1))
        return reply_error(ctx);
    size_t n, limit = (size_t)in->limit;
    struct experience_row *rows = ARENA_ARRAY(ctx->arena, struct experience_row, limit + 1);
    if (!store_experiences(ctx, in->slot, after, limit + 1, rows, &n))
        return reply_error(ctx);
    struct experience_list list = { .n_items = MIN(n, limit) };
    struct experience *items = ARENA_ARRAY(ctx->arena, struct experience, list.n_items);
    for (size_t i = 0; i < list.n_items; i++)
        if (!experience_of(ctx, &rows[i], &items[i]))
            return reply_error(ctx);
    list.items = items;
    if (n > limit)
        list.next_cursor = sql_cursor(ctx->arena, &rows[limit - 1].experience_id, 1);
    return reply_ok(ctx, experience_list_encode(ctx, &list));
}
