/* What a change of a contract breaks, and whom: one table of rules (rules.h) for HTTP contracts
 * (OpenAPI 3.1) and for the JSON Schemas of events.
 *
 * All of it comes down to one question: what is written by the one schema, is it read well by the
 * other? Who writes and who reads depends on the use; how strict the reader is, too. What cannot be
 * decided is told as breaking ("not-comparable"), never passed over. */
#pragma once

#include "platform/json/json.h"

/* One document as parsed. `$ref`s into it, by pointer, $anchor or $id, are followed; for other
 * documents `resolve` gives the document of an absolute or relative URI (made absolute against
 * `uri` where that is set), or NULL. */
struct compat_document {
    const struct json *root;
    struct str uri; /* base of its references; ptr NULL: none */
    const struct json *(*resolve)(struct ctx *ctx, struct str uri,
                                  void *argument); /* may be NULL */
    void *argument;
    /* As authors of contracts write them: objects that do not say `additionalProperties` are closed. */
    bool closed;
};

enum compat_severity {
    COMPAT_FINE,     /* a change that nobody notices */
    COMPAT_WARNING,  /* nobody who keeps to the contract fails, but somebody may notice */
    COMPAT_BREAKING, /* somebody who kept to the old contract fails */
};

/* How values flow: who wrote by which contract, who reads by the other. */
enum compat_use {
    COMPAT_SCHEMA, /* compat_json_schema(): the reader validates by its schema, formats are notes */
    COMPAT_REQUEST, /* callers of the old contract ask the new service, which reads strictly */
    COMPAT_RESPONSE, /* the new service answers callers of the old contract, who read tolerantly */
    COMPAT_REPLAY,   /* events that the log holds are read by what is built from the new contract */
    COMPAT_EVENT, /* events of the new contract meet readers of the old one, who read tolerantly */
};

enum compat_direction {
    COMPAT_BACKWARD, /* who has the new schema reads what was written by the old one */
    COMPAT_FORWARD,  /* who has the old schema reads what is written by the new one */
};

/* All text is in the arena of the ctx, or static. */
struct compat_finding {
    const char *rule; /* its name in the table: "member-gone" */
    enum compat_severity severity;
    enum compat_use use;
    /* JSON Pointer of what changed, in the new document, or in the old one where `in_old`. */
    struct str pointer;
    bool in_old;
    struct str place;     /* for people: "lines[].amount", "response 200 of get_balance: tier" */
    /* Events, schemas: the top-level member of the data that it concerns; ptr NULL: all of it. */
    struct str member;
    /* HTTP contracts: operationId, or "GET /v1/things" where it has none; ptr NULL: none. */
    struct str operation;
    struct str sentence;  /* what changed and what that does, without the place */
};

/* Filled by the functions below, in the order of the documents; begin with { 0 }. */
struct compat_findings {
    struct compat_finding *items;
    size_t n, cap;
    enum compat_severity worst;
};

/* Each adds what it finds and gives true, also when that is breaking; false only when a document
 * cannot be judged: INVALID with the pointer, for instance of a `$ref` that leads nowhere. */

/* JSON Schema 2020-12 (and what draft-07 and draft-04 write otherwise). Confluent's BACKWARD is
 * COMPAT_BACKWARD, FORWARD is COMPAT_FORWARD, FULL is both. */
bool compat_json_schema(struct ctx *ctx, const struct compat_document *old_schema,
                        const struct compat_document *new_schema, enum compat_direction direction,
                        struct compat_findings *findings);

/* OpenAPI 3.1: operations, parameters, bodies, answers, scopes. */
bool compat_openapi(struct ctx *ctx, const struct compat_document *old_contract,
                    const struct compat_document *new_contract, struct compat_findings *findings);

/* One event type (docs/contracts.md): the data both ways, and x-event. `new_schema` NULL: the type
 * is gone. `old_schema` NULL: it is new, and judged by itself (personal members on a topic that is
 * not erasable). */
bool compat_event(struct ctx *ctx, const struct compat_document *old_schema,
                  const struct compat_document *new_schema, struct compat_findings *findings);

/* What one program of the stack writes, read by another that was built with its own copy of the
 * schema: COMPAT_EVENT, and the sentences speak of the reader as new. For asking, before a program
 * goes out, whether what runs suits it. */
bool compat_event_read(struct ctx *ctx, const struct compat_document *written,
                       const struct compat_document *read, struct compat_findings *findings);

const char *compat_severity_name(enum compat_severity severity); /* "breaking" */
const char *compat_use_name(enum compat_use use);                /* "request" */

/* The table itself: how bad a rule is in each use (by enum compat_use), and how it is told. */
#define COMPAT_NOT_TOLD (-1)
struct compat_rule {
    const char *name;
    signed char severity[5];           /* enum compat_severity, or COMPAT_NOT_TOLD */
    const char *new_reads, *old_reads; /* "" where there is no such reader */
};
const struct compat_rule *compat_rules(size_t *n);
