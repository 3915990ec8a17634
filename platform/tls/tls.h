/* TLS 1.2 and 1.3 for servers and clients whose sockets do not block. One thread at a time. */
#pragma once

#include <stdbool.h>
#include <sys/types.h>

#include "base/ctx.h"

struct tls;      /* the server's certificate, and whom it lets in; or whom a client trusts */
struct tls_conn; /* one connection */

/* PEM files. `ca`: clients must show a certificate that one of these signed; NULL: nobody is asked. */
struct tls_files {
    const char *cert; /* with the chain up to what clients trust */
    const char *key;  /* not encrypted */
    const char *ca;
};

/* NULL with INVALID, which names the file that cannot be used and why. */
struct tls *tls_new(struct ctx *ctx, const struct tls_files *files);
void tls_free(struct tls *tls); /* NULL-safe; connections keep what they need of it */

/* Who it says it is, and until when: "/CN=log.example, until Jan  1 00:00:00 2027 GMT". */
struct str tls_describe(const struct tls *tls, struct arena *arena);

/* Of an accepted socket, which stays the caller's; the handshake is done by the first reads. */
struct tls_conn *tls_accept(struct tls *tls, int fd);
void tls_conn_free(struct tls_conn *conn); /* NULL-safe; says good-bye if that goes at once */

/* For clients. Servers must show a certificate that one of `ca` signed (a PEM file; NULL: what the system trusts), for the name
 * or address that is given to tls_connect(); where not `verify`, any will do. NULL with INVALID. */
struct tls *tls_client_new(struct ctx *ctx, const char *ca, bool verify);
struct tls_conn *tls_connect(struct tls *tls, int fd, const char *host);

/* True once it is over; else as an error of tls_read(), in errno. For a client that must know before it says anything. */
bool tls_handshake(struct tls_conn *conn);

/* Like recv() and send(): 0 is the end, -1 an error: EAGAIN, or EPROTO, of which tls_conn_error() says more. A read takes
 * all there is, up to `n`, so that nothing stays behind that the socket would not tell of. A write that gave EAGAIN is to be
 * tried again with the same bytes, and maybe more behind them. */
ssize_t tls_read(struct tls_conn *conn, void *bytes, size_t n);
ssize_t tls_write(struct tls_conn *conn, const void *bytes, size_t n);
const char *tls_conn_error(const struct tls_conn *conn);

/* What was tried last waits for the socket to take something; a read does so in the handshake. */
bool tls_wants_write(const struct tls_conn *conn);
