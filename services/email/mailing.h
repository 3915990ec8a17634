/* What a message is sent with: what its launch, or whoever asked for it alone, has said of it. */
#pragma once

#include "services/email/letters.h"
#include "services/email/store_messages.h"

/* When it may go out. */
struct mailing_limits {
    int64_t cap_most, cap_days;            /* 0: no cap */
    struct str quiet_from, quiet_to, zone; /* ptr NULL: no quiet hours; of who has no zone: UTC */
    int64_t expires_us;                    /* 0: never */
    int64_t contact_until_us; /* so long it waits for an address to be known; 0: not at all */
};

struct mailing {
    struct str template,
        subject;          /* a slug, and a subject instead of its own (Liquid) or ptr NULL */
    struct str sender_id; /* ptr NULL: the default one */
    struct str campaign_name;
    bool untracked;
    const struct json *data; /* NULL: none */
    struct mailing_limits limits;
    /* Of single mail that is asked for by a request. */
    const struct letter_text *own;   /* instead of a template; NULL: none */
    struct str name;      /* of who has the address, where no profile says it; ptr NULL: none */
    struct str as_person; /* it is written as to this person; ptr NULL: to who it is sent to */
    const struct contact_row
        *sample;         /* who it is written as to, instead of anybody; NULL: nobody */
    int64_t attachments;             /* how many files it has */
};

/* What launches have asked for, kept as it is read once; one thread at a time. */
struct mailings;
struct mailings *mailings_new(void);
void mailings_free(struct mailings *mailings); /* NULL-safe */

/* In ctx's arena, or kept until other launches are asked for. False with INVALID: nobody has said what it is sent with; UNAVAILABLE. */
bool mailing_of(struct ctx *ctx, struct mailings *mailings, const struct message_row *message,
                struct mailing *out);
