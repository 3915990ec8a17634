/* Suppressions: the one way by which they come and go, so that each is told. */
#pragma once

#include "services/email/store.h"

/* `reason` and `scope` as in the events. The row is filled in: id, target and time. *added false: it was suppressed for
 * this reason already. */
bool suppress_person(struct ctx *ctx, struct suppression_row *row, bool *added);
/* By address: whoever has it, now or later. It is told for the person who has it now, if there is one. */
bool suppress_address(struct ctx *ctx, struct str address, struct suppression_row *row,
                      bool *added);
/* For the address whose hash it is. */
bool suppress_hash(struct ctx *ctx, struct str hash, struct suppression_row *row, bool *added);

/* What suppressions of an address stand under. */
struct str suppression_target(struct ctx *ctx, struct str address);

/* Takes it back. NOT_FOUND: there is none. */
bool suppression_remove(struct ctx *ctx, struct str suppression_id);
/* A person has consented anew at this moment: an unsubscription from before does not stand against it. */
bool suppression_outdated(struct ctx *ctx, struct str person_id, int64_t at_us);
/* The same for what was written to an address by itself. */
bool suppression_outdated_address(struct ctx *ctx, struct str address, int64_t at_us);
