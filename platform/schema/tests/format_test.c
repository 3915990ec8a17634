#include "base/macros.h"
#include "base/tests/check.h"
#include "platform/schema/format.h"

/* Rows of a format: what fits, then what does not. */
struct row {
    const char *format, *fits[12], *unfit[24];
};

static const struct row rows[] = {
    { "date-time",
      { "2026-01-31T12:00:00Z", "1985-04-12t23:20:50.52z", "1990-12-31T23:59:60Z",
        "1990-12-31T15:59:60.1-08:00", "2024-02-29T00:00:00+00:00", "0000-01-01T00:00:00Z" },
      { "", "2026-01-31", "2026-01-31 12:00:00Z", "2026-01-31T12:00:00", "2026-02-29T12:00:00Z",
        "2026-13-01T12:00:00Z", "2026-01-32T12:00:00Z", "2026-00-10T12:00:00Z",
        "2026-01-31T24:00:00Z", "2026-01-31T12:60:00Z", "2026-01-31T12:00:61Z",
        "1998-12-31T23:58:60Z", "2026-01-31T12:00:00.Z", "2026-01-31T12:00:00+24:00",
        "2026-01-31T12:00:00+0100", "2026-1-31T12:00:00Z", "+2026-01-31T12:00:00Z",
        "2026-01-31T12:00:00Zx" } },
    { "date",
      { "2026-01-31", "2000-02-29" },
      { "2026-1-1", "1900-02-29", "2026-04-31", "2026-01-31T", "20260131",
        "\xD9\xA1"
        "026-01-01" } },
    { "time",
      { "12:00:00Z", "23:59:60+00:00", "01:29:60+01:30", "12:00:00.123456789-23:59" },
      { "12:00:00", "12:00Z", "1:00:00Z", "12:00:00+1:00", "22:59:60Z", "12:00:00 Z" } },
    { "duration",
      { "P1Y", "P4W", "P1Y2M3DT4H5M6S", "PT36H", "PT1M", "P1DT12H", "P0D" },
      { "", "P", "PT", "P1", "1Y", "P1D2Y", "P1Y1D", "PT1H1S", "P1W1D", "P1S", "PT1D", "p1y",
        "P1YT", "P1.5Y", "P-1Y" } },
    { "email",
      { "joe@example.com", "a.b+c@x.y-z.org", "\"a b\\\"c\"@example.com", "a@[127.0.0.1]",
        "a@[IPv6:::1]", "~!#$%@x" },
      { "", "joe", "@x", "joe@", ".a@x", "a.@x", "a..b@x", "a b@x", "a@-x", "a@x..y",
        "a@[127.0.0.256]", "\"a@x", "\"\"\"@x", "\xC3\xA9@x.org", "a@\xC3\xA9.org", "a@b@c" } },
    { "idn-email", { "\xC3\xA9@\xC3\xA9.org", "a@b" }, { "\xC3\xA9", "a@b c" } },
    { "hostname",
      { "example.com", "x", "a-b.c1", "1.2" },
      { "", "-a", "a-", "a..b", "a.", ".a", "a_b", "a b", "\xC3\xA9.org",
        "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa.org" } },
    { "ipv4",
      { "0.0.0.0", "255.255.255.255" },
      { "", "1.2.3", "1.2.3.4.5", "256.1.1.1", "01.2.3.4", "1.2.3.", "1.2.3.4 ", "0x1.2.3.4" } },
    { "ipv6",
      { "::", "::1", "1:2:3:4:5:6:7:8", "::ffff:1.2.3.4", "ABCD::" },
      { "", ":", ":::", "1:2:3:4:5:6:7", "12345::", "::1%eth0", "::g", "1::2::3", "::1 ",
        "1.2.3.4" } },
    { "uri",
      { "http://example.com/a?b#c", "urn:isbn:0451450523", "mailto:a@b", "ftp://u:p@[::1]:21/x;y",
        "file:///etc", "a:", "http://[v1.x]/", "http://x/%41", "tel:+1" },
      { "", "/a", "//x/y", "1a:b", "http://a b", "http://x/<", "http://x/%4", "http://[::1",
        "http://[x]/", "http://x:a", "http://x/\xC3\xA9", "http://x/\"", "http://x/{a}",
        "http://x/a|b", "http://a@b@c/", "x y:z", ":a" } },
    { "uri-reference",
      { "", "/a", "//x/y", "a/b:c", "#f", "?q", "../x", "http://x" },
      { "a:b:c d", "1:b", "\\\\x", "a b", "#\\" } },
    { "iri",
      { "http://\xC3\xA9.org/\xC3\xA9?\xC3\xA9#\xC3\xA9" },
      { "\xC3\xA9", "http://\xC3\xA9 x" } },
    { "iri-reference", { "/\xC3\xA9", "" }, { "\\\xC3\xA9" } },
    { "uri-template",
      { "", "/a/{id}", "{+x,y*,z:3}", "{?a.b}", "x%20{&_a%41}" },
      { "{", "}", "{}", "{?}", "{a:0}", "{a:10000}", "{a b}", "{-a}", "{a.}", "a b", "%2", "{=~a}",
        "<" } },
    { "uuid",
      { "2eb8aa08-aa98-11ea-b4aa-73b441d16380", "2EB8AA08-AA98-11EA-B4AA-73B441D16380" },
      { "", "2eb8aa08aa9811eab4aa73b441d16380", "2eb8aa08-aa98-11ea-b4aa-73b441d1638",
        "2eb8aa0-8aa98-11ea-b4aa-73b441d16380", "2eb8aa08-aa98-11ea-b4aa-73b441d1638g" } },
    { "json-pointer", { "", "/", "/a~0~1b", "/a//b" }, { "a", "/~", "/~2", "#/a" } },
    { "relative-json-pointer",
      { "0", "1/a", "10#", "0/~1" },
      { "", "/a", "01", "0##", "-1", "1a", "+1" } },
    { "regex", { "", "^a+$", "\\p{L}" }, { "(", "\\q", "a**" } },
};

static void test_rows(void)
{
    for (size_t i = 0; i < COUNT(rows); i++) {
        format_predicate fits = format_find(str_of(rows[i].format));
        REQUIRE(fits != NULL);
        for (size_t j = 0; j < COUNT(rows[i].fits) && rows[i].fits[j]; j++)
            if (!fits(str_of(rows[i].fits[j])))
                CHECK_STR(str_of(rows[i].format), rows[i].fits[j]);
        for (size_t j = 0; j < COUNT(rows[i].unfit) && rows[i].unfit[j]; j++)
            if (fits(str_of(rows[i].unfit[j])))
                CHECK_STR(str_of(rows[i].format), rows[i].unfit[j]);
        /* U+0000 and every one of the other bytes alone end without harm, and the former never fits. */
        for (int c = 0; c < 256; c++) {
            char byte = (char)c;
            bool fit = fits((struct str){ &byte, 1 });
            CHECK(c != 0 || !fit || str_is(str_of(rows[i].format), "regex"));
        }
    }
}

static void test_nul_inside(void)
{
    CHECK(!format_ipv6(STR("::1\0")));
    CHECK(!format_uri(STR("a\0:b")));
    CHECK(!format_uri(STR("a:\0")));
    CHECK(!format_email(STR("a\0@b")));
    CHECK(!format_hostname(STR("a\0b")));
    CHECK(!format_uri_template(STR("{\0}")));
    CHECK(!format_duration(STR("P1\0")));
    CHECK(!format_date(STR("2026-01-31\0")));
    CHECK(!format_email((struct str){ NULL, 0 }));
}

int main(void)
{
    test_rows();
    test_nul_inside();
    CHECK(format_find(STR("color")) == NULL && format_find(STR("idn-hostname")) == NULL);
    return check_end();
}
