/* The files that are written: <service>_types, _events, _client and _contract. */
#include "platform/contract/compiler/compiler.h"

static void write_top(FILE *out, const char *what, bool header)
{
    fprintf(out, "/* %s Written by contractc: change the contract, not this. */\n", what);
    if (header)
        fputs("#pragma once\n\n", out);
}

/* ---- types ---- */

void write_types_h(struct compiler *c, FILE *out)
{
    write_top(out, "The values of openapi.yaml.", true);
    fputs("#include \"platform/contract/contract.h\"\n", out);
    write_model_h(c, out, &c->types);
}

void write_types_c(struct compiler *c, FILE *out)
{
    write_top(out, "The values of openapi.yaml.", false);
    fprintf(
        out,
        "#include \"%s_types.h\"\n\n#include <math.h>\n#include <stddef.h>\n\n#include \"%s_client.h\"\n",
        c->service, c->service);
    write_model_c(c, out, &c->types);
    for (const struct model_operation *at = c->operations; at; at = at->next) {
        if (at->n_params == 0)
            continue;
        struct str in = arena_printf(c->arena, "%s_in", at->id);
        fputs("\n", out);
        for (size_t i = 0; i < at->n_params; i++)
            write_limits(out, &at->params[i].field, in.ptr);
        fprintf(out, "const struct param %s_%s_params[] = {\n", c->service, at->id);
        static const char *const places[] = { "PATH", "QUERY", "HEADER" };
        for (size_t i = 0; i < at->n_params; i++) {
            fprintf(out, "    { .place = PARAM_%s,\n      .field =\n", places[at->params[i].place]);
            write_field_row(out, &at->params[i].field, in.ptr, in.ptr, "        ");
            fputs("    },\n", out);
        }
        fputs("};\n", out);
    }
}

/* ---- events ---- */

static void write_publishers(FILE *out, const struct model_event *at)
{
    fprintf(out,
            "static inline bool publish_%s(struct ctx *ctx, const struct %s *data)\n{\n"
            "    return event_publish(ctx, &%s_TYPE, data);\n}\n",
            at->name, at->name, at->constant);
    fprintf(
        out,
        "static inline bool publish_%s_at(struct ctx *ctx, const struct %s *data, int64_t time_us)\n{\n"
        "    return event_publish_at(ctx, &%s_TYPE, data, time_us);\n}\n",
        at->name, at->name, at->constant);
    if (at->keeping == KEEP_COMPACTED)
        fprintf(out,
                "static inline bool publish_%s_tombstone(struct ctx *ctx, struct str key)\n{\n"
                "    return event_publish_tombstone(ctx, &%s_TYPE, key);\n}\n",
                at->name, at->constant);
}

void write_events_h(struct compiler *c, FILE *out)
{
    write_top(out, "The events that are told, and commands that are heard.", true);
    fputs("#include \"platform/events/events.h\"\n", out);
    for (struct model_event *at = c->events; at; at = at->next) {
        fprintf(out, "\n/* ---- %s ---- */\n", at->type);
        write_model_h(c, out, &at->model);
        fprintf(out, "extern const struct event_type %s_TYPE;\n#define %s_DATA struct %s\n",
                at->constant, at->constant, at->name);
        bool guarded = c->owner && !at->command;
        if (guarded)
            fprintf(out, "#ifdef %s /* nobody else tells it */\n", c->owner);
        write_publishers(out, at);
        if (guarded)
            fputs("#endif\n", out);
    }
}

static size_t field_index(const struct model_event *event, const struct model_field *field)
{
    return (size_t)(field - event->data->fields);
}

static void write_event_c(FILE *out, const struct model_event *at)
{
    static const char *const keepings[] = { "FOREVER", "COMPACTED", "DAYS" };
    fprintf(
        out,
        "\nconst struct event_type %s_TYPE = {\n    .type = \"%s\",\n    .topic = \"%s\",\n    .data = &%s_type,\n"
        "    .subject = &%s_fields[%zu],\n    .key = &%s_fields[%zu],\n    .keeping = KEEP_%s,\n    .days = %d,\n"
        "    .partitions = %d,\n    .erasable = %s,\n    .schema =\n    ",
        at->constant, at->type, at->topic, at->name, at->name, field_index(at, at->subject),
        at->name, field_index(at, at->key), keepings[at->keeping], at->days, at->partitions,
        at->erasable ? "true" : "false");
    write_literal(out, at->document.text);
    fputs(",\n};\n", out);
}

void write_events_c(struct compiler *c, FILE *out)
{
    write_top(out, "The events that are told, and commands that are heard.", false);
    fprintf(out, "#include \"%s_events.h\"\n\n#include <math.h>\n#include <stddef.h>\n",
            c->service);
    for (const struct model_event *at = c->events; at; at = at->next) {
        write_model_c(c, out, &at->model);
        write_event_c(out, at);
    }
}

/* ---- client ---- */

static void write_in(FILE *out, const struct model_operation *at)
{
    fprintf(out, "\n/* %s %s: " STR_FMT " */\nstruct %s_in {\n", at->method, at->path,
            STR_ARG(at->summary), at->id);
    for (size_t i = 0; i < at->n_params; i++)
        write_field_decl(out, &at->params[i].field, "    ");
    if (at->body)
        fprintf(out, "    const struct %s *body;%s\n", at->body->name,
                at->body_required ? "" : " /* NULL: none was sent */");
    if (at->body_json)
        fprintf(out, "    const struct json *body;%s\n",
                at->body_required ? "" : " /* NULL: none was sent */");
    if (at->body_raw)
        fputs("    struct str body_raw; /* as received */\n", out);
    if (at->n_params == 0 && !at->body && !at->body_json && !at->body_raw)
        fputs("    char nothing;\n", out);
    fputs("};\n", out);
}

void write_client_h(struct compiler *c, FILE *out)
{
    write_top(out, "The operations of openapi.yaml for those who call them.", true);
    fprintf(out, "#include \"%s_types.h\"\n", c->service);
    for (const struct model_operation *at = c->operations; at; at = at->next) {
        write_in(out, at);
        if (at->n_params)
            fprintf(out, "extern const struct param %s_%s_params[%zu];\n", c->service, at->id,
                    at->n_params);
        fprintf(
            out,
            "/* Path and query, escaped. */\n"
            "static inline struct str %s_%s_target(struct arena *arena, const struct %s_in *in)\n{\n"
            "    return contract_target(arena, ",
            c->service, at->id, at->id);
        write_literal(out, str_of(at->path));
        if (at->n_params)
            fprintf(out, ", %s_%s_params, %zu, in);\n}\n", c->service, at->id, at->n_params);
        else
            fputs(", NULL, 0, in);\n}\n", out);
    }
}

/* ---- contract ---- */

void write_contract_h(struct compiler *c, FILE *out)
{
    const char *name = c->service;
    write_top(out, "The handlers that the contract names, and its tables.", true);
    if (c->owner)
        fprintf(out,
                "#ifndef %s\n#error \"this is for %s alone: others include %s_events.h or "
                "%s_client.h\"\n#endif\n\n",
                c->owner, name, name, name);
    fprintf(out, "#include \"%s_client.h\"\n#include \"%s_events.h\"\n\n", name, name);
    fprintf(out, "extern const struct contract %s_contract;\n", name);
    for (const struct model_operation *at = c->operations; at; at = at->next) {
        fprintf(out,
                "\n/* %s %s: " STR_FMT
                " */\nstruct reply %s_%s(struct ctx *ctx, const struct %s_in *in);\n",
                at->method, at->path, STR_ARG(at->summary), name, at->id, at->id);
        if (at->at_once)
            fprintf(
                out,
                "bool %s_%s_at_once(struct ctx *ctx, const struct %s_in *in, struct reply *reply);\n",
                name, at->id, at->id);
    }
}

static void write_handles(struct compiler *c, FILE *out)
{
    for (const struct model_operation *at = c->operations; at; at = at->next) {
        fprintf(
            out,
            "\nstatic struct reply handle_%s(struct ctx *ctx, const void *in)\n{\n    return %s_%s(ctx, in);\n}\n",
            at->id, c->service, at->id);
        if (at->at_once)
            fprintf(
                out,
                "\nstatic bool %s_at_once(struct ctx *ctx, const void *in, struct reply *reply)\n{\n    return %s_%s_at_once(ctx, in, reply);\n}\n",
                at->id, c->service, at->id);
        if (at->n_body_types == 0)
            continue;
        fprintf(out, "static const char *const %s_body_types[] = { ", at->id);
        for (size_t i = 0; i < at->n_body_types; i++) {
            write_literal(out, str_of(at->body_types[i]));
            fputs(", ", out);
        }
        fputs("NULL };\n", out);
    }
}

static void write_offset(FILE *out, const char *name, bool given, const char *id,
                         const char *member)
{
    if (given)
        fprintf(out, "      .%s = offsetof(struct %s_in, %s),\n", name, id, member);
    else
        fprintf(out, "      .%s = UINT32_MAX,\n", name);
}

static void write_operation(struct compiler *c, FILE *out, const struct model_operation *at)
{
    static const char *const auths[] = { "TOKEN", "WRITE_KEY", "PUBLIC", "EITHER" },
                             *const runs[] = { "READ", "WRITE", "POOL" };
    fprintf(out, "    { .id = \"%s\",\n      .method = \"%s\",\n      .path = ", at->id,
            at->method);
    write_literal(out, str_of(at->path));
    fputs(",\n", out);
    if (at->scope)
        fprintf(out, "      .scope = \"%s\",\n", at->scope);
    fprintf(
        out,
        "      .auth = AUTH_%s,\n      .run = RUN_%s,\n      .success = %d,\n      .in_size = sizeof(struct %s_in),\n",
        auths[at->auth], runs[at->run], at->success, at->id);
    if (at->n_params)
        fprintf(out, "      .params = %s_%s_params,\n      .n_params = %zu,\n", c->service, at->id,
                at->n_params);
    if (at->body)
        fprintf(out, "      .body = &%s_type,\n", at->body->name);
    write_offset(out, "body_offset", at->body != NULL, at->id, "body");
    write_offset(out, "body_json_offset", at->body_json, at->id, "body");
    write_offset(out, "body_raw_offset", at->body_raw, at->id, "body_raw");
    fprintf(
        out,
        "      .body_required = %s,\n      .body_object = %s,\n      .idempotency_key = %s,\n      .foreign = %s,\n      .open = %s,\n",
        at->body_required ? "true" : "false", at->body_object ? "true" : "false",
        at->idempotency_key ? "true" : "false", at->foreign ? "true" : "false",
        at->open ? "true" : "false");
    if (at->n_body_types)
        fprintf(out, "      .body_types = %s_body_types,\n", at->id);
    if (at->at_once)
        fprintf(out, "      .at_once = %s_at_once,\n", at->id);
    fprintf(
        out,
        "      .max_body_bytes = %lld,\n      .priority = \"%s\",\n      .handle = handle_%s },\n",
        (long long)at->max_body_bytes, at->priority, at->id);
}

static size_t write_event_list(struct compiler *c, FILE *out, const char *name, bool command)
{
    size_t n = 0;
    for (const struct model_event *at = c->events; at; at = at->next)
        n += at->command == command;
    if (n == 0)
        return 0;
    fprintf(out, "\nstatic const struct event_type *const %s[] = {\n", name);
    for (const struct model_event *at = c->events; at; at = at->next)
        if (at->command == command)
            fprintf(out, "    &%s_TYPE,\n", at->constant);
    fputs("};\n", out);
    return n;
}

void write_contract_c(struct compiler *c, FILE *out)
{
    write_top(out, "The handlers that the contract names, and its tables.", false);
    fprintf(out, "#include \"%s_contract.h\"\n\n#include <stddef.h>\n", c->service);
    write_handles(c, out);
    if (c->operations)
        fputs("\nstatic const struct operation operations[] = {\n", out);
    for (const struct model_operation *at = c->operations; at; at = at->next)
        write_operation(c, out, at);
    if (c->operations)
        fputs("};\n", out);
    size_t publishes = write_event_list(c, out, "publishes", false);
    size_t commands = write_event_list(c, out, "commands", true);
    fprintf(out, "\nconst struct contract %s_contract = {\n    .service = \"%s\",\n    .version = ",
            c->service, c->service);
    write_literal(out, str_of(c->version ? c->version : ""));
    fputs(",\n", out);
    if (c->operations)
        fputs(
            "    .operations = operations,\n    .n_operations = sizeof(operations) / sizeof(operations[0]),\n",
            out);
    if (publishes)
        fprintf(out, "    .publishes = publishes,\n    .n_publishes = %zu,\n", publishes);
    if (commands)
        fprintf(out, "    .commands = commands,\n    .n_commands = %zu,\n", commands);
    if (c->openapi.root) {
        fputs("    .openapi =\n    ", out);
        write_literal(out, c->openapi.text);
        fputs(",\n", out);
    }
    fputs("};\n", out);
}
