#include "cli/import_check.h"

#include "crm_types.h"
#include "platform/json/json.h"

#define TOLD_MOST 20 /* mistakes that are told of */
#define ID_MOST 80
#define CLEAR_EVERY 1000

static bool id_fits(struct ctx *ctx, const struct import_kind *kind, struct str id)
{
    bool fits = str_starts(id, str_of(kind->id_prefix)) && id.len > strlen(kind->id_prefix) &&
                id.len <= ID_MOST;
    for (size_t i = 0; fits && i < id.len; i++) {
        char c = id.ptr[i];
        fits = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
               strchr("._-", c);
    }
    return fits || ctx_fail(ctx, ERR_INVALID,
                            "%s: \"" STR_FMT "\" is no id (%s and letters, digits, . _ -)",
                            kind->id, STR_ARG(str_is_utf8(id) ? id : STR("...")), kind->id_prefix);
}

static bool consents_fit(struct ctx *ctx, struct str text, size_t *n)
{
    const struct json *list = text.ptr ? json_parse(ctx, text) : NULL;
    struct consent_record consent;
    *n = json_size(list);
    for (size_t i = 0; i < *n; i++)
        if (!consent_record_decode(ctx, json_at(list, i), &consent))
            return ctx_fail(ctx, ERR_INVALID, "consents/%zu" STR_FMT, i,
                            STR_ARG(ctx->error.pointer));
    return true;
}

static bool content_fits(struct ctx *ctx, const struct import_kind *kind, struct str text)
{
    const struct json *json = json_parse(ctx, text);
    const struct schema_type *type = kind->type_of ? kind->type_of(json) : kind->type;
    if (!json || !type->size) /* of events, the tables know the names only */
        return json;
    void *room = arena_alloc(ctx->arena, type->size);
    return contract_decode(ctx, type, json, DECODE_STRICT, room) ||
           (ctx->error.pointer.len &&
            ctx_fail(ctx, ERR_INVALID, STR_FMT, STR_ARG(ctx->error.pointer)));
}

bool import_fits(struct ctx *ctx, const struct import_kind *kind, struct record *record,
                 size_t *n_consents)
{
    *n_consents = 0;
    if (!record->json.ptr)
        return false;
    if ((!kind->id_prefix || id_fits(ctx, kind, record->id)) &&
        content_fits(ctx, kind, record->json) && consents_fit(ctx, record->extra, n_consents))
        return true;
    record->reason = arena_str(ctx->arena, ctx->error.detail);
    ctx_clear(ctx);
    return false;
}

bool import_check(struct ctx *ctx, const struct import_kind *kind, struct records *records,
                  struct check_counts *out)
{
    CLEANUP(arena_freep) struct arena *scratch = arena_new(64 * 1024);
    struct ctx own = { .arena = scratch };
    struct record record;
    size_t n;
    *out = (struct check_counts){ 0 };
    while (records_next(&own, records, &record)) {
        if (import_fits(&own, kind, &record, &n)) {
            out->good++;
            out->consents += (int64_t)n;
        } else if (++out->bad <= TOLD_MOST) {
            fprintf(stderr, "line %lld: " STR_FMT "\n", (long long)record.line,
                    STR_ARG(record.reason));
        }
        if ((out->good + out->bad) % CLEAR_EVERY == 0)
            arena_clear(scratch);
    }
    if (out->bad > TOLD_MOST)
        fprintf(stderr, "... and %lld more\n", (long long)(out->bad - TOLD_MOST));
    return !ctx_failed(&own) || ctx_fail(ctx, own.error.code, STR_FMT, STR_ARG(own.error.detail));
}
