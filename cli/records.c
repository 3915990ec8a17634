#include "cli/records.h"

#include <errno.h>
#include <stdlib.h>

#include "cli/csv.h"
#include "cli/csv_consents.h"
#include "cli/text_file.h"
#include "platform/crypto/crypto.h"
#include "platform/json/json.h"

struct records {
    FILE *file;
    bool csv;
    struct record_shape shape;
    int64_t bytes, consumed, line;
    struct csv_header *header;
    struct csv_row
        *ahead; /* the first row of the next record, read while looking for the end of this one */
};

struct records *records_open(struct ctx *ctx, const char *path, const struct record_shape *shape)
{
    static const struct {
        struct str ending;
        bool csv;
    } kinds[] = { { STR_INIT(".csv"), true },
                  { STR_INIT(".jsonl"), false },
                  { STR_INIT(".ndjson"), false },
                  { STR_INIT(".json"), false } };
    struct records *records = NULL;
    struct text_file text;
    for (size_t i = 0; i < COUNT(kinds) && !records; i++)
        if (str_ends(str_of(path), kinds[i].ending)) {
            records = mem_alloc(sizeof(*records));
            records->csv = kinds[i].csv;
        }
    if (!records) {
        ctx_fail(ctx, ERR_INVALID, "%s is neither .csv nor .jsonl", path);
        return NULL;
    }
    records->shape = *shape;
    if (!text_file_open(ctx, path, shape->encoding, &text)) {
        records_close(records);
        return NULL;
    }
    records->file = text.file;
    records->bytes = text.bytes;
    records->consumed = text.skipped;
    records->shape.changed_us = text.changed_us;
    if (records->csv)
        records->header = csv_header_read(ctx, records->file, &records->shape, &records->line,
                                          &records->consumed);
    if (!records->csv || (records->header && csv_header_check(ctx, records->header, shape)))
        return records;
    ctx_fail(ctx, ERR_INVALID, "%s", path);
    records_close(records);
    return NULL;
}

void records_close(struct records *records)
{
    if (!records)
        return;
    if (records->file)
        fclose(records->file);
    csv_header_free(records->header);
    csv_row_free(records->ahead);
    free(records);
}

struct str records_header(const struct records *records, char *delimiter)
{
    if (records->header)
        *delimiter = records->header->delimiter;
    return records->header ? records->header->text : (struct str){ NULL, 0 };
}

int64_t records_bytes(const struct records *records)
{
    return records->bytes;
}

int64_t records_consumed(const struct records *records)
{
    return records->consumed;
}

/* Splits an object into its id, its consents, and the rest. */
static void split(struct ctx *ctx, const struct records *records, const struct json *object,
                  struct record *out)
{
    struct json_out rest;
    json_out_init(&rest, ctx->arena);
    json_object(&rest);
    for (struct json_iter it = json_iter(object); json_next(&it);) {
        if (records->shape.id && str_is(it.key, records->shape.id)) {
            out->id = json_str(it.value);
        } else if (records->shape.consents && str_is(it.key, "consents")) {
            out->extra = json_text(ctx->arena, it.value);
        } else {
            json_key_n(&rest, it.key);
            json_put(&rest, it.value);
        }
    }
    json_object_end(&rest);
    out->json = json_out_str(&rest);
}

static void read_json(struct ctx *ctx, const struct records *records, struct record *out)
{
    const struct json *object = json_parse(ctx, out->text);
    if (json_type(object) == JSON_OBJECT)
        split(ctx, records, object, out);
    else if (object)
        out->reason = STR("the line is not an object");
    else
        out->reason = ctx->error.detail;
    ctx_clear(ctx);
    if (out->json.ptr && records->shape.id && !out->id.ptr) {
        out->json = (struct str){ NULL, 0 };
        out->reason = arena_printf(ctx->arena, "%s, a text, is missing", records->shape.id);
    }
}

static bool next_line(struct ctx *ctx, struct records *records, struct record *out)
{
    char *line = NULL;
    size_t room = 0;
    ssize_t n;
    while ((n = getline(&line, &room, records->file)) >= 0) {
        records->line++;
        records->consumed += n;
        struct str text = str_trim((struct str){ line, (size_t)n });
        if (!text.len)
            continue;
        *out = (struct record){ .line = records->line,
                                .last_line = records->line,
                                .text = arena_str(ctx->arena, text) };
        free(line);
        read_json(ctx, records, out);
        return true;
    }
    free(line);
    return ferror(records->file)
               ? ctx_fail(ctx, ERR_UNAVAILABLE, "the file cannot be read: %s", strerror(errno))
               : false;
}

static bool same_record(const struct records *records, const struct csv_row *a,
                        const struct csv_row *b)
{
    int column = csv_column(records->header, str_of(records->shape.id));
    return column >= 0 && a->cells[column].len && str_eq(a->cells[column], b->cells[column]);
}

static struct csv_row *next_row(struct records *records)
{
    struct csv_row *row = records->ahead;
    records->ahead = NULL;
    return row ? row
               : csv_row_read(records->file, records->header, &records->line, &records->consumed);
}

static bool rows_check(struct ctx *ctx, const struct records *records, struct csv_row *const *rows,
                       size_t n, struct str id)
{
    for (size_t i = 0; i < n; i++) {
        if (rows[i]->open)
            return ctx_fail(ctx, ERR_INVALID, "its quotes are not closed");
        if (rows[i]->n > records->header->n)
            return ctx_fail(ctx, ERR_INVALID, "line %lld has %zu cells, the header %zu",
                            (long long)rows[i]->line, rows[i]->n, records->header->n);
    }
    return !records->shape.id || id.len || records->shape.id_from_email ||
           ctx_fail(ctx, ERR_INVALID, "%s is missing", records->shape.id);
}

static struct str id_of_email(struct ctx *ctx, const struct records *records,
                              const struct csv_row *row)
{
    int column = csv_column(records->header, STR("email"));
    struct str email = column >= 0 && (size_t)column < row->n ? str_trim(row->cells[column])
                                                              : (struct str){ NULL, 0 };
    uint8_t hash[32];
    char *plain = arena_alloc(ctx->arena, email.len + 1);
    for (size_t i = 0; i < email.len; i++)
        plain[i] =
            (char)(email.ptr[i] >= 'A' && email.ptr[i] <= 'Z' ? email.ptr[i] + 32 : email.ptr[i]);
    if (!email.len) {
        ctx_fail(ctx, ERR_INVALID, "email, which the id is made of, is missing");
        return (struct str){ NULL, 0 };
    }
    crypto_sha256(plain, email.len, hash);
    return arena_printf(ctx->arena, "%se-" STR_FMT, records->shape.id_prefix,
                        STR_ARG(crypto_hex(ctx->arena, hash, 16)));
}

static struct str id_of(struct ctx *ctx, const struct records *records, const struct csv_row *row)
{
    int column = csv_column(records->header, str_of(records->shape.id));
    const char *prefix = records->shape.id_prefix;
    if (records->shape.id_from_email)
        return id_of_email(ctx, records, row);
    if (column < 0)
        return (struct str){ NULL, 0 };
    struct str id = arena_str(ctx->arena, row->cells[column]);
    return !prefix || !id.len || str_starts(id, str_of(prefix))
               ? id
               : arena_printf(ctx->arena, "%s" STR_FMT, prefix, STR_ARG(id));
}

#define ROWS_MOST 1000 /* of one record */

static bool next_rows(struct ctx *ctx, struct records *records, struct record *out)
{
    struct csv_row *rows[ROWS_MOST];
    size_t n = 0;
    if (!(rows[n] = next_row(records)))
        return false;
    for (n = 1; n < ROWS_MOST && (rows[n] = next_row(records)); n++)
        if (!same_record(records, rows[0], rows[n])) {
            records->ahead = rows[n];
            break;
        }
    *out = (struct record){ .line = rows[0]->line, .last_line = rows[n - 1]->last_line };
    for (size_t i = 0; i < n; i++)
        out->text = arena_printf(ctx->arena, STR_FMT "%s" STR_FMT, STR_ARG(out->text),
                                 i ? "\n" : "", STR_ARG(rows[i]->text));
    out->id = id_of(ctx, records, rows[0]);
    if (!ctx_failed(ctx) && rows_check(ctx, records, rows, n, out->id))
        out->json = csv_object(ctx, records->header, rows, n, &records->shape);
    if (out->json.ptr && records->shape.consents)
        out->extra = csv_consents(ctx, records->header, rows[0], &records->shape);
    if (ctx_failed(ctx))
        out->json = (struct str){ NULL, 0 };
    if (!out->json.ptr)
        out->reason = ctx->error.detail;
    ctx_clear(ctx);
    for (size_t i = 0; i < n; i++)
        csv_row_free(rows[i]);
    return true;
}

bool records_next(struct ctx *ctx, struct records *records, struct record *out)
{
    return records->csv ? next_rows(ctx, records, out) : next_line(ctx, records, out);
}
