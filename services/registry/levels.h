/* What a new version of a subject must keep to: the compatibility levels of the Confluent Schema Registry. */
#pragma once

#include "base/str.h"

/*     name                 new reads old, old reads new, all versions and not the latest alone */
#define LEVEL_TABLE(X)                                                                             \
    X(NONE,                 false,         false,         false)                                   \
    X(BACKWARD,             true,          false,         false)                                   \
    X(BACKWARD_TRANSITIVE,  true,          false,         true)                                    \
    X(FORWARD,              false,         true,          false)                                   \
    X(FORWARD_TRANSITIVE,   false,         true,          true)                                    \
    X(FULL,                 true,          true,          false)                                   \
    X(FULL_TRANSITIVE,      true,          true,          true)

#define LEVEL_DEFAULT STR("BACKWARD")

struct level_rule {
    const char *name;
    bool backward, forward, transitive;
};

/* NULL when there is none of that name. */
const struct level_rule *level_rule_of(struct str name);
