/* SQLite's results as errors of ours. */
#include <unistd.h>

#include "platform/sql/sqlite.h"
#include "platform/telemetry/log.h"

static enum error_code code_of_constraint(int extended)
{
    switch (extended) {
    case SQLITE_CONSTRAINT_NOTNULL:
    case SQLITE_CONSTRAINT_DATATYPE:
        return ERR_INTERNAL;
    default:
        return ERR_CONFLICT;
    }
}

const char *sqlite_constraint_sentence(int extended)
{
    switch (extended) {
    case SQLITE_CONSTRAINT_UNIQUE:
    case SQLITE_CONSTRAINT_PRIMARYKEY:
    case SQLITE_CONSTRAINT_ROWID:
        return "something with this key is there already";
    case SQLITE_CONSTRAINT_FOREIGNKEY:
        return "what it refers to is not there, or something refers to it";
    default:
        return "a value is outside its bounds";
    }
}

/* What was written may or may not be on the disk, and the system has forgotten which pages it failed to write: going on
 * could acknowledge what is not there. A start reads what is really there. */
void sqlite_end_if_sync_failed(const struct sqlite_sql *self, int result)
{
    if (result != SQLITE_IOERR_FSYNC && result != SQLITE_IOERR_DIR_FSYNC)
        return;
    log_line(LOG_ERROR, NULL, "sql_sync_failed", LOG_C("db_namespace", self->sql.db->service),
             LOG_I("errno", sqlite3_system_errno(self->handle)));
    _exit(1);
}

/* Notes the error that `result` is. Some errors undo the whole transaction by themselves (FULL, IOERR, NOMEM): then
 * nothing more may run in it, or it would run outside any. */
bool sqlite_fail(struct ctx *ctx, struct sqlite_sql *self, int result, const char *text)
{
    sqlite_end_if_sync_failed(self, result);
    if (self->begin && sqlite3_get_autocommit(self->handle))
        self->sql.lost = true;
    const char *message = sqlite3_errmsg(self->handle);
    switch (result & 0xff) {
    case SQLITE_CONSTRAINT:
        if (code_of_constraint(result) == ERR_CONFLICT)
            return ctx_fail(ctx, ERR_CONFLICT, "%s", sqlite_constraint_sentence(result));
        break;
    case SQLITE_FULL:
        return ctx_fail(ctx, ERR_UNAVAILABLE, "the disk is full");
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
    case SQLITE_NOMEM:
    case SQLITE_IOERR:
    case SQLITE_CANTOPEN:
    case SQLITE_READONLY:
    case SQLITE_PROTOCOL:
    case SQLITE_INTERRUPT:
    case SQLITE_ABORT:
        return ctx_fail(ctx, ERR_UNAVAILABLE, "the database cannot be used now: %s (%d)", message,
                        result);
    case SQLITE_TOOBIG:
        return ctx_fail(ctx, ERR_TOO_LARGE, "a value is too large for the database");
    default:
        break;
    }
    return ctx_fail(ctx, ERR_INTERNAL, "SQLite: %s (%d)%s%s", message, result, text ? ", in: " : "",
                    text ? text : "");
}
