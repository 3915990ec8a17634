/* What launches ask to be shown, and take back: on each engine. */
#include "services/content/tests/room.h"

#define SNIPPET(slug, document)                                                                    \
    "{\"kind\":\"snippet\",\"slug\":\"" slug "\",\"document\":" document "}"

static struct str last_answer(struct test_service *test)
{
    size_t n = test_published(test, &CONTENT_PUBLICATION_ANSWERED_V1_TYPE);
    if (!n)
        return STR("none");
    const struct json *answer =
        test_published_data(test, &CONTENT_PUBLICATION_ANSWERED_V1_TYPE, n - 1);
    struct str reason = json_str(json_get(answer, "reason"));
    return arena_printf(test_ctx(test)->arena, STR_FMT " " STR_FMT " %lld%s" STR_FMT,
                        STR_ARG(json_str(json_get(answer, "action"))),
                        STR_ARG(json_str(json_get(answer, "outcome"))),
                        (long long)json_int(json_get(answer, "published")), reason.len ? " " : "",
                        STR_ARG(reason));
}

static struct str ask(struct test_service *test, const char *command, const char *launch,
                      const char *action, const char *expires_at, const char *entries)
{
    struct str data =
        arena_printf(test_ctx(test)->arena,
                     "{\"command_id\":\"%s\",\"campaign_id\":\"cmp_1\",\"launch_id\":\"%s\","
                     "\"action\":\"%s\",\"expires_at\":\"%s\",\"entries\":%s}",
                     command, launch, action, expires_at, entries);
    CHECK_INT(test_event(test, &CONTENT_PUBLICATION_ASKED_V1_TYPE, NULL, data.ptr), DONE);
    return last_answer(test);
}
#define DO(command, launch, entries)                                                               \
    ask(test, command, launch, "do", "2126-01-01T00:00:00Z", entries)
#define UNDO(command, launch) ask(test, command, launch, "undo", "2026-01-01T00:00:00Z", "[]")

static int64_t shown(struct test_service *test, const char *slug)
{
    return version_of(
        test,
        get(test, arena_printf(test_ctx(test)->arena, "/v1/published/%s?kind=snippet", slug).ptr,
            NULL));
}

static void save(struct test_service *test, const char *id, const char *body)
{
    CHECK_INT(put(test, id, NULL, body).status, 200);
}

static void publish(struct test_service *test, const char *id)
{
    struct str target = arena_printf(test_ctx(test)->arena, "/v1/entries/%s/publish", id);
    CHECK_INT(post(test, target.ptr, "{}").status, 200);
}

static void test_a_launch_shows_and_takes_back(struct test_service *test)
{
    save(test, "ent_a", SNIPPET("a", "{\"b\":{\"$entry\":\"ent_b\"}}"));
    save(test, "ent_b", SNIPPET("b", "{\"n\":1}"));
    save(test, "ent_c", SNIPPET("c", "{\"n\":1}"));
    save(test, "ent_d", SNIPPET("d", "{\"n\":1}"));
    publish(test, "ent_b");
    publish(test, "ent_d");
    save(test, "ent_b", SNIPPET("b", "{\"n\":2,\"c\":{\"$entry\":\"ent_c\"}}"));
    size_t before = test_published(test, &CONTENT_ENTRY_PUBLISHED_V1_TYPE);
    /* a refers to b, whose newest refers to c: shown in the order that works. d is shown already. */
    const char *entries = "[{\"entry_id\":\"ent_a\"},{\"entry_id\":\"ent_b\"},"
                          "{\"entry_id\":\"ent_c\"},{\"entry_id\":\"ent_d\"}]";
    CHECK_STR(DO("cmd_1", "lch_1", entries), "do done 3");
    CHECK_INT(shown(test, "a"), 1);
    CHECK_INT(shown(test, "b"), 2);
    CHECK_STR(DO("cmd_1", "lch_1", entries), "do done 3"); /* again: the same answer */
    CHECK_INT(test_published(test, &CONTENT_ENTRY_PUBLISHED_V1_TYPE), before + 3);
    test_reopen(test);
    CHECK_STR(UNDO("cmd_2", "lch_1"), "undo done 0");
    CHECK_INT(shown(test, "a"), -404);
    CHECK_INT(shown(test, "b"), 1); /* as before */
    CHECK_INT(shown(test, "c"), -404);
    CHECK_INT(shown(test, "d"), 1); /* not the launch's */
    CHECK_STR(UNDO("cmd_2", "lch_1"), "undo done 0");
    CHECK_STR(DO("cmd_1", "lch_1", entries), "do refused 0 the launch is undone");
    CHECK_INT(shown(test, "a"), -404);
}

static void test_all_or_none(struct test_service *test)
{
    save(test, "ent_e", SNIPPET("e", "{\"n\":1}"));
    save(test, "ent_f", SNIPPET("f", "{\"x\":{\"$entry\":\"ent_hidden\"}}"));
    size_t before = test_published(test, &CONTENT_ENTRY_PUBLISHED_V1_TYPE);
    CHECK_STR(DO("cmd_3", "lch_2", "[{\"entry_id\":\"ent_e\"},{\"entry_id\":\"ent_none\"}]"),
              "do refused 0 ent_none: there is no entry with this id");
    CHECK_STR(DO("cmd_4", "lch_3", "[{\"entry_id\":\"ent_e\"},{\"entry_id\":\"ent_f\"}]"),
              "do refused 0 ent_f: it refers to ent_hidden, which is not shown");
    CHECK_INT(shown(test, "e"), -404);
    CHECK_INT(test_published(test, &CONTENT_ENTRY_PUBLISHED_V1_TYPE), before);
    save(test, "ent_f", SNIPPET("f", "{\"n\":1}"));
    const char *both = "[{\"entry_id\":\"ent_e\"},{\"entry_id\":\"ent_f\"}]";
    CHECK_STR(DO("cmd_4", "lch_3", both), /* what was answered stays */
              "do refused 0 ent_f: it refers to ent_hidden, which is not shown");
    CHECK_STR(DO("cmd_5", "lch_3", both), "do done 2"); /* asked anew */
    CHECK_STR(UNDO("cmd_6", "lch_3"), "undo done 0");
}

static void test_too_late_and_too_early(struct test_service *test)
{
    const char *entries = "[{\"entry_id\":\"ent_e\"}]";
    CHECK_STR(ask(test, "cmd_7", "lch_4", "do", "2026-01-01T00:00:00Z", entries),
              "do refused 0 the command has expired");
    CHECK_STR(UNDO("cmd_8", "lch_5"), "undo done 0"); /* before its do */
    CHECK_STR(DO("cmd_9", "lch_5", entries), "do refused 0 the launch is undone");
    CHECK_INT(shown(test, "e"), -404);
    CHECK_STR(DO("cmd_10", "lch_6", "[]"), "do done 0");
    CHECK_INT(test_event(test, &CONTENT_PUBLICATION_ASKED_V1_TYPE, NULL, "{\"launch_id\":\"x\"}"),
              REJECT);
}

static void test_what_people_did_since_stays(struct test_service *test)
{
    CHECK_STR(DO("cmd_11", "lch_7", "[{\"entry_id\":\"ent_e\"},{\"entry_id\":\"ent_f\"}]"),
              "do done 2");
    save(test, "ent_e", SNIPPET("e", "{\"n\":2}"));
    publish(test, "ent_e");
    save(test, "ent_f", SNIPPET("f", "{\"n\":7}")); /* a draft only */
    CHECK_STR(UNDO("cmd_12", "lch_7"), "undo done 0");
    CHECK_INT(shown(test, "e"), 2);
    CHECK_INT(shown(test, "f"), -404);
}

static void test_an_earlier_version_without_a_place(struct test_service *test)
{
    save(test, "ent_g", SNIPPET("g", "{\"n\":1}"));
    publish(test, "ent_g");
    save(test, "ent_g", SNIPPET("g-new", "{\"n\":1}"));
    CHECK_STR(DO("cmd_13", "lch_8", "[{\"entry_id\":\"ent_g\"}]"), "do done 1");
    save(test, "ent_h", SNIPPET("g", "{\"n\":1}")); /* takes the slug that is free now */
    publish(test, "ent_h");
    CHECK_STR(UNDO("cmd_14", "lch_8"), "undo done 0");
    CHECK_INT(shown(test, "g-new"), -404);
    struct reply reply = get(test, "/v1/published/g?kind=snippet", NULL);
    CHECK_STR(text_at(test, reply, "/entry_id"), "ent_h");
}

static void test_room(struct test_service *test)
{
    test_a_launch_shows_and_takes_back(test);
    test_all_or_none(test);
    test_too_late_and_too_early(test);
    test_what_people_did_since_stays(test);
    test_an_earlier_version_without_a_place(test);
}

int main(void)
{
    on_each_engine(test_room);
    return check_end();
}
