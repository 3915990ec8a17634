#include "services/content/locales.h"

/* Each once: what was asked already has nothing. The last place is kept for "". */
static void locales_add(struct locales *locales, struct str name)
{
    for (size_t i = 0; i < locales->n; i++)
        if (str_eq(locales->names[i], name))
            return;
    if (locales->n < LOCALES_MOST - (name.len > 0))
        locales->names[locales->n++] = name;
}

/* Where the last subtag begins: also one letter before it goes, which means nothing alone. */
static size_t shorter(struct str locale)
{
    size_t len = locale.len;
    while (len && locale.ptr[len - 1] != '-')
        len--;
    len -= len > 0;
    return len >= 2 && locale.ptr[len - 2] == '-' ? len - 2 : len;
}

void locales_of(struct locales *out, struct str locale)
{
    out->n = 0;
    for (; locale.len; locale.len = shorter(locale))
        locales_add(out, locale);
    locales_add(out, STR(""));
}
