/* Calls to webhooks, signed as Standard Webhooks (standardwebhooks.com) says: whoever wants one made writes a row in the
 * transaction at hand; a worker makes the calls. A call is repeated with the same id until it is answered with 2xx, or
 * given up: whoever is called sees by the id what it has seen already. */
#pragma once

#include "platform/sql/sql.h"

struct webhook_owed {
    struct str call_id;   /* of what it is: the same one is owed once */
    struct str url, type; /* type: "journey.reached" */
    struct str data;      /* a JSON object */
    struct str person_id; /* whom it speaks of; ptr NULL: nobody */
    struct str source_id; /* the journey or launch */
};

/* Needs ctx->sql. */
bool webhook_owe(struct ctx *ctx, const struct webhook_owed *owed);

/* Nobody is called any more for this source by what was owed before, unless that is under way. Needs ctx->sql. */
bool webhook_drop(struct ctx *ctx, struct str source_id);

struct call_row;

/* What the worker needs. The service fills the functions. */
struct webhooks {
    const char *fault; /* the fail point between an answer and the note of it */

    /* What a call is signed with, where that is not the service's own secret: ptr NULL where nobody knows. Needs ctx->sql. */
    bool (*secret_of)(struct ctx *ctx, const struct call_row *row, struct str *out);

    /* A call was taken or given up (row->reason), in the transaction that notes it. NULL: nobody asks. */
    bool (*ended)(struct ctx *ctx, const struct call_row *row);

    char *secret, *hosts;
    size_t secret_len;
    int64_t forgot_us; /* monotonic: when old calls were removed last */
};

/* Reads the settings `webhook_hosts` and, where the secret is the service's own, `webhook_secret`. */
bool webhooks_open(struct ctx *ctx, struct webhooks *webhooks);
void webhooks_close(struct webhooks *webhooks);

/* May this be called? `hosts`: names divided by commas, or "*". Pure. */
bool webhook_host_fits(struct str url, struct str hosts);

/* When a call that failed `attempts` times is made again, from now; 0: it is given up. Pure. */
int64_t webhook_again_us(int64_t attempts);

/* A round of the service's worker (service_worker): true when more is due. */
#define WEBHOOKS_EVERY_US (250 * 1000)
bool webhooks_round(struct ctx *ctx, struct webhooks *webhooks);
