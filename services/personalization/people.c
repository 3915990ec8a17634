#include "services/personalization/people_internal.h"

#include <endian.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "services/personalization/personalization.h"

#define ERASED_MARK                                                                                \
    STR("erased") /* in place of a record: what comes later for this id is not taken */

static const char *const tables[N_TABLES] = {
    [TABLE_PEOPLE] = "people", [TABLE_ROWS] = "rows",     [PEOPLE_TABLE_EXPOSURES] = "exposures",
    [TABLE_DUE] = "due",       [TABLE_UNTOLD] = "untold", [TABLE_LISTS] = "lists",
    [TABLE_NOTES] = "notes",
};

bool record_is_erased(struct str record)
{
    return str_eq(record, ERASED_MARK);
}

struct counting {
    struct ctx *ctx;
    struct people *people;
};

static bool count_one(struct str key, struct str value, void *argument)
{
    struct counting *counting = argument;
    struct person person;
    if (record_is_erased(value))
        return true;
    if (!person_read(counting->ctx, value, &person))
        return false;
    if (person.orders.count > 0)
        percentile_add(counting->people->percentile, person.spent - person.refunded);
    if (person.row >= counting->people->next_row)
        counting->people->next_row = person.row + 1;
    struct str *ids = ARENA_ARRAY(counting->ctx->arena, struct str, person.n_memberships);
    for (uint32_t i = 0; i < person.n_memberships; i++)
        ids[i] = person.memberships[i].segment_id;
    struct audience_row row = { person.row, !person.parent.id.ptr, ids, person.n_memberships,
                                NULL };
    audience_put(counting->people->audience, &row, 1);
    arena_clear(counting->ctx->arena);
    return true;
}

static bool count_all(struct ctx *ctx, struct people *people)
{
    struct lmdb_read read;
    CLEANUP(arena_freep) struct arena *arena = arena_new(0);
    struct ctx own = { .arena = arena };
    struct counting counting = { &own, people };
    if (!lmdb_read_begin(ctx, people->db, &read))
        return false;
    lmdb_scan(&read, TABLE_PEOPLE, (struct str){ NULL, 0 }, count_one, &counting);
    lmdb_read_end(&read);
    return !ctx_failed(&own) || ctx_fail(ctx, own.error.code, STR_FMT, STR_ARG(own.error.detail));
}

void *people_open(struct ctx *ctx, const char *folder)
{
    struct people *people = mem_alloc(sizeof(*people));
    people->percentile = percentile_new();
    people->audience = audience_new(people->percentile);
    people->arena = arena_new(0);
    people->untold = true;
    pthread_mutex_init(&people->writer, NULL);
    pthread_mutex_init(&people->filling, NULL);
    people->db = lmdb_open(ctx, folder, tables, COUNT(tables), 0);
    if (people->db && count_all(ctx, people))
        return people;
    people_close(people);
    return NULL;
}

void people_close(void *argument)
{
    struct people *people = argument;
    if (!people)
        return;
    lmdb_close(people->db);
    percentile_free(people->percentile);
    audience_free(people->audience);
    segment_set_drop(people->set);
    arena_free(people->arena);
    pthread_mutex_destroy(&people->writer);
    pthread_mutex_destroy(&people->filling);
    free(people->moves);
    free(people);
}

struct lmdb *people_lmdb(struct people *people)
{
    return people->db;
}

const struct percentile *people_percentile(const struct people *people)
{
    return people->percentile;
}

bool people_read_begin(struct ctx *ctx, struct people *people, struct lmdb_read *read)
{
    return lmdb_read_begin(ctx, people->db, read);
}

struct str record_get(struct ctx *ctx, const struct source *source, struct str id, bool *erased)
{
    struct str record = source->read
                            ? lmdb_get(source->read, TABLE_PEOPLE, id)
                            : lmdb_get_for_update(ctx, source->people->db, TABLE_PEOPLE, id);
    *erased = record_is_erased(record);
    return *erased ? (struct str){ NULL, 0 } : record;
}

bool people_get(struct ctx *ctx, const struct lmdb_read *read, struct str person_id,
                struct person *out, bool *known)
{
    struct source source = { .read = read };
    return group_get(ctx, &source, person_id, out, known);
}

bool people_root(struct ctx *ctx, const struct lmdb_read *read, struct str person_id,
                 struct str *root, struct person *out)
{
    struct source source = { .read = read };
    bool erased;
    return group_root(ctx, &source, person_id, root) &&
           person_read(ctx, record_get(ctx, &source, *root, &erased), out);
}

bool people_update(struct ctx *ctx, struct people *people, struct str person_id,
                   struct person *room, struct person **out)
{
    struct source source = { .people = people };
    bool erased;
    struct str record = record_get(ctx, &source, person_id, &erased);
    if (ctx_failed(ctx))
        return false;
    *out = erased ? NULL : room;
    if (!erased && !record.ptr) {
        *room = (struct person){ .row = NO_ROW };
        return true;
    }
    return erased || person_read(ctx, record, room);
}

static void note_move(struct people *people, int64_t spent, bool comes)
{
    if (people->n_moves == people->room) {
        people->room = people->room ? people->room * 2 : 64;
        people->moves = mem_realloc(people->moves, people->room * sizeof(*people->moves));
    }
    people->moves[people->n_moves++] = (struct move){ spent, comes };
}

/* Takes the person's spend as it was out of the count, and (after not NULL) the new one in. */
static bool note_change(struct ctx *ctx, struct people *people, struct str person_id,
                        const struct person *after)
{
    struct person before_room, *before;
    if (after && after->orders.count == 0) /* orders do not go away: there were none before */
        return true;
    if (!people_update(ctx, people, person_id, &before_room, &before))
        return false;
    if (before && before->orders.count > 0)
        note_move(people, before->spent - before->refunded, false);
    if (after)
        note_move(people, after->spent - after->refunded, true);
    return true;
}

/* Rows are numbers in the order of their coming. */
struct str row_key(struct arena *arena, uint32_t row)
{
    uint32_t big = htobe32(row);
    return (struct str){ arena_copy(arena, &big, sizeof big), sizeof big };
}

static bool row_give(struct ctx *ctx, struct people *people, struct str person_id,
                     struct person *person)
{
    if (people->next_row == NO_ROW)
        return ctx_fail(ctx, ERR_UNAVAILABLE, "there is no room for another person");
    if (!lmdb_put(ctx, people->db, TABLE_ROWS, row_key(ctx->arena, people->next_row), person_id))
        return false;
    person->row = people->next_row++;
    return true;
}

bool people_put(struct ctx *ctx, struct people *people, struct str person_id, struct person *person)
{
    settle_later(people, person_id);
    return (person->row != NO_ROW || row_give(ctx, people, person_id, person)) &&
           note_change(ctx, people, person_id, person) &&
           lmdb_put(ctx, people->db, TABLE_PEOPLE, person_id, person_write(ctx->arena, person));
}

bool people_erase(struct ctx *ctx, struct people *people, struct str person_id)
{
    struct person room, *person;
    if (!people_update(ctx, people, person_id, &room, &person))
        return false;
    if (!person)
        return true;
    for (uint32_t i = 0; i < person->n_children; i++)
        if (!people_erase(ctx, people, person->children[i].id))
            return false;
    return settle_retire(ctx, people, person_id, person) &&
           (person->row == NO_ROW ||
            lmdb_delete(ctx, people->db, TABLE_ROWS, row_key(ctx->arena, person->row))) &&
           lmdb_delete(ctx, people->db, PEOPLE_TABLE_EXPOSURES, person_id) &&
           note_change(ctx, people, person_id, NULL) &&
           lmdb_put(ctx, people->db, TABLE_PEOPLE, person_id, ERASED_MARK);
}

/* ---- transactions: LMDB's, with what is in memory moved after the commit ---- */

static void forget_transaction(struct people *people)
{
    people->n_moves = people->n_touched = people->n_changes = 0;
    people->cap_touched = people->cap_changes = 0;
    arena_clear(people->arena);
}

static void end(struct people *people, bool committed)
{
    if (!committed)
        people->next_row = people->rows_before;
    for (size_t i = 0; committed && i < people->n_moves; i++)
        (people->moves[i].comes ? percentile_add : percentile_remove)(people->percentile,
                                                                      people->moves[i].spent);
    if (committed)
        audience_put(people->audience, people->changes, people->n_changes);
    if (committed && people->untold_noted)
        atomic_store(&people->untold, true);
    people->untold_noted = false;
    forget_transaction(people);
    pthread_mutex_unlock(&people->writer);
}

/* The segments as they are defined now: who is touched is looked at by these. */
static void adopt(struct ctx *ctx, struct people *people)
{
    const struct personalization *app = ctx->app;
    struct segment_set *set = app && app->segments ? segment_shelf_hold(app->segments) : NULL;
    if (!set)
        return;
    segment_set_drop(people->set);
    people->set = set;
}

static bool store_begin(struct ctx *ctx, void *store)
{
    struct people *people = store;
    pthread_mutex_lock(&people->writer);
    forget_transaction(people);
    people->rows_before = people->next_row;
    adopt(ctx, people);
    if (lmdb_event_store.begin(ctx, people->db))
        return true;
    pthread_mutex_unlock(&people->writer);
    return false;
}

static bool store_position(struct ctx *ctx, void *store, struct str log, struct str topic,
                           int partition, int64_t *next)
{
    return lmdb_event_store.position(ctx, ((struct people *)store)->db, log, topic, partition,
                                     next);
}

static bool store_move(struct ctx *ctx, void *store, struct str log, struct str topic,
                       int partition, int64_t was, int64_t next)
{
    return lmdb_event_store.move(ctx, ((struct people *)store)->db, log, topic, partition, was,
                                 next);
}

static bool store_commit(struct ctx *ctx, void *store)
{
    struct people *people = store;
    bool settled = settle_all(ctx, people);
    if (!settled)
        lmdb_event_store.undo(ctx, people->db);
    bool committed = settled && lmdb_event_store.commit(ctx, people->db);
    end(people, committed);
    return committed;
}

static void store_undo(struct ctx *ctx, void *store)
{
    struct people *people = store;
    lmdb_event_store.undo(ctx, people->db);
    end(people, false);
}

bool people_write(struct ctx *ctx, struct people *people,
                  bool (*run)(struct ctx *ctx, struct people *people, void *argument),
                  void *argument)
{
    if (!store_begin(ctx, people))
        return false;
    if (run(ctx, people, argument))
        return store_commit(ctx, people);
    store_undo(ctx, people);
    return false;
}

static bool store_seen(struct ctx *ctx, void *store, struct str id, bool *already)
{
    return lmdb_event_store.seen(ctx, ((struct people *)store)->db, id, already);
}

static bool store_sync(struct ctx *ctx, void *store)
{
    return lmdb_event_store.sync(ctx, ((struct people *)store)->db);
}

const struct event_store people_event_store = {
    .begin = store_begin,
    .position = store_position,
    .move = store_move,
    .commit = store_commit,
    .undo = store_undo,
    .seen = store_seen,
    .sync = store_sync,
};
