/* The file of a SQLite database: its URL, who may use it, its end. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "platform/sql/sqlite.h"

static void initialize(void)
{
    /* The statistics cost a global lock at each allocation. */
    sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0);
    sqlite3_config(SQLITE_CONFIG_MULTITHREAD);
    sqlite3_initialize();
}

bool sqlite_open_url(struct ctx *ctx, struct sql_db *db, struct str url)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, initialize);
    struct str path = { url.ptr + strlen("sqlite:"), url.len - strlen("sqlite:") };
    if (str_starts(path, STR("///")))
        path = (struct str){ path.ptr + 2, path.len - 2 };
    if (path.len == 0 || path.ptr[0] == ':' || str_starts(path, STR("//")) ||
        str_find_char(path, '?') >= 0)
        return ctx_fail(ctx, ERR_INVALID,
                        "\"" STR_FMT
                        "\" names no file; wanted \"sqlite:<path>\" without parameters",
                        STR_ARG(url));
    struct sqlite_engine *engine = mem_alloc(sizeof *engine);
    *engine = (struct sqlite_engine){ mem_strdup(arena_cstr(ctx->arena, path)), -1 };
    db->engine = engine;
    db->n_writers = 1;
    db->max_readers = 16;
    return true;
}

void sqlite_close_engine(struct sql_db *db)
{
    struct sqlite_engine *engine = db->engine;
    if (!engine)
        return;
    if (engine->owner >= 0)
        close(engine->owner);
    free(engine->path);
    free(engine);
}

const char *sqlite_path(const struct sql_db *db)
{
    return ((struct sqlite_engine *)db->engine)->path;
}

/* One process at a time: SQLite itself would allow more, but each has a writer that checkpoints (see connect_file), and
 * a service that is started twice by mistake is to say so. The kernel lets go of it when the process ends. */
static bool owner_lock(struct ctx *ctx, struct sqlite_engine *engine)
{
    const char *path = arena_printf(ctx->arena, "%s-owner", engine->path).ptr;
    engine->owner = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (engine->owner < 0)
        return ctx_fail(ctx, ERR_UNAVAILABLE, "%s cannot be written: %s", path, strerror(errno));
    if (flock(engine->owner, LOCK_EX | LOCK_NB) != 0)
        return ctx_fail(ctx, ERR_UNAVAILABLE, "the database %s is in use by another process",
                        engine->path);
    return true;
}

/* SQLite says "unable to open database file" of all of these. */
static bool folder_check(struct ctx *ctx, const char *path)
{
    char *folder = arena_cstr(ctx->arena, str_of(path));
    char *slash = strrchr(folder, '/');
    if (slash)
        slash[slash == folder] = '\0';
    else
        folder = arena_cstr(ctx->arena, STR("."));
    struct stat status;
    if (stat(folder, &status) != 0)
        return ctx_fail(ctx, ERR_UNAVAILABLE, "the folder %s of the database cannot be used: %s",
                        folder, strerror(errno));
    if (!S_ISDIR(status.st_mode))
        return ctx_fail(ctx, ERR_UNAVAILABLE, "%s, where the database is to be, is not a folder",
                        folder);
    if (access(folder, R_OK | W_OK | X_OK) != 0)
        return ctx_fail(ctx, ERR_UNAVAILABLE, "the folder %s of the database cannot be written: %s",
                        folder, strerror(errno));
    if (stat(path, &status) == 0 && !S_ISREG(status.st_mode))
        return ctx_fail(ctx, ERR_UNAVAILABLE, "%s is not a file", path);
    if (access(path, F_OK) == 0 && access(path, R_OK | W_OK) != 0)
        return ctx_fail(ctx, ERR_UNAVAILABLE, "%s cannot be written: %s", path, strerror(errno));
    return true;
}

bool sqlite_file_take(struct ctx *ctx, struct sql_db *db)
{
    return folder_check(ctx, sqlite_path(db)) && owner_lock(ctx, db->engine);
}

bool sqlite_file_erase(struct ctx *ctx, struct sql_db *db)
{
    static const char *const ends[] = { "", "-wal", "-shm", "-journal", "-owner" };
    for (size_t i = 0; i < COUNT(ends); i++) {
        const char *path = arena_printf(ctx->arena, "%s%s", sqlite_path(db), ends[i]).ptr;
        if (unlink(path) != 0 && errno != ENOENT)
            return ctx_fail(ctx, ERR_UNAVAILABLE, "%s cannot be deleted: %s", path,
                            strerror(errno));
    }
    return true;
}
