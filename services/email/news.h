/* What providers say of mail, each in its own words, in ours. Pure: no I/O; what is not understood is nothing. */
#pragma once

#include "base/ctx.h"
#include "platform/json/json.h"

struct news {
    enum { NEWS_NOTHING, NEWS_DELIVERED, NEWS_BOUNCED, NEWS_COMPLAINED, NEWS_UNSUBSCRIBED } what;
    const char *bounce;    /* of NEWS_BOUNCED: "hard", "soft", "blocked" */
    struct str status;     /* of NEWS_BOUNCED; ptr NULL without */
    struct str message_id; /* as the provider tells it back; ptr NULL without */
    struct str return_path; /* of the mail, which may name the message; ptr NULL without */
};

/* The header by which providers tell a message back: SES gives the headers of the mail, Postmark what it calls metadata,
 * SendGrid the Message-ID. */
#define NEWS_HEADER "X-Fanfare-Message"
#define NEWS_POSTMARK_HEADER "X-PM-Metadata-fanfare-message"

/* The notification inside of SNS (Amazon SES: "Contents of event data", and of notifications). */
struct news news_of_ses(const struct json *notification);
/* One event of SendGrid's Event Webhook. */
struct news news_of_sendgrid(const struct json *event);
/* One request of Postmark's webhooks. */
struct news news_of_postmark(const struct json *record);
