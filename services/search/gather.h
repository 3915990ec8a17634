/* Gathering: the postings of a group's terms. */
#pragma once

#include "services/search/match.h"

#define PHRASE_WORDS 16 /* of a phrase: more are not looked at */

/* All parts of a term into the group; `range`: of all terms that begin like it and go on. */
void gather_term(const struct lmdb_read *read, struct arena *arena, struct match_group *group,
                 struct str term, bool range, enum match_class class);

/* All parts of a phrase ("red chair", folded): of documents that have its words next to each other, in this order. Looks at
 * each document that has them all. What documents have of it is worth as much as its least word in the field where it is. */
void gather_phrase(const struct lmdb_read *read, struct arena *arena, struct match_group *group,
                   struct str phrase, enum match_class class);

/* The parts of another group, as of this class. */
void gather_again(struct arena *arena, struct match_group *group, const struct match_group *other,
                  enum match_class class);
