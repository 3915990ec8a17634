/* What is to be shown when, and who may look before: on each engine. */
#include "services/content/preview.h"
#include "services/content/tests/room.h"

#define SNIPPET(slug, document)                                                                    \
    "{\"kind\":\"snippet\",\"slug\":\"" slug "\",\"document\":" document "}"

static struct reply schedule(struct test_service *test, const char *path, const char *action,
                             const char *at, const char *zone)
{
    struct arena *arena = test_ctx(test)->arena;
    struct str target = arena_printf(arena, "/v1/entries/%s", path);
    struct str body = arena_printf(arena, "{\"action\":\"%s\",\"at\":\"%s\",\"time_zone\":\"%s\"}",
                                   action, at, zone);
    return test_call(test, "PUT", target.ptr, "content:write", NULL, body.ptr);
}

static void hold(const char *moment)
{
    int64_t at_us = 0;
    CHECK(clock_parse(str_of(moment), false, &at_us));
    clock_hold_us(at_us);
}

static void work(struct test_service *test)
{
    while (test_work(test, "schedules"))
        continue;
}

static size_t told(struct test_service *test)
{
    return test_published(test, &CONTENT_ENTRY_PUBLISHED_V1_TYPE) +
           test_published(test, &CONTENT_ENTRY_UNPUBLISHED_V1_TYPE);
}

/* "waiting 2026-03-29T01:30:00Z skipped" */
static struct str due(struct test_service *test, struct reply reply)
{
    return arena_printf(test_ctx(test)->arena, STR_FMT " " STR_FMT " " STR_FMT,
                        STR_ARG(text_at(test, reply, "/state")),
                        STR_ARG(text_at(test, reply, "/due_at")),
                        STR_ARG(text_at(test, reply, "/clock")));
}

static void test_when(struct test_service *test)
{
    hold("2026-01-01T00:00:00Z");
    CHECK_INT(put(test, "ent_s", NULL, SNIPPET("s", "{\"n\":1}")).status, 200);
#define BERLIN(at) due(test, schedule(test, "ent_s/schedules/one", "publish", at, "Europe/Berlin"))
    CHECK_STR(BERLIN("2026-02-01T09:00:00"), "waiting 2026-02-01T08:00:00Z once");
    CHECK_STR(BERLIN("2026-03-29T02:30:00"), "waiting 2026-03-29T01:30:00Z skipped");
    CHECK_STR(BERLIN("2026-10-25T02:30:00"), "waiting 2026-10-25T00:30:00Z twice");
#define REFUSED(action, at, zone)                                                                  \
    refusal(test, schedule(test, "ent_s/schedules/bad", action, at, zone))
    CHECK_STR(REFUSED("publish", "2026-02-30T09:00:00", "Europe/Berlin"), "422 /at");
    CHECK_STR(REFUSED("publish", "2025-12-31T09:00:00", "Europe/Berlin"), "422 /at"); /* over */
    CHECK_STR(REFUSED("publish", "2026-02-01T09:00:00Z", "Europe/Berlin"), "422 /at");
    CHECK_STR(REFUSED("publish", "2026-02-01T09:00:00", "Europe/Atlantis"), "422 /time_zone");
    CHECK_STR(REFUSED("publish", "2026-02-01T09:00:00", "../../etc/passwd"), "422 /time_zone");
    CHECK_STR(REFUSED("explode", "2026-02-01T09:00:00", "UTC"), "422 /action");
    CHECK_INT(
        schedule(test, "ent_none/schedules/bad", "publish", "2026-02-01T09:00:00", "UTC").status,
        404);
    struct reply reply = test_call(test, "PUT", "/v1/entries/ent_s/schedules/bad", "content:write",
                                   NULL,
                                   "{\"action\":\"unpublish\",\"at\":\"2026-02-01T09:00:00\","
                                   "\"time_zone\":\"UTC\",\"version\":1}");
    CHECK_STR(refusal(test, reply), "422 /version");
    CHECK_INT(json_size(json_get(test_json(test, get(test, "/v1/schedules", NULL)), "items")), 1);
}

static void test_it_happens_once(struct test_service *test)
{
    schedule(test, "ent_s/schedules/one", "publish", "2026-02-01T09:00:00", "Europe/Berlin");
    schedule(test, "ent_s/schedules/two", "unpublish", "2026-02-02T09:00:00", "Europe/Berlin");
    hold("2026-02-01T07:59:59Z");
    work(test);
    CHECK_INT(told(test), 0);
    CHECK_INT(put(test, "ent_s", NULL, SNIPPET("s", "{\"n\":2}")).status, 200);
    hold("2026-02-01T08:00:00Z");
    work(test);
    work(test);
    CHECK_INT(told(test), 1);
    CHECK_INT(version_of(test, get(test, "/v1/published/s?kind=snippet", NULL)),
              2); /* the newest when the time came */
    struct reply reply = get(test, "/v1/schedules?state=done", NULL);
    CHECK_STR(text_at(test, reply, "/items/0/schedule_id"), "one");
    CHECK_STR(text_at(test, reply, "/items/0/done_at"), "2026-02-01T08:00:00Z");
    hold("2026-02-02T08:00:00Z");
    work(test);
    CHECK_INT(get(test, "/v1/published/s?kind=snippet", NULL).status, 404);
    CHECK_INT(told(test), 2);
}

static void test_late_ones_happen_after_a_restart(struct test_service *test)
{
    CHECK_STR(
        due(test, schedule(test, "ent_s/schedules/one", "publish", "2026-03-01T09:00:00", "UTC")),
        "waiting 2026-03-01T09:00:00Z once"); /* anew */
    test_reopen(test);
    hold("2026-03-05T00:00:00Z"); /* four days late */
    work(test);
    CHECK_INT(told(test), 3);
    CHECK_INT(get(test, "/v1/published/s?kind=snippet", NULL).status, 200);
    test_reopen(test);
    work(test);
    CHECK_INT(told(test), 3);
}

static void test_what_cannot_be_done_says_why(struct test_service *test)
{
    CHECK_INT(put(test, "ent_f", NULL, SNIPPET("f", "{\"a\":{\"$entry\":\"ent_hidden\"}}")).status,
              200);
    CHECK_INT(put(test, "ent_g", NULL, SNIPPET("g", "{}")).status, 200);
    schedule(test, "ent_f/schedules/x", "publish", "2026-03-06T00:00:00", "UTC");
    schedule(test, "ent_g/schedules/x", "publish", "2026-03-06T00:00:01", "UTC");
    hold("2026-03-07T00:00:00Z");
    work(test);
    struct reply reply = get(test, "/v1/schedules?state=failed", NULL);
    CHECK_STR(text_at(test, reply, "/items/0/entry_id"), "ent_f");
    CHECK_STR(text_at(test, reply, "/items/0/reason"),
              "it refers to ent_hidden, which is not shown");
    CHECK_INT(get(test, "/v1/published/f?kind=snippet", NULL).status, 404);
    CHECK_INT(get(test, "/v1/published/g?kind=snippet", NULL).status, 200); /* the others go on */
}

static void test_forgetting(struct test_service *test)
{
#define DELETE(path)                                                                               \
    test_call(test, "DELETE", "/v1/entries/" path, "content:write", "If-Match: *", NULL)
    CHECK_INT(put(test, "ent_d", NULL, SNIPPET("d", "{}")).status, 200);
    schedule(test, "ent_d/schedules/x", "publish", "2026-03-08T00:00:00", "UTC");
    CHECK_INT(DELETE("ent_d/schedules/x").status, 204);
    CHECK_INT(DELETE("ent_d/schedules/x").status, 404);
    schedule(test, "ent_d/schedules/y", "publish", "2026-03-08T00:00:00", "UTC");
    CHECK_INT(DELETE("ent_d").status, 204); /* with its schedules */
    CHECK_INT(put(test, "ent_d", NULL, SNIPPET("d", "{}")).status, 200);
    hold("2026-03-09T00:00:00Z");
    work(test);
    CHECK_INT(get(test, "/v1/published/d?kind=snippet", NULL).status, 404);
}

static void test_pages_of_schedules(struct test_service *test)
{
    schedule(test, "ent_d/schedules/a", "publish", "2026-05-01T00:00:00", "UTC");
    schedule(test, "ent_d/schedules/b", "unpublish", "2026-05-01T00:00:00", "UTC");
    schedule(test, "ent_d/schedules/c", "publish", "2026-04-01T00:00:00", "UTC");
    struct str order = STR(""), cursor = STR("");
    for (int pages = 0; pages < 5; pages++) {
        struct str target = arena_printf(
            test_ctx(test)->arena, "/v1/schedules?entry_id=ent_d&limit=1" STR_FMT, STR_ARG(cursor));
        struct reply reply = get(test, target.ptr, NULL);
        order = arena_printf(test_ctx(test)->arena, STR_FMT STR_FMT, STR_ARG(order),
                             STR_ARG(text_at(test, reply, "/items/0/schedule_id")));
        struct str next = text_at(test, reply, "/next_cursor");
        if (!next.ptr)
            break;
        cursor = arena_printf(test_ctx(test)->arena, "&cursor=" STR_FMT, STR_ARG(next));
    }
    CHECK_STR(order, "cab");
    CHECK_INT(get(test, "/v1/schedules?cursor=x", NULL).status, 422);
}

/* ---- previews ---- */

static struct reply look(struct test_service *test, struct str token)
{
    struct str target =
        arena_printf(test_ctx(test)->arena, "/v1/previews/" STR_FMT, STR_ARG(token));
    return test_call(test, "GET", target.ptr, NULL, NULL, NULL);
}

static struct str token_of(struct test_service *test, const char *body)
{
    return text_at(test, post(test, "/v1/entries/ent_p/previews", body), "/token");
}

static void test_previews(struct test_service *test)
{
    hold("2026-06-01T00:00:00Z");
    CHECK_INT(put(test, "ent_p", NULL, SNIPPET("p", "{\"n\":1}")).status, 200);
    CHECK_INT(put(test, "ent_q", NULL, SNIPPET("q", "{\"n\":1}")).status, 200);
    CHECK_INT(look(test, STR("x.y")).status, 404); /* before there is any key */
    struct str token = token_of(test, "{\"seconds\":60}");
    struct str first = token_of(test, "{\"version\":1}");
    CHECK_INT(put(test, "ent_p", NULL, SNIPPET("p", "{\"n\":2}")).status, 200);
    struct reply reply = look(test, token);
    CHECK_INT(version_of(test, reply), 2); /* the draft as it stands, not shown to anybody else */
    CHECK_STR(header_of(reply, "Cache-Control"), "no-store");
    CHECK_INT(version_of(test, look(test, first)), 1);
    CHECK_INT(post(test, "/v1/entries/ent_p/previews", "{\"version\":9}").status, 404);
    CHECK_INT(post(test, "/v1/entries/ent_none/previews", "{}").status, 404);
    CHECK_INT(post(test, "/v1/entries/ent_p/previews", "{\"seconds\":9999999}").status, 422);
    test_reopen(test);
    CHECK_INT(look(test, token).status, 200); /* the key is kept */
    hold("2026-06-01T00:01:00Z");
    CHECK_STR(sentence(test, look(test, token)), "404 this preview is over");
    CHECK_INT(look(test, first).status, 200);
}

static void test_tokens_are_not_made_by_others(struct test_service *test)
{
    struct ctx *ctx = test_ctx(test);
    struct str token = token_of(test, "{}");
    for (size_t i = 0; i < token.len; i++) {
        char *bent = arena_cstr(ctx->arena, token);
        bent[i] = bent[i] == 'A' ? 'B' : 'A';
        struct reply reply = look(test, (struct str){ bent, token.len });
        bool spare_bits = reply.status == 200 &&
                          i + 1 == token.len; /* the last two of base64 say nothing */
        CHECK(reply.status == 404 || spare_bits);
    }
    struct preview other = { STR("ent_q"), 0, INT64_MAX };
    CHECK_INT(look(test, preview_sign(ctx->arena, STR("another key"), &other)).status, 404);
    CHECK_INT(
        test_call(test, "GET", "/v1/entries/ent_p", NULL,
                  arena_printf(ctx->arena, "Authorization: Bearer " STR_FMT, STR_ARG(token)).ptr,
                  NULL)
            .status,
        401); /* it opens nothing else */
}

static void test_room(struct test_service *test)
{
    test_when(test);
    test_it_happens_once(test);
    test_late_ones_happen_after_a_restart(test);
    test_what_cannot_be_done_says_why(test);
    test_forgetting(test);
    test_pages_of_schedules(test);
    test_previews(test);
    test_tokens_are_not_made_by_others(test);
    clock_hold_us(0);
}

int main(void)
{
    on_each_engine(test_room);
    return check_end();
}
