/* LMDB: a memory-mapped key-value store for projections of one instance (LOCAL consumers). Stands on liblmdb. One writer
 * (the consumer's thread), many readers without locks. Synced lazily: what power takes is replayed from the position
 * that is kept in the same file. */
#pragma once

#include "platform/events/events.h"

struct lmdb;

/* Opens or makes the folder; `tables` are the names of its tables. A broken file is set aside (`.broken`) and made
 * anew, which is logged; then the projection is rebuilt from the log. map_bytes: 0 for 64 GiB of address space. */
struct lmdb *lmdb_open(struct ctx *ctx, const char *folder, const char *const *tables,
                       size_t n_tables, size_t map_bytes);
void lmdb_close(struct lmdb *db); /* NULL-safe; syncs */

/* State and position move together: give this as the store of a LOCAL consumer (store_data: the struct lmdb). */
extern const struct event_store lmdb_event_store;

/* Reading, from any thread. Text points into the map and lives until lmdb_read_end. */
struct lmdb_read {
    void *txn;
    struct lmdb *db;
};
bool lmdb_read_begin(struct ctx *ctx, struct lmdb *db, struct lmdb_read *read);
void lmdb_read_end(struct lmdb_read *read);
struct str lmdb_get(const struct lmdb_read *read, int table, struct str key); /* ptr NULL: none */
/* In key order from `from` (ptr NULL: the first), until `visit` gives false. */
void lmdb_scan(const struct lmdb_read *read, int table, struct str from,
               bool (*visit)(struct str key, struct str value, void *argument), void *argument);
int64_t lmdb_count(const struct lmdb_read *read, int table);

/* How far the consumer has come as of this transaction: each "<topic>/<partition>" and the next offset to be read. */
void lmdb_positions(const struct lmdb_read *read,
                    void (*visit)(struct str partition, int64_t next, void *argument),
                    void *argument);

/* Writing, only inside a reaction of the consumer (between the store's begin and commit), or in lmdb_write. */
bool lmdb_put(struct ctx *ctx, struct lmdb *db, int table, struct str key, struct str value);
bool lmdb_delete(struct ctx *ctx, struct lmdb *db, int table, struct str key);
struct str lmdb_get_for_update(struct ctx *ctx, struct lmdb *db, int table,
                               struct str key); /* sees own writes */

/* The same transaction to read from, as it is until it writes again; not to be ended. */
struct lmdb_read lmdb_read_own(struct lmdb *db);

/* How many ids the duplicates are told by. */
int64_t lmdb_seen_count(struct ctx *ctx, struct lmdb *db);

/* A write transaction of its own, for what does not come from the log. Waits for the consumer's. */
bool lmdb_write(struct ctx *ctx, struct lmdb *db, bool (*run)(struct ctx *ctx, void *argument),
                void *argument);
