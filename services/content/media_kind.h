/* What some bytes are, read from the bytes alone: pure rules, no I/O. */
#pragma once

#include "base/ctx.h"

#define PIXELS_MOST 100000000 /* a picture that unpacks to more is a trap for who shows it */

struct media_kind {
    const char *type;      /* "image/png" */
    int64_t width, height; /* pixels; 0 where it has none */
};

/* PNG, JPEG, GIF and WebP pictures, PDF, MP4: walked from end to end, so that what only begins like one is refused. INVALID
 * with what is wrong. SVG and HTML are refused: they may carry scripts. */
bool media_kind_read(struct ctx *ctx, struct str bytes, struct media_kind *out);
