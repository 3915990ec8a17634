/* Inside of smtp.h: a relay, a delivery, and the connection that carries it. */
#pragma once

#include <sys/socket.h>

#include "platform/mail/smtp.h"
#include "platform/mail/smtp_reply.h"

#define SMTP_PIECE 16384 /* of a message, with the dots that were added */

struct tls;
struct tls_conn;

struct smtp_address {
    struct sockaddr_storage to;
    socklen_t len;
};

struct smtp_relay {
    struct arena *arena;
    struct smtp_settings settings; /* defaults filled in */
    struct smtp_address addresses[8];
    int n_addresses;
    struct tls *tls;
    struct str plain, login_user, login_password; /* in base64 */
};

struct smtp_delivery {
    struct smtp_message message;
    struct smtp_relay *relay;
    struct smtp_connection *connection;
    struct smtp_delivery *next; /* in the engine's list of the ready or the done */
    struct smtp_result result;
    size_t at; /* in the text: what comes next */
    bool line_start, decided, restarted;
};

struct smtp_connection {
    struct smtp *engine;
    struct smtp_relay *relay;
    struct smtp_connection *next;
    struct smtp_delivery *delivery; /* may wait until the connection is `at_rest` */
    int fd, address;
    struct tls_conn *tls;
    enum smtp_stage stage;
    int64_t deadline_us;
    struct smtp_reply reply;
    int messages, login_step;
    bool at_rest, resetting; /* neither: `stage` says what is waited for */
    bool pipelining, size, closed;
    char out[SMTP_PIECE];
    size_t out_at, out_len;
};

/* To the first of the relay's addresses; `delivery` goes as soon as it stands. */
struct smtp_connection *smtp_connection_new(struct smtp *engine, struct smtp_delivery *delivery);
void smtp_connection_free(struct smtp_connection *connection);

/* One that has no delivery gets one. */
void smtp_connection_give(struct smtp_connection *connection, struct smtp_delivery *delivery);

/* Does what can be done without waiting. */
void smtp_connection_move(struct smtp_connection *connection);
short smtp_connection_events(
    const struct smtp_connection *connection);                 /* 0: none, not even the end */
void smtp_connection_late(struct smtp_connection *connection); /* its deadline has passed */
void smtp_connection_dot(struct smtp_connection *connection);
/* It is over; what was under way ends with that outcome, in doubt after the dot. */
void smtp_connection_cut(struct smtp_connection *connection, const char *format, ...)
    PRINTF_LIKE(2, 3);

/* The engine's: where deliveries go from here. */
void smtp_is_ready(struct smtp *engine, struct smtp_delivery *delivery);
void smtp_is_done(struct smtp *engine, struct smtp_delivery *delivery);
void smtp_start_again(struct smtp *engine, struct smtp_delivery *delivery);
