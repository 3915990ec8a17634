/* The life of a service: settings, start, health, readiness, drain, signals. main.c is one call with tables. */
#pragma once

#include "platform/client/client.h"
#include "platform/contract/contract.h"
#include "platform/events/events.h"
#include "platform/events/projection.h"
#include "platform/http/http.h"
#include "platform/service/settings.h"
#include "platform/sql/sql.h"
#include "platform/telemetry/log.h"
#include "platform/telemetry/metrics.h"

struct service {
    const char *name;
    int port; /* default; the admin listener is on port + 1000 */
    const struct contract *contract;
    const struct sql_migration *migrations; /* NULL with n 0: no tables of its own */
    size_t n_migrations;
    bool no_events, edge;
    const struct reaction *reactions; /* SHARED, in SQL */
    size_t n_reactions;
    const struct projection_settings
        *projection; /* the read model that the log makes, open before open(); NULL: none */
    const struct setting *settings; /* beyond the common ones */
    size_t n_settings;
    const char *const
        *peers; /* names of neighbours that are called; NULL at the end; setting <peer>_url each */
    int64_t open_most_us; /* of the breakers of its peers (client.h); 0: 60 s */
    /* Makes the service's own state into ctx->app (may use setting_*, service_*); false stops the start with the sentence
     * in ctx. close() gets it back after the drain, and after a start that failed with ctx->app set: half built. Both may
     * be NULL. */
    bool (*open)(struct ctx *ctx);
    void (*close)(void *app);
    /* For operations of foreign protocols (x-foreign); http.h says what they are. May be NULL. */
    bool (*lets_in)(struct ctx *ctx);
    struct reply (*refusal)(struct ctx *ctx);
    /* For an edge; http.h says what they are. May be NULL. */
    bool (*admits)(struct ctx *ctx);
    void (*finish)(struct ctx *ctx, struct reply *reply);
};

/* Runs it until SIGTERM or SIGINT; gives the process's exit status. `--help`, `--version`, `--config FILE`,
 * `--<key> VALUE` for every setting; FANFARE_<SERVICE>_<KEY> from the environment. */
int service_run(int argc, char **argv, const struct service *service);

/* ---- for handlers, reactions and open() ---- */

struct peer *service_peer(const struct ctx *ctx, const char *name);
struct sql_db *service_db(const struct ctx *ctx);
struct events *service_events(const struct ctx *ctx);

/* A token with these scopes to call peers with, cached and renewed; ptr NULL with UNAVAILABLE without a signing key. */
struct str service_token(struct ctx *ctx, const char *scopes);

/* A path inside the service's own folder; folders are made. */
struct str service_data_path(struct ctx *ctx, const char *name);

/* The service's read model: CLEANUP(model_done) struct model_use use = service_model(ctx); use.model is what its open()
 * made, and stays as it is for as long. In a reaction it is ctx->model. */
struct model_use service_model(const struct ctx *ctx);

/* In open(): another consumer than those of .reactions and .projection. app is ctx->app. */
bool service_consume(struct ctx *ctx, const struct consumer_settings *settings);

/* In open(): `run` is called again and again on a thread of its own, with a fresh ctx, `every_us` apart (at once when it
 * gives true: there is more). Stopped before close. */
bool service_worker(struct ctx *ctx, const char *name, int64_t every_us,
                    bool (*run)(struct ctx *ctx));

/* Publishes from outside a transaction without waiting (page views): queued to the outbox, many to one commit. False
 * with UNAVAILABLE when the queue is full. The data is encoded before it returns. */
bool service_publish_later(struct ctx *ctx, const struct event_type *type, const void *data);
