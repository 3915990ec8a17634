/* Structs, enums and their tables. */
#include <inttypes.h>
#include <math.h>

#include "platform/contract/compiler/compiler.h"

static const char *const kinds[] = {
    [FIELD_STR] = "STR",     [FIELD_INT] = "INT",       [FIELD_DOUBLE] = "DOUBLE",
    [FIELD_BOOL] = "BOOL",   [FIELD_TIME] = "TIME",     [FIELD_ENUM] = "ENUM",
    [FIELD_MONEY] = "MONEY", [FIELD_OBJECT] = "OBJECT", [FIELD_JSON] = "JSON",
};

static const char *const formats[] = {
    [FORMAT_NONE] = "NONE",         [FORMAT_DATE] = "DATE",
    [FORMAT_TIME] = "TIME",         [FORMAT_DURATION] = "DURATION",
    [FORMAT_EMAIL] = "EMAIL",       [FORMAT_UUID] = "UUID",
    [FORMAT_URI] = "URI",           [FORMAT_URI_REFERENCE] = "URI_REFERENCE",
    [FORMAT_HOSTNAME] = "HOSTNAME", [FORMAT_IPV4] = "IPV4",
    [FORMAT_IPV6] = "IPV6",
};

/* ---- declarations ---- */

static void write_c_type(FILE *out, const struct model_field *field)
{
    switch (field->kind) {
    case FIELD_STR:
        fputs("struct str ", out);
        break;
    case FIELD_INT:
    case FIELD_TIME:
        fputs("int64_t ", out);
        break;
    case FIELD_DOUBLE:
        fputs("double ", out);
        break;
    case FIELD_BOOL:
        fputs("bool ", out);
        break;
    case FIELD_ENUM:
        fprintf(out, "enum %s ", field->enumeration->name);
        break;
    case FIELD_MONEY:
        fputs("struct money ", out);
        break;
    case FIELD_OBJECT:
        fprintf(out, "struct %s ", field->object->name);
        break;
    case FIELD_JSON:
        fputs("const struct json *", out);
        break;
    }
}

static bool is_pointer(const struct model_field *field)
{
    return field->flags & FIELD_OPTIONAL && !(field->flags & FIELD_ARRAY) &&
           (field->kind == FIELD_OBJECT || field->kind == FIELD_MONEY);
}

static bool has_presence(const struct model_field *field)
{
    return field->flags & FIELD_OPTIONAL && !(field->flags & FIELD_ARRAY) &&
           field->kind != FIELD_STR && field->kind != FIELD_JSON && !is_pointer(field);
}

void write_field_decl(FILE *out, const struct model_field *field, const char *indent)
{
    write_comment(out, indent, field->description);
    if (field->flags & FIELD_ARRAY) {
        fprintf(out, "%s%s", indent, field->kind == FIELD_JSON ? "" : "const ");
        write_c_type(out, field);
        fprintf(out, "%s%s;\n%ssize_t n_%s;\n", field->kind == FIELD_JSON ? "const *" : "*",
                field->name, indent, field->name);
        return;
    }
    if (has_presence(field))
        fprintf(out, "%sbool has_%s;\n", indent, field->name);
    fprintf(out, "%s%s", indent, is_pointer(field) ? "const " : "");
    write_c_type(out, field);
    fprintf(out, "%s%s;\n", is_pointer(field) ? "*" : "", field->name);
}

static void write_enum_h(FILE *out, const char *service, const struct model_enum *at)
{
    fputs("\n", out);
    write_comment(out, "", at->description);
    fprintf(out, "enum %s {\n    %s_UNKNOWN,\n", at->name, at->upper);
    for (size_t i = 0; i < at->n; i++)
        fprintf(out, "    %s,\n", at->constants[i]);
    fprintf(out, "};\nextern const char *const %s_members[%zu] CONTRACT_LINK(%s_%s_members);\n",
            at->name, at->n + 2, service, at->name);
    fprintf(out,
            "static inline const char *%s_name(enum %s value)\n{\n"
            "    return contract_enum_name(%s_members, (int)value);\n}\n"
            "static inline enum %s %s_parse(struct str text)\n{\n"
            "    return (enum %s)contract_enum_parse(%s_members, text);\n}\n",
            at->name, at->name, at->name, at->name, at->name, at->name, at->name);
}

static void write_struct_functions(FILE *out, const char *service, const char *name)
{
    fprintf(out, "extern const struct schema_type %s_type CONTRACT_LINK(%s_%s_type);\n", name,
            service, name);
    fprintf(
        out,
        "/* Strictly, as a request is read. */\n"
        "static inline bool %s_decode(struct ctx *ctx, const struct json *json, struct %s *out)\n{\n"
        "    return contract_decode(ctx, &%s_type, json, DECODE_STRICT, out);\n}\n",
        name, name, name);
    fprintf(
        out,
        "/* Tolerantly, as an event or a peer's answer is read. */\n"
        "static inline bool %s_read(struct ctx *ctx, const struct json *json, struct %s *out)\n{\n"
        "    return contract_decode(ctx, &%s_type, json, DECODE_TOLERANT, out);\n}\n",
        name, name, name);
    fprintf(out,
            "static inline struct str %s_encode(struct ctx *ctx, const struct %s *value)\n{\n"
            "    return contract_encode_text(ctx->arena, &%s_type, value);\n}\n",
            name, name, name);
}

void write_model_h(struct compiler *c, FILE *out, struct model *model)
{
    for (const struct model_enum *at = model->enums; at; at = at->next)
        write_enum_h(out, c->service, at);
    if (model->structs)
        fputs("\n", out);
    for (const struct model_struct *at = model->structs; at; at = at->next)
        fprintf(out, "struct %s;\n", at->name);
    for (const struct model_struct *at = model->structs; at; at = at->next) {
        fputs("\n", out);
        write_comment(out, "", at->description);
        fprintf(out, "struct %s {\n", at->name);
        for (size_t i = 0; i < at->n; i++)
            write_field_decl(out, &at->fields[i], "    ");
        fputs("};\n", out);
        write_struct_functions(out, c->service, at->name);
    }
}

/* ---- tables ---- */

static void write_int(FILE *out, int64_t value)
{
    if (value == INT64_MIN)
        fputs("INT64_MIN", out);
    else if (value == INT64_MAX)
        fputs("INT64_MAX", out);
    else
        fprintf(out, "INT64_C(%" PRId64 ")", value);
}

static void write_double(FILE *out, double value)
{
    if (isinf(value))
        fputs(value < 0 ? "-HUGE_VAL" : "HUGE_VAL", out);
    else
        fprintf(out, "%a", value);
}

static void write_count(FILE *out, const char *name, uint32_t value)
{
    if (value == UINT32_MAX)
        fprintf(out, "\n    .%s = UINT32_MAX,", name);
    else
        fprintf(out, "\n    .%s = %" PRIu32 ",", name, value);
}

/* The constants that a field's row points to: its limits and its default. */
void write_limits(FILE *out, const struct model_field *field, const char *owner)
{
    const struct field_limits *limits = &field->limits;
    if (field->pattern) {
        fprintf(out, "static struct contract_pattern %s_%s_pattern = {\n    .text = ", owner,
                field->name);
        write_literal(out, str_of(field->pattern));
        fputs(",\n};\n", out);
    }
    if (field->limited) {
        fprintf(out, "static const struct field_limits %s_%s_limits = {\n    .least = ", owner,
                field->name);
        write_int(out, limits->least);
        fputs(",\n    .most = ", out);
        write_int(out, limits->most);
        fputs(",\n    .least_d = ", out);
        write_double(out, limits->least_d);
        fputs(",\n    .most_d = ", out);
        write_double(out, limits->most_d);
        fputs(",", out);
        write_count(out, "min_length", limits->min_length);
        write_count(out, "max_length", limits->max_length);
        write_count(out, "min_items", limits->min_items);
        write_count(out, "max_items", limits->max_items);
        if (field->pattern)
            fprintf(out, "\n    .pattern = &%s_%s_pattern,", owner, field->name);
        if (limits->id_prefix)
            fprintf(out, "\n    .id_prefix = \"%s\",", limits->id_prefix);
        fprintf(out, "\n    .format = FORMAT_%s,\n    .object = %s,\n};\n", formats[limits->format],
                limits->object ? "true" : "false");
    }
    if (field->flags & FIELD_DEFAULT) {
        fprintf(out,
                "static const struct field_fallback %s_%s_fallback = {\n    .integer = ", owner,
                field->name);
        write_int(out, field->fallback.integer);
        fputs(",\n    .number = ", out);
        write_double(out, field->fallback.number);
        fputs(",\n    .text = STR_INIT(", out);
        write_literal(out, field->fallback.text);
        fputs("),\n};\n", out);
    }
}

static void write_flags(FILE *out, unsigned flags)
{
    static const char *const names[] = { "REQUIRED", "ARRAY",    "OPTIONAL",
                                         "PERSONAL", "NULLABLE", "DEFAULT" };
    const char *between = "";
    if (!flags)
        fputs("0", out);
    for (size_t i = 0; i < COUNT(names); i++)
        if (flags & (1u << i)) {
            fprintf(out, "%sFIELD_%s", between, names[i]);
            between = " | ";
        }
}

/* One row: `owner` is the C struct that holds the field, `limits_of` begins the names of its constants. */
void write_field_row(FILE *out, const struct model_field *field, const char *owner,
                     const char *limits_of, const char *indent)
{
    fprintf(out, "%s{ .name = ", indent);
    write_literal(out, field->json_name);
    fprintf(out, ",\n%s  .name_length = %zu,\n%s  .kind = FIELD_%s,\n%s  .flags = ", indent,
            field->json_name.len, indent, kinds[field->kind], indent);
    write_flags(out, field->flags);
    fprintf(out, ",\n%s  .offset = offsetof(struct %s, %s),\n", indent, owner, field->name);
    if (field->flags & FIELD_ARRAY)
        fprintf(out, "%s  .presence = offsetof(struct %s, n_%s),\n", indent, owner, field->name);
    else if (has_presence(field))
        fprintf(out, "%s  .presence = offsetof(struct %s, has_%s),\n", indent, owner, field->name);
    else
        fprintf(out, "%s  .presence = UINT32_MAX,\n", indent);
    if (field->object)
        fprintf(out, "%s  .type = &%s_type,\n", indent, field->object->name);
    if (field->enumeration)
        fprintf(out, "%s  .members = %s_members,\n", indent, field->enumeration->name);
    if (field->limited)
        fprintf(out, "%s  .limits = &%s_%s_limits,\n", indent, limits_of, field->name);
    if (field->flags & FIELD_DEFAULT)
        fprintf(out, "%s  .fallback = &%s_%s_fallback,\n", indent, limits_of, field->name);
    struct str key = field->json_name;
    fprintf(out, "%s  .key = \"\\\"" STR_FMT "\\\":\",\n%s},\n", indent, STR_ARG(key), indent);
}

static void write_struct_c(FILE *out, const struct model_struct *at)
{
    fputs("\n", out);
    for (size_t i = 0; i < at->n; i++)
        write_limits(out, &at->fields[i], at->name);
    fprintf(out, "static const struct field %s_fields[] = {\n", at->name);
    for (size_t i = 0; i < at->n; i++)
        write_field_row(out, &at->fields[i], at->name, at->name, "    ");
    fprintf(
        out,
        "};\nconst struct schema_type %s_type = {\n    .name = \"%s\",\n    .size = sizeof(struct %s),\n"
        "    .fields = %s_fields,\n    .n_fields = %zu,\n    .open = %s,\n};\n",
        at->name, at->name, at->name, at->name, at->n, at->open ? "true" : "false");
}

void write_model_c(struct compiler *c, FILE *out, const struct model *model)
{
    for (const struct model_enum *at = model->enums; at; at = at->next) {
        fprintf(out, "\nconst char *const %s_members[] = {\n    \"\",\n", at->name);
        for (size_t i = 0; i < at->n; i++) {
            fputs("    ", out);
            write_literal(out, at->members[i]);
            fputs(",\n", out);
        }
        fputs("    NULL,\n};\n", out);
    }
    for (const struct model_struct *at = model->structs; at; at = at->next)
        write_struct_c(out, at);
}
