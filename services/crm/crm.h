/* The service as a table: main() runs it, tests open it. */
#pragma once

#include "platform/service/service.h"
#include "services/crm/confirmations.h"

/* ctx->app */
struct crm {
    char *answering; /* setting erasure_services */
    struct peer *log_admin; /* whom compaction is asked of; NULL: the log sees to it by itself */
    int64_t compacted_within_us; /* how long that takes at most */
    struct confirmation_rules confirmations;
    uint8_t seed[32], public_key[32]; /* Ed25519: signs certificates */
};

extern const struct service crm_service;
