/* Links in mail: which are found in HTML and how they are read, what is signed, and what is not ours. */
#include "services/email/links.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/id.h"
#include "base/tests/check.h"
#include "services/email/secret.h"

static struct ctx ctx;
static char folder[] = "/tmp/fanfare-links-XXXXXX";

#define MESSAGE STR("msg_1")

/* The HTML without a picture, its tracked addresses as [target]. */
static struct str tracked(const struct links *links, const char *html)
{
    struct link_message message = { .message_id = MESSAGE };
    struct str out, told = STR(""), hrefs[LINKS_MOST];
    size_t end;
    REQUIRE(links_track(&ctx, links, &message, str_of(html), &out));
    size_t n = link_hrefs(out, hrefs, LINKS_MOST, &end);
    const char *at = out.ptr;
    for (size_t i = 0; i < n; i++) {
        struct link link;
        struct str prefix = STR("https://m.example/v1/clicks/"), href = hrefs[i];
        told = arena_printf(ctx.arena, STR_FMT STR_FMT, STR_ARG(told), (int)(href.ptr - at), at);
        at = href.ptr + href.len;
        if (!str_starts(href, prefix)) {
            told = arena_printf(ctx.arena, STR_FMT STR_FMT, STR_ARG(told), STR_ARG(href));
            continue;
        }
        struct str token = { href.ptr + prefix.len, href.len - prefix.len };
        REQUIRE(link_read(&ctx, links, LINK_CLICK, token, &link));
        CHECK_STR(link.message_id, "msg_1");
        told =
            arena_printf(ctx.arena, STR_FMT "[" STR_FMT "]", STR_ARG(told), STR_ARG(link.target));
    }
    told =
        arena_printf(ctx.arena, STR_FMT STR_FMT, STR_ARG(told), (int)(out.ptr + out.len - at), at);
    char *picture = strstr(told.ptr, "<img src=\"https://m.example/v1/opens/");
    REQUIRE(picture);
    char *behind = strchr(picture, '>') + 1;
    memmove(picture, behind, strlen(behind) + 1);
    return str_of(told.ptr);
}

static void test_html(const struct links *links)
{
    static const struct {
        const char *html, *wanted;
    } cases[] = {
        { "<a href=\"https://x.example/a?b=1&amp;c=2#d\">x</a>",
          "<a href=\"[https://x.example/a?b=1&c=2#d]\">x</a>" },
        { "<A class='a > b' HREF='http://x.example'>x</A>",
          "<A class='a > b' HREF='[http://x.example]'>x</A>" },
        { "<a href=https://x.example/a>x</a>", "<a href=[https://x.example/a]>x</a>" },
        { "<a\n\thref = \"  https://x.example/\n a\" id=x>x</a>",
          "<a\n\thref = \"[https://x.example/%20a]\" id=x>x</a>" },
        { "<a href=\"https://x.example/?a=1&copy=2&b\">x</a>",
          NULL }, /* "&b": may be a reference */
        { "<a href=\"https://x.example/?a=1&copy=2&b=3\">x</a>",
          "<a href=\"[https://x.example/?a=1&copy=2&b=3]\">x</a>" },
        { "<a href=\"https://x.example/&eacute;\">x</a>", NULL },
        { "<a href=\"&#104;ttps&#x3a;//x.example/&#63;a\">x</a>",
          "<a href=\"[https://x.example/?a]\">x</a>" },
        { "<a href=\"https://x.example/\xc3\xa9\">x</a>",
          "<a href=\"[https://x.example/%C3%A9]\">x</a>" },
        { "<a href=\"https://b\xc3\xbc.example/\">x</a>", NULL },
        { "<a href=\"https://x.example/\xff\">x</a>", NULL },
        { "<a href=\"https://u:p@x.example/\">x</a>", NULL },
        { "<a href=\"https:\\\\x.example\">x</a>", NULL },
        { "<a href=\"https:x.example\">x</a>", NULL },
        { "<a href=\"//x.example\">x</a>", NULL },
        { "<a href=\"/here\">x</a>", NULL },
        { "<a href=\"#there\">x</a><a href=\"\">y</a><a href>z</a><a>w</a>", NULL },
        { "<a href=\"mailto:a@b.example\">x</a><a href=\"tel:+49\">y</a>", NULL },
        { "<a href=\"javascript:alert(1)\">x</a><a href=\"data:text/html,x\">y</a>", NULL },
        { "<a href=\"https://m.example/v1/unsubscribe/abc\">x</a>", NULL },
        { "<a data-untracked href=\"https://x.example\">x</a>", NULL },
        { "<a data-href=\"https://x.example\" xhref=https://y.example>x</a>", NULL },
        { "<a href=\"https://x.example\" href=\"https://y.example\">x</a>",
          "<a href=\"[https://x.example]\" href=\"https://y.example\">x</a>" },
        { "<area href=\"https://x.example\"><link href=\"https://x.example\"><abbr href=\"https://x.example\">",
          NULL },
        { "<!-- <a href=\"https://x.example\">x</a> --><a href=\"https://y.example\">",
          "<!-- <a href=\"https://x.example\">x</a> --><a href=\"[https://y.example]\">" },
        { "<!--><a href=\"https://x.example\">", "<!--><a href=\"[https://x.example]\">" },
        { "<!---><a href=\"https://x.example\">", "<!---><a href=\"[https://x.example]\">" },
        { "<!-- a --!><a href=\"https://x.example\">",
          "<!-- a --!><a href=\"[https://x.example]\">" },
        { "<![if mso]><a href=\"https://x.example\">",
          "<![if mso]><a href=\"[https://x.example]\">" },
        { "<?a <a href=\"https://x.example\">", NULL },
        { "<script>'<a href=\"https://x.example\">'</script ><a href=\"https://y.example\">",
          "<script>'<a href=\"https://x.example\">'</script ><a href=\"[https://y.example]\">" },
        { "<STYLE><a href=https://x.example></styles></STYLE>", NULL },
        { "1 < 2 <3 <a href=https://x.example/a/>x", "1 < 2 <3 <a href=[https://x.example/a/]>x" },
        { "x</a href=\"https://x.example\">", NULL },
        { "<a href=\"https://x.example", NULL },
        { "<a/href=https://x.example>", "<a/href=[https://x.example]>" },
        { "<a href href=\"https://x.example\">", NULL },
        { "<a =href=\"https://x.example\">", NULL },
        { "", NULL },
    };
    for (size_t i = 0; i + 1 < COUNT(cases); i++)
        CHECK_STR(tracked(links, cases[i].html), cases[i].wanted ? cases[i].wanted : cases[i].html);
}

static void test_picture(const struct links *links)
{
    static const char *const before[] = { "</body></html>", "</BODY >\n", "<a href=\"",
                                          "<plaintext>x", "<title>x" };
    struct link_message message = { .message_id = MESSAGE };
    struct str out;
    for (size_t i = 0; i < COUNT(before); i++) {
        struct str html = arena_printf(ctx.arena, "<p>Hello</p>%s", before[i]);
        REQUIRE(links_track(&ctx, links, &message, html, &out));
        CHECK(str_starts(out, STR("<p>Hello</p><img src=\"https://m.example/v1/opens/")));
        CHECK(str_ends(out, arena_printf(ctx.arena, ">%s", before[i])));
    }
    message.untracked = true;
    CHECK(links_track(&ctx, links, &message, STR("<a href=\"https://x.example\">"), &out));
    CHECK_STR(out, "<a href=\"https://x.example\">");
    message.untracked = false;
    CHECK(links_track(&ctx, links, &message, STR(""), &out) && out.len == 0);
}

static void test_bounds(const struct links *links)
{
    struct link_message message = { .message_id = MESSAGE };
    struct str many = STR(""), out, longest, hrefs[LINKS_MOST + 10];
    size_t end, led = 0;
    for (int i = 0; i < LINKS_MOST + 5; i++)
        many =
            arena_printf(ctx.arena, STR_FMT "<a href=\"https://x.example/%d\">", STR_ARG(many), i);
    REQUIRE(links_track(&ctx, links, &message, many, &out));
    size_t n = link_hrefs(out, hrefs, COUNT(hrefs), &end);
    for (size_t i = 0; i < n; i++)
        led += str_starts(hrefs[i], STR("https://m.example/"));
    CHECK_INT(n, LINKS_MOST + 5);
    CHECK_INT(led, LINKS_MOST);
    char *text = arena_alloc(ctx.arena, LINKS_MOST_TARGET + 10);
    memset(text, 'a', LINKS_MOST_TARGET + 10);
    memcpy(text, "https://x.example/", 18);
    longest = (struct str){ text, LINKS_MOST_TARGET - 3 };
    CHECK_INT(link_target(ctx.arena, longest).len, LINKS_MOST_TARGET - 3);
    longest.len = LINKS_MOST_TARGET + 1;
    CHECK(!link_target(ctx.arena, longest).ptr);
}

static enum error_code refusal(const struct links *links, enum link_kind kind, struct str token)
{
    struct link link;
    enum error_code code = link_read(&ctx, links, kind, token, &link) ? ERR_NONE : ctx.error.code;
    ctx_clear(&ctx);
    return code;
}

static void test_tokens(const struct links *links)
{
    struct str token = link_token(ctx.arena, links, LINK_CLICK, MESSAGE, STR("https://x.example/"));
    CHECK_INT(refusal(links, LINK_CLICK, token), ERR_NONE);
    CHECK_INT(refusal(links, LINK_OPEN, token), ERR_NOT_FOUND);
    CHECK_INT(refusal(links, LINK_UNSUBSCRIBE, token), ERR_NOT_FOUND);
    CHECK_INT(refusal(links, LINK_CLICK, STR("")), ERR_NOT_FOUND);
    CHECK_INT(refusal(links, LINK_CLICK, STR("AQE")), ERR_NOT_FOUND);
    CHECK_INT(refusal(links, LINK_CLICK, arena_printf(ctx.arena, STR_FMT "=", STR_ARG(token))),
              ERR_NOT_FOUND);
    for (size_t i = 0; i < token.len; i++) { /* each of its letters counts, and its length */
        struct str other = arena_str(ctx.arena, token);
        *(char *)&other.ptr[i] = token.ptr[i] == 'A' ? 'B' : 'A';
        CHECK(refusal(links, LINK_CLICK, other) != ERR_NONE);
        CHECK(refusal(links, LINK_CLICK, (struct str){ token.ptr, i }) != ERR_NONE);
    }
}

/* A further key signs, and what the one before signed is still good; without it, it is over. */
static void test_keys(const struct links *links)
{
    uint8_t fresh[32];
    struct str old = link_token(ctx.arena, links, LINK_OPEN, MESSAGE, STR(""));
    CHECK(secret_key(&ctx, arena_printf(ctx.arena, "%s/links.2.key", folder), fresh));
    struct links *both = links_open(&ctx, folder, STR("https://m.example/"));
    REQUIRE(both);
    struct str newer = link_token(ctx.arena, both, LINK_OPEN, MESSAGE, STR(""));
    CHECK_INT(refusal(both, LINK_OPEN, old), ERR_NONE);
    CHECK_INT(refusal(both, LINK_OPEN, newer), ERR_NONE);
    CHECK_INT(refusal(links, LINK_OPEN, newer), ERR_NOT_FOUND);
    CHECK(unlink(arena_printf(ctx.arena, "%s/links.1.key", folder).ptr) == 0);
    struct links *one = links_open(&ctx, folder, STR("https://m.example"));
    REQUIRE(one);
    CHECK_INT(refusal(one, LINK_OPEN, old), ERR_GONE);
    CHECK_INT(refusal(one, LINK_OPEN, newer), ERR_NONE);
    links_close(both);
    links_close(one);
    CHECK(unlink(arena_printf(ctx.arena, "%s/links.2.key", folder).ptr) == 0);
}

static void test_settings(void)
{
    static const char *const bad[] = { "",
                                       "m.example",
                                       "ftp://m.example",
                                       "https://",
                                       "https://m.example/?a",
                                       "https://m.example/\"",
                                       "https://u@m.example",
                                       "https://m.example/a b" };
    for (size_t i = 0; i < COUNT(bad); i++) {
        CHECK(!links_open(&ctx, folder, str_of(bad[i])));
        CHECK_INT(ctx.error.code, ERR_INVALID);
        ctx_clear(&ctx);
    }
}

int main(void)
{
    CLEANUP(arena_freep) struct arena *arena = arena_new(0);
    ctx.arena = arena;
    REQUIRE(mkdtemp(folder));
    struct links *links = links_open(&ctx, folder, STR("https://m.example/"));
    REQUIRE(links);
    test_html(links);
    test_picture(links);
    test_bounds(links);
    test_tokens(links);
    test_settings();
    test_keys(links);
    links_close(links);
    rmdir(folder);
    return check_end();
}
