/* What a CDN in front has kept and must forget: reactions note surrogate keys in the edge store, in their own
 * transaction; a worker tells the CDN and forgets what it took. */
#pragma once

#include "platform/lmdb/lmdb_store.h"
#include "platform/service/service.h"

struct purge {
    struct peer *cdn; /* NULL: none is told, and nothing is noted */
    struct str path, token;
    int64_t failed_us; /* when it last refused; 0: it did not */
};

bool purge_open(struct ctx *ctx, struct purge *purge); /* by the settings; makes its worker */
void purge_close(struct purge *purge);

/* In a reaction. What a rebuild reads again changes nothing that is shown, so that notes nothing. */
bool purge_note(struct ctx *ctx, struct str surrogate_key);
