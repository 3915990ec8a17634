/* Hands mail over to relays by SMTP (RFC 5321), many connections at once, driven by one thread.
 *
 * A message goes in two steps, so that its owner can note durably, between them, that from now on it may have been sent:
 *
 *   smtp_offer()       MAIL, RCPT and DATA are said and all of the message is written but the final dot
 *   smtp_next_ready()  gives those that have come so far
 *                      ... the owner stores "in doubt from here" for all of them, in one commit ...
 *   smtp_finish()      writes the dot
 *   smtp_next_done()   gives the outcomes; the owner stores all of them in its next commit
 *
 * The owner's loop:
 *
 *   for (;;) {
 *       while (smtp_room(smtp, relay) && take one from the queue)
 *           smtp_offer(smtp, relay, &message);
 *       smtp_wait(smtp, 1000);
 *       while (smtp_next_done(smtp, &result)) note what became of result.owner;
 *       while (smtp_next_ready(smtp, &owner, &delivery)) note that it is in doubt, and keep `delivery`;
 *       commit;
 *       for each kept one: smtp_finish(smtp, delivery);
 *   }
 *
 * One commit covers all that became ready while the one before it was written, so the more connections wait for their dot the
 * larger the batch: as many messages as connections can be there for each commit. What was offered and has no
 * noted doubt may be sent again without asking; what has one and no outcome is in doubt (after a kill, all of those).
 *
 * Each message has one recipient. Nothing is read into memory without a bound. Several engines may run in several threads, and
 * share relays. The process ignores SIGPIPE. */
#pragma once

#include "base/ctx.h"

struct smtp;          /* the engine: one thread, but for smtp_wake() */
struct smtp_relay;    /* where to hand over to, immutable, for all threads */
struct smtp_delivery; /* one message on its way */

/* When a step takes longer, the connection is given up. Defaults: RFC 5321 section 4.5.3.2. */
#define SMTP_STAGES(X)                                                                             \
    X(CONNECT,  "connect",  30)  /* to each of the host's addresses, until one takes it */         \
    X(TLS,      "tls",      30)                                                                    \
    X(GREETING, "greeting", 300)                                                                   \
    X(HELLO,    "hello",    300)                                                                   \
    X(STARTTLS, "starttls", 120)                                                                   \
    X(AUTH,     "auth",     120)                                                                   \
    X(MAIL,     "mail",     300)                                                                   \
    X(RCPT,     "rcpt",     300)                                                                   \
    X(DATA,     "data",     120)                                                                   \
    X(BODY,     "body",     180) /* each time that the relay takes nothing more */                 \
    X(READY,    "ready",    0)   /* all but the dot is there: the owner's turn, without limit */   \
    X(DOT,      "dot",      600)

enum smtp_stage {
#define X(name, text, seconds) SMTP_##name,
    SMTP_STAGES(X)
#undef X
        N_SMTP_STAGES
};
const char *smtp_stage_name(enum smtp_stage stage);

enum smtp_tls {
    SMTP_TLS_OFF,
    SMTP_TLS_OPPORTUNISTIC, /* STARTTLS where it is offered, whatever the certificate */
    SMTP_TLS_REQUIRED,      /* STARTTLS, and a certificate that holds for the host's name */
    SMTP_TLS_IMPLICIT,      /* TLS from the first byte, and such a certificate */
};

#define SMTP_CONNECTIONS 20

struct smtp_settings {
    struct str host; /* a name or an address */
    int port;
    enum smtp_tls tls;
    struct str ca_file; /* PEM; none: what the system trusts */
    /* AUTH PLAIN, else LOGIN; none: without. Only through TLS with a certificate that holds (REQUIRED, IMPLICIT), or to the
     * loopback. */
    struct str user, password;
    struct str name; /* what this host calls itself in EHLO: a domain, or an address literal */
    int connections;         /* at once, of one engine; 0: SMTP_CONNECTIONS */
    int messages;            /* of one connection; 0: 1000 */
    int idle_ms;             /* a connection without work stays as long; 0: 10 s */
    int64_t limits_ms[N_SMTP_STAGES]; /* 0: the default */
};

/* Looks the host's addresses up, which may take a while, and keeps them: a relay that moved is made anew. NULL with INVALID
 * for settings that cannot be (a name with control characters, a port out of range, a file of authorities that cannot be
 * read, a password that could be overheard), with UNAVAILABLE where the host has no address. No connection is made. Outlives
 * the engines that use it. */
struct smtp_relay *smtp_relay_new(struct ctx *ctx, const struct smtp_settings *settings);
void smtp_relay_free(struct smtp_relay *relay);

struct smtp *smtp_new(void);
/* Connections are cut; of deliveries that have no outcome yet, none is given. */
void smtp_free(struct smtp *smtp);

/* How many messages the engine would take for the relay at once. */
int smtp_room(const struct smtp *smtp, const struct smtp_relay *relay);

struct smtp_message {
    struct str from; /* of the envelope; "": bounces go nowhere (MAIL FROM:<>) */
    struct str to;
    struct str
        text; /* of any size; what ends a line in another way than CRLF is sent as CRLF, the last line too */
    void *owner;        /* comes back with it */
};

/* Takes it on, on a connection that is free or a new one; the texts stay as they are until the outcome was given. There must
 * be room. An address that could break out of its command, or is not ASCII, is refused without a code. A connection that was
 * used before and ends without an answer to MAIL (or with 421) is replaced by a fresh one, once. */
void smtp_offer(struct smtp *smtp, struct smtp_relay *relay, const struct smtp_message *message);

/* Moves everything that can move; comes back once something is ready or done, or after `timeout_ms` (-1: no limit). */
void smtp_wait(struct smtp *smtp, int timeout_ms);
/* Makes smtp_wait() come back, this time or the next, from any thread or signal handler. */
void smtp_wake(struct smtp *smtp);

/* One that waits for its dot, each once. False: no more. */
bool smtp_next_ready(struct smtp *smtp, struct smtp_delivery **delivery, void **owner);
/* Writes the dot. Where the connection went away or the relay spoke up meanwhile, it is not written: UNSENT or
 * DEFERRED. */
void smtp_finish(struct smtp *smtp, struct smtp_delivery *delivery);
/* Instead of it: the connection is cut, nothing is sent, the outcome is UNSENT. */
void smtp_withdraw(struct smtp *smtp, struct smtp_delivery *delivery);

/* REFUSED   for good (5xx), to this message at MAIL or later; or it cannot be sent to any relay
 * DEFERRED  for now (4xx), to this message at MAIL or later; and whatever the relay says in the middle of the message
 * UNSENT    the connection did not come about, was refused (whatever the code), lost or too slow before the dot: may be sent
 *           again, here or elsewhere; it says something of the relay, nothing of the message
 * DOUBT     lost, too slow or nonsense after the dot: nobody knows */
#define SMTP_OUTCOMES(X)                                                                           \
    X(ACCEPTED, "accepted")                                                                        \
    X(REFUSED,  "refused")                                                                         \
    X(DEFERRED, "deferred")                                                                        \
    X(UNSENT,   "unsent")                                                                          \
    X(DOUBT,    "doubt")

enum smtp_outcome {
#define X(name, text) SMTP_OUTCOME_##name,
    SMTP_OUTCOMES(X)
#undef X
};
const char *smtp_outcome_name(enum smtp_outcome outcome); /* "accepted" */

struct smtp_result {
    void *owner;
    struct smtp_relay *relay;
    enum smtp_outcome outcome;
    enum smtp_stage stage; /* in which it ended */
    int code;              /* of the relay's reply; 0: there was none */
    char status[12];       /* its enhanced status code (RFC 3463), "5.1.1"; or "" */
    char text[400];        /* what it said, on one line, printable; or what went wrong */
    bool tls;              /* the message went through TLS */
};

/* What has ended, each once. False: no more. */
bool smtp_next_done(struct smtp *smtp, struct smtp_result *result);
