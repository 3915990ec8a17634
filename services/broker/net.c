#include "services/broker/net.h"

#include <errno.h>
#include <inttypes.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>
#include <unistd.h>

#include "base/clock.h"
#include "services/broker/address.h"
#include "services/broker/call.h"
#include "services/broker/conn.h"

/* What is made for each element must not add up to much more than the request itself. */
#define REQUEST_ELEMENTS_MOST 20000
#define READS_A_ROUND 4 /* then the others have their turn */
#define FIRST_REQUEST_US (30 * US_PER_S)
#define REQUEST_SILENCE_US (30 * US_PER_S)
#define REQUEST_WHOLE_US (120 * US_PER_S)
#define ANSWER_STUCK_US (60 * US_PER_S)
#define KEEPALIVE_IDLE_S                                                                           \
    60 /* then a peer that is gone without a word is found out within a minute */
#define KEEPALIVE_EVERY_S 10
#define KEEPALIVE_PROBES 6

static void conn_touch(struct conn *conn)
{
    if (conn->touched)
        return;
    conn->touched = true;
    conn->next_touched = conn->net->touched;
    conn->net->touched = conn;
}

void conn_answered(struct conn *conn, const struct call *call)
{
    conn->answer_bytes += call_memory(call);
    conn_touch(conn);
}

void conn_close(struct conn *conn)
{
    conn->closing = true;
    conn_touch(conn);
}

static bool may_take(const struct conn *conn)
{
    const struct broker *broker = conn->net->broker;
    return !conn->closing && !conn->net->draining && conn->n_calls < CALLS_MOST &&
           conn->answer_bytes < ANSWER_BYTES_MOST &&
           broker->stats.held_bytes < broker->config.max_held_bytes;
}

/* A whole request. */
static void start_call(struct conn *conn, struct frame *frame)
{
    struct call *call = mem_alloc(sizeof(*call));
    call->broker = conn->net->broker;
    call->conn = conn;
    call->frame = frame;
    call->in = reader_of(frame->bytes, frame->size);
    call->in.elements_left = REQUEST_ELEMENTS_MOST;
    *conn->last = call;
    conn->last = &call->next;
    conn->n_calls++;
    conn->spoke = true;
    if (call_start(call))
        return;
    conn->net->broker->stats.requests_refused++;
    call->silent = true;
    call_done(call);
    conn_close(conn);
}

static void frame_is_whole(struct conn *conn)
{
    struct frame *frame = conn->partial;
    conn->partial = NULL;
    conn->n_size = 0;
    start_call(conn, frame);
}

/* The length in front of a request is known: makes its frame. */
static bool frame_begin(struct conn *conn)
{
    struct broker *broker = conn->net->broker;
    uint32_t size = load_be32(conn->size);
    if (size < 8 || size > broker->config.max_request_bytes) {
        broker->stats.requests_refused++;
        conn_close(conn);
        return false;
    }
    conn->partial = frame_new(size, &broker->stats.held_bytes);
    return true;
}

/* Takes requests out of what was read, as long as the limits allow; gives the number of bytes
 * used. */
static size_t take(struct conn *conn, const uint8_t *bytes, size_t n)
{
    size_t used = 0;
    while (used < n && may_take(conn)) {
        if (conn->n_size < sizeof(conn->size)) {
            if (conn->n_size == 0)
                conn->frame_us = loop_now_us(conn->net->broker->loop);
            conn->size[conn->n_size++] = bytes[used++];
            if (conn->n_size == sizeof(conn->size) && !frame_begin(conn))
                return n;
            continue;
        }
        struct frame *frame = conn->partial;
        uint32_t part = (uint32_t)MIN(n - used, frame->size - frame->have);
        memcpy(frame->bytes + frame->have, bytes + used, part);
        frame_arrived(frame, part);
        used += part;
        if (frame->have == frame->size)
            frame_is_whole(conn);
    }
    return used;
}

static void take_or_stash(struct conn *conn, const uint8_t *bytes, size_t n)
{
    size_t used = take(conn, bytes, n);
    if (used == n || conn->closing)
        return;
    conn->stash = mem_realloc(NULL, n - used);
    memcpy(conn->stash, bytes + used, n - used);
    conn->stash_at = 0;
    conn->stash_len = n - used;
}

static void take_stash(struct conn *conn)
{
    conn->stash_at += take(conn, conn->stash + conn->stash_at, conn->stash_len - conn->stash_at);
    if (conn->stash_at < conn->stash_len && !conn->closing)
        return;
    free(conn->stash);
    conn->stash = NULL;
}

void conn_tls_failed(struct conn *conn)
{
    conn->net->broker->stats.tls_failures++;
    conn->net->tls_failed++;
    conn->net->tls_why = tls_conn_error(conn->tls);
    conn_close(conn);
}

/* One read: the rest of a large request goes straight into its frame, unless it is to be deciphered first. False: nothing
 * more for now. */
static bool read_once(struct conn *conn)
{
    struct frame *frame = conn->partial;
    struct iovec parts[2] = { { 0 }, { conn->net->scratch, SCRATCH_BYTES } };
    size_t direct = frame && !conn->tls ? frame->size - frame->have : 0;
    if (direct)
        parts[0] = (struct iovec){ frame->bytes + frame->have, direct };
    ssize_t got = conn->tls ? tls_read(conn->tls, conn->net->scratch, SCRATCH_BYTES)
                            : readv(conn->watch.fd, direct ? parts : parts + 1, direct ? 2 : 1);
    if (got <= 0) {
        if (got < 0 && conn->tls && errno == EPROTO)
            conn_tls_failed(conn);
        else if (got == 0 || (errno != EAGAIN && errno != EINTR))
            conn_close(conn);
        return false;
    }
    conn->heard_us = loop_now_us(conn->net->broker->loop);
    size_t to_frame = MIN((size_t)got, direct);
    if (to_frame) {
        frame_arrived(frame, (uint32_t)to_frame);
        if (frame->have == frame->size)
            frame_is_whole(conn);
    }
    take_or_stash(conn, conn->net->scratch, (size_t)got - to_frame);
    return (size_t)got == direct + SCRATCH_BYTES;
}

static void conn_read(struct conn *conn)
{
    for (int i = 0; i < READS_A_ROUND && may_take(conn) && !conn->stash; i++)
        if (!read_once(conn))
            break;
    conn_touch(conn);
}

static void conn_ready(struct watch *watch, uint32_t epoll_events)
{
    struct conn *conn = CONTAINER_OF(watch, struct conn, watch);
    if (epoll_events & (EPOLLERR | EPOLLHUP)) {
        conn_close(conn);
        return;
    }
    if (epoll_events & EPOLLIN || (conn->tls && tls_wants_write(conn->tls)))
        conn_read(conn);
    if (epoll_events & EPOLLOUT)
        conn_touch(conn);
}

static void set_options(int fd)
{
    static const struct {
        int level, name, value;
    } options[] = {
        { IPPROTO_TCP, TCP_NODELAY, 1 },
        { SOL_SOCKET, SO_KEEPALIVE, 1 },
        { IPPROTO_TCP, TCP_KEEPIDLE, KEEPALIVE_IDLE_S },
        { IPPROTO_TCP, TCP_KEEPINTVL, KEEPALIVE_EVERY_S },
        { IPPROTO_TCP, TCP_KEEPCNT, KEEPALIVE_PROBES },
        { IPPROTO_TCP, TCP_USER_TIMEOUT,
          ANSWER_STUCK_US / US_PER_MS }, /* of what is sent and not confirmed */
    };
    for (size_t i = 0; i < COUNT(options); i++)
        setsockopt(fd, options[i].level, options[i].name, &options[i].value, sizeof(int));
}

static void conn_open(struct net *net, int fd)
{
    set_options(fd);
    struct conn *conn = mem_alloc(sizeof(*conn));
    conn->net = net;
    conn->watch = (struct watch){ .fd = fd, .ready = conn_ready };
    conn->tls = net->tls ? tls_accept(net->tls, fd) : NULL;
    conn->last = &conn->first;
    conn->events = EPOLLIN;
    conn->opened_us = conn->heard_us = conn->sent_us = loop_now_us(net->broker->loop);
    if (!loop_watch(net->broker->loop, &conn->watch, conn->events)) {
        tls_conn_free(conn->tls);
        close(fd);
        free(conn);
        return;
    }
    conn->next = net->conns;
    conn->at = &net->conns;
    if (conn->next)
        conn->next->at = &conn->next;
    net->conns = conn;
    net->broker->stats.connections++;
    net->broker->stats.connections_opened++;
}

static void conn_free(struct conn *conn)
{
    struct broker *broker = conn->net->broker;
    loop_unwatch(broker->loop, &conn->watch);
    tls_conn_free(conn->tls);
    close(conn->watch.fd);
    for (struct call *call = conn->first, *next; call; call = next) {
        next = call->next;
        call->conn = NULL;
        if (call->done)
            call_free(call);
        else if (call->cancel)
            call->cancel(call);
    }
    *conn->at = conn->next;
    if (conn->next)
        conn->next->at = conn->at;
    frame_unref(conn->partial);
    free(conn->stash);
    free(conn);
    broker->stats.connections--;
}

/* What the connection waits for now. */
static void conn_rearm(struct conn *conn)
{
    bool reads = !conn->stash && may_take(conn);
    bool writes = (conn->first && conn->first->done) || (conn->tls && tls_wants_write(conn->tls));
    uint32_t events = (reads ? EPOLLIN : 0u) | (writes ? EPOLLOUT : 0u);
    if (writes && !(conn->events & EPOLLOUT))
        conn->sent_us = loop_now_us(conn->net->broker->loop);
    if (events != conn->events) {
        conn->events = events;
        loop_rewatch(conn->net->broker->loop, &conn->watch, events);
    }
    /* Only what is shared by all can let this one go on without an event of its own. */
    if (!reads && !conn->closing && conn->n_calls < CALLS_MOST &&
        conn->answer_bytes < ANSWER_BYTES_MOST)
        conn->net->some_wait = true;
}

/* The connection stays marked as touched until the end, so that what happens meanwhile does not
 * queue it again. */
static void conn_round(struct conn *conn)
{
    size_t left;
    do {
        left = conn->stash ? conn->stash_len - conn->stash_at : 0;
        if (!conn->closing)
            conn_send(conn);
        if (!conn->closing && conn->stash)
            take_stash(conn);
    } while (!conn->closing && left && (!conn->stash || conn->stash_len - conn->stash_at < left));
    conn->touched = false;
    if (conn->closing)
        conn_free(conn);
    else
        conn_rearm(conn);
}

void net_round(struct net *net)
{
    const struct broker *broker = net->broker;
    if (net->some_wait && broker->stats.held_bytes < broker->config.max_held_bytes / 4 * 3) {
        net->some_wait = false;
        for (struct conn *conn = net->conns; conn; conn = conn->next)
            conn_touch(conn);
    }
    while (net->touched) {
        struct conn *conn = net->touched;
        net->touched = conn->next_touched;
        conn_round(conn);
    }
}

static const char *standstill(const struct conn *conn, int64_t now_us)
{
    if (!conn->spoke && now_us - conn->opened_us > FIRST_REQUEST_US)
        return "no request";
    if (conn->n_size && may_take(conn) &&
        (now_us - conn->heard_us > REQUEST_SILENCE_US ||
         now_us - conn->frame_us > REQUEST_WHOLE_US))
        return "half a request";
    if (conn->first && conn->first->done && now_us - conn->sent_us > ANSWER_STUCK_US)
        return "answers not read";
    if (!conn->first && now_us - conn->heard_us > conn->net->broker->config.idle_us)
        return "idle";
    return NULL;
}

/* Once for all that were sent away since the last time. */
static void tell_refused(struct net *net)
{
    const struct broker *broker = net->broker;
    if (net->refused)
        notice(&broker->config.notices, NOTICE_WARN, "connections.full",
               "%u refused: max_connections is %u", net->refused, broker->config.max_connections);
    if (net->tls_failed)
        notice(&broker->config.notices, NOTICE_WARN, "tls.failed", "%u connections; the last: %s",
               net->tls_failed, net->tls_why);
    net->refused = net->tls_failed = 0;
    if (net->paused)
        notice(&broker->config.notices, NOTICE_WARN, "connections.waiting",
               "no more descriptors: nothing was accepted for some seconds");
}

void net_sweep(struct net *net)
{
    int64_t now_us = loop_now_us(net->broker->loop);
    for (struct conn *conn = net->conns; conn; conn = conn->next)
        if (standstill(conn, now_us))
            conn_close(conn);
    tell_refused(net);
    if (net->paused) {
        net->paused = false;
        loop_rewatch(net->broker->loop, &net->listener, EPOLLIN);
    }
}

static void accept_some(struct watch *watch, uint32_t epoll_events)
{
    struct net *net = CONTAINER_OF(watch, struct net, listener);
    struct broker *broker = net->broker;
    for (int i = 0; i < 64; i++) {
        int fd = accept4(watch->fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (fd < 0 && (errno == EMFILE || errno == ENFILE)) {
            net->paused = true; /* until the next sweep: there is nothing to accept with */
            loop_rewatch(broker->loop, watch, 0);
        }
        if (fd < 0)
            return;
        if (broker->stats.connections >= broker->config.max_connections) {
            broker->stats.connections_refused++;
            net->refused++;
            close(fd);
        } else {
            conn_open(net, fd);
        }
    }
}

void conn_local(const struct conn *conn, char host[64], int32_t *port)
{
    struct sockaddr_storage address = { 0 };
    socklen_t n = sizeof(address);
    getsockname(conn->watch.fd, (struct sockaddr *)&address, &n);
    address_text(&address, host, port);
}

void conn_peer(const struct conn *conn, char host[64])
{
    struct sockaddr_storage address = { 0 };
    socklen_t n = sizeof(address);
    int32_t port;
    getpeername(conn->watch.fd, (struct sockaddr *)&address, &n);
    address_text(&address, host, &port);
}

static bool may_listen(struct ctx *ctx, const struct broker_config *config)
{
    if (!config->tls_cert[0] != !config->tls_key[0] || (config->tls_ca[0] && !config->tls_cert[0]))
        return ctx_fail(ctx, ERR_INVALID, "TLS wants both tls_cert and tls_key");
    if (config->tls_cert[0] || config->plaintext || address_is_loopback(config->bind))
        return true;
    return ctx_fail(
        ctx, ERR_INVALID,
        "bind: %s is beyond loopback, and without TLS: name tls_cert and tls_key, or set "
        "plaintext to true where the network itself is private",
        config->bind);
}

/* Puts what the files hold in the place of what there is. */
static bool open_tls(struct ctx *ctx, struct net *net)
{
    const struct broker_config *config = &net->broker->config;
    if (!config->tls_cert[0])
        return true;
    struct tls *tls =
        tls_new(ctx, &(struct tls_files){ .cert = config->tls_cert,
                                          .key = config->tls_key,
                                          .ca = config->tls_ca[0] ? config->tls_ca : NULL });
    if (!tls)
        return false;
    net->tls = tls;
    notice(&config->notices, NOTICE_INFO, "tls", STR_FMT, STR_ARG(tls_describe(tls, ctx->arena)));
    return true;
}

struct net *net_open(struct ctx *ctx, struct broker *broker)
{
    struct net *net = mem_alloc(sizeof(*net));
    net->broker = broker;
    net->listener = (struct watch){ .fd = -1, .ready = accept_some };
    net->scratch = mem_realloc(NULL, SCRATCH_BYTES);
    net->port = broker->config.port;
    if (may_listen(ctx, &broker->config) && open_tls(ctx, net))
        net->listener.fd = address_listen(ctx, broker->config.bind, &net->port);
    if (net->listener.fd >= 0 && loop_watch(broker->loop, &net->listener, EPOLLIN))
        return net;
    net_free(net);
    return NULL;
}

void net_reload(struct net *net)
{
    struct arena *arena CLEANUP(arena_freep) = arena_new(0);
    struct ctx ctx = { .arena = arena };
    struct tls *before = net->tls;
    if (open_tls(&ctx, net))
        tls_free(before);
    else
        notice(&net->broker->config.notices, NOTICE_ERROR, "tls.kept",
               "the certificate in use is kept: " STR_FMT, STR_ARG(ctx.error.detail));
}

uint16_t net_port(const struct net *net)
{
    return net->port;
}

void net_drain(struct net *net)
{
    net->draining = true;
    if (net->listener.fd < 0)
        return;
    loop_unwatch(net->broker->loop, &net->listener);
    close(net->listener.fd);
    net->listener.fd = -1;
}

bool net_is_busy(const struct net *net)
{
    for (const struct conn *conn = net->conns; conn; conn = conn->next)
        if (conn->first && conn->first->done)
            return true;
    return false;
}

void net_free(struct net *net)
{
    if (!net)
        return;
    while (net->conns)
        conn_free(net->conns);
    net_drain(net);
    tls_free(net->tls);
    free(net->scratch);
    free(net);
}
