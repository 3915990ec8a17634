/* Changing profiles: the one path by which a profile changes, from requests and from events alike. */
#pragma once

#include "services/crm/store.h"

#define TRAITS_MOST_BYTES 32768

/* The profile, or an error: GONE when the person asked to be forgotten, NOT_FOUND when there is none. */
bool profile_get(struct ctx *ctx, struct str profile_id, struct profile_row *out);

/* GONE when the person asked to be forgotten. */
bool profile_check(struct ctx *ctx, struct str profile_id);

/* Stores `wanted` (id and personal members) as the newest version and tells profile updated; the same content changes and
 * tells nothing. *out is the profile as it is then. */
bool profile_replace(struct ctx *ctx, const struct profile_row *wanted, struct profile_row *out);

/* Makes a bare profile where there is none; GONE as above. */
bool profile_ensure(struct ctx *ctx, struct str profile_id);

/* The traits (JSON texts of objects) with those of `more` over those of `base`; a null takes one away. INVALID when they
 * grow over TRAITS_MOST_BYTES. */
bool traits_merge(struct ctx *ctx, struct str base, const struct json *more, struct str *out);
