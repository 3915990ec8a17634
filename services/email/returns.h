/* The return path: an SMTP server takes what comes back, at an address that names its message (verp.h), and at complaints@ of the
 * return domain, where providers send what people call spam. What it has taken is on the disk. */
#pragma once

#include "platform/mail/smtp_listener.h"

struct returns;

/* Listens where the settings say so, and keeps that in the service's state. INVALID: without a domain; UNAVAILABLE. */
bool returns_open(struct ctx *ctx);
void returns_stop(struct returns *returns); /* NULL-safe */

/* The message whose return path this is; ptr NULL: none of ours. */
struct str returns_message(struct ctx *ctx, struct str address);

/* Is this an address for what comes back? */
bool returns_knows(struct ctx *ctx, struct str recipient);
/* One mail: what it says of a message is noted, once; what is no report (somebody is on holiday), and what is forged, is taken
 * and forgotten. */
enum smtp_verdict returns_take(struct ctx *ctx, const struct smtp_mail *mail);
