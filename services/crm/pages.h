/* What people see who follow the link of a mail that asks for their consent: small pages without script. */
#pragma once

#include "platform/contract/contract.h"

/* A button, above it what is agreed to (ptr NULL: nothing is said of it). */
struct reply page_confirm(struct ctx *ctx, struct str wording);
struct reply page_confirmed(struct ctx *ctx);
/* What is in ctx->error, to a person. */
struct reply page_error(struct ctx *ctx);
