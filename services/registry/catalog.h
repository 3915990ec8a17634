/* All events: who tells them, who reads what of them, what runs. Made of what services say of themselves and of the
 * schemas that are registered. */
#pragma once

#include "base/ctx.h"
#include "registry_contract.h"

/* Needs ctx->sql; all of it is in the arena. What counts is what runs now; of a service of which nothing runs, what ran
 * last. */
bool catalog_make(struct ctx *ctx, struct catalog *out);

/* The same as AsyncAPI 3.0. Needs ctx->sql: the schemas are read. ptr NULL: in ctx->error why. */
struct str asyncapi_text(struct ctx *ctx, const struct catalog *catalog);

/* JSON Pointers into the data of what the schema marks as personal ("x-personal"); "*" stands for any element. */
void personal_members(struct ctx *ctx, const struct json *schema, struct str **out, size_t *n);
