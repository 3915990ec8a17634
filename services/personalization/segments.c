#include "services/personalization/segments.h"

#include <pthread.h>
#include <stdlib.h>

#include "personalization_types.h"

struct draft {
    struct compiled_segment segment;
    size_t *uses; /* of the drafts */
    size_t n_uses;
    int depth; /* 0: not looked at yet, -1: under way */
};

struct drafts {
    struct ctx *ctx; /* its arena holds everything */
    struct draft items[MOST_SEGMENTS + 1];
    size_t n;
    struct compiled_segment *ordered;
    size_t n_ordered;
    struct str missing; /* a segment that a rule names and that there is not */
};

static struct draft *draft_find(struct drafts *drafts, struct str segment_id)
{
    for (size_t i = 0; i < drafts->n; i++)
        if (str_eq(drafts->items[i].segment.segment_id, segment_id))
            return &drafts->items[i];
    return NULL;
}

static void rule_done(void *rule)
{
    rule_free(rule);
}

/* `rule` NULL: a list. */
static bool draft_add(struct drafts *drafts, struct str segment_id, const struct json *rule,
                      int64_t stamp)
{
    struct ctx *ctx = drafts->ctx;
    struct compiled_segment segment = { .segment_id = segment_id, .stamp = stamp };
    if (rule && (!(segment.program = program_compile(ctx, rule)) ||
                 !(segment.rule = rule_compile(ctx, rule))))
        return false;
    segment.moves = segment.program && program_moves(segment.program);
    if (segment.rule)
        arena_at_end(ctx->arena, rule_done, segment.rule);
    drafts->items[drafts->n++] = (struct draft){ .segment = segment };
    return true;
}

/* A row that cannot be compiled any more is left out. */
static bool draft_row(struct ctx *ctx, const struct definition_row *row, void *argument)
{
    struct drafts *drafts = argument;
    struct segment_put put;
    const struct json *json = json_parse(drafts->ctx, row->definition);
    if (drafts->n <= MOST_SEGMENTS && !draft_find(drafts, row->id) && json &&
        segment_put_read(drafts->ctx, json, &put))
        draft_add(drafts, arena_str(drafts->ctx->arena, row->id),
                  put.kind == SEGMENT_KIND_LIST ? NULL : put.rule, row->updated_us);
    ctx_clear(drafts->ctx);
    return true;
}

/* ---- what is made of what ---- */

struct linking {
    struct drafts *drafts;
    struct draft *draft;
};

static bool note_use(void *argument, struct str name, bool segment)
{
    struct linking *linking = argument;
    struct draft *draft = linking->draft;
    if (!segment)
        return true;
    struct draft *other = draft_find(linking->drafts, name);
    if (!other) {
        linking->drafts->missing = name;
        return true;
    }
    size_t *more = ARENA_ARRAY(linking->drafts->ctx->arena, size_t, draft->n_uses + 1);
    if (draft->n_uses)
        memcpy(more, draft->uses, draft->n_uses * sizeof *more);
    more[draft->n_uses++] = (size_t)(other - linking->drafts->items);
    draft->uses = more;
    return true;
}

static void link_draft(struct drafts *drafts, struct draft *draft)
{
    struct linking linking = { drafts, draft };
    if (draft->segment.program)
        program_names(draft->segment.program, note_use, &linking);
}

/* Puts it behind what it is made of. False: a circle, or too deep; the sentence says through which. */
static bool order_draft(struct drafts *drafts, struct draft *draft)
{
    int deepest = 0;
    if (draft->depth > 0)
        return true;
    if (draft->depth < 0)
        return ctx_fail(drafts->ctx, ERR_INVALID, STR_FMT " (a segment cannot be made of itself)",
                        STR_ARG(draft->segment.segment_id));
    draft->depth = -1;
    for (size_t i = 0; i < draft->n_uses; i++) {
        struct draft *other = &drafts->items[draft->uses[i]];
        if (!order_draft(drafts, other))
            return ctx_fail(drafts->ctx, ERR_INVALID, STR_FMT " is made of",
                            STR_ARG(draft->segment.segment_id));
        deepest = MAX(deepest, other->depth);
    }
    draft->depth = deepest + 1;
    if (draft->depth > DEEPEST_SEGMENTS)
        return ctx_fail(drafts->ctx, ERR_INVALID,
                        STR_FMT
                        " would be the %dth of segments that are made of each other, %d are "
                        "the limit",
                        STR_ARG(draft->segment.segment_id), draft->depth, DEEPEST_SEGMENTS);
    drafts->ordered[drafts->n_ordered++] = draft->segment;
    return true;
}

static struct drafts *drafts_new(struct ctx *ctx)
{
    struct drafts *drafts = ARENA_NEW(ctx->arena, struct drafts);
    drafts->ctx = ctx;
    drafts->ordered = ARENA_ARRAY(ctx->arena, struct compiled_segment, MOST_SEGMENTS + 1);
    return drafts;
}

/* ---- the set ---- */

struct segment_set *segment_set_read(struct ctx *ctx, int64_t revision)
{
    struct arena *arena = arena_new(0);
    struct ctx own = { .arena = arena };
    struct segment_set *set = ARENA_NEW(arena, struct segment_set);
    struct drafts *drafts = drafts_new(&own);
    if (!store_definitions_each(ctx, DEFINITION_SEGMENT, draft_row, drafts)) {
        arena_free(arena);
        return NULL;
    }
    for (size_t i = 0; i < drafts->n; i++)
        link_draft(drafts, &drafts->items[i]);
    for (size_t i = 0; i < drafts->n; i++) {
        order_draft(drafts, &drafts->items[i]); /* was checked when it was stored */
        ctx_clear(&own);
    }
    set->arena = arena;
    set->items = drafts->ordered;
    set->n = drafts->n_ordered;
    set->revision = revision;
    set->users = 1;
    return set;
}

struct segment_set *segment_set_hold(struct segment_set *set)
{
    set->users++;
    return set;
}

void segment_set_drop(struct segment_set *set)
{
    if (set && --set->users == 0)
        arena_free(set->arena);
}

const struct compiled_segment *segment_find(const struct segment_set *set, struct str segment_id)
{
    for (size_t i = 0; set && i < set->n; i++)
        if (str_eq(set->items[i].segment_id, segment_id))
            return &set->items[i];
    return NULL;
}

/* ---- the shelf ---- */

struct segment_shelf {
    pthread_mutex_t lock;
    struct segment_set *set;
};

struct segment_shelf *segment_shelf_new(void)
{
    struct segment_shelf *shelf = mem_alloc(sizeof *shelf);
    pthread_mutex_init(&shelf->lock, NULL);
    return shelf;
}

void segment_shelf_free(struct segment_shelf *shelf)
{
    if (!shelf)
        return;
    segment_set_drop(shelf->set);
    pthread_mutex_destroy(&shelf->lock);
    free(shelf);
}

void segment_shelf_put(struct segment_shelf *shelf, struct segment_set *set)
{
    pthread_mutex_lock(&shelf->lock);
    struct segment_set *old = shelf->set;
    shelf->set = set;
    pthread_mutex_unlock(&shelf->lock);
    segment_set_drop(old);
}

struct segment_set *segment_shelf_hold(struct segment_shelf *shelf)
{
    pthread_mutex_lock(&shelf->lock);
    struct segment_set *set = shelf->set ? segment_set_hold(shelf->set) : NULL;
    pthread_mutex_unlock(&shelf->lock);
    return set;
}

int64_t segment_shelf_revision(struct segment_shelf *shelf)
{
    pthread_mutex_lock(&shelf->lock);
    int64_t revision = shelf->set ? shelf->set->revision : -1;
    pthread_mutex_unlock(&shelf->lock);
    return revision;
}

/* ---- before it is stored ---- */

bool segment_check(struct ctx *ctx, struct str segment_id, const struct json *rule)
{
    struct drafts *drafts = drafts_new(ctx);
    if (!draft_add(drafts, segment_id, rule, 0)) {
        ctx->error.pointer = arena_printf(ctx->arena, "/rule" STR_FMT, STR_ARG(ctx->error.pointer));
        return false;
    }
    if (!store_definitions_each(ctx, DEFINITION_SEGMENT, draft_row, drafts))
        return false;
    if (drafts->n > MOST_SEGMENTS)
        return ctx_fail(ctx, ERR_INVALID, "there are %d segments already, which is the limit",
                        MOST_SEGMENTS);
    link_draft(drafts, &drafts->items[0]);
    if (drafts->missing.ptr)
        return ctx_fail_at(ctx, ERR_INVALID, STR("/rule"), "there is no segment " STR_FMT,
                           STR_ARG(drafts->missing));
    for (size_t i = 1; i < drafts->n; i++)
        link_draft(drafts, &drafts->items[i]);
    for (size_t i = 0; i < drafts->n; i++)
        if (!order_draft(drafts, &drafts->items[i])) {
            ctx->error.pointer = STR("/rule");
            return false;
        }
    return true;
}

bool segment_user(struct ctx *ctx, struct str segment_id, struct str *user)
{
    struct drafts *drafts = drafts_new(ctx);
    *user = (struct str){ NULL, 0 };
    if (!store_definitions_each(ctx, DEFINITION_SEGMENT, draft_row, drafts))
        return false;
    for (size_t i = 0; i < drafts->n; i++) {
        struct draft *draft = &drafts->items[i];
        link_draft(drafts, draft);
        for (size_t k = 0; k < draft->n_uses && !user->ptr; k++)
            if (str_eq(drafts->items[draft->uses[k]].segment.segment_id, segment_id))
                *user = draft->segment.segment_id;
    }
    return true;
}
