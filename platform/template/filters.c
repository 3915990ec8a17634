#include "platform/template/filters.h"

static const struct filter filters[] = {
#define X(name, least, most, keeps_safe, keyword)                                                  \
    { #name, liquid_do_##name, least, most, keeps_safe, keyword },
    FILTERS(X)
#undef X
};

const struct filter *liquid_filter(struct str name)
{
    for (size_t i = 0; i < COUNT(filters); i++)
        if (str_is(name, filters[i].name))
            return &filters[i];
    return NULL;
}
