/* Where mail is handed over to: several relays with weights; one that fails rests, and the others take over. One thread. */
#pragma once

#include "platform/mail/smtp.h"
#include "platform/telemetry/metrics.h"

struct relay {
    struct smtp_relay *smtp; /* NULL: its host has not been found yet */
    struct smtp_settings settings;
    char *name; /* "host:port" */
    int weight, credit;
    int failures;          /* without a success between them */
    int64_t rest_until_us; /* monotonic */
    struct metric *resting;
};

#define RELAYS_MOST 16

struct relays {
    struct arena *arena;
    struct relay relays[RELAYS_MOST];
    size_t n;
};

/* What goes for all of them. */
struct relay_limits {
    struct str name; /* for EHLO */
    int64_t connect_us, command_us, answer_us;
};

/* `urls`: with spaces or commas between, each smtp://[user:password@]host[:port][?weight=N&connections=N&messages=N&tls=T&ca=F]
 * or smtps://...; tls is off, opportunistic or required (which it is unless the host is a loopback address). Ports: 587, 465.
 * Percents stand for other bytes. False with INVALID and a sentence that shows no password. A host that is not found is
 * looked for again later. */
bool relays_open(struct ctx *ctx, struct relays *relays, struct str urls,
                 const struct relay_limits *limits);
void relays_close(struct relays *relays); /* after the engine */

/* One that rests not and has more than `reserve` of its connections free, by weight; NULL: none. */
struct relay *relays_pick(struct relays *relays, const struct smtp *smtp, int reserve);
/* Is there one that does not rest? */
bool relays_any(const struct relays *relays);
struct relay *relays_of(struct relays *relays, const struct smtp_relay *smtp);
int relays_connections(const struct relays *relays); /* in all */

void relay_failed(struct relay *relay, const char *why); /* it rests: 2 s, doubling up to 5 min */
void relay_worked(struct relay *relay);
