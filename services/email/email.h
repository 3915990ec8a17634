/* The service as a table: main() runs it, tests open it. And what its parts share while it runs. */
#pragma once

#include "platform/service/service.h"

extern const struct service email_service;

struct email {
    uint8_t secret[32]; /* of return paths, and of the hashes of addresses */
    char *keys_folder;
    struct letters *letters;
    struct links *links;
    struct catcher *catcher;
    struct sending *sending;
    struct returns *returns;
    struct sns_certificates *certificates;
    _Atomic bool told_no_template; /* the log was, of orders that nobody is told of */
};

static inline struct email *email_of(const struct ctx *ctx)
{
    return ctx->app;
}
