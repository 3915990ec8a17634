/* A queued message becomes the bytes that are handed over: written to its person, composed and signed. */
#pragma once

#include "services/email/mailing.h"

struct outgoing_letter {
    struct str from, to; /* of the envelope */
    struct str text;     /* headers and body, as smtp_offer() takes it */
    struct str subject, preheader, html,
        plain;         /* as they were rendered; html or plain may be ptr NULL */
    size_t html_bytes; /* of the HTML as it is sent, with links and preheader */
    /* Where it cannot be: a reason of message.withheld or of message.failed. Both NULL: another time. */
    const char *withheld, *failed;
};

/* What one thread keeps: launches, keys. */
struct outgoing;
struct outgoing *outgoing_new(void);
void outgoing_free(struct outgoing *outgoing); /* NULL-safe */

/* When it may go out; as mailing_of(). */
bool outgoing_limits(struct ctx *ctx, struct outgoing *outgoing, const struct message_row *message,
                     struct mailing_limits *out);

/* In ctx's arena. The message need not be stored (a preview, a test): it needs person_id, queue and, outside of a launch,
 * what it is asked with. Its address is that of the person unless it has its own. The Message-ID is "<message_id>@<domain of
 * the sender>". The envelope's sender is verp_address() with the service's secret at `return_domain` where that is set, else
 * the sender's address. False with the error, and the reason in *out. */
bool outgoing_compose(struct ctx *ctx, struct outgoing *outgoing, const struct message_row *message,
                      struct outgoing_letter *out);
