#include "base/tests/check.h"
#include "platform/mail/mime_parse.h"

static struct arena *arena;

static const struct {
    const char *value, *words;
} words[] = {
    { "plain", "plain" },
    { "=?utf-8?Q?na=C3=AFve_caf=C3=A9?=", "na\u00efve caf\u00e9" },
    { "=?UTF-8?B?w6TDtg==?= =?UTF-8?B?w7w=?=", "\u00e4\u00f6\u00fc" },
    { "=?iso-8859-1?q?=A4_and_=93?= tail", "\u00a4 and \u201c tail" },
    { "a =?utf-8?q?b?= c", "a b c" },
    { "=?koi8-r?b?wA==?=", "\ufffd" },
    { "=?utf-8?q?broken", "=?utf-8?q?broken" },
    { "=?utf-8?x?a?=", "=?utf-8?x?a?=" },
    { "=?utf-8*en?q?a?=", "a" },
    { "bad \xff", "bad \ufffd" },
    { "=", "=" },
};

static const struct {
    const char *value, *name, *content;
} parameters[] = {
    { "text/plain; charset=utf-8", "charset", "utf-8" },
    { "text/plain;charset = \"a\\\"b;c\" ; x=y", "charset", "a\"b;c" },
    { "text/plain;charset = \"a\\\"b;c\" ; x=y", "X", "y" },
    { "attachment; filename*=utf-8'en'na%C3%AFve.txt; filename=naive.txt", "filename",
      "na\u00efve.txt" },
    { "text/plain", "charset", NULL },
    { "text/plain; charset", "charset", "" },
    { "text/plain; =; charset=x", "charset", NULL },
};

static void check_text(void)
{
    CHECK_STR(mime_unquote_printable(arena, STR("a=3Db=\r\nc=  \nd=4x=\xc3"), false),
              "a=bcd=4x=\xc3");
    CHECK_STR(mime_unquote_printable(arena, STR("end="), false), "end");
    CHECK_STR(mime_unbase64(arena, STR("aGV\r\nsbG8=  d29y bGQ=")), "helloworld");
    CHECK_STR(mime_unbase64(arena, STR("!!!")), "");
    CHECK_STR(mime_utf8(arena, STR("Windows-1252"), STR("\x80\xe9\x81")), "\u20ac\u00e9\ufffd");
    CHECK_STR(mime_utf8(arena, STR(""), STR("\xed\xa0\x80 a\0b")), "\ufffd\ufffd\ufffd a\ufffd"
                                                                   "b");
    CHECK_STR(mime_html_text(arena, STR("<style>p{}</style><p>a &amp; b<br/>&#x20ac;&#8364;&none;"
                                        "<!-- <p> -->c</p>")),
              "\na & b\n\u20ac\u20ac&none;c\n");
    CHECK_STR(mime_html_text(arena, STR("<script>never ends")), "");
    CHECK_STR(mime_html_text(arena, STR("&#xd800;&#0;&#99999999;<")), "&#xd800;&#0;&#99999999;");
}

static const char nested[] = "From somebody Tue Nov 24 09:30:00 2026\n"
                             "Subject: =?utf-8?q?a?=\r\n =?utf-8?q?b?=\r\n"
                             "Content-Type: Multipart/Mixed;\r\n\tboundary=\"=_1\"\r\n"
                             "Broken header line\r\n"
                             "still the preamble\r\n"
                             "--=_1\r\n"
                             "Content-Type: text/plain; charset=iso-8859-1\r\n"
                             "Content-Transfer-Encoding: quoted-printable\r\n"
                             "\r\n"
                             "caf=E9\r\n"
                             "--=_1x is text\r\n"
                             "--=_1  \r\n"
                             "content-type: message/rfc822\r\n\r\n"
                             "Message-ID: <inner@x>\r\n"
                             "Content-Type: multipart/alternative; boundary=2\r\n\r\n"
                             "--2\r\n\r\nno headers\r\n"
                             "--2\r\nContent-Type: nonsense\r\n\r\nlast";

static void check_nested(void)
{
    struct mime_part *mail = mime_parse(arena, str_of(nested));
    CHECK_STR(mime_words(arena, mime_header(mail, "SUBJECT")), "ab");
    CHECK_STR(mail->type, "multipart/mixed");
    CHECK_INT(mail->n_parts, 2);
    CHECK_STR(mime_text(arena, &mail->parts[0]), "caf\u00e9\r\n--=_1x is text");
    struct mime_part *inner = &mail->parts[1].parts[0];
    CHECK_STR(mime_header(inner, "Message-Id"), "<inner@x>");
    CHECK_INT(inner->n_parts, 2);
    CHECK_STR(inner->parts[0].content, "no headers");
    CHECK_STR(inner->parts[1].type, "text/plain");
    CHECK_STR(inner->parts[1].content, "last");
    struct mime_walk walk;
    size_t n = 0;
    for (struct mime_part *part = mime_first(&walk, mail); part; part = mime_next(&walk))
        n++;
    CHECK_INT(n, 6);
}

static size_t count(struct mime_part *mail)
{
    struct mime_walk walk;
    size_t n = 0;
    for (struct mime_part *part = mime_first(&walk, mail); part; part = mime_next(&walk))
        n++;
    return n;
}

static struct str repeat(const char *text, size_t times)
{
    size_t bytes = strlen(text);
    char *out = arena_alloc(arena, bytes * times + 1);
    for (size_t i = 0; i < times; i++)
        memcpy(out + i * bytes, text, bytes);
    return (struct str){ out, bytes * times };
}

/* What is too deep, too many or too long becomes text of what is around it. */
static void check_bounds(void)
{
    struct mime_part *deep = mime_parse(arena, repeat("Content-Type: message/rfc822\n\n", 1000));
    CHECK_INT(count(deep), MIME_DEPTH + 1);
    struct str many = arena_printf(arena,
                                   "Content-Type: multipart/mixed; boundary=b\n\n" STR_FMT "--b--",
                                   STR_ARG(repeat("--b\n\nx\n", 1000)));
    CHECK_INT(count(mime_parse(arena, many)), MIME_MOST_PARTS);
    struct mime_part *long_one = mime_parse(arena, repeat("A: b\n", 3000));
    CHECK_INT(long_one->n_headers, MIME_MOST_HEADERS);
    CHECK_INT(long_one->content.len, 0);
    size_t before = arena_bytes(arena);
    mime_parse(
        arena,
        arena_printf(arena, "Content-Type: multipart/mixed; boundary=b\n" STR_FMT,
                     STR_ARG(repeat("--b\nContent-Type: multipart/mixed; boundary=b\n\n", 4000))));
    CHECK(arena_bytes(arena) - before < (size_t)4000 * 48 * 10);
}

static void check_broken(void)
{
    CHECK_INT(mime_parse(arena, STR(""))->n_headers, 0);
    CHECK_STR(mime_parse(arena, STR("\n"))->content, "");
    CHECK_STR(mime_parse(arena, STR("just text"))->content, "just text");
    struct mime_part *part = mime_parse(arena, STR("A: 1\n 2\r\n\t3\nB:\n\nbody\n"));
    CHECK_STR(mime_header(part, "a"), "1 2\t3");
    CHECK_STR(mime_header(part, "b"), "");
    CHECK(!mime_header(part, "c").ptr);
    CHECK_STR(part->content, "body\n");
    part = mime_parse(arena, STR("Content-Type: multipart/mixed; boundary=x\n\nnothing of it"));
    CHECK_INT(part->n_parts, 0);
    part = mime_parse(arena, STR("Content-Type: multipart/mixed; boundary=x\n\n--x\nA: b"));
    CHECK_INT(part->n_parts, 1);
    CHECK_STR(mime_header(&part->parts[0], "a"), "b");
    part = mime_parse(arena, STR("Content-Type: multipart/mixed; boundary=x\n\n--x"));
    CHECK_INT(part->n_parts, 1);
}

int main(void)
{
    arena = arena_new(0);
    for (size_t i = 0; i < COUNT(words); i++)
        CHECK_STR(mime_words(arena, str_of(words[i].value)), words[i].words);
    for (size_t i = 0; i < COUNT(parameters); i++) {
        struct str found = mime_parameter(arena, str_of(parameters[i].value), parameters[i].name);
        CHECK(!found.ptr == !parameters[i].content);
        if (found.ptr)
            CHECK_STR(found, parameters[i].content);
    }
    check_text();
    check_nested();
    check_broken();
    check_bounds();
    arena_free(arena);
    return check_end();
}
