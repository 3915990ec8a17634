/* Many entries in one transaction: each line of JSON is an entry, by itself. */
#pragma once

#include "services/content/store.h"
#include "content_contract.h"

#define IMPORT_LINES 500

struct import_line {
    int64_t number; /* in the body, from 1 */
    struct entry_line content;
    struct references references;      /* of what is to be shown */
    int64_t show;                      /* the version to show; 0: none */
    enum import_outcome outcome;
    int64_t version;
    bool published;
    struct error error; /* why it was refused, or is not shown; code NONE: nothing was wrong */
};

struct import {
    struct import_line *lines;
    size_t n;
    struct import_line **by_id; /* those that were saved */
    size_t n_saved;
};

/* Reads the lines, saves their drafts, then shows what is to be shown, what is referred to first. What is wrong with a line
 * is in the line and undoes only what that line would have done; false: nothing can be stored, or TOO_LARGE. */
bool import_run(struct ctx *ctx, struct str body, struct import *out);
