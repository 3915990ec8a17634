/* The log of one partition: recovery after kills and power cuts, damage, disks that fail. */
#include "services/broker/log.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/clock.h"
#include "base/hash.h"
#include "base/tests/check.h"
#include "services/broker/wire.h"

static char folder[] = "/tmp/fanfare-broker-log-XXXXXX";
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
    if (fail_sync)
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

struct sent {
    struct append append;
    bool done;
};

static void sent_done(struct append *append)
{
    CONTAINER_OF(append, struct sent, append)->done = true;
}

static struct log *log_of(uint32_t segment_bytes)
{
    struct log_config config = {
        .home = { .folder = folder, .partition = 3, .generation = "generation" },
        .segment_bytes = segment_bytes,
        .advanced = nothing
    };
    struct log_files files = log_files_find(arena, folder);
    ctx_clear(&ctx);
    return log_open(&ctx, &env, &config, &files);
}

/* A batch of one record whose value is `n` bytes that its sequence determines. */
static void batch_make(struct writer *out, int64_t producer, int32_t sequence, size_t n)
{
    uint8_t value[4096];
    memset(value, 'a' + sequence % 26, n);
    snprintf((char *)value, sizeof(value), "%d", sequence);
    batch_write(out, 1000 + sequence, value, n);
    store_be64(out->bytes + 43, (uint64_t)producer);
    if (producer >= 0) {
        out->bytes[51] = out->bytes[52] = 0;
        store_be32(out->bytes + 53, (uint32_t)sequence);
    }
    store_be32(out->bytes + 17, hash_crc32c(0, out->bytes + 21, out->len - 21));
}

/* Appends without waiting. */
static struct sent *send_batch(struct log *log, int64_t producer, int32_t sequence, size_t n)
{
    struct writer bytes = { 0 };
    batch_make(&bytes, producer, sequence, n);
    struct sent *sent = ARENA_NEW(arena, struct sent);
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

static enum kafka_error append_one(struct log *log, int64_t producer, int32_t sequence, size_t n)
{
    struct sent *sent = send_batch(log, producer, sequence, n);
    settle();
    CHECK(sent->done);
    return sent->append.error;
}

static void close_clean(struct log *log)
{
    settle();
    log_checkpoint(log);
    settle();
    log_free(log);
}

/* Every record from `from` on is what batch_make() made, with the sequence as its offset. */
static void check_content(struct log *log, int64_t from, int64_t to)
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

static void path_of(char out[FILE_PATH_BYTES], int64_t base)
{
    struct segment_home home = { .folder = folder, .partition = 3 };
    segment_path(out, &home, base);
}

static size_t size_of(const char *path)
{
    struct stat about;
    return stat(path, &about) ? 0 : (size_t)about.st_size;
}

static void write_at(const char *path, const void *bytes, size_t n, size_t at)
{
    int fd = open(path, O_WRONLY);
    REQUIRE(fd >= 0 && pwrite(fd, bytes, n, (off_t)at) == (ssize_t)n);
    close(fd);
}

/* ---- tests ---- */

static void test_append_and_read(void)
{
    empty_folder();
    struct log *log = log_of(1 << 20);
    REQUIRE(log);
    for (int i = 0; i < 50; i++)
        send_batch(log, -1, i, 20 + (size_t)i);
    CHECK_INT(log_synced(log), 0); /* nothing is shown before the sync */
    settle();
    check_content(log, 0, 50);
    check_content(log, 17, 50);
    struct slice slice;
    CHECK_INT(log_read(log, 51, 100, true, &slice), KAFKA_OFFSET_OUT_OF_RANGE);
    CHECK_INT(log_read(log, -1, 100, true, &slice), KAFKA_OFFSET_OUT_OF_RANGE);
    CHECK(log_read(log, 50, 100, true, &slice) == KAFKA_NONE && !slice.segment);
    CHECK(log_read(log, 3, 10, false, &slice) == KAFKA_NONE &&
          !slice.segment); /* the first does not fit */
    int64_t offset, time;
    CHECK(log_find_time(log, 1020, &offset, &time) == KAFKA_NONE && offset == 20 && time == 1020);
    CHECK(log_find_time(log, 0, &offset, &time) == KAFKA_NONE && offset == 0);
    CHECK(log_find_time(log, 5000, &offset, &time) == KAFKA_NONE && offset == -1);
    close_clean(log);
    log = log_of(1 << 20);
    REQUIRE(log);
    check_content(log, 0, 50);
    CHECK_INT(append_one(log, -1, 50, 20), KAFKA_NONE);
    log_free(log); /* as after a kill: no checkpoint of the last */
    log = log_of(1 << 20);
    REQUIRE(log);
    check_content(log, 0, 51);
    log_free(log);
}

static void test_segments(void)
{
    empty_folder();
    struct log *log = log_of(16384);
    for (int i = 0; i < 300; i++)
        CHECK_INT(append_one(log, -1, i, 400), KAFKA_NONE);
    check_content(log, 0, 300);
    struct log_files files = log_files_find(arena, folder);
    CHECK(files.n > 8);
    log_free(log);
    log = log_of(16384);
    REQUIRE(log);
    check_content(log, 0, 300);
    int64_t offset, time;
    CHECK(log_find_time(log, 1250, &offset, &time) == KAFKA_NONE && offset == 250);
    REQUIRE(log_drop_before(log, 100));
    settle();
    CHECK_INT(log_start(log), 100);
    check_content(log, 100, 300);
    log_free(log);
    CHECK(log_files_find(arena, folder).n < files.n);
    log = log_of(16384);
    REQUIRE(log);
    CHECK_INT(log_start(log), 100);
    check_content(log, 100, 300);
    close_clean(log);
    char path[FILE_PATH_BYTES];
    path_of(path, files.files[files.n / 2].base);
    REQUIRE(unlink(path) == 0);
    CHECK(!log_of(16384)); /* a file is missing */
    CHECK(strstr(ctx.error.detail.ptr, path));
}

/* The rest of a write that was never acknowledged is cut, wherever it ends. */
static void test_torn_tail(void)
{
    empty_folder();
    struct log *log = log_of(1 << 20);
    for (int i = 0; i < 5; i++)
        append_one(log, 77, i, 30);
    log_free(log);
    char path[FILE_PATH_BYTES];
    path_of(path, 0);
    size_t size = size_of(path);
    struct writer tail = { 0 };
    batch_make(&tail, 77, 5, 60);
    batch_place(tail.bytes, 5);
    for (size_t n = 0; n <= tail.len; n++) {
        REQUIRE(truncate(path, (off_t)size) == 0);
        write_at(path, tail.bytes, n, size);
        last_notice[0] = '\0';
        log = log_of(1 << 20);
        if (!CHECK(log))
            break;
        check_content(log, 0, n == tail.len ? 6 : 5);
        CHECK((strstr(last_notice, "log.tail_cut") != NULL) == (n > 0 && n < tail.len));
        /* The producer goes on with the one that was lost, and is told of the one that was not. */
        struct sent *again = send_batch(log, 77, 5, 60);
        settle();
        CHECK(again->done && again->append.error == KAFKA_NONE &&
              again->append.batch.base_offset == 5);
        check_content(log, 0, 6);
        log_free(log);
        /* Back to what was acknowledged at first; the mark goes too. */
        log = NULL;
        empty_folder();
        log = log_of(1 << 20);
        for (int i = 0; i < 5; i++)
            append_one(log, 77, i, 30);
        log_free(log);
    }
    writer_clear(&tail);
}

/* Damage in what was acknowledged is refused, with file and offset; cut short, too. */
static void test_damage(void)
{
    empty_folder();
    struct log *log = log_of(1 << 20);
    for (int i = 0; i < 4; i++)
        append_one(log, -1, i, 30);
    log_free(log);
    char path[FILE_PATH_BYTES];
    path_of(path, 0);
    size_t size = size_of(path), one = (size - SEGMENT_HEADER_BYTES) / 4;
    uint8_t *whole;
    size_t n;
    REQUIRE(file_read_whole(path, &whole, &n) == 0);
    for (size_t at = SEGMENT_HEADER_BYTES; at < size; at++) {
        size_t in_batch = (at - SEGMENT_HEADER_BYTES) % one;
        if (in_batch >= 12 && in_batch < 16)
            continue; /* the leader epoch, which nothing covers and nobody uses */
        uint8_t flipped = whole[at] ^ (uint8_t)(1 << at % 8);
        write_at(path, &flipped, 1, at);
        if (!CHECK(!log_of(1 << 20)))
            break;
        CHECK(strstr(ctx.error.detail.ptr, path) && strstr(ctx.error.detail.ptr, "offset"));
        write_at(path, whole + at, 1, at);
    }
    for (size_t cut = SEGMENT_HEADER_BYTES; cut < size; cut += 13) {
        REQUIRE(truncate(path, (off_t)cut) == 0);
        CHECK(!log_of(1 << 20));
        write_at(path, whole + cut, size - cut, cut);
    }
    uint8_t header = whole[20] ^ 1;
    write_at(path, &header, 1, 20);
    CHECK(!log_of(1 << 20));
    write_at(path, whole + 20, 1, 20);
    log = log_of(1 << 20);
    REQUIRE(log);
    check_content(log, 0, 4);
    close_clean(log);
    free(whole);
    /* The checkpoint: refused when damaged, read around when it is not there. */
    file_path(path, folder, "3.checkpoint");
    REQUIRE(file_read_whole(path, &whole, &n) == 0);
    whole[n / 2] ^= 1;
    write_at(path, whole, n, 0);
    CHECK(!log_of(1 << 20));
    CHECK(strstr(ctx.error.detail.ptr, path));
    unlink(path);
    log = log_of(1 << 20);
    REQUIRE(log);
    check_content(log, 0, 4);
    log_free(log);
    free(whole);
}

static void test_repeats(void)
{
    empty_folder();
    struct log *log = log_of(1 << 20);
    struct sent *first = send_batch(log, 5, 0, 20), *again = send_batch(log, 5, 0, 20);
    CHECK(!first->done && !again->done); /* the repeat waits for the first one's sync */
    settle();
    CHECK(first->done && again->done && !again->append.error);
    CHECK_INT(again->append.batch.base_offset, first->append.batch.base_offset);
    CHECK_INT(append_one(log, 5, 0, 20), KAFKA_NONE);
    CHECK_INT(append_one(log, 5, 2, 20), KAFKA_OUT_OF_ORDER_SEQUENCE_NUMBER);
    CHECK_INT(append_one(log, 5, 1, 20), KAFKA_NONE);
    check_content(log, 0, 2);
    log_free(log);
    log = log_of(1 << 20); /* what is known of the producer survives the kill */
    REQUIRE(log);
    CHECK_INT(append_one(log, 5, 1, 20), KAFKA_NONE);
    CHECK_INT(append_one(log, 5, 3, 20), KAFKA_OUT_OF_ORDER_SEQUENCE_NUMBER);
    CHECK_INT(append_one(log, 5, 2, 20), KAFKA_NONE);
    check_content(log, 0, 3);
    close_clean(log);
    log = log_of(1 << 20); /* and the clean stop */
    CHECK_INT(append_one(log, 5, 2, 20), KAFKA_NONE);
    check_content(log, 0, 3);
    log_free(log);
}

static void test_full_disk(void)
{
    empty_folder();
    struct log *log = log_of(1 << 20);
    fail_write = ENOSPC;
    write_before_failing = 10;
    CHECK_INT(append_one(log, 9, 0, 50), KAFKA_STORAGE_ERROR); /* at the making of the file */
    fail_write = 0;
    CHECK_INT(append_one(log, 9, 0, 50), KAFKA_NONE);
    fail_write = ENOSPC;
    write_before_failing = 40;
    struct sent *lost = send_batch(log, 9, 1, 50), *behind = send_batch(log, 9, 2, 50);
    settle();
    CHECK_INT(lost->append.error, KAFKA_STORAGE_ERROR);
    CHECK_INT(behind->append.error, KAFKA_STORAGE_ERROR);
    CHECK(strstr(last_notice, "log.full"));
    check_content(log, 0, 1);
    fail_write = 0;
    CHECK_INT(append_one(log, 9, 2, 50), KAFKA_OUT_OF_ORDER_SEQUENCE_NUMBER);
    CHECK_INT(append_one(log, 9, 1, 50), KAFKA_NONE);
    CHECK_INT(append_one(log, 9, 2, 50), KAFKA_NONE);
    CHECK(strstr(last_notice, "log.room"));
    check_content(log, 0, 3);
    log_free(log);
    log = log_of(1 << 20);
    REQUIRE(log);
    check_content(log, 0, 3);
    log_free(log);
}

static void test_failed_sync(void)
{
    empty_folder();
    struct log *log = log_of(1 << 20);
    CHECK_INT(append_one(log, -1, 0, 50), KAFKA_NONE);
    fail_sync = EIO;
    CHECK_INT(append_one(log, -1, 1, 50), KAFKA_STORAGE_ERROR);
    CHECK(strstr(last_notice, "log.failed"));
    CHECK(log_is_broken(log));
    fail_sync = 0;
    CHECK_INT(append_one(log, -1, 1, 50), KAFKA_STORAGE_ERROR); /* until a restart */
    check_content(log, 0, 1);
    log_free(log);
    log = log_of(1 << 20);
    REQUIRE(log);
    check_content(log, 0, 1);
    CHECK_INT(append_one(log, -1, 1, 50), KAFKA_NONE);
    check_content(log, 0, 2);
    log_free(log);
}

/* What the power leaves of a file: of each sector that was written after the last sync either
 * what was there or what is there, and of its new length any part. */
static void cut_power(const char *path, unsigned *seed)
{
    struct stat about;
    uint8_t *now;
    size_t n;
    if (stat(path, &about) || file_read_whole(path, &now, &n))
        return;
    struct durable *old = durable_of(about.st_ino);
    size_t end = old->n + (n > old->n ? (size_t)rand_r(seed) % (n - old->n + 1) : 0);
    for (size_t at = 0; at < end; at += 512) {
        size_t part = MIN(512, end - at);
        if (rand_r(seed) % 2)
            continue; /* the new sector made it */
        for (size_t i = at; i < at + part; i++)
            now[i] = i < old->n ? old->bytes[i] : 0;
    }
    REQUIRE(truncate(path, 0) == 0);
    write_at(path, now, end, 0);
    free(now);
}

/* Two batches more in the last file, whose sync the power did not wait for. */
static void write_torn(int32_t sequence, unsigned *seed)
{
    struct log_files files = log_files_find(arena, folder);
    if (!files.n)
        return;
    char path[FILE_PATH_BYTES];
    path_of(path, files.files[files.n - 1].base);
    size_t end = size_of(path);
    for (int i = 0; i < 2; i++) {
        struct writer batch = { 0 };
        batch_make(&batch, 1, sequence + i, (size_t)(20 + rand_r(seed) % 2000));
        batch_place(batch.bytes, sequence + i);
        write_at(path, batch.bytes, batch.len, end);
        end += batch.len;
        writer_clear(&batch);
    }
    cut_power(path, seed);
}

/* Power cuts at random moments: all that was acknowledged is there, and the start never refuses. */
static void test_power_cuts(void)
{
    unsigned seed = 11;
    empty_folder();
    int32_t next = 0;
    for (int round = 0; round < 150; round++) {
        struct log *log = log_of(32768);
        if (!CHECK(log)) {
            fprintf(stderr, STR_FMT "\n", STR_ARG(ctx.error.detail));
            return;
        }
        CHECK(log_synced(log) >= next);
        next = (int32_t)log_synced(log);
        check_content(log, MAX(0, next - 20), next);
        for (int i = rand_r(&seed) % 6; i > 0; i--, next++)
            CHECK_INT(append_one(log, 1, next, (size_t)(20 + rand_r(&seed) % 2000)), KAFKA_NONE);
        if (rand_r(&seed) % 4 == 0) {
            log_checkpoint(log);
            settle();
        }
        log_free(log);
        write_torn(next, &seed);
    }
    CHECK(next > 100);
}

int main(void)
{
    REQUIRE(mkdtemp(folder));
    arena = arena_new(0);
    ctx = (struct ctx){ .arena = arena };
    env = (struct log_env){ .loop = loop_new(&ctx, 2, round_done, NULL),
                            .disk = &test_disk,
                            .notices = { .say = say },
                            .stats = &stats };
    REQUIRE(env.loop);
    test_append_and_read();
    test_segments();
    test_torn_tail();
    test_damage();
    test_repeats();
    test_full_disk();
    test_failed_sync();
    test_power_cuts();
    CHECK_INT(stats.held_bytes, 0);
    loop_free(env.loop);
    empty_folder();
    rmdir(folder);
    arena_free(arena);
    return check_end();
}
