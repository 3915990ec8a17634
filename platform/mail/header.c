#include "platform/mail/header.h"

#include "platform/crypto/crypto.h"

#define LINE 76
#define WORD_BYTES 39 /* of UTF-8 in one encoded word: 64 columns */

static const struct str made_here[] = {
    STR_INIT("from"),
    STR_INIT("to"),
    STR_INIT("cc"),
    STR_INIT("bcc"),
    STR_INIT("sender"),
    STR_INIT("reply-to"),
    STR_INIT("subject"),
    STR_INIT("date"),
    STR_INIT("message-id"),
    STR_INIT("list-id"),
    STR_INIT("list-unsubscribe"),
    STR_INIT("list-unsubscribe-post"),
    STR_INIT("precedence"),
    STR_INIT("mime-version"),
    STR_INIT("content-type"),
    STR_INIT("content-transfer-encoding"),
    STR_INIT("content-disposition"),
    STR_INIT("content-id"),
    STR_INIT("dkim-signature"),
    STR_INIT("received"),
    STR_INIT("return-path"),
};

void mail_reserve(struct mail_out *out, size_t bytes)
{
    size_t room = out->len + MAX(bytes, out->len + 1024);
    char *more = arena_alloc_raw(out->arena, room);
    if (out->len)
        memcpy(more, out->ptr, out->len);
    out->ptr = more;
    out->room = room;
}

void mail_begin(struct mail_out *out, struct str name)
{
    mail_put(out, name);
    mail_put(out, STR(":"));
    out->column = name.len + 1;
}

void mail_word(struct mail_out *out, struct str word)
{
    bool fold = out->column > 1 && out->column + 1 + word.len > LINE;
    mail_put(out, fold ? STR("\r\n ") : STR(" "));
    mail_put(out, word);
    out->column = (fold ? 0 : out->column) + 1 + word.len;
}

void mail_end(struct mail_out *out)
{
    mail_put(out, STR("\r\n"));
}

static bool is_plain(struct str text)
{
    char before = ' ';
    for (size_t i = 0; i < text.len; i++) {
        char c = text.ptr[i];
        if ((unsigned char)c >= 0x7f || (c == ' ' && before == ' ') || (c == '?' && before == '='))
            return false;
        before = c;
    }
    return before != ' ';
}

static void encoded_words(struct mail_out *out, struct str text)
{
    while (text.len) {
        size_t n = text.len < WORD_BYTES ? text.len : WORD_BYTES;
        while (n < text.len && ((unsigned char)text.ptr[n] & 0xc0) == 0x80)
            n--;
        struct str coded = crypto_base64(out->arena, (struct str){ text.ptr, n });
        mail_word(out, arena_printf(out->arena, "=?utf-8?B?" STR_FMT "?=", STR_ARG(coded)));
        text.ptr += n;
        text.len -= n;
    }
}

static void split_words(struct mail_out *out, struct str text)
{
    struct str word;
    while (str_split(&text, ' ', &word))
        mail_word(out, word);
}

void mail_words(struct mail_out *out, struct str text)
{
    if (is_plain(text))
        split_words(out, text);
    else
        encoded_words(out, text);
}

static struct str quoted(struct arena *arena, struct str text)
{
    char *to = arena_alloc_raw(arena, text.len * 2 + 2);
    size_t n = 0;
    to[n++] = '"';
    for (size_t i = 0; i < text.len; i++) {
        if (text.ptr[i] == '"' || text.ptr[i] == '\\')
            to[n++] = '\\';
        to[n++] = text.ptr[i];
    }
    to[n++] = '"';
    return (struct str){ to, n };
}

void mail_mailbox(struct mail_out *out, const struct mail_address *address, bool last)
{
    const char *end = last ? "" : ",";
    if (!address->name.len) {
        mail_word(out, arena_printf(out->arena, STR_FMT "%s", STR_ARG(address->address), end));
        return;
    }
    if (is_plain(address->name))
        split_words(out, quoted(out->arena, address->name));
    else
        encoded_words(out, address->name);
    mail_word(out, arena_printf(out->arena, "<" STR_FMT ">%s", STR_ARG(address->address), end));
}

bool mail_text_check(struct ctx *ctx, struct str text, const char *pointer)
{
    size_t run = 0;
    for (size_t i = 0; i < text.len; i++) {
        unsigned char c = (unsigned char)text.ptr[i];
        if (c < ' ' || c == 0x7f)
            return ctx_fail_at(ctx, ERR_INVALID, str_of(pointer),
                               "control character %u in what becomes a header", c);
        run = c == ' ' ? 0 : run + 1;
        if (run > MAIL_MOST_LINE - 80 && is_plain(text))
            return ctx_fail_at(ctx, ERR_INVALID, str_of(pointer),
                               "more than %d bytes without a space to fold at",
                               MAIL_MOST_LINE - 80);
    }
    return str_is_utf8(text) || ctx_fail_at(ctx, ERR_INVALID, str_of(pointer), "it is not UTF-8");
}

static bool is_visible(struct str text, const char *but)
{
    for (size_t i = 0; i < text.len; i++)
        if (text.ptr[i] <= ' ' || text.ptr[i] >= 0x7f || strchr(but, text.ptr[i]))
            return false;
    return text.len > 0 && text.len <= MAIL_MOST_LINE - 80;
}

bool mail_id_check(struct ctx *ctx, struct str id, const char *pointer)
{
    ptrdiff_t at = id.ptr ? str_find_char(id, '@') : -1;
    struct str right = { id.ptr + at + 1, id.len - (size_t)(at + 1) };
    return (is_visible(id, "<>()[]\\,;:\"") && at > 0 && right.len > 0 &&
            str_find_char(right, '@') < 0) ||
           ctx_fail_at(ctx, ERR_INVALID, str_of(pointer), "it is not \"left@right\"");
}

bool mail_url_check(struct ctx *ctx, struct str url, const char *pointer)
{
    return (is_visible(url, "<>") && str_starts(url, STR("https://"))) ||
           ctx_fail_at(ctx, ERR_INVALID, str_of(pointer), "it is not an https URL");
}

bool mail_field_check(struct ctx *ctx, const struct mail_field *field, size_t i)
{
    struct str name = arena_printf(ctx->arena, "/fields/%zu/name", i),
               value = arena_printf(ctx->arena, "/fields/%zu/value", i);
    if (!is_visible(field->name, ":") || field->name.len > LINE)
        return ctx_fail_at(ctx, ERR_INVALID, name, "it cannot be the name of a header");
    for (size_t k = 0; k < COUNT(made_here); k++)
        if (str_eq_nocase(field->name, made_here[k]))
            return ctx_fail_at(ctx, ERR_INVALID, name, "this header is not a further one");
    if (!field->value.len)
        return ctx_fail_at(ctx, ERR_INVALID, value, "a header needs a value");
    return mail_text_check(ctx, field->value, value.ptr);
}

bool mail_mailbox_check(struct ctx *ctx, const struct mail_address *address, const char *pointer)
{
    if (!mail_text_check(ctx, address->name, arena_printf(ctx->arena, "%s/name", pointer).ptr))
        return false;
    if (mail_address_check(ctx, address->address))
        return true;
    ctx->error.pointer = arena_printf(ctx->arena, "%s/address", pointer);
    return false;
}

static bool is_atom(unsigned char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           (c && strchr("!#$%&'*+-/=?^_`{|}~", c));
}

static const char *local_fault(struct str local)
{
    if (local.len == 0 || local.len > 64)
        return "before the \"@\" stand 1 to 64 bytes";
    for (size_t i = 0; i < local.len; i++) {
        unsigned char c = (unsigned char)local.ptr[i];
        bool joins = c == '.' && i > 0 && i + 1 < local.len && local.ptr[i - 1] != '.';
        if (c >= 0x80)
            return "what is beyond ASCII before the \"@\" needs SMTPUTF8, which is not supported";
        if (!is_atom(c) && !joins)
            return "before the \"@\" stand letters, digits, !#$%&'*+-/=?^_`{|}~ and single dots"
                   " between them";
    }
    return NULL;
}

static const char *domain_fault(struct str domain)
{
    struct str label;
    if (str_find_char(domain, '.') < 0 || domain.ptr[domain.len - 1] == '.')
        return "the domain needs two labels at least and no dot at its end";
    while (str_split(&domain, '.', &label)) {
        if (label.len == 0 || label.len > 63 || label.ptr[0] == '-' ||
            label.ptr[label.len - 1] == '-')
            return "a label of the domain has 1 to 63 bytes and no hyphen at its ends";
        for (size_t i = 0; i < label.len; i++) {
            unsigned char c = (unsigned char)label.ptr[i];
            if (c >= 0x80)
                return "the domain must be written as it is in the DNS (xn--...)";
            if (c != '-' && (!is_atom(c) || strchr("!#$%&'*+/=?^_`{|}~", c)))
                return "the domain has letters, digits and hyphens only";
        }
    }
    return NULL;
}

const char *mail_address_fault(struct str address)
{
    ptrdiff_t at = address.len ? str_find_char(address, '@') : -1;
    if (at < 0)
        return "an address has an \"@\"";
    if (address.len > 254)
        return "an address has 254 bytes at most";
    const char *fault = local_fault((struct str){ address.ptr, (size_t)at });
    return fault ? fault
                 : domain_fault((struct str){ address.ptr + at + 1, address.len - (size_t)at - 1 });
}

bool mail_address_check(struct ctx *ctx, struct str address)
{
    const char *fault = mail_address_fault(address);
    return !fault || ctx_fail(ctx, ERR_INVALID, "%s", fault);
}
