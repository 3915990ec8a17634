/* The catcher's page, as it is sent. */
#pragma once

#include "base/ctx.h"

extern const char catcher_page[];

/* May somebody without a token read what was caught? */
bool catcher_lets_in(struct ctx *ctx);
