#include "base/macros.h"
#include "base/tests/check.h"
#include "platform/schema/uri.h"

/* RFC 3986 section 5.4, and what has no authority. */
static const struct {
    const char *base, *reference, *result;
} cases[] = {
    { "http://a/b/c/d;p?q", "g:h", "g:h" },
    { "http://a/b/c/d;p?q", "g", "http://a/b/c/g" },
    { "http://a/b/c/d;p?q", "./g", "http://a/b/c/g" },
    { "http://a/b/c/d;p?q", "g/", "http://a/b/c/g/" },
    { "http://a/b/c/d;p?q", "/g", "http://a/g" },
    { "http://a/b/c/d;p?q", "//g", "http://g" },
    { "http://a/b/c/d;p?q", "?y", "http://a/b/c/d;p?y" },
    { "http://a/b/c/d;p?q", "g?y", "http://a/b/c/g?y" },
    { "http://a/b/c/d;p?q", "#s", "http://a/b/c/d;p?q#s" },
    { "http://a/b/c/d;p?q", "g?y#s", "http://a/b/c/g?y#s" },
    { "http://a/b/c/d;p?q", ";x", "http://a/b/c/;x" },
    { "http://a/b/c/d;p?q", "", "http://a/b/c/d;p?q" },
    { "http://a/b/c/d;p?q", ".", "http://a/b/c/" },
    { "http://a/b/c/d;p?q", "..", "http://a/b/" },
    { "http://a/b/c/d;p?q", "../g", "http://a/b/g" },
    { "http://a/b/c/d;p?q", "../../../g", "http://a/g" },
    { "http://a/b/c/d;p?q", "/./g", "http://a/g" },
    { "http://a/b/c/d;p?q", "/../g", "http://a/g" },
    { "http://a/b/c/d;p?q", "g..", "http://a/b/c/g.." },
    { "http://a/b/c/d;p?q", "./g/.", "http://a/b/c/g/" },
    { "http://a/b/c/d;p?q", "g;x=1/../y", "http://a/b/c/y" },
    { "http://a/b/c/d;p?q", "g?y/../x", "http://a/b/c/g?y/../x" },
    { "http://a", "g", "http://a/g" },
    { "", "g#x", "g#x" },
    { "tree", "node", "node" },
    { "a/tree", "node#x", "a/node#x" },
    { "urn:uuid:1", "#x", "urn:uuid:1#x" },
    { "urn:uuid:1", "http://b", "http://b" },
};

int main(void)
{
    struct arena *arena CLEANUP(arena_freep) = arena_new(0);
    for (size_t i = 0; i < COUNT(cases); i++)
        CHECK_STR(uri_resolve(arena, str_of(cases[i].base), str_of(cases[i].reference)),
                  cases[i].result);
    CHECK_STR(uri_without_fragment(STR("a#b#c")), "a");
    CHECK_STR(uri_fragment(arena, STR("a#/b%25%7E1%zz%2")), "/b%~1%zz%2");
    CHECK(uri_fragment(arena, STR("a")).ptr == NULL);
    CHECK_STR(uri_fragment(arena, STR("a#")), "");
    return check_end();
}
