/* What the tests of this folder share: two kinds of events with one field table, a small ledger that counts them, and a
 * database in a temporary folder. */
#pragma once

#include "base/tests/check.h"
#include "platform/events/events_internal.h"

/* {"owner": "a", "amount": 3, "wish": "retry"} */
struct counted {
    struct str owner;
    int64_t amount;
    struct str wish; /* what the reaction is to do: nothing, "retry", "reject", "publish" */
};

extern const struct schema_type counted_type;
extern const struct event_type counted_v1; /* fanfare.test.thing.counted.v1 on fanfare.test.thing */
extern const struct event_type
    noted_v1; /* fanfare.test.note.noted.v1 on fanfare.test.note, compacted */
extern const struct contract fixture_contract;

/* The ledger: a row for each effect, and their sum. */
extern const struct sql_migration fixture_migrations[];
#define FIXTURE_MIGRATIONS 1

/* Adds to the ledger, or does what the event wishes. */
enum outcome fixture_count(struct ctx *ctx, const void *data);
extern atomic_int fixture_refuse; /* how often "retry" is answered with RETRY; -1: always */
extern const struct reaction fixture_reactions[];
#define FIXTURE_REACTIONS 1

struct fixture {
    struct arena *arena;
    struct ctx ctx;
    char folder[64];
    char url[256];
    struct sql_db *db;
    struct events *events;
};

/* A database (SQLite in a new folder, or `url`, emptied first) and events for it; `servers` NULL: a log that is away. */
void fixture_open(struct fixture *fixture, const char *url, const char *servers);

/* The same on a database that is there already (or is made). */
void fixture_join(struct fixture *fixture, const char *url, const char *servers);
/* A consumer called "test" with the reactions above. */
void fixture_consume(struct fixture *fixture);
void fixture_close(struct fixture *fixture);

/* One number of one row. */
int64_t fixture_number(struct fixture *fixture, const char *text);
int64_t fixture_sum(struct fixture *fixture);
bool fixture_publish(struct fixture *fixture, const char *owner, int64_t amount, const char *wish);
enum outcome fixture_give(struct fixture *fixture, const char *id, const char *data);
