/* Commits do not wait for the disk. A second after the last one what they wrote is synced; until then the file
 * `unsynced` lies beside the data, with the id of the system's present start in it. When the process is killed, the
 * system still has all it wrote, in order. When the system itself goes down, pages may have reached the disk in any
 * order, and the data are not to be believed: an `unsynced` of another start of the system says so. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/clock.h"
#include "platform/lmdb/internal.h"
#include "platform/telemetry/log.h"

#define QUIET_US US_PER_S            /* without a commit */
#define SYNC_EVERY_US                                                                              \
    (5 * US_PER_S) /* while commits go on: the one that counts then has little to do */
#define REST_US (4 * US_PER_S) /* without a commit after the sync: what is mapped is given back */

#define START_BYTES 64

/* Empty where the system does not say. */
static void system_start(char out[START_BYTES])
{
    out[0] = '\0';
    FILE *file = fopen("/proc/sys/kernel/random/boot_id", "re");
    if (!file)
        return;
    if (!fgets(out, START_BYTES, file))
        out[0] = '\0';
    fclose(file);
}

static void mark_path(const char *folder, char *out, size_t bytes)
{
    snprintf(out, bytes, "%s/unsynced", folder);
}

bool lmdb_lost_power(const char *folder)
{
    char path[512], then[START_BYTES] = "", now[START_BYTES];
    mark_path(folder, path, sizeof path);
    FILE *file = fopen(path, "re");
    if (!file)
        return errno != ENOENT;
    if (!fgets(then, sizeof then, file))
        then[0] = '\0';
    fclose(file);
    system_start(now);
    return now[0] == '\0' || strcmp(then, now) != 0;
}

static bool folder_sync(const char *folder)
{
    int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    bool ok = fd >= 0 && fsync(fd) == 0;
    if (fd >= 0)
        close(fd);
    return ok;
}

/* On the disk before anything that it speaks of. */
static bool mark_write(const struct lmdb *db)
{
    char path[512], start[START_BYTES];
    mark_path(db->folder, path, sizeof path);
    system_start(start);
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    ssize_t n = (ssize_t)strlen(start);
    bool ok = fd >= 0 && write(fd, start, (size_t)n) == n && fsync(fd) == 0;
    if (fd >= 0)
        close(fd);
    return ok && folder_sync(db->folder);
}

bool lmdb_mark_unsynced(struct ctx *ctx, struct lmdb *db)
{
    pthread_mutex_lock(&db->mutex);
    if (!db->marked) {
        db->marked = mark_write(db);
        pthread_cond_signal(&db->wake);
    }
    bool ok = db->marked;
    int error = errno;
    db->writing += ok;
    pthread_mutex_unlock(&db->mutex);
    return ok ||
           ctx_fail(ctx, ERR_UNAVAILABLE, "%s cannot be written: %s", db->folder, strerror(error));
}

void lmdb_note_end(struct lmdb *db, bool committed)
{
    pthread_mutex_lock(&db->mutex);
    db->writing--;
    if (committed)
        db->commits++;
    pthread_mutex_unlock(&db->mutex);
}

/* Takes the mark away when all that was committed is on the disk. With the mutex held; a mark that stays by mistake costs
 * a rebuild, no more. */
static void mark_remove(struct lmdb *db)
{
    char path[512];
    if (!db->marked || db->writing > 0 || db->synced != db->commits || db->sync_failed)
        return;
    mark_path(db->folder, path, sizeof path);
    if (unlink(path) == 0)
        db->marked = false;
}

/* With the mutex held; gives it up meanwhile. A sync that failed is not tried again: the system has forgotten what it
 * could not write, and the mark stays. */
static void sync_now(struct lmdb *db)
{
    uint64_t commits = db->commits;
    if (db->synced == commits || db->sync_failed)
        return;
    pthread_mutex_unlock(&db->mutex);
    int result = mdb_env_sync(db->env, 1);
    if (result != 0)
        log_line(LOG_ERROR, NULL, "projection_sync_failed", LOG_C("folder", db->folder),
                 LOG_C("error", mdb_strerror(result)));
    pthread_mutex_lock(&db->mutex);
    db->sync_failed = result != 0;
    db->synced = commits;
}

/* Nobody wakes it for a commit, only for the first after quiet and to stop. */
static void wait_us(struct lmdb *db, int64_t us)
{
    int64_t until_us = clock_mono_us() + us;
    struct timespec until = { until_us / US_PER_S, until_us % US_PER_S * 1000 };
    while (!db->stop && pthread_cond_timedwait(&db->wake, &db->mutex, &until) == 0)
        ;
}

/* The file's pages stay in the system's cache, and come back into the map as they are read. */
static void map_give_back(const struct lmdb *db)
{
    char line[1024], path[512];
    unsigned long from, to;
    int at = 0;
    FILE *maps = fopen("/proc/self/maps", "re");
    char *folder = realpath(db->folder, NULL); /* as the system tells it */
    snprintf(path, sizeof path, "%s/data.mdb\n", folder ? folder : db->folder);
    free(folder);
    while (maps && fgets(line, sizeof line, maps))
        if (sscanf(line, "%lx-%lx %*s %*s %*s %*s %n", &from, &to, &at) == 2 &&
            strcmp(line + at, path) == 0)
            madvise((void *)from, to - from, MADV_DONTNEED);
    if (maps)
        fclose(maps);
}

/* All is on the disk: nothing comes but the next commit, which ends it. */
static void rest(struct lmdb *db)
{
    int64_t until_us = clock_mono_us() + REST_US;
    struct timespec until = { until_us / US_PER_S, until_us % US_PER_S * 1000 };
    while (!db->stop && !db->marked)
        if (pthread_cond_timedwait(&db->wake, &db->mutex, &until) != 0) {
            map_give_back(db);
            return;
        }
}

static void *sync_main(void *argument)
{
    struct lmdb *db = argument;
    int64_t synced_us = 0;
    pthread_mutex_lock(&db->mutex);
    while (!db->stop) {
        if (!db->marked || db->sync_failed) {
            pthread_cond_wait(&db->wake, &db->mutex);
            continue;
        }
        uint64_t commits = db->commits;
        wait_us(db, QUIET_US);
        bool quiet = db->commits == commits && db->writing == 0;
        if (!quiet && clock_mono_us() - synced_us < SYNC_EVERY_US)
            continue;
        sync_now(db);
        synced_us = clock_mono_us();
        mark_remove(db);
        rest(db);
    }
    pthread_mutex_unlock(&db->mutex);
    return NULL;
}

bool lmdb_sync_start(struct ctx *ctx, struct lmdb *db)
{
    /* Signals are for the main thread. */
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    db->has_thread = pthread_create(&db->thread, NULL, sync_main, db) == 0;
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return db->has_thread || ctx_fail(ctx, ERR_UNAVAILABLE, "no thread to sync %s", db->folder);
}

bool lmdb_sync(struct ctx *ctx, struct lmdb *db)
{
    pthread_mutex_lock(&db->mutex);
    sync_now(db);
    mark_remove(db);
    bool synced = !db->sync_failed;
    pthread_mutex_unlock(&db->mutex);
    return synced ||
           ctx_fail(ctx, ERR_UNAVAILABLE, "%s could not be written to the disk", db->folder);
}

void lmdb_sync_stop(struct lmdb *db)
{
    pthread_mutex_lock(&db->mutex);
    db->stop = true;
    pthread_cond_signal(&db->wake);
    pthread_mutex_unlock(&db->mutex);
    if (!db->has_thread)
        return;
    pthread_join(db->thread, NULL);
    pthread_mutex_lock(&db->mutex);
    sync_now(db);
    mark_remove(db);
    pthread_mutex_unlock(&db->mutex);
}
