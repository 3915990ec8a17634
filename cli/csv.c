#include "cli/csv.h"

#include <stdlib.h>

/* Reads up to the end of a row (line ends inside quotes belong to it). False at the end of the file. */
static bool row_text(FILE *file, char **text, size_t *length, int64_t *lines, int64_t *consumed)
{
    size_t room = 256, n = 0;
    bool quoted = false;
    int c;
    char *buffer = mem_alloc(room);
    *lines = 0;
    while ((c = getc_unlocked(file)) != EOF) {
        ++*consumed;
        if (c == '"')
            quoted = !quoted;
        if (c == '\n')
            ++*lines;
        if (c == '\n' && !quoted)
            break;
        if (n + 1 >= room)
            buffer = mem_realloc(buffer, room *= 2);
        buffer[n++] = (char)c;
    }
    if (n && buffer[n - 1] == '\r')
        n--;
    buffer[n] = '\0';
    *text = buffer;
    *length = n;
    return c != EOF || n > 0;
}

/* Cuts the text into cells; quotes are taken off in place. Gives their number (at most `most` are stored). */
static size_t cut(char *text, size_t length, struct str *cells, size_t most)
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
            } else if (!quoted && text[at] == ',') {
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

static size_t commas(const char *text, size_t length)
{
    size_t n = 1;
    for (size_t i = 0; i < length; i++)
        n += text[i] == ',';
    return n;
}

struct csv_header *csv_header_read(struct ctx *ctx, FILE *file, int64_t *consumed)
{
    char *text;
    size_t length;
    int64_t lines;
    struct csv_header *header = mem_alloc(sizeof(*header));
    bool any = row_text(file, &text, &length, &lines, consumed);
    header->memory = text;
    if (length >= 3 &&
        memcmp(text, "\xEF\xBB\xBF", 3) == 0) /* the mark that spreadsheets put first */
        text += 3, length -= 3;
    size_t room = commas(text, length);
    header->names = mem_alloc(room * sizeof(struct str));
    header->n = any ? cut(text, length, header->names, room) : 0;
    if (!any || length == 0)
        ctx_fail(ctx, ERR_INVALID, "the file has no header line");
    for (size_t i = 0; i < header->n; i++)
        for (size_t k = 0; k < i; k++)
            if (str_eq(header->names[i], header->names[k]))
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
    for (size_t i = 0; i < header->n; i++)
        if (str_eq(header->names[i], name))
            return (int)i;
    return -1;
}

struct csv_row *csv_row_read(struct ctx *ctx, FILE *file, const struct csv_header *header,
                             int64_t *line, int64_t *consumed)
{
    char *text;
    size_t length;
    int64_t lines;
    while (row_text(file, &text, &length, &lines, consumed)) {
        int64_t first = *line + 1;
        *line += MAX(lines, 1);
        if (length == 0) {
            free(text);
            continue;
        }
        size_t bytes = sizeof(struct csv_row) + header->n * sizeof(struct str) + length + 1;
        struct csv_row *row = mem_alloc(bytes);
        char *copy = (char *)row + bytes - length -
                     1; /* as it stands; the cells point into `text`, kept before it */
        row->cells = (struct str *)(row + 1);
        memcpy(copy, text, length);
        row->text = (struct str){ copy, length };
        row->line = first;
        row->last_line = *line;
        row->n = cut(text, length, row->cells, header->n);
        for (size_t i = 0; i < header->n && i < row->n; i++)
            row->cells[i] = arena_str(ctx->arena, row->cells[i]);
        free(text);
        return row;
    }
    free(text);
    return NULL;
}

void csv_row_free(struct csv_row *row)
{
    free(row);
}
