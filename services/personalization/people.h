/* People: a record of features for each id, in LMDB, one projection in every instance. Changed only by the consumer, and
 * by people_write. */
#pragma once

#include "platform/lmdb/lmdb_store.h"
#include "services/personalization/percentile.h"
#include "services/personalization/person.h"

struct people;
struct program;

/* Opens the folder and counts the customers' spends. */
void *people_open(struct ctx *ctx, const char *folder);
void people_close(void *people); /* NULL-safe */

/* The store of the projection: state and positions in LMDB; percentiles move when a transaction is committed. Its model
 * is the struct people. */
extern const struct event_store people_event_store;

const struct percentile *people_percentile(const struct people *people);

/* Reading, from any thread, between people_read_begin and people_read_end. What is known of the person under all ids that
 * are theirs. *known: anything was heard of them. */
bool people_read_begin(struct ctx *ctx, struct people *people, struct lmdb_read *read);
bool people_get(struct ctx *ctx, const struct lmdb_read *read, struct str person_id,
                struct person *out, bool *known);

/* The id that stands for the person, and what is kept under it alone. */
bool people_root(struct ctx *ctx, const struct lmdb_read *read, struct str person_id,
                 struct str *root, struct person *out);

/* Changing, inside a reaction: read for update, change, put; of this id alone. An erased person stays erased: *out is
 * NULL then. */
bool people_update(struct ctx *ctx, struct people *people, struct str person_id,
                   struct person *room, struct person **out);
bool people_put(struct ctx *ctx, struct people *people, struct str person_id,
                struct person *person);

/* Two ids are of one person, as was said at that time. */
bool people_join(struct ctx *ctx, struct people *people, struct str one, struct str other,
                 int64_t at_us);

/* Under this id and those that were joined to it. */
bool people_erase(struct ctx *ctx, struct people *people, struct str person_id);

/* A transaction of its own, for what does not come from the log; it waits for the consumer's. In `run`, what reactions may
 * do. */
bool people_write(struct ctx *ctx, struct people *people,
                  bool (*run)(struct ctx *ctx, struct people *people, void *argument),
                  void *argument);
