/* Opening, and what becomes of a broken file. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "platform/lmdb/internal.h"
#include "platform/telemetry/log.h"

#define MAP_BYTES (64ULL << 30)
#define MOST_READERS 512

static const char *const own_tables[] = { "~positions", "~seen" };

static const char *path_of(char *out, size_t bytes, const char *folder, const char *name)
{
    snprintf(out, bytes, "%s/%s", folder, name);
    return out;
}
#define PATH(folder, name) path_of((char[512]){ 0 }, 512, (folder), (name))

/* ---- broken files ---- */

void lmdb_broken(const struct lmdb *db, const char *why)
{
    if (db->trial)
        longjmp(*db->trial, 1);
    int fd = open(PATH(db->folder, "broken"), O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    if (fd >= 0)
        close(fd);
    log_line(LOG_ERROR, NULL, "projection_broken", LOG_C("folder", db->folder), LOG_C("why", why));
    _exit(1);
}

static void on_assertion(MDB_env *env, const char *message)
{
    lmdb_broken(mdb_env_get_userctx(env), message);
}

static void set_aside(const struct lmdb *db, const char *why)
{
    log_line(LOG_WARN, NULL, "projection_set_aside", LOG_C("folder", db->folder),
             LOG_C("why", why));
    rename(PATH(db->folder, "data.mdb"), PATH(db->folder, "data.mdb.broken"));
    unlink(PATH(db->folder, "lock.mdb"));
    unlink(PATH(db->folder, "broken"));
}

static bool says_broken(int result)
{
    return result == MDB_INVALID || result == MDB_CORRUPTED || result == MDB_PAGE_NOTFOUND ||
           result == MDB_VERSION_MISMATCH || result == MDB_PANIC;
}

/* ---- a file that is shorter than it says: the end may never have been used, or somebody cut it ---- */

static int table_walk(MDB_txn *txn, MDB_dbi table)
{
    MDB_cursor *cursor;
    MDB_val key, value;
    int result = mdb_cursor_open(txn, table, &cursor);
    if (result != 0)
        return result;
    result = mdb_cursor_get(cursor, &key, &value, MDB_FIRST);
    while (result == 0)
        result = mdb_cursor_get(cursor, &key, &value, MDB_NEXT);
    mdb_cursor_close(cursor);
    return result == MDB_NOTFOUND ? 0 : result;
}

/* Makes it as long as it says: reading past the end of a mapped file kills, while zeros are only nonsense. */
static int lengthen(struct lmdb *db, bool *was_short)
{
    MDB_envinfo info;
    MDB_stat stats;
    struct stat status;
    mdb_filehandle_t fd;
    mdb_env_info(db->env, &info);
    mdb_env_stat(db->env, &stats);
    if (mdb_env_get_fd(db->env, &fd) != 0 || fstat(fd, &status) != 0)
        return errno;
    off_t wanted = (off_t)(info.me_last_pgno + 1) * (off_t)stats.ms_psize;
    *was_short = status.st_size < wanted;
    return *was_short && ftruncate(fd, wanted) != 0 ? errno : 0;
}

/* ---- opening ---- */

static int tables_open(struct lmdb *db, const char *const *names)
{
    MDB_txn *txn;
    int result = mdb_txn_begin(db->env, NULL, 0, &txn);
    if (result != 0)
        return result;
    for (size_t i = 0; result == 0 && i < db->n_tables; i++)
        result = mdb_dbi_open(txn, names[i], MDB_CREATE, &db->tables[i]);
    if (result == 0)
        result = mdb_dbi_open(txn, own_tables[0], MDB_CREATE, &db->positions);
    if (result == 0)
        result = mdb_dbi_open(txn, own_tables[1], MDB_CREATE, &db->seen);
    if (result == 0)
        return mdb_txn_commit(txn);
    mdb_txn_abort(txn);
    return result;
}

static int walk(struct lmdb *db, const char *const *names)
{
    MDB_txn *txn;
    int result = mdb_txn_begin(db->env, NULL, MDB_RDONLY, &txn);
    if (result != 0)
        return result;
    for (size_t i = 0; result == 0 && i < db->n_tables + COUNT(own_tables); i++) {
        MDB_dbi table;
        result = mdb_dbi_open(txn, i < db->n_tables ? names[i] : own_tables[i - db->n_tables], 0,
                              &table);
        if (result == 0)
            result = table_walk(txn, table);
        else if (result == MDB_NOTFOUND)
            result = 0;
    }
    mdb_txn_abort(txn);
    return result;
}

/* Reads all there is. Where LMDB finds nonsense it calls on_assertion, which jumps back here; the reading transaction
 * then goes with the environment. */
static int walk_try(struct lmdb *db, const char *const *names)
{
    jmp_buf trial;
    if (setjmp(trial) != 0) {
        db->trial = NULL;
        return MDB_CORRUPTED;
    }
    db->trial = &trial;
    int result = walk(db, names);
    db->trial = NULL;
    return result;
}

static int env_open(struct lmdb *db, const char *const *names, size_t map_bytes)
{
    int result = mdb_env_create(&db->env);
    if (result != 0)
        return result;
    mdb_env_set_userctx(db->env, db);
    mdb_env_set_assert(db->env, on_assertion);
    mdb_env_set_maxdbs(db->env, (MDB_dbi)(db->n_tables + COUNT(own_tables)));
    mdb_env_set_maxreaders(db->env, MOST_READERS);
    mdb_env_set_mapsize(db->env, map_bytes ? map_bytes : MAP_BYTES);
    /* NOSYNC: see sync.c. NOTLS: a reader's slot belongs to its transaction, which threads hand on. NORDAHEAD: what is
     * looked up lies scattered; reading ahead would only fill memory. */
    result = mdb_env_open(db->env, db->folder, MDB_NOSYNC | MDB_NOTLS | MDB_NORDAHEAD, 0600);
    bool was_short = false;
    if (result == 0)
        result = lengthen(db, &was_short);
    if (result == 0 && was_short)
        result = walk_try(db, names);
    if (result == 0)
        result = tables_open(db, names);
    if (result != 0) {
        mdb_env_close(db->env);
        db->env = NULL;
    }
    return result;
}

static bool folder_make(struct ctx *ctx, const char *folder)
{
    char *path = arena_cstr(ctx->arena, str_of(folder));
    for (char *slash = strchr(path + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
        *slash = '\0';
        mkdir(path, 0700);
        *slash = '/';
    }
    struct stat status;
    if (mkdir(path, 0700) != 0 && errno != EEXIST)
        return ctx_fail(ctx, ERR_UNAVAILABLE, "the folder %s cannot be made: %s", folder,
                        strerror(errno));
    if (stat(path, &status) != 0 || !S_ISDIR(status.st_mode))
        return ctx_fail(ctx, ERR_UNAVAILABLE, "%s is not a folder", folder);
    return true;
}

static bool owner_lock(struct ctx *ctx, struct lmdb *db)
{
    db->owner = open(PATH(db->folder, "owner"), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (db->owner < 0)
        return ctx_fail(ctx, ERR_UNAVAILABLE, "the folder %s cannot be written: %s", db->folder,
                        strerror(errno));
    if (flock(db->owner, LOCK_EX | LOCK_NB) != 0)
        return ctx_fail(ctx, ERR_UNAVAILABLE, "%s is in use by another process", db->folder);
    return true;
}

static const char *reason_to_doubt(const struct lmdb *db)
{
    if (access(PATH(db->folder, "broken"), F_OK) == 0)
        return "found broken while in use";
    if (lmdb_lost_power(db->folder))
        return "the system went down before all was on the disk";
    return NULL;
}

struct lmdb *lmdb_open(struct ctx *ctx, const char *folder, const char *const *tables,
                       size_t n_tables, size_t map_bytes)
{
    struct lmdb *db = mem_alloc(sizeof *db);
    pthread_condattr_t monotonic;
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_mutex_init(&db->mutex, NULL);
    pthread_cond_init(&db->wake, &monotonic);
    pthread_condattr_destroy(&monotonic);
    db->folder = mem_strdup(folder);
    db->tables = mem_alloc(sizeof *db->tables * (n_tables + 1));
    db->n_tables = n_tables;
    db->owner = -1;
    if (!folder_make(ctx, folder) || !owner_lock(ctx, db))
        goto fail;
    const char *doubt = reason_to_doubt(db);
    if (doubt)
        set_aside(db, doubt);
    if (!lmdb_mark_unsynced(ctx, db))
        goto fail;
    int result = env_open(db, tables, map_bytes);
    if (says_broken(result)) {
        set_aside(db, mdb_strerror(result));
        result = env_open(db, tables, map_bytes);
    }
    lmdb_note_end(db, true); /* the tables, and what an earlier process left unsynced */
    if (result != 0) {
        ctx_fail(ctx, ERR_UNAVAILABLE, "%s cannot be opened: %s", folder, mdb_strerror(result));
        goto fail;
    }
    if (!lmdb_sync_start(ctx, db))
        goto fail;
    return db;
fail:
    lmdb_close(db);
    return NULL;
}

void lmdb_close(struct lmdb *db)
{
    if (!db)
        return;
    lmdb_sync_stop(db);
    for (size_t i = 0; i < LMDB_READERS; i++) {
        if (db->readers[i])
            mdb_txn_abort(db->readers[i]);
    }
    if (db->env)
        mdb_env_close(db->env);
    if (db->owner >= 0)
        close(db->owner);
    pthread_mutex_destroy(&db->mutex);
    pthread_cond_destroy(&db->wake);
    free(db->tables);
    free(db->folder);
    free(db);
}
