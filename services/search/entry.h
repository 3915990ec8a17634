/* What can be read in a published document of content. Pure. */
#pragma once

#include "platform/json/json.h"

#define ENTRY_TEXT_BYTES 65536 /* what is beyond is not searched */

/* The texts of the document, a space between two, without tags of HTML. Of a page only what its blocks show to everybody:
 * their `content`. Left out: members that begin with `$` (references), variants. */
struct str entry_text(struct arena *arena, const struct json *document, bool page);
