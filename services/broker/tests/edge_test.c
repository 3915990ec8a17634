/* The real broker beside peers that send what is wrong, say nothing, or are too many: each gets a proper error or is
 * closed, and a producer and a consumer go on as before.
 *
 * broker_edge_test BROKER */
#include <errno.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/uio.h>

#include "base/macros.h"
#include "services/broker/batch.h"
#include "services/broker/codes.h"
#include "services/broker/tests/process.h"
#include "services/broker/wire.h"

#define TOPIC "edge"
#define ANSWER_BYTES (4 << 20)
#define VALUE_BYTES_MOST (900 * 1024)
#define IDLE_CONNECTIONS 10000
#define IDLE_BYTES_MOST 1024 /* of the broker's memory, each */
#define HOUR_MS (3600 * 1000)

enum api_key {
    PRODUCE = 0,
    FETCH = 1,
    METADATA = 3,
    JOIN_GROUP = 11,
    DESCRIBE_GROUPS = 15,
    API_VERSIONS = 18
};

/* ---- requests by hand ---- */

static void put_header(struct writer *out, int16_t api, int16_t version)
{
    put_i32(out, 0);
    put_i16(out, api);
    put_i16(out, version);
    put_i32(out, 42);
    put_string(out, STR("edge"));
}

static void send_request(int fd, struct writer *request)
{
    set_later32(request, 0, (int32_t)request->len - 4);
    CHECK_INT(send(fd, request->bytes, request->len, MSG_NOSIGNAL), request->len);
    writer_clear(request);
}

/* What comes after the number of the request; nothing when there is no answer. */
static struct reader receive(int fd)
{
    static uint8_t answer[ANSWER_BYTES];
    uint8_t size[4];
    if (!CHECK(recv(fd, size, 4, MSG_WAITALL) == 4))
        return reader_of(answer, 0);
    size_t n = load_be32(size);
    REQUIRE(n >= 4 && n <= ANSWER_BYTES && recv(fd, answer, n, MSG_WAITALL) == (ssize_t)n);
    CHECK_INT(load_be32(answer), 42);
    return reader_of(answer + 4, n - 4);
}

static bool is_closed(int fd)
{
    uint8_t byte;
    ssize_t n = recv(fd, &byte, 1, 0);
    return n == 0 || (n < 0 && errno == ECONNRESET);
}

/* One record of `n` bytes in a Produce request; `spoil` may change the batch. Gives the error of the answer. */
static int produce_sized(int fd, const char *topic, int64_t time_ms, size_t n,
                         void (*spoil)(uint8_t *batch))
{
    static uint8_t value[VALUE_BYTES_MOST];
    struct writer request = { 0 };
    put_header(&request, PRODUCE, 7);
    put_string(&request, (struct str){ NULL, 0 });
    put_i16(&request, -1);
    put_i32(&request, 10000);
    put_i32(&request, 1);
    put_string(&request, str_of(topic));
    put_i32(&request, 1);
    put_i32(&request, 0);
    size_t length = put_later32(&request), from = request.len;
    batch_write(&request, time_ms, value, n);
    set_later32(&request, length, (int32_t)(request.len - from));
    if (spoil)
        spoil(request.bytes + from);
    send_request(fd, &request);
    struct reader in = receive(fd);
    skip_bytes(&in, 4);
    get_string(&in);
    skip_bytes(&in, 8);
    int error = get_i16(&in);
    return CHECK(!in.bad) ? error : -1;
}

static int produce_raw(int fd, const char *topic, int64_t time_ms, void (*spoil)(uint8_t *batch))
{
    return produce_sized(fd, topic, time_ms, 5, spoil);
}

/* Waits for what is at `offset`, and gives the error; *bytes of records that came, of `most`, but one at least. */
static int fetch_sized(int fd, const char *topic, int64_t offset, int32_t most, int32_t *bytes)
{
    struct writer request = { 0 };
    put_header(&request, FETCH, 4);
    put_i32(&request, -1);
    put_i32(&request, 1000);
    put_i32(&request, 1);
    put_i32(&request, most);
    put_i8(&request, 0);
    put_i32(&request, 1);
    put_string(&request, str_of(topic));
    put_i32(&request, 1);
    put_i32(&request, 0);
    put_i64(&request, offset);
    put_i32(&request, most);
    send_request(fd, &request);
    struct reader in = receive(fd);
    skip_bytes(&in, 8);
    get_string(&in);
    skip_bytes(&in, 8);
    int error = get_i16(&in);
    skip_bytes(&in, 20);
    *bytes = get_i32(&in);
    return CHECK(!in.bad) ? error : -1;
}

static int fetch_raw(int fd, const char *topic, int64_t offset, int32_t *bytes)
{
    return fetch_sized(fd, topic, offset, 1000, bytes);
}

static int64_t now_ms(void)
{
    return clock_now_us() / US_PER_MS;
}

/* ---- those who go on ---- */

static int producer, consumer;
static int64_t next_offset;

static int by_size(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return (x > y) - (x < y);
}

/* From one to the other, a hundred times; gives the median of what it took. */
static int64_t goes_on(void)
{
    int64_t took_us[100];
    for (size_t i = 0; i < COUNT(took_us); i++) {
        int64_t began_us = clock_mono_us();
        int32_t bytes = 0;
        if (!CHECK_INT(produce_raw(producer, TOPIC, now_ms(), NULL), KAFKA_NONE))
            break;
        CHECK_INT(fetch_raw(consumer, TOPIC, next_offset++, &bytes), KAFKA_NONE);
        CHECK(bytes > BATCH_HEADER_BYTES);
        took_us[i] = clock_mono_us() - began_us;
    }
    qsort(took_us, COUNT(took_us), sizeof(*took_us), by_size);
    return took_us[COUNT(took_us) / 2];
}

static int64_t resident_bytes(void)
{
    char path[64];
    long long pages = 0;
    snprintf(path, sizeof(path), "/proc/%d/statm", (int)broker);
    FILE *file = fopen(path, "r");
    REQUIRE(file && fscanf(file, "%*d %lld", &pages) == 1);
    fclose(file);
    return pages * sysconf(_SC_PAGESIZE);
}

static int64_t metric(const char *name)
{
    static char text[1 << 16];
    size_t n = 0;
    struct sockaddr_in address = { .sin_family = AF_INET,
                                   .sin_port = htons((uint16_t)atoi(admin_port)),
                                   .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    REQUIRE(connect(fd, (struct sockaddr *)&address, sizeof(address)) == 0);
    CHECK(send(fd, "GET /metrics HTTP/1.1\r\n\r\n", 25, MSG_NOSIGNAL) == 25);
    for (ssize_t got;
         n < sizeof(text) - 1 && (got = recv(fd, text + n, sizeof(text) - 1 - n, 0)) > 0;)
        n += (size_t)got;
    text[n] = '\0';
    close(fd);
    char line[64];
    snprintf(line, sizeof(line), "\n%s ", name);
    const char *at = strstr(text, line);
    return CHECK(at) ? atoll(at + strlen(line)) : -1;
}

/* ---- what is wrong ---- */

static void test_too_long(void)
{
    uint8_t request[4];
    store_be32(request, (32u << 20) + 1);
    int fd = connect_raw();
    CHECK(send(fd, request, sizeof(request), MSG_NOSIGNAL) == 4 && is_closed(fd));
    close(fd);
}

static void spoil_crc(uint8_t *batch)
{
    batch[BATCH_HEADER_BYTES]++;
}

static void spoil_length(uint8_t *batch)
{
    store_be32(batch + BATCH_LENGTH_AT, 1 << 20);
}

/* Refused by its error, and the connection goes on. */
static void test_bad_batch(void)
{
    int fd = connect_raw();
    CHECK_INT(produce_raw(fd, TOPIC, now_ms(), spoil_crc), KAFKA_CORRUPT_MESSAGE);
    CHECK_INT(produce_raw(fd, TOPIC, now_ms(), spoil_length), KAFKA_CORRUPT_MESSAGE);
    CHECK_INT(produce_raw(fd, TOPIC, now_ms() + HOUR_MS * 2, NULL), KAFKA_INVALID_TIMESTAMP);
    CHECK_INT(produce_raw(fd, TOPIC, INT64_MAX, NULL), KAFKA_INVALID_TIMESTAMP);
    CHECK_INT(produce_raw(fd, TOPIC, now_ms() + HOUR_MS / 2, NULL), KAFKA_NONE);
    next_offset++;
    close(fd);
}

static void test_unknown_topic(void)
{
    int32_t bytes;
    int fd = connect_raw();
    CHECK_INT(produce_raw(fd, "never-made", now_ms(), NULL), KAFKA_UNKNOWN_TOPIC_OR_PARTITION);
    CHECK_INT(fetch_raw(fd, "never-made", 0, &bytes), KAFKA_UNKNOWN_TOPIC_OR_PARTITION);
    struct writer request = { 0 };
    put_header(&request, METADATA, 4);
    put_i32(&request, 1);
    put_string(&request, STR("never-made"));
    put_bool(&request, true);
    send_request(fd, &request);
    struct reader in = receive(fd);
    skip_bytes(&in, 4 + 4 + 4);
    get_string(&in); /* the node */
    skip_bytes(&in, 4);
    get_string(&in);
    get_string(&in); /* the cluster */
    skip_bytes(&in, 4 + 4);
    CHECK_INT(get_i16(&in), KAFKA_UNKNOWN_TOPIC_OR_PARTITION);
    CHECK_STR(get_string(&in), "never-made");
    close(fd);
}

/* Nothing can be answered that the peer would understand. */
static void test_unknown_api(void)
{
    static const int16_t calls[][2] = { { 999, 0 }, { -1, 0 }, { PRODUCE, 99 }, { FETCH, -1 } };
    for (size_t i = 0; i < COUNT(calls); i++) {
        struct writer request = { 0 };
        put_header(&request, calls[i][0], calls[i][1]);
        int fd = connect_raw();
        send_request(fd, &request);
        CHECK(is_closed(fd));
        close(fd);
    }
}

/* ---- what is not in memory ---- */

static int drop_from_memory(const char *path, const struct stat *about, int kind, struct FTW *ftw)
{
    int fd = kind == FTW_F ? open(path, O_RDONLY | O_CLOEXEC) : -1;
    if (fd >= 0) {
        posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED);
        close(fd);
    }
    return 0;
}

/* Does the file system below it let go what it is told to? */
static bool forgets(const char *data)
{
    char path[80], bytes[4096] = { 0 };
    struct iovec part = { bytes, 1 };
    snprintf(path, sizeof(path), "%s/probe", data);
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    REQUIRE(write(fd, bytes, sizeof(bytes)) == sizeof(bytes) && fdatasync(fd) == 0);
    posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED);
    bool cold = preadv2(fd, &part, 1, 0, RWF_NOWAIT) < 0 && errno == EAGAIN;
    close(fd);
    return cold;
}

/* A worker reads it, and the records are those that were sent. */
static void test_cold(void)
{
    enum { RECORDS = 40, SMALL_BYTES = 20000, MOST = 3 << 20 };
    char data[64];
    int32_t bytes;
    int64_t offset = 0, before = metric("broker_cold_fetches_total");
    CHECK(!make_topic("old", 1));
    for (int i = 0; i < RECORDS; i++)
        CHECK_INT(
            produce_sized(producer, "old", now_ms(), i % 2 ? SMALL_BYTES : VALUE_BYTES_MOST, NULL),
            KAFKA_NONE);
    snprintf(data, sizeof(data), "%s/data", folder);
    for (; offset < RECORDS; offset += 2 * (bytes / VALUE_BYTES_MOST)) {
        nftw(data, drop_from_memory, 16, FTW_PHYS);
        if (!CHECK_INT(fetch_sized(consumer, "old", offset, MOST, &bytes), KAFKA_NONE) ||
            !CHECK(bytes > VALUE_BYTES_MOST + SMALL_BYTES))
            break;
    }
    CHECK_INT(offset, RECORDS);
    int64_t cold = metric("broker_cold_fetches_total") - before;
    printf("  %lld fetches of what was not in memory\n", (long long)cold);
    CHECK(cold > 0 || !forgets(data));
}

/* One name many times in a short request would take gigabytes to answer. */
static void test_huge_answer(void)
{
    enum { METADATA_BYTES = 200 * 1024, NAMES = 19000 };
    struct writer request = { 0 };
    int64_t before = resident_bytes();
    int member = connect_raw(), asker = connect_raw();
    put_header(&request, JOIN_GROUP, 0);
    put_string(&request, STR("large"));
    put_i32(&request, 10000);
    put_string(&request, STR(""));
    put_string(&request, STR("consumer"));
    put_i32(&request, 1);
    put_string(&request, STR("range"));
    put_i32(&request, METADATA_BYTES);
    memset(put_room(&request, METADATA_BYTES), 'x', METADATA_BYTES);
    send_request(member, &request);
    uint8_t size[4];
    CHECK(recv(member, size, 4, MSG_WAITALL) == 4); /* it has joined */
    put_header(&request, DESCRIBE_GROUPS, 0);
    put_i32(&request, NAMES);
    for (int i = 0; i < NAMES; i++)
        put_string(&request, STR("large"));
    send_request(asker, &request);
    CHECK(is_closed(asker)); /* without an answer */
    CHECK(resident_bytes() - before < 2 * WRITER_BYTES_MOST);
    close(member);
    close(asker);
}

/* ---- who says nothing, and who is too many ---- */

static int connect_and_speak(void)
{
    struct writer request = { 0 };
    int fd = connect_raw();
    put_header(&request, API_VERSIONS, 0);
    send_request(fd, &request);
    struct reader in = receive(fd);
    CHECK_INT(get_i16(&in), KAFKA_NONE);
    return fd;
}

static void restart(const char *idle, const char *connections)
{
    if (broker) {
        close(producer);
        close(consumer);
        broker_end(SIGTERM);
    }
    setenv("FANFARE_BROKER_IDLE", idle, 1);
    setenv("FANFARE_BROKER_MAX_CONNECTIONS", connections, 1);
    broker_start();
    producer = connect_raw();
    consumer = connect_raw();
    REQUIRE(producer >= 0 && consumer >= 0);
}

/* A peer that is gone without a word is one that says nothing. */
static void test_silent(void)
{
    restart("1s", "1000");
    int after = connect_and_speak(), within = connect_and_speak();
    CHECK(send(within, "\0\0\1", 3, MSG_NOSIGNAL) == 3); /* of a length */
    for (int64_t end_us = clock_mono_us() + 10 * US_PER_S; clock_mono_us() < end_us;) {
        goes_on();
        if (recv(after, &(char){ 0 }, 1, MSG_DONTWAIT) == 0)
            break;
    }
    CHECK(is_closed(after));
    CHECK_INT(metric("broker_connections"), 2); /* those who go on */
    CHECK(is_closed(within));
    close(after);
    close(within);
}

static void test_idle(void)
{
    enum { MORE = 50 };
    static int idle[IDLE_CONNECTIONS];
    struct rlimit limit;
    REQUIRE(getrlimit(RLIMIT_NOFILE, &limit) == 0);
    limit.rlim_cur = limit.rlim_max;
    if (setrlimit(RLIMIT_NOFILE, &limit) || limit.rlim_max < IDLE_CONNECTIONS + 1024 + MORE) {
        printf("skipped: %llu descriptors are allowed here, too few for %d connections\n",
               (unsigned long long)limit.rlim_max, IDLE_CONNECTIONS);
        return;
    }
    restart("10m", "10002");
    int64_t alone_us = goes_on(), before = resident_bytes();
    for (int i = 0; i < IDLE_CONNECTIONS; i++)
        idle[i] = connect_and_speak();
    int64_t each = (resident_bytes() - before) / IDLE_CONNECTIONS, beside_us = goes_on();
    printf(
        "  %d idle connections: %lld bytes each; a record there and back in %.2f ms, alone %.2f ms\n",
        IDLE_CONNECTIONS, (long long)each, (double)beside_us / 1e3, (double)alone_us / 1e3);
    CHECK(each <= IDLE_BYTES_MOST);
    CHECK(beside_us < alone_us * 3 + 20 * US_PER_MS);
    CHECK_INT(metric("broker_connections"), IDLE_CONNECTIONS + 2);
    for (int i = 0; i < MORE; i++) {
        int fd = connect_raw();
        CHECK(is_closed(fd));
        close(fd);
    }
    CHECK_INT(metric("broker_connections_refused_total"), MORE);
    CHECK(wait_for(" refused: max_connections is 10002"));
    goes_on();
    close(idle[0]);
    usleep(100000);
    idle[0] = connect_and_speak(); /* there is room again */
    for (int i = 0; i < IDLE_CONNECTIONS; i++)
        close(idle[i]);
    goes_on();
}

static const struct {
    const char *name;
    void (*run)(void);
} tests[] = {
    { "too long", test_too_long },           { "bad batch", test_bad_batch },
    { "unknown topic", test_unknown_topic }, { "unknown API", test_unknown_api },
    { "not in memory", test_cold },          { "huge answer", test_huge_answer },
    { "silent peers", test_silent },         { "idle connections", test_idle },
};

int main(int argc, char **argv)
{
    REQUIRE(argc == 2);
    setup(argv[1]);
    auto_create = "false";
    restart("10m", "1000");
    CHECK(!make_topic(TOPIC, 1));
    for (size_t i = 0; i < COUNT(tests); i++) {
        int64_t began_us = clock_mono_us();
        tests[i].run();
        goes_on();
        printf("%-20s %5lld ms\n", tests[i].name,
               (long long)((clock_mono_us() - began_us) / US_PER_MS));
    }
    return check_end();
}
