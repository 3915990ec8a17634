#include "platform/mail/message.h"

#include <time.h>

#include "base/sixteen.h"
#include "platform/crypto/crypto.h"
#include "platform/mail/header.h"
#include "platform/mail/mime_parse.h"

#define LINE 76
#define MOST_NAME 255 /* bytes of an attachment's name */

struct composing {
    struct mail_out out;
    const struct mail *mail;
    struct str text;
    struct str seed; /* of the boundaries: "=_" is in no quoted-printable and no base64 */
};

static bool is_shown(const struct mail *mail, const struct mail_attachment *attachment)
{
    return mail->html.len && attachment->content_id.len;
}

static size_t count_shown(const struct mail *mail)
{
    size_t n = 0;
    for (size_t i = 0; i < mail->n_attachments; i++)
        n += is_shown(mail, &mail->attachments[i]);
    return n;
}

static bool type_is_valid(struct str type)
{
    size_t slashes = 0;
    for (size_t i = 0; i < type.len; i++) {
        unsigned char c = (unsigned char)type.ptr[i];
        if (c <= ' ' || c >= 0x7f || strchr("()<>@,;:\\\"[]?=", c))
            return false;
        slashes += c == '/';
    }
    struct str message = STR("message/"), multipart = STR("multipart/");
    return slashes == 1 && type.len <= 127 && type.ptr[0] != '/' && type.ptr[type.len - 1] != '/' &&
           !(type.len > message.len &&
             str_eq_nocase((struct str){ type.ptr, message.len }, message)) &&
           !(type.len > multipart.len &&
             str_eq_nocase((struct str){ type.ptr, multipart.len }, multipart));
}

static bool check_attachment(struct ctx *ctx, const struct mail_attachment *attachment, size_t i)
{
    struct str name = arena_printf(ctx->arena, "/attachments/%zu/name", i),
               type = arena_printf(ctx->arena, "/attachments/%zu/type", i),
               id = arena_printf(ctx->arena, "/attachments/%zu/content_id", i);
    if (attachment->name.len > MOST_NAME)
        return ctx_fail_at(ctx, ERR_INVALID, name, "a name has %d bytes at most", MOST_NAME);
    if (attachment->type.len && !type_is_valid(attachment->type))
        return ctx_fail_at(ctx, ERR_INVALID, type,
                           "it is not \"type/subtype\", or it is a message or a multipart");
    return mail_text_check(ctx, attachment->name, name.ptr) &&
           (!attachment->content_id.len || mail_id_check(ctx, attachment->content_id, id.ptr));
}

static bool check_parts(struct ctx *ctx, const struct mail *mail)
{
    size_t bytes = mail->text.len + mail->html.len;
    if (!mail->text.len && !mail->html.len)
        return ctx_fail_at(ctx, ERR_INVALID, STR("/text"), "a mail needs text or HTML");
    if (!str_is_utf8(mail->text))
        return ctx_fail_at(ctx, ERR_INVALID, STR("/text"), "it is not UTF-8");
    if (!str_is_utf8(mail->html))
        return ctx_fail_at(ctx, ERR_INVALID, STR("/html"), "it is not UTF-8");
    for (size_t i = 0; i < mail->n_attachments; i++) {
        if (!check_attachment(ctx, &mail->attachments[i], i))
            return false;
        bytes += mail->attachments[i].content.len;
    }
    return bytes <= MAIL_MOST_BYTES ||
           ctx_fail(ctx, ERR_TOO_LARGE, "a mail has %u bytes at most", MAIL_MOST_BYTES);
}

static bool check_addresses(struct ctx *ctx, const struct mail *mail)
{
    if (!mail_mailbox_check(ctx, &mail->from, "/from"))
        return false;
    if (mail->reply_to.address.len && !mail_mailbox_check(ctx, &mail->reply_to, "/reply_to"))
        return false;
    if (mail->n_to == 0)
        return ctx_fail_at(ctx, ERR_INVALID, STR("/to"), "a mail needs somebody to go to");
    for (size_t i = 0; i < mail->n_to; i++)
        if (!mail_mailbox_check(ctx, &mail->to[i], arena_printf(ctx->arena, "/to/%zu", i).ptr))
            return false;
    if (mail->unsubscribe_mail.len && !mail_address_check(ctx, mail->unsubscribe_mail)) {
        ctx->error.pointer = STR("/unsubscribe_mail");
        return false;
    }
    return true;
}

static bool check_headers(struct ctx *ctx, const struct mail *mail)
{
    if (!mail_text_check(ctx, mail->subject, "/subject") ||
        !mail_id_check(ctx, mail->message_id, "/message_id") ||
        !mail_text_check(ctx, mail->precedence, "/precedence"))
        return false;
    if (mail->unsubscribe_url.len &&
        !mail_url_check(ctx, mail->unsubscribe_url, "/unsubscribe_url"))
        return false;
    struct str list = arena_printf(ctx->arena, "l@" STR_FMT, STR_ARG(mail->list_id));
    if (mail->list_id.len && !mail_id_check(ctx, list, "/list_id"))
        return false;
    if (mail->date_us <= 0)
        return ctx_fail_at(ctx, ERR_INVALID, STR("/date_us"), "a mail needs a date");
    for (size_t i = 0; i < mail->n_fields; i++)
        if (!mail_field_check(ctx, &mail->fields[i], i))
            return false;
    return true;
}

static struct str date_text(struct arena *arena, int64_t us)
{
    static const char days[][4] = { "Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat" };
    static const char months[][4] = { "Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                      "Jul", "Aug", "Sep", "Oct", "Nov", "Dec" };
    time_t seconds = (time_t)(us / 1000000);
    struct tm tm;
    gmtime_r(&seconds, &tm);
    return arena_printf(arena, "%s, %02d %s %04d %02d:%02d:%02d +0000", days[tm.tm_wday],
                        tm.tm_mday, months[tm.tm_mon], tm.tm_year + 1900, tm.tm_hour, tm.tm_min,
                        tm.tm_sec);
}

static void put_field(struct mail_out *out, struct str name, struct str value)
{
    if (!value.len)
        return;
    mail_begin(out, name);
    mail_words(out, value);
    mail_end(out);
}

/* What is no text: it has no spaces, and "=?" in it must stay. */
static void put_token(struct mail_out *out, struct str name, const char *before, struct str value)
{
    if (!value.len)
        return;
    mail_begin(out, name);
    mail_word(out, arena_printf(out->arena, "<%s" STR_FMT ">", before, STR_ARG(value)));
    mail_end(out);
}

static struct str percent_encoded(struct arena *arena, struct str text, const char *keep)
{
    char *to = arena_alloc_raw(arena, text.len * 3 + 1);
    size_t n = 0;
    for (size_t i = 0; i < text.len; i++) {
        unsigned char c = (unsigned char)text.ptr[i];
        if ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
            (c && strchr(keep, c))) {
            to[n++] = (char)c;
            continue;
        }
        to[n++] = '%';
        to[n++] = "0123456789ABCDEF"[c >> 4];
        to[n++] = "0123456789ABCDEF"[c & 15];
    }
    return (struct str){ to, n };
}

static void put_unsubscribe(struct mail_out *out, const struct mail *mail)
{
    struct str url = mail->unsubscribe_url,
               address = percent_encoded(out->arena, mail->unsubscribe_mail, "-._@+");
    if (!url.len) {
        put_token(out, STR("List-Unsubscribe"), "mailto:", address);
        return;
    }
    mail_begin(out, STR("List-Unsubscribe"));
    mail_word(out,
              arena_printf(out->arena, "<" STR_FMT ">%s", STR_ARG(url), address.len ? "," : ""));
    if (address.len)
        mail_word(out, arena_printf(out->arena, "<mailto:" STR_FMT ">", STR_ARG(address)));
    mail_end(out);
    mail_put(out, STR("List-Unsubscribe-Post: List-Unsubscribe=One-Click\r\n"));
}

static void put_headers(struct mail_out *out, const struct mail *mail)
{
    mail_begin(out, STR("From"));
    mail_mailbox(out, &mail->from, true);
    mail_end(out);
    if (mail->reply_to.address.len) {
        mail_begin(out, STR("Reply-To"));
        mail_mailbox(out, &mail->reply_to, true);
        mail_end(out);
    }
    mail_begin(out, STR("To"));
    for (size_t i = 0; i < mail->n_to; i++)
        mail_mailbox(out, &mail->to[i], i + 1 == mail->n_to);
    mail_end(out);
    put_field(out, STR("Subject"), mail->subject);
    put_field(out, STR("Date"), date_text(out->arena, mail->date_us));
    put_token(out, STR("Message-ID"), "", mail->message_id);
    put_token(out, STR("List-Id"), "", mail->list_id);
    put_unsubscribe(out, mail);
    put_field(out, STR("Precedence"), mail->precedence);
    for (size_t i = 0; i < mail->n_fields; i++)
        put_field(out, mail->fields[i].name, mail->fields[i].value);
    mail_put(out, STR("MIME-Version: 1.0\r\n"));
}

/* Bytes of a line end at text[i]: CR LF, LF or CR; 0 when it is none. */
static size_t line_end(struct str text, size_t i)
{
    if (text.ptr[i] == '\n')
        return 1;
    return text.ptr[i] != '\r' ? 0 : i + 1 < text.len && text.ptr[i + 1] == '\n' ? 2 : 1;
}

/* What stands for itself (RFC 2045 section 6.7, rules 2 and 3); a space does so in the middle of a line. */
static bool is_literal(unsigned char c)
{
    return c >= ' ' && c < 0x7f && c != '=';
}

/* How many bytes from `i` on can be written as they are, up to the end of a line of `room`. */
static size_t literal_run(struct str text, size_t i, size_t room)
{
    size_t end = MIN(text.len, i + room), at = i;
    size_t n = 16;
    while (n == 16 && at + 16 <= end) {
        sixteen bytes = sixteen_load(text.ptr + at);
        n = sixteen_first((sixteen)((bytes < ' ') | (bytes >= 0x7f) | (bytes == '=')));
        at += n;
    }
    while (n == 16 && at < end && is_literal((unsigned char)text.ptr[at]))
        at++;
    bool ends_line = at == text.len || line_end(text, at);
    if (ends_line && at > i && text.ptr[at - 1] == ' ')
        at--; /* this one is coded */
    return at - i;
}

static void put_coded(struct mail_out *out, unsigned char c)
{
    char code[3] = { '=', "0123456789ABCDEF"[c >> 4], "0123456789ABCDEF"[c & 15] };
    mail_put(out, (struct str){ code, 3 });
}

static void quote_printable(struct mail_out *out, struct str text)
{
    size_t column = 0, end;
    for (size_t i = 0; i < text.len;) {
        if ((end = line_end(text, i)) > 0) {
            mail_put(out, STR("\r\n"));
            column = 0;
            i += end;
            continue;
        }
        bool from = column == 0 &&
                    str_starts((struct str){ text.ptr + i, text.len - i }, STR("From "));
        size_t n = from ? 0 : literal_run(text, i, LINE - 1 - column);
        if (n) {
            mail_put(out, (struct str){ text.ptr + i, n });
            i += n;
            column += n;
        } else if (column + (from || !is_literal((unsigned char)text.ptr[i]) || text.ptr[i] == ' '
                                 ? 3
                                 : 1) >
                   LINE - 1) {
            mail_put(out, STR("=\r\n"));
            column = 0;
        } else {
            put_coded(out, (unsigned char)text.ptr[i++]);
            column += 3;
        }
    }
    mail_put(out, STR("\r\n"));
}

static void put_text(struct composing *it, const char *type, struct str text)
{
    mail_put(&it->out, arena_printf(it->out.arena,
                                    "Content-Type: text/%s; charset=utf-8\r\n"
                                    "Content-Transfer-Encoding: quoted-printable\r\n\r\n",
                                    type));
    quote_printable(&it->out, text);
}

static void put_attachment(struct composing *it, const struct mail_attachment *attachment)
{
    struct mail_out *out = &it->out;
    struct str type = attachment->type.len ? attachment->type : STR("application/octet-stream");
    mail_begin(out, STR("Content-Type"));
    mail_word(out, type);
    mail_put(out, STR("\r\nContent-Transfer-Encoding: base64\r\n"));
    put_token(out, STR("Content-ID"), "", attachment->content_id);
    mail_begin(out, STR("Content-Disposition"));
    mail_word(out, is_shown(it->mail, attachment) ? STR("inline;") : STR("attachment;"));
    struct str name = attachment->name.len ? attachment->name : STR("attachment");
    mail_word(out, arena_printf(out->arena, "filename*=utf-8''" STR_FMT,
                                STR_ARG(percent_encoded(out->arena, name, "-._"))));
    mail_put(out, STR("\r\n\r\n"));
    struct str coded = crypto_base64(out->arena, attachment->content);
    for (size_t i = 0; i < coded.len; i += LINE) {
        size_t left = coded.len - i;
        mail_put(out, (struct str){ coded.ptr + i, left < LINE ? left : LINE });
        mail_put(out, STR("\r\n"));
    }
}

static void open_multipart(struct composing *it, const char *kind)
{
    mail_put(&it->out,
             arena_printf(it->out.arena,
                          "Content-Type: multipart/%s;\r\n boundary=\"=_%c" STR_FMT "\"\r\n\r\n",
                          kind, kind[0], STR_ARG(it->seed)));
}

static void boundary(struct composing *it, const char *kind, const char *end)
{
    mail_put(&it->out, arena_printf(it->out.arena, "--=_%c" STR_FMT "%s\r\n", kind[0],
                                    STR_ARG(it->seed), end));
}

static void put_attachments(struct composing *it, const char *kind, bool shown)
{
    for (size_t i = 0; i < it->mail->n_attachments; i++) {
        if (is_shown(it->mail, &it->mail->attachments[i]) != shown)
            continue;
        boundary(it, kind, "");
        put_attachment(it, &it->mail->attachments[i]);
    }
    boundary(it, kind, "--");
}

static void put_html(struct composing *it)
{
    bool related = count_shown(it->mail) > 0;
    if (related) {
        open_multipart(it, "related");
        boundary(it, "related", "");
    }
    put_text(it, "html", it->mail->html);
    if (related)
        put_attachments(it, "related", true);
}

static void put_letter(struct composing *it)
{
    if (!it->mail->html.len) {
        put_text(it, "plain", it->text);
        return;
    }
    open_multipart(it, "alternative");
    boundary(it, "alternative", "");
    put_text(it, "plain", it->text);
    boundary(it, "alternative", "");
    put_html(it);
    boundary(it, "alternative", "--");
}

/* What a mail has more or less: most of a text stands for itself. */
static size_t bytes_expected(const struct mail *mail, struct str text)
{
    size_t bytes = 4096 + (text.len + mail->html.len) / 8 * 9;
    for (size_t i = 0; i < mail->n_attachments; i++)
        bytes += mail->attachments[i].content.len / 57 * 78 + 1024;
    return bytes;
}

bool mail_compose(struct ctx *ctx, const struct mail *mail, struct str *out)
{
    if (!check_addresses(ctx, mail) || !check_headers(ctx, mail) || !check_parts(ctx, mail))
        return false;
    uint8_t hash[32];
    crypto_sha256(mail->message_id.ptr, mail->message_id.len, hash);
    struct composing it = {
        .out = { .arena = ctx->arena },
        .mail = mail,
        .text = mail->text.len ? mail->text : mail_text_of_html(ctx->arena, mail->html),
        .seed = crypto_hex(ctx->arena, hash, 16),
    };
    mail_reserve(&it.out, bytes_expected(mail, it.text));
    put_headers(&it.out, mail);
    bool mixed = mail->n_attachments > count_shown(mail);
    if (mixed) {
        open_multipart(&it, "mixed");
        boundary(&it, "mixed", "");
    }
    put_letter(&it);
    if (mixed)
        put_attachments(&it, "mixed", false);
    if (it.out.len > MAIL_MOST_BYTES)
        return ctx_fail(ctx, ERR_TOO_LARGE, "a mail has %u bytes at most", MAIL_MOST_BYTES);
    *out = (struct str){ it.out.ptr, it.out.len };
    return true;
}

struct str mail_text_of_html(struct arena *arena, struct str html)
{
    return mime_html_text(arena, html);
}
