#include <errno.h>
#include <string.h>
#include <sys/sendfile.h>
#include <sys/uio.h>
#include <unistd.h>

#include "services/broker/call.h"
#include "services/broker/conn.h"

#define PIECES_MOST 64
#define TLS_BYTES (64 * 1024) /* enciphered at a time; a record of TLS holds 16 KB */

/* What comes next of an answer, `sent` bytes into it: memory (segment NULL) or a part of a file. */
struct piece {
    const uint8_t *bytes;
    struct segment *segment;
    int64_t position;
    size_t n;
};

static bool next_piece(const struct call *call, uint64_t sent, struct piece *out)
{
    uint64_t passed = 0;
    size_t from = 0;
    for (size_t i = 0; i <= call->n_parts; i++) {
        size_t to = i < call->n_parts ? call->parts[i].at : call->out.len;
        if (sent < passed + (to - from)) {
            size_t skip = (size_t)(sent - passed);
            *out = (struct piece){ .bytes = call->out.bytes + from + skip, .n = to - from - skip };
            return true;
        }
        passed += to - from;
        from = to;
        if (i == call->n_parts)
            break;
        const struct slice *slice = &call->parts[i].slice;
        if (sent < passed + slice->bytes) {
            uint64_t skip = sent - passed;
            *out = (struct piece){ .segment = slice->segment,
                                   .position = slice->position + (int64_t)skip,
                                   .n = (size_t)(slice->bytes - skip) };
            return true;
        }
        passed += slice->bytes;
    }
    return false;
}

static void pop(struct conn *conn)
{
    struct call *call = conn->first;
    conn->first = call->next;
    if (!conn->first)
        conn->last = &conn->first;
    conn->n_calls--;
    conn->answer_bytes -= call_memory(call);
    conn->sent = 0;
    if (call->close_after)
        conn_close(conn);
    call_free(call);
}

/* Notes that `n` more bytes are out, and drops the answers that are out whole. */
static void passed(struct conn *conn, size_t n)
{
    while (conn->first && conn->first->done) {
        struct call *call = conn->first;
        uint64_t whole = call->silent ? 0 : call->out.len + call->file_bytes;
        uint64_t step = MIN(n, whole - conn->sent);
        conn->sent += step;
        n -= (size_t)step;
        if (conn->sent < whole)
            return;
        pop(conn);
    }
}

/* Collects memory pieces of the answers in order, up to a file piece (left in *file). */
static size_t gather(const struct conn *conn, struct iovec *parts, struct piece *file)
{
    size_t n = 0;
    uint64_t sent = conn->sent;
    *file = (struct piece){ 0 };
    for (const struct call *call = conn->first; call && call->done; call = call->next, sent = 0) {
        struct piece piece;
        while (!call->silent && next_piece(call, sent, &piece)) {
            if (piece.segment) {
                *file = piece;
                return n;
            }
            if (n == PIECES_MOST)
                return n;
            parts[n++] = (struct iovec){ (void *)piece.bytes, piece.n };
            sent += piece.n;
        }
    }
    return n;
}

/* What goes out of the pieces in memory, or else of the file, as recv() and send() say it. */
static ssize_t send_enciphered(struct conn *conn, const struct iovec *parts, size_t n,
                               const struct piece *file)
{
    uint8_t *bytes = conn->net->scratch;
    size_t have = 0;
    for (size_t i = 0; i < n && have < TLS_BYTES; i++) {
        size_t part = MIN(parts[i].iov_len, TLS_BYTES - have);
        memcpy(bytes + have, parts[i].iov_base, part);
        have += part;
    }
    if (!n) {
        ssize_t got = pread(file->segment->fd, bytes, MIN(file->n, TLS_BYTES), file->position);
        if (got <= 0)
            return got;
        have = (size_t)got;
    }
    return tls_write(conn->tls, bytes, have);
}

/* False: the peer takes no more for now, or is gone. */
static bool send_some(struct conn *conn, const struct iovec *parts, size_t n,
                      const struct piece *file)
{
    ssize_t done;
    if (conn->tls) {
        done = send_enciphered(conn, parts, n, file);
    } else if (n) {
        struct msghdr message = { .msg_iov = (struct iovec *)parts, .msg_iovlen = n };
        done = sendmsg(conn->watch.fd, &message, MSG_NOSIGNAL | (file->segment ? MSG_MORE : 0));
    } else {
        off_t position = file->position;
        done = sendfile(conn->watch.fd, file->segment->fd, &position, file->n);
    }
    if (done > 0) {
        if (!n)
            conn->net->broker->stats.bytes_out += (uint64_t)done;
        conn->sent_us = loop_now_us(conn->net->broker->loop);
        passed(conn, (size_t)done);
        return true;
    }
    if (done < 0 && conn->tls && errno == EPROTO)
        conn_tls_failed(conn);
    else if (done == 0 || (errno != EAGAIN && errno != EINTR))
        conn_close(conn);
    return false;
}

void conn_send(struct conn *conn)
{
    struct iovec parts[PIECES_MOST];
    struct piece file;
    passed(conn, 0); /* answers that say nothing */
    while (!conn->closing && conn->first && conn->first->done) {
        size_t n = gather(conn, parts, &file);
        if (!n && !file.segment)
            break;
        if (!send_some(conn, parts, n, &file))
            break;
    }
}
