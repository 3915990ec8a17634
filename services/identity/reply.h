/* What the operations share: what callers may give, and answering. */
#pragma once

#include "platform/http/expectation.h"
#include "services/identity/store.h"
#include "identity_contract.h"

/* May the caller do all that these scopes allow? FORBIDDEN otherwise: nobody gives, or takes over, more than they have. */
bool caller_holds(struct ctx *ctx, struct str scopes);

struct str small_letters(struct arena *arena, struct str text); /* ASCII, as addresses are kept */

struct reply reply_person(struct ctx *ctx, const struct person_row *row);
struct person person_answer(struct ctx *ctx, const struct person_row *row);
