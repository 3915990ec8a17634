/* The same question as load.c with the client's own work taken out: batches are made once and
 * sent again and again over one connection, some requests ahead of their answers, so that the
 * broker is the bound. Not idempotent.
 *
 * broker_load_raw PORT [--records N] [--bytes N] [--partitions N] [--batch RECORDS] [--ahead
 * REQUESTS] [--broker PID] */
#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/hash.h"
#include "base/macros.h"
#include "base/tests/check.h"
#include "services/broker/wire.h"

static struct {
    int64_t records, bytes, partitions, batch, ahead, broker;
} load = { .records = 10000000, .bytes = 100, .partitions = 6, .batch = 2000, .ahead = 8 };

static char topic[64];
static uint32_t *latencies_us;

static void put_varint(struct writer *out, int32_t value)
{
    put_uvarint(out, (uint32_t)value << 1 ^ (uint32_t)(value >> 31));
}

/* A batch of records that hold `load.bytes` of value each. */
static void put_batch(struct writer *out)
{
    size_t from = out->len;
    put_i64(out, 0);
    size_t length = put_later32(out);
    put_i32(out, 0);
    put_i8(out, 2);
    size_t crc = put_later32(out);
    put_i16(out, 0);
    put_i32(out, (int32_t)load.batch - 1);
    put_i64(out, clock_now_us() / US_PER_MS);
    put_i64(out, clock_now_us() / US_PER_MS);
    put_i64(out, -1);
    put_i16(out, -1);
    put_i32(out, -1);
    put_i32(out, (int32_t)load.batch);
    for (int32_t i = 0; i < load.batch; i++) {
        struct writer record = { 0 };
        put_i8(&record, 0);
        put_varint(&record, 0);
        put_varint(&record, i);
        put_varint(&record, -1);
        put_varint(&record, (int32_t)load.bytes);
        memset(put_room(&record, (size_t)load.bytes), 'x', (size_t)load.bytes);
        put_varint(&record, 0);
        put_varint(out, (int32_t)record.len);
        put_raw(out, record.bytes, record.len);
        writer_clear(&record);
    }
    set_later32(out, length, (int32_t)(out->len - from - 12));
    set_later32(out, crc, (int32_t)hash_crc32c(0, out->bytes + from + 21, out->len - from - 21));
}

static void put_header(struct writer *out, int16_t key, int16_t version)
{
    put_i32(out, 0);
    put_i16(out, key);
    put_i16(out, version);
    put_i32(out, 0);
    put_string(out, STR("load"));
}

/* Produce, version 7, with one batch for each partition. */
static struct writer produce_request(void)
{
    struct writer out = { 0 };
    put_header(&out, 0, 7);
    put_string(&out, (struct str){ NULL, 0 });
    put_i16(&out, -1);
    put_i32(&out, 30000);
    put_i32(&out, 1);
    put_string(&out, str_of(topic));
    put_i32(&out, (int32_t)load.partitions);
    for (int32_t i = 0; i < load.partitions; i++) {
        put_i32(&out, i);
        size_t size = put_later32(&out), from = out.len;
        put_batch(&out);
        set_later32(&out, size, (int32_t)(out.len - from));
    }
    set_later32(&out, 0, (int32_t)out.len - 4);
    return out;
}

static void send_all(int fd, const void *bytes, size_t n)
{
    for (size_t sent = 0; sent < n;) {
        ssize_t done = send(fd, (const char *)bytes + sent, n - sent, MSG_NOSIGNAL);
        REQUIRE(done > 0);
        sent += (size_t)done;
    }
}

static struct reader receive(int fd, uint8_t answer[65536])
{
    uint8_t size[4];
    REQUIRE(recv(fd, size, 4, MSG_WAITALL) == 4);
    size_t n = load_be32(size);
    REQUIRE(n <= 65536 && recv(fd, answer, n, MSG_WAITALL) == (ssize_t)n);
    return reader_of(answer, n);
}

static void make_topic(int fd)
{
    struct writer out = { 0 };
    put_header(&out, 19, 1);
    put_i32(&out, 1);
    put_string(&out, str_of(topic));
    put_i32(&out, (int32_t)load.partitions);
    put_i16(&out, 1);
    put_i32(&out, 0);
    put_i32(&out, 0);
    put_i32(&out, 10000);
    put_bool(&out, false);
    set_later32(&out, 0, (int32_t)out.len - 4);
    send_all(fd, out.bytes, out.len);
    writer_clear(&out);
    uint8_t answer[65536];
    struct reader in = receive(fd, answer);
    skip_bytes(&in, 8);
    get_string(&in);
    REQUIRE(get_i16(&in) == 0);
}

static void check_answer(struct reader in)
{
    skip_bytes(&in, 8);
    get_string(&in);
    for (int32_t n = get_elements(&in, 22); n > 0; n--) {
        skip_bytes(&in, 4);
        CHECK_INT(get_i16(&in), 0);
        skip_bytes(&in, 24);
    }
    CHECK(!in.bad);
}

static int64_t broker_cpu_us(void)
{
    char path[64], text[1024];
    snprintf(path, sizeof(path), "/proc/%lld/stat", (long long)load.broker);
    FILE *file = load.broker ? fopen(path, "r") : NULL;
    long user = 0, kernel = 0;
    if (file && fgets(text, sizeof(text), file) && strrchr(text, ')'))
        sscanf(strrchr(text, ')') + 2, "%*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %ld %ld", &user,
               &kernel);
    if (file)
        fclose(file);
    return (user + kernel) * (US_PER_S / sysconf(_SC_CLK_TCK));
}

static int by_size(const void *a, const void *b)
{
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    return (x > y) - (x < y);
}

static void run(int fd)
{
    struct writer request = produce_request();
    int64_t n = load.records / (load.batch * load.partitions), answered = 0;
    int64_t *sent_us = calloc((size_t)n, sizeof(*sent_us));
    latencies_us = calloc((size_t)n, sizeof(*latencies_us));
    uint8_t answer[65536];
    int64_t began_us = clock_mono_us(), cpu_us = broker_cpu_us();
    for (int64_t sent = 0; answered < n;) {
        if (sent < n && sent - answered < load.ahead) {
            sent_us[sent++] = clock_mono_us();
            send_all(fd, request.bytes, request.len);
            continue;
        }
        check_answer(receive(fd, answer));
        latencies_us[answered] = (uint32_t)(clock_mono_us() - sent_us[answered]);
        answered++;
    }
    double seconds = (double)(clock_mono_us() - began_us) / US_PER_S;
    int64_t records = n * load.batch * load.partitions;
    cpu_us = broker_cpu_us() - cpu_us;
    struct rusage own;
    getrusage(RUSAGE_SELF, &own);
    qsort(latencies_us, (size_t)n, sizeof(*latencies_us), by_size);
    printf(
        "%lld records in %.2f s: %.0f records/s, %.1f MB/s; broker %.3f us of CPU a record, load maker %.3f\n",
        (long long)records, seconds, (double)records / seconds,
        (double)(records * load.bytes) / seconds / 1e6, (double)cpu_us / (double)records,
        (double)(own.ru_utime.tv_sec * US_PER_S + own.ru_utime.tv_usec +
                 own.ru_stime.tv_sec * US_PER_S + own.ru_stime.tv_usec) /
            (double)records);
    printf("requests of %zu bytes answered after: p50 %.2f ms, p99 %.2f ms\n", request.len,
           latencies_us[n / 2] / 1e3, latencies_us[n * 99 / 100] / 1e3);
    writer_clear(&request);
    free(sent_us);
    free(latencies_us);
}

int main(int argc, char **argv)
{
    static const struct {
        const char *name;
        int64_t *value;
    } options[] = {
        { "--records", &load.records },       { "--bytes", &load.bytes },
        { "--partitions", &load.partitions }, { "--batch", &load.batch },
        { "--ahead", &load.ahead },           { "--broker", &load.broker },
    };
    REQUIRE(argc >= 2);
    for (int i = 2; i + 1 < argc; i += 2)
        for (size_t j = 0; j < COUNT(options); j++)
            if (strcmp(argv[i], options[j].name) == 0)
                *options[j].value = atoll(argv[i + 1]);
    snprintf(topic, sizeof(topic), "raw-%lld", (long long)clock_now_us());
    struct sockaddr_in address = { .sin_family = AF_INET,
                                   .sin_port = htons((uint16_t)atoi(argv[1])),
                                   .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    int fd = socket(AF_INET, SOCK_STREAM, 0), on = 1;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    REQUIRE(connect(fd, (struct sockaddr *)&address, sizeof(address)) == 0);
    make_topic(fd);
    run(fd);
    close(fd);
    return check_end();
}
