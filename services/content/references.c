#include "services/content/references.h"

#include "services/content/pointer.h"

#define ID_MOST 80 /* as the contract has it */

struct walk {
    struct ctx *ctx;
    struct references *out;
};

/* Where the walk is, for the sentence. */
struct place {
    const struct place *up;
    struct str key; /* ptr NULL: an element */
    size_t index;
};

static struct str place_pointer(struct ctx *ctx, const struct place *place)
{
    if (!place)
        return STR("/document");
    struct str up = place_pointer(ctx, place->up);
    return place->key.ptr ? pointer_member(ctx->arena, up, place->key)
                          : pointer_element(ctx->arena, up, place->index);
}

static bool refuse(struct walk *walk, const struct place *place, const char *sentence)
{
    return ctx_fail_at(walk->ctx, ERR_INVALID, place_pointer(walk->ctx, place), "%s", sentence);
}

static bool target_add(struct walk *walk, const struct place *place, struct str target)
{
    struct references *out = walk->out;
    for (size_t i = 0; i < out->n; i++)
        if (str_eq(out->targets[i], target))
            return true;
    if (out->n == REFERENCES_MOST)
        return refuse(walk, place, "a document refers to at most 500 others");
    out->targets[out->n++] = target;
    return true;
}

/* What the ids of this kind of reference begin with; ptr NULL where the value is none. */
static struct str prefix_of(const struct json *value)
{
    if (json_get(value, "$entry"))
        return STR("ent_");
    return json_get(value, "$media") ? STR("med_") : (struct str){ NULL, 0 };
}

static bool reference_take(struct walk *walk, const struct place *place, const struct json *value,
                           struct str prefix)
{
    struct json_iter it = json_iter(value);
    json_next(&it);
    struct str target = json_str(it.value);
    if (json_size(value) != 1)
        return refuse(walk, place, "a reference has no other members");
    if (!str_starts(target, prefix) || target.len == prefix.len || target.len > ID_MOST)
        return refuse(walk, place,
                      "a reference is {\"$entry\": \"ent_...\"} or {\"$media\": \"med_...\"}");
    return target_add(walk, place, target);
}

static bool walk_value(struct walk *walk, const struct place *place, const struct json *value)
{
    enum json_type type = json_type(value);
    struct str prefix = type == JSON_OBJECT ? prefix_of(value) : (struct str){ NULL, 0 };
    if (prefix.ptr)
        return reference_take(walk, place, value, prefix);
    if (type != JSON_OBJECT && type != JSON_ARRAY)
        return true;
    for (struct json_iter it = json_iter(value); json_next(&it);) {
        struct place below = { place, it.key, it.index };
        if (!walk_value(walk, &below, it.value))
            return false;
    }
    return true;
}

bool references_find(struct ctx *ctx, const struct json *document, struct references *out)
{
    struct references found = { ARENA_ARRAY(ctx->arena, struct str, REFERENCES_MOST), 0 };
    struct walk walk = { ctx, &found };
    if (!walk_value(&walk, NULL, document))
        return false;
    *out = found;
    return true;
}
