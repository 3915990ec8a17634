/* The Kafka protocol with the client's own work taken out, so that the server is the bound. As fast as it
 * goes: batches that are made once are sent again and again, some requests ahead of their answers. With a
 * rate: what is due goes out each millisecond, and another connection reads it. Not idempotent.
 * --batch: records in a batch, one batch for each partition in a request; --ahead: requests. */
#include "bench/load/raw.h"

#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <pthread.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/hash.h"

#define AHEAD 8
#define BATCH_BYTES 200000 /* of values, by default */
#define PACED_BYTES 800000 /* at most: Kafka takes no batch beyond 1 MB */
#define TICK_US 1000
#define RECORD_MOST_BYTES 16 /* beside its value */
#define API_PRODUCE 0

int raw_connect(const struct load *load)
{
    struct sockaddr_in address = { .sin_family = AF_INET,
                                   .sin_port = htons((uint16_t)load->port),
                                   .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    int fd = socket(AF_INET, SOCK_STREAM, 0), on = 1;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    REQUIRE(connect(fd, (struct sockaddr *)&address, sizeof(address)) == 0);
    return fd;
}

void raw_send(int fd, const struct writer *request)
{
    for (size_t sent = 0; sent < request->len;) {
        ssize_t n = send(fd, request->bytes + sent, request->len - sent, MSG_NOSIGNAL);
        REQUIRE(n > 0);
        sent += (size_t)n;
    }
}

struct reader raw_receive(int fd, struct writer *answer)
{
    uint8_t size[4];
    REQUIRE(recv(fd, size, 4, MSG_WAITALL) == 4);
    answer->len = 0;
    size_t n = load_be32(size);
    REQUIRE(recv(fd, put_room(answer, n), n, MSG_WAITALL) == (ssize_t)n);
    return reader_of(answer->bytes, n);
}

void raw_begin(struct writer *request, int16_t api, int16_t version)
{
    request->len = 0;
    put_i32(request, 0);
    put_i16(request, api);
    put_i16(request, version);
    put_i32(request, 0);
    put_string(request, STR("load"));
}

void raw_end(struct writer *request)
{
    set_later32(request, 0, (int32_t)request->len - 4);
}

static size_t varint_bytes(int32_t value)
{
    size_t n = 1;
    for (uint32_t v = (uint32_t)value << 1; v >= 0x80; v >>= 7)
        n++;
    return n;
}

static void put_varint(struct writer *out, int32_t value)
{
    put_uvarint(out, (uint32_t)value << 1 ^ (uint32_t)(value >> 31));
}

static void put_record(struct writer *out, const struct load *load, int64_t number, int32_t delta)
{
    int32_t bytes = (int32_t)load->bytes;
    put_varint(out, (int32_t)(4 + varint_bytes(delta) + varint_bytes(bytes)) + bytes);
    put_i8(out, 0);
    put_varint(out, 0);
    put_varint(out, delta);
    put_varint(out, -1);
    put_varint(out, bytes);
    uint8_t *value = put_room(out, (size_t)bytes);
    memset(value, 'x', (size_t)bytes);
    load_stamp(load, number, value);
    put_varint(out, 0);
}

/* `n` records: every partitions-th of the load, from number `first`. */
static void put_batch(struct writer *out, const struct load *load, int64_t first, int32_t n)
{
    size_t from = out->len;
    put_i64(out, 0);
    size_t length = put_later32(out);
    put_i32(out, 0);
    put_i8(out, 2);
    size_t crc = put_later32(out);
    put_i16(out, 0);
    put_i32(out, n - 1);
    put_i64(out, clock_now_us() / US_PER_MS);
    put_i64(out, clock_now_us() / US_PER_MS);
    put_i64(out, -1);
    put_i16(out, -1);
    put_i32(out, -1);
    put_i32(out, n);
    for (int32_t i = 0; i < n; i++)
        put_record(out, load, first + i * load->partitions, i);
    set_later32(out, length, (int32_t)(out->len - from - 12));
    set_later32(out, crc, (int32_t)hash_crc32c(0, out->bytes + from + 21, out->len - from - 21));
}

/* Produce, version 7: records from number `first`, `n` for each partition. */
static void put_produce(struct writer *out, const struct load *load, int64_t first, int32_t n)
{
    raw_begin(out, API_PRODUCE, 7);
    put_string(out, (struct str){ NULL, 0 });
    put_i16(out, -1);
    put_i32(out, 30000);
    put_i32(out, 1);
    put_string(out, str_of(load->topic));
    put_i32(out, (int32_t)load->partitions);
    for (int32_t i = 0; i < load->partitions; i++) {
        put_i32(out, i);
        size_t size = put_later32(out), from = out->len;
        put_batch(out, load, first + i, n);
        set_later32(out, size, (int32_t)(out->len - from));
    }
    raw_end(out);
}

static void check_answer(struct reader in)
{
    skip_bytes(&in, 8);
    get_string(&in);
    for (int32_t n = get_elements(&in, 22); n > 0; n--) {
        skip_bytes(&in, 4);
        if (!CHECK_INT(get_i16(&in), 0))
            exit(1);
        skip_bytes(&in, 24);
    }
    REQUIRE(!in.bad);
}

static void produce_fast(const struct load *load, int64_t number)
{
    int64_t batch = load->batch ? load->batch : MAX(1, BATCH_BYTES / load->bytes);
    int64_t ahead = load->ahead ? load->ahead : AHEAD, sent = 0, answered = 0;
    int64_t *sent_us = calloc((size_t)ahead, sizeof(*sent_us));
    struct writer request = { 0 }, answer = { 0 };
    put_produce(&request, load, 0, (int32_t)batch);
    int fd = raw_connect(load);
    for (bool more = true; more || answered < sent;) {
        if (more && sent - answered < ahead) {
            sent_us[sent++ % ahead] = clock_mono_us();
            raw_send(fd, &request);
            more = load_goes_on(load, sent * batch * load->partitions);
            continue;
        }
        check_answer(raw_receive(fd, &answer));
        if (load->producers == 1)
            load_took(clock_mono_us() - sent_us[answered % ahead]);
        answered++;
    }
    load_acked(sent * batch * load->partitions);
    close(fd);
    free(sent_us);
    writer_clear(&request);
    writer_clear(&answer);
}

static bool has_answer(int fd, int64_t wait_us)
{
    struct timespec wait = { .tv_nsec = wait_us * 1000 };
    struct pollfd poll_of = { .fd = fd, .events = POLLIN };
    return ppoll(&poll_of, 1, &wait, NULL) > 0;
}

static void produce_paced(const struct load *load, int64_t number)
{
    struct writer request = { 0 }, answer = { 0 };
    int fd = raw_connect(load);
    int64_t made = 0, sent = 0, answered = 0;
    for (bool more = true; more || answered < sent;) {
        int64_t tick_us = clock_mono_us() + TICK_US, left_us;
        int32_t n = 0;
        while (more && n < PACED_BYTES / (load->bytes + RECORD_MOST_BYTES) &&
               load_due_us(load, made + (n + 1) * load->partitions) == 0)
            n++;
        if (n) {
            put_produce(&request, load, made, n);
            raw_send(fd, &request);
            made += n * load->partitions;
            sent++;
        }
        more = more && load_goes_on(load, made);
        while ((left_us = tick_us - clock_mono_us()) > 0)
            if (has_answer(fd, left_us)) {
                check_answer(raw_receive(fd, &answer));
                answered++;
            }
    }
    load_acked(made);
    close(fd);
    writer_clear(&request);
    writer_clear(&answer);
}

int main(int argc, char **argv)
{
    struct load load = load_options(argc, argv);
    pthread_t consumer;
    if (load.rate)
        REQUIRE(pthread_create(&consumer, NULL, raw_consume, &load) == 0);
    load_run(&load, load.rate ? produce_paced : produce_fast);
    if (load.rate)
        pthread_join(consumer, NULL);
    return load_report(&load);
}
