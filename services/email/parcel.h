/* A message that is being handed over, from its claim to its end; and lists of them. */
#pragma once

#include "platform/mail/smtp.h"
#include "services/email/last_look.h"

struct parcel {
    struct parcel *next;                 /* in the list that it is in */
    struct parcel *older, *newer;        /* of all */
    struct arena *arena; /* of all that is below */
    struct message_row message;
    struct mailing_limits limits;
    struct str from, to, domain, text; /* once it is written */
    struct look look;                  /* what speaks against it; GO: nothing so far */
    struct str why;                    /* where it failed */
    int64_t claimed_us;                /* monotonic */
    struct smtp_delivery *delivery;    /* once it waits for its dot */
    struct message_row after;          /* as it is once the round's transaction is committed */
    bool settled;              /* what became of it is stored; its connection is still to end */
    struct smtp_result result;         /* once it has ended */
};

struct parcels {
    struct parcel *first, *last;
    size_t n;
};

/* All that there are, wherever they are. */
struct parcels_all {
    struct parcel *newest;
    size_t n;
};

/* Copies the message. */
struct parcel *parcel_new(struct parcels_all *all, const struct message_row *message);
void parcel_free(struct parcels_all *all, struct parcel *parcel);

void parcels_put(struct parcels *parcels, struct parcel *parcel); /* at the end */
void parcels_put_first(struct parcels *parcels, struct parcel *parcel);
struct parcel *parcels_get(struct parcels *parcels); /* the first; NULL: none */
