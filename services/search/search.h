/* The service as a table: main() runs it, tests open it. */
#pragma once

#include "platform/service/service.h"
#include "services/search/definitions.h"
#include "services/search/index.h"

extern const struct service search_service;

/* ctx->app */
struct search {
    struct definitions *definitions;
};
