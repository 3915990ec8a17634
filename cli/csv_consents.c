#include "cli/csv_consents.h"

#include "base/clock.h"
#include "cli/mapping.h"
#include "crm_types.h"
#include "platform/json/json.h"

static const struct str prefix = STR_INIT("consent.");
static const struct str beside[] = { STR_INIT("source"), STR_INIT("wording"), STR_INIT("proof"),
                                     STR_INIT("at") };

/* "consent.marketing.email": its purpose and channel. */
static bool word_of(struct str column, struct str *purpose, struct str *channel)
{
    if (!str_starts(column, prefix))
        return false;
    *channel = (struct str){ column.ptr + prefix.len, column.len - prefix.len };
    return str_split(channel, '.', purpose) && channel->ptr &&
           purpose_parse(*purpose) != PURPOSE_UNKNOWN && channel_parse(*channel) != CHANNEL_UNKNOWN;
}

bool csv_consent_known(struct str column)
{
    struct str purpose, channel;
    for (size_t i = 0; i < COUNT(beside); i++)
        if (str_starts(column, prefix) &&
            str_eq((struct str){ column.ptr + prefix.len, column.len - prefix.len }, beside[i]))
            return true;
    return word_of(column, &purpose, &channel);
}

/* Lists of all kinds say yes and no in many ways; whatever else a cell says is a mistake. */
static const char *state_of(struct str text)
{
    static const char *const granted[] = { "granted", "yes", "true", "1", "y", "ja", "oui", "si" },
                             *const refused[] = {
                                 "refused", "no", "false", "0", "n", "nein", "non"
                             };
    for (size_t i = 0; i < COUNT(granted); i++)
        if (str_eq_nocase(text, str_of(granted[i])))
            return "granted";
    for (size_t i = 0; i < COUNT(refused); i++)
        if (str_eq_nocase(text, str_of(refused[i])))
            return "refused";
    return NULL;
}

static struct str value_of(const struct csv_header *header, const struct csv_row *row,
                           const struct record_shape *shape, struct str member)
{
    int column = csv_column(header, member);
    if (column >= 0 && (size_t)column < row->n && row->cells[column].len)
        return row->cells[column];
    return mapping_value(shape->mapping, member);
}

static bool proof_put(struct ctx *ctx, const struct csv_header *header, const struct csv_row *row,
                      const struct record_shape *shape, struct json_out *out)
{
    char changed[CLOCK_TEXT_BYTES];
    for (size_t i = 0; i < COUNT(beside); i++) {
        struct str value = value_of(
            header, row, shape,
            arena_printf(ctx->arena, STR_FMT STR_FMT, STR_ARG(prefix), STR_ARG(beside[i])));
        if (!value.ptr && str_is(beside[i], "source"))
            value = str_of(shape->source);
        if (!value.ptr && str_is(beside[i], "at"))
            value = (struct str){ changed, clock_format(shape->changed_us, changed) };
        if (!value.ptr)
            continue;
        if (!str_is_utf8(value))
            return ctx_fail(ctx, ERR_INVALID, "column consent." STR_FMT ": \"...\" is not UTF-8",
                            STR_ARG(beside[i]));
        json_key_n(out, beside[i]);
        json_put_str(out, value);
    }
    return true;
}

static bool word_put(struct ctx *ctx, const struct csv_header *header, const struct csv_row *row,
                     const struct record_shape *shape, struct str column, struct json_out *out)
{
    struct str purpose, channel, value = value_of(header, row, shape, column);
    if (!word_of(column, &purpose, &channel) || !value.ptr)
        return true;
    const char *state = state_of(str_trim(value));
    if (!state)
        return ctx_fail(ctx, ERR_INVALID,
                        "column " STR_FMT ": \"" STR_FMT "\" is neither yes nor no",
                        STR_ARG(column), STR_ARG(str_is_utf8(value) ? value : STR("...")));
    json_object(out);
    json_key(out, "purpose");
    json_put_str(out, purpose);
    json_key(out, "channel");
    json_put_str(out, channel);
    json_key(out, "state");
    json_put_str(out, str_of(state));
    bool ok = proof_put(ctx, header, row, shape, out);
    json_object_end(out);
    return ok;
}

struct str csv_consents(struct ctx *ctx, const struct csv_header *header, const struct csv_row *row,
                        const struct record_shape *shape)
{
    struct json_out out;
    bool ok = true;
    json_out_init(&out, ctx->arena);
    json_array(&out);
    for (size_t i = 0; i < header->n && ok; i++)
        ok = word_put(ctx, header, row, shape, header->names[i], &out);
    for (size_t i = 0; shape->mapping && i < shape->mapping->n_set && ok; i++)
        if (csv_column(header, shape->mapping->set[i].from) < 0)
            ok = word_put(ctx, header, row, shape, shape->mapping->set[i].from, &out);
    json_array_end(&out);
    struct str text = json_out_str(&out);
    return ok && !str_is(text, "[]") ? text : (struct str){ NULL, 0 };
}
