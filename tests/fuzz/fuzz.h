/* What the fuzz targets share. */
#pragma once

#include <stdint.h>
#include <stdlib.h>

#include "base/ctx.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* A finding that no sanitizer sees. */
#define MUST(condition)                                                                            \
    do {                                                                                           \
        if (!(condition))                                                                          \
            abort();                                                                               \
    } while (0)

/* Cuts the input at its first line feed: what is before it, *rest what is after. */
static inline struct str fuzz_cut(const uint8_t *data, size_t size, struct str *rest)
{
    *rest = (struct str){ (const char *)data, size };
    struct str first = { "", 0 };
    str_split(rest, '\n', &first);
    return first;
}
