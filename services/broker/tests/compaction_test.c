/* Compaction of one partition: what stays and what goes, on disks that fail, within bounds. */
#include "services/broker/log_private.h"
#include "services/broker/tests/keyed.h"

static struct model *model;
static unsigned seed = 7;

static const struct log_policy compacted = { .compacts = true,
                                             .segment_ms = INT64_MAX,
                                             .retention_ms = -1,
                                             .retention_bytes = -1,
                                             .lag_most_ms = INT64_MAX,
                                             .tombstone_ms = INT64_MAX };

static struct log *fresh_log(uint32_t segment_bytes)
{
    empty_folder();
    policy = compacted;
    memset(model, 0, sizeof(*model));
    struct log *log = log_of(segment_bytes);
    REQUIRE(log);
    return log;
}

static struct log *again(struct log *log, uint32_t segment_bytes)
{
    log_free(log);
    log = log_of(segment_bytes);
    if (!CHECK(log))
        fprintf(stderr, STR_FMT "\n", STR_ARG(ctx.error.detail));
    REQUIRE(log);
    return log;
}

static void write_random(struct log *log, int batches, int codecs)
{
    for (; batches > 0; batches--) {
        struct written records[12];
        int32_t n = 1 + rand_r(&seed) % 12;
        for (int32_t i = 0; i < n; i++)
            records[i] = (struct written){ rand_r(&seed) % (KEYS + 1) - 1,
                                           rand_r(&seed) % 8 ? 1 + rand_r(&seed) % 100000 : 0 };
        CHECK_INT(append_keyed(log, model, records, n, (enum codec)(rand_r(&seed) % codecs)),
                  KAFKA_NONE);
    }
}

/* ---- what stays ---- */

static void test_last_of_each(void)
{
    for (enum codec codec = CODEC_NONE; codec <= CODEC_ZSTD; codec++) {
        struct log *log = fresh_log(1 << 20);
        for (int i = 0; i < 10; i++) {
            struct written records[KEYS];
            for (int k = 0; k < KEYS; k++)
                records[k] = (struct written){ (k * (i % 3 + 1)) % KEYS, i * 100 + k + 1 };
            CHECK_INT(append_keyed(log, model, records, KEYS, codec), KAFKA_NONE);
        }
        CHECK_INT(compact_all(log), COMPACTION_DONE);
        CHECK_INT(log_compacted(log), 10 * KEYS);
        CHECK_INT(compare(log, model).records, KEYS);
        CHECK(stats.compacted_records > 0);
        log = again(log, 1 << 20); /* as after a kill */
        CHECK_INT(log_compacted(log), 10 * KEYS);
        CHECK_INT(compare(log, model).records, KEYS);
        CHECK_INT(compact_now(log, true), COMPACTION_DONE); /* there is nothing more to do */
        CHECK_INT(compare(log, model).records, KEYS);
        log_free(log);
    }
}

/* What has no key stays, and what came within the lag, unless it is to be at once. */
static void test_lag(void)
{
    struct log *log = fresh_log(1 << 20);
    log_free(log);
    int64_t now_us = clock_now_us();
    clock_hold_us(now_us);
    policy.lag_least_ms = 3600 * 1000;
    log = log_of(1 << 20);
    append_keyed(log, model, (struct written[]){ { 1, 1 }, { NO_KEY, 2 }, { 1, 3 } }, 3,
                 CODEC_NONE);
    log_roll(log);
    settle();
    CHECK_INT(compact_now(log, false), COMPACTION_DONE);
    CHECK_INT(compare(log, model).records, 3);
    clock_hold_us(now_us += 3600 * US_PER_S);
    CHECK(log_should_compact(log, now_us / US_PER_MS));
    append_keyed(log, model, (struct written[]){ { 1, 4 } }, 1, CODEC_NONE);
    CHECK_INT(compact_now(log, false), COMPACTION_DONE);
    CHECK_INT(compare(log, model).records, 3); /* { 1, 1 } is gone, { 1, 4 } has come */
    CHECK(!log_should_compact(log, now_us / US_PER_MS));
    CHECK_INT(compact_all(log), COMPACTION_DONE);
    CHECK_INT(compare(log, model).records, 2);
    log_free(log);
    clock_hold_us(0);
}

/* New records wait for as much again, or until their time is over: a bound, whatever comes. */
static void test_when(void)
{
    struct log *log = fresh_log(1 << 20);
    log_free(log);
    int64_t now_us = clock_now_us();
    clock_hold_us(now_us);
    policy.lag_most_ms = 10 * 3600 * 1000;
    log = log_of(1 << 20);
    write_random(log, 300, 1);
    CHECK_INT(compact_all(log), COMPACTION_DONE);
    write_random(log, 1, 1);
    log_retain(log, now_us / US_PER_MS);
    settle();
    CHECK(log_sealed(log) < log_synced(log));
    clock_hold_us(now_us += policy.lag_most_ms * US_PER_MS);
    CHECK(log_retain(log, now_us / US_PER_MS)); /* the last segment ends, so that it can be done */
    settle();
    CHECK_INT(log_sealed(log), log_synced(log));
    CHECK(log_should_compact(log, now_us / US_PER_MS));
    CHECK_INT(compact_now(log, false), COMPACTION_DONE);
    CHECK_INT(log_compacted(log), log_synced(log));
    CHECK(!log_should_compact(log, now_us / US_PER_MS));
    compare(log, model);
    log_free(log);
    clock_hold_us(0);
}

/* A tombstone takes what was before it, and goes when its time is over; who reads gets on. */
static void test_tombstones(void)
{
    struct log *log = fresh_log(1 << 20);
    log_free(log);
    int64_t now_us = clock_now_us();
    clock_hold_us(now_us);
    policy.tombstone_ms = 3600 * 1000;
    log = log_of(1 << 20);
    for (int k = 0; k < KEYS; k++)
        append_keyed(log, model, (struct written[]){ { k, k + 1 } }, 1, CODEC_LZ4);
    for (int k = 0; k < KEYS; k++)
        append_keyed(log, model, (struct written[]){ { k, 0 } }, 1, CODEC_LZ4);
    CHECK_INT(compact_all(log), COMPACTION_DONE);
    CHECK_INT(compare(log, model).records, KEYS); /* tombstones */
    clock_hold_us(now_us += 3599 * US_PER_S);
    CHECK_INT(compact_now(log, false), COMPACTION_DONE);
    CHECK_INT(compare(log, model).records, KEYS);
    CHECK(!log_should_compact(log, now_us / US_PER_MS));
    clock_hold_us(now_us += US_PER_S);
    CHECK(log_should_compact(log, now_us / US_PER_MS));
    log = again(log, 1 << 20); /* since when they count survives a kill */
    CHECK(log_should_compact(log, now_us / US_PER_MS));
    CHECK_INT(compact_now(log, false), COMPACTION_DONE);
    CHECK_INT(compare(log, model).records, 0);
    CHECK(!log_should_compact(log, now_us / US_PER_MS));
    for (int64_t offset = 0; offset < 2 * KEYS; offset++) {
        struct slice slice;
        CHECK(log_read(log, offset, 1000, true, &slice) == KAFKA_NONE && slice.segment);
        segment_unref(slice.segment);
    }
    append_keyed(log, model, (struct written[]){ { 3, 9 } }, 1, CODEC_NONE);
    CHECK_INT(compare(log, model).records, 1);
    log_free(log);
    clock_hold_us(0);
}

/* Small segments become one, and each pass leaves what it cannot make smaller. */
static void test_merge(void)
{
    struct log *log = fresh_log(1 << 20);
    for (int i = 0; i < 20; i++) {
        write_random(log, 3, 5);
        log_roll(log);
        settle();
    }
    CHECK_INT(log_files_find(arena, folder).n, 21);
    CHECK_INT(compact_now(log, true), COMPACTION_DONE);
    CHECK_INT(log_files_find(arena, folder).n, 2);
    compare(log, model);
    log = again(log, 16384);
    write_random(log, 400, 1);
    CHECK_INT(compact_all(log), COMPACTION_DONE);
    compare(log, model);
    uint64_t written = stats.compaction_written_bytes;
    append_keyed(log, model, (struct written[]){ { 1, 1 }, { 1, 2 } }, 2, CODEC_NONE);
    CHECK_INT(compact_all(log), COMPACTION_DONE);
    CHECK(stats.compaction_written_bytes - written < 40000);
    compare(log, model);
    log_free(log);
}

/* Less memory than there are keys: pass after pass, the same comes of it. */
static void test_little_memory(void)
{
    struct log *log = fresh_log(32768);
    int64_t keys = 0;
    limits.memory_bytes = 0; /* 48 keys */
    for (int round = 0; round < 3; round++)
        for (int i = 0; i < 300; i++) {
            struct writer body = { 0 };
            int64_t offset;
            struct written record = { round * 1000 + i, 1 }, same = { i, round + 1 };
            keyed_batch(&body, round ? &same : &record, 1, CODEC_NONE, -1, 0);
            CHECK_INT(append_bytes(log, &body, &offset), KAFKA_NONE);
            writer_clear(&body);
        }
    CHECK_INT(compact_all(log), COMPACTION_DONE);
    CHECK_INT(log_compacted(log), 900);
    for (int64_t offset = 0; offset < 900;) {
        struct slice slice;
        struct batch batch;
        uint8_t header[BATCH_HEADER_BYTES];
        size_t got;
        REQUIRE(log_read(log, offset, 1, true, &slice) == KAFKA_NONE && slice.segment);
        REQUIRE(file_read_at(slice.segment->fd, header, sizeof(header), slice.position, &got) == 0);
        REQUIRE(batch_read(header, got, &batch));
        segment_unref(slice.segment);
        keys += batch.count;
        CHECK(batch.count == 0 || batch.base_offset >= 600);
        offset = batch_last_offset(&batch) + 1;
    }
    CHECK_INT(keys, 300);
    limits.memory_bytes = 1 << 20;
    log_free(log);
}

/* ---- what cannot be read ---- */

static void append_raw(struct log *log, enum codec codec, const uint8_t *bytes, size_t n)
{
    struct writer whole = { 0 }, out = { 0 };
    struct compress_buffer room = { 0 };
    struct batch batch;
    int64_t offset;
    batch_write(&whole, times_from, "", 0);
    REQUIRE(batch_read(whole.bytes, whole.len, &batch));
    REQUIRE(batch_rewrite(whole.bytes, &batch, (struct str){ (const char *)bytes, n }, 1,
                          times_from, &room, &out));
    out.bytes[22] = (uint8_t)codec;
    store_be32(out.bytes + 17, hash_crc32c(0, out.bytes + 21, out.len - 21));
    CHECK_INT(append_bytes(log, &out, &offset), KAFKA_NONE);
    writer_clear(&whole);
    writer_clear(&out);
}

/* Damaged, of no records, or a bomb: kept byte for byte, and counted. */
static void test_unreadable(void)
{
    struct log *log = fresh_log(1 << 20);
    enum { BOMB = 64 << 20 };
    struct compress_buffer bomb = { 0 };
    uint8_t *zeros = mem_alloc(BOMB);
    REQUIRE(compress_shrink(CODEC_ZSTD, zeros, BOMB, &bomb));
    append_keyed(log, model, (struct written[]){ { 1, 1 } }, 1, CODEC_NONE);
    append_raw(log, CODEC_ZSTD, bomb.bytes, bomb.n);
    append_raw(log, CODEC_GZIP, (const uint8_t *)"no gzip", 7);
    REQUIRE(compress_shrink(CODEC_SNAPPY, "no records at all", 17, &bomb));
    append_raw(log, CODEC_SNAPPY, bomb.bytes, bomb.n);
    append_raw(log, (enum codec)7, (const uint8_t *)"no codec", 8);
    append_keyed(log, model, (struct written[]){ { 1, 2 } }, 1, CODEC_NONE);
    uint64_t unreadable = stats.compaction_unreadable;
    CHECK_INT(compact_all(log), COMPACTION_DONE);
    CHECK_INT(stats.compaction_unreadable - unreadable, 4);
    struct slice slice;
    REQUIRE(log_read(log, 1, 1 << 20, true, &slice) == KAFKA_NONE && slice.segment);
    struct scan scan = { .fd = slice.segment->fd,
                         .position = slice.position,
                         .end = slice.position + slice.bytes };
    struct batch batch;
    const uint8_t *bytes;
    int n = 0;
    while (scan_next(&scan, &batch, &bytes) == SCAN_BATCH)
        CHECK_INT(batch.base_offset, ++n);
    CHECK_INT(n, 5);
    scan_clear(&scan);
    segment_unref(slice.segment);
    log_free(log);
    free(zeros);
    compress_buffer_clear(&bomb);
}

/* Bytes of records turned at random, sound by their checksum: whatever comes of it, compaction
 * ends, and the log can be read through. */
static void test_noise(void)
{
    for (int round = 0; round < 60; round++) {
        struct log *log = fresh_log(1 << 20);
        for (int i = 0; i < 20; i++) {
            struct writer bytes = { 0 };
            struct written records[5];
            for (int k = 0; k < 5; k++)
                records[k] = (struct written){ rand_r(&seed) % 5, 1 + rand_r(&seed) % 1000 };
            keyed_batch(&bytes, records, 5, (enum codec)(1 + i % 4), -1, 0);
            for (int left = rand_r(&seed) % 3; left > 0; left--)
                bytes.bytes[61 + (size_t)rand_r(&seed) % (bytes.len - 61)] ^=
                    (uint8_t)(1 << rand_r(&seed) % 8);
            store_be32(bytes.bytes + 17, hash_crc32c(0, bytes.bytes + 21, bytes.len - 21));
            int64_t offset;
            CHECK_INT(append_bytes(log, &bytes, &offset), KAFKA_NONE);
            writer_clear(&bytes);
        }
        CHECK_INT(compact_all(log), COMPACTION_DONE);
        for (int64_t offset = 0; offset < 100; offset++) {
            struct slice slice;
            CHECK(log_read(log, offset, 100, true, &slice) == KAFKA_NONE && slice.segment);
            segment_unref(slice.segment);
        }
        log_free(log);
    }
}

/* ---- when something goes wrong ---- */

static size_t n_files(void)
{
    size_t n = 0;
    DIR *dir = opendir(folder);
    for (struct dirent *entry; (entry = readdir(dir));)
        n += entry->d_name[0] != '.';
    closedir(dir);
    return n;
}

/* The disk gets full, or fails: all is as it was, nothing lies about, and later it works. */
static void test_failing_disk(void)
{
    static const int errors[] = { ENOSPC, EIO };
    struct log *log = fresh_log(65536);
    for (size_t i = 0; i < COUNT(errors); i++)
        for (int sync = 0; sync < 2; sync++) {
            write_random(log, 100, 5);
            log_roll(log);
            settle();
            log_checkpoint(log);
            settle();
            size_t n = n_files();
            struct seen before = compare(log, model);
            fail_write = sync ? 0 : errors[i];
            fail_sync = sync ? errors[i] : 0;
            CHECK_INT(compact_now(log, true), COMPACTION_FAILED);
            fail_write = fail_sync = 0;
            CHECK(strstr(last_notice, "compaction.failed"));
            CHECK_INT(n_files(), n);
            CHECK_INT(compare(log, model).records, before.records);
            CHECK(!log_is_broken(log));
            CHECK(!log_should_compact(log, clock_now_us() / US_PER_MS)); /* not at once again */
            CHECK_INT(compact_now(log, true), COMPACTION_DONE);
            CHECK(compare(log, model).records < before.records);
        }
    log = again(log, 65536);
    compare(log, model);
    log_free(log);
}

/* What is damaged is named and left alone. */
static void test_damaged(void)
{
    struct log *log = fresh_log(1 << 20);
    write_random(log, 100, 1);
    log_roll(log);
    settle();
    char path[FILE_PATH_BYTES];
    path_of(path, 0);
    uint8_t byte = 0xff;
    write_at(path, &byte, 1, size_of(path) / 2);
    CHECK_INT(compact_now(log, true), COMPACTION_FAILED);
    CHECK(strstr(last_notice, path) && strstr(last_notice, "damaged"));
    CHECK_INT(log_compacted(log), 0);
    log_free(log);
}

/* ---- beside it ---- */

/* A repeat is recognised, also when the batch that it repeats is gone. */
static void test_producers(void)
{
    struct log *log = fresh_log(1 << 20);
    struct writer batches[3] = { 0 };
    int64_t offset;
    for (int i = 0; i < 3; i++) {
        keyed_batch(&batches[i], (struct written[]){ { 1, i + 1 }, { 2, i + 1 } }, 2, CODEC_NONE, 9,
                    2 * i);
        CHECK_INT(append_bytes(log, &batches[i], &offset), KAFKA_NONE);
    }
    CHECK_INT(compact_all(log), COMPACTION_DONE);
    for (int restarts = 0; restarts < 2; restarts++) {
        for (int i = 0; i < 3; i++) {
            CHECK_INT(append_bytes(log, &batches[i], &offset), KAFKA_NONE);
            CHECK_INT(offset, 2 * i);
        }
        CHECK_INT(log_synced(log), 6);
        log = again(log, 1 << 20);
    }
    for (int i = 0; i < 3; i++)
        writer_clear(&batches[i]);
    log_free(log);
}

/* Without a checkpoint the files tell by themselves which of them count. */
static void test_without_checkpoint(void)
{
    struct log *log = fresh_log(32768);
    for (int i = 0; i < 5; i++) {
        write_random(log, 100, 5);
        CHECK_INT(compact_all(log), COMPACTION_DONE);
    }
    write_random(log, 30, 5);
    int64_t records = compare(log, model).records;
    struct log_files files = log_files_find(arena, folder);
    char path[FILE_PATH_BYTES];
    file_path(path, folder, "3.checkpoint");
    REQUIRE(unlink(path) == 0);
    /* What a kill left half written, and what one stands for: neither counts. */
    struct segment_home home = { .folder = folder, .partition = 3, .generation = "generation" };
    struct segment *half = segment_new(files.files[0].base, 1000), *old = segment_new(1, 0);
    REQUIRE(segment_create(half, &home) == 0 && segment_create(old, &home) == 0);
    segment_unref(half);
    segment_unref(old);
    log = again(log, 32768);
    CHECK_INT(compare(log, model).records, records);
    log_checkpoint(log);
    settle();
    CHECK_INT(log_files_find(arena, folder).n, files.n);
    CHECK_INT(compact_all(log), COMPACTION_DONE);
    compare(log, model);
    log_free(log);
}

/* Who reads in a file that is replaced goes on reading it; the times are found. */
static void test_readers(void)
{
    struct log *log = fresh_log(1 << 20);
    int64_t offset, time;
    for (int i = 0; i < 50; i++) {
        times_from = 1000 + 100 * i;
        append_keyed(log, model, (struct written[]){ { i % 5, i + 1 } }, 1, CODEC_ZSTD);
    }
    struct slice slice;
    REQUIRE(log_read(log, 7, 1, true, &slice) == KAFKA_NONE);
    CHECK_INT(compact_all(log), COMPACTION_DONE);
    struct batch batch;
    uint8_t header[BATCH_HEADER_BYTES];
    size_t got;
    CHECK(file_read_at(slice.segment->fd, header, sizeof(header), slice.position, &got) == 0);
    CHECK(batch_read(header, got, &batch) && batch.base_offset == 7);
    segment_unref(slice.segment);
    CHECK(log_find_time(log, 0, &offset, &time) == KAFKA_NONE && offset == 45 && time == 5500);
    CHECK(log_find_time(log, 5801, &offset, &time) == KAFKA_NONE && offset == 49);
    times_from = 1000;
    log_free(log);
}

/* It can be ended at any moment. */
static void test_cancel(void)
{
    struct log *log = fresh_log(32768);
    for (int rounds = 0; rounds < 60; rounds++) {
        write_random(log, 20, 5);
        log_roll(log);
        settle();
        struct ran ran = { .end.done = ran_out };
        compaction_start(log, &limits, true, &ran.end);
        for (int i = rand_r(&seed) % 20; i > 0 && !ran.over; i--)
            loop_once(env.loop, 1);
        if (!ran.over)
            compaction_cancel(log->compaction);
        while (!ran.over)
            loop_once(env.loop, 10);
        settle();
        compare(log, model);
        if (rounds % 10 == 0)
            log = again(log, 32768);
    }
    log_free(log);
}

/* Also with retention: what is below the start goes, whatever its key. */
static void test_start(void)
{
    struct log *log = fresh_log(1 << 20);
    write_random(log, 50, 5);
    log_start_at(log, 100, NULL);
    CHECK_INT(compact_all(log), COMPACTION_DONE);
    CHECK(compare(log, model).ok);
    log_free(log);
}

int main(void)
{
    fixture_open();
    model = mem_alloc(sizeof(*model));
    test_last_of_each();
    test_lag();
    test_when();
    test_tombstones();
    test_merge();
    test_little_memory();
    test_unreadable();
    test_noise();
    test_failing_disk();
    test_damaged();
    test_producers();
    test_without_checkpoint();
    test_readers();
    test_cancel();
    test_start();
    free(model);
    return fixture_end();
}
