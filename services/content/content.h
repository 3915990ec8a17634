/* The service as a table: main() runs it, tests open it. */
#pragma once

#include "platform/service/service.h"

/* ctx->app */
struct content {
    char *media_folder;
    int64_t media_bytes; /* a medium's most */
    struct answer_cache *shown;
};

extern const struct service content_service;
