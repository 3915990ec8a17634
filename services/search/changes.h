/* What a transaction changes of postings and columns: noted as events are handled, written before the commit, all of one
 * chunk's at once. */
#pragma once

#include "platform/lmdb/lmdb_store.h"
#include "services/search/columns.h"

struct changes;

struct changes *changes_new(void);
void changes_free(struct changes *changes); /* NULL-safe */
void changes_forget(struct changes *changes);

/* value 0: the document has the term no more. Copies the term. What is noted later wins. */
void changes_posting(struct changes *changes, struct str term, uint32_t number, uint8_t value);
void changes_column(struct changes *changes, enum column column, uint32_t number, uint32_t value);

/* Into the transaction that is open; forgets them. */
bool changes_write(struct ctx *ctx, struct changes *changes, struct lmdb *db);
