/* The contracts of a stack at one moment: of source texts, or as a registry knows them. All is in
 * one arena. */
#pragma once

#include "platform/compat/compat.h"

struct contract_event {
    struct str type;                 /* "fanfare.stock.level.changed.v1" */
    struct compat_document document; /* with its x-event */
    struct str file;                 /* of a tree; ptr NULL otherwise */
};

struct contract_read {
    struct str type;
    struct str *members;
    size_t n;
};

struct contract_call {
    struct str service, operation; /* operation ptr NULL: which is not known */
};

/* One service, in one version; a registry may know several versions that run. */
struct contract_service {
    struct str name, version; /* version ptr NULL: of a tree */
    bool running;
    struct compat_document openapi; /* .root NULL: none */
    struct str file;
    struct contract_event *events;
    struct contract_read *reads;
    struct contract_call *calls;
    size_t n_events, n_reads, n_calls;
    struct contract_service *next;
};

struct contract_set {
    struct str name; /* for people: "HEAD~1" */
    struct contract_service *services;
    bool events_only; /* a registry that knows schemas and nothing else */
};

struct contract_service *set_service(const struct contract_set *set,
                                     struct str name); /* NULL: none */
const struct contract_event *service_event(const struct contract_service *service, struct str type);

/* The event of this type, whoever publishes it; *owner may be NULL. */
const struct contract_event *set_event(const struct contract_set *set, struct str type,
                                       const struct contract_service **owner);

/* ---- where they come from ---- */

/* REV, DIR or URL; `root` is the folder whose repository has the revision. `token` for a registry,
 * ptr NULL: none. */
bool set_read(struct ctx *ctx, const char *from, const char *root, struct str token,
              struct contract_set *out);
bool set_read_folder(struct ctx *ctx, const char *folder, struct contract_set *out);
bool set_read_registry(struct ctx *ctx, const char *url, struct str token,
                       struct contract_set *out);

/* contract_readers.c: what a tree's services read and call, by their reactions' tables and the
 * request builders that they use. `tree` has made the set. */
struct tree;
void set_find_readers(struct ctx *ctx, const struct tree *tree, struct contract_set *set);
