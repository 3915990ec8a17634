/* What the tests of the sample contract share. */
#pragma once

#include "base/tests/check.h"
#include "sample_contract.h"

/* A fresh ctx; everything of the one before is gone. */
struct ctx *fresh(void);

/* Decodes `text` as a struct of that type: NULL when it is refused (the error is in ctx). */
const void *decoded(struct ctx *ctx, const struct schema_type *type, enum decode_mode mode,
                    const char *text);

/* A thing with one member replaced, added, or (value NULL) left out. */
const char *thing_with(struct ctx *ctx, const char *member, const char *value);
