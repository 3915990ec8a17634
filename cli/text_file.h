/* A file of text in whatever encoding, read as UTF-8. */
#pragma once

#include <stdio.h>

#include "base/ctx.h"

struct text_file {
    FILE *file;      /* UTF-8, behind the mark that spreadsheets put first; the caller's */
    int64_t bytes;   /* of it as UTF-8 */
    int64_t skipped; /* of the mark */
    int64_t changed_us;
};

/* `encoding` as iconv calls it; NULL: UTF-16 or UTF-8 by the mark at the beginning (RFC 3629, section 6; RFC 2781, section 3.2),
 * UTF-8 without one. NOT_FOUND; INVALID: there is no such encoding, or the file is not in it. */
bool text_file_open(struct ctx *ctx, const char *path, const char *encoding, struct text_file *out);
