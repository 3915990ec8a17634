/* The worker that removes files of media that were deleted. */
#pragma once

#include "base/ctx.h"

#define MEDIA_EVERY_US (1000 * 1000)

bool media_run(struct ctx *ctx);
