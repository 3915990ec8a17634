/* Where an operation runs: reads here or on the pool, writes on the writer, what may wait on the pool. */
#include "platform/http/exchange.h"

static void handle(struct exchange *ex)
{
    ex->reply = ex->ctx.operation->handle(&ex->ctx, ex->in);
    if (ex->reply.status < 200 || ex->reply.status > 599) {
        ctx_clear(&ex->ctx);
        ctx_fail(&ex->ctx, ERR_INTERNAL, "The operation gave no answer.");
        ex->reply = reply_error(&ex->ctx);
    }
}

static bool in_time(struct exchange *ex)
{
    return ctx_left_us(&ex->ctx) > 0 ||
           ctx_fail_openly(&ex->ctx, ERR_TIMEOUT,
                           "The time was up before the operation could begin.");
}

/* ---- reads ---- */

static void read_run(struct exchange *ex)
{
    struct sql_db *db = ex->router->settings.db;
    if (!in_time(ex) || (db && !sql_read_begin(&ex->ctx, db))) {
        exchange_refuse(ex);
        return;
    }
    handle(ex);
    if (db)
        sql_read_end(&ex->ctx);
    exchange_answer(ex);
}

/* ---- the pool ---- */

static void pool_run(void *argument)
{
    struct exchange *ex = argument;
    if (ex->ctx.operation->run == RUN_READ) {
        read_run(ex);
    } else if (in_time(ex)) {
        handle(ex);
        exchange_answer(ex);
    } else {
        exchange_refuse(ex);
    }
}

static void pool_start(struct exchange *ex)
{
    ex->pool_job = (struct pool_job){ .run = pool_run, .argument = ex };
    if (pool_submit(ex->router->pool, &ex->pool_job))
        return;
    ctx_fail_openly(&ex->ctx, ERR_UNAVAILABLE, "Too much is waiting already.");
    exchange_refuse(ex);
}

/* ---- writes ---- */

/* On the writer, in a savepoint; on PostgreSQL perhaps again, after a conflict with another transaction. */
static bool write_run(struct ctx *ctx, void *argument)
{
    struct exchange *ex = argument;
    ctx_clear(ctx);
    ex->refused = false;
    bool keyed = idempotency_wanted(ex);
    if (!in_time(ex))
        return false;
    enum idempotency known = keyed ? idempotency_begin(ex) : IDEMPOTENCY_FIRST;
    if (known == IDEMPOTENCY_REPLAY)
        return true;
    if (known == IDEMPOTENCY_FAILED) {
        ex->refused = error_status(ctx->error.code) < 500;
        if (ex->refused)
            ex->reply = reply_error(ctx);
        return false;
    }
    handle(ex);
    if (ex->reply.status >= 400) {
        ex->refused = true;
        return ctx_failed(ctx)
                   ? false
                   : ctx_fail(ctx, error_of_status(ex->reply.status), "The operation refused.");
    }
    return !keyed || idempotency_keep(ex);
}

/* On the writer's thread, once it is on disk or not. What the handler answered stands only if it is, or if it said no. */
static void write_done(struct ctx *ctx, void *argument, bool committed)
{
    struct exchange *ex = argument;
    if (committed || ex->refused) {
        exchange_answer(ex);
        return;
    }
    if (error_status(ctx->error.code) < 500) {
        ctx->error.code = ERR_UNAVAILABLE;
        if (!ctx->error.detail.ptr)
            ctx->error.detail = STR("It could not be stored.");
    }
    exchange_refuse(ex);
}

static void write_start(struct exchange *ex)
{
    ex->sql_job =
        (struct sql_job){ .ctx = &ex->ctx, .run = write_run, .done = write_done, .argument = ex };
    if (!sql_submit(ex->router->settings.db, &ex->sql_job))
        exchange_refuse(ex);
}

void exchange_run(struct exchange *ex)
{
    const struct operation *operation = ex->ctx.operation;
    if (operation->at_once && operation->at_once(&ex->ctx, ex->in, &ex->reply))
        exchange_answer(ex);
    else if (ex->endpoint->on_loop)
        read_run(ex);
    else if (operation->run == RUN_WRITE)
        write_start(ex);
    else
        pool_start(ex);
}
