/* Requests, one after the other, to a whole broker that has everything but sockets: its data is in memory, and this file
 * stands in for net.c. Every answer has the length it says and the number of its request, and after any requests the
 * broker starts again with all it took.
 *
 * The input: requests, each with the API's key, the version, and the length of the body (two bytes) in front.
 * What looks like a record batch in a Produce request gets a checksum that is right. */
#include <ftw.h>
#include <stdio.h>
#include <unistd.h>

#include "base/hash.h"
#include "base/macros.h"
#include "services/broker/batch.h"
#include "services/broker/broker_private.h"
#include "services/broker/call.h"
#include "tests/fuzz/fuzz.h"

#define REQUESTS_MOST 32
#define PRODUCE 0
#define MAGIC_AT 16
#define CRC_AT 17
#define CRC_FROM 21
#define SEGMENT_BYTES (16 * 1024) /* so that some are rolled */
#define REQUEST_ELEMENTS_MOST 20000 /* as net.c has it */

/* ---- in the place of net.c ---- */

struct conn {
    struct call *calls;
    bool closed;
};

struct net {
    struct conn conn;
};

static struct net the_net;
static char folder[64];

struct net *net_open(struct ctx *ctx, struct broker *broker)
{
    return &the_net;
}

uint16_t net_port(const struct net *net)
{
    return 0;
}

void net_drain(struct net *net)
{
}

void net_reload(struct net *net)
{
}

void net_round(struct net *net)
{
}

void net_sweep(struct net *net)
{
}

bool net_is_busy(const struct net *net)
{
    return false;
}

void conn_local(const struct conn *conn, char host[64], int32_t *port)
{
    strcpy(host, "127.0.0.1");
    *port = 9092;
}

void conn_peer(const struct conn *conn, char host[64])
{
    strcpy(host, "127.0.0.1");
}

void conn_close(struct conn *conn)
{
    conn->closed = true;
}

/* What would be sent: all of it is there. */
static void check_answer(const struct call *call)
{
    MUST(call->out.len >= 8 && load_be32(call->out.bytes) == call->out.len - 4 + call->file_bytes);
    for (size_t i = 0; i < call->n_parts; i++) {
        const struct slice *slice = &call->parts[i].slice;
        uint8_t *bytes = malloc(slice->bytes);
        MUST(pread(slice->segment->fd, bytes, slice->bytes, slice->position) == slice->bytes);
        free(bytes);
    }
}

void conn_answered(struct conn *conn, const struct call *call)
{
    if (!call->silent)
        check_answer(call);
}

/* The peer is gone: what is answered is freed, what waits is cancelled. */
void net_free(struct net *net)
{
    for (struct call *call = net->conn.calls, *next; call; call = next) {
        next = call->next;
        call->conn = NULL;
        if (call->done)
            call_free(call);
        else if (call->cancel)
            call->cancel(call);
    }
    net->conn = (struct conn){ 0 };
}

/* ---- requests ---- */

/* The checksums of what looks like batches; noise would never get beyond them. */
static void mend_batches(uint8_t *bytes, size_t n)
{
    for (size_t at = 0; at + BATCH_HEADER_BYTES <= n; at++) {
        size_t length = load_be32(bytes + at + BATCH_LENGTH_AT);
        if (bytes[at + MAGIC_AT] != 2 || length < BATCH_HEADER_BYTES - BATCH_PREFIX_BYTES ||
            length > n - at - BATCH_PREFIX_BYTES)
            continue;
        length += BATCH_PREFIX_BYTES;
        store_be32(bytes + at + CRC_AT, hash_crc32c(0, bytes + at + CRC_FROM, length - CRC_FROM));
        at += length - 1;
    }
}

static struct frame *make_frame(struct broker *broker, const struct api *api, int16_t version,
                                int32_t number, const uint8_t *body, size_t n)
{
    struct writer out = { 0 };
    put_i16(&out, api->key);
    put_i16(&out, version);
    put_i32(&out, number);
    put_string(&out, STR("fuzz"));
    if (version >= api->flexible)
        put_uvarint(&out, 0);
    size_t header = out.len;
    put_raw(&out, body, n);
    if (api->key == PRODUCE)
        mend_batches(out.bytes + header, n);
    struct frame *frame = frame_new((uint32_t)out.len, &broker->stats.held_bytes);
    memcpy(frame->bytes, out.bytes, out.len);
    frame_arrived(frame, (uint32_t)out.len);
    writer_clear(&out);
    return frame;
}

static void settle(struct broker *broker)
{
    log_flush_dirty(&broker->env);
    while (loop_jobs(broker->loop) || topics_are_changing(broker->topics)) {
        loop_once(broker->loop, 20);
        log_flush_dirty(&broker->env);
    }
}

/* As net.c starts a call. */
static void request(struct broker *broker, struct frame *frame)
{
    struct conn *conn = &the_net.conn;
    struct call *call = mem_alloc(sizeof(*call));
    call->broker = broker;
    call->conn = conn;
    call->frame = frame;
    call->in = reader_of(frame->bytes, frame->size);
    call->in.elements_left = REQUEST_ELEMENTS_MOST;
    call->next = conn->calls;
    conn->calls = call;
    uint32_t number = load_be32(frame->bytes + 4);
    if (!call_start(call)) {
        call->silent = true;
        call_done(call);
        conn->closed = true;
    }
    settle(broker);
    loop_once(broker->loop, 0); /* timers that are due */
    MUST(conn->calls == call &&
         (!call->done || call->silent || load_be32(call->out.bytes + 4) == number));
}

static const struct api *find_api(uint8_t key)
{
    for (size_t i = 0; i < n_apis; i++)
        if (apis[i].key == key)
            return &apis[i];
    return &apis[key % n_apis];
}

static void requests(struct broker *broker, const uint8_t *data, size_t size)
{
    for (int i = 0; i < REQUESTS_MOST && size > 4; i++) {
        const struct api *api = find_api(data[0]);
        int16_t version = (int16_t)MAX(api->least, data[1] % (api->most + 1));
        size_t n = MIN((size_t)(data[2] << 8 | data[3]), size - 4);
        request(broker, make_frame(broker, api, version, i, data + 4, n));
        data += 4 + n, size -= 4 + n;
    }
}

/* ---- the broker ---- */

static int remove_one(const char *path, const struct stat *about, int kind, struct FTW *ftw)
{
    return remove(path);
}

static void remove_folder(void)
{
    nftw(folder, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

static struct broker *open_broker(void)
{
    struct broker_config config;
    broker_defaults(&config);
    config.data = folder;
    config.default_partitions = 2;
    config.segment_bytes = SEGMENT_BYTES;
    config.gather_ms = 0;
    struct arena *arena CLEANUP(arena_freep) = arena_new(0);
    struct ctx ctx = { .arena = arena };
    struct broker *broker = broker_open(&ctx, &config);
    if (!broker)
        fprintf(stderr, STR_FMT "\n", STR_ARG(ctx.error.detail));
    MUST(broker);
    return broker;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (!folder[0]) {
        snprintf(folder, sizeof(folder), "/dev/shm/fanfare-fuzz-%d", getpid());
        atexit(remove_folder);
    }
    struct broker *broker = open_broker();
    requests(broker, data, size);
    uint64_t topics = broker->stats.topics;
    broker_close(broker);
    broker = open_broker();
    MUST(broker->stats.topics == topics);
    broker_close(broker);
    remove_folder();
    return 0;
}
