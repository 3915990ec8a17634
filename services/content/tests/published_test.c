/* Published reads: from memory, and never later than what was published. */
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <unistd.h>

#include "platform/faults/faults.h"
#include "platform/sql/answer_cache.h"
#include "services/content/tests/room.h"
#include "content_migrations.h"

#define PAGE(slug, title)                                                                          \
    "{\"kind\":\"page\",\"slug\":\"" slug "\",\"title\":\"" title "\",\"document\":{\"blocks\":[]}}"

static void show(struct test_service *test, const char *id, const char *body)
{
    CHECK_INT(put(test, id, NULL, body).status, 200);
    CHECK_INT(
        post(test, arena_printf(test_ctx(test)->arena, "/v1/entries/%s/publish", id).ptr, "{}")
            .status,
        200);
}

/* What a GET gives while the database cannot be read. With PostgreSQL, one now and then is to ask for all what others did:
 * not two in a row. */
static int without_database(struct test_service *test, const char *target, const char *headers)
{
    faults_enable(true);
    REQUIRE(fault_set(test_ctx(test), STR("sql.read"), (struct str){ NULL, 0 }, FAULT_ERROR, 0,
                      1000, 0));
    int status = get(test, target, headers).status;
    if (status == 503)
        status = get(test, target, headers).status;
    faults_clear();
    return status;
}

static void test_no_sql_for_what_was_asked_for(struct test_service *test)
{
    show(test, "ent_home", PAGE("home", "Home"));
    CHECK_INT(without_database(test, "/v1/published/home", NULL), 503);
    struct reply reply = get(test, "/v1/published/home", NULL);
    CHECK_STR(text_at(test, reply, "/title"), "Home");
    CHECK_INT(without_database(test, "/v1/published/home", NULL), 200);
    CHECK_INT(without_database(test, "/v1/published/home?kind=snippet", NULL), 503);
    struct str have = arena_printf(test_ctx(test)->arena, "If-None-Match: " STR_FMT,
                                   STR_ARG(header_of(reply, "ETag")));
    CHECK_INT(without_database(test, "/v1/published/home", have.ptr), 304);
    CHECK_INT(get(test, "/v1/published/none", NULL).status, 404);
    CHECK_INT(without_database(test, "/v1/published/none", NULL), 404);
    CHECK_INT(get(test, "/v1/published/x?kind=item", NULL).status, 422);
    CHECK_INT(get(test, "/v1/published/x?kind=item", NULL).status, 422);
}

static void test_by_id(struct test_service *test)
{
    struct reply reply = get(test, "/v1/entries/ent_home/published", NULL);
    CHECK_STR(text_at(test, reply, "/slug"), "home");
    CHECK_STR(header_of(reply, "ETag"),
              header_of(get(test, "/v1/published/home", NULL), "ETag").ptr);
    CHECK_INT(without_database(test, "/v1/entries/ent_home/published", NULL), 200);
    CHECK_INT(get(test, "/v1/entries/ent_none/published", NULL).status, 404);
    CHECK_INT(put(test, "ent_draft", NULL, PAGE("draft", "D")).status, 200);
    CHECK_INT(get(test, "/v1/entries/ent_draft/published", NULL).status, 404);
}

static void test_what_changes_is_seen_at_once(struct test_service *test)
{
    show(test, "ent_none", PAGE("none", "Now"));
    CHECK_STR(text_at(test, get(test, "/v1/published/none", NULL), "/title"), "Now");
    show(test, "ent_home", PAGE("home", "New"));
    CHECK_STR(text_at(test, get(test, "/v1/published/home", NULL), "/title"), "New");
    CHECK_STR(text_at(test, get(test, "/v1/entries/ent_home/published", NULL), "/title"), "New");
    show(test, "ent_home", PAGE("start", "Moved"));
    CHECK_STR(text_at(test, get(test, "/v1/published/home", NULL), "/moved_from"), "home");
    CHECK(!text_at(test, get(test, "/v1/published/start", NULL), "/moved_from").ptr);
    CHECK_INT(post(test, "/v1/entries/ent_home/unpublish", NULL).status, 200);
    CHECK_INT(get(test, "/v1/published/home", NULL).status, 404);
    CHECK_INT(get(test, "/v1/entries/ent_home/published", NULL).status, 404);
    CHECK_INT(post(test, "/v1/entries/ent_home/publish", "{\"version\":1}").status, 200);
    CHECK_STR(text_at(test, get(test, "/v1/published/home", NULL), "/title"), "Home");
}

static void test_fallbacks_are_seen_at_once(struct test_service *test)
{
    show(test, "ent_en",
         "{\"kind\":\"page\",\"slug\":\"l\",\"locale\":\"en\",\"document\":{\"blocks\":[]}}");
    CHECK_INT(get(test, "/v1/published/l?locale=nl", NULL).status, 404);
    CHECK_INT(
        test_call(test, "PUT", "/v1/locales/nl", "content:write", NULL, "{\"fallbacks\":[\"en\"]}")
            .status,
        200);
    CHECK_STR(text_at(test, get(test, "/v1/published/l?locale=nl", NULL), "/entry_id"), "ent_en");
    CHECK_INT(test_call(test, "DELETE", "/v1/locales/nl", "content:write", NULL, NULL).status, 204);
    CHECK_INT(get(test, "/v1/published/l?locale=nl", NULL).status, 404);
}

/* Texts of any kind cannot be taken for others: "a" in "b c" is not "ab" in " c". */
static void test_keys_are_apart(struct test_service *test)
{
    show(test, "ent_ab", "{\"kind\":\"page\",\"slug\":\"ab\",\"document\":{\"blocks\":[]}}");
    CHECK_INT(get(test, "/v1/published/ab?locale=cd", NULL).status, 200);
    CHECK_INT(get(test, "/v1/published/a?locale=bcd", NULL).status, 404);
    CHECK_INT(get(test, "/v1/published/a?kind=page&locale=bcd", NULL).status, 404);
}

/* A program that knows nothing of the revision moves it all the same. */
static bool show_as_before(struct ctx *ctx, void *argument)
{
    return sql_exec(ctx, NULL, "UPDATE shown SET slug = 'elsewhere' WHERE entry_id = 'ent_home'");
}

static void test_other_programs(struct test_service *test)
{
    CHECK_INT(get(test, "/v1/published/home", NULL).status, 200);
    CHECK(test_write(test, show_as_before, NULL));
    CHECK_INT(get(test, "/v1/published/home", NULL).status, 404);
    CHECK_INT(get(test, "/v1/published/elsewhere", NULL).status, 200);
}

static void test_reads(struct test_service *test)
{
    test_no_sql_for_what_was_asked_for(test);
    test_by_id(test);
    test_what_changes_is_seen_at_once(test);
    test_fallbacks_are_seen_at_once(test);
    test_keys_are_apart(test);
    test_other_programs(test);
}

static bool hide_all(struct ctx *ctx, void *argument)
{
    return sql_exec(ctx, NULL, "DELETE FROM shown");
}

/* Another process on the same database publishes: this one sees it a moment later, without a commit of its own. */
static void test_other_instances(void)
{
    const char *url = test_postgresql_url();
    if (!url)
        return;
    struct test_service *test = test_open(&content_service, url, NULL);
    show(test, "ent_a", PAGE("a", "A"));
    CHECK_INT(get(test, "/v1/published/a", NULL).status, 200);
    struct ctx ctx = { .arena = test_ctx(test)->arena };
    struct sql_db *other =
        sql_open(&ctx, str_of(url), "content", content_migrations, COUNT(content_migrations));
    REQUIRE(other != NULL);
    CHECK(sql_write(&ctx, other, hide_all, NULL));
    int64_t until_us = clock_mono_us() + 10 * US_PER_S;
    int status = 200;
    while (status == 200 && clock_mono_us() < until_us)
        status = get(test, "/v1/published/a", NULL).status;
    CHECK_INT(status, 404);
    sql_close(other);
    test_close(test);
}

/* ---- the cache alone ---- */

static void test_a_late_reader_spoils_nothing(void)
{
    struct ctx ctx = { .arena = arena_new(0) };
    struct answer_cache *cache = answer_cache_new(1 << 20, false);
    struct kept_answer old = { STR("1"), STR("old") }, out;
    int64_t early = answer_cache_mark(cache);
    answer_cache_doubt(cache);
    answer_cache_meet(cache, answer_cache_mark(cache), 7);
    answer_cache_meet(cache, early,
                      6); /* it read before the commit, and comes after who read later */
    answer_cache_put(cache, 6, STR("k"), &old);
    CHECK(!answer_cache_get(&ctx, cache, STR("k"), &out));
    answer_cache_put(cache, 7, STR("k"), &old);
    CHECK(answer_cache_get(&ctx, cache, STR("k"), &out));
    answer_cache_doubt(cache);
    CHECK(!answer_cache_get(&ctx, cache, STR("k"), &out));
    answer_cache_meet(cache, answer_cache_mark(cache), 7); /* a draft was saved: all is as it was */
    CHECK(answer_cache_get(&ctx, cache, STR("k"), &out));
    CHECK_STR(out.body, "old");
    answer_cache_free(cache);
    arena_free(ctx.arena);
}

/* Readers on several threads while one commits: nobody gets what is older than the last commit that was answered. */
struct race {
    struct answer_cache *cache;
    _Atomic int64_t database, answered, hits, stale;
    atomic_bool over;
};

static void race_read(struct race *race, struct ctx *ctx)
{
    int64_t at_least = atomic_load(&race->answered), found;
    struct kept_answer answer;
    if (answer_cache_get(ctx, race->cache, STR("k"), &answer)) {
        atomic_fetch_add(&race->hits, 1);
        if (!str_to_int(answer.body, &found) || found < at_least)
            atomic_fetch_add(&race->stale, 1);
        return;
    }
    int64_t mark = answer_cache_mark(race->cache), revision = atomic_load(&race->database);
    struct str body = arena_printf(ctx->arena, "%lld", (long long)revision);
    answer_cache_meet(race->cache, mark, revision);
    sched_yield();
    answer_cache_put(race->cache, revision, STR("k"), &(struct kept_answer){ body, body });
}

static void *race_reader(void *argument)
{
    struct race *race = argument;
    struct arena *arena CLEANUP(arena_freep) = arena_new(0);
    while (!atomic_load(&race->over)) {
        race_read(race, &(struct ctx){ .arena = arena });
        arena_clear(arena);
    }
    return NULL;
}

static void test_readers_and_a_writer(void)
{
    enum { READERS = 4, COMMITS = 2000 };
    pthread_t readers[READERS];
    struct race race = { .cache = answer_cache_new(1 << 20, true) };
    for (int i = 0; i < READERS; i++)
        REQUIRE(pthread_create(&readers[i], NULL, race_reader, &race) == 0);
    for (int64_t i = 1; i <= COMMITS; i++) {
        atomic_store(&race.database, i);
        answer_cache_doubt(race.cache);
        atomic_store(&race.answered, i);
        usleep(50);
    }
    atomic_store(&race.over, true);
    for (int i = 0; i < READERS; i++)
        pthread_join(readers[i], NULL);
    CHECK(atomic_load(&race.hits) > 0);
    CHECK_INT(atomic_load(&race.stale), 0);
    answer_cache_free(race.cache);
}

/* Far more than it may hold: what is asked for all the time stays, the rest makes room. */
static void test_memory_is_bounded(void)
{
    enum { MOST = 1 << 20, BODY = 10000, N = 1000 };
    struct arena *arena = arena_new(0);
    struct ctx ctx = { .arena = arena };
    struct answer_cache *cache = answer_cache_new(MOST, false);
    char *text = arena_alloc(arena, BODY);
    memset(text, 'x', BODY);
    struct kept_answer answer = { STR("e"), { text, BODY } }, out;
    answer_cache_meet(cache, answer_cache_mark(cache), 1);
    answer_cache_put(cache, 1, STR("hot"), &answer);
    size_t there = 0;
    for (int i = 0; i < N; i++) {
        answer_cache_put(cache, 1, arena_printf(arena, "%d", i), &answer);
        CHECK(answer_cache_get(&ctx, cache, STR("hot"), &out));
    }
    for (int i = 0; i < N; i++)
        there += answer_cache_get(&ctx, cache, arena_printf(arena, "%d", i), &out);
    CHECK(there >= MOST / 2 / BODY - 2 && there <= MOST / BODY);
    struct kept_answer huge = { STR("e"), { text, BODY } };
    struct answer_cache *tiny = answer_cache_new(BODY, false);
    answer_cache_meet(tiny, answer_cache_mark(tiny), 1);
    answer_cache_put(tiny, 1, STR("huge"), &huge);
    CHECK(!answer_cache_get(&ctx, tiny, STR("huge"), &out));
    answer_cache_free(tiny);
    answer_cache_free(cache);
    arena_free(arena);
}

int main(void)
{
    on_each_engine(test_reads);
    test_other_instances();
    test_a_late_reader_spoils_nothing();
    test_readers_and_a_writer();
    test_memory_is_bounded();
    return check_end();
}
