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
