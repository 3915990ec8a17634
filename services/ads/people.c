#include "services/ads/people.h"

#include "base/clock.h"
#include "base/hash.h"

enum { SEGMENTS, SEEN };
static const char *const tables[] = { [SEGMENTS] = "segments", [SEEN] = "seen" };

#define ADS_MOST 64 /* that one person's record holds; the one seen longest ago makes room */

struct seen {
    uint64_t ad;
    uint32_t at_s[SEEN_MOST]; /* the newest first; 0: no more */
};

void *people_open(struct ctx *ctx, const char *folder)
{
    return lmdb_open(ctx, folder, tables, COUNT(tables), 0);
}

void people_close(void *people)
{
    lmdb_close(people);
}

uint64_t people_hash(struct str id)
{
    return hash_fnv1a(id.ptr, id.len);
}

static struct str bytes_of(const void *at, size_t bytes)
{
    return (struct str){ at, bytes };
}

/* ---- segments ---- */

bool people_member_set(struct ctx *ctx, struct lmdb *people, struct str person_id,
                       struct str segment_id, bool member)
{
    struct str record = lmdb_get_for_update(ctx, people, SEGMENTS, person_id);
    uint64_t segment = people_hash(segment_id);
    size_t n = record.len / sizeof(uint64_t), kept = 0;
    uint64_t *list = ARENA_ARRAY(ctx->arena, uint64_t, n + 1);
    if (n)
        memcpy(list, record.ptr, n * sizeof(uint64_t));
    for (size_t i = 0; i < n; i++)
        if (list[i] != segment)
            list[kept++] = list[i];
    if (member)
        list[kept++] = segment;
    if (ctx_failed(ctx))
        return false;
    if (!kept)
        return !n || lmdb_delete(ctx, people, SEGMENTS, person_id);
    return lmdb_put(ctx, people, SEGMENTS, person_id, bytes_of(list, kept * sizeof(uint64_t)));
}

bool person_is_in(const struct person *person, uint64_t segment)
{
    for (size_t at = 0; at + sizeof(segment) <= person->segments.len; at += sizeof(segment))
        if (memcmp(person->segments.ptr + at, &segment, sizeof(segment)) == 0)
            return true;
    return false;
}

/* ---- ads seen ---- */

/* Events of a person may come in any order of time: the newest stay. */
static void times_add(struct seen *seen, uint32_t at_s)
{
    for (int i = 0; i < SEEN_MOST; i++)
        if (at_s > seen->at_s[i]) {
            uint32_t later = seen->at_s[i];
            seen->at_s[i] = at_s;
            at_s = later;
        }
}

static size_t place_of(const struct seen *list, size_t n, uint64_t ad)
{
    size_t oldest = 0;
    for (size_t i = 0; i < n; i++) {
        if (list[i].ad == ad)
            return i;
        if (list[i].at_s[0] < list[oldest].at_s[0])
            oldest = i;
    }
    return n < ADS_MOST ? n : oldest;
}

bool people_saw(struct ctx *ctx, struct lmdb *people, struct str person_id, struct str ad_id,
                int64_t at_us)
{
    struct str record = lmdb_get_for_update(ctx, people, SEEN, person_id);
    size_t n = record.len / sizeof(struct seen);
    struct seen *list = ARENA_ARRAY(ctx->arena, struct seen, n + 1);
    uint64_t ad = people_hash(ad_id);
    if (ctx_failed(ctx))
        return false;
    if (n)
        memcpy(list, record.ptr, n * sizeof(*list));
    size_t place = place_of(list, n, ad);
    if (place == n)
        n++;
    if (list[place].ad != ad)
        list[place] = (struct seen){ .ad = ad };
    times_add(&list[place], (uint32_t)(at_us / US_PER_S));
    return lmdb_put(ctx, people, SEEN, person_id, bytes_of(list, n * sizeof(*list)));
}

int person_saw(const struct person *person, uint64_t ad, int64_t since_us)
{
    struct seen seen;
    int64_t since_s = since_us / US_PER_S;
    for (size_t at = 0; at + sizeof(seen) <= person->seen.len; at += sizeof(seen)) {
        memcpy(&seen, person->seen.ptr + at, sizeof(seen));
        if (seen.ad != ad)
            continue;
        int n = 0;
        while (n < SEEN_MOST && seen.at_s[n] > since_s)
            n++;
        return n;
    }
    return 0;
}

/* ---- the person ---- */

bool people_forget(struct ctx *ctx, struct lmdb *people, struct str person_id)
{
    for (int i = 0; i < (int)COUNT(tables); i++)
        if (lmdb_get_for_update(ctx, people, i, person_id).ptr &&
            !lmdb_delete(ctx, people, i, person_id))
            return false;
    return !ctx_failed(ctx);
}

struct person people_get(const struct lmdb_read *read, struct str person_id)
{
    return (struct person){ lmdb_get(read, SEGMENTS, person_id), lmdb_get(read, SEEN, person_id) };
}
