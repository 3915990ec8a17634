/* Single mail as a request asks for it: checked, and made into a message. */
#pragma once

#include "services/email/letters.h"
#include "services/email/store_attachments.h"
#include "services/email/store_messages.h"

/* What is not said has ptr NULL, is NULL or 0. */
struct asking {
    struct str person_id, address, name; /* one of the first two at least */
    struct str template, subject;        /* a slug, and another subject than its own (Liquid); */
    struct letter_text own;              /* or, without a template, Liquid */
    const struct json *data;
    struct str sender_id, campaign_id, step, key;
    bool marketing, untracked;
    int64_t send_us, expires_us;
    int64_t contact_until_us;   /* so long it waits for the person's address to be told */
    struct str as_person;       /* it is written as to this person, and sent to the address; */
    const struct json *sample;  /* or as to this one, which is made up */
    const char *prefix;         /* of its id, instead of "msg_" */
    const struct mail_attachment *attachments;
    size_t n_attachments;
};

/* INVALID with the pointer of what is wrong: no or two recipients, an address that is none, neither a template nor a text,
 * a template or sender that there is not, what is no Liquid. */
bool asking_check(struct ctx *ctx, const struct asking *asking);
/* The message, not stored; the same key makes the same one. */
bool asking_message(struct ctx *ctx, const struct asking *asking, struct message_row *row);

/* Whose mail it is when nobody is known to have the address: "adr_" and the beginning of its keyed hash. */
struct str asking_stranger(struct arena *arena, struct str address_hash);
