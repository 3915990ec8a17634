#include "platform/schema/compiler.h"

uint32_t member_hash(struct str name)
{
    uint64_t head = 0, tail = 0;
    if (name.len >= 8) {
        memcpy(&head, name.ptr, 8);
        memcpy(&tail, name.ptr + name.len - 8, 8);
    } else {
        memcpy(&head, name.ptr, name.len);
    }
    head = (head ^ name.len) * 0x9E3779B97F4A7C15u;
    tail = (tail ^ head >> 29) * 0xBF58476D1CE4E5B9u;
    return (uint32_t)((head ^ tail) >> 32);
}

static struct member *member_named(struct object_rules *rules, struct member *members,
                                   struct str name, uint32_t *slots)
{
    uint32_t at = member_hash(name);
    for (;; at++) {
        uint32_t slot = slots[at &= rules->slot_mask];
        if (!slot) {
            slots[at] = ++rules->n_members;
            members[rules->n_members - 1] = (struct member){ name, NULL, NOT_REQUIRED };
            return &members[rules->n_members - 1];
        }
        if (str_eq(members[slot - 1].name, name))
            return &members[slot - 1];
    }
}

#define FEW_NAMES                                                                                  \
    2 /* up to here each is looked for in the object; more, and the object is walked once */

static bool names_only(const struct object_rules *rules)
{
    if (rules->additional || rules->names || rules->n_patterns || rules->n_members > FEW_NAMES)
        return false;
    for (uint32_t i = 0; i < rules->n_members; i++)
        if (rules->members[i].node)
            return false;
    return true;
}

void members_compile(struct compiler *c, const struct place *at, struct object_rules *rules)
{
    bool applies = at->source->vocabularies & VOCABULARY_APPLICATOR,
         asserts = at->source->vocabularies & VOCABULARY_VALIDATION;
    const struct json *properties = applies ? json_get(at->schema, "properties") : NULL;
    const struct json *required = asserts ? json_get(at->schema, "required") : NULL;
    size_t most = json_size(properties) + json_size(required), cap = 4;
    if (!most) {
        rules->names_only = names_only(rules);
        return;
    }
    while (cap < most * 2)
        cap *= 2;
    struct member *members = ARENA_ARRAY(c->schema->arena, struct member, most);
    uint32_t *slots = ARENA_ARRAY(c->schema->arena, uint32_t, cap);
    rules->slot_mask = (uint32_t)cap - 1;
    for (struct json_iter it = json_iter(properties); json_next(&it);)
        member_named(rules, members, it.key, slots)->node = node_for(c, it.value);
    for (struct json_iter it = json_iter(required); json_next(&it);) {
        struct member *member = member_named(rules, members, json_str(it.value), slots);
        if (member->required == NOT_REQUIRED)
            member->required = rules->n_required++;
    }
    rules->members = members;
    rules->slots = slots;
    rules->names_only = names_only(rules);
}
