/* Which locales are asked, in which order: pure rules, no I/O. */
#pragma once

#include "base/arena.h"
#include "base/str.h"

#define LOCALES_MOST 20

struct locales {
    struct str names[LOCALES_MOST]; /* "": what is for every locale */
    size_t n;
};

/* The locale itself, then without its last subtag, and so on (RFC 4647 section 3.4). */
void locales_add(struct locales *locales, struct str locale);

/* What is for every locale, at last. There is always room for it. */
void locales_end(struct locales *locales);
