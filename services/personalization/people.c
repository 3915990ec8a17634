#include "services/personalization/people.h"

#include <stdlib.h>

#define ERASED_MARK                                                                                \
    STR("erased") /* in place of a record: what comes later for this id is not taken */

enum { TABLE_PEOPLE };
static const char *const tables[] = { "people" };

/* A change of somebody's spend in the transaction under way. */
struct move {
    int64_t spent;
    bool comes;
};

struct people {
    struct lmdb *db;
    struct percentile *percentile;
    struct move *moves; /* the consumer's thread only */
    size_t n_moves, room;
};

static bool is_erased(struct str record)
{
    return str_eq(record, ERASED_MARK);
}

struct counting {
    struct ctx *ctx;
    struct percentile *percentile;
};

static bool count_one(struct str key, struct str value, void *argument)
{
    struct counting *counting = argument;
    struct person person;
    if (is_erased(value))
        return true;
    if (!person_read(counting->ctx, value, &person))
        return false;
    if (person.orders.count > 0)
        percentile_add(counting->percentile, person.spent - person.refunded);
    return true;
}

static bool count_all(struct ctx *ctx, struct people *people)
{
    struct lmdb_read read;
    CLEANUP(arena_freep) struct arena *arena = arena_new(0);
    struct ctx own = { .arena = arena };
    struct counting counting = { &own, people->percentile };
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
    free(people->moves);
    free(people);
}

const struct percentile *people_percentile(const struct people *people)
{
    return people->percentile;
}

bool people_read_begin(struct ctx *ctx, struct people *people, struct lmdb_read *read)
{
    return lmdb_read_begin(ctx, people->db, read);
}

bool people_get(struct ctx *ctx, const struct lmdb_read *read, struct str person_id,
                struct person *out, bool *known)
{
    struct str record = lmdb_get(read, TABLE_PEOPLE, person_id);
    if (is_erased(record))
        record = (struct str){ NULL, 0 };
    *known = record.ptr != NULL;
    return person_read(ctx, record, out);
}

bool people_update(struct ctx *ctx, struct people *people, struct str person_id,
                   struct person *room, struct person **out)
{
    struct str record = lmdb_get_for_update(ctx, people->db, TABLE_PEOPLE, person_id);
    if (ctx_failed(ctx))
        return false;
    *out = is_erased(record) ? NULL : room;
    if (record.ptr)
        record = arena_str(ctx->arena, record); /* the map's own copy moves when it is written */
    return !*out || person_read(ctx, record, room);
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
    struct person before;
    struct str record = lmdb_get_for_update(ctx, people->db, TABLE_PEOPLE, person_id);
    if (ctx_failed(ctx) || (!is_erased(record) && !person_read(ctx, record, &before)))
        return false;
    if (!is_erased(record) && before.orders.count > 0)
        note_move(people, before.spent - before.refunded, false);
    if (after && after->orders.count > 0)
        note_move(people, after->spent - after->refunded, true);
    return true;
}

bool people_put(struct ctx *ctx, struct people *people, struct str person_id,
                const struct person *person)
{
    return note_change(ctx, people, person_id, person) &&
           lmdb_put(ctx, people->db, TABLE_PEOPLE, person_id, person_write(ctx->arena, person));
}

bool people_erase(struct ctx *ctx, struct people *people, struct str person_id)
{
    return note_change(ctx, people, person_id, NULL) &&
           lmdb_put(ctx, people->db, TABLE_PEOPLE, person_id, ERASED_MARK);
}

/* ---- the consumer's store: LMDB's, with the percentiles moved after the commit ---- */

static bool store_begin(struct ctx *ctx, void *store)
{
    struct people *people = store;
    people->n_moves = 0;
    return lmdb_event_store.begin(ctx, people->db);
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
    if (!lmdb_event_store.commit(ctx, people->db))
        return false;
    for (size_t i = 0; i < people->n_moves; i++)
        (people->moves[i].comes ? percentile_add : percentile_remove)(people->percentile,
                                                                      people->moves[i].spent);
    people->n_moves = 0;
    return true;
}

static void store_undo(struct ctx *ctx, void *store)
{
    struct people *people = store;
    people->n_moves = 0;
    lmdb_event_store.undo(ctx, people->db);
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
