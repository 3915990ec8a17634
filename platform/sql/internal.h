/* Inside platform/sql: the database, a connection, and the table of functions that an engine gives. */
#pragma once

#include <pthread.h>
#include <stdatomic.h>

#include "platform/sql/sql.h"
#include "platform/telemetry/metrics.h"
#include "platform/telemetry/trace.h"

/* A prepared statement of one connection. */
struct sql_statement {
    const char *text;     /* as the caller gave it: the key */
    char *copy;       /* its content then: another text at the same address is another statement */
    void *handle;         /* the engine's */
    unsigned number;      /* the engine's */
    uint16_t *values;     /* the engine's: which value each of its parameters takes */
    struct metric *spent; /* durations of this kind of statement */
    int64_t ns;           /* spent on the rows that are being read */
    uint32_t used;        /* when last, in ticks of its connection */
    bool busy;            /* rows of it are being read */
    bool passing;         /* not in the cache: gone when its rows are closed */
    struct sql_statement *next; /* of those that pass */
};

/* Sets x ways bound what one connection keeps; services have some fifty texts. */
#define SQL_CACHE_SETS 64
#define SQL_CACHE_WAYS 4
#define SQL_SAVEPOINTS 8

/* A connection; the engine's own struct begins with it. One thread at a time. */
struct sql {
    const struct sql_driver *driver;
    struct sql_db *db;
    struct sql_statement *cache[SQL_CACHE_SETS][SQL_CACHE_WAYS];
    struct sql_statement *passing;
    uint32_t ticks;
    int n_busy;       /* statements whose rows are being read */
    int depth;        /* savepoints open, the job's own not counted */
    bool writing;     /* in a transaction that may write */
    bool spoiled;     /* a statement failed since the innermost savepoint */
    bool lost;        /* the transaction is gone */
    bool again;       /* it lost against another: run it again */
    bool changed;     /* the transaction that was committed last had changed something */
    struct span *span; /* of a read in two steps */
    struct sql *next; /* of the readers that are free */
};

/* What an engine does. All that can fail give false with the error in ctx. */
struct sql_driver {
    const char *system;   /* db.system.name */
    bool shared_commit;   /* one writer, many jobs to one commit; else a pool, each job its own */
    bool (*open)(struct ctx *ctx, struct sql_db *db,
                 struct str url); /* reads the URL, connects nothing */
    void (*close)(struct sql_db *db);
    bool (*erase)(struct ctx *ctx, struct sql_db *db);

    struct sql *(*connect)(struct ctx *ctx, struct sql_db *db, bool writer); /* NULL: failed */
    void (*disconnect)(struct sql *sql); /* the cache is empty by then */
    bool (*lock)(struct ctx *ctx,
                 struct sql *sql); /* against other processes that migrate, until the commit */
    bool (*script)(struct ctx *ctx, struct sql *sql,
                   const char *text); /* statements without values */

    bool (*begin)(struct ctx *ctx, struct sql *sql, bool writing);
    bool (*check)(struct ctx *ctx,
                  struct sql *sql); /* would a commit of what was done so far be refused? */
    bool (*commit)(struct ctx *ctx, struct sql *sql); /* failed: all of it is undone */
    void (*rollback)(struct sql *sql);
    void (*after_commit)(struct sql *sql); /* chores, when everybody has been answered */
    void (*idle)(struct sql *sql);         /* nothing to do for a while */
    void (*forget)(struct ctx *ctx,
                   struct sql *sql); /* what the transaction deletes is to be nowhere; or NULL */

    bool (*prepare)(struct ctx *ctx, struct sql *sql, struct sql_statement *statement);
    void (*unprepare)(struct sql *sql, struct sql_statement *statement);
    bool (*exec)(struct ctx *ctx, struct sql *sql, struct sql_statement *statement,
                 const struct sql_value *values, size_t n, int64_t *changed);
    bool (*query)(struct ctx *ctx, struct sql_rows *rows, const struct sql_value *values, size_t n);
    int (*step)(struct ctx *ctx, struct sql_rows *rows); /* 1: a row; 0: the end; -1: failed */
    void (*finish)(struct sql_rows *rows);
    bool (*is_null)(const struct sql_rows *rows, int column);
    int64_t (*get_int)(const struct sql_rows *rows, int column);
    double (*get_double)(const struct sql_rows *rows, int column);
    struct str (*get_bytes)(struct arena *arena, const struct sql_rows *rows, int column);
};

extern const struct sql_driver sqlite_driver, postgresql_driver;

struct sql_hook {
    void (*wake)(void *argument);
    void *argument;
};

struct sql_db {
    const struct sql_driver *driver;
    void *engine; /* the engine's settings */
    char *service;
    char *span_name;
    int n_writers, max_readers;
    struct sql_hook hooks[4];
    _Atomic int n_hooks;
    atomic_bool scrub; /* the write-ahead log holds what was deleted for good */
    atomic_bool rewrite; /* and so do gaps in the pages of the file */

    pthread_mutex_t queue_mutex;
    pthread_cond_t queue_wake;
    struct sql_job *first, **last;
    int n_queued;
    bool closing;
    pthread_t *threads;
    int n_threads;
    struct sql **writers;
    struct metric *queued;

    pthread_mutex_t reader_mutex;
    pthread_cond_t reader_wake;
    struct sql *free_readers;
    int n_readers; /* made, free or not */
    int n_free;
};

/* The engine for a URL, or NULL with a sentence. */
const struct sql_driver *sql_driver_of(struct ctx *ctx, struct str url);

/* statements.c */
void sql_transaction_begun(struct sql *sql, bool writing);
void sql_rows_reset(struct sql *sql);  /* closes what was left open */
void sql_cache_clear(struct sql *sql);
struct metric *sql_metric(const struct sql_db *db, const char *operation);
enum sql_savepoint_word { SQL_SAVEPOINT, SQL_RELEASE, SQL_ROLLBACK_TO };
bool sql_savepoint_exec(struct ctx *ctx, enum sql_savepoint_word word,
                        int level); /* level 0: the job's own */

/* migrate.c: the platform's and the service's, in one transaction under the lock. */
bool sql_migrate(struct ctx *ctx, struct sql *sql, const char *service,
                 const struct sql_migration *migrations, size_t n);

/* jobs.c */
bool sql_jobs_start(struct ctx *ctx, struct sql_db *db);
void sql_jobs_stop(struct sql_db *db); /* when the queue is empty */

/* database.c */
bool sql_fault(const struct sql_db *db, const char *point); /* is this place to fail? */
struct span *sql_span_start(struct ctx *ctx, const struct sql_db *db, const char *operation);
void sql_span_end(struct ctx *ctx, struct span *span);
