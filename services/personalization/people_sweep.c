#include "services/personalization/people_sweep.h"

#include <endian.h>

#include "base/clock.h"
#include "services/personalization/asker.h"
#include "services/personalization/people_internal.h"

#define AT_ONCE 500 /* people looked at in one transaction: the consumer waits for it */
#define COLUMN_KEPT_US (600 * US_PER_S)

/* ---- columns ---- */

struct filling {
    struct ctx *ctx; /* its arena is cleared after each person */
    struct people *people;
    const struct source *source;
};

static bool fill_one(struct str id, struct str record, void *argument)
{
    struct filling *filling = argument;
    struct ctx *ctx = filling->ctx;
    struct column *const *columns;
    size_t n_columns = audience_columns(filling->people->audience, &columns), n = 0;
    struct asker *asker = ARENA_NEW(ctx->arena, struct asker);
    struct value *values = ARENA_ARRAY(ctx->arena, struct value, n_columns);
    asker->now_us = clock_now_us();
    asker->known = true;
    if (record_is_erased(record))
        return true;
    if (!person_read(ctx, record, &asker->person))
        return false;
    if (!asker->person.parent.id.ptr) {
        if (asker->person.n_children &&
            !group_read(ctx, filling->source, id, &asker->person, &asker->known))
            return false;
        for (size_t i = 0; i < n_columns; i++)
            if (columns[i]->fresh)
                asker_lookup(ctx, columns[i]->name, asker, &values[n++]);
        audience_fill(filling->people->audience, asker->person.row, values);
    }
    arena_clear(ctx->arena);
    return true;
}

/* The columns that the program reads and that are missing. What is committed from here on goes into them at once, so the
 * walk over what there was before may take its time. */
static bool fill(struct ctx *ctx, struct people *people, const struct program *program)
{
    struct lmdb_read read;
    CLEANUP(arena_freep) struct arena *arena = arena_new(0);
    struct ctx own = { .arena = arena };
    struct source source = { .people = people, .read = &read };
    struct filling filling = { &own, people, &source };
    pthread_mutex_lock(&people->writer);
    bool any = audience_want(people->audience, program) > 0;
    bool ok = !any || lmdb_read_begin(ctx, people->db, &read);
    if (!ok)
        audience_unfill(people->audience);
    pthread_mutex_unlock(&people->writer);
    if (!ok || !any)
        return ok;
    lmdb_scan(&read, TABLE_PEOPLE, (struct str){ NULL, 0 }, fill_one, &filling);
    lmdb_read_end(&read);
    if (!ctx_failed(&own)) {
        audience_filled(people->audience);
        return true;
    }
    pthread_mutex_lock(&people->writer);
    audience_unfill(people->audience);
    pthread_mutex_unlock(&people->writer);
    return ctx_fail(ctx, own.error.code, STR_FMT, STR_ARG(own.error.detail));
}

static bool columns_make(struct ctx *ctx, struct people *people, const struct program *program)
{
    pthread_mutex_lock(&people->filling);
    bool ok = fill(ctx, people, program);
    pthread_mutex_unlock(&people->filling);
    return ok;
}

void people_forget_columns(struct people *people)
{
    pthread_mutex_lock(&people->filling);
    pthread_mutex_lock(&people->writer);
    audience_forget(people->audience, clock_mono_us() - COLUMN_KEPT_US);
    pthread_mutex_unlock(&people->writer);
    pthread_mutex_unlock(&people->filling);
}

/* ---- counting ---- */

static struct str id_of_row(struct ctx *ctx, const struct lmdb_read *read, uint32_t row)
{
    struct str id = lmdb_get(read, TABLE_ROWS, row_key(ctx->arena, row));
    return id.ptr ? arena_str(ctx->arena, id) : id;
}

/* Those that are erased in the meantime are left out. */
static bool ids_of_rows(struct ctx *ctx, struct people *people, const uint32_t *rows, size_t n,
                        struct str *ids, size_t *n_ids)
{
    struct lmdb_read read;
    *n_ids = 0;
    if (!lmdb_read_begin(ctx, people->db, &read))
        return false;
    for (size_t i = 0; i < n; i++) {
        ids[*n_ids] = id_of_row(ctx, &read, rows[i]);
        *n_ids += ids[*n_ids].ptr != NULL;
    }
    lmdb_read_end(&read);
    return true;
}

bool people_count(struct ctx *ctx, struct people *people, const struct program *program,
                  struct people_count *count)
{
    uint32_t *rows = ARENA_ARRAY(ctx->arena, uint32_t, count->most_ids);
    size_t n = count->most_ids;
    if (!columns_make(ctx, people, program) ||
        !audience_count(ctx, people->audience, program, &count->size, rows, &n))
        return false;
    count->people = audience_people(people->audience);
    count->ids = ARENA_ARRAY(ctx->arena, struct str, n);
    return ids_of_rows(ctx, people, rows, n, count->ids, &count->n_ids);
}

bool people_members(struct ctx *ctx, struct people *people, struct str segment_id, uint32_t *from,
                    struct member *out, size_t *n)
{
    size_t room = *n;
    uint32_t *rows = ARENA_ARRAY(ctx->arena, uint32_t, room);
    size_t found = audience_members(people->audience, segment_id, *from, rows, room);
    struct lmdb_read read;
    *from = found == room ? rows[found - 1] + 1 : NO_ROW;
    *n = 0;
    if (!lmdb_read_begin(ctx, people->db, &read))
        return false;
    for (size_t i = 0; i < found; i++) {
        struct str id = id_of_row(ctx, &read, rows[i]);
        struct source source = { .people = people, .read = &read };
        struct person person;
        bool erased;
        const struct membership *member = NULL;
        if (id.ptr && person_read(ctx, record_get(ctx, &source, id, &erased), &person))
            member = person_member(&person, segment_id);
        if (member)
            out[(*n)++] = (struct member){ id, member->since_us };
    }
    lmdb_read_end(&read);
    return !ctx_failed(ctx);
}

int64_t people_segment_size(struct people *people, struct str segment_id)
{
    return audience_size(people->audience, segment_id);
}

/* ---- looking again ---- */

struct looking {
    const uint32_t *rows;
    size_t n;
};

static bool look_at_rows(struct ctx *ctx, struct people *people, void *argument)
{
    const struct looking *looking = argument;
    for (size_t i = 0; i < looking->n; i++) {
        struct str id =
            lmdb_get_for_update(ctx, people->db, TABLE_ROWS, row_key(ctx->arena, looking->rows[i]));
        if (ctx_failed(ctx))
            return false;
        if (id.ptr)
            settle_later(people, id);
    }
    return true;
}

/* One transaction with an arena of its own: there may be many. */
static bool write_apart(struct ctx *ctx, struct people *people,
                        bool (*run)(struct ctx *ctx, struct people *people, void *argument),
                        void *argument)
{
    CLEANUP(arena_freep) struct arena *arena = arena_new(0);
    struct ctx own = *ctx;
    own.arena = arena;
    return people_write(&own, people, run, argument) ||
           ctx_fail(ctx, own.error.code, STR_FMT, STR_ARG(own.error.detail));
}

static bool look_where_it_differs(struct ctx *ctx, struct people *people,
                                  const struct compiled_segment *segment)
{
    uint32_t rows[AT_ONCE], from = 0;
    if (!columns_make(ctx, people, segment->program))
        return false;
    while (from != NO_ROW) {
        CLEANUP(arena_freep) struct arena *arena = arena_new(0);
        struct ctx own = *ctx;
        own.arena = arena;
        struct looking looking = { rows, AT_ONCE };
        if (!audience_differ(&own, people->audience, segment->program, segment->segment_id, &from,
                             rows, &looking.n) ||
            !people_write(&own, people, look_at_rows, &looking))
            return ctx_fail(ctx, own.error.code, STR_FMT, STR_ARG(own.error.detail));
    }
    return true;
}

static bool look_at_members(struct ctx *ctx, struct people *people, struct str segment_id)
{
    uint32_t rows[AT_ONCE], from = 0;
    struct looking looking = { rows, AT_ONCE };
    while (looking.n == AT_ONCE) {
        looking.n = audience_members(people->audience, segment_id, from, rows, AT_ONCE);
        if (looking.n && !write_apart(ctx, people, look_at_rows, &looking))
            return false;
        from = looking.n ? rows[looking.n - 1] + 1 : 0;
    }
    return true;
}

/* ---- which segments were looked at ---- */

#define NOTE_PREFIX "segment/"

static struct str note_key(struct arena *arena, struct str segment_id)
{
    return arena_printf(arena, NOTE_PREFIX STR_FMT, STR_ARG(segment_id));
}

struct note {
    struct str segment_id;
    int64_t stamp; /* 0: it is gone */
};

static bool note_put(struct ctx *ctx, struct people *people, void *argument)
{
    const struct note *note = argument;
    struct str key = note_key(ctx->arena, note->segment_id);
    return note->stamp ? lmdb_put(ctx, people->db, TABLE_NOTES, key,
                                  (struct str){ (const char *)&note->stamp, sizeof note->stamp })
                       : lmdb_delete(ctx, people->db, TABLE_NOTES, key);
}

struct notes {
    struct ctx *ctx;
    struct note items[MOST_SEGMENTS];
    size_t n;
};

static bool note_read(struct str key, struct str value, void *argument)
{
    struct notes *notes = argument;
    struct str prefix = STR(NOTE_PREFIX);
    if (!str_starts(key, prefix))
        return str_cmp(key, prefix) < 0;
    struct note *note = &notes->items[notes->n++];
    note->segment_id =
        arena_str(notes->ctx->arena, (struct str){ key.ptr + prefix.len, key.len - prefix.len });
    memcpy(&note->stamp, value.ptr, MIN(value.len, sizeof note->stamp));
    return notes->n < MOST_SEGMENTS;
}

static struct notes *notes_read(struct ctx *ctx, struct people *people)
{
    struct lmdb_read read;
    struct notes *notes = ARENA_NEW(ctx->arena, struct notes);
    notes->ctx = ctx;
    if (!lmdb_read_begin(ctx, people->db, &read))
        return NULL;
    lmdb_scan(&read, TABLE_NOTES, STR(NOTE_PREFIX), note_read, notes);
    lmdb_read_end(&read);
    return notes;
}

static int64_t stamp_of(const struct notes *notes, struct str segment_id)
{
    for (size_t i = 0; i < notes->n; i++)
        if (str_eq(notes->items[i].segment_id, segment_id))
            return notes->items[i].stamp;
    return 0;
}

static bool nothing(struct ctx *ctx, struct people *people, void *argument)
{
    return true;
}

static bool catch_up(struct ctx *ctx, struct people *people, const struct segment_set *set,
                     bool *changed)
{
    struct notes *notes = notes_read(ctx, people);
    if (!notes)
        return false;
    for (size_t i = 0; i < set->n; i++) {
        const struct compiled_segment *segment = &set->items[i];
        struct note note = { segment->segment_id, segment->stamp };
        if (stamp_of(notes, segment->segment_id) == segment->stamp)
            continue;
        *changed = true;
        if (!(segment->program ? look_where_it_differs(ctx, people, segment)
                               : look_at_members(ctx, people, segment->segment_id)) ||
            !write_apart(ctx, people, note_put, &note))
            return false;
    }
    for (size_t i = 0; i < notes->n; i++) {
        struct note note = { notes->items[i].segment_id, 0 };
        if (segment_find(set, note.segment_id))
            continue;
        *changed = true;
        if (!look_at_members(ctx, people, note.segment_id) ||
            !write_apart(ctx, people, note_put, &note))
            return false;
    }
    return true;
}

static struct segment_set *set_hold(struct people *people)
{
    pthread_mutex_lock(&people->writer);
    struct segment_set *set = people->set ? segment_set_hold(people->set) : NULL;
    pthread_mutex_unlock(&people->writer);
    return set;
}

bool people_catch_up(struct ctx *ctx, struct people *people, bool *changed)
{
    *changed = false;
    if (!write_apart(ctx, people, nothing, NULL)) /* takes over the segments as they are now */
        return false;
    struct segment_set *set = set_hold(people);
    bool ok = !set || catch_up(ctx, people, set, changed);
    segment_set_drop(set);
    return ok;
}

/* ---- the passing of time ---- */

bool people_pass_moment(struct ctx *ctx, struct people *people)
{
    struct segment_set *set = set_hold(people);
    bool ok = true;
    for (size_t i = 0; set && i < set->n && ok; i++)
        ok = !set->items[i].moves || look_where_it_differs(ctx, people, &set->items[i]);
    segment_set_drop(set);
    return ok;
}

struct due {
    struct ctx *ctx;
    int32_t today;
    struct str ids[AT_ONCE];
    size_t n;
};

static bool due_one(struct str key, struct str value, void *argument)
{
    struct due *due = argument;
    uint32_t big;
    if (key.len < sizeof big)
        return false;
    memcpy(&big, key.ptr, sizeof big);
    if ((int32_t)be32toh(big) > due->today)
        return false;
    due->ids[due->n++] =
        arena_str(due->ctx->arena, (struct str){ key.ptr + sizeof big, key.len - sizeof big });
    return due->n < AT_ONCE;
}

static bool look_at_due(struct ctx *ctx, struct people *people, void *argument)
{
    const struct due *due = argument;
    for (size_t i = 0; i < due->n; i++)
        settle_later(people, due->ids[i]);
    return true;
}

bool people_pass_day(struct ctx *ctx, struct people *people, bool *more)
{
    struct due *due = ARENA_NEW(ctx->arena, struct due);
    struct lmdb_read read;
    *more = false;
    due->ctx = ctx;
    due->today = (int32_t)(clock_now_us() / US_PER_DAY);
    if (!lmdb_read_begin(ctx, people->db, &read))
        return false;
    lmdb_scan(&read, TABLE_DUE, (struct str){ NULL, 0 }, due_one, due);
    lmdb_read_end(&read);
    if (due->n && !people_write(ctx, people, look_at_due, due))
        return false;
    *more = due->n == AT_ONCE;
    return true;
}
