/* SQLite's chores: the log is brought into the file, and what was deleted for good is left nowhere. */
#include <stdio.h>
#include <stdlib.h>

#include "platform/sql/sqlite.h"

#define REWRITE_AGAIN_US (20 * US_PER_S)
#define REWRITE_WAIT_US (30 * US_PER_S)
#define SCRUB_WAIT_MS 50      /* writers wait meanwhile */
#define CHECKPOINT_PAGES 1000 /* SQLite's own default: 4 MB of log */

/* The file's user_version. Programs from before gaps were emptied know the first two, take any other for the second, and set the
 * first: what they leave behind is seen. */
enum gaps_mark { GAPS_UNKNOWN, GAPS_TO_REWRITE, GAPS_EMPTY };

static void mark_set(struct sqlite_sql *self, enum gaps_mark mark)
{
    char text[40];
    snprintf(text, sizeof text, "PRAGMA user_version = %d", mark);
    sqlite3_exec(self->handle, text, NULL, NULL, NULL);
}

static int mark_read(void *mark, int n, char **values, char **names)
{
    *(enum gaps_mark *)mark = (enum gaps_mark)atoi(values[0]);
    return 0;
}

/* PASSIVE: waits for no reader. What a long reader holds up is done after a later commit. */
static void checkpoint(struct sqlite_sql *self)
{
    int left = 0, done = 0;
    int result =
        sqlite3_wal_checkpoint_v2(self->handle, NULL, SQLITE_CHECKPOINT_PASSIVE, &left, &done);
    sqlite_end_if_sync_failed(self, result);
    if (result == SQLITE_OK && left == done)
        self->log_pages = 0;
}

/* Empties the log file. A reader that is at work with it gets SCRUB_WAIT_MS to end; then it is tried again later. Pages in memory
 * still have their gaps, and would bring them into the log again: they are read anew. */
static void scrub(struct sqlite_sql *self)
{
    int left = -1, done = 0;
    sqlite3_busy_timeout(self->handle, SCRUB_WAIT_MS);
    int result =
        sqlite3_wal_checkpoint_v2(self->handle, NULL, SQLITE_CHECKPOINT_TRUNCATE, &left, &done);
    sqlite3_busy_timeout(self->handle, SQLITE_BUSY_TIMEOUT_MS);
    sqlite_end_if_sync_failed(self, result);
    if (result != SQLITE_OK)
        return;
    sqlite3_db_release_memory(self->handle);
    self->log_pages = 0;
    atomic_store(&self->sql.db->scrub, false);
}

/* Writes the file anew, once, whose gaps were not emptied always: it is from before they were, or too large. In quiet, or after
 * REWRITE_WAIT_US all the same, for nobody else can write meanwhile; not again and again where it cannot be done. */
static void rewrite(struct sqlite_sql *self)
{
    int64_t now_us = clock_mono_us();
    if (now_us < self->rewrite_us)
        return;
    self->rewrite_us = now_us + REWRITE_AGAIN_US;
    self->rewrite_late_us = 0;
    sqlite3_exec(self->handle, "PRAGMA temp_store=FILE", NULL, NULL, NULL);
    if (sqlite3_exec(self->handle, "VACUUM", NULL, NULL, NULL) == SQLITE_OK) {
        self->gaps_empty = !self->gaps->too_large;
        mark_set(self, self->gaps_empty ? GAPS_EMPTY : GAPS_UNKNOWN);
        atomic_store(&self->sql.db->rewrite, false);
    }
    sqlite3_exec(self->handle, "PRAGMA temp_store=MEMORY", NULL, NULL, NULL);
    atomic_store(&self->sql.db->scrub, true); /* what it has written is in the log */
}

static void rewrite_without_quiet(struct sqlite_sql *self)
{
    int64_t now_us = clock_mono_us();
    if (!self->rewrite_late_us)
        self->rewrite_late_us = now_us + REWRITE_WAIT_US;
    if (now_us > self->rewrite_late_us)
        rewrite(self);
}

void sqlite_after_commit(struct sql *sql)
{
    struct sqlite_sql *self = sqlite_of(sql);
    if (atomic_load(&sql->db->rewrite))
        rewrite_without_quiet(self);
    if (atomic_load(&sql->db->scrub))
        scrub(self);
    else if (self->log_pages >= CHECKPOINT_PAGES)
        checkpoint(self);
}

void sqlite_idle(struct sql *sql)
{
    struct sqlite_sql *self = sqlite_of(sql);
    if (atomic_load(&sql->db->rewrite))
        rewrite(self);
    if (atomic_load(&sql->db->scrub))
        scrub(self);
    else if (self->log_pages > 0)
        checkpoint(self);
    sqlite3_db_release_memory(self->handle);
}

/* The mark is a part of the transaction: whoever opens the file after a kill finds it. */
void sqlite_forget(struct ctx *ctx, struct sql *sql)
{
    struct sqlite_sql *self = sqlite_of(sql);
    atomic_store(&sql->db->scrub, true);
    if (self->gaps_empty && !self->gaps->too_large)
        return;
    atomic_store(&sql->db->rewrite, true);
    sql_exec(ctx, NULL, "PRAGMA user_version = 1"); /* GAPS_TO_REWRITE */
}

static int note_log_pages(void *argument, sqlite3 *handle, const char *name, int pages)
{
    struct sqlite_sql *self = argument;
    self->log_pages = pages;
    return SQLITE_OK;
}

void sqlite_chores_start(struct sqlite_sql *self, bool created)
{
    enum gaps_mark mark = GAPS_UNKNOWN;
    if (created)
        mark_set(self, GAPS_EMPTY);
    sqlite3_exec(self->handle, "PRAGMA user_version", mark_read, &mark, NULL);
    self->gaps_empty = mark == GAPS_EMPTY;
    atomic_store(&self->sql.db->rewrite, mark == GAPS_TO_REWRITE);
    /* Whoever had it before may have been killed before it did. */
    atomic_store(&self->sql.db->scrub, true);
    sqlite3_wal_hook(self->handle, note_log_pages, self); /* wal_autocheckpoint takes its place */
}
