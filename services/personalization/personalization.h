/* The service as a table: main() runs it, tests open it. */
#pragma once

#include "platform/service/service.h"
#include "services/personalization/definitions.h"
#include "services/personalization/people.h"
#include "services/personalization/segments.h"

extern const struct service personalization_service;

/* ctx->app */
struct personalization {
    struct definitions *definitions;
    struct segment_shelf *segments;
    int64_t caught_up_revision; /* of the segments that everybody was looked at by, the worker's */
    const void *caught_up_model;
    int64_t moment; /* when segments that move were looked at last, in minutes; the worker's too */
    char currency[4]; /* the shop's: amounts in others are not summed */
};
