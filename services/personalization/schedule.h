/* When something is shown: from and to a moment, and in which windows of each week, as clocks in a time zone show it. */
#pragma once

#include "platform/zone/zone.h"
#include "personalization_types.h"

struct compiled_schedule;

/* In ctx->arena. NULL with the pointer, which begins with `at`, for: a time zone that there is not, an end before its
 * beginning, no time in a window. */
const struct compiled_schedule *schedule_compile(struct ctx *ctx,
                                                 const struct experience_schedule *schedule,
                                                 const char *at);

/* `schedule` NULL: always. */
bool schedule_is_open(const struct compiled_schedule *schedule, int64_t now_us);
