/* A plain HTTP/1.1 connection to a peer whose address is known: the common case, at a third of what curl costs there.
 * Names are resolved, and https is spoken, by curl. Nothing here waits: the caller polls. */
#pragma once

#include <poll.h>
#include <sys/uio.h>

#include "platform/client/address.h"
#include "platform/client/answer.h"

#define WIRES_IDLE 32 /* open connections that a thread keeps for later */

struct idle_wire {
    int fd;
    struct address to;
    int64_t since_us;
};

/* A thread's connections that wait for their next call, the longest waiting first. */
struct idle_wires {
    struct idle_wire wires[WIRES_IDLE];
    size_t n;
};
void idle_wires_close(struct idle_wires *idle);

enum wire_state {
    WIRE_CONNECTING,
    WIRE_SENDING,
    WIRE_READING,
    WIRE_ANSWERED,   /* `answer` is whole */
    WIRE_REFUSED,    /* no connection */
    WIRE_BROKEN,     /* closed too early, or no HTTP */
    WIRE_TOO_LARGE,
};

/* One request and its answer. */
struct wire {
    enum wire_state state;
    int fd;
    struct address to;
    struct str head, body; /* of the request */
    size_t sent;
    bool repeatable; /* sent twice is as sent once */
    bool reused, to_head;
    struct idle_wires *idle;
    struct arena *arena;
    struct answer answer;
};

/* Begins: sends what can be sent at once. `head` and `body` live as long as the wire. */
void wire_start(struct wire *wire);

/* What to poll for, while it is connecting, sending or reading. */
static inline short wire_events(const struct wire *wire)
{
    return wire->state == WIRE_READING      ? POLLIN
           : wire->state == WIRE_CONNECTING ? POLLOUT
                                            : POLLOUT | POLLIN;
}

static inline bool wire_runs(const struct wire *wire)
{
    return wire->state <= WIRE_READING;
}

/* Goes on as far as it can without waiting. */
void wire_step(struct wire *wire);

/* Keeps the connection for later if it can be, closes it if not. What was answered stays. */
void wire_end(struct wire *wire);
