/* The log of one partition: recovery after kills and power cuts, damage, disks that fail. */
#include "services/broker/tests/log_fixture.h"

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
    log_start_at(log, 100, NULL);
    settle();
    CHECK_INT(log_start(log), 100);
    check_content(log, 100, 300);
    struct slice slice;
    CHECK_INT(log_read(log, 99, 100, true, &slice), KAFKA_OFFSET_OUT_OF_RANGE);
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
        struct sending *again = send_batch(log, 77, 5, 60);
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
    /* The checkpoint: refused when it is of a later program or damaged, read around when it is not there. */
    file_path(path, folder, "3.checkpoint");
    REQUIRE(file_read_whole(path, &whole, &n) == 0);
    whole[0] = 1;
    store_be32(whole + n - 4, hash_crc32c(0, whole, n - 4));
    write_at(path, whole, n, 0);
    CHECK(!log_of(1 << 20));
    CHECK(strstr(ctx.error.detail.ptr, "later program"));
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
    struct sending *first = send_batch(log, 5, 0, 20), *again = send_batch(log, 5, 0, 20);
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
    struct sending *lost = send_batch(log, 9, 1, 50), *behind = send_batch(log, 9, 2, 50);
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
    fixture_open();
    tracks_durable = true;
    test_append_and_read();
    test_segments();
    test_torn_tail();
    test_damage();
    test_repeats();
    test_full_disk();
    test_failed_sync();
    test_power_cuts();
    return fixture_end();
}
