#include "platform/client/wire.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <unistd.h>

#include "base/clock.h"

#define IDLE_US (30 * US_PER_S) /* shorter than servers keep an idle connection */

/* ---- idle connections ---- */

static void idle_remove(struct idle_wires *idle, size_t index)
{
    idle->n--;
    memmove(&idle->wires[index], &idle->wires[index + 1],
            (idle->n - index) * sizeof(idle->wires[0]));
}

void idle_wires_close(struct idle_wires *idle)
{
    while (idle->n)
        close(idle->wires[--idle->n].fd);
}

/* Nothing has come that nobody asked for, an end neither. */
static bool is_quiet(int fd)
{
    char byte;
    return recv(fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT) < 0 && errno == EAGAIN;
}

/* The one that was used last, so that those that are not needed grow old. -1: there is none. */
static int idle_take(struct idle_wires *idle, const struct wire *wire)
{
    int64_t now_us = clock_mono_us();
    while (idle->n && now_us - idle->wires[0].since_us > IDLE_US) {
        close(idle->wires[0].fd);
        idle_remove(idle, 0);
    }
    for (size_t i = idle->n; i > 0; i--) {
        if (!address_same(&idle->wires[i - 1].to, &wire->to))
            continue;
        int fd = idle->wires[i - 1].fd;
        idle_remove(idle, i - 1);
        if (wire->repeatable || is_quiet(fd))
            return fd;
        close(fd);
    }
    return -1;
}

static void idle_give(struct idle_wires *idle, const struct wire *wire)
{
    if (idle->n == WIRES_IDLE) {
        close(idle->wires[0].fd);
        idle_remove(idle, 0);
    }
    idle->wires[idle->n++] = (struct idle_wire){ wire->fd, wire->to, clock_mono_us() };
}

/* ---- one request ---- */

static void wire_close(struct wire *wire)
{
    if (wire->fd >= 0)
        close(wire->fd);
    wire->fd = -1;
}

static void wire_connect(struct wire *wire)
{
    int on = 1;
    wire->reused = false;
    wire->sent = 0;
    wire->fd = socket(wire->to.at.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (wire->fd < 0) {
        wire->state = WIRE_REFUSED;
        return;
    }
    setsockopt(wire->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    int status = connect(wire->fd, (struct sockaddr *)&wire->to.at, wire->to.length);
    wire->state = status == 0             ? WIRE_SENDING
                  : errno == EINPROGRESS ? WIRE_CONNECTING
                                         : WIRE_REFUSED;
}

/* A connection that was idle may have been closed by the peer meanwhile: then nobody has seen the request. */
static void wire_broke(struct wire *wire)
{
    wire_close(wire);
    if (wire->reused && wire->repeatable && wire->answer.len == 0)
        wire_connect(wire);
    else
        wire->state = WIRE_BROKEN;
}

static void connect_check(struct wire *wire)
{
    int error = 0;
    socklen_t size = sizeof(error);
    struct sockaddr_storage peer;
    socklen_t length = sizeof(peer);
    getsockopt(wire->fd, SOL_SOCKET, SO_ERROR, &error, &size);
    if (error)
        wire->state = WIRE_REFUSED;
    else if (getpeername(wire->fd, (struct sockaddr *)&peer, &length) == 0)
        wire->state = WIRE_SENDING;
}

static void read_begin(struct wire *wire)
{
    wire->state = WIRE_READING;
    answer_begin(&wire->answer, wire->arena, wire->to_head);
}

/* The peer takes no more of the request: for now, or for good. It may have answered already ("too large") or gone. */
static bool send_stopped(struct wire *wire, bool for_now)
{
    char byte;
    ssize_t n = recv(wire->fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT);
    if (n > 0)
        read_begin(wire);
    else if (n == 0 || !for_now)
        wire_broke(wire);
    else
        return false;
    return true;
}

/* False when it cannot go on for now. */
static bool send_some(struct wire *wire)
{
    size_t from_body = wire->sent > wire->head.len ? wire->sent - wire->head.len : 0;
    size_t from_head = MIN(wire->sent, wire->head.len);
    struct iovec parts[] = {
        { (char *)wire->head.ptr + from_head, wire->head.len - from_head },
        { (char *)wire->body.ptr + from_body, wire->body.len - from_body },
    };
    struct msghdr message = { .msg_iov = parts, .msg_iovlen = wire->body.len ? 2 : 1 };
    ssize_t n = sendmsg(wire->fd, &message, MSG_NOSIGNAL);
    if (n < 0)
        return errno == EINTR || send_stopped(wire, errno == EAGAIN);
    wire->sent += (size_t)n;
    if (wire->sent == wire->head.len + wire->body.len)
        read_begin(wire);
    return false; /* it is the peer's turn */
}

static bool read_some(struct wire *wire)
{
    size_t room;
    char *at = answer_room(&wire->answer, &room);
    ssize_t n = recv(wire->fd, at, room, 0);
    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        return errno == EINTR;
    if (n <= 0 && wire->answer.len == 0) {
        wire_broke(wire);
        return true;
    }
    enum answer_state state = n > 0 ? answer_took(&wire->answer, (size_t)n)
                                    : answer_closed(&wire->answer);
    if (state == ANSWER_WHOLE)
        wire->state = WIRE_ANSWERED;
    else if (state == ANSWER_TOO_LARGE)
        wire->state = WIRE_TOO_LARGE;
    else if (state == ANSWER_BROKEN)
        wire->state = WIRE_BROKEN;
    wire->answer.keep = wire->answer.keep && n > 0 && wire->sent == wire->head.len + wire->body.len;
    return (size_t)n == room; /* there may be more; if not, poll says when */
}

void wire_step(struct wire *wire)
{
    bool more = true;
    while (more && wire_runs(wire)) {
        if (wire->state == WIRE_CONNECTING)
            connect_check(wire);
        if (wire->state == WIRE_CONNECTING)
            return;
        if (wire->state == WIRE_SENDING)
            more = send_some(wire);
        else if (wire->state == WIRE_READING)
            more = read_some(wire);
    }
}

void wire_start(struct wire *wire)
{
    wire->sent = 0;
    wire->fd = idle_take(wire->idle, wire);
    wire->reused = wire->fd >= 0;
    wire->state = WIRE_SENDING;
    if (!wire->reused)
        wire_connect(wire);
    if (wire->state == WIRE_SENDING)
        wire_step(wire);
}

void wire_end(struct wire *wire)
{
    if (wire->fd >= 0 && wire->state == WIRE_ANSWERED && wire->answer.keep) {
        idle_give(wire->idle, wire);
        wire->fd = -1;
    }
    wire_close(wire);
}
