/* Opening a partition's log: the checkpoint, and what was written after it. */
#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/clock.h"
#include "services/broker/log_private.h"

static int file_order(const void *a, const void *b)
{
    const struct log_file *x = a, *y = b;
    if (x->partition != y->partition)
        return x->partition < y->partition ? -1 : 1;
    return (x->base > y->base) - (x->base < y->base);
}

struct log_files log_files_find(struct arena *arena, const char *folder)
{
    struct log_files found = { 0 };
    size_t size = 0;
    DIR *dir = opendir(folder);
    for (struct dirent *entry; dir && (entry = readdir(dir));) {
        struct log_file file;
        int end = 0;
        if (sscanf(entry->d_name, "%" SCNd32 "-%" SCNd64 ".log%n", &file.partition, &file.base,
                   &end) != 2 ||
            !end || entry->d_name[end])
            continue;
        if (found.n == size) {
            struct log_file *more =
                ARENA_ARRAY(arena, struct log_file, size = size ? size * 2 : 16);
            if (found.n)
                memcpy(more, found.files, found.n * sizeof(*more));
            found.files = more;
        }
        found.files[found.n++] = file;
    }
    if (dir)
        closedir(dir);
    if (found.n)
        qsort(found.files, found.n, sizeof(*found.files), file_order);
    return found;
}

static bool fail_file(struct ctx *ctx, const char *path, int failed)
{
    return ctx_fail(ctx, ERR_INTERNAL, "%s: %s", path, strerror(failed));
}

static bool load_checkpoint(struct ctx *ctx, struct log *log)
{
    char path[FILE_PATH_BYTES];
    file_path(path, log->config.home.folder, "%" PRId32 ".checkpoint", log->config.home.partition);
    uint8_t *bytes;
    size_t n;
    int failed = file_read_whole(path, &bytes, &n);
    if (failed == ENOENT)
        return true;
    if (failed)
        return fail_file(ctx, path, failed);
    bool ok = checkpoint_read(log, bytes, n);
    free(bytes);
    return ok ||
           ctx_fail(
               ctx, ERR_INTERNAL,
               "%s is damaged; when it is removed, the start reads the whole partition instead",
               path);
}

/* Every file of the checkpoint must be there, the sealed ones with just their size. */
static bool check_files(struct ctx *ctx, const struct log *log)
{
    for (size_t i = 0; i < log->n_segments; i++) {
        const struct segment *segment = log->segments[i];
        bool sealed = i + 1 < log->n_segments;
        char path[FILE_PATH_BYTES];
        segment_path(path, &log->config.home, segment->base);
        struct stat about;
        if (stat(path, &about))
            return fail_file(ctx, path, errno);
        if (about.st_size < segment->bytes || (sealed && about.st_size != segment->bytes))
            return ctx_fail(ctx, ERR_INTERNAL,
                            "%s: %lld bytes, but %" PRIu32 " were acknowledged (to offset %" PRId64
                            ")",
                            path, (long long)about.st_size, segment->bytes, segment->end);
    }
    return true;
}

/* A batch of the log continues it. */
static bool take_batch(struct log *log, struct segment *segment, const struct batch *batch,
                       int64_t now_ms)
{
    if (batch->base_offset != log->synced)
        return false;
    segment_add(segment, batch);
    log->synced = log->end = segment->end;
    log->unchecked_bytes += batch->bytes;
    if (batch->producer_id >= 0) {
        producers_claim(&log->producers, batch);
        producers_synced(&log->producers, batch, now_ms);
    }
    return true;
}

static bool damaged(struct ctx *ctx, const struct log *log, const char *path, uint32_t position)
{
    return ctx_fail(ctx, ERR_INTERNAL,
                    "%s is damaged at byte %" PRIu32 ", offset %" PRId64
                    ", in what was acknowledged; restore the file, nothing is repaired by itself",
                    path, position, log->synced);
}

/* Cuts what follows the last whole batch of the last file: the rest of a write that was never
 * acknowledged. */
static bool cut_tail(struct ctx *ctx, struct log *log, struct segment *segment, const char *path,
                     int64_t file_bytes)
{
    if (file_bytes > segment->bytes) {
        notice(&log->env->notices, NOTICE_WARN, "log.tail_cut",
               "%s: %" PRId64 " bytes after offset %" PRId64 " were never acknowledged and are cut",
               path, file_bytes - segment->bytes, log->synced);
        if (ftruncate(segment->fd, segment->bytes))
            return fail_file(ctx, path, errno);
    }
    return true;
}

/* What is shown to consumers must be synced, also when the process was killed between its write
 * and its sync. */
static bool sync_read(struct ctx *ctx, struct log *log, struct segment *segment, const char *path)
{
    int failed = log->env->disk->sync(segment->fd);
    if (!failed)
        failed = segment_mark(segment, segment->bytes);
    if (!failed)
        failed = file_sync_folder(log->config.home.folder);
    return failed ? fail_file(ctx, path, failed) : true;
}

/* Reads a segment from segment->bytes to its end. `mark`: up to where it is known to have been
 * synced. */
static bool read_rest(struct ctx *ctx, struct log *log, struct segment *segment, uint32_t mark,
                      bool is_last)
{
    char path[FILE_PATH_BYTES];
    segment_path(path, &log->config.home, segment->base);
    struct stat about;
    if (fstat(segment->fd, &about))
        return fail_file(ctx, path, errno);
    if (about.st_size == segment->bytes && mark <= segment->bytes)
        return true;
    if (about.st_size > UINT32_MAX)
        return ctx_fail(ctx, ERR_INTERNAL, "%s: larger than a segment can be", path);
    struct scan scan = { .fd = segment->fd,
                         .position = segment->bytes,
                         .end = (uint32_t)about.st_size };
    struct batch batch;
    const uint8_t *bytes;
    enum scan_result result;
    int64_t now_ms = clock_now_us() / US_PER_MS;
    while ((result = scan_next(&scan, &batch, &bytes)) == SCAN_BATCH)
        if (!take_batch(log, segment, &batch, now_ms)) {
            result = SCAN_BAD;
            break;
        }
    scan_clear(&scan);
    if (result == SCAN_FAILED)
        return fail_file(ctx, path, scan.failed);
    if (segment->bytes < mark || (result == SCAN_BAD && !is_last))
        return damaged(ctx, log, path, segment->bytes);
    return cut_tail(ctx, log, segment, path, about.st_size) && sync_read(ctx, log, segment, path);
}

/* Opens a segment and checks its header. A last one without a header was being made when the
 * power went: nothing of it was acknowledged, it goes; *gone says so. */
static bool open_segment(struct ctx *ctx, struct log *log, struct segment *segment, bool is_last,
                         bool *gone, uint32_t *mark)
{
    char path[FILE_PATH_BYTES];
    segment_path(path, &log->config.home, segment->base);
    *gone = false;
    switch (segment_read_header(segment, &log->config.home, mark)) {
    case SEGMENT_HEADER_OK:
        return true;
    case SEGMENT_HEADER_FAILED:
        return fail_file(ctx, path, errno);
    case SEGMENT_HEADER_EMPTY:
        if (is_last && segment->bytes == SEGMENT_HEADER_BYTES) {
            notice(&log->env->notices, NOTICE_WARN, "log.tail_cut",
                   "%s: was never acknowledged and is removed", path);
            *gone = true;
            return unlink(path) ? fail_file(ctx, path, errno) : true;
        }
        break;
    case SEGMENT_HEADER_BAD:
        break;
    }
    return ctx_fail(ctx, ERR_INTERNAL,
                    "%s: the header is damaged, or of another topic or partition", path);
}

/* A file that the checkpoint does not know yet. */
static bool add_file(struct ctx *ctx, struct log *log, int64_t base, bool is_last)
{
    char path[FILE_PATH_BYTES];
    struct segment *segment = segment_new(base);
    segment->has_index = true;
    segment_path(path, &log->config.home, base);
    bool gone;
    uint32_t mark;
    if (!open_segment(ctx, log, segment, is_last, &gone, &mark)) {
        segment_unref(segment);
        return false;
    }
    if (gone) {
        segment_unref(segment);
        return true;
    }
    if (base != log->synced) {
        ctx_fail(ctx, ERR_INTERNAL,
                 "%s: the log ends at offset %" PRId64 " before it; a file is missing", path,
                 log->synced);
        segment_unref(segment);
        return false;
    }
    log_add_segment(log, segment);
    return read_rest(ctx, log, segment, mark, is_last);
}

/* The active segment of the checkpoint, then the files made after it. */
static bool read_files(struct ctx *ctx, struct log *log, const struct log_file *files, size_t n)
{
    struct segment *active = log_active(log);
    int64_t known = active ? active->base : -1;
    if (active) {
        bool gone;
        uint32_t mark;
        bool is_last = files[n - 1].base == known;
        if (!open_segment(ctx, log, active, false, &gone, &mark) ||
            !read_rest(ctx, log, active, mark, is_last))
            return false;
    } else if (n) {
        log->start = log->synced = log->end = files[0].base;
    }
    for (size_t i = 0; i < n; i++)
        if (files[i].base > known && !add_file(ctx, log, files[i].base, i + 1 == n))
            return false;
    for (size_t i = 0; active && i < n && files[i].base < log->segments[0]->base; i++)
        checkpoint_remove_files(&log->config.home,
                                files[i].base); /* a kill came between the checkpoint and this */
    return true;
}

struct log *log_open(struct ctx *ctx, struct log_env *env, const struct log_config *config,
                     const struct log_files *files)
{
    struct log *log = mem_alloc(sizeof(*log));
    log->env = env;
    log->config = *config;
    log->queued_end = &log->queued;
    size_t first = 0, n = 0;
    while (first < files->n && files->files[first].partition < config->home.partition)
        first++;
    while (first + n < files->n && files->files[first + n].partition == config->home.partition)
        n++;
    const struct log_file *own = n ? files->files + first : NULL;
    if (!load_checkpoint(ctx, log) || !check_files(ctx, log) || !read_files(ctx, log, own, n)) {
        log_free(log);
        return NULL;
    }
    log_close_idle(log,
                   INT64_MAX); /* opened again when used: thousands of partitions may be quiet */
    return log;
}
