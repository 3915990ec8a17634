/* What a change of contracts breaks, and whom: two sets compared, and told. */
#pragma once

#include "cli/contract_set.h"

struct report_item {
    struct compat_finding finding;
    struct str service;
    struct str event; /* its type; ptr NULL: an operation */
    struct str file;  /* ptr NULL: none is known */
    struct str *breaks; /* services that take what it is about, each once */
    size_t n_breaks;
    bool accepted, told; /* told: while it is printed */
};

struct report {
    struct str against;
    struct report_item *items;
    size_t n, cap, n_breaking, n_warnings, n_accepted;
};

/* Judges what `after` has made of `before`. `only`: of this service alone (ptr NULL: all). False
 * with a sentence when a contract cannot be judged. */
bool report_compare(struct ctx *ctx, const struct contract_set *before,
                    const struct contract_set *after, struct str only, struct report *report);

/* Adds findings of one event or HTTP contract, with whom they concern by the sets. */
struct report_source {
    struct str service, event, file;
    const struct contract_set *before, *after; /* whose readers and callers are asked */
};
void report_add(struct ctx *ctx, struct report *report, const struct compat_findings *findings,
                const struct report_source *source);
void report_count(struct report *report);

/* Findings that were accepted before: a list of { service, rule, place, why }, in YAML. They are
 * told, and do not count. False with a sentence when the file cannot be read; a file that is not
 * there accepts nothing, unless it must be. */
bool report_accept(struct ctx *ctx, struct report *report, const char *path, bool must_be_there);

void report_print(struct ctx *ctx, struct report *report, bool all); /* all: what is fine, too */
void report_print_json(struct ctx *ctx, const struct report *report);
