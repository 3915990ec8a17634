/* The catalog as AsyncAPI 3.0 (https://www.asyncapi.com/docs/reference/specification/v3.0.0). */
#include "platform/json/json.h"
#include "platform/service/service.h"
#include "services/registry/catalog.h"
#include "services/registry/store.h"

#define MS_PER_DAY (86400 * 1000LL)

struct writing {
    struct ctx *ctx;
    const struct catalog *catalog;
    struct json_out out;
};

static void put_text(struct writing *w, const char *key, struct str text)
{
    if (!text.ptr)
        return;
    json_key(&w->out, key);
    json_put_str(&w->out, text);
}

static void put_ref(struct writing *w, const char *key, struct str target)
{
    if (key)
        json_key(&w->out, key);
    json_object(&w->out);
    put_text(w, "$ref", target);
    json_object_end(&w->out);
}

static void put_texts(struct writing *w, const char *key, const struct str *texts, size_t n)
{
    json_key(&w->out, key);
    json_array(&w->out);
    for (size_t i = 0; i < n; i++)
        json_put_str(&w->out, texts[i]);
    json_array_end(&w->out);
}

static void object(struct writing *w, const char *key)
{
    json_key(&w->out, key);
    json_object(&w->out);
}

/* ---- channels: one for each topic ---- */

static bool is_first_of_topic(const struct catalog *catalog, size_t index)
{
    for (size_t i = 0; i < index; i++)
        if (str_eq(catalog->events[i].topic, catalog->events[index].topic))
            return false;
    return true;
}

static void put_keeping(struct writing *w, const struct catalog_event *event)
{
    object(w, "topicConfiguration");
    json_key(&w->out, "cleanup.policy");
    json_array(&w->out);
    json_put_str(&w->out, event->keeping == KEEPING_COMPACTED ? STR("compact") : STR("delete"));
    json_array_end(&w->out);
    if (event->keeping != KEEPING_COMPACTED) {
        json_key(&w->out, "retention.ms");
        json_put_int(&w->out, event->keeping == KEEPING_DAYS ? event->days * MS_PER_DAY : -1);
    }
    json_object_end(&w->out);
}

static void put_channel(struct writing *w, const struct catalog_event *event)
{
    json_key_n(&w->out, event->topic);
    json_object(&w->out);
    put_text(w, "address", event->topic);
    object(w, "messages");
    for (size_t i = 0; i < w->catalog->n_events; i++) {
        struct str type = w->catalog->events[i].type;
        if (!str_eq(w->catalog->events[i].topic, event->topic))
            continue;
        json_key_n(&w->out, type);
        put_ref(w, NULL,
                arena_printf(w->ctx->arena, "#/components/messages/" STR_FMT, STR_ARG(type)));
    }
    json_object_end(&w->out);
    object(w, "bindings");
    object(w, "kafka");
    put_text(w, "topic", event->topic);
    if (event->partitions > 0) {
        json_key(&w->out, "partitions");
        json_put_int(&w->out, event->partitions);
    }
    put_keeping(w, event);
    json_object_end(&w->out);
    json_object_end(&w->out);
    json_object_end(&w->out);
}

/* ---- operations: who sends, who receives ---- */

static void put_operation(struct writing *w, struct str name, const char *action,
                          const struct catalog_event *event, struct str service,
                          const struct catalog_reader *reader)
{
    struct arena *arena = w->ctx->arena;
    json_key_n(&w->out, name);
    json_object(&w->out);
    put_text(w, "action", str_of(action));
    put_ref(w, "channel", arena_printf(arena, "#/channels/" STR_FMT, STR_ARG(event->topic)));
    json_key(&w->out, "messages");
    json_array(&w->out);
    put_ref(w, NULL,
            arena_printf(arena, "#/channels/" STR_FMT "/messages/" STR_FMT, STR_ARG(event->topic),
                         STR_ARG(event->type)));
    json_array_end(&w->out);
    json_key(&w->out, "tags");
    json_array(&w->out);
    json_object(&w->out);
    put_text(w, "name", service);
    json_object_end(&w->out);
    json_array_end(&w->out);
    if (reader) {
        put_texts(w, "x-reads", reader->members, reader->n_members);
        put_text(w, "x-consumer", reader->consumer);
    }
    json_object_end(&w->out);
}

/* A command is sent by others, who are not known, and received by its owner. */
static void put_operations(struct writing *w, const struct catalog_event *event)
{
    const char *action = event->command ? "receive" : "send";
    struct arena *arena = w->ctx->arena;
    put_operation(w,
                  arena_printf(arena, STR_FMT ".%s." STR_FMT, STR_ARG(event->owner), action,
                               STR_ARG(event->type)),
                  action, event, event->owner, NULL);
    for (size_t i = 0; i < event->n_readers; i++) {
        const struct catalog_reader *reader = &event->readers[i];
        bool again = false; /* another version of it, which reads otherwise */
        for (size_t j = 0; j < i; j++)
            again |= str_eq(event->readers[j].consumer, reader->consumer);
        struct str name = arena_printf(arena, STR_FMT ".receive." STR_FMT "%s",
                                       STR_ARG(reader->consumer), STR_ARG(event->type),
                                       again ? "." : "");
        if (again)
            name = arena_printf(arena, STR_FMT "%zu", STR_ARG(name), i);
        put_operation(w, name, "receive", event, reader->service, reader);
    }
}

/* ---- messages and their schemas ---- */

/* A `$ref` of the schema leads into the schema, which is a part of a document here. */
static void put_schema(struct writing *w, const struct json *node, struct str root, bool names)
{
    struct json_out *out = &w->out;
    if (json_type(node) == JSON_ARRAY) {
        json_array(out);
        for (struct json_iter it = json_iter(node); json_next(&it);)
            put_schema(w, it.value, root, false);
        json_array_end(out);
        return;
    }
    if (json_type(node) != JSON_OBJECT) {
        json_put(out, node);
        return;
    }
    json_object(out);
    for (struct json_iter it = json_iter(node); json_next(&it);) {
        struct str text = json_str(it.value);
        bool data = !names && (str_is(it.key, "const") || str_is(it.key, "enum") ||
                               str_is(it.key, "default") || str_is(it.key, "examples"));
        json_key_n(out, it.key);
        if (data)
            json_put(out, it.value);
        else if (!names && str_is(it.key, "$ref") && text.len && text.ptr[0] == '#')
            json_put_str(out, arena_printf(w->ctx->arena, STR_FMT STR_FMT, STR_ARG(root),
                                           (int)text.len - 1, text.ptr + 1));
        else
            put_schema(w, it.value, root,
                       !names && (str_is(it.key, "properties") || str_is(it.key, "$defs")));
    }
    json_object_end(out);
}

/* The newest version that is registered; false where there is none, or (with an error) it cannot be read. */
static bool schema_read(struct writing *w, const struct catalog_event *event,
                        const struct json **out)
{
    struct schema_row row;
    *out = NULL;
    if (event->n_versions == 0 ||
        !store_schema(w->ctx, event->versions[event->n_versions - 1].schema_id, &row))
        return false;
    *out = json_parse(w->ctx, row.body);
    return *out != NULL;
}

static void put_schemas(struct writing *w)
{
    object(w, "schemas");
    for (size_t i = 0; i < w->catalog->n_events; i++) {
        const struct catalog_event *event = &w->catalog->events[i];
        const struct json *schema;
        if (!schema_read(w, event, &schema))
            continue;
        json_key_n(&w->out, event->type);
        put_schema(
            w, schema,
            arena_printf(w->ctx->arena, "#/components/schemas/" STR_FMT, STR_ARG(event->type)),
            false);
    }
    json_object_end(&w->out);
}

static void put_message(struct writing *w, const struct catalog_event *event)
{
    json_key_n(&w->out, event->type);
    json_object(&w->out);
    put_text(w, "name", event->type);
    put_text(w, "title", event->title);
    put_text(w, "description", event->description);
    put_text(w, "contentType", STR("application/json"));
    if (event->n_versions)
        put_ref(w, "payload",
                arena_printf(w->ctx->arena, "#/components/schemas/" STR_FMT, STR_ARG(event->type)));
    object(w, "bindings");
    object(w, "kafka");
    object(w, "key");
    put_text(w, "type", STR("string"));
    put_text(w, "description",
             arena_printf(w->ctx->arena, "The member " STR_FMT ".", STR_ARG(event->key)));
    json_object_end(&w->out);
    json_object_end(&w->out);
    json_object_end(&w->out);
    if (event->example) {
        json_key(&w->out, "examples");
        json_array(&w->out);
        json_object(&w->out);
        json_key(&w->out, "payload");
        json_put(&w->out, event->example);
        json_object_end(&w->out);
        json_array_end(&w->out);
    }
    put_text(w, "x-owner", event->owner);
    put_texts(w, "x-personal", event->personal, event->n_personal);
    json_key(&w->out, "x-erasable");
    json_put_bool(&w->out, event->erasable);
    json_object_end(&w->out);
}

static void put_info(struct writing *w)
{
    put_text(w, "asyncapi", STR("3.0.0"));
    object(w, "info");
    put_text(w, "title", STR("Fanfare"));
    put_text(w, "version", str_of(registry_contract.version));
    put_text(
        w, "description",
        STR("The events of the stack: CloudEvents 1.0 in the binary mode of the Kafka binding."));
    json_object_end(&w->out);
    put_text(w, "defaultContentType", STR("application/json"));
    struct str log = setting_text(w->ctx, "log"), scheme, hosts;
    str_split(&log, ':', &scheme);
    log = (struct str){ log.ptr + strlen("//"), log.len - strlen("//") };
    str_split(&log, '?', &hosts);
    object(w, "servers");
    object(w, "log");
    put_text(w, "host", hosts);
    put_text(w, "protocol", str_is(scheme, "kafkas") ? STR("kafka-secure") : scheme);
    json_object_end(&w->out);
    json_object_end(&w->out);
}

struct str asyncapi_text(struct ctx *ctx, const struct catalog *catalog)
{
    struct writing w = { .ctx = ctx, .catalog = catalog };
    json_out_init(&w.out, ctx->arena);
    json_object(&w.out);
    put_info(&w);
    object(&w, "channels");
    for (size_t i = 0; i < catalog->n_events; i++)
        if (is_first_of_topic(catalog, i))
            put_channel(&w, &catalog->events[i]);
    json_object_end(&w.out);
    object(&w, "operations");
    for (size_t i = 0; i < catalog->n_events; i++)
        put_operations(&w, &catalog->events[i]);
    json_object_end(&w.out);
    object(&w, "components");
    object(&w, "messages");
    for (size_t i = 0; i < catalog->n_events; i++)
        put_message(&w, &catalog->events[i]);
    json_object_end(&w.out);
    put_schemas(&w);
    json_object_end(&w.out);
    json_object_end(&w.out);
    return ctx_failed(ctx) ? (struct str){ NULL, 0 } : json_out_str(&w.out);
}
