/* What each figure means. */
#pragma once

#include "base/ctx.h"

struct definition_text {
    const char *name, *unit, *definition;
    const char *sources[6]; /* topics; NULL at the end */
};

extern const struct definition_text definition_texts[];
extern const size_t n_definition_texts;
