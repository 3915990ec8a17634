/* The service as a table: main() runs it, tests open it. */
#pragma once

#include "platform/service/service.h"
#include "services/analytics/warehouse.h"

extern const struct service analytics_service;

/* ctx->app */
struct analytics {
    struct warehouse *warehouse;
};
