/* HTML of any bytes has its links led by way of the service: what is not a link stays as it is, what is signed is read back, and
 * a second time nothing is left to do. */
#include "services/email/links.h"
#include "tests/fuzz/fuzz.h"

static const struct links *links_of_ours(struct ctx *ctx)
{
    static struct links *links;
    static char folder[] = "/tmp/fanfare-fuzz-XXXXXX";
    if (!links)
        links = links_open(ctx, mkdtemp(folder), STR("https://m.example"));
    MUST(links);
    return links;
}

static void check_target(struct ctx *ctx, const struct links *links, struct str token)
{
    struct link link;
    MUST(link_read(ctx, links, LINK_CLICK, token, &link) && str_is(link.message_id, "msg_1"));
    MUST(str_eq(link_target(ctx->arena, link.target), link.target) ||
         str_find_char(link.target, '&') >= 0);
    for (size_t i = 0; i < link.target.len; i++)
        MUST(link.target.ptr[i] > ' ' && (unsigned char)link.target.ptr[i] < 0x7f);
}

/* What is between the links is the same in both; gives how many were led by way of here. */
static size_t compare(struct ctx *ctx, const struct links *links, struct str html, struct str out)
{
    const struct str prefix = STR("https://m.example/v1/clicks/");
    struct str was[LINKS_MOST], is[LINKS_MOST];
    size_t end, ended, led = 0, n = link_hrefs(html, was, LINKS_MOST, &end);
    const char *before = html.ptr, *now = out.ptr;
    MUST(end <= html.len && link_hrefs(out, is, LINKS_MOST, &ended) == n && ended >= end);
    for (size_t i = 0; i < n; i++) {
        MUST(was[i].ptr >= before && was[i].ptr + was[i].len <= html.ptr + html.len);
        if (before <= html.ptr + end && was[i].ptr >= html.ptr + end) { /* the picture is here */
            size_t first = (size_t)(html.ptr + end - before);
            MUST((size_t)(is[i].ptr - now) > first && memcmp(before, now, first) == 0);
            before += first;
            now = is[i].ptr - (was[i].ptr - before);
        }
        size_t between = (size_t)(was[i].ptr - before);
        MUST((size_t)(is[i].ptr - now) == between && memcmp(before, now, between) == 0);
        before = was[i].ptr + was[i].len;
        now = is[i].ptr + is[i].len;
        if (str_starts(is[i], prefix) && !str_eq(is[i], was[i])) {
            check_target(ctx, links,
                         (struct str){ is[i].ptr + prefix.len, is[i].len - prefix.len });
            led++;
        } else {
            MUST(str_eq(is[i], was[i]));
        }
    }
    return led;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    CLEANUP(arena_freep) struct arena *arena = arena_new(0);
    struct ctx ctx = { .arena = arena };
    struct str html = { (const char *)data, size }, out, again, rest = html, token;
    struct link_message message = { .message_id = STR("msg_1") };
    struct link link;
    const struct links *links = links_of_ours(&ctx);
    MUST(links_track(&ctx, links, &message, html, &out));
    compare(&ctx, links, html, out);
    MUST(links_track(&ctx, links, &message, out, &again));
    MUST(!size || compare(&ctx, links, out, again) == 0);
    str_split(&rest, '\n', &token);
    MUST(!link_read(&ctx, links, LINK_UNSUBSCRIBE, token, &link));
    return 0;
}
