/* Inside platform/lmdb. */
#pragma once

#include <lmdb.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdatomic.h>

#include "platform/lmdb/lmdb_store.h"

#define LMDB_READERS                                                                               \
    64 /* read transactions kept for reuse; more threads than that make their own */

struct lmdb {
    MDB_env *env;
    char *folder;
    MDB_dbi *tables;
    size_t n_tables;
    MDB_dbi positions, seen;
    int owner;       /* the locked file: one process, one opening */
    jmp_buf *trial;  /* while a doubtful file is walked through */

    MDB_txn *txn; /* the one that writes; only its thread looks */
    uint32_t noted; /* ids in it */
    unsigned char sweep[512]; /* where the forgetting of old ids goes on */
    size_t sweep_bytes;

    _Atomic(MDB_txn *) readers[LMDB_READERS];

    /* Under the mutex: what is not on the disk yet (see sync.c). */
    pthread_mutex_t mutex;
    pthread_cond_t wake;
    pthread_t thread;
    bool has_thread, stop, marked, sync_failed;
    int writing; /* transactions that have begun and not ended */
    uint64_t commits, synced;
};

/* The open writing transaction of this thread, or NULL. */
MDB_txn *lmdb_writing(const struct lmdb *db);
bool lmdb_begin(struct ctx *ctx, struct lmdb *db);
bool lmdb_commit(struct ctx *ctx, struct lmdb *db);
void lmdb_undo(struct lmdb *db);

/* Notes the error that a result stands for; what says that the file is broken ends the process, and the next start
 * makes it anew. */
bool lmdb_fail(struct ctx *ctx, const struct lmdb *db, int result, const char *doing);

/* The file contradicts itself: leaves a note for the next start and ends the process. */
_Noreturn void lmdb_broken(const struct lmdb *db, const char *why);

/* sync.c */
bool lmdb_sync_start(struct ctx *ctx, struct lmdb *db);
void lmdb_sync_stop(struct lmdb *db); /* with a last sync */
bool lmdb_sync(struct ctx *ctx, struct lmdb *db); /* all that was committed, now */
bool lmdb_mark_unsynced(struct ctx *ctx, struct lmdb *db); /* before anything is written */
void lmdb_note_end(struct lmdb *db, bool committed);
bool lmdb_lost_power(const char *folder); /* while something was unsynced */

/* seen.c */
bool lmdb_seen(struct ctx *ctx, void *store, struct str id, bool *already);
bool lmdb_seen_sweep(struct ctx *ctx, struct lmdb *db);
