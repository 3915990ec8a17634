/* What the document of an entry may be: pure rules, no I/O. */
#pragma once

#include "platform/json/json.h"

/* An event carries the whole document and is at most 256 KB; the rest of it needs some room. */
#define DOCUMENT_BYTES (240 * 1024)

#define DOCUMENT_PRODUCTS 100

/* Does the document fit its kind? A page: PageDocument of the contract, each id and slot once, variants only with a slot
 * and each of them an object, not too many products. An email template: EmailDocument, its parts Liquid. `text` is its
 * compact JSON. INVALID with the pointer below "/document", or TOO_LARGE. */
bool document_check(struct ctx *ctx, struct str kind, const struct json *document, struct str text);
