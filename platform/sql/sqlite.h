/* What the files of the SQLite engine share; nobody else includes it. */
#pragma once
#include <sqlite3.h>

#include "base/clock.h"
#include "platform/sql/internal.h"

#define SQLITE_BUSY_TIMEOUT_MS                                                                     \
    5000 /* another process (a copy for backup, the operator's shell) holds the lock */

/* What all connections of a database share. */
struct sqlite_engine {
    char *path;
    int owner; /* the locked file beside it, or -1 */
};

struct sqlite_gaps {
    const sqlite3_io_methods *of_file; /* SQLite's own */
    sqlite3_io_methods methods;        /* the same with another xWrite */
    bool too_large;                    /* the file: its gaps are left as they are */
    uint8_t page[65536];               /* SQLite's largest */
};

struct sqlite_sql {
    struct sql sql;
    sqlite3 *handle;
    sqlite3_stmt *begin, *commit, *rollback;
    bool writer;
    int log_pages; /* in the write-ahead log after the last commit */
    int64_t changes_before;
    /* Of the writer: */
    bool gaps_empty;                     /* in the whole file */
    int64_t rewrite_us, rewrite_late_us; /* monotonic: not before, and not later */
    struct sqlite_gaps *gaps;
};

static inline struct sqlite_sql *sqlite_of(struct sql *sql)
{
    return CONTAINER_OF(sql, struct sqlite_sql, sql);
}

/* sqlite_errors.c: notes the error that `result` is; false. `text`: of the statement, or NULL. */
bool sqlite_fail(struct ctx *ctx, struct sqlite_sql *self, int result, const char *text);
/* For a CONSTRAINT by its extended code. */
const char *sqlite_constraint_sentence(int extended);
void sqlite_end_if_sync_failed(const struct sqlite_sql *self, int result);

/* sqlite_file.c */
bool sqlite_open_url(struct ctx *ctx, struct sql_db *db, struct str url);
void sqlite_close_engine(struct sql_db *db);
const char *sqlite_path(const struct sql_db *db);
/* May the file be used, and by this process alone? */
bool sqlite_file_take(struct ctx *ctx, struct sql_db *db);
bool sqlite_file_erase(struct ctx *ctx, struct sql_db *db);

/* sqlite_gaps.c: from now on each page that the connection writes to its file (not to the log) has its gap emptied: what no
 * cell of a b-tree page uses, where splits and joins of pages leave copies of rows. `pages`: of the file by now. */
void sqlite_gaps_watch(sqlite3 *handle, struct sqlite_gaps *gaps, int64_t pages);
/* Empties the gap of a page (https://www.sqlite.org/fileformat2.html, 1.6); the first page of a file begins with a header. Pages
 * of other kinds, and such that make no sense, stay as they are. */
void sqlite_gap_clear(uint8_t *page, size_t bytes, bool first);

/* sqlite_chores.c, of the writer. Start after the pragmas: wal_autocheckpoint takes the place of its hook. `created`: the file was
 * empty. */
void sqlite_chores_start(struct sqlite_sql *self, bool created);
void sqlite_forget(struct ctx *ctx, struct sql *sql);
void sqlite_after_commit(struct sql *sql);
void sqlite_idle(struct sql *sql);
