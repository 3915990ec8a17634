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
    if (x->base != y->base)
        return x->base < y->base ? -1 : 1;
    return (x->revision > y->revision) - (x->revision < y->revision);
}

/* "3-17.log" or "3-17.2.log" */
static bool file_of(const char *name, struct log_file *out)
{
    int end = 0;
    *out = (struct log_file){ 0 };
    if (sscanf(name, "%" SCNd32 "-%" SCNd64 ".%n", &out->partition, &out->base, &end) != 2 || !end)
        return false;
    int more = 0;
    if (sscanf(name + end, "%" SCNu32 ".%n", &out->revision, &more) == 1 && more)
        end += more;
    return strcmp(name + end, "log") == 0;
}

struct log_files log_files_find(struct arena *arena, const char *folder)
{
    struct log_files found = { 0 };
    size_t size = 0;
    DIR *dir = opendir(folder);
    for (struct dirent *entry; dir && (entry = readdir(dir));) {
        struct log_file file;
        if (!file_of(entry->d_name, &file))
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
    bool later = checkpoint_is_later(bytes, n), ok = checkpoint_read(log, bytes, n);
    free(bytes);
    if (later)
        return ctx_fail(ctx, ERR_CONFLICT,
                        "%s was written by a later program than this: start that one", path);
    return ok ||
           ctx_fail(
               ctx, ERR_INTERNAL,
               "%s is damaged; when it is removed, the start reads the whole partition instead",
               path);
}

/* Every file of the checkpoint must be there, the sealed ones with just their size. */
static bool check_files(struct ctx *ctx, const struct log *log)
{
    for (size_t i = 0; i < log->segments.n; i++) {
        const struct segment *segment = log->segments.list[i];
        bool sealed = i + 1 < log->segments.n;
        char path[FILE_PATH_BYTES];
        segment_path(path, &log->config.home, segment);
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

/* A batch of the log continues it; where a compacted segment ends, `to`, is known. */
static bool take_batch(struct log *log, struct segment *segment, const struct batch *batch,
                       int64_t to, int64_t now_ms)
{
    if (segment->revision ? batch->base_offset < log->synced || batch_last_offset(batch) >= to
                          : batch->base_offset != log->synced)
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
    segment_path(path, &log->config.home, segment);
    struct stat about;
    if (fstat(segment->fd, &about))
        return fail_file(ctx, path, errno);
    segment->written_ms = about.st_mtim.tv_sec * 1000;
    segment->born_ms = MIN(segment->born_ms, segment->written_ms);
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
    int64_t now_ms = clock_now_us() / US_PER_MS, to = segment->end;
    while ((result = scan_next(&scan, &batch, &bytes)) == SCAN_BATCH)
        if (!take_batch(log, segment, &batch, to, now_ms)) {
            result = SCAN_BAD;
            break;
        }
    scan_clear(&scan);
    if (result == SCAN_FAILED)
        return fail_file(ctx, path, scan.failed);
    if (segment->bytes < mark || (result == SCAN_BAD && !is_last) ||
        (segment->revision && segment->end != to))
        return damaged(ctx, log, path, segment->bytes);
    return cut_tail(ctx, log, segment, path, about.st_size) && sync_read(ctx, log, segment, path);
}

/* Opens a segment and checks its header. A last one without a header was being made when the
 * power went: nothing of it was acknowledged, it goes; *gone says so. */
static bool open_segment(struct ctx *ctx, struct log *log, struct segment *segment, bool is_last,
                         bool *gone, uint32_t *mark)
{
    char path[FILE_PATH_BYTES];
    segment_path(path, &log->config.home, segment);
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
static bool add_segment(struct ctx *ctx, struct log *log, struct segment *segment, bool is_last)
{
    char path[FILE_PATH_BYTES];
    segment->has_index = true;
    segment_path(path, &log->config.home, segment);
    bool gone;
    uint32_t mark;
    if (!open_segment(ctx, log, segment, is_last, &gone, &mark))
        return false;
    if (gone)
        return true;
    if (segment->base != log->synced)
        return ctx_fail(ctx, ERR_INTERNAL,
                        "%s: the log ends at offset %" PRId64 " before it; a file is missing", path,
                        log->synced);
    segments_add(&log->segments, segment_ref(segment));
    return read_rest(ctx, log, segment, mark, is_last);
}

static bool add_file(struct ctx *ctx, struct log *log, const struct log_file *file, bool is_last)
{
    struct segment *segment = segment_new(file->base, file->revision);
    bool ok = add_segment(ctx, log, segment, is_last);
    segment_unref(segment);
    return ok;
}

static bool is_listed(const struct log *log, const struct log_file *file)
{
    for (size_t i = 0; i < log->segments.n; i++)
        if (log->segments.list[i]->base == file->base)
            return log->segments.list[i]->revision == file->revision;
    return false;
}

/* The active segment of the checkpoint, then the files made after it. Others go: they are what
 * compaction has replaced or not finished, or were to go when a kill came. */
static bool read_after_checkpoint(struct ctx *ctx, struct log *log, const struct log_file *files,
                                  size_t n)
{
    struct segment *active = log_active(log);
    int64_t known = active->base;
    bool gone, is_last = files[n - 1].base == known;
    uint32_t mark;
    if (!open_segment(ctx, log, active, false, &gone, &mark) ||
        !read_rest(ctx, log, active, mark, is_last))
        return false;
    for (size_t i = 0; i < n; i++) {
        if (is_listed(log, &files[i]))
            continue;
        if (files[i].base > known && !files[i].revision) {
            if (!add_file(ctx, log, &files[i], i + 1 == n))
                return false;
            continue;
        }
        struct segment stray = { .base = files[i].base, .revision = files[i].revision };
        segment_remove_files(&log->config.home, &stray);
    }
    return true;
}

/* Of the segments in [files, files + n), which share offsets: where the compacted one ends that
 * counts, and which it is; the base when none is whole. */
static const struct log_file *newest_of(struct ctx *ctx, struct log *log,
                                        const struct log_file *files, size_t n, int64_t *end)
{
    const struct log_file *newest = NULL;
    for (size_t i = 0; i < n && files[i].base == files[0].base; i++) {
        struct segment *segment = segment_new(files[i].base, files[i].revision);
        uint32_t mark;
        bool whole = segment_read_header(segment, &log->config.home, &mark) == SEGMENT_HEADER_OK &&
                     segment->end > segment->base;
        if (!files[i].revision || whole) {
            newest = &files[i];
            *end = files[i].revision ? segment->end : files[i].base;
        }
        segment_unref(segment);
    }
    return newest;
}

/* All files, where there is no checkpoint. What a compacted one stands for does not count; it
 * goes with the next checkpoint. */
static bool read_all(struct ctx *ctx, struct log *log, const struct log_file *files, size_t n)
{
    log->start = log->synced = log->end = files[0].base;
    int64_t end = files[0].base;
    for (size_t i = 0; i < n; i++) {
        const struct log_file *newest = NULL;
        if (files[i].base >= end && (i == 0 || files[i].base != files[i - 1].base))
            newest = newest_of(ctx, log, files + i, n - i, &end);
        size_t same = 0;
        while (i + same < n && files[i + same].base == files[i].base)
            same++;
        for (size_t k = i; k < i + same; k++)
            if (&files[k] != newest)
                segments_add(&log->doomed, segment_new(files[k].base, files[k].revision));
        if (newest && !add_file(ctx, log, newest, i + same == n))
            return false;
        i += same - 1;
    }
    return true;
}

static bool read_files(struct ctx *ctx, struct log *log, const struct log_file *files, size_t n)
{
    bool ok = !n || (log->segments.n ? read_after_checkpoint(ctx, log, files, n)
                                     : read_all(ctx, log, files, n));
    log->unsaved = log->doomed.n > 0;
    for (size_t i = 0; i < log->segments.n; i++)
        log->revision = MAX(log->revision, log->segments.list[i]->revision);
    return ok;
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
