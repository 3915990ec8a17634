#include "services/content/media_range.h"

#include "base/macros.h"

/* An absent one is -1. */
static bool number_read(struct str text, int64_t *out)
{
    *out = -1;
    return text.len == 0 || (text.ptr[0] != '-' && text.ptr[0] != '+' && str_to_int(text, out));
}

enum media_range range_read(struct str header, uint64_t size, uint64_t *first, uint64_t *bytes)
{
    struct str rest = header, unit;
    int64_t from, to;
    if (!header.ptr || !str_split(&rest, '=', &unit) ||
        !str_eq_nocase(str_trim(unit), STR("bytes")) || str_find_char(rest, ',') >= 0)
        return RANGE_ALL;
    rest = str_trim(rest);
    ptrdiff_t dash = str_find_char(rest, '-');
    if (dash < 0 || !number_read((struct str){ rest.ptr, (size_t)dash }, &from) ||
        !number_read((struct str){ rest.ptr + dash + 1, rest.len - (size_t)dash - 1 }, &to) ||
        (from < 0 && to < 0) || (from >= 0 && to >= 0 && to < from))
        return RANGE_ALL;
    if (from < 0) { /* the last `to` bytes */
        *bytes = MIN((uint64_t)to, size);
        *first = size - *bytes;
        return *bytes ? RANGE_PART : RANGE_NONE;
    }
    if ((uint64_t)from >= size)
        return RANGE_NONE;
    *first = (uint64_t)from;
    *bytes = (to < 0 || (uint64_t)to >= size ? size : (uint64_t)to + 1) - *first;
    return RANGE_PART;
}
