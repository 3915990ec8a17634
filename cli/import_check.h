/* A dry run: what of a file would be taken, by the contract; nothing is sent, and nothing is noted. */
#pragma once

#include "cli/import_kinds.h"

struct check_counts {
    int64_t good, bad, consents;
};

/* Does the record fit? False with the reason in it. */
bool import_fits(struct ctx *ctx, const struct import_kind *kind, struct record *record,
                 size_t *n_consents);
/* Tells of the first mistakes on standard error. */
bool import_check(struct ctx *ctx, const struct import_kind *kind, struct records *records,
                  struct check_counts *out);
