#include "services/personalization/exposures.h"

#include "services/personalization/people_internal.h"

/* ---- the record: for each exposure the lengths and times, then the two texts ---- */

struct head {
    int64_t first_us;
    uint8_t id_bytes, variant_bytes, mixed;
};

static bool exposure_take(struct str *rest, struct exposure *out)
{
    struct head head;
    if (rest->len < sizeof(head))
        return false;
    memcpy(&head, rest->ptr, sizeof(head));
    const char *texts = rest->ptr + sizeof(head);
    size_t bytes = sizeof(head) + head.id_bytes + head.variant_bytes;
    if (rest->len < bytes)
        return false;
    *out = (struct exposure){ .experiment_id = { texts, head.id_bytes },
                              .variant = { texts + head.id_bytes, head.variant_bytes },
                              .first_us = head.first_us,
                              .mixed = head.mixed };
    *rest = (struct str){ rest->ptr + bytes, rest->len - bytes };
    return true;
}

size_t exposures_read(struct str record, struct exposure out[EXPOSURES_MOST])
{
    size_t n = 0;
    while (n < EXPOSURES_MOST && exposure_take(&record, &out[n]))
        n++;
    return n;
}

static struct str exposures_write(struct arena *arena, const struct exposure *exposures, size_t n)
{
    char *record = arena_alloc_raw(arena, n * (sizeof(struct head) + 2 * UINT8_MAX)), *at = record;
    for (size_t i = 0; i < n; i++) {
        struct head head = { .first_us = exposures[i].first_us,
                             .id_bytes = (uint8_t)exposures[i].experiment_id.len,
                             .variant_bytes = (uint8_t)exposures[i].variant.len,
                             .mixed = exposures[i].mixed };
        at = mempcpy(at, &head, sizeof(head));
        at = mempcpy(at, exposures[i].experiment_id.ptr, head.id_bytes);
        at = mempcpy(at, exposures[i].variant.ptr, head.variant_bytes);
    }
    return (struct str){ record, (size_t)(at - record) };
}

/* ---- noting ---- */

/* Of two at the same time the one counts whose name is first: so it is the same whichever came first. */
static bool is_before(const struct exposure *a, const struct exposure *b)
{
    return a->first_us != b->first_us ? a->first_us < b->first_us
                                      : str_cmp(a->variant, b->variant) < 0;
}

static struct exposure *place_for(struct exposure *exposures, size_t *n, struct str experiment_id)
{
    size_t oldest = 0;
    for (size_t i = 0; i < *n; i++) {
        if (str_eq(exposures[i].experiment_id, experiment_id))
            return &exposures[i];
        if (exposures[i].first_us < exposures[oldest].first_us)
            oldest = i;
    }
    struct exposure *place = *n < EXPOSURES_MOST ? &exposures[(*n)++] : &exposures[oldest];
    *place = (struct exposure){ 0 };
    return place;
}

bool exposure_note(struct ctx *ctx, struct people *people, struct str person_id,
                   const struct exposure *seen)
{
    struct exposure exposures[EXPOSURES_MOST];
    if (seen->experiment_id.len > UINT8_MAX || seen->variant.len > UINT8_MAX)
        return true;
    struct source source = { .people = people };
    bool erased;
    record_get(ctx, &source, person_id, &erased);
    if (ctx_failed(ctx) || erased)
        return !ctx_failed(ctx);
    struct str record =
        lmdb_get_for_update(ctx, people_lmdb(people), PEOPLE_TABLE_EXPOSURES, person_id);
    if (ctx_failed(ctx))
        return false;
    size_t n = exposures_read(record.ptr ? arena_str(ctx->arena, record) : record, exposures);
    struct exposure *kept = place_for(exposures, &n, seen->experiment_id);
    bool new = !kept->experiment_id.ptr;
    bool mixed = kept->mixed || (!new && !str_eq(kept->variant, seen->variant));
    if (!new && !is_before(seen, kept) && mixed == kept->mixed)
        return true;
    if (new || is_before(seen, kept))
        *kept = *seen;
    kept->mixed = mixed;
    return lmdb_put(ctx, people_lmdb(people), PEOPLE_TABLE_EXPOSURES, person_id,
                    exposures_write(ctx->arena, exposures, n));
}

/* ---- reading them all ---- */

struct search {
    struct ctx own; /* for one person at a time */
    const struct lmdb_read *read;
    struct str experiment_id;
    exposure_visit *visit;
    void *argument;
};

static bool exposure_find(struct str record, struct str experiment_id, struct exposure *out)
{
    while (exposure_take(&record, out))
        if (str_eq(out->experiment_id, experiment_id))
            return true;
    return false;
}

/* Of all that a person has seen under several ids, the first; *is_ours: it was under this one. */
static bool first_of_group(struct search *search, struct str id, struct exposure *first,
                           bool *is_ours)
{
    struct source source = { .read = search->read };
    struct str root, ids[GROUP_IDS];
    size_t n;
    struct exposure other, own = *first;
    if (!group_root(&search->own, &source, id, &root) ||
        !group_ids(&search->own, &source, root, ids, &n))
        return false;
    for (size_t i = 0; i < n; i++) {
        struct str record = lmdb_get(search->read, PEOPLE_TABLE_EXPOSURES, ids[i]);
        if (str_eq(ids[i], id) || !exposure_find(record, search->experiment_id, &other))
            continue;
        first->mixed |= other.mixed || !str_eq(other.variant, own.variant);
        *is_ours = *is_ours && (is_before(&own, &other) ||
                                (!is_before(&other, &own) && str_cmp(id, ids[i]) < 0));
    }
    return true;
}

static bool visit_id(struct str id, struct str record, void *argument)
{
    struct search *search = argument;
    struct source source = { .read = search->read };
    struct exposure exposure;
    struct person person;
    bool known, is_ours = true;
    if (!exposure_find(record, search->experiment_id, &exposure))
        return true;
    arena_clear(search->own.arena);
    if (!group_get(&search->own, &source, id, &person, &known))
        return false;
    bool alone = !person.parent.id.ptr && person.n_children == 0;
    if (!alone && !first_of_group(search, id, &exposure, &is_ours))
        return false;
    return !is_ours || search->visit(&person, &exposure, search->argument);
}

bool exposures_each(struct ctx *ctx, const struct lmdb_read *read, struct str experiment_id,
                    exposure_visit *visit, void *argument)
{
    CLEANUP(arena_freep) struct arena *arena = arena_new(0);
    struct search search = { .own = { .arena = arena },
                             .read = read,
                             .experiment_id = experiment_id,
                             .visit = visit,
                             .argument = argument };
    lmdb_scan(read, PEOPLE_TABLE_EXPOSURES, (struct str){ NULL, 0 }, visit_id, &search);
    return !ctx_failed(&search.own) ||
           ctx_fail(ctx, search.own.error.code, STR_FMT, STR_ARG(search.own.error.detail));
}
