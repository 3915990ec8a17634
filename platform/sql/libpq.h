/* libpq, loaded when a database is a PostgreSQL: with what it stands on (Kerberos, LDAP) it would take some 300 KiB of each
 * process that keeps its data in SQLite. */
#pragma once

#include <libpq-fe.h>

#include "base/ctx.h"

#define PQ_FUNCTIONS(X)                                                                            \
    X(clear)                                                                                       \
    X(cmdStatus)                                                                                   \
    X(cmdTuples)                                                                                   \
    X(connectdbParams)                                                                             \
    X(conninfoFree)                                                                                \
    X(conninfoParse)                                                                               \
    X(errorMessage)                                                                                \
    X(exec)                                                                                        \
    X(execPrepared)                                                                                \
    X(finish)                                                                                      \
    X(freemem)                                                                                     \
    X(ftype)                                                                                       \
    X(getisnull)                                                                                   \
    X(getlength)                                                                                   \
    X(getvalue)                                                                                    \
    X(ntuples)                                                                                     \
    X(prepare)                                                                                     \
    X(resultErrorField)                                                                            \
    X(resultStatus)                                                                                \
    X(setNoticeProcessor)                                                                          \
    X(status)                                                                                      \
    X(transactionStatus)

/* Each as libpq-fe.h has it: pq.exec() is PQexec(). */
struct pq_functions {
#define X(name) __typeof__(PQ##name) *name;
    PQ_FUNCTIONS(X)
#undef X
};
extern struct pq_functions pq;

/* Before anything else; any thread, any number of times. UNAVAILABLE where this machine has no libpq. */
bool pq_load(struct ctx *ctx);
