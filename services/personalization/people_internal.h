/* Inside the store of people. */
#pragma once

#include <pthread.h>

#include "services/personalization/audience.h"
#include "services/personalization/people.h"

enum people_table {
    TABLE_PEOPLE, /* id -> person_record.c, or the mark of one who was erased */
    TABLE_ROWS,   /* row, the most significant byte first -> id */
    PEOPLE_TABLE_EXPOSURES, /* exposures.h */
    TABLE_DUE,    /* day, the most significant byte first, and id: windows show less from then on */
    TABLE_UNTOLD, /* segment, NUL, id -> when: the membership may differ from what was told */
    TABLE_LISTS,  /* segment, NUL, id: who is on a list */
    TABLE_NOTES, /* "segment/<id>" -> its stamp, once everybody was looked at; "lists" -> how far they are read */
    N_TABLES
};

/* A change of somebody's spend in the transaction under way. */
struct move {
    int64_t spent;
    bool comes;
};

/* What is under way between the begin and the end of a transaction is its thread's, who holds `writer`. */
struct people {
    struct lmdb *db;
    struct percentile *percentile;
    struct audience *audience;
    pthread_mutex_t writer;
    struct segment_set *set; /* NULL: none yet */
    struct move *moves;
    size_t n_moves, room;
    uint32_t next_row, rows_before; /* now; when the transaction began */
    struct arena *arena;            /* of what follows */
    struct str *touched;            /* ids whose persons are to be looked at */
    size_t n_touched, cap_touched;
    struct audience_row *changes; /* for the memory, once it is committed */
    size_t n_changes, cap_changes;
    pthread_mutex_t filling; /* of columns: one at a time */
    bool untold_noted;       /* in this transaction */
    _Atomic bool untold;     /* there may be something in TABLE_UNTOLD */
};

/* Where records are read: in a reading transaction, or in the writing one, with what it has changed. */
struct source {
    struct people *people;
    const struct lmdb_read *read; /* NULL: the writing one */
};

bool record_is_erased(struct str record);

/* The record of this id alone. ptr NULL: there is none, or it was erased (*erased). */
struct str record_get(struct ctx *ctx, const struct source *source, struct str id, bool *erased);

/* What is kept beside a person's record, in the same transaction, goes with it. */
struct lmdb *people_lmdb(struct people *people);

/* ---- people_join.c ---- */

/* The id that stands for the person whose id this is. */
bool group_root(struct ctx *ctx, const struct source *source, struct str id, struct str *root);

/* What is known of the person under all ids, by the one that stands for them; *known: anything. */
bool group_read(struct ctx *ctx, const struct source *source, struct str root, struct person *out,
                bool *known);

/* The same by any id of the person. */
bool group_get(struct ctx *ctx, const struct source *source, struct str id, struct person *out,
               bool *known);

/* The first GROUP_IDS ids of a person, the root first; their number. */
#define GROUP_IDS 64
bool group_ids(struct ctx *ctx, const struct source *source, struct str root,
               struct str out[GROUP_IDS], size_t *n);

/* ---- people_settle.c: who is in which segment, at the end of each transaction ---- */

/* The person of this id is looked at before the transaction ends. */
void settle_later(struct people *people, struct str id);

/* Looks at all of them. */
bool settle_all(struct ctx *ctx, struct people *people);

/* The record stands for nobody any more: erased, or another id of somebody else. Changes it, without storing it. */
bool settle_retire(struct ctx *ctx, struct people *people, struct str id, struct person *person);

struct str row_key(struct arena *arena, uint32_t row);
struct str pair_key(struct arena *arena, struct str segment_id, struct str person_id);
