#include "services/search/gather.h"

#include "services/search/sequence.h"
#include "services/search/tables.h"

struct gathering {
    const struct lmdb_read *read;
    struct arena *arena;
    struct match_group *group;
    struct str key; /* of the term in the chunk */
    uint32_t chunk;
    enum match_class class;
    size_t room;
};

static struct gathering gathering_of(const struct lmdb_read *read, struct arena *arena,
                                     struct match_group *group, enum match_class class)
{
    return (struct gathering){
        .read = read, .arena = arena, .group = group, .class = class, .room = group->n
    };
}

static void part_add(struct gathering *gathering, struct str postings)
{
    struct match_group *group = gathering->group;
    if (group->n == gathering->room) {
        gathering->room = MAX(gathering->room * 2, 16);
        struct match_part *more =
            arena_alloc_raw(gathering->arena, gathering->room * sizeof(struct match_part));
        if (group->n)
            memcpy(more, group->parts, group->n * sizeof *more);
        group->parts = more;
    }
    group->parts[group->n++] = (struct match_part){ gathering->chunk, gathering->class, postings };
    group->documents += (int64_t)postings_count(postings);
}

static uint32_t chunks_of(const struct lmdb_read *read)
{
    return (index_numbers(read) + CHUNK_DOCS - 1) / CHUNK_DOCS;
}

/* ---- terms ---- */

/* Terms that go on from the key's. */
static bool gather_one(struct str key, struct str postings, void *argument)
{
    struct gathering *gathering = argument;
    if (!str_starts(key, gathering->key))
        return false;
    if (key.len > gathering->key.len)
        part_add(gathering, postings);
    return true;
}

void gather_term(const struct lmdb_read *read, struct arena *arena, struct match_group *group,
                 struct str term, bool range, enum match_class class)
{
    struct gathering gathering = gathering_of(read, arena, group, class);
    for (uint32_t chunks = chunks_of(read); gathering.chunk < chunks; gathering.chunk++) {
        gathering.key = postings_key(arena, term, gathering.chunk);
        if (range) {
            lmdb_scan(read, TABLE_POSTINGS, gathering.key, gather_one, &gathering);
            continue;
        }
        struct str postings = lmdb_get(read, TABLE_POSTINGS, gathering.key);
        if (postings.ptr)
            part_add(&gathering, postings);
    }
}

void gather_again(struct arena *arena, struct match_group *group, const struct match_group *other,
                  enum match_class class)
{
    struct gathering gathering = gathering_of(NULL, arena, group, class);
    for (size_t i = 0; i < other->n; i++) {
        gathering.chunk = other->parts[i].chunk;
        part_add(&gathering, other->parts[i].postings);
    }
}

/* ---- phrases ---- */

struct phrase {
    struct str terms[PHRASE_WORDS];
    uint32_t words[PHRASE_WORDS]; /* as they stand in a sequence */
    size_t n;
    struct arena *arena;        /* of one document, cleared after it */
    uint8_t values[CHUNK_DOCS]; /* of what has all words, the least */
    struct posting found[CHUNK_DOCS];
};

static struct phrase *phrase_make(struct arena *arena, struct str text)
{
    struct phrase *phrase = ARENA_NEW(arena, struct phrase);
    struct str word;
    for (; phrase->n < PHRASE_WORDS && str_split(&text, ' ', &word); phrase->n++) {
        phrase->terms[phrase->n] = arena_printf(arena, "%c" STR_FMT, TERM_WORD, STR_ARG(word));
        phrase->words[phrase->n] = sequence_word(word);
    }
    return phrase;
}

/* False when the chunk has no document with all words. */
static bool values_of_all(const struct gathering *gathering, struct phrase *phrase)
{
    uint8_t values[CHUNK_DOCS];
    for (size_t i = 0; i < phrase->n; i++) {
        struct str key = postings_key(gathering->arena, phrase->terms[i], gathering->chunk),
                   postings = lmdb_get(gathering->read, TABLE_POSTINGS, key);
        if (!postings.ptr)
            return false;
        postings_values(postings, i ? values : phrase->values);
        for (size_t doc = 0; i && doc < CHUNK_DOCS; doc++)
            phrase->values[doc] = MIN(phrase->values[doc], values[doc]);
    }
    return true;
}

static bool document_has(const struct gathering *gathering, struct phrase *phrase, size_t doc,
                         enum analysis_field *field)
{
    uint32_t number = gathering->chunk * CHUNK_DOCS + (uint32_t)doc;
    struct str sequence = index_sequence(gathering->read, phrase->arena, number);
    bool has = sequence_has(sequence, phrase->words, phrase->n, field);
    arena_clear(phrase->arena);
    return has;
}

static size_t find_in_chunk(const struct gathering *gathering, struct phrase *phrase)
{
    enum analysis_field field;
    size_t n = 0;
    for (size_t doc = 0; doc < CHUNK_DOCS; doc++)
        if (phrase->values[doc] && document_has(gathering, phrase, doc, &field))
            phrase->found[n++] =
                (struct posting){ (uint16_t)doc,
                                  value_make(field, value_level(phrase->values[doc])) };
    return n;
}

void gather_phrase(const struct lmdb_read *read, struct arena *arena, struct match_group *group,
                   struct str text, enum match_class class)
{
    CLEANUP(arena_freep) struct arena *own = arena_new(0);
    struct gathering gathering = gathering_of(read, arena, group, class);
    struct phrase *phrase = phrase_make(arena, text);
    int delta;
    phrase->arena = own;
    for (uint32_t chunks = chunks_of(read); gathering.chunk < chunks; gathering.chunk++) {
        size_t n = values_of_all(&gathering, phrase) ? find_in_chunk(&gathering, phrase) : 0;
        if (n)
            part_add(&gathering, postings_change(arena, STR(""), phrase->found, n, &delta));
    }
}
