/* Inside the store of people. */
#pragma once

#include "services/personalization/people.h"

/* Where records are read: in a reading transaction, or in the writing one, with what it has changed. */
struct source {
    struct people *people;
    const struct lmdb_read *read; /* NULL: the writing one */
};

/* The record of this id alone. ptr NULL: there is none, or it was erased (*erased). */
struct str record_get(struct ctx *ctx, const struct source *source, struct str id, bool *erased);

/* What is kept beside a person's record, in the same transaction (exposures.h); it goes with it. */
enum { PEOPLE_TABLE_EXPOSURES = 2 };
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
