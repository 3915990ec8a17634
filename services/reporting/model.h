/* The read model, in LMDB: sums by day, and beside them the facts that sums change by when more is heard. Whatever order
 * events come in, and however often, the same ones make the same bytes. */
#pragma once

#include "base/clock.h"
#include "platform/lmdb/lmdb_store.h"
#include "services/reporting/measures.h"

/*  CELLS     day, channel, currency, campaign -> struct sums
 *  TIMES     what, day, bucket, campaign -> how many took so long
 *  ORDERS    order -> struct order, and the campaign it is counted for
 *  BOUGHT    person, moment, order -> nothing
 *  TOUCHES   person, moment (newest first), channel, campaign -> nothing
 *  VISITS    person, day -> whether a touch was seen; person, day, channel, campaign -> nothing
 *  CROWDS    person, crowd (visitors.h), day -> nothing
 *  GAPS      crowd, day, days since the day before that -> how many people
 *  CLAIMS    visitor, customer -> the moment from which on we know that they are one
 *  CLAIMED   customer, visitor -> nothing
 *  ERASED    person -> nothing
 *  MESSAGES  message -> struct message, and its campaign
 *  ONCE      what, hash of an id -> nothing: it is counted
 *  ENTRIES   entry -> the newest that was heard of it
 *  CAMPAIGNS campaign -> revision, and the newest plan as JSON
 *  HISTORY   hash of the campaign, moment, what, hash of the launch -> what was told, as JSON
 *  FRESH     topic -> the newest moment that was heard of
 *
 * A person is the hash of an id. Numbers in keys are big-endian, so that they are in order; in values the machine's. */
#define TABLES(X)                                                                                  \
    X(CELLS, "cells")                                                                              \
    X(TIMES, "times")                                                                              \
    X(ORDERS, "orders")                                                                            \
    X(BOUGHT, "bought")                                                                            \
    X(TOUCHES, "touches")                                                                          \
    X(VISITS, "visits")                                                                            \
    X(CROWDS, "crowds")                                                                            \
    X(GAPS, "gaps")                                                                                \
    X(CLAIMS, "claims")                                                                            \
    X(CLAIMED, "claimed")                                                                          \
    X(ERASED, "erased")                                                                            \
    X(MESSAGES, "messages")                                                                        \
    X(ONCE, "once")                                                                                \
    X(ENTRIES, "entries")                                                                          \
    X(CAMPAIGNS, "campaigns")                                                                      \
    X(HISTORY, "history")                                                                          \
    X(FRESH, "fresh")

enum model_table {
#define X(name, text) TABLE_##name,
    TABLES(X)
#undef X
        N_TABLES
};

void *model_open(struct ctx *ctx, const char *folder); /* the struct lmdb */
void model_close(void *model);

/* ---- keys ---- */

#define HASH_BYTES 16
#define KEY_BYTES 400 /* two hashes, a few numbers and an id, as long as contracts let it be */

struct key {
    size_t len;
    char bytes[KEY_BYTES];
};
void key_bytes(struct key *key, const void *bytes, size_t n);
void key_number(struct key *key, uint64_t number, int bytes);
void key_moment(struct key *key, int64_t us); /* in the order of time */
void key_newest(struct key *key, int64_t us); /* the newest first */
void key_text(struct key *key, struct str text);
struct str key_str(const struct key *key);
uint64_t key_read(struct str key, size_t at, int bytes);
int64_t key_read_moment(struct str key, size_t at);

struct hash {
    char bytes[HASH_BYTES];
};
struct hash hash_of(struct str id);
static inline void key_hash(struct key *key, struct hash hash)
{
    key_bytes(key, hash.bytes, HASH_BYTES);
}

/* The day in UTC, since 1970, and the number that stands for it in keys. */
int64_t day_of(int64_t us);
uint32_t day_number(int64_t day);
int64_t day_of_number(uint64_t number);

/* ---- inside a reaction ---- */

struct cell {
    int64_t at_us; /* any moment of the day */
    enum channel channel;
    const char *currency; /* NULL: none */
    struct str campaign;
};

void sums_negate(struct sums *sums);

/* Adds what `change` says (it may be negative); a cell of zeros is none. */
bool cell_change(struct ctx *ctx, struct lmdb *db, const struct cell *cell,
                 const struct sums *change);
bool cell_add(struct ctx *ctx, struct lmdb *db, const struct cell *cell, enum measure measure,
              int64_t n);

/* How long something took: durations are kept in buckets 1/32 wide, so what is told is right to 3.2 %. */
enum lasting_kind { LASTING_ACCEPTED = 'a', LASTING_OPENED = 'o' };
bool lasting_change(struct ctx *ctx, struct lmdb *db, enum lasting_kind what, int64_t at_us,
                    struct str campaign, int64_t took_us, int64_t n);
unsigned lasting_bucket(int64_t us);
int64_t lasting_of(unsigned bucket); /* the longest that is in it */

/* Is it the first time that this is heard of? Notes it. */
bool model_once(struct ctx *ctx, struct lmdb *db, char what, struct str id, bool *first);

/* Notes how new what came from the event's topic is. */
bool model_heard(struct ctx *ctx, struct lmdb *db);

bool model_has(struct ctx *ctx, struct lmdb *db, enum model_table table, const struct key *key);
bool model_note(struct ctx *ctx, struct lmdb *db, enum model_table table, const struct key *key);

/* The keys that begin with `prefix`, or those from one on to before another, in order, in ctx's arena: for walking
 * through what changes meanwhile. */
struct keys {
    struct ctx *ctx;
    struct str prefix, until; /* one of them */
    struct str *list;
    size_t n, cap;
};
void model_keys(struct ctx *ctx, struct lmdb *db, enum model_table table, const struct key *prefix,
                struct keys *out);
void model_range(struct ctx *ctx, struct lmdb *db, enum model_table table, const struct key *from,
                 const struct key *until, struct keys *out);
