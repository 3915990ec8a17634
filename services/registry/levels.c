#include "services/registry/levels.h"

#include "base/macros.h"

static const struct level_rule levels[] = {
#define X(level, backward, forward, transitive) { #level, backward, forward, transitive },
    LEVEL_TABLE(X)
#undef X
};

const struct level_rule *level_rule_of(struct str name)
{
    for (size_t i = 0; i < COUNT(levels); i++)
        if (str_is(name, levels[i].name))
            return &levels[i];
    return NULL;
}
