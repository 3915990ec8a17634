/* A read model that the log alone makes: what a table of reactions builds in a store of its own. It can be made again: the
 * next generation is built beside the one that serves, then takes its place at once, on the disk and in memory. */
#pragma once

#include "platform/events/events.h"

struct projection_settings {
    const char *name; /* the consumer's: "<service>" or "<service>.<projection>" */
    const char *file; /* the model's file or folder, in the service's own folder */
    const char *replaces; /* the file of an earlier form, which is removed; NULL: none */
    enum consumer_sharing sharing;
    const struct reaction *reactions;
    size_t n_reactions;
    bool independent; /* of earlier events of the key: nothing is parked behind a dead letter */
    const struct event_store *store;
    /* The model that is kept at the path, which is made when it is missing. Its store's data, and ctx->model of the
     * reactions. NULL with a sentence. */
    void *(*open)(struct ctx *ctx, const char *path);
    void (*close)(void *model); /* NULL-safe */
};

struct projection;

/* The generation that is in force, at `path` or beside it; what is left of others is removed. NULL with a sentence. */
struct projection *projection_open(struct ctx *ctx, const struct projection_settings *settings,
                                   const char *path);
void projection_close(struct projection *projection); /* NULL-safe; nobody uses it any more */

const struct projection_settings *projection_settings(const struct projection *projection);
int projection_generation(struct projection *projection); /* from 1 on */
void *projection_model(struct projection *projection);    /* for its consumer, who changes it */

/* The model as it is now; it stays open until model_done, though another has taken its place. From any thread:
 * CLEANUP(model_done) struct model_use use = projection_use(projection); */
struct model_use {
    struct projection *projection;
    struct generation *generation;
    void *model;
};
struct model_use projection_use(struct projection *projection);
void model_done(struct model_use *use); /* NULL-safe */

/* ---- for who makes the next generation: one thread at a time ---- */

/* Opens the next generation, empty. */
void *projection_begin(struct ctx *ctx, struct projection *projection);

/* The next generation takes the place of the one in force: a kill at any moment leaves either. Nobody writes to either
 * meanwhile. False: all is as before. */
bool projection_swap(struct ctx *ctx, struct projection *projection);

/* Closes and removes what is not in force. An old generation that is still in use: waits up to `limit_us`; false: it is
 * in use after that. */
bool projection_clear(struct projection *projection, int64_t limit_us);
