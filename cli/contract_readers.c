/* Who reads and calls what, from a tree's C: the tables of reactions (ON(..., READS(...))) and the
 * request builders (commerce_quote_target()). tests/reads_test.py holds the tables to what the
 * reactions do. */
#include <ctype.h>

#include "cli/contract_set.h"
#include "cli/contract_tree.h"

struct scanner {
    struct ctx *ctx;
    const char *at, *end;
};

/* ---- words of C ---- */

static bool is_word(char c)
{
    return isalnum((unsigned char)c) || c == '_';
}

static void skip_space(struct scanner *scanner)
{
    while (scanner->at < scanner->end && isspace((unsigned char)*scanner->at))
        scanner->at++;
}

static bool take_char(struct scanner *scanner, char c)
{
    skip_space(scanner);
    bool there = scanner->at < scanner->end && *scanner->at == c;
    scanner->at += there;
    return there;
}

static bool take_word(struct scanner *scanner, struct str *word)
{
    skip_space(scanner);
    const char *from = scanner->at;
    while (scanner->at < scanner->end && is_word(*scanner->at))
        scanner->at++;
    *word = (struct str){ from, (size_t)(scanner->at - from) };
    return word->len > 0;
}

static bool take_text(struct scanner *scanner, struct str *text)
{
    if (!take_char(scanner, '"'))
        return false;
    const char *from = scanner->at, *quote = memchr(from, '"', (size_t)(scanner->end - from));
    if (!quote)
        return false;
    *text = (struct str){ from, (size_t)(quote - from) };
    scanner->at = quote + 1;
    return true;
}

/* The next word of the text, whatever is before it; false at the end. */
static bool next_word(struct scanner *scanner, struct str *word)
{
    while (scanner->at < scanner->end && !is_word(*scanner->at))
        scanner->at++;
    return take_word(scanner, word);
}

/* ---- reactions ---- */

/* "stock", "services/stock/events/level_changed.v1.json" -> "STOCK_LEVEL_CHANGED_V1" */
static struct str constant_of(struct arena *arena, struct str service, struct str file)
{
    const char *slash = memrchr(file.ptr, '/', file.len);
    size_t from = slash ? (size_t)(slash - file.ptr) + 1 : 0;
    struct str stem = { file.ptr + from, file.len - from - strlen(".json") };
    struct str out = arena_printf(arena, STR_FMT "_" STR_FMT, STR_ARG(service), STR_ARG(stem));
    for (char *at = (char *)(uintptr_t)out.ptr; *at; at++)
        *at = is_word(*at) ? (char)toupper((unsigned char)*at) : '_';
    return out;
}

static struct str type_of(struct ctx *ctx, const struct contract_set *set, struct str constant)
{
    for (const struct contract_service *at = set->services; at; at = at->next)
        for (size_t i = 0; i < at->n_events; i++)
            if (str_eq(constant_of(ctx->arena, at->name, at->events[i].file), constant))
                return at->events[i].type;
    return (struct str){ NULL, 0 };
}

static void add_member(struct ctx *ctx, struct contract_read *read, struct str member)
{
    struct str *members = ARENA_ARRAY(ctx->arena, struct str, read->n + 1);
    if (read->n)
        memcpy(members, read->members, read->n * sizeof(*members));
    members[read->n++] = arena_str(ctx->arena, member);
    read->members = members;
}

static void add_read(struct ctx *ctx, struct contract_service *service, struct contract_read read)
{
    struct contract_read *reads =
        ARENA_ARRAY(ctx->arena, struct contract_read, service->n_reads + 1);
    if (service->n_reads)
        memcpy(reads, service->reads, service->n_reads * sizeof(*reads));
    reads[service->n_reads++] = read;
    service->reads = reads;
}

/* After ON: (CONSTANT, handler, READS("a", "b")) */
static void take_reaction(struct scanner *scanner, const struct contract_set *set,
                          struct contract_service *service)
{
    struct str constant, handler, reads, member;
    if (!take_char(scanner, '(') || !take_word(scanner, &constant) || !take_char(scanner, ',') ||
        !take_word(scanner, &handler) || !take_char(scanner, ',') || !take_word(scanner, &reads) ||
        !str_is(reads, "READS") || !take_char(scanner, '('))
        return;
    struct contract_read read = { .type = type_of(scanner->ctx, set, constant) };
    while (take_text(scanner, &member)) {
        add_member(scanner->ctx, &read, member);
        take_char(scanner, ',');
    }
    if (read.type.ptr)
        add_read(scanner->ctx, service, read);
}

/* ---- calls ---- */

static bool has_operation(const struct contract_service *service, struct str id)
{
    const struct json *paths = json_get(service->openapi.root, "paths");
    for (struct json_iter path = json_iter(paths); json_next(&path);)
        for (struct json_iter method = json_iter(path.value); json_next(&method);)
            if (str_eq(json_str(json_get(method.value, "operationId")), id))
                return true;
    return false;
}

static void add_call(struct ctx *ctx, struct contract_service *service, struct contract_call call)
{
    for (size_t i = 0; i < service->n_calls; i++)
        if (str_eq(service->calls[i].service, call.service) &&
            str_eq(service->calls[i].operation, call.operation))
            return;
    struct contract_call *calls =
        ARENA_ARRAY(ctx->arena, struct contract_call, service->n_calls + 1);
    if (service->n_calls)
        memcpy(calls, service->calls, service->n_calls * sizeof(*calls));
    calls[service->n_calls++] = call;
    service->calls = calls;
}

/* "commerce_quote_target": the request builder of commerce's operation quote. */
static void note_call(struct ctx *ctx, const struct contract_set *set,
                      struct contract_service *service, struct str word)
{
    struct str end = STR("_target");
    if (!str_ends(word, end))
        return;
    for (const struct contract_service *at = set->services; at; at = at->next) {
        size_t from = at->name.len + 1;
        if (!str_starts(word, at->name) || word.len <= from + end.len ||
            word.ptr[at->name.len] != '_')
            continue;
        struct str id = { word.ptr + from, word.len - from - end.len };
        if (has_operation(at, id))
            add_call(ctx, service, (struct contract_call){ at->name, arena_str(ctx->arena, id) });
    }
}

/* ---- a tree ---- */

static void scan_file(struct ctx *ctx, const struct contract_set *set,
                      struct contract_service *service, struct str text)
{
    struct scanner scanner = { ctx, text.ptr, text.ptr + text.len };
    struct str word;
    while (next_word(&scanner, &word)) {
        if (str_is(word, "ON"))
            take_reaction(&scanner, set, service);
        else
            note_call(ctx, set, service, word);
    }
}

/* Whose file it is; the operator's command is a caller like any other. */
static struct contract_service *owner_of(struct ctx *ctx, struct contract_set *set, struct str path)
{
    struct str folder, name;
    bool cli = str_starts(path, STR("cli/"));
    if (!str_split(&path, '/', &folder) || !str_split(&path, '/', &name))
        return NULL;
    struct str who = cli ? STR("cli") : name;
    struct contract_service *service = set_service(set, who), **last = &set->services;
    if (service || !(cli || path.len))
        return service;
    while (*last)
        last = &(*last)->next;
    *last = ARENA_NEW(ctx->arena, struct contract_service);
    (*last)->name = arena_str(ctx->arena, who);
    return *last;
}

void set_find_readers(struct ctx *ctx, const struct tree *tree, struct contract_set *set)
{
    for (size_t i = 0; i < tree->n; i++) {
        const struct tree_file *file = &tree->files[i];
        struct contract_service *service =
            str_ends(file->path, STR(".c")) ? owner_of(ctx, set, file->path) : NULL;
        if (service)
            scan_file(ctx, set, service, file->text);
    }
}
