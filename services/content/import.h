/* Many things in one transaction: each line of JSON is an entry, a content type, a locale or a medium, by itself. */
#pragma once

#include "services/content/store.h"
#include "content_contract.h"

#define IMPORT_LINES 500

/* In the order in which they are taken: what others need goes first. */
enum line_kind { LINE_TYPE, LINE_LOCALE, LINE_MEDIUM, LINE_ENTRY };

struct import_line {
    int64_t number; /* in the body, from 1 */
    enum line_kind kind;
    struct type_line type;
    struct locale_line locale;
    struct media_line medium;
    struct entry_line content; /* of the four the one that the line is; the others are empty */
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

/* Reads the lines, takes types and locales, saves the drafts of entries, then shows what is to be shown, what is referred to first. What is wrong with a line
 * is in the line and undoes only what that line would have done; false: nothing can be stored, or TOO_LARGE. */
bool import_run(struct ctx *ctx, struct str body, struct import *out);

/* Reads one line as what it is (import_lines.c). INVALID, with the place in the line. */
bool line_read(struct ctx *ctx, struct str text, struct import_line *line);

/* Takes a line that is no entry; a medium is only looked for, since its bytes come another way. What is wrong is the line's. */
bool line_take(struct ctx *ctx, struct import_line *line);
