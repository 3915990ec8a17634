/* Whom a document names: objects whose only member is "$entry" or "$media". Pure rules, no I/O. */
#pragma once

#include "platform/json/json.h"

#define REFERENCES_MOST 500 /* in one document */

struct references {
    struct str *targets; /* each once */
    size_t n;
};

/* INVALID with the pointer below "/document": a reference with other members beside it, to what is no id, or too many. */
bool references_find(struct ctx *ctx, const struct json *document, struct references *out);
