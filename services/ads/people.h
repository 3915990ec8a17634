/* What each instance knows of people, from the log: their segments, and which ads they saw. Kept in LMDB, read without locks. */
#pragma once

#include "platform/lmdb/lmdb_store.h"

#define SEEN_MOST 20 /* times that are kept of an ad: the largest cap */

void *people_open(struct ctx *ctx, const char *folder);
void people_close(void *people); /* NULL-safe */

/* ---- inside a reaction ---- */

bool people_member_set(struct ctx *ctx, struct lmdb *people, struct str person_id,
                       struct str segment_id, bool member);
bool people_saw(struct ctx *ctx, struct lmdb *people, struct str person_id, struct str ad_id,
                int64_t at_us);
bool people_forget(struct ctx *ctx, struct lmdb *people, struct str person_id);

/* ---- reading ---- */

struct person {
    struct str segments, seen; /* records */
};
struct person people_get(const struct lmdb_read *read, struct str person_id);

uint64_t people_hash(struct str id); /* of a segment or an ad */
bool person_is_in(const struct person *person, uint64_t segment);

/* How often the person saw the ad after `since_us`; SEEN_MOST at most. */
int person_saw(const struct person *person, uint64_t ad, int64_t since_us);
