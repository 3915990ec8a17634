/* The log of one partition: what it lets go, by age, by size and when told to. */
#include "services/broker/tests/log_fixture.h"

struct kept {
    struct log_waiter waiter;
    int said; /* 1: kept, -1: not */
};

static void is_kept(struct log_waiter *waiter, bool kept)
{
    CONTAINER_OF(waiter, struct kept, waiter)->said = kept ? 1 : -1;
}

/* An hour of the wall clock, and a round of housekeeping. */
static void hour_passes(struct log *log, int64_t *now_us)
{
    clock_hold_us(*now_us += 3600 * US_PER_S);
    times_from = *now_us / US_PER_MS;
    log_retain(log, *now_us / US_PER_MS);
    settle();
    log_retain(log, *now_us / US_PER_MS);
    settle();
}

static const struct log_policy forever = {
    .deletes = true, .segment_ms = INT64_MAX, .retention_ms = -1, .retention_bytes = -1
};

/* What is old goes, also where nothing comes any more; the start stays where it is. */
static void test_retention_by_age(void)
{
    empty_folder();
    int64_t now_us = clock_now_us();
    clock_hold_us(now_us);
    policy = forever;
    policy.retention_ms = 10 * 3600 * 1000;
    policy.segment_ms = 5 * 3600 * 1000;
    struct log *log = log_of(1 << 20);
    times_from = now_us / US_PER_MS;
    for (int i = 0; i < 20; i++) {
        CHECK_INT(append_one(log, 7, i, 100), KAFKA_NONE);
        hour_passes(log, &now_us);
        CHECK(i < 10 ? log_start(log) == 0 : log_start(log) >= i - 15 && log_start(log) <= i);
        check_content(log, log_start(log), i + 1);
    }
    CHECK(log_start(log) > 0 && stats.segments_expired > 0);
    int64_t start = log_start(log);
    log_free(log);
    log = log_of(1 << 20); /* a kill keeps the start */
    REQUIRE(log);
    CHECK_INT(log_start(log), start);
    for (int i = 0; i < 20; i++)
        hour_passes(log, &now_us);
    CHECK(log_start(log) == 20 && log_synced(log) == 20);
    CHECK_INT(log_files_find(arena, folder).n, 1); /* empty: it says where the log ends */
    log_free(log);
    char path[FILE_PATH_BYTES];
    file_path(path, folder, "3.checkpoint");
    REQUIRE(unlink(path) == 0);
    log = log_of(1 << 20);
    REQUIRE(log);
    CHECK(log_start(log) == 20 && log_synced(log) == 20);
    CHECK_INT(append_one(log, 7, 20, 100), KAFKA_NONE);
    check_content(log, 20, 21);
    close_clean(log);
    clock_hold_us(0);
    times_from = 1000;
}

/* A record whose time is far ahead does not keep its segment. */
static void test_record_from_the_future(void)
{
    empty_folder();
    int64_t now_us = US_PER_S;
    clock_hold_us(now_us);
    policy = forever;
    policy.retention_ms = 3600 * 1000;
    struct log *log = log_of(1 << 20);
    times_from = 1000 * 86400 * 1000LL;
    append_one(log, -1, 0, 100);
    for (int i = 0; i < 3; i++)
        hour_passes(log, &now_us);
    CHECK_INT(log_start(log), 1);
    log_free(log);
    clock_hold_us(0);
    times_from = 1000;
}

static void test_retention_by_size(void)
{
    empty_folder();
    policy = forever;
    policy.retention_bytes = 100000;
    struct log *log = log_of(16384);
    for (int i = 0; i < 500; i++) {
        CHECK_INT(append_one(log, -1, i, 1000), KAFKA_NONE);
        log_retain(log, clock_now_us() / US_PER_MS);
    }
    settle();
    struct log_files files = log_files_find(arena, folder);
    CHECK(files.n >= 6 && files.n <= 8);
    CHECK(log_start(log) >= 400 && log_start(log) < 440);
    check_content(log, log_start(log), 500);
    log_free(log);
}

/* Records are deleted once the waiter is told; who reads on in a file that goes can do so. */
static void test_start_at(void)
{
    empty_folder();
    policy = forever;
    struct log *log = log_of(16384);
    for (int i = 0; i < 60; i++)
        append_one(log, -1, i, 1000);
    struct slice slice;
    REQUIRE(log_read(log, 0, 10000, true, &slice) == KAFKA_NONE);
    struct kept first = { .waiter.done = is_kept }, second = { .waiter.done = is_kept };
    log_start_at(log, 10, &first.waiter);
    log_start_at(log, 45, &second.waiter); /* while the checkpoint of the first is under way */
    CHECK(first.said == 0 && second.said == 0);
    settle();
    CHECK(first.said == 1 && second.said == 1);
    log_start_at(log, 20, NULL); /* never back */
    CHECK_INT(log_start(log), 45);
    settle();
    struct stat about;
    CHECK(fstat(slice.segment->fd, &about) == 0 && about.st_nlink == 0);
    uint8_t header[BATCH_HEADER_BYTES];
    size_t got;
    CHECK(file_read_at(slice.segment->fd, header, sizeof(header), slice.position, &got) == 0 &&
          got == sizeof(header));
    segment_unref(slice.segment);
    log_free(log);
    log = log_of(16384);
    REQUIRE(log);
    CHECK_INT(log_start(log), 45);
    check_content(log, 45, 60);
    int64_t offset, time; /* what is below the start is not found by its time either */
    CHECK(log_find_time(log, 1000, &offset, &time) == KAFKA_NONE && offset == 45 && time == 1045);
    log_start_at(log, INT64_MAX, NULL); /* all */
    settle();
    CHECK(log_retain(log, clock_now_us() / US_PER_MS)); /* the last segment ends */
    settle();
    log_retain(log, clock_now_us() / US_PER_MS);
    settle();
    CHECK_INT(log_start(log), 60);
    struct log_files files = log_files_find(arena, folder);
    CHECK(files.n == 1 && files.files[0].base == 60);
    CHECK_INT(append_one(log, -1, 60, 1000), KAFKA_NONE);
    check_content(log, 60, 61);
    log_free(log);
}

/* A checkpoint that cannot be written: not kept is said, no file goes, later it is made good. */
static void test_start_not_kept(void)
{
    empty_folder();
    policy = forever;
    struct log *log = log_of(16384);
    for (int i = 0; i < 40; i++)
        append_one(log, -1, i, 1000);
    size_t n = log_files_find(arena, folder).n;
    char path[FILE_PATH_BYTES];
    file_path(path, folder, "3.checkpoint.new");
    REQUIRE(mkdir(path, 0700) == 0); /* in the way */
    struct kept kept = { .waiter.done = is_kept };
    log_start_at(log, 30, &kept.waiter);
    settle();
    CHECK_INT(kept.said, -1);
    CHECK_INT(log_files_find(arena, folder).n, n);
    REQUIRE(rmdir(path) == 0);
    log_retain(log, clock_now_us() / US_PER_MS);
    settle();
    CHECK(log_files_find(arena, folder).n < n);
    log_free(log);
    log = log_of(16384);
    REQUIRE(log);
    CHECK_INT(log_start(log), 30);
    log_free(log);
}

int main(void)
{
    fixture_open();
    test_retention_by_age();
    test_record_from_the_future();
    test_retention_by_size();
    test_start_at();
    test_start_not_kept();
    return fixture_end();
}
