/* Names of the contract into names of C. */
#include <ctype.h>

#include "platform/contract/compiler/compiler.h"

static bool is_upper(char c)
{
    return isupper((unsigned char)c);
}

/* A new word begins at a capital that follows a small letter or digit, or that a small letter follows (HTTPServer). */
static bool begins_word(struct str text, size_t i)
{
    if (i == 0 || !is_upper(text.ptr[i]))
        return false;
    if (!is_upper(text.ptr[i - 1]))
        return isalnum((unsigned char)text.ptr[i - 1]);
    return i + 1 < text.len && islower((unsigned char)text.ptr[i + 1]);
}

const char *name_snake(struct arena *arena, struct str text)
{
    char *name = arena_alloc_raw(arena, 2 * text.len + 2), *at = name;
    if (text.len && isdigit((unsigned char)text.ptr[0]))
        *at++ = '_';
    for (size_t i = 0; i < text.len; i++) {
        if (begins_word(text, i))
            *at++ = '_';
        char c = text.ptr[i];
        *at++ = isalnum((unsigned char)c) ? (char)tolower((unsigned char)c) : '_';
    }
    *at = '\0';
    return name;
}

const char *name_upper(struct arena *arena, const char *text)
{
    char *name = arena_cstr(arena, str_of(text));
    for (char *at = name; *at; at++)
        *at = isalnum((unsigned char)*at) ? (char)toupper((unsigned char)*at) : '_';
    return name;
}

static bool is_one_of(const char *const *list, size_t n, const char *text)
{
    for (size_t i = 0; i < n; i++)
        if (strcmp(list[i], text) == 0)
            return true;
    return false;
}

const char *name_field(struct arena *arena, struct str text)
{
    static const char *const keywords[] = {
        "auto",   "break",    "case",   "char",     "const",  "continue", "default",
        "do",     "double",   "else",   "enum",     "extern", "float",    "for",
        "goto",   "if",       "inline", "int",      "long",   "register", "return",
        "short",  "signed",   "sizeof", "static",   "struct", "switch",   "typedef",
        "union",  "unsigned", "void",   "volatile", "while",  "restrict", "asm",
        "typeof", "bool",     "true",   "false",    "unix",   "linux",
    };
    const char *name = name_snake(arena, text);
    return is_one_of(keywords, COUNT(keywords), name) ? arena_printf(arena, "%s_", name).ptr : name;
}

const char *name_single(struct arena *arena, const char *text)
{
    size_t n = strlen(text);
    if (n > 3 && strcmp(text + n - 3, "ies") == 0)
        return arena_printf(arena, "%.*sy", (int)n - 3, text).ptr;
    if (n > 1 && text[n - 1] == 's' && text[n - 2] != 's')
        return arena_printf(arena, "%.*s", (int)n - 1, text).ptr;
    return text;
}

bool name_is_snake(struct str text)
{
    if (text.len == 0 || !islower((unsigned char)text.ptr[0]))
        return false;
    for (size_t i = 0; i < text.len; i++)
        if (!islower((unsigned char)text.ptr[i]) && !isdigit((unsigned char)text.ptr[i]) &&
            text.ptr[i] != '_')
            return false;
    return true;
}

bool name_is_platform(const char *text)
{
    static const char *const structs[] = {
        "arena",         "call",
        "clock",         "consumer_settings",
        "contract",      "contract_pattern",
        "ctx",           "error",
        "event",         "event_effects",
        "event_out",     "event_record",
        "event_store",   "event_type",
        "events",        "events_settings",
        "field",         "field_fallback",
        "field_limits",  "header",
        "http_server",   "http_settings",
        "json",          "json_iter",
        "json_out",      "money",
        "operation",     "param",
        "peer",          "peer_settings",
        "principal",     "reaction",
        "reply",         "reply_header",
        "request",       "request_header",
        "router",        "router_settings",
        "schema_type",   "service",
        "setting",       "span",
        "sql",           "sql_db",
        "sql_job",       "sql_migration",
        "sql_rows",      "sql_value",
        "str",           "token_keys",
        "trace_context", "outcome",
        "error_code",    "text_format",
    };
    return is_one_of(structs, COUNT(structs), text);
}

bool name_take(struct compiler *c, const char *name, struct spot spot)
{
    if (name_is_platform(name))
        return wrong(c, spot, "\"%s\" is a name of the platform; choose another", name);
    for (struct name *at = c->names; at; at = at->next)
        if (strcmp(at->name, name) == 0)
            return wrong(c, spot, "the name \"%s\" is taken by %s#" STR_FMT, name,
                         at->spot.document->path, STR_ARG(at->spot.pointer));
    struct name *taken = ARENA_NEW(c->arena, struct name);
    *taken = (struct name){ name, spot, c->names };
    c->names = taken;
    return true;
}
