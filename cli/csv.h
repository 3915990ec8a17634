/* CSV (RFC 4180): rows, and objects made of them by a contract. */
#pragma once

#include "cli/records.h"

struct csv_header {
    struct str *names; /* empty: of a column that is left out */
    size_t n;
    char *memory;
    struct str text; /* as it stands in the file */
    char delimiter;
};

struct csv_row {
    int64_t line, last_line;
    struct str text;   /* as it stands in the file, without the last line end */
    struct str *cells; /* as many as the header has names */
    size_t n;          /* cells that the row itself has */
    bool open;         /* the file ends inside its quotes */
};

/* NULL with a sentence: no header, a name twice, a column of the mapping that is not there. *line and *consumed grow by the lines
 * and bytes read. */
struct csv_header *csv_header_read(struct ctx *ctx, FILE *file, const struct record_shape *shape,
                                   int64_t *line, int64_t *consumed);
void csv_header_free(struct csv_header *header); /* NULL-safe */
/* Is it of the contract? */
bool csv_member_known(const struct record_shape *shape, struct str member);
/* Does the header name the id, and else only what the contract has? False with the column that it is about. */
bool csv_header_check(struct ctx *ctx, const struct csv_header *header,
                      const struct record_shape *shape);
int csv_column(const struct csv_header *header, struct str name); /* -1: none */

/* The next row that is not empty; owned by the caller. NULL at the end. */
struct csv_row *csv_row_read(FILE *file, const struct csv_header *header, int64_t *line,
                             int64_t *consumed);
void csv_row_free(struct csv_row *row); /* NULL-safe */

/* The rows of one record as one object. On failure ctx says which column is at fault. */
struct str csv_object(struct ctx *ctx, const struct csv_header *header, struct csv_row *const *rows,
                      size_t n, const struct record_shape *shape);
