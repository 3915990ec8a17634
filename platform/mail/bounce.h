/* Reads what comes back: delivery reports (RFC 3464), and the many that keep to no standard. */
#pragma once

#include "platform/mail/mime_parse.h"

#define BOUNCE_MOST_RECIPIENTS 50 /* of one report; further ones are not looked at */

enum bounce_kind {
    BOUNCE_HARD,    /* the address will not work: nobody there, no such domain, closed */
    BOUNCE_SOFT, /* given up, and another mail may arrive: mailbox full, server away, too large */
    BOUNCE_BLOCKED, /* this mail or its sender is not wanted: policy, content, reputation */
    BOUNCE_DELAYED, /* not given up */
};

struct bounce_recipient {
    struct str address; /* as we wrote it, where the report tells that */
    enum bounce_kind kind;
    struct str status; /* "5.1.1" (RFC 3463), "550", or ptr NULL */
    struct str reason; /* what the report says, one line, at most 300 bytes; or ptr NULL */
};

struct bounce {
    struct bounce_recipient *recipients;
    size_t n;
    struct str message_id; /* of the mail that came back, with its < >; ptr NULL when not told */
};

/* False: it is no report of a mail that did not arrive, or it names nobody. */
bool bounce_read(struct arena *arena, struct mime_part *mail, struct bounce *out);

/* The kind that a status and a reason stand for; either may be absent. */
enum bounce_kind bounce_kind_of(struct str status, struct str reason);
const char *bounce_kind_name(enum bounce_kind kind); /* "hard" */

/* The Message-ID of the mail that is returned inside `mail`. */
struct str bounce_original_id(struct arena *arena, struct mime_part *mail);

/* ---- for bounce*.c ---- */

void bounce_add(struct arena *arena, struct bounce *bounce, struct bounce_recipient recipient);

/* Reads the report's text for people: whom it names, and why. */
void bounce_read_text(struct arena *arena, struct mime_part *mail, struct bounce *out);

/* The address around text[at] == '@'; its bounds are where it stands. False when it is none. */
bool bounce_address_at(struct str text, size_t at, struct str *out);

/* The first status in the text: three numbers with dots (RFC 3463), else a reply code. */
struct str bounce_status_in(struct str text);
