/* What segments keep in SQL: who is on lists, and which memberships were told. Functions need ctx->sql. */
#pragma once

#include "platform/sql/sql.h"

/* The number under which the changes of this transaction are found; others wait for its end. Moves the revision. */
bool store_list_change(struct ctx *ctx, int64_t *change);
bool store_list_put(struct ctx *ctx, struct str segment_id, struct str person_id, bool member,
                    int64_t change);
/* Everybody is off it. */
bool store_list_clear(struct ctx *ctx, struct str segment_id, int64_t change);

struct list_row {
    struct str segment_id, person_id;
    bool member;
    int64_t change;
};
/* Up to `limit` behind `after`, in the order of change, segment and person. */
bool store_list_rows(struct ctx *ctx, const struct list_row *after, size_t limit,
                     struct list_row *out, size_t *n);

/* Who tells goes one after the other. */
bool store_tell_lock(struct ctx *ctx);
/* How far who told last had come: `each` mark. */
bool store_told_marks(struct ctx *ctx, bool (*each)(void *argument, struct str mark, int64_t next),
                      void *argument);
bool store_told_mark_put(struct ctx *ctx, struct str mark, int64_t next);
/* Notes that it was told; *changed: it had not been. */
bool store_told_put(struct ctx *ctx, struct str segment_id, struct str person_id, bool member,
                    bool *changed);
