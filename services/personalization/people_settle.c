/* Who is in which segment: looked at for everybody whom a transaction has touched, before it is committed, and by the
 * passing of days. */
#include <endian.h>
#include <stdlib.h>

#include "base/clock.h"
#include "services/personalization/asker.h"
#include "services/personalization/people_internal.h"
#include "services/personalization/segments.h"

struct str pair_key(struct arena *arena, struct str segment_id, struct str person_id)
{
    struct str key = arena_printf(arena, STR_FMT ".", STR_ARG(segment_id));
    char *bytes = arena_alloc_raw(arena, key.len + person_id.len);
    memcpy(bytes, segment_id.ptr, segment_id.len);
    bytes[segment_id.len] = '\0';
    memcpy(bytes + key.len, person_id.ptr, person_id.len);
    return (struct str){ bytes, key.len + person_id.len };
}

static struct str due_key(struct arena *arena, int32_t day, struct str person_id)
{
    uint32_t big = htobe32((uint32_t)day);
    char *key = arena_alloc_raw(arena, sizeof big + person_id.len);
    memcpy(key, &big, sizeof big);
    memcpy(key + sizeof big, person_id.ptr, person_id.len);
    return (struct str){ key, sizeof big + person_id.len };
}

/* ---- noting ---- */

void settle_later(struct people *people, struct str id)
{
    if (people->n_touched && str_eq(people->touched[people->n_touched - 1], id))
        return;
    if (people->n_touched == people->cap_touched) {
        size_t cap = people->cap_touched ? 2 * people->cap_touched : 64;
        struct str *more = ARENA_ARRAY(people->arena, struct str, cap);
        if (people->n_touched)
            memcpy(more, people->touched, people->n_touched * sizeof *more);
        people->touched = more;
        people->cap_touched = cap;
    }
    people->touched[people->n_touched++] = arena_str(people->arena, id);
}

static void note_change(struct people *people, const struct audience_row *row)
{
    if (people->n_changes == people->cap_changes) {
        size_t cap = people->cap_changes ? 2 * people->cap_changes : 64;
        struct audience_row *more = ARENA_ARRAY(people->arena, struct audience_row, cap);
        if (people->n_changes)
            memcpy(more, people->changes, people->n_changes * sizeof *more);
        people->changes = more;
        people->cap_changes = cap;
    }
    people->changes[people->n_changes++] = *row;
}

static bool note_untold(struct ctx *ctx, struct people *people, struct str segment_id,
                        struct str person_id, int64_t now_us)
{
    people->untold_noted = true;
    return lmdb_put(ctx, people->db, TABLE_UNTOLD, pair_key(ctx->arena, segment_id, person_id),
                    (struct str){ arena_copy(ctx->arena, &now_us, sizeof now_us), sizeof now_us });
}

static bool due_move(struct ctx *ctx, struct people *people, struct str id, struct person *person,
                     int32_t due)
{
    if (person->due == due)
        return true;
    if (person->due &&
        !lmdb_delete(ctx, people->db, TABLE_DUE, due_key(ctx->arena, person->due, id)))
        return false;
    person->due = due;
    return !due || lmdb_put(ctx, people->db, TABLE_DUE, due_key(ctx->arena, due, id), STR("."));
}

bool settle_retire(struct ctx *ctx, struct people *people, struct str id, struct person *person)
{
    for (uint32_t i = 0; i < person->n_memberships; i++)
        if (!note_untold(ctx, people, person->memberships[i].segment_id, id, clock_now_us()))
            return false;
    person->n_memberships = 0;
    if (person->row != NO_ROW)
        note_change(people, &(struct audience_row){ .row = person->row });
    return due_move(ctx, people, id, person, 0);
}

/* ---- one person ---- */

struct settling {
    struct people *people;
    struct str id; /* that stands for the person */
    struct asker asker;
    bool changed;
};

static bool is_listed(struct ctx *ctx, struct settling *settling, struct str segment_id, bool *is)
{
    struct source source = { .people = settling->people };
    struct str ids[GROUP_IDS];
    size_t n = 1;
    ids[0] = settling->id;
    if (settling->asker.person.n_children && !group_ids(ctx, &source, settling->id, ids, &n))
        return false;
    *is = false;
    for (size_t i = 0; i < n && !*is; i++)
        *is = lmdb_get_for_update(ctx, settling->people->db, TABLE_LISTS,
                                  pair_key(ctx->arena, segment_id, ids[i]))
                  .ptr != NULL;
    return !ctx_failed(ctx);
}

/* A rule that cannot be evaluated does not hold. */
static bool is_in(struct ctx *ctx, struct settling *settling,
                  const struct compiled_segment *segment, bool *is)
{
    struct rule_input input = { .lookup = asker_lookup, .argument = &settling->asker };
    struct value value;
    if (!segment->rule)
        return is_listed(ctx, settling, segment->segment_id, is);
    *is = rule_evaluate(ctx, segment->rule, &input, &value) && rule_truthy(&value);
    ctx_clear(ctx);
    return true;
}

static bool member_set(struct ctx *ctx, struct settling *settling, struct str segment_id, bool is)
{
    struct person *person = &settling->asker.person;
    if ((person_member(person, segment_id) != NULL) == is)
        return true;
    settling->changed = true;
    person_member_set(ctx->arena, person, segment_id, is, settling->asker.now_us);
    return note_untold(ctx, settling->people, segment_id, settling->id, settling->asker.now_us);
}

static bool look_at_segments(struct ctx *ctx, struct settling *settling)
{
    const struct segment_set *set = settling->people->set;
    struct person *person = &settling->asker.person;
    for (size_t i = 0; i < set->n; i++) {
        bool is;
        if (!is_in(ctx, settling, &set->items[i], &is) ||
            !member_set(ctx, settling, set->items[i].segment_id, is))
            return false;
    }
    for (uint32_t i = person->n_memberships; i > 0; i--) /* of segments that are gone */
        if (!segment_find(set, person->memberships[i - 1].segment_id) &&
            !member_set(ctx, settling, person->memberships[i - 1].segment_id, false))
            return false;
    return true;
}

/* What has changed, into the person's own record. */
static bool keep(struct ctx *ctx, struct settling *settling, struct person *own)
{
    const struct person *person = &settling->asker.person;
    int32_t today = (int32_t)(settling->asker.now_us / US_PER_DAY);
    int32_t due = person_due(person, today), was = own->due;
    if (!due_move(ctx, settling->people, settling->id, own, due))
        return false;
    if (!settling->changed && due == was)
        return true;
    own->memberships = person->memberships;
    own->n_memberships = person->n_memberships;
    return lmdb_put(ctx, settling->people->db, TABLE_PEOPLE, settling->id,
                    person_write(ctx->arena, own));
}

static void tell_memory(struct ctx *ctx, struct settling *settling)
{
    struct people *people = settling->people;
    struct person *person = &settling->asker.person;
    struct column *const *columns;
    size_t n = audience_columns(people->audience, &columns);
    struct str *ids = ARENA_ARRAY(people->arena, struct str, person->n_memberships);
    struct value *values = ARENA_ARRAY(people->arena, struct value, n);
    for (uint32_t i = 0; i < person->n_memberships; i++)
        ids[i] = person->memberships[i].segment_id;
    for (size_t i = 0; i < n; i++)
        asker_lookup(ctx, columns[i]->name, &settling->asker, &values[i]);
    note_change(people,
                &(struct audience_row){ person->row, true, ids, person->n_memberships, values });
}

static bool settle_one(struct ctx *ctx, struct people *people, struct str id)
{
    struct source source = { .people = people };
    struct settling *settling = ARENA_NEW(ctx->arena, struct settling);
    struct person own_room, *own;
    bool known;
    *settling = (struct settling){ .people = people,
                                   .asker.customers = people_percentile(people),
                                   .asker.now_us = clock_now_us() };
    if (!group_root(ctx, &source, id, &settling->id) ||
        !people_update(ctx, people, settling->id, &own_room, &own))
        return false;
    if (!own || own->row == NO_ROW) /* erased in the meantime */
        return true;
    if (!group_read(ctx, &source, settling->id, &settling->asker.person, &known))
        return false;
    settling->asker.known = true;
    if ((people->set && !look_at_segments(ctx, settling)) || !keep(ctx, settling, own))
        return false;
    tell_memory(ctx, settling);
    return true;
}

static int by_text(const void *a, const void *b)
{
    return str_cmp(*(const struct str *)a, *(const struct str *)b);
}

bool settle_all(struct ctx *ctx, struct people *people)
{
    if (people->n_touched)
        qsort(people->touched, people->n_touched, sizeof *people->touched, by_text);
    for (size_t i = 0; i < people->n_touched; i++)
        if ((i == 0 || !str_eq(people->touched[i - 1], people->touched[i])) &&
            !settle_one(ctx, people, people->touched[i]))
            return false;
    return true;
}
