/* An SMTP server (RFC 5321) that takes mail in: one thread, waiting in poll(), whatever the number of its clients; sizes,
 * sessions and times are bounded. It speaks PIPELINING, SIZE, 8BITMIME and ENHANCEDSTATUSCODES. */
#pragma once

#include "base/ctx.h"

struct smtp_listener;

struct smtp_mail {
    struct str client; /* its address */
    struct str sender; /* the return path, without < >; empty for reports */
    const struct str *recipients; /* without < > */
    size_t n_recipients;
    struct str data; /* as it came, with CRLF, without the dots that were put before lines */
};

enum smtp_verdict { SMTP_TAKEN, SMTP_LATER, SMTP_REFUSED };

struct smtp_listener_settings {
    const char *host; /* a numeric address: "127.0.0.1", "::" */
    int port; /* 0: any that is free */
    const char *name; /* what it greets with */
    size_t
        most_bytes; /* of one mail; all that are under way together may have four times as much */
    size_t most_recipients, most_sessions;
    int64_t idle_us; /* who says nothing for so long is sent away */
    /* Both are called on the listener's thread. `knows` NULL: everybody is known. What `take` has TAKEN is its own. */
    bool (*knows)(void *context, struct str recipient);
    enum smtp_verdict (*take)(void *context, const struct smtp_mail *mail);
    void *context;
};

/* Listens when it comes back; NULL with UNAVAILABLE and a sentence. The settings are copied, not what they point at. */
struct smtp_listener *smtp_listener_start(struct ctx *ctx,
                                          const struct smtp_listener_settings *settings);
int smtp_listener_port(const struct smtp_listener *listener);

/* Ends what is under way: a mail that was not TAKEN was not answered with 250. NULL-safe. */
void smtp_listener_stop(struct smtp_listener *listener);
