/* What people see who follow a link of a mail: small pages without script, good on a phone and in the dark. */
#pragma once

#include "platform/contract/contract.h"

struct reply page_unsubscribe(struct ctx *ctx, struct str preferences_url);
struct reply page_unsubscribed(struct ctx *ctx, struct str preferences_url);

struct page_choice {
    bool marketing; /* it is sent */
    bool stopped;   /* it is not, whatever the person wants: mail came back, or was called spam */
    bool saved;     /* it was chosen right now */
};
struct reply page_preferences(struct ctx *ctx, const struct page_choice *choice);

/* Nothing is known of the mail, or of the person any more. */
struct reply page_nothing(struct ctx *ctx);

/* On to where a link leads; and a picture of one point. */
struct reply page_redirect(struct ctx *ctx, struct str target);
struct reply page_picture(struct ctx *ctx);

/* What is in ctx->error, to a person. */
struct reply page_error(struct ctx *ctx);

/* What the router refuses of operations for browsers: as a page; a link that is ours leads on all the same. */
struct reply page_refusal(struct ctx *ctx);
