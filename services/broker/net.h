/* Connections: accepted up to a limit, read into frames of a limited size, answered in order. A
 * peer that does not read its answers is not read from; one that stops in the middle of a
 * request, or never speaks, is closed. */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>

#include "base/ctx.h"

struct broker;
struct net;
struct conn;
struct call;

/* Listens. NULL with a sentence in ctx->error. */
struct net *net_open(struct ctx *ctx, struct broker *broker);
uint16_t net_port(const struct net *net);

/* Takes no more connections and requests; what was taken is answered as it gets done. */
void net_drain(struct net *net);

/* Reads the TLS files again. */
void net_reload(struct net *net);

void net_free(struct net *net); /* closes all connections; NULL-safe */

/* After a round: sends what is done, reads on where there is room again. */
void net_round(struct net *net);

/* Closes connections that stand still; called now and then. */
void net_sweep(struct net *net);

/* An answer of the connection is done. */
void conn_answered(struct conn *conn, const struct call *call);

/* No more from this peer; its waiting calls are cancelled at the end of the round. */
void conn_close(struct conn *conn);

/* Answers that are not out yet, over all connections? */
bool net_is_busy(const struct net *net);

/* The local address of the connection as "host" and port, for Metadata; and the peer's. */
void conn_local(const struct conn *conn, char host[64], int32_t *port);
void conn_peer(const struct conn *conn, char host[64]);
