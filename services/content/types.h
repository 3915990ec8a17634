/* Content types: a JSON Schema each, which the documents of its entries fit. */
#pragma once

#include "platform/http/expectation.h"
#include "platform/schema/schema.h"
#include "services/content/store.h"

/* Is it a kind that is there without being made (page, snippet, email_template), or a word kept for one? */
bool type_is_reserved(struct str type);

/* Compiled until the arena of ctx ends. `pointer` is where the schema is in the request, for what is wrong with it. INVALID. */
struct schema *type_compile(struct ctx *ctx, const struct json *schema, const char *pointer);

/* Does the document fit? INVALID with the pointer below "/document". */
bool type_check(struct ctx *ctx, const struct schema *schema, const struct json *document);

/* The document of an entry of this kind: NOT_FOUND-free, since an unknown type is INVALID at "/type". */
bool type_check_stored(struct ctx *ctx, struct str type, const struct json *document);

#define MISFITS_TOLD 20

struct misfit {
    struct str entry_id, pointer, sentence;
    int64_t version;
};

struct judgement {
    int64_t n_documents, n_misfits; /* drafts, and what is shown where that is another version */
    struct misfit misfits[MISFITS_TOLD];
};

/* What the schema would say of all that is stored of the type. */
bool type_judge(struct ctx *ctx, struct str type, const struct schema *schema,
                struct judgement *out);

/* Stores the schema (`type->schema` is its text) and description of the type as its next version, unless they are the same
 * again. `saved` is the type as it stands now. INVALID at "/type" (built in) or below "/schema"; CONFLICT: what is stored would
 * not fit; and what is above of expectations. */
bool type_save(struct ctx *ctx, const struct type_row *type, const struct json *schema,
               const struct expectation *expected, struct type_row *saved);
