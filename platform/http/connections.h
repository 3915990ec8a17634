/* The server's connections and how long each may take: a peer that sends or reads too slowly is cut off, with a 408 where
 * it has begun a request. libmicrohttpd's own timeout starts again at every byte; this one does not. */
#pragma once

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

enum phase {
    PHASE_FRESH,   /* nothing received yet */
    PHASE_IDLE,    /* between two requests */
    PHASE_HEADERS, /* the request line is there */
    PHASE_BODY,
    PHASE_WORK,    /* all is there: no limit but the operation's deadline */
    PHASE_REPLY,   /* the peer is reading, or is not */
    PHASE_CUT,     /* refused; what still comes is thrown away */
};

struct connection {
    int fd;
    _Atomic int phase;
    _Atomic int64_t until_us; /* monotonic */
    uint64_t acked; /* bytes that the peer had received when its time as a reader was last up */
    char remote[48];
    struct connection *next, *prev;
};

struct connections {
    pthread_mutex_t mutex;
    pthread_cond_t changed;
    pthread_t thread;
    bool running;
    struct connection *first;
    _Atomic int64_t wakes_us; /* when the thread looks next */
    int64_t fresh_us, idle_us, body_us;
};

bool connections_start(struct connections *all, int64_t idle_us, int64_t header_us,
                       int64_t body_us);
void connections_stop(struct connections *all);

/* `fd` stays the server's; connection_remove must come before it is closed. */
struct connection *connection_add(struct connections *all, int fd);
void connection_remove(struct connections *all, struct connection *connection);

/* On to `phase`, whose time starts now. False: it was cut meanwhile, so close it. */
bool connection_move(struct connections *all, struct connection *connection, enum phase phase);

/* Sends `answer` (whole, with its status line) as far as it goes at once, then no more; for what libmicrohttpd cannot
 * answer any more. The rest of what the peer sends is to be thrown away for a while, so that it can read the answer. */
void connection_cut(struct connections *all, struct connection *connection, const char *answer,
                    size_t bytes);
