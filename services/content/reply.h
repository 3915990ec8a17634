/* What the operations share: finding things, and answering with them. */
#pragma once

#include "services/content/store.h"
#include "content_contract.h"

bool entry_find(struct ctx *ctx, struct str entry_id, struct entry_row *out); /* NOT_FOUND */
bool version_find(struct ctx *ctx, struct str entry_id, int64_t version, struct version_row *out);

/* What the contract calls kind and type is one in the tables: a built-in kind, or the type of an item. */
bool kind_read(
    struct ctx *ctx, enum entry_kind kind, struct str type, const char *pointer,
    struct str
        *stored); /* INVALID at `pointer`: an item without a type, or a type of what is none */
enum entry_kind kind_of(struct str stored);
struct str type_of_kind(struct str stored); /* ptr NULL where it is built in */

enum entry_state entry_state_of(const struct entry_row *row);
struct str entry_etag(struct ctx *ctx, int64_t version);
struct reply reply_entry(struct ctx *ctx, const struct entry_row *row);

/* What is shown, as the contract has it; `moved_from` ptr NULL: it was asked for where it is. ptr NULL: an error. */
struct str shown_text(struct ctx *ctx, const struct shown_row *row, struct str moved_from);
struct str shown_etag(struct ctx *ctx, const struct shown_row *row);

/* Does If-None-Match name the ETag? RFC 9110 section 13.1.2: weak comparison. */
bool etag_has(struct str if_none_match, struct str etag);

/* CONFLICT, with who they are, while others refer to it. */
bool unreferred(struct ctx *ctx, struct str target);

/* Empty text as the contract has it: absent. */
static inline struct str text_or_none(struct str text)
{
    return text.len ? text : (struct str){ NULL, 0 };
}
