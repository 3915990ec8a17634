/* Ids of the newest events, as hashes, to drop what comes twice: two generations of up to IDSET_ROOM each, so at least
 * that many of the newest are known. One thread. */
#pragma once

#include "base/str.h"

#define IDSET_ROOM (1u << 22) /* 4 million; memory grows with what is in it, 64 MB at most */

struct idset;

struct idset *idset_new(void);
void idset_free(struct idset *set); /* NULL-safe */
uint64_t idset_hash(struct str id); /* never 0 */
bool idset_add(struct idset *set, uint64_t hash); /* false: it was there */
void idset_remove(struct idset *set, uint64_t hash);
