#include "services/personalization/people_tell.h"

#include <stdatomic.h>

#include "services/personalization/people_internal.h"
#include "services/personalization/store_segments.h"

/* ---- untold ---- */

struct reading {
    struct ctx *ctx;
    struct source source;
    struct untold *out;
    size_t n, room;
    struct mark *marks;
    size_t n_marks, cap_marks;
};

static bool read_untold(struct str key, struct str value, void *argument)
{
    struct reading *reading = argument;
    struct arena *arena = reading->ctx->arena;
    const char *end = memchr(key.ptr, '\0', key.len);
    if (!end || value.len != sizeof(int64_t))
        return true;
    struct untold *untold = &reading->out[reading->n++];
    *untold = (struct untold){ .key = arena_str(arena, key) };
    size_t segment_bytes = (size_t)(end - key.ptr);
    untold->segment_id = arena_str(arena, (struct str){ key.ptr, segment_bytes });
    untold->person_id = arena_str(arena, (struct str){ end + 1, key.len - segment_bytes - 1 });
    memcpy(&untold->at_us, value.ptr, sizeof untold->at_us);
    return reading->n < reading->room;
}

static void note_mark(struct str partition, int64_t next, void *argument)
{
    struct reading *reading = argument;
    struct arena *arena = reading->ctx->arena;
    if (reading->n_marks == reading->cap_marks) {
        reading->cap_marks = reading->cap_marks ? 2 * reading->cap_marks : 64;
        struct mark *more = ARENA_ARRAY(arena, struct mark, reading->cap_marks);
        if (reading->n_marks)
            memcpy(more, reading->marks, reading->n_marks * sizeof *more);
        reading->marks = more;
    }
    reading->marks[reading->n_marks++] = (struct mark){ arena_str(arena, partition), next };
}

static bool look_up_members(struct reading *reading)
{
    for (size_t i = 0; i < reading->n; i++) {
        struct person person;
        bool erased;
        struct str record =
            record_get(reading->ctx, &reading->source, reading->out[i].person_id, &erased);
        if (!person_read(reading->ctx, record, &person))
            return false;
        reading->out[i].member = person_member(&person, reading->out[i].segment_id) != NULL;
    }
    return true;
}

bool people_untold(struct ctx *ctx, struct people *people, struct untold *out, size_t *n,
                   struct mark **marks, size_t *n_marks)
{
    struct lmdb_read read;
    struct reading reading = { .ctx = ctx, .source = { people, &read }, .out = out, .room = *n };
    *n = 0;
    if (!atomic_exchange(&people->untold, false))
        return true;
    if (!lmdb_read_begin(ctx, people->db, &read)) {
        atomic_store(&people->untold, true);
        return false;
    }
    lmdb_scan(&read, TABLE_UNTOLD, (struct str){ NULL, 0 }, read_untold, &reading);
    lmdb_positions(&read, note_mark, &reading);
    bool ok = look_up_members(&reading);
    lmdb_read_end(&read);
    if (reading.n)
        atomic_store(&people->untold, true); /* until they are told */
    *n = reading.n;
    *marks = reading.marks;
    *n_marks = reading.n_marks;
    return ok;
}

struct told {
    const struct untold *items;
    size_t n;
};

static bool forget_told(struct ctx *ctx, struct people *people, void *argument)
{
    const struct told *told = argument;
    for (size_t i = 0; i < told->n; i++) {
        struct str now = lmdb_get_for_update(ctx, people->db, TABLE_UNTOLD, told->items[i].key);
        if (ctx_failed(ctx))
            return false;
        if (now.len == sizeof(int64_t) &&
            memcmp(now.ptr, &told->items[i].at_us, sizeof(int64_t)) == 0 &&
            !lmdb_delete(ctx, people->db, TABLE_UNTOLD, told->items[i].key))
            return false;
    }
    return true;
}

bool people_told(struct ctx *ctx, struct people *people, const struct untold *untold, size_t n)
{
    struct told told = { untold, n };
    return people_write(ctx, people, forget_told, &told);
}

/* ---- lists ---- */

#define LISTS_NOTE STR("lists")

bool people_list_change(struct ctx *ctx, struct people *people, int64_t *change)
{
    struct lmdb_read read;
    if (!lmdb_read_begin(ctx, people->db, &read))
        return false;
    struct str note = lmdb_get(&read, TABLE_NOTES, LISTS_NOTE);
    *change = 0;
    if (note.len == sizeof *change)
        memcpy(change, note.ptr, sizeof *change);
    lmdb_read_end(&read);
    return true;
}

struct taking {
    const struct list_row *rows;
    size_t n;
    int64_t change;
};

/* Who was never heard of is somebody from now on. */
static bool take_row(struct ctx *ctx, struct people *people, const struct list_row *row)
{
    struct str key = pair_key(ctx->arena, row->segment_id, row->person_id);
    struct person room, *person;
    if (!people_update(ctx, people, row->person_id, &room, &person))
        return false;
    settle_later(people, row->person_id);
    if (!row->member || !person)
        return lmdb_delete(ctx, people->db, TABLE_LISTS, key);
    return lmdb_put(ctx, people->db, TABLE_LISTS, key, STR(".")) &&
           (person->row != NO_ROW || people_put(ctx, people, row->person_id, person));
}

static bool take_rows(struct ctx *ctx, struct people *people, void *argument)
{
    const struct taking *taking = argument;
    for (size_t i = 0; i < taking->n; i++)
        if (!take_row(ctx, people, &taking->rows[i]))
            return false;
    return !taking->change ||
           lmdb_put(ctx, people->db, TABLE_NOTES, LISTS_NOTE,
                    (struct str){ (const char *)&taking->change, sizeof taking->change });
}

bool people_list_take(struct ctx *ctx, struct people *people, const struct list_row *rows, size_t n,
                      int64_t change)
{
    struct taking taking = { rows, n, change };
    return people_write(ctx, people, take_rows, &taking);
}
