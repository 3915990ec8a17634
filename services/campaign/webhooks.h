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

/* What the worker needs, in ctx->app: read from the settings `webhook_secret` and `webhook_hosts`. */
struct webhooks {
    char *secret, *hosts;
    size_t secret_len;
    int64_t forgot_us; /* monotonic: when old calls were removed last */
};
bool webhooks_open(struct ctx *ctx, struct webhooks *webhooks);
void webhooks_close(struct webhooks *webhooks);

/* May this be called? `hosts`: names divided by commas, or "*". Pure. */
bool webhook_host_fits(struct str url, struct str hosts);

/* When a call that failed `attempts` times is made again, from now; 0: it is given up. Pure. */
int64_t webhook_again_us(int64_t attempts);

/* A worker's round (service_worker). */
#define WEBHOOKS_EVERY_US (250 * 1000)
bool webhooks_run(struct ctx *ctx);
