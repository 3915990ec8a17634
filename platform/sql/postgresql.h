/* Inside platform/sql: a connection to PostgreSQL (postgresql_connect.c) and what is done on it (postgresql.c). */
#pragma once

#include "platform/sql/internal.h"
#include "platform/sql/libpq.h"

/* A result whose rows may still be read; in the arena of who asked, in the list of its connection. */
struct pg_result {
    PGresult *rows;
    struct pg_result *next, **link;
};

struct pg_sql {
    struct sql sql;
    PGconn *conn; /* NULL: to be made at the next begin */
    bool writer;
    bool stale; /* statements were planned for a schema that has changed since: connect anew */
    unsigned next_number;
    int64_t changes;
    struct pg_result *results;
};

/* What all connections of a database share: the address, and when it is worth trying again after a failure. */
struct pg_engine {
    char *url;    /* without our own parameters */
    char *schema; /* quoted */
    char *schema_name;
    int pool;
    pthread_mutex_t mutex;
    int64_t next_try_us, pause_us; /* 0: it was there when last tried */
    char reason[256];
};

static inline struct pg_sql *pg_of(struct sql *sql)
{
    return CONTAINER_OF(sql, struct pg_sql, sql);
}

/* Reads the URL; connects nothing. */
bool pg_open(struct ctx *ctx, struct sql_db *db, struct str url);
void pg_close(struct sql_db *db);
bool pg_erase(struct ctx *ctx, struct sql_db *db);

/* Makes the connection where there is none. UNAVAILABLE, at once, while an earlier failure is fresh. */
bool pg_connect(struct ctx *ctx, struct pg_sql *self);
void pg_disconnect(struct pg_sql *self);

/* Notes the error of a result (cleared here) or, without one, of the connection; sets lost and again. */
bool pg_fail(struct ctx *ctx, struct pg_sql *self, PGresult *result, const char *text);

/* A command without values or rows. */
bool pg_command(struct ctx *ctx, struct pg_sql *self, const char *text);
