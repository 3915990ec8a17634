/* The service as a table: main() runs it, tests open it. */
#pragma once

#include "platform/crypto/crypto.h"
#include "platform/service/service.h"
#include "platform/webhook/webhooks.h"

/* ctx->app */
struct ads {
    int64_t budget_most; /* of one launch, minor units */
    struct shelf *shelf; /* what may be shown, in memory */
    struct webhooks webhooks; /* to outside networks */
    struct crypto_hmac_key key; /* signs the links of impressions */
};

extern const struct service ads_service;
