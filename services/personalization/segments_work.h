/* What goes on beside requests and events: definitions of segments and lists taken over, days that pass, memberships that
 * are told. */
#pragma once

#include "base/ctx.h"

/* At the start, with a reader as ctx->sql: the segments as they are defined. */
bool segments_load(struct ctx *ctx);

/* One round of the worker. True: there is more to do. */
bool segments_work(struct ctx *ctx);
