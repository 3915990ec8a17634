/* What the operations on definitions share. */
#pragma once

#include "platform/http/http.h"
#include "services/search/definitions.h"
#include "services/search/store.h"

/* Each is a word once it is folded, or up to `most` of them; false with INVALID at /words/N. */
bool words_are_few(struct ctx *ctx, const struct str *words, size_t n, size_t most);

/* Stores it, unless it says what is stored already; *out is what is stored then. */
bool definition_put(struct ctx *ctx, enum definition_kind kind, struct str id,
                    struct str definition, struct definition_row *out);

/* False with NOT_FOUND when there is none. */
bool definition_get(struct ctx *ctx, enum definition_kind kind, struct str id,
                    struct definition_row *out);
bool definition_delete(struct ctx *ctx, enum definition_kind kind, struct str id);

/* A page of a list, by id. */
bool definition_page(struct ctx *ctx, enum definition_kind kind, struct str cursor, size_t limit,
                     struct definition_row **rows, size_t *n, struct str *next_cursor);
