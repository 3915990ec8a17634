/* Templates as content publishes them, compiled once and rendered for each recipient. Thread-safe. */
#pragma once

#include "services/email/store.h"

struct letters;

struct letters *letters_new(void);
void letters_free(struct letters *letters); /* NULL-safe; what an arena still uses goes with it */

struct letter_text {
    struct str subject, preheader, html, text; /* preheader and text may be absent: ptr NULL */
};

struct letter_data {
    struct str template, subject; /* slug; subject ptr NULL: the template's own */
    const struct contact_row *contact;
    const struct letter_text
        *own; /* Liquid that stands for a template, or NULL; its html may be absent, or its text */
    const struct json *data;       /* what the mail was asked for with, or NULL */
    struct str campaign_id, campaign_name, message_id, unsubscribe_url, preferences_url;
};

/* Is there a template of this name for anybody, and does it compile, with this subject (ptr NULL: its own)? NOT_FOUND or
 * INVALID with a sentence for people. */
bool letter_check(struct ctx *ctx, struct letters *letters, struct str slug, struct str subject);

/* In ctx's arena. A missing member of the data is nothing, as in Liquid. NOT_FOUND: no such template; INVALID, TOO_LARGE:
 * it cannot be worked out. A template that is published anew is taken within a second. */
bool letter_render(struct ctx *ctx, struct letters *letters, const struct letter_data *data,
                   struct letter_text *out);

/* Is this Liquid? INVALID with the pointer ("/html") and a sentence for people. */
bool letter_check_own(struct ctx *ctx, const struct letter_text *own);

/* What templates see of a message: person, campaign, data, and the links. NULL with an error. */
const struct json *letter_names(struct ctx *ctx, const struct letter_data *data);
/* The sources of a template for this locale. NOT_FOUND. */
bool letter_sources(struct ctx *ctx, struct str slug, struct str locale, struct letter_text *out);
