/* Which part of a thing a request wants (RFC 9110 section 14): pure. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/str.h"

enum media_range {
    RANGE_ALL, /* nothing that is understood was asked for, or several parts: all of it is right too */
    RANGE_PART,
    RANGE_NONE, /* beyond its end */
};

/* `header` is what Range says, ptr NULL: absent. Of RANGE_PART: the first byte, and how many. */
enum media_range range_read(struct str header, uint64_t size, uint64_t *first, uint64_t *bytes);
