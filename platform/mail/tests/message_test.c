#include "platform/mail/message.h"

#include "base/tests/check.h"
#include "platform/mail/mime_parse.h"

static struct arena *arena;
static struct ctx ctx;

static const struct mail_address someone[] = {
    { .name = STR_INIT("Zo\u00eb \u6f22\u5b57 with a name that goes on beyond one encoded word"),
      .address = STR_INIT("zoe@example.org") },
    { .name = STR_INIT("O\"Neil, \\ Jr."), .address = STR_INIT("o'neil+x@sub.example.org") },
    { .address = STR_INIT("bare@example.org") },
};

static struct mail sample(void)
{
    return (struct mail){
        .from = { .name = STR("Shop"), .address = STR("shop@example.com") },
        .to = someone,
        .n_to = COUNT(someone),
        .subject = STR("Gr\u00fc\u00dfe"),
        .date_us = 1764009320000000,
        .message_id = STR("42.abc@example.com"),
        .text = STR("one\n=two \r\nFrom here\rna\u00efve\t\n.\n"),
    };
}

static struct mime_part *composed(const struct mail *mail, struct str *out)
{
    ctx_clear(&ctx);
    if (!CHECK(mail_compose(&ctx, mail, out))) {
        fprintf(stderr, STR_FMT "\n", STR_ARG(ctx.error.detail));
        exit(1);
    }
    struct str rest = *out, line;
    CHECK(str_ends(rest, STR("\r\n")));
    rest.len--;
    while (str_split(&rest, '\n', &line)) {
        CHECK(line.len > 0 && line.ptr[line.len - 1] == '\r');
        CHECK(line.len <= 77);
        for (size_t i = 0; i + 1 < line.len; i++)
            CHECK((unsigned char)line.ptr[i] < 0x7f && line.ptr[i] != '\r');
    }
    return mime_parse(arena, *out);
}

static void check_headers(void)
{
    struct mail_field field = { STR("X-Campaign"), STR("spring  sale") };
    struct mail mail = sample();
    mail.list_id = STR("news.example.com");
    mail.unsubscribe_url = STR("https://example.com/u?t=1");
    mail.unsubscribe_mail = STR("un%s?u+b@example.com");
    mail.precedence = STR("bulk");
    mail.fields = &field;
    mail.n_fields = 1;
    struct str out;
    struct mime_part *part = composed(&mail, &out);
    CHECK_STR(mime_header(part, "From"), "\"Shop\" <shop@example.com>");
    CHECK_STR(mime_words(arena, mime_header(part, "To")),
              "Zo\u00eb \u6f22\u5b57 with a name that goes on beyond one encoded word"
              " <zoe@example.org>, \"O\\\"Neil, \\\\ Jr.\" <o'neil+x@sub.example.org>,"
              " bare@example.org");
    CHECK_STR(mime_words(arena, mime_header(part, "Subject")), "Gr\u00fc\u00dfe");
    CHECK_STR(mime_header(part, "Date"), "Mon, 24 Nov 2025 18:35:20 +0000");
    CHECK_STR(mime_header(part, "Message-ID"), "<42.abc@example.com>");
    CHECK_STR(mime_header(part, "List-Id"), "<news.example.com>");
    CHECK_STR(mime_header(part, "List-Unsubscribe"),
              "<https://example.com/u?t=1>, <mailto:un%25s%3Fu+b@example.com>");
    CHECK_STR(mime_header(part, "List-Unsubscribe-Post"), "List-Unsubscribe=One-Click");
    CHECK_STR(mime_header(part, "Precedence"), "bulk");
    CHECK_STR(mime_words(arena, mime_header(part, "X-Campaign")), "spring  sale");
    CHECK_STR(part->content, "one\r\n=3Dtwo=20\r\n=46rom here\r\nna=C3=AFve=09\r\n.\r\n\r\n");
    struct str again;
    composed(&mail, &again);
    CHECK(str_eq(out, again));
}

static void check_parts(void)
{
    char bytes[1000];
    for (size_t i = 0; i < sizeof(bytes); i++)
        bytes[i] = (char)i;
    struct mail_attachment attachments[] = {
        { .name = STR("r\u00e9sum\u00e9 \"1\".pdf"),
          .type = STR("application/pdf"),
          .content = { bytes, sizeof(bytes) } },
        { .content = { bytes, 300 }, .content_id = STR("logo@example.com") },
    };
    struct mail mail = sample();
    mail.text = (struct str){ NULL, 0 };
    mail.html = STR("<p>Hello</p><p>caf\u00e9</p><img src=\"cid:logo@example.com\">");
    mail.attachments = attachments;
    mail.n_attachments = COUNT(attachments);
    struct str out;
    struct mime_part *mixed = composed(&mail, &out);
    CHECK_STR(mixed->type, "multipart/mixed");
    REQUIRE(mixed->n_parts == 2 && mixed->parts[0].n_parts == 2);
    struct mime_part *alternative = &mixed->parts[0], *file = &mixed->parts[1];
    CHECK_STR(alternative->type, "multipart/alternative");
    CHECK_STR(alternative->parts[0].type, "text/plain");
    CHECK_STR(str_trim(mime_text(arena, &alternative->parts[0])), "Hello\r\n\r\ncaf\u00e9");
    struct mime_part *related = &alternative->parts[1];
    CHECK_STR(related->type, "multipart/related");
    REQUIRE(related->n_parts == 2);
    CHECK(str_eq(str_trim(mime_text(arena, &related->parts[0])), mail.html));
    CHECK_STR(mime_header(&related->parts[1], "Content-ID"), "<logo@example.com>");
    CHECK(str_eq(mime_bytes(arena, &related->parts[1]), attachments[1].content));
    CHECK(str_eq(mime_bytes(arena, file), attachments[0].content));
    CHECK_STR(file->type, "application/pdf");
    struct str name = mime_parameter(arena, mime_header(file, "Content-Disposition"), "filename");
    CHECK(str_eq(name, attachments[0].name));
}

static void check_long_lines(void)
{
    char letters[3000];
    for (size_t n = 0; n < 400; n++) {
        for (size_t i = 0; i < n * 3; i += 3)
            memcpy(letters + i, n % 2 ? "\u20ac" : "a =", 3);
        struct mail mail = sample();
        mail.text = (struct str){ letters, n * 3 };
        mail.subject = mail.text;
        if (n == 0)
            mail.text = STR("x");
        struct str out;
        struct mime_part *part = composed(&mail, &out);
        struct str text = mime_text(arena, part);
        CHECK(str_ends(text, STR("\r\n")));
        text.len -= 2;
        CHECK(str_eq(text, mail.text));
        if (n)
            CHECK(str_eq(mime_words(arena, mime_header(part, "Subject")), mail.subject));
        arena_clear(arena);
        ctx_clear(&ctx);
    }
}

/* Whatever stands where in a text, it is the same when it is read. */
static void check_texts(void)
{
    static const struct str pieces[] = {
        STR_INIT("word"), STR_INIT(" "),  STR_INIT("        "), STR_INIT("\n"),
        STR_INIT("="),    STR_INIT("\t"), STR_INIT("na\u00efve"), STR_INIT("\nFrom "),
        STR_INIT("\n."),  STR_INIT("\x7f"), STR_INIT("seventeen letters"),
    };
    uint32_t state = 2045;
    for (int round = 0; round < 300; round++) {
        struct str some[80], out;
        for (size_t i = 0; i < COUNT(some); i++) {
            state = state * 1664525 + 1013904223;
            some[i] = pieces[(state >> 16) % COUNT(pieces)];
        }
        struct mail mail = sample();
        mail.text = arena_join(arena, some, 1 + (size_t)round % COUNT(some));
        struct str read = mime_text(arena, composed(&mail, &out));
        char *plain = arena_cstr(arena, read);
        size_t n = 0;
        for (size_t i = 0; i < read.len; i++)
            if (plain[i] != '\r')
                plain[n++] = plain[i];
        struct str whole[] = { mail.text, STR("\n") };
        CHECK(str_eq((struct str){ plain, n }, arena_join(arena, whole, COUNT(whole))));
    }
}

static void refused(const struct mail *mail, const char *pointer)
{
    struct str out;
    ctx_clear(&ctx);
    CHECK(!mail_compose(&ctx, mail, &out));
    CHECK_INT(ctx.error.code, ERR_INVALID);
    CHECK_STR(ctx.error.pointer, pointer);
}

#define REFUSED(pointer, change)                                                                   \
    do {                                                                                           \
        struct mail mail = sample();                                                               \
        change;                                                                                    \
        refused(&mail, pointer);                                                                   \
    } while (0)

static void check_refused(void)
{
    static char wide[1000];
    memset(wide, 'x', sizeof(wide));
    struct mail_field field = { STR("X-A"), STR("a") };
    struct mail_attachment file = { .name = STR("a") };
    REFUSED("/from/address", mail.from.address = STR("none"));
    REFUSED("/from/address", mail.from.address = STR("a@example.com\r\nBcc: b@example.com"));
    REFUSED("/from/name", mail.from.name = STR("a\nBcc: b@example.com"));
    REFUSED("/subject", mail.subject = STR("a\r\nBcc: b@example.com"));
    REFUSED("/subject", mail.subject = STR("a\0b"));
    REFUSED("/subject", mail.subject = STR("\xff"));
    REFUSED("/subject", mail.subject = ((struct str){ wide, sizeof(wide) }));
    REFUSED("/to", mail.n_to = 0);
    REFUSED("/reply_to/address", mail.reply_to.address = STR("a@b"));
    REFUSED("/message_id", mail.message_id = STR("<a@b>"));
    REFUSED("/message_id", mail.message_id = ((struct str){ NULL, 0 }));
    REFUSED("/date_us", mail.date_us = 0);
    REFUSED("/text", mail.text.len = 0);
    REFUSED("/text", mail.text = STR("\xc3"));
    REFUSED("/list_id", mail.list_id = STR("a b"));
    REFUSED("/unsubscribe_url", mail.unsubscribe_url = STR("http://example.com/"));
    REFUSED("/unsubscribe_url", mail.unsubscribe_url = STR("https://example.com/>\r\nX: y"));
    REFUSED("/unsubscribe_mail", mail.unsubscribe_mail = STR("a"));
    field.name = STR("BCC");
    REFUSED("/fields/0/name", (mail.fields = &field, mail.n_fields = 1));
    field.name = STR("X: y");
    REFUSED("/fields/0/name", (mail.fields = &field, mail.n_fields = 1));
    field = (struct mail_field){ STR("X-A"), STR("a\rb") };
    REFUSED("/fields/0/value", (mail.fields = &field, mail.n_fields = 1));
    file.type = STR("message/rfc822");
    REFUSED("/attachments/0/type", (mail.attachments = &file, mail.n_attachments = 1));
    file = (struct mail_attachment){ .name = STR("a\nb") };
    REFUSED("/attachments/0/name", (mail.attachments = &file, mail.n_attachments = 1));
    file = (struct mail_attachment){ .content_id = STR("a>b@c") };
    REFUSED("/attachments/0/content_id", (mail.attachments = &file, mail.n_attachments = 1));
}

static void check_too_large(void)
{
    struct mail_attachment file = { .content = { NULL, (size_t)25 << 20 } };
    file.content.ptr = mem_alloc(file.content.len);
    struct mail mail = sample();
    mail.attachments = &file;
    mail.n_attachments = 1;
    struct str out;
    ctx_clear(&ctx);
    CHECK(!mail_compose(&ctx, &mail, &out));
    CHECK_INT(ctx.error.code, ERR_TOO_LARGE);
    free((void *)file.content.ptr);
}

static void check_addresses(void)
{
    static const char *good[] = { "a@example.com", "a.b+c@xn--bcher-kva.example", "!#@a-b.co" };
    static const char *bad[] = {
        "",          "a",          "@example.com",    "a@",
        "a@b",       "a@b.",       "a..b@example.com", ".a@example.com",
        "a@-b.com",  "a@b-.com",   "a@@example.com",  "a b@example.com",
        "a@b_c.com", "a@b..com",   "\u00e9@example.com", "a@b\u00fccher.example",
        "a.@b.com",  "<a@b.com>",  "a@[127.0.0.1]",   "a@b.com,c@d.com",
    };
    for (size_t i = 0; i < COUNT(good); i++) {
        ctx_clear(&ctx);
        CHECK(mail_address_check(&ctx, str_of(good[i])));
    }
    for (size_t i = 0; i < COUNT(bad); i++) {
        ctx_clear(&ctx);
        CHECK(!mail_address_check(&ctx, str_of(bad[i])));
        CHECK_INT(ctx.error.code, ERR_INVALID);
    }
}

int main(void)
{
    arena = arena_new(0);
    ctx.arena = arena;
    check_headers();
    check_parts();
    check_long_lines();
    check_texts();
    check_refused();
    check_too_large();
    check_addresses();
    arena_free(arena);
    return check_end();
}
