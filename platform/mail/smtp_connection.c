#include "platform/mail/smtp_connection.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/sixteen.h"
#include "platform/mail/smtp_dialogue.h"
#include "platform/tls/tls.h"

void smtp_connection_stage(struct smtp_connection *connection, enum smtp_stage stage)
{
    connection->stage = stage;
    connection->deadline_us = stage == SMTP_READY
                                  ? 0
                                  : clock_mono_us() +
                                        connection->relay->settings.limits_ms[stage] * US_PER_MS;
}

void smtp_connection_end(struct smtp_connection *connection, enum smtp_outcome outcome)
{
    struct smtp_delivery *delivery = connection->delivery;
    connection->delivery = NULL;
    if (!delivery->decided)
        delivery->result.stage = connection->stage;
    delivery->result.outcome = outcome;
    delivery->result.tls = connection->tls != NULL;
    smtp_is_done(connection->engine, delivery);
}

static void hang_up(struct smtp_connection *connection)
{
    tls_conn_free(connection->tls);
    connection->tls = NULL;
    if (connection->fd >= 0)
        close(connection->fd);
    connection->fd = -1;
}

/* Nothing was said to its MAIL, and the relay may have tired of the connection before: not this delivery's fault. */
static bool is_stale(const struct smtp_connection *connection)
{
    return connection->messages > 0 && !connection->delivery->restarted &&
           !connection->delivery->decided &&
           (connection->resetting || connection->stage == SMTP_MAIL);
}

void smtp_connection_cut(struct smtp_connection *connection, const char *format, ...)
{
    struct smtp_delivery *delivery = connection->delivery;
    connection->closed = true;
    if (delivery && !delivery->decided) {
        va_list args;
        va_start(args, format);
        vsnprintf(delivery->result.text, sizeof delivery->result.text, format, args);
        va_end(args);
    }
    if (delivery)
        smtp_connection_end(connection, delivery->decided ? delivery->result.outcome
                                        : connection->stage == SMTP_DOT ? SMTP_OUTCOME_DOUBT
                                                                        : SMTP_OUTCOME_UNSENT);
    hang_up(connection);
}

void smtp_connection_lost(struct smtp_connection *connection, const char *why)
{
    if (!connection->delivery || !is_stale(connection)) {
        smtp_connection_cut(connection, "the connection was lost: %s", why);
        return;
    }
    struct smtp_delivery *delivery = connection->delivery;
    connection->delivery = NULL;
    connection->closed = true;
    hang_up(connection);
    delivery->restarted = true;
    smtp_start_again(connection->engine, delivery);
}

static const char *why(const struct smtp_connection *connection)
{
    return errno == EPROTO && connection->tls ? tls_conn_error(connection->tls) : strerror(errno);
}

/* The next address that a connection can be begun to. */
static void dial(struct smtp_connection *connection)
{
    const struct smtp_relay *relay = connection->relay;
    smtp_connection_stage(connection, SMTP_CONNECT);
    for (; connection->address < relay->n_addresses; connection->address++) {
        const struct smtp_address *address = &relay->addresses[connection->address];
        hang_up(connection);
        connection->fd =
            socket(address->to.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        if (connection->fd < 0)
            continue;
        int yes = 1;
        setsockopt(connection->fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
        if (connect(connection->fd, (const struct sockaddr *)&address->to, address->len) == 0 ||
            errno == EINPROGRESS)
            return;
    }
    smtp_connection_cut(connection, "no connection to " STR_FMT ":%d: %s",
                        STR_ARG(relay->settings.host), relay->settings.port, strerror(errno));
}

static void see_connected(struct smtp_connection *connection)
{
    struct pollfd poll_fd = { .fd = connection->fd, .events = POLLOUT };
    int error = 0;
    socklen_t n = sizeof error;
    if (poll(&poll_fd, 1, 0) <= 0)
        return;
    getsockopt(connection->fd, SOL_SOCKET, SO_ERROR, &error, &n);
    if (error) {
        connection->address++;
        errno = error;
        dial(connection);
    } else if (connection->relay->settings.tls == SMTP_TLS_IMPLICIT) {
        smtp_connection_tls(connection);
    } else {
        smtp_connection_stage(connection, SMTP_GREETING);
    }
}

void smtp_connection_tls(struct smtp_connection *connection)
{
    const struct smtp_relay *relay = connection->relay;
    connection->tls = tls_connect(relay->tls, connection->fd, relay->settings.host.ptr);
    smtp_connection_stage(connection, SMTP_TLS);
}

static void shake_hands(struct smtp_connection *connection)
{
    if (tls_handshake(connection->tls))
        smtp_dialogue_secure(connection);
    else if (errno != EAGAIN)
        smtp_connection_cut(connection, "no TLS: %s", why(connection));
}

static ssize_t receive(struct smtp_connection *connection, char *bytes, size_t n)
{
    return connection->tls ? tls_read(connection->tls, bytes, n)
                           : recv(connection->fd, bytes, n, 0);
}

/* What the relay says; false: nothing more for now, or it is over. */
static bool listen_to(struct smtp_connection *connection)
{
    char bytes[4096];
    ssize_t n = receive(connection, bytes, sizeof bytes);
    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        return false;
    if (n <= 0) {
        smtp_connection_lost(connection, n ? why(connection) : "the relay ended it");
        return false;
    }
    for (size_t at = 0; at < (size_t)n && !connection->closed;) {
        if (connection->at_rest || connection->stage == SMTP_TLS)
            smtp_connection_cut(connection, "the relay spoke out of turn");
        else
            at += smtp_reply_feed(&connection->reply, bytes + at, (size_t)n - at);
        if (!connection->closed && connection->reply.state != SMTP_REPLY_PART)
            smtp_dialogue_take(connection);
    }
    return !connection->closed;
}

/* How many bytes of the text from `at` on, `most` at most, are of one line. */
static size_t line_run(struct str text, size_t at, size_t most)
{
    size_t end = at + MIN(most, text.len - at), i = at;
    for (size_t n; i + 16 <= end; i += 16) {
        sixteen bytes = sixteen_load(text.ptr + i);
        if ((n = sixteen_first((sixteen)((bytes == '\n') | (bytes == '\r')))) < 16)
            return i + n - at;
    }
    while (i < end && text.ptr[i] != '\n' && text.ptr[i] != '\r')
        i++;
    return i - at;
}

/* The next piece of the text: with CRLF at the end of each line, a dot before each that begins with one (RFC 5321 section
 * 4.5.2), and at the very end. */
static void fill(struct smtp_connection *connection, struct smtp_delivery *delivery)
{
    struct str text = delivery->message.text;
    char *out = connection->out, *end = out + sizeof connection->out - 2;
    while (delivery->at < text.len && out < end) {
        char c = text.ptr[delivery->at];
        size_t n = line_run(text, delivery->at, (size_t)(end - out));
        if (n && c == '.' && delivery->line_start)
            *out++ = '.';
        memcpy(out, text.ptr + delivery->at, n);
        out += n;
        delivery->at += n ? n : 1;
        if (n) {
            delivery->line_start = false;
        } else if (c == '\n' || delivery->at == text.len || text.ptr[delivery->at] != '\n') {
            *out++ = '\r';
            *out++ = '\n';
            delivery->line_start = true;
        }
    }
    if (delivery->at == text.len && !delivery->line_start && out < end) {
        *out++ = '\r';
        *out++ = '\n';
        delivery->line_start = true;
    }
    connection->out_at = 0;
    connection->out_len = (size_t)(out - connection->out);
}

/* All that can be said; false: the socket takes no more for now, or it is over. */
static bool flush(struct smtp_connection *connection)
{
    while (connection->out_at < connection->out_len) {
        const char *from = connection->out + connection->out_at;
        size_t left = connection->out_len - connection->out_at;
        ssize_t n = connection->tls ? tls_write(connection->tls, from, left)
                                    : send(connection->fd, from, left, MSG_NOSIGNAL);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0 && errno != EAGAIN)
            smtp_connection_lost(connection, why(connection));
        if (n < 0)
            return false;
        connection->out_at += (size_t)n;
        if (connection->stage == SMTP_BODY)
            smtp_connection_stage(connection, SMTP_BODY);
    }
    connection->out_at = connection->out_len = 0;
    return true;
}

/* Writes one piece after the other; once all is there, the delivery is ready. */
static void speak(struct smtp_connection *connection)
{
    while (flush(connection) && connection->stage == SMTP_BODY) {
        struct smtp_delivery *delivery = connection->delivery;
        fill(connection, delivery);
        if (connection->out_len)
            continue;
        smtp_connection_stage(connection, SMTP_READY);
        smtp_is_ready(connection->engine, delivery);
    }
}

static bool is_talking(const struct smtp_connection *connection)
{
    return !connection->closed && connection->stage != SMTP_CONNECT &&
           connection->stage != SMTP_TLS && connection->stage != SMTP_READY;
}

void smtp_connection_move(struct smtp_connection *connection)
{
    if (connection->stage == SMTP_CONNECT)
        see_connected(connection);
    while (is_talking(connection) && listen_to(connection))
        ;
    if (!connection->closed && connection->stage == SMTP_TLS)
        shake_hands(connection);
    if (is_talking(connection))
        speak(connection);
}

short smtp_connection_events(const struct smtp_connection *connection)
{
    if (connection->stage == SMTP_READY && !connection->at_rest)
        return 0;
    if (connection->stage == SMTP_CONNECT)
        return POLLOUT;
    bool writes = connection->out_at < connection->out_len ||
                  (connection->tls && tls_wants_write(connection->tls));
    return (short)(POLLIN | (writes ? POLLOUT : 0));
}

void smtp_connection_late(struct smtp_connection *connection)
{
    if (connection->at_rest) {
        smtp_dialogue_quit(connection);
    } else if (connection->stage == SMTP_CONNECT) {
        connection->address++;
        errno = ETIMEDOUT;
        dial(connection);
    } else {
        smtp_connection_cut(connection, "the relay took too long");
    }
}

void smtp_connection_say(struct smtp_connection *connection, const char *format, ...)
{
    size_t room = sizeof connection->out - connection->out_len;
    va_list args;
    va_start(args, format);
    int n = vsnprintf(connection->out + connection->out_len, room, format, args);
    va_end(args);
    if (n > 0 && (size_t)n < room) /* what goes in is bounded far below a piece */
        connection->out_len += (size_t)n;
}

void smtp_connection_flush(struct smtp_connection *connection)
{
    flush(connection);
}

void smtp_connection_dot(struct smtp_connection *connection)
{
    listen_to(connection);
    if (connection->closed)
        return;
    if (connection->reply.bytes) {
        smtp_connection_cut(connection, "the relay spoke before the end");
        return;
    }
    smtp_connection_stage(connection, SMTP_DOT);
    smtp_connection_say(connection, ".\r\n");
    flush(connection);
}

struct smtp_connection *smtp_connection_new(struct smtp *engine, struct smtp_delivery *delivery)
{
    struct smtp_connection *connection = mem_alloc(sizeof(*connection));
    connection->engine = engine;
    connection->relay = delivery->relay;
    connection->delivery = delivery;
    delivery->connection = connection;
    connection->fd = -1;
    dial(connection);
    return connection;
}

void smtp_connection_free(struct smtp_connection *connection)
{
    hang_up(connection);
    free(connection);
}

void smtp_connection_give(struct smtp_connection *connection, struct smtp_delivery *delivery)
{
    connection->delivery = delivery;
    delivery->connection = connection;
    if (connection->at_rest)
        smtp_dialogue_mail(connection);
}
