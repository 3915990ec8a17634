/* What comes back of a message once it is sent: noted once each, told, and what follows from it. Of who is erased nothing is noted,
 * told or changed. */
#pragma once

#include "services/email/store.h"
#include "services/email/store_feedback.h"
#include "services/email/store_messages.h"

/* The person is erased; true with an error too. */
bool feedback_is_void(struct ctx *ctx, const struct message_row *message);

/* Once for people, once for machines. */
bool feedback_opened(struct ctx *ctx, const struct message_row *message, bool machine);

/* `target` is where the link leads; once a link for people, once for machines. What seems a person's is told two seconds later, by
 * feedback_run(): who follows many links at once is a machine after all. */
bool feedback_clicked(struct ctx *ctx, const struct message_row *message, struct str target,
                      bool machine);

/* The person wants no more marketing mail, at once; or wants it again. */
bool feedback_unsubscribed(struct ctx *ctx, const struct message_row *message);
bool feedback_resubscribed(struct ctx *ctx, const struct message_row *message);

/* May be written to where the message went? */
bool feedback_reach(struct ctx *ctx, const struct message_row *message, struct reach *reach);

/* It came back. `kind` "hard": the address is suppressed for all mail; "soft": it is when the setting `soft_bounces` says so of those in
 * a row; "blocked": nothing follows. `status` as in the report, or none. */
bool feedback_bounced(struct ctx *ctx, const struct message_row *message, const char *kind,
                      struct str status);
/* A relay has refused the recipient: where its status (RFC 3463) says that there is no such mailbox, the address is suppressed as if the mail
 * had come back. Without a status nothing follows: a relay that refuses everything must not silence everybody. */
bool feedback_refused(struct ctx *ctx, const struct message_row *message, struct str status,
                      struct str text);
/* It was called spam: the address is suppressed for mail of its kind. */
bool feedback_complained(struct ctx *ctx, const struct message_row *message);
/* A provider says that it is in the mailbox. */
bool feedback_delivered(struct ctx *ctx, const struct message_row *message);

/* A worker's round. */
bool feedback_run(struct ctx *ctx);
#define FEEDBACK_EVERY_US 1000000

/* ---- for feedback*.c ---- */

/* The person is erased, or the mail was a trial; true with an error too. */
bool feedback_is_void(struct ctx *ctx, const struct message_row *message);
/* *first: it is the first of its kind, and stands in the timeline if it is told. */
bool feedback_note(struct ctx *ctx, const struct feedback_row *row, bool told, bool *first);
/* Mail arrives there: soft bounces are not in a row any more. */
bool feedback_is_reached(struct ctx *ctx, const struct message_row *message);
