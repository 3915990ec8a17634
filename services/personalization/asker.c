#include "services/personalization/asker.h"

#include "base/clock.h"

static struct value number(double n)
{
    return (struct value){ .kind = VALUE_NUMBER, .number = n };
}

static struct value boolean(bool b)
{
    return (struct value){ .kind = VALUE_BOOL, .boolean = b };
}

static struct value seconds(int64_t us)
{
    return us ? number((double)(us / US_PER_S)) : (struct value){ .kind = VALUE_NULL };
}

static struct value json_value(const struct json *json)
{
    switch (json_type(json)) {
    case JSON_BOOL:
        return boolean(json_bool(json));
    case JSON_INTEGER:
    case JSON_NUMBER:
        return number(json_double(json));
    case JSON_STRING:
        return (struct value){ .kind = VALUE_STRING, .str = json_str(json) };
    case JSON_ARRAY:
    case JSON_OBJECT:
        return (struct value){ .kind = VALUE_JSON, .json = json };
    default:
        return (struct value){ .kind = VALUE_NULL };
    }
}

static int32_t today(const struct asker *asker)
{
    return (int32_t)(asker->now_us / US_PER_DAY);
}

static bool history_value(const struct asker *asker, const struct history *history,
                          struct str metric, int64_t scale, struct value *out)
{
    double metric_value;
    bool none;
    if (!history_metric(history, metric, today(asker), scale, &metric_value, &none))
        return false;
    *out = none ? (struct value){ .kind = VALUE_NULL } : number(metric_value);
    return true;
}

static const char *const tier_names[] = { "none", "bronze", "silver", "gold", "platinum" };
static const char *const purposes[] = { "marketing", "analytics", "personalization" };
static const char *const channels[] = { "email", "sms", "push", "web", "all" };

static int index_of(const char *const *names, size_t n, struct str name)
{
    for (size_t i = 0; i < n; i++)
        if (str_is(name, names[i]))
            return (int)i;
    return -1;
}

static bool consent_value(const struct asker *asker, struct str rest, struct value *out)
{
    struct str purpose;
    str_split(&rest, '.', &purpose);
    int p = index_of(purposes, COUNT(purposes), purpose),
        c = index_of(channels, COUNT(channels), rest);
    if (p < 0 || c < 0)
        return false;
    int state = person_consent(&asker->person, p, c);
    *out = state < 0 ? (struct value){ .kind = VALUE_NULL } : boolean(state);
    return true;
}

/* "<event name>.<metric>": event names may hold dots and spaces, so the metric is what follows the last dot. */
static bool event_value(const struct asker *asker, struct str rest, struct value *out)
{
    static const struct history never;
    size_t at = rest.len;
    while (at > 0 && rest.ptr[at - 1] != '.')
        at--;
    if (at == 0)
        return false;
    const struct history *history =
        person_event_find(&asker->person, (struct str){ rest.ptr, at - 1 });
    return history_value(asker, history ? history : &never,
                         (struct str){ rest.ptr + at, rest.len - at }, EVENT_SUM_SCALE, out);
}

static bool path_value(const struct json *json, struct str path, struct value *out)
{
    struct str part;
    while (json && str_split(&path, '.', &part))
        json = json_get_n(json, part);
    *out = json_value(json);
    return true;
}

static const struct json *traits_of(struct ctx *ctx, struct asker *asker)
{
    if (!asker->traits_read && asker->person.traits.ptr)
        asker->traits = json_parse(ctx, asker->person.traits);
    asker->traits_read = true;
    return asker->traits;
}

static bool prefixed(struct str name, struct str prefix, struct str *rest)
{
    if (!str_starts(name, prefix))
        return false;
    *rest = (struct str){ name.ptr + prefix.len, name.len - prefix.len };
    return true;
}

/* Few rules ask for it, and it is read from memory that every order changes. */
static double spend_percentile(const struct asker *asker)
{
    const struct person *person = &asker->person;
    return person->orders.count > 0
               ? percentile_of(asker->customers, person->spent - person->refunded)
               : 0;
}

static bool plain_value(struct asker *asker, struct str name, struct value *out)
{
    if (str_is(name, "visits"))
        *out = number((double)asker->person.visits.count);
    else if (str_is(name, "spend_percentile"))
        *out = number(spend_percentile(asker));
    else if (str_is(name, "person.known"))
        *out = boolean(asker->known);
    else if (str_is(name, "person.customer"))
        *out = boolean(asker->customer);
    else if (str_is(name, "orders.total"))
        *out = number((double)(asker->person.spent - asker->person.refunded));
    else if (str_is(name, "tier"))
        *out =
            (struct value){ .kind = VALUE_STRING, .str = str_of(tier_names[asker->person.tier]) };
    else if (str_is(name, "now"))
        *out = seconds(asker->now_us);
    else
        return false;
    return true;
}

static bool lookup(struct ctx *ctx, struct str name, struct asker *asker, struct value *out)
{
    struct str rest;
    *out = (struct value){ .kind = VALUE_NULL };
    if (plain_value(asker, name, out))
        return true;
    if (prefixed(name, STR("orders."), &rest))
        return history_value(asker, &asker->person.orders, rest, 1, out);
    if (prefixed(name, STR("visits."), &rest))
        return history_value(asker, &asker->person.visits, rest, 1, out);
    if (prefixed(name, STR("segments."), &rest)) {
        *out = boolean(person_member(&asker->person, rest) != NULL);
        return true;
    }
    if (prefixed(name, STR("events."), &rest))
        return event_value(asker, rest, out);
    if (prefixed(name, STR("traits."), &rest))
        return path_value(traits_of(ctx, asker), rest, out);
    if (prefixed(name, STR("context."), &rest))
        return path_value(asker->context, rest, out);
    if (prefixed(name, STR("consent."), &rest))
        return consent_value(asker, rest, out);
    return false;
}

static void note_read(struct ctx *ctx, struct asker *asker, struct str name,
                      const struct value *value)
{
    struct read_value **at = asker->reads;
    while (*at && !str_eq((*at)->name, name))
        at = &(*at)->next;
    if (*at)
        return;
    *at = ARENA_NEW(ctx->arena, struct read_value);
    **at = (struct read_value){ .name = name, .value = *value };
}

bool asker_lookup(struct ctx *ctx, struct str name, void *argument, struct value *out)
{
    struct asker *asker = argument;
    bool found = lookup(ctx, name, asker, out);
    if (found && asker->reads)
        note_read(ctx, asker, name, out);
    return found;
}

bool asker_context(struct ctx *ctx, struct asker *asker, struct str path, struct value *out)
{
    const struct json *json = asker->context;
    struct str rest = path, part;
    while (json && str_split(&rest, '.', &part))
        json = json_get_n(json, part);
    if (!json || path.len == 0)
        return false;
    *out = json_value(json);
    if (asker->reads)
        note_read(ctx, asker, path, out);
    return true;
}

bool asker_load(struct ctx *ctx, struct people *people, const struct lmdb_read *read,
                struct str person_id, bool customer, struct asker *out)
{
    *out = (struct asker){ .person_id = person_id,
                           .customer = customer,
                           .customers = people_percentile(people),
                           .now_us = clock_now_us() };
    return !person_id.ptr || people_get(ctx, read, person_id, &out->person, &out->known);
}

static void put_history(struct json_out *out, const struct asker *asker,
                        const struct history *history, int64_t scale)
{
    for (size_t i = 0; i < n_history_metrics; i++) {
        struct value value = { .kind = VALUE_NULL };
        history_value(asker, history, str_of(history_metric_name(i)), scale, &value);
        json_key(out, history_metric_name(i));
        rule_put_value(out, &value);
    }
}

static void put_consents(struct json_out *out, const struct asker *asker)
{
    for (size_t p = 0; p < COUNT(purposes); p++) {
        json_key(out, purposes[p]);
        json_object(out);
        for (size_t c = 0; c < COUNT(channels); c++) {
            int state = person_consent(&asker->person, (int)p, (int)c);
            if (state >= 0) {
                json_key(out, channels[c]);
                json_put_bool(out, state);
            }
        }
        json_object_end(out);
    }
}

struct str asker_json(struct ctx *ctx, struct asker *asker)
{
    struct json_out out;
    json_out_init(&out, ctx->arena);
    json_object(&out);
    json_key(&out, "visits");
    json_put_int(&out, asker->person.visits.count);
    json_key(&out, "spend_percentile");
    json_put_double(&out, spend_percentile(asker));
    json_key(&out, "tier");
    json_put_str(&out, str_of(tier_names[asker->person.tier]));
    json_key(&out, "orders");
    json_object(&out);
    json_key(&out, "total");
    json_put_int(&out, asker->person.spent - asker->person.refunded);
    put_history(&out, asker, &asker->person.orders, 1);
    json_object_end(&out);
    json_key(&out, "events");
    json_object(&out);
    for (uint32_t i = 0; i < asker->person.n_events; i++) {
        json_key_n(&out, asker->person.events[i].name);
        json_object(&out);
        put_history(&out, asker, &asker->person.events[i].history, EVENT_SUM_SCALE);
        json_object_end(&out);
    }
    json_object_end(&out);
    json_key(&out, "consent");
    json_object(&out);
    put_consents(&out, asker);
    json_object_end(&out);
    json_key(&out, "segments");
    json_object(&out);
    for (uint32_t i = 0; i < asker->person.n_memberships; i++) {
        json_key_n(&out, asker->person.memberships[i].segment_id);
        json_put_bool(&out, true);
    }
    json_object_end(&out);
    if (traits_of(ctx, asker)) {
        json_key(&out, "traits");
        json_put(&out, asker->traits);
    }
    json_object_end(&out);
    return json_out_str(&out);
}
