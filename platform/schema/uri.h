/* References between schemas: RFC 3986 section 5. */
#pragma once

#include "base/arena.h"

/* `reference` as seen from `base`; an empty base leaves it as it is. */
struct str uri_resolve(struct arena *arena, struct str base, struct str reference);

/* What is before the first '#', and after it, with percents decoded (ptr NULL without a '#'). */
struct str uri_without_fragment(struct str uri);
struct str uri_fragment(struct arena *arena, struct str uri);
