/* Which locales are asked, in which order: pure rules, no I/O. */
#pragma once

#include "base/arena.h"
#include "base/str.h"

#define LOCALES_MOST 20

struct locales {
    struct str names[LOCALES_MOST]; /* "": what is for every locale */
    size_t n;
};

/* The locale itself, then without its last subtag, and so on, at last "". An absent one: only "". RFC 4647 section 3.4. */
void locales_of(struct locales *out, struct str locale);
