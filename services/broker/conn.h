/* What net.c (reading, lifetimes) and conn_send.c (answers) share. */
#pragma once

#include "platform/tls/tls.h"
#include "services/broker/loop.h"
#include "services/broker/net.h"

#define CALLS_MOST 128                /* requests of one connection under way */
#define ANSWER_BYTES_MOST (4u << 20) /* of answers in memory; beyond it the peer is not read from */

struct net {
    struct broker *broker;
    struct watch listener;
    struct tls *tls; /* NULL: none */
    uint16_t port;
    bool paused;    /* out of descriptors: accepts nothing until the next sweep */
    bool draining;
    uint32_t refused, tls_failed; /* connections, since the last sweep */
    const char *tls_why;          /* of the last */
    bool some_wait; /* connections that are not read from because of the memory that all share */
    struct conn *conns, *touched;
    uint8_t *scratch;
};

struct conn {
    struct net *net;
    struct watch watch;
    struct tls_conn *tls; /* NULL: plain */
    struct conn *next, **at, *next_touched;
    bool closing, touched, spoke;
    uint32_t events; /* that epoll waits for */
    uint8_t size[4]; /* the length before a request, as far as it is here */
    uint8_t n_size;
    struct frame *partial;
    uint8_t *stash; /* read, but not taken yet because of a limit */
    size_t stash_at, stash_len;
    struct call *first, **last; /* in the order of the requests */
    uint32_t n_calls;
    size_t answer_bytes; /* memory of the answers that wait to go out */
    uint64_t sent;       /* of the first answer */
    int64_t opened_us, heard_us, frame_us, sent_us;
};

#define SCRATCH_BYTES (256 * 1024)

/* The connection ended by an error of TLS. */
void conn_tls_failed(struct conn *conn);

/* Sends the answers that are done, in order, as far as the peer takes them. */
void conn_send(struct conn *conn);
