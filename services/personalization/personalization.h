/* The service as a table: main() runs it, tests open it. */
#pragma once

#include "platform/service/service.h"
#include "services/personalization/definitions.h"
#include "services/personalization/people.h"

extern const struct service personalization_service;

/* ctx->app */
struct personalization {
    struct definitions *definitions;
    char currency[4]; /* the shop's: amounts in others are not summed */
};
