/* A log in a folder of its own, on a disk that can fail and that knows what is durable; for unit
 * tests. */
#pragma once

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/clock.h"
#include "base/hash.h"
#include "base/tests/check.h"
#include "services/broker/log.h"
#include "services/broker/wire.h"

static char folder[] = "/tmp/fanfare-broker-log-XXXXXX";
static const char memory_folder[] = "/dev/shm";
static struct broker_stats stats;
static struct log_env env;
static struct arena *arena;
static struct ctx ctx;
static char last_notice[1024];

static void say(void *owner, enum notice_level level, const char *event, const char *detail)
{
    snprintf(last_notice, sizeof(last_notice), "%s: %s", event, detail);
}

static void nothing(void *owner)
{
}

static void round_done(void *owner)
{
}

/* ---- a disk that can fail, and that knows what is durable ---- */

static int fail_write, fail_sync; /* errno of the next ones */
static bool tracks_durable;       /* what is synced is remembered, for cuts of power */
static size_t write_before_failing;

static struct durable {
    ino_t inode;
    uint8_t *bytes;
    size_t n;
} durable[64];
static size_t n_durable;

static int test_write(int fd, struct iovec *parts, size_t n, int64_t at)
{
    if (!fail_write)
        return file_writev_all(fd, parts, n, at);
    parts[0].iov_len = MIN(parts[0].iov_len, write_before_failing);
    file_writev_all(fd, parts, 1, at);
    return fail_write;
}

static struct durable *durable_of(ino_t inode)
{
    for (size_t i = 0; i < n_durable; i++)
        if (durable[i].inode == inode)
            return &durable[i];
    REQUIRE(n_durable < COUNT(durable));
    durable[n_durable] = (struct durable){ .inode = inode };
    return &durable[n_durable++];
}

static int test_sync(int fd)
{
    if (fail_sync || !tracks_durable)
        return fail_sync;
    struct stat about;
    fstat(fd, &about);
    struct durable *copy = durable_of(about.st_ino);
    free(copy->bytes);
    copy->bytes = malloc((size_t)about.st_size);
    return file_read_at(fd, copy->bytes, (size_t)about.st_size, 0, &copy->n);
}

static const struct disk test_disk = { test_write, test_sync };

static void forget_durable(void)
{
    while (n_durable)
        free(durable[--n_durable].bytes);
}

/* ---- appending ---- */

struct sending {
    struct append append;
    bool done;
};

static void sent_done(struct append *append)
{
    CONTAINER_OF(append, struct sending, append)->done = true;
}

static struct log_policy policy;

static struct log *log_of(uint32_t segment_bytes)
{
    struct log_config config = {
        .home = { .folder = folder, .partition = 3, .generation = "generation" },
        .segment_bytes = segment_bytes,
        .policy = policy,
        .advanced = nothing
    };
    struct log_files files = log_files_find(arena, folder);
    ctx_clear(&ctx);
    return log_open(&ctx, &env, &config, &files);
}

static int64_t times_from = 1000; /* of records: ms */

/* A batch of one record whose value is `n` bytes that its sequence determines. */
static void batch_make(struct writer *out, int64_t producer, int32_t sequence, size_t n)
{
    uint8_t value[4096];
    memset(value, 'a' + sequence % 26, n);
    snprintf((char *)value, sizeof(value), "%d", sequence);
    batch_write(out, times_from + sequence, value, n);
    store_be64(out->bytes + 43, (uint64_t)producer);
    if (producer >= 0) {
        out->bytes[51] = out->bytes[52] = 0;
        store_be32(out->bytes + 53, (uint32_t)sequence);
    }
    store_be32(out->bytes + 17, hash_crc32c(0, out->bytes + 21, out->len - 21));
}

/* Appends without waiting. */
static inline struct sending *send_batch(struct log *log, int64_t producer, int32_t sequence,
                                         size_t n)
{
    struct writer bytes = { 0 };
    batch_make(&bytes, producer, sequence, n);
    struct sending *sent = ARENA_NEW(arena, struct sending);
    struct frame *frame = frame_new((uint32_t)bytes.len, &stats.held_bytes);
    memcpy(frame->bytes, bytes.bytes, bytes.len);
    frame_arrived(frame, (uint32_t)bytes.len);
    sent->append = (struct append){ .frame = frame, .bytes = frame->bytes, .done = sent_done };
    REQUIRE(batch_accept(frame->bytes, bytes.len, 1 << 20, INT64_MAX, &sent->append.batch) ==
            KAFKA_NONE);
    if (!log_append(log, &sent->append))
        sent->done = true;
    frame_unref(frame);
    writer_clear(&bytes);
    return sent;
}

static void settle(void)
{
    log_flush_dirty(&env);
    while (loop_jobs(env.loop))
        loop_once(env.loop, 10);
}

static inline enum kafka_error append_one(struct log *log, int64_t producer, int32_t sequence,
                                          size_t n)
{
    struct sending *sent = send_batch(log, producer, sequence, n);
    settle();
    CHECK(sent->done);
    return sent->append.error;
}

static inline void close_clean(struct log *log)
{
    settle();
    log_checkpoint(log);
    settle();
    log_free(log);
}

/* Every record from `from` on is what batch_make() made, with the sequence as its offset. */
static inline void check_content(struct log *log, int64_t from, int64_t to)
{
    CHECK_INT(log_synced(log), to);
    int64_t offset = from;
    while (offset < to) {
        struct slice slice;
        if (!CHECK(log_read(log, offset, 700, true, &slice) == KAFKA_NONE && slice.bytes))
            return;
        struct scan scan = { .fd = slice.segment->fd,
                             .position = slice.position,
                             .end = slice.position + slice.bytes };
        struct batch batch;
        const uint8_t *bytes;
        int64_t before = offset;
        while (scan_next(&scan, &batch, &bytes) == SCAN_BATCH) {
            struct str value = batch_value(bytes, &batch);
            CHECK_INT(batch.base_offset, offset);
            CHECK_INT(atoi(value.ptr), offset);
            offset = batch_last_offset(&batch) + 1;
        }
        scan_clear(&scan);
        segment_unref(slice.segment);
        if (!CHECK(offset > before))
            return;
    }
}

/* ---- files ---- */

static void empty_folder(void)
{
    DIR *dir = opendir(folder);
    for (struct dirent *entry; (entry = readdir(dir));)
        if (entry->d_name[0] != '.') {
            char path[FILE_PATH_BYTES];
            file_path(path, folder, "%s", entry->d_name);
            unlink(path);
        }
    closedir(dir);
    forget_durable();
    arena_clear(arena);
}

static inline void path_of(char out[FILE_PATH_BYTES], int64_t base)
{
    struct segment_home home = { .folder = folder, .partition = 3 };
    struct segment segment = { .base = base };
    segment_path(out, &home, &segment);
}

static inline size_t size_of(const char *path)
{
    struct stat about;
    return stat(path, &about) ? 0 : (size_t)about.st_size;
}

static inline void write_at(const char *path, const void *bytes, size_t n, size_t at)
{
    int fd = open(path, O_WRONLY);
    REQUIRE(fd >= 0 && pwrite(fd, bytes, n, (off_t)at) == (ssize_t)n);
    close(fd);
}

/* ---- the test ---- */

static void fixture_loop(void)
{
    env.loop = loop_new(&ctx, 2, round_done, NULL);
    REQUIRE(env.loop);
}

static void fixture_open(void)
{
    if (access(memory_folder, W_OK) ==
        0) /* nothing here needs what a real disk does, and waits for */
        snprintf(folder, sizeof(folder), "%s/fanfare-log-XXXXXX", memory_folder);
    REQUIRE(mkdtemp(folder));
    arena = arena_new(0);
    ctx = (struct ctx){ .arena = arena };
    env = (struct log_env){ .disk = &test_disk, .notices = { .say = say }, .stats = &stats };
    fixture_loop();
}

static int fixture_end(void)
{
    CHECK_INT(stats.held_bytes, 0);
    loop_free(env.loop);
    empty_folder();
    rmdir(folder);
    arena_free(arena);
    return check_end();
}
