/* Which operation a method and a path mean: a tree of path segments, made once from the contract's templates. */
#pragma once

#include "base/ctx.h"
#include "platform/contract/contract.h"

enum method {
    METHOD_GET,
    METHOD_POST,
    METHOD_PUT,
    METHOD_DELETE,
    METHOD_PATCH,
    METHOD_HEAD,
    METHOD_OPTIONS,
    METHOD_OTHER
};
#define N_ROUTED                                                                                   \
    METHOD_HEAD /* those before it can have operations; HEAD is GET, OPTIONS is the router's */

enum method method_of(struct str name);

/* One path of the contract. */
struct route {
    const char *path;             /* the template */
    int operations[N_ROUTED];     /* index into the contract's, by method; -1: none */
    const char *allow;            /* "GET, HEAD, OPTIONS" */
};

#define ROUTE_PARAMS 16

struct route_match {
    const struct route *route;
    struct str params[ROUTE_PARAMS]; /* as sent, in the template's order */
    size_t n_params;
};

struct routes;

/* NULL with one sentence: a template that is not understood, or the same method and path twice. */
struct routes *routes_new(struct ctx *ctx, const struct operation *operations, size_t n);
void routes_free(struct routes *routes);

/* The route of a path (as sent: percents are decoded to compare). Segments that the template names go before
 * parameters; a parameter takes one segment that is not empty. */
bool routes_find(const struct routes *routes, struct str path, struct route_match *out);

/* Which of the template's parameters is `name`; -1: none. */
int route_param_index(const char *path, const char *name);

/* Decodes percents (and '+' to a space where `plus`). False on a broken escape; *out is in the arena only if it differs. */
bool percent_decode(struct arena *arena, struct str text, bool plus, struct str *out);
