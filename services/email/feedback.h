/* What comes back of a message once it is sent: noted once each, told, and what follows from it. Of who is erased nothing is noted,
 * told or changed. */
#pragma once

#include "services/email/store_messages.h"

/* Once for people, once for machines. */
bool feedback_opened(struct ctx *ctx, const struct message_row *message, bool machine);

/* `target` is where the link leads; once a link for people, once for machines. What seems a person's is told two seconds later, by
 * feedback_run(): who follows many links at once is a machine after all. */
bool feedback_clicked(struct ctx *ctx, const struct message_row *message, struct str target,
                      bool machine);

/* The person wants no more marketing mail, at once; or wants it again. */
bool feedback_unsubscribed(struct ctx *ctx, const struct message_row *message);
bool feedback_resubscribed(struct ctx *ctx, const struct message_row *message);

/* A worker's round. */
bool feedback_run(struct ctx *ctx);
#define FEEDBACK_EVERY_US 1000000
