/* Several ids of one person: a tree of records, each with what was told under its own id. What is known of the person is
 * put together when it is asked for, so it does not matter in which order events and identify calls come, or how often.
 * An id that is identified as two customers belongs to the one it was identified as first. */
#include "base/clock.h"
#include "services/personalization/people_internal.h"

#define LONGEST_CHAIN 16 /* ids of visitors that were joined one to the next */

static bool is_customer(struct str id)
{
    return str_starts(id, STR("prf_"));
}

static bool own_read(struct ctx *ctx, const struct source *source, struct str id,
                     struct person *out, bool *known)
{
    bool erased;
    struct str record = record_get(ctx, source, id, &erased);
    *known = record.ptr != NULL;
    return !ctx_failed(ctx) && person_read(ctx, record, out);
}

bool group_root(struct ctx *ctx, const struct source *source, struct str id, struct str *root)
{
    *root = id;
    for (int i = 0; i < LONGEST_CHAIN; i++) {
        struct person person;
        bool known;
        if (!own_read(ctx, source, *root, &person, &known))
            return false;
        if (!person.parent.id.ptr)
            return true;
        *root = person.parent.id;
    }
    return true;
}

bool group_get(struct ctx *ctx, const struct source *source, struct str id, struct person *out,
               bool *known)
{
    struct str root;
    if (!own_read(ctx, source, id, out, known))
        return false;
    if (!out->parent.id.ptr && out->n_children == 0) /* most are known by one id: no second look */
        return true;
    return group_root(ctx, source, id, &root) && group_read(ctx, source, root, out, known);
}

bool group_ids(struct ctx *ctx, const struct source *source, struct str root,
               struct str out[GROUP_IDS], size_t *n)
{
    out[0] = root;
    *n = 1;
    for (size_t i = 0; i < *n && *n < GROUP_IDS; i++) {
        struct person person;
        bool known;
        if (!own_read(ctx, source, out[i], &person, &known))
            return false;
        for (uint32_t c = 0; c < person.n_children && *n < GROUP_IDS; c++)
            out[(*n)++] = person.children[c].id;
    }
    return true;
}

bool group_read(struct ctx *ctx, const struct source *source, struct str root, struct person *out,
                bool *known)
{
    if (!own_read(ctx, source, root, out, known))
        return false;
    if (out->n_children == 0)
        return true;
    struct str ids[GROUP_IDS];
    size_t n;
    if (!group_ids(ctx, source, root, ids, &n))
        return false;
    int32_t today = (int32_t)(clock_now_us() / US_PER_DAY);
    for (size_t i = 1; i < n; i++) {
        struct person other;
        bool known_other;
        if (!own_read(ctx, source, ids[i], &other, &known_other))
            return false;
        *known |= known_other;
        person_merge(ctx, out, &other, today);
    }
    return true;
}

/* ---- joining ---- */

/* Who of the two stands for both: the customer, else the id that comes first. False: they are not joined. */
static bool orient(struct str *child, struct str *parent)
{
    if (child->len == 0 || parent->len == 0 || str_eq(*child, *parent) ||
        (is_customer(*child) && is_customer(*parent)))
        return false;
    if (is_customer(*child) || (!is_customer(*parent) && str_cmp(*child, *parent) < 0)) {
        struct str other = *child;
        *child = *parent;
        *parent = other;
    }
    return true;
}

/* Of two that claim an id, the one that did so first. */
static bool is_before(const struct joined *one, const struct joined *other)
{
    return !other->id.ptr || one->at_us < other->at_us ||
           (one->at_us == other->at_us && str_cmp(one->id, other->id) < 0);
}

static bool leave(struct ctx *ctx, struct people *people, struct str parent_id, struct str child_id)
{
    struct person room, *parent;
    if (!people_update(ctx, people, parent_id, &room, &parent))
        return false;
    if (!parent)
        return true;
    person_child_remove(parent, child_id);
    return people_put(ctx, people, parent_id, parent);
}

bool people_join(struct ctx *ctx, struct people *people, struct str one, struct str other,
                 int64_t at_us)
{
    struct str child_id = one, parent_id = other;
    struct person parent_room, child_room, *parent, *child;
    if (!orient(&child_id, &parent_id))
        return true;
    struct joined claim = { parent_id, at_us };
    if (!people_update(ctx, people, child_id, &child_room, &child) ||
        !people_update(ctx, people, parent_id, &parent_room, &parent))
        return false;
    if (!child || !is_before(&claim, &child->parent))
        return true;
    if (!parent) /* who was erased takes along what was theirs */
        return people_erase(ctx, people, child_id);
    if (str_eq(child->parent.id, parent_id))
        person_child_remove(parent, child_id);
    else if (child->parent.id.ptr && !leave(ctx, people, child->parent.id, child_id))
        return false;
    child->parent = claim;
    person_child_add(ctx->arena, parent, &(struct joined){ child_id, at_us });
    return settle_retire(ctx, people, child_id, child) &&
           people_put(ctx, people, child_id, child) && people_put(ctx, people, parent_id, parent);
}
