/* Memberships that may differ from what was told, and lists: what segments exchange with SQL. */
#pragma once

#include "services/personalization/people.h"

/* How far an instance has come: partitions of the log, and what else memberships are made of. */
struct mark {
    struct str name;
    int64_t next;
};

struct untold {
    struct str segment_id, person_id, key;
    int64_t at_us; /* when it changed last */
    bool member;   /* now */
};

/* What is untold, up to *n, and the marks as of the same moment. */
bool people_untold(struct ctx *ctx, struct people *people, struct untold *out, size_t *n,
                   struct mark **marks, size_t *n_marks);
/* They are told, unless they have changed since. */
bool people_told(struct ctx *ctx, struct people *people, const struct untold *told, size_t n);

/* How far the changes of lists were taken over, and some more of them. */
struct list_row;
bool people_list_change(struct ctx *ctx, struct people *people, int64_t *change);
bool people_list_take(struct ctx *ctx, struct people *people, const struct list_row *rows, size_t n,
                      int64_t change); /* 0: it is not all of a change yet */
