/* Tells what ads have cost since it was told last. */
#pragma once

#include "base/clock.h"
#include "platform/service/service.h"

#define SPEND_US (60 * US_PER_S) /* a word a minute says enough */
#define PRUNE_US (3600 * US_PER_S)

bool spend_tell(struct ctx *ctx);        /* a worker; true: there is more */
bool impressions_prune(struct ctx *ctx); /* a worker */
