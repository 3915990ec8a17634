/* Sequences of words, and those of an index that a version without them has written to. */
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/tests/check.h"
#include "services/search/index.h"
#include "services/search/sequence.h"

static size_t words_of_row(struct str row, uint32_t *out)
{
    struct str word;
    size_t n = 0;
    while (str_split(&row, ' ', &word))
        out[n++] = sequence_word(word);
    return n;
}

/* The field where it is, -1: nowhere. */
static int where(struct str sequence, const char *row)
{
    uint32_t words[32];
    enum analysis_field field;
    return sequence_has(sequence, words, words_of_row(str_of(row), words), &field) ? (int)field
                                                                                   : -1;
}

static void test_sequences(struct arena *arena)
{
    const struct sequence_text texts[] = { { FIELD_OF_TITLE, STR("Red, red CHAIR") },
                                           { FIELD_OF_KEYWORDS, STR("Caf\u00e9 Stuff") },
                                           { FIELD_OF_KEYWORDS, { NULL, 0 } },
                                           { FIELD_OF_KEYWORDS, STR("fine") },
                                           { FIELD_OF_TEXT, STR("the red chair, \xff a chair") } };
    struct str sequence = sequence_make(arena, texts, COUNT(texts));
    CHECK_INT(where(sequence, "red chair"), FIELD_OF_TITLE);
    CHECK_INT(where(sequence, "red red"), FIELD_OF_TITLE);
    CHECK_INT(where(sequence, "cafe stuff"), FIELD_OF_KEYWORDS);
    CHECK_INT(where(sequence, "the red chair a chair"), FIELD_OF_TEXT);
    CHECK_INT(where(sequence, "chair"), FIELD_OF_TITLE);
    CHECK_INT(where(sequence, "chair red"), -1);
    CHECK_INT(where(sequence, "chair cafe"), -1); /* from one text into the next */
    CHECK_INT(where(sequence, "stuff fine"), -1);
    CHECK_INT(where(sequence, "a chair more"), -1); /* beyond the end */
    CHECK_INT(where(sequence_make(arena, texts, 0), "chair"), -1);
}

/* ---- what another version left ---- */

static bool show(struct ctx *ctx, struct search_index *index, const char *id, const char *title,
                 int64_t stamp)
{
    struct document document = { .document_id = str_of(id),
                                 .type = STR("product"),
                                 .title = str_of(title) };
    return index_event_store.begin(ctx, index) &&
           index_put(ctx, index, INDEX_PRODUCT, document.document_id, stamp, &document) &&
           index_event_store.commit(ctx, index);
}

static bool write_as_before(struct ctx *ctx, void *argument)
{
    static const char zero[4] = { 0 }, one[4] = { 0, 0, 0, 1 };
    struct str first = { zero, sizeof zero }, second = { one, sizeof one };
    return lmdb_put(ctx, argument, 0, first,
                    STR("{\"document_id\":\"prd_0\",\"type\":\"product\",\"title\":\"Blue Sofa\","
                        "\"updated_at\":\"2026-01-01T00:00:00Z\"}")) &&
           lmdb_delete(ctx, argument, 1, second);
}

/* It changes a document, and the sequence stays; it makes one without. */
static void downgrade(struct ctx *ctx, const char *folder)
{
    static const char *const tables[] = { "documents", "sequences" };
    struct lmdb *db = lmdb_open(ctx, folder, tables, COUNT(tables), 0);
    REQUIRE(db);
    CHECK(lmdb_write(ctx, db, write_as_before, db));
    lmdb_close(db);
}

static void test_version_before(struct arena *arena, const char *folder)
{
    struct ctx ctx = { .arena = arena };
    struct lmdb_read read;
    struct search_index *index = index_open(&ctx, folder);
    REQUIRE(index && show(&ctx, index, "prd_0", "Red Chair", 1) &&
            show(&ctx, index, "prd_1", "Green Table", 1));
    index_close(index);
    downgrade(&ctx, folder);
    index = index_open(&ctx, folder);
    REQUIRE(index && index_read_begin(&ctx, index, &read));
    CHECK_INT(where(index_sequence(&read, arena, 0), "red chair"), -1);
    CHECK_INT(where(index_sequence(&read, arena, 0), "blue sofa"), FIELD_OF_TITLE);
    CHECK_INT(where(index_sequence(&read, arena, 1), "green table"), FIELD_OF_TITLE);
    CHECK_INT(where(index_sequence(&read, arena, 2), "green table"), -1); /* there is none */
    lmdb_read_end(&read);
    index_close(index);
}

static int remove_one(const char *path, const struct stat *status, int kind, struct FTW *walk)
{
    return remove(path);
}

int main(void)
{
    CLEANUP(arena_freep) struct arena *arena = arena_new(0);
    char folder[] = "/tmp/fanfare-search-XXXXXX";
    test_sequences(arena);
    REQUIRE(mkdtemp(folder));
    test_version_before(arena, folder);
    nftw(folder, remove_one, 4, FTW_DEPTH | FTW_PHYS);
    return check_end();
}
