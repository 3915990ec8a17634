#include "base/locales.h"

/* Each once: what was asked already has nothing. The last place is kept for "". */
static void name_add(struct locales *locales, struct str name)
{
    for (size_t i = 0; i < locales->n; i++)
        if (str_eq(locales->names[i], name))
            return;
    if (locales->n < LOCALES_MOST - (name.len > 0))
        locales->names[locales->n++] = name;
}

/* Without its last subtag; a single letter before that means nothing alone and goes too. */
static struct str shorter(struct str locale)
{
    size_t len = locale.len;
    while (len && locale.ptr[len - 1] != '-')
        len--;
    len -= len > 0;
    if (len >= 2 && locale.ptr[len - 2] == '-')
        len -= 2;
    return (struct str){ locale.ptr, len };
}

void locales_add(struct locales *locales, struct str locale)
{
    for (; locale.len; locale = shorter(locale))
        name_add(locales, locale);
}

void locales_end(struct locales *locales)
{
    name_add(locales, STR(""));
}
