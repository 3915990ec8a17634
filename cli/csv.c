#include "cli/csv.h"

#include <stdlib.h>

#include "cli/mapping.h"

/* A row as it stands in the file. */
struct raw {
    char *text;
    size_t length;
    int64_t lines;
    bool open; /* the file ends inside quotes */
};

/* Reads up to the end of a row (line ends inside quotes belong to it; quotes count at the beginning of a cell only). False
 * at the end of the file; the text is the caller's all the same. */
static bool raw_read(FILE *file, char delimiter, struct raw *row, int64_t *consumed)
{
    enum {
        CELL_BEGINS,
        PLAIN,
        QUOTED,
        QUOTE
    } state = CELL_BEGINS; /* QUOTE: the end, or the first of two */
    size_t room = 256, n = 0;
    int c;
    char *buffer = mem_alloc(room);
    *row = (struct raw){ 0 };
    while ((c = getc_unlocked(file)) != EOF) {
        ++*consumed;
        row->lines += c == '\n';
        if (c == '\n' && state != QUOTED)
            break;
        if (state == QUOTED)
            state = c == '"' ? QUOTE : QUOTED;
        else if (c == '"' && state != PLAIN)
            state = QUOTED;
        else
            state = c == delimiter ? CELL_BEGINS : PLAIN;
        if (n + 1 >= room)
            buffer = mem_realloc(buffer, room *= 2);
        buffer[n++] = (char)c;
    }
    row->open = state == QUOTED;
    if (n && buffer[n - 1] == '\r' && !row->open)
        n--;
    buffer[n] = '\0';
    row->text = buffer;
    row->length = n;
    return c != EOF || n > 0;
}

/* Cuts the text into cells; quotes are taken off in place. Gives their number (at most `most` are stored). */
static size_t cut(char *text, size_t length, char delimiter, struct str *cells, size_t most)
{
    size_t n = 0, at = 0;
    do {
        char *to = text + at, *begin = to;
        bool quoted = at < length && text[at] == '"';
        at += quoted;
        for (; at < length; at++) {
            if (quoted && text[at] == '"') {
                if (at + 1 < length && text[at + 1] == '"')
                    at++;
                else {
                    quoted = false;
                    continue;
                }
            } else if (!quoted && text[at] == delimiter) {
                break;
            }
            *to++ = text[at];
        }
        if (n < most)
            cells[n] = (struct str){ begin, (size_t)(to - begin) };
        n++;
    } while (at++ < length);
    return n;
}

static size_t count_outside_quotes(const char *text, size_t length, char c)
{
    size_t n = 0;
    bool quoted = false;
    for (size_t i = 0; i < length; i++) {
        quoted ^= text[i] == '"';
        n += text[i] == c && !quoted;
    }
    return n;
}

static char delimiter_of(const char *text, size_t length)
{
    static const char candidates[] = ",;\t|";
    char best = ',';
    size_t most = 0;
    for (const char *c = candidates; *c; c++) {
        size_t n = count_outside_quotes(text, length, *c);
        if (n > most) {
            most = n;
            best = *c;
        }
    }
    return best;
}

/* Columns get the names of the members that they are. */
static void names_map(struct ctx *ctx, struct csv_header *header, const struct record_shape *shape)
{
    const struct mapping *mapping = shape->mapping;
    for (size_t i = 0; mapping && i < mapping->n_columns; i++)
        if (csv_column(header, mapping->columns[i].from) < 0)
            ctx_fail(ctx, ERR_INVALID, "there is no column \"" STR_FMT "\", which --map names",
                     STR_ARG(mapping->columns[i].from));
    for (size_t i = 0; mapping && i < header->n; i++) {
        struct str member = mapping_member(mapping, header->names[i]);
        if (member.ptr)
            header->names[i] = member;
        else if (mapping->n_columns && !csv_member_known(shape, header->names[i]))
            header->names[i].len = 0;
    }
}

struct csv_header *csv_header_read(struct ctx *ctx, FILE *file, const struct record_shape *shape,
                                   int64_t *line, int64_t *consumed)
{
    struct raw row;
    struct csv_header *header = mem_alloc(sizeof(*header));
    bool any = raw_read(file, shape->delimiter ? shape->delimiter : ',', &row, consumed);
    *line += MAX(row.lines, 1);
    header->memory = row.text;
    header->text = arena_str(ctx->arena, (struct str){ row.text, row.length });
    header->delimiter = shape->delimiter ? shape->delimiter : delimiter_of(row.text, row.length);
    size_t room = row.length + 1; /* more cells than that there cannot be */
    header->names = mem_alloc(room * sizeof(struct str));
    header->n = any ? cut(row.text, row.length, header->delimiter, header->names, room) : 0;
    if (!any || row.length == 0)
        ctx_fail(ctx, ERR_INVALID, "the file has no header line");
    else if (row.open)
        ctx_fail(ctx, ERR_INVALID, "the header's quotes are not closed");
    if (!ctx_failed(ctx))
        names_map(ctx, header, shape);
    for (size_t i = 0; i < header->n && !ctx_failed(ctx); i++)
        for (size_t k = 0; k < i && !ctx_failed(ctx); k++)
            if (header->names[i].len && str_eq(header->names[i], header->names[k]))
                ctx_fail(ctx, ERR_INVALID, "the header names \"" STR_FMT "\" twice",
                         STR_ARG(header->names[i]));
    if (!ctx_failed(ctx))
        return header;
    csv_header_free(header);
    return NULL;
}

void csv_header_free(struct csv_header *header)
{
    if (!header)
        return;
    free(header->names);
    free(header->memory);
    free(header);
}

int csv_column(const struct csv_header *header, struct str name)
{
    for (size_t i = 0; i < header->n && name.len; i++)
        if (str_eq(header->names[i], name))
            return (int)i;
    return -1;
}

/* The row owns its text twice: as it stands, and cut into cells. */
static struct csv_row *row_new(const struct csv_header *header, const struct raw *raw)
{
    size_t cells = header->n * sizeof(struct str);
    struct csv_row *row = mem_alloc(sizeof(*row) + cells + 2 * (raw->length + 1));
    char *whole = (char *)(row + 1) + cells, *cut_up = whole + raw->length + 1;
    memcpy(whole, raw->text, raw->length);
    memcpy(cut_up, raw->text, raw->length);
    row->cells = (struct str *)(row + 1);
    row->text = (struct str){ whole, raw->length };
    row->open = raw->open;
    row->n = cut(cut_up, raw->length, header->delimiter, row->cells, header->n);
    return row;
}

struct csv_row *csv_row_read(FILE *file, const struct csv_header *header, int64_t *line,
                             int64_t *consumed)
{
    struct raw raw;
    struct csv_row *row = NULL;
    while (!row && raw_read(file, header->delimiter, &raw, consumed)) {
        int64_t first = *line + 1;
        *line += MAX(raw.lines, 1);
        if (raw.length) {
            row = row_new(header, &raw);
            row->line = first;
            row->last_line = *line;
        }
        free(raw.text);
        raw.text = NULL;
    }
    free(row ? NULL : raw.text);
    return row;
}

void csv_row_free(struct csv_row *row)
{
    free(row);
}
