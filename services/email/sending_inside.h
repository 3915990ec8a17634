/* Inside of sending.h: what its parts share. One thread, but for the writers. */
#pragma once

#include <stdatomic.h>

#include "services/email/parcel.h"
#include "services/email/relays.h"
#include "services/email/sending.h"
#include "services/email/store_queue.h"
#include "services/email/throttle.h"
#include "services/email/writers.h"

#define FAIR_LAUNCHES 64 /* that mail goes out for at once */

struct sending_metrics {
    struct metric *outcomes[SMTP_OUTCOME_DOUBT + 1], *in_hand;
    struct metric *queued[2], *oldest[2]; /* transactional, bulk */
};

struct sending {
    void *app, *runtime; /* for a ctx of its own, at the end */
    struct relays relays;
    struct smtp *smtp;
    struct throttle *throttle;
    struct writers *writers;
    struct smtp_relay *catcher; /* among the relays; NULL: it is none */

    /* Every parcel is with the writers, with the engine, or in one of these. */
    struct parcels urgent, rest; /* written, and wait for a connection */
    struct parcels ready;        /* wait for their dot, and for the doubt to be noted */
    struct parcels done;         /* have their outcome, which is to be noted */
    struct parcels against;      /* do not go out: it is to be noted why */
    struct parcels_all all;
    size_t most;      /* of all */
    size_t under_way; /* past their dot, without an outcome so far */

    int64_t answer_us, give_up_us, attempts_most, drain_us; /* settings */
    bool resends;
    int64_t start_us;   /* on the wall's clock */
    int64_t swept_us, measured_us, looked_us; /* monotonic: when last */
    size_t turn;        /* which launch is first the next time */
    atomic_bool look;   /* something was stored: there may be mail that is due */
    bool failed, idle_told;
    struct sending_metrics metrics;
};

/* ---- sending_store.c: one transaction of a round ---- */

/* Notes outcomes and doubts, looks at each that is ready for the last time, and claims what is due. False: nothing of it is
 * so, and all is as it was. After true: dots are written, what does not go out is withdrawn, what is claimed is with the
 * writers. */
bool sending_store(struct ctx *ctx, struct sending *sending, bool claims);
/* Is there anything to note, or to claim? */
bool sending_has_news(struct ctx *ctx, struct sending *sending, bool *claims);

/* ---- sending_outcome.c ---- */

/* Stores and tells what became of it. Of `row` (a copy of its message) state and times change. */
bool sending_outcome(struct ctx *ctx, const struct sending *sending, const struct parcel *parcel,
                     struct message_row *row);
/* The same for what does not go out. */
bool sending_against(struct ctx *ctx, const struct parcel *parcel, struct message_row *row);
/* Whose fate nobody knows: `unknown`, and, if it is transactional and the setting says so, queued once more. */
bool sending_doubt_ends(struct ctx *ctx, const struct sending *sending, struct message_row *row);
