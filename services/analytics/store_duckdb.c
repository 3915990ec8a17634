#include "services/analytics/warehouse.h"

#include <duckdb.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/clock.h"
#include "services/analytics/idset.h"

/* Rows carry the hash of their event's id: at start the newest are read back, to know what comes twice. */
static const char schema[] =
    "CREATE TABLE IF NOT EXISTS events (id UBIGINT, moment BIGINT, kind VARCHAR, name VARCHAR, person VARCHAR,"
    " source VARCHAR, properties VARCHAR);"
    "CREATE TABLE IF NOT EXISTS views (id UBIGINT, moment BIGINT, slug VARCHAR, person VARCHAR, defaults BOOLEAN,"
    " duration BIGINT);"
    "CREATE TABLE IF NOT EXISTS orders (id UBIGINT, moment BIGINT, order_id VARCHAR, person VARCHAR, currency VARCHAR,"
    " amount BIGINT);"
    "CREATE TABLE IF NOT EXISTS lines (id UBIGINT, order_id VARCHAR, product_id VARCHAR, currency VARCHAR,"
    " quantity BIGINT, amount BIGINT);"
    "CREATE TABLE IF NOT EXISTS refunds (id UBIGINT, moment BIGINT, order_id VARCHAR, person VARCHAR, currency VARCHAR,"
    " amount BIGINT);"
    "CREATE TABLE IF NOT EXISTS reached (id UBIGINT, moment BIGINT, campaign VARCHAR, person VARCHAR, channel VARCHAR);"
    "CREATE TABLE IF NOT EXISTS seen (id UBIGINT, moment BIGINT);"
    "CREATE TABLE IF NOT EXISTS positions (log VARCHAR, topic VARCHAR, part INTEGER, next BIGINT);";

enum table { EVENTS, VIEWS, ORDERS, LINES, REFUNDS, REACHED, SEEN, N_TABLES };
static const char *const table_names[N_TABLES] = { "events",  "views",   "orders", "lines",
                                                   "refunds", "reached", "seen" };

#define SEEN_DAYS 7 /* duplicates are dropped within this time (semantics.md) */

struct warehouse {
    duckdb_database database;
    duckdb_connection writer;
    duckdb_appender appenders[N_TABLES]; /* open in the transaction under way, or NULL */
    struct idset *ids;
    uint64_t *noted; /* ids noted in the transaction under way */
    size_t n_noted, room;
    uint64_t id; /* of the event under way */
    int64_t pruned_us;
};

/* ---- DuckDB in our words ---- */

static bool failed(struct ctx *ctx, const char *doing, const char *why)
{
    struct str first = str_of(why ? why : "no reason given"), line;
    str_split(&first, '\n', &line); /* what follows points into the statement */
    return ctx_fail(ctx, ERR_UNAVAILABLE, "the warehouse, %s: " STR_FMT, doing, STR_ARG(line));
}

static bool run(struct ctx *ctx, duckdb_connection connection, const char *sql)
{
    duckdb_result result;
    bool ok = duckdb_query(connection, sql, &result) == DuckDBSuccess;
    if (!ok)
        failed(ctx, "a statement", duckdb_result_error(&result));
    duckdb_destroy_result(&result);
    return ok;
}

struct parameter {
    enum { P_TEXT, P_INT } kind;
    struct str text;
    int64_t integer;
};
#define P_T(value) ((struct parameter){ P_TEXT, .text = (value) })
#define P_I(value) ((struct parameter){ P_INT, .integer = (value) })

static bool ask(struct ctx *ctx, duckdb_connection connection, const char *sql,
                const struct parameter *parameters, size_t n, duckdb_result *out)
{
    duckdb_prepared_statement statement;
    if (duckdb_prepare(connection, sql, &statement) != DuckDBSuccess) {
        failed(ctx, "preparing", duckdb_prepare_error(statement));
        duckdb_destroy_prepare(&statement);
        return false;
    }
    for (size_t i = 0; i < n; i++)
        if (parameters[i].kind == P_INT)
            duckdb_bind_int64(statement, i + 1, parameters[i].integer);
        else
            duckdb_bind_varchar_length(statement, i + 1, parameters[i].text.ptr,
                                       parameters[i].text.len);
    bool ok = duckdb_execute_prepared(statement, out) == DuckDBSuccess;
    if (!ok) {
        failed(ctx, "a question", duckdb_result_error(out));
        duckdb_destroy_result(out);
    }
    duckdb_destroy_prepare(&statement);
    return ok;
}

static bool change(struct ctx *ctx, duckdb_connection connection, const char *sql,
                   const struct parameter *parameters, size_t n, int64_t *changed)
{
    duckdb_result result;
    if (!ask(ctx, connection, sql, parameters, n, &result))
        return false;
    if (changed)
        *changed = (int64_t)duckdb_rows_changed(&result);
    duckdb_destroy_result(&result);
    return true;
}

/* ---- open ---- */

static bool ids_read(struct ctx *ctx, struct warehouse *warehouse)
{
    duckdb_result result;
    struct parameter since[] = { P_I(clock_now_us() - SEEN_DAYS * US_PER_DAY) };
    if (!ask(ctx, warehouse->writer, "SELECT id FROM seen WHERE moment > $1", since, 1, &result))
        return false;
    for (duckdb_data_chunk chunk; (chunk = duckdb_fetch_chunk(result));) {
        const uint64_t *ids = duckdb_vector_get_data(duckdb_data_chunk_get_vector(chunk, 0));
        for (idx_t i = 0; i < duckdb_data_chunk_get_size(chunk); i++)
            idset_add(warehouse->ids, ids[i]);
        duckdb_destroy_data_chunk(&chunk);
    }
    duckdb_destroy_result(&result);
    return true;
}

static bool database_open(struct ctx *ctx, struct warehouse *warehouse,
                          const struct warehouse_settings *settings)
{
    duckdb_config config;
    char *why = NULL;
    if (duckdb_create_config(&config) != DuckDBSuccess)
        return failed(ctx, "settings", NULL);
    struct str memory =
        arena_printf(ctx->arena, "%lldKiB", (long long)settings->memory_bytes / 1024);
    struct str threads = arena_printf(ctx->arena, "%d", settings->threads);
    duckdb_set_config(config, "memory_limit", memory.ptr);
    duckdb_set_config(config, "threads", threads.ptr);
    duckdb_set_config(config, "autoinstall_known_extensions", "false");
    duckdb_set_config(config, "autoload_known_extensions", "false");
    duckdb_set_config(config, "enable_external_access", "false");
    bool ok = duckdb_open_ext(settings->path, &warehouse->database, config, &why) == DuckDBSuccess;
    if (!ok)
        failed(ctx, settings->path, why);
    duckdb_free(why);
    duckdb_destroy_config(&config);
    return ok;
}

struct warehouse *warehouse_open(struct ctx *ctx, const struct warehouse_settings *settings)
{
    struct warehouse *warehouse = mem_alloc(sizeof(*warehouse));
    warehouse->ids = idset_new();
    if (database_open(ctx, warehouse, settings) &&
        (duckdb_connect(warehouse->database, &warehouse->writer) == DuckDBSuccess ||
         failed(ctx, "connecting", NULL)) &&
        run(ctx, warehouse->writer, schema) && ids_read(ctx, warehouse))
        return warehouse;
    warehouse_close(warehouse);
    return NULL;
}

static void appenders_drop(struct warehouse *warehouse)
{
    for (int i = 0; i < N_TABLES; i++)
        if (warehouse->appenders[i])
            duckdb_appender_destroy(&warehouse->appenders[i]);
}

void warehouse_close(void *argument)
{
    struct warehouse *warehouse = argument;
    if (!warehouse)
        return;
    appenders_drop(warehouse);
    if (warehouse->writer)
        duckdb_disconnect(&warehouse->writer);
    if (warehouse->database)
        duckdb_close(&warehouse->database);
    idset_free(warehouse->ids);
    free(warehouse->noted);
    free(warehouse);
}

/* ---- the consumer's store ---- */

static bool appenders_flush(struct ctx *ctx, struct warehouse *warehouse)
{
    for (int i = 0; i < N_TABLES; i++)
        if (warehouse->appenders[i] &&
            duckdb_appender_flush(warehouse->appenders[i]) != DuckDBSuccess)
            return failed(ctx, "appending", duckdb_appender_error(warehouse->appenders[i]));
    return true;
}

static bool store_begin(struct ctx *ctx, void *store)
{
    struct warehouse *warehouse = store;
    warehouse->n_noted = 0;
    return run(ctx, warehouse->writer, "BEGIN TRANSACTION");
}

static bool store_position(struct ctx *ctx, void *store, struct str log, struct str topic,
                           int partition, int64_t *next)
{
    struct warehouse *warehouse = store;
    duckdb_result result;
    struct parameter key[] = { P_T(topic), P_I(partition) };
    if (!ask(ctx, warehouse->writer,
             "SELECT log, next FROM positions WHERE topic = $1 AND part = $2", key, 2, &result))
        return false;
    *next = -1;
    if (duckdb_row_count(&result) > 0) {
        char *kept = duckdb_value_varchar(&result, 0, 0);
        *next = duckdb_value_int64(&result, 1, 0);
        if (!str_is(log, kept))
            ctx_fail(ctx, ERR_CONFLICT,
                     "the warehouse's position in " STR_FMT
                     " is of the log %s, and this is the log " STR_FMT,
                     STR_ARG(topic), kept, STR_ARG(log));
        duckdb_free(kept);
    }
    duckdb_destroy_result(&result);
    return !ctx_failed(ctx);
}

static bool store_move(struct ctx *ctx, void *store, struct str log, struct str topic,
                       int partition, int64_t was, int64_t next)
{
    struct warehouse *warehouse = store;
    struct parameter moved[] = { P_I(next), P_T(log), P_T(topic), P_I(partition), P_I(was) };
    struct parameter first[] = { P_T(log), P_T(topic), P_I(partition), P_I(next) };
    int64_t changed = 1;
    bool ok =
        was < 0
            ? change(ctx, warehouse->writer, "INSERT INTO positions VALUES ($1, $2, $3, $4)", first,
                     4, NULL)
            : change(
                  ctx, warehouse->writer,
                  "UPDATE positions SET next = $1 WHERE log = $2 AND topic = $3 AND part = $4 AND next = $5",
                  moved, 5, &changed);
    if (ok && changed != 1)
        return ctx_fail(ctx, ERR_CONFLICT, "the warehouse's position was moved by somebody else");
    return ok;
}

static void store_undo(struct ctx *ctx, void *store)
{
    struct warehouse *warehouse = store;
    struct error before = ctx->error;
    appenders_drop(warehouse);
    ctx_clear(ctx);
    run(ctx, warehouse->writer, "ROLLBACK");
    ctx->error = before;
    for (size_t i = 0; i < warehouse->n_noted; i++)
        idset_remove(warehouse->ids, warehouse->noted[i]);
    warehouse->n_noted = 0;
}

static bool seen_prune(struct ctx *ctx, struct warehouse *warehouse)
{
    int64_t now_us = clock_now_us();
    if (now_us - warehouse->pruned_us < US_PER_DAY / 24)
        return true;
    warehouse->pruned_us = now_us;
    struct parameter before[] = { P_I(now_us - SEEN_DAYS * US_PER_DAY) };
    return change(ctx, warehouse->writer, "DELETE FROM seen WHERE moment <= $1", before, 1, NULL);
}

static bool store_commit(struct ctx *ctx, void *store)
{
    struct warehouse *warehouse = store;
    bool ok = appenders_flush(ctx, warehouse);
    appenders_drop(warehouse);
    if (!ok || !seen_prune(ctx, warehouse) || !run(ctx, warehouse->writer, "COMMIT")) {
        store_undo(ctx, warehouse);
        return false;
    }
    warehouse->n_noted = 0;
    return true;
}

/* ---- rows ---- */

static duckdb_appender row_begin(struct ctx *ctx, struct warehouse *warehouse, enum table table)
{
    duckdb_appender *appender = &warehouse->appenders[table];
    if (!*appender && duckdb_appender_create(warehouse->writer, NULL, table_names[table],
                                             appender) != DuckDBSuccess) {
        failed(ctx, "appending", duckdb_appender_error(*appender));
        return NULL;
    }
    duckdb_append_uint64(*appender, warehouse->id);
    return *appender;
}

static void put(duckdb_appender appender, struct str text)
{
    if (text.ptr)
        duckdb_append_varchar_length(appender, text.ptr, text.len);
    else
        duckdb_append_null(appender);
}

static bool row_end(struct ctx *ctx, duckdb_appender appender)
{
    return duckdb_appender_end_row(appender) == DuckDBSuccess ||
           failed(ctx, "a row", duckdb_appender_error(appender));
}

static bool store_seen(struct ctx *ctx, void *store, struct str id, bool *already)
{
    struct warehouse *warehouse = store;
    warehouse->id = idset_hash(id);
    *already = !idset_add(warehouse->ids, warehouse->id);
    if (*already)
        return true;
    if (warehouse->n_noted == warehouse->room) {
        warehouse->room = warehouse->room ? warehouse->room * 2 : 512;
        warehouse->noted = mem_realloc(warehouse->noted, warehouse->room * sizeof(uint64_t));
    }
    warehouse->noted[warehouse->n_noted++] = warehouse->id;
    duckdb_appender appender = row_begin(ctx, warehouse, SEEN);
    if (!appender)
        return false;
    duckdb_append_int64(appender, clock_now_us());
    return row_end(ctx, appender);
}

const struct event_store warehouse_event_store = {
    .begin = store_begin,
    .position = store_position,
    .move = store_move,
    .commit = store_commit,
    .undo = store_undo,
    .seen = store_seen,
};

bool warehouse_add_event(struct ctx *ctx, struct warehouse *warehouse,
                         const struct warehouse_event *row)
{
    duckdb_appender to = row_begin(ctx, warehouse, EVENTS);
    if (!to)
        return false;
    duckdb_append_int64(to, row->at_us);
    put(to, row->kind);
    put(to, row->name);
    put(to, row->person_id);
    put(to, row->source);
    put(to, row->properties);
    return row_end(ctx, to);
}

bool warehouse_add_view(struct ctx *ctx, struct warehouse *warehouse,
                        const struct warehouse_view *row)
{
    duckdb_appender to = row_begin(ctx, warehouse, VIEWS);
    if (!to)
        return false;
    duckdb_append_int64(to, row->at_us);
    put(to, row->slug);
    put(to, row->person_id);
    duckdb_append_bool(to, row->defaults);
    duckdb_append_int64(to, row->duration_us);
    return row_end(ctx, to);
}

static bool add_order(struct ctx *ctx, struct warehouse *warehouse, enum table table,
                      const struct warehouse_order *row)
{
    duckdb_appender to = row_begin(ctx, warehouse, table);
    if (!to)
        return false;
    duckdb_append_int64(to, row->at_us);
    put(to, row->order_id);
    put(to, row->person_id);
    put(to, row->currency);
    duckdb_append_int64(to, row->amount);
    return row_end(ctx, to);
}

bool warehouse_add_order(struct ctx *ctx, struct warehouse *warehouse,
                         const struct warehouse_order *row)
{
    return add_order(ctx, warehouse, ORDERS, row);
}

bool warehouse_add_refund(struct ctx *ctx, struct warehouse *warehouse,
                          const struct warehouse_order *row)
{
    return add_order(ctx, warehouse, REFUNDS, row);
}

bool warehouse_add_line(struct ctx *ctx, struct warehouse *warehouse,
                        const struct warehouse_line *row)
{
    duckdb_appender to = row_begin(ctx, warehouse, LINES);
    if (!to)
        return false;
    put(to, row->order_id);
    put(to, row->product_id);
    put(to, row->currency);
    duckdb_append_int64(to, row->quantity);
    duckdb_append_int64(to, row->amount);
    return row_end(ctx, to);
}

bool warehouse_add_reach(struct ctx *ctx, struct warehouse *warehouse,
                         const struct warehouse_reach *row)
{
    duckdb_appender to = row_begin(ctx, warehouse, REACHED);
    if (!to)
        return false;
    duckdb_append_int64(to, row->at_us);
    put(to, row->campaign_id);
    put(to, row->person_id);
    put(to, row->channel);
    return row_end(ctx, to);
}

bool warehouse_forget(struct ctx *ctx, struct warehouse *warehouse, struct str person_id)
{
    static const char *const statements[] = {
        "UPDATE events SET person = 'erased', properties = NULL WHERE person = $1",
        "UPDATE views SET person = 'erased' WHERE person = $1",
        "UPDATE orders SET person = 'erased' WHERE person = $1",
        "UPDATE refunds SET person = 'erased' WHERE person = $1",
        "DELETE FROM reached WHERE person = $1",
    };
    struct parameter who[] = { P_T(person_id) };
    bool ok = appenders_flush(ctx, warehouse);
    for (size_t i = 0; ok && i < COUNT(statements); i++)
        ok = change(ctx, warehouse->writer, statements[i], who, 1, NULL);
    return ok;
}

/* ---- questions ---- */

static void table_read(struct ctx *ctx, duckdb_result *result, struct warehouse_table *out)
{
    out->n_rows = duckdb_row_count(result);
    out->n_columns = duckdb_column_count(result);
    out->cells = ARENA_ARRAY(ctx->arena, struct str, out->n_rows * out->n_columns);
    for (size_t row = 0; row < out->n_rows; row++)
        for (size_t column = 0; column < out->n_columns; column++) {
            char *text = duckdb_value_varchar(result, column, row);
            if (text)
                WAREHOUSE_CELL(out, row, column) = arena_str(ctx->arena, str_of(text));
            duckdb_free(text);
        }
}

/* Each question has a connection of its own: a snapshot of the last commit, beside the writer. */
static bool question(struct ctx *ctx, struct warehouse *warehouse, const char *sql,
                     const struct parameter *parameters, size_t n, struct warehouse_table *out)
{
    duckdb_connection connection;
    duckdb_result result;
    if (duckdb_connect(warehouse->database, &connection) != DuckDBSuccess)
        return failed(ctx, "connecting", NULL);
    bool ok = ask(ctx, connection, sql, parameters, n, &result);
    if (ok) {
        table_read(ctx, &result, out);
        duckdb_destroy_result(&result);
    }
    duckdb_disconnect(&connection);
    return ok;
}

bool warehouse_revenue(struct ctx *ctx, struct warehouse *warehouse, struct warehouse_span span,
                       struct warehouse_table *out)
{
    struct parameter bounds[] = { P_I(span.from_us), P_I(span.to_us) };
    return question(
        ctx, warehouse,
        "WITH o AS (SELECT currency, count(*) FILTER (person <> '') n, sum(amount) s FROM orders WHERE moment >= $1 AND moment < $2 GROUP BY 1),"
        " r AS (SELECT currency, sum(amount) s FROM refunds WHERE moment >= $1 AND moment < $2 GROUP BY 1)"
        " SELECT coalesce(o.currency, r.currency) c, coalesce(o.n, 0), coalesce(o.s, 0)::BIGINT,"
        " coalesce(r.s, 0)::BIGINT FROM o FULL OUTER JOIN r USING (currency) ORDER BY c",
        bounds, 2, out);
}

bool warehouse_counts(struct ctx *ctx, struct warehouse *warehouse, struct str name,
                      struct warehouse_span span, const char *interval, struct warehouse_table *out)
{
    int64_t step_us = strcmp(interval, "hour") == 0 ? US_PER_DAY / 24 : US_PER_DAY;
    struct parameter bounds[] = { P_I(span.from_us), P_I(span.to_us), P_I(step_us),
                                  P_T(name.ptr ? name : STR("")), P_I(name.ptr != NULL) };
    return question(ctx, warehouse,
                    "SELECT (moment // $3) * $3 f, count(*), count(DISTINCT person) FROM events"
                    " WHERE moment >= $1 AND moment < $2 AND ($5 = 0 OR name = $4)"
                    " GROUP BY GROUPING SETS ((f), ()) ORDER BY f NULLS LAST",
                    bounds, 5, out);
}

bool warehouse_pages(struct ctx *ctx, struct warehouse *warehouse, struct warehouse_span span,
                     struct warehouse_table *out)
{
    struct parameter bounds[] = { P_I(span.from_us), P_I(span.to_us) };
    return question(
        ctx, warehouse,
        "SELECT slug, count(*) n, count(DISTINCT person), count(*) FILTER (defaults) FROM views"
        " WHERE moment >= $1 AND moment < $2 GROUP BY 1 ORDER BY n DESC, slug LIMIT 1000",
        bounds, 2, out);
}

/* Whom each channel reached when first, and any of them (channel absent); of these, who has then reached the goal in time. */
bool warehouse_campaign(struct ctx *ctx, struct warehouse *warehouse, struct str campaign_id,
                        struct warehouse_span span, const struct warehouse_goal *goal,
                        struct warehouse_table *out)
{
    struct parameter parameters[] = { P_T(campaign_id), P_I(span.from_us), P_I(span.to_us),
                                      P_T(goal->event.ptr ? goal->event : STR("")),
                                      P_I(goal->within_us) };
    return question(
        ctx, warehouse,
        "WITH r AS (SELECT channel, person, min(moment) t FROM reached WHERE campaign = $1 AND moment >= $2"
        " AND moment < $3 GROUP BY GROUPING SETS ((channel, person), (person))),"
        " g AS (SELECT person, moment FROM events WHERE $4 NOT IN ('', 'orders') AND name = $4"
        " UNION ALL SELECT person, moment FROM orders WHERE $4 = 'orders'),"
        " c AS (SELECT DISTINCT r.channel, r.person FROM r JOIN g ON g.person = r.person AND g.moment > r.t"
        " AND g.moment <= r.t + $5)"
        " SELECT r.channel, count(*), count(c.person) FROM r LEFT JOIN c ON c.person = r.person"
        " AND c.channel IS NOT DISTINCT FROM r.channel GROUP BY 1 ORDER BY 1 NULLS LAST",
        parameters, COUNT(parameters), out);
}

/* Step by step: for each person and each first step, the earliest next step after the one before it. */
bool warehouse_funnel(struct ctx *ctx, struct warehouse *warehouse, const struct str *steps,
                      size_t n_steps, struct warehouse_span span, int64_t within_us,
                      struct warehouse_table *out)
{
    struct parameter *parameters = ARENA_ARRAY(ctx->arena, struct parameter, n_steps + 3);
    parameters[0] = P_I(span.from_us);
    parameters[1] = P_I(span.to_us);
    parameters[2] = P_I(within_us);
    struct str sql = arena_printf(ctx->arena,
                                  "WITH s0 AS (SELECT person, moment t0, moment t FROM events"
                                  " WHERE name = $4 AND moment >= $1 AND moment < $2)");
    struct str columns = STR("(SELECT count(DISTINCT person) FROM s0)");
    for (size_t i = 0; i < n_steps; i++)
        parameters[3 + i] = P_T(steps[i]);
    for (size_t i = 1; i < n_steps; i++) {
        sql = arena_printf(
            ctx->arena,
            STR_FMT
            ", s%zu AS (SELECT s.person, s.t0, min(e.moment) t FROM s%zu s JOIN events e"
            " ON e.person = s.person AND e.name = $%zu AND e.moment > s.t AND e.moment <= s.t0 + $3"
            " AND e.moment < $2 GROUP BY ALL)",
            STR_ARG(sql), i, i - 1, 4 + i);
        columns = arena_printf(ctx->arena, STR_FMT ", (SELECT count(DISTINCT person) FROM s%zu)",
                               STR_ARG(columns), i);
    }
    sql = arena_printf(ctx->arena, STR_FMT " SELECT " STR_FMT, STR_ARG(sql), STR_ARG(columns));
    return question(ctx, warehouse, sql.ptr, parameters, n_steps + 3, out);
}
