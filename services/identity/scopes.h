/* Sets of scopes, as text: sorted, separated by spaces, each once. No I/O. */
#pragma once

#include "base/arena.h"
#include "base/str.h"

struct str scopes_of(struct arena *arena, const struct str *list, size_t n);
struct str scopes_union(struct arena *arena, struct str a, struct str b);

/* Its members; their text is that of `scopes`. */
const struct str *scopes_list(struct arena *arena, struct str scopes, size_t *n);
