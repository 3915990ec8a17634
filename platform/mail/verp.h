/* Return paths that name their message: "b-<message id>-<16 hex digits>@<domain>". The digits are the start of an
 * HMAC-SHA256 over the id, so that nobody can report a mail that we have not sent. Letters may come back in any case. */
#pragma once

#include "base/arena.h"

#define VERP_MOST_ID 45 /* the local part has 64 bytes at most (RFC 5321 section 4.5.3.1.1) */

/* ptr NULL for an id that is empty, too long, or has other than small letters, digits, '_' and '-'. */
struct str verp_address(struct arena *arena, struct str key, struct str message_id,
                        struct str domain);

/* The message id of one of ours, whatever its domain; ptr NULL for any other address. */
struct str verp_read(struct arena *arena, struct str key, struct str address);
