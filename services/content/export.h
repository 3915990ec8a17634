/* All there is, as lines of JSON that import takes, page by page. */
#pragma once

#include "services/content/store.h"

struct export_asked {
    struct str kind; /* of the entries; empty: all */
    bool whole;      /* content types, locales and media too, and where entries were shown before */
    struct str section, after; /* where the page before ended; both empty: from the first */
    size_t limit;              /* lines at most */
};

struct export
{
    struct str *lines;
    size_t n, bytes;
    struct str section, last; /* where the next page begins; section ptr NULL: this was the last */
};

/* What others need goes before them: types, locales, media, entries. A page ends with the line that fills it, so it holds a
 * megabyte and one line more. INVALID: there is no such section. */
bool export_page(struct ctx *ctx, const struct export_asked *asked, struct export *out);
