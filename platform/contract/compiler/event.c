/* Event schemas into the model, and the rules that each must keep. */
#include <stdlib.h>

#include "platform/contract/compiler/compiler.h"

#define PARTITIONS 6
#define PARTITIONS_AT_MOST 1000

/* "fanfare.commerce.order.placed.v1" -> "fanfare.commerce.order.placed" and 1. */
static bool split_version(struct str type, struct str *stem, int64_t *version)
{
    size_t dot = type.len;
    while (dot > 0 && type.ptr[dot - 1] != '.')
        dot--;
    if (dot < 2 || dot + 1 >= type.len || type.ptr[dot] != 'v')
        return false;
    *stem = (struct str){ type.ptr, dot - 1 };
    return str_to_int((struct str){ type.ptr + dot + 1, type.len - dot - 1 }, version) &&
           *version > 0;
}

static bool parts_are_snake(struct str text)
{
    struct str part;
    while (str_split(&text, '.', &part))
        if (!name_is_snake(part))
            return false;
    return true;
}

/* The type's end is the file's name and, with an underscore, the struct's: order.placed -> order_placed.v1.json. */
static bool event_name(struct compiler *c, struct spot spot, struct model_event *event,
                       struct str rest, int64_t version)
{
    char *name = arena_cstr(c->arena, rest);
    for (char *at = name; *at; at++)
        if (*at == '.')
            *at = '_';
    const char *slash = strrchr(event->document.path, '/'),
               *file = slash ? slash + 1 : event->document.path;
    struct str wanted = arena_printf(c->arena, "%s.v%lld.json", name, (long long)version);
    if (!str_is(wanted, file))
        return wrong(c, spot, "the event's file is called " STR_FMT, STR_ARG(wanted));
    event->name = version == 1 ? name
                               : arena_printf(c->arena, "%s_v%lld", name, (long long)version).ptr;
    struct str constant =
        arena_printf(c->arena, "%s_%s_v%lld", c->service, name, (long long)version);
    event->constant = name_upper(c->arena, constant.ptr);
    return true;
}

static bool type_read(struct compiler *c, struct spot spot, struct model_event *event)
{
    struct str type = json_str(json_get(spot.node, "type")),
               topic = json_str(json_get(spot.node, "topic"));
    struct str stem, base = arena_printf(c->arena, "fanfare.%s.", c->service);
    int64_t version;
    event->command = json_bool(json_get(spot.node, "command"));
    if (!split_version(type, &stem, &version) || !parts_are_snake(stem))
        return wrong(c, spot, "\"type\" is fanfare.<context>.<aggregate>.<past participle>.v<N>");
    if (!str_starts(type, base) || stem.len <= base.len)
        return wrong(c, spot, "the type of an event of %s begins with " STR_FMT, c->service,
                     STR_ARG(base));
    struct str rest = { stem.ptr + base.len, stem.len - base.len };
    struct str wanted = arena_printf(c->arena, "%s.commands", c->service);
    if (!event->command) {
        ptrdiff_t dot = str_find_char(rest, '.');
        if (dot < 0)
            return wrong(c, spot,
                         "\"type\" is fanfare.<context>.<aggregate>.<past participle>.v<N>");
        wanted = arena_printf(c->arena, STR_FMT "%.*s", STR_ARG(base), (int)dot, rest.ptr);
    }
    if (!str_eq(topic, wanted))
        return wrong(c, spot, "the topic of %s is \"" STR_FMT "\"", type.ptr, STR_ARG(wanted));
    event->type = type.ptr;
    event->topic = topic.ptr;
    return event_name(c, spot, event, rest, version);
}

static bool keeping_read(struct compiler *c, struct spot spot, struct model_event *event)
{
    const struct json *keeping = json_get(spot.node, "keeping"), *days = json_get(keeping, "days");
    const struct json *partitions = json_get(spot.node, "partitions");
    event->erasable = json_bool(json_get(spot.node, "erasable"));
    event->partitions = partitions ? (int)json_int(partitions) : PARTITIONS;
    if (event->partitions < 1 || event->partitions > PARTITIONS_AT_MOST)
        return wrong(c, spot, "\"partitions\" is 1 to %d", PARTITIONS_AT_MOST);
    if (str_is(json_str(keeping), "forever"))
        event->keeping = KEEP_FOREVER;
    else if (str_is(json_str(keeping), "compacted"))
        event->keeping = KEEP_COMPACTED;
    else if (json_int(days) > 0 && json_int(days) < 36500)
        event->keeping = KEEP_DAYS;
    else
        return wrong(c, spot, "\"keeping\" is \"forever\", \"compacted\" or { \"days\": N }");
    event->days = event->keeping == KEEP_DAYS ? (int)json_int(days) : 0;
    if (event->erasable && event->keeping != KEEP_COMPACTED)
        return wrong(c, spot, "what is erasable is compacted: \"keeping\" is \"compacted\"");
    return true;
}

static struct model_field *member_read(struct compiler *c, struct spot spot,
                                       struct model_event *event, const char *keyword)
{
    struct str name = json_str(json_get(spot.node, keyword));
    for (size_t i = 0; i < event->data->n; i++) {
        struct model_field *field = &event->data->fields[i];
        if (!str_eq(field->json_name, name))
            continue;
        if (field->kind == FIELD_STR && field->flags & FIELD_REQUIRED &&
            !(field->flags & (FIELD_ARRAY | FIELD_NULLABLE)))
            return field;
    }
    wrong(c, spot, "\"%s\" names a required text member of the data", keyword);
    return NULL;
}

static bool keys_read(struct compiler *c, struct spot spot, struct model_event *event)
{
    event->subject = member_read(c, spot, event, "subject");
    event->key = json_get(spot.node, "key") ? member_read(c, spot, event, "key") : event->subject;
    if (event->keeping == KEEP_COMPACTED && event->erasable && !json_get(spot.node, "key"))
        return wrong(c, spot, "what is erasable says by which person: \"key\" is required");
    return event->subject && event->key;
}

/* Personal data goes only where erasing reaches it. */
static bool personal_check(struct compiler *c, struct model_event *event)
{
    bool may = event->erasable && event->keeping == KEEP_COMPACTED;
    for (struct model_struct *at = event->model.structs; at && !may; at = at->next)
        for (size_t i = 0; i < at->n; i++)
            if (at->fields[i].flags & FIELD_PERSONAL)
                return wrong(
                    c,
                    spot_member_n(c, spot_member(c, at->spot, "properties"),
                                  at->fields[i].json_name),
                    "is personal (x-personal), but the topic %s is not erasable, compacted and keyed by "
                    "person; carry the person's id instead",
                    event->topic);
    return true;
}

static bool header_check(struct compiler *c, struct spot spot)
{
    static const char keywords[] = " type topic subject key erasable keeping partitions command ";
    for (struct json_iter it = json_iter(spot.node); json_next(&it);) {
        char word[64];
        snprintf(word, sizeof(word), " " STR_FMT " ", STR_ARG(it.key));
        if (!strstr(keywords, word))
            return wrong(c, spot, "\"" STR_FMT "\" is not known here", STR_ARG(it.key));
    }
    return true;
}

static bool event_fill(struct compiler *c, struct model_event *event)
{
    struct spot root = spot_root(&event->document), header = spot_member(c, root, "x-event");
    if (json_type(header.node) != JSON_OBJECT)
        return wrong(c, root, "\"x-event\" is required: type, topic, subject, keeping, ...");
    if (!header_check(c, header) || !type_read(c, header, event) || !keeping_read(c, header, event))
        return false;
    event->document.prefix = arena_printf(c->arena, "%s_", event->name).ptr;
    if (!spot_is(root, "type", "object") || json_bool(json_get(root.node, "additionalProperties")))
        return wrong(c, root, "the data of an event is a closed object");
    if (!json_size(json_get(root.node, "properties")))
        return wrong(c, root, "\"properties\" are required");
    event->data = model_struct_of(c, &event->model, event->name, root);
    return event->data && keys_read(c, header, event) && personal_check(c, event) &&
           examples_check(c, root, root) && model_order(c, &event->model);
}

static bool event_unique(struct compiler *c, const struct model_event *event)
{
    for (const struct model_event *at = c->events; at; at = at->next) {
        if (strcmp(at->type, event->type) == 0)
            return wrong_file(c, event->document.path, "the type %s is that of %s too", at->type,
                              at->document.path);
        if (strcmp(at->topic, event->topic) == 0 &&
            (at->partitions != event->partitions || at->keeping != event->keeping ||
             at->days != event->days || at->erasable != event->erasable))
            return wrong_file(c, event->document.path,
                              "the topic %s has other partitions or keeping in %s", at->topic,
                              at->document.path);
    }
    return true;
}

void event_read(struct compiler *c, const char *path)
{
    struct model_event *event = ARENA_NEW(c->arena, struct model_event);
    if (!document_read(c, path, true, &event->document) || !event_fill(c, event) ||
        !event_unique(c, event))
        return;
    struct model_event **last = &c->events;
    while (*last)
        last = &(*last)->next;
    *last = event;
}
