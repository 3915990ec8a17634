#include "services/search/changes.h"

#include <stdlib.h>

#include "services/search/analysis.h"
#include "services/search/dictionary.h"
#include "services/search/index.h"
#include "services/search/tables.h"

#define KEPT 256 /* room that is kept between transactions */

struct change {
    struct str term; /* ptr NULL: of a column */
    enum column column;
    uint32_t number, value, order;
};

struct changes {
    struct arena *arena;
    struct change *all;
    size_t n, room;
};

struct changes *changes_new(void)
{
    struct changes *changes = mem_alloc(sizeof *changes);
    changes->arena = arena_new(0);
    return changes;
}

void changes_forget(struct changes *changes)
{
    arena_clear(changes->arena);
    changes->n = 0;
    if (changes->room > KEPT) {
        changes->room = KEPT;
        changes->all = mem_realloc(changes->all, KEPT * sizeof *changes->all);
    }
}

void changes_free(struct changes *changes)
{
    if (!changes)
        return;
    arena_free(changes->arena);
    free(changes->all);
    free(changes);
}

static void note(struct changes *changes, struct change change)
{
    if (changes->n == changes->room) {
        changes->room = changes->room ? changes->room * 2 : KEPT;
        changes->all = mem_realloc(changes->all, changes->room * sizeof *changes->all);
    }
    change.order = (uint32_t)changes->n;
    changes->all[changes->n++] = change;
}

void changes_posting(struct changes *changes, struct str term, uint32_t number, uint8_t value)
{
    note(changes, (struct change){
                      .term = arena_str(changes->arena, term), .number = number, .value = value });
}

void changes_column(struct changes *changes, enum column column, uint32_t number, uint32_t value)
{
    note(changes, (struct change){ .column = column, .number = number, .value = value });
}

/* ---- writing ---- */

/* As the keys are: what a new document changes lies together. */
static int by_place(const struct change *a, const struct change *b)
{
    uint32_t x = a->number / CHUNK_DOCS, y = b->number / CHUNK_DOCS;
    int order = (x > y) - (x < y);
    if (order == 0)
        order = str_cmp(a->term, b->term);
    if (order == 0)
        order = (a->column > b->column) - (a->column < b->column);
    return order ? order : (a->number > b->number) - (a->number < b->number);
}

static int by_place_and_order(const void *a, const void *b)
{
    const struct change *x = a, *y = b;
    int order = by_place(x, y);
    return order ? order : (x->order > y->order) - (x->order < y->order);
}

static bool same_target(const struct change *a, const struct change *b)
{
    return a->number / CHUNK_DOCS == b->number / CHUNK_DOCS && a->column == b->column &&
           str_eq(a->term, b->term);
}

/* Of what is said of one document, the last. */
static size_t keep_last(struct change *all, size_t n)
{
    size_t kept = 0;
    for (size_t i = 0; i < n; i++) {
        if (kept && by_place(&all[kept - 1], &all[i]) == 0)
            kept--;
        all[kept++] = all[i];
    }
    return kept;
}

static bool write_postings(struct ctx *ctx, struct lmdb *db, const struct change *all, size_t n,
                           int *delta)
{
    struct str key = postings_key(ctx->arena, all->term, all->number / CHUNK_DOCS);
    struct posting *postings = ARENA_ARRAY(ctx->arena, struct posting, n);
    for (size_t i = 0; i < n; i++)
        postings[i] =
            (struct posting){ (uint16_t)(all[i].number % CHUNK_DOCS), (uint8_t)all[i].value };
    struct str before = lmdb_get_for_update(ctx, db, TABLE_POSTINGS, key);
    if (ctx_failed(ctx))
        return false;
    struct str after = postings_change(ctx->arena, before, postings, n, delta);
    return after.len ? lmdb_put(ctx, db, TABLE_POSTINGS, key, after)
                     : lmdb_delete(ctx, db, TABLE_POSTINGS, key);
}

static bool write_column(struct ctx *ctx, struct lmdb *db, const struct change *all, size_t n)
{
    struct column_change *values = ARENA_ARRAY(ctx->arena, struct column_change, n);
    for (size_t i = 0; i < n; i++)
        values[i] = (struct column_change){ (uint16_t)(all[i].number % CHUNK_DOCS), all[i].value };
    return column_write(ctx, db, all->column, all->number / CHUNK_DOCS, values, n);
}

/* All changes of one term or column in one chunk. */
static bool write_target(struct ctx *ctx, struct lmdb *db, const struct change *all, size_t n)
{
    int delta = 0;
    if (!all->term.ptr)
        return write_column(ctx, db, all, n);
    if (!write_postings(ctx, db, all, n, &delta))
        return false;
    struct str word = { all->term.ptr + 1, all->term.len - 1 };
    return delta == 0 || all->term.ptr[0] != TERM_WORD || dictionary_count(ctx, db, word, delta);
}

bool changes_write(struct ctx *ctx, struct changes *changes, struct lmdb *db)
{
    CLEANUP(arena_freep) struct arena *arena = arena_new(0);
    struct ctx own = *ctx;
    own.arena = arena;
    if (changes->n)
        qsort(changes->all, changes->n, sizeof *changes->all, by_place_and_order);
    size_t n = keep_last(changes->all, changes->n);
    bool ok = true;
    for (size_t i = 0, k; ok && i < n; i = k) {
        for (k = i + 1; k < n && same_target(&changes->all[k], &changes->all[i]);)
            k++;
        ok = write_target(&own, db, changes->all + i, k - i);
        if (!ok)
            ctx_fail(ctx, own.error.code, STR_FMT, STR_ARG(own.error.detail));
        arena_clear(arena); /* they may be many and large */
    }
    changes_forget(changes);
    return ok;
}
