/* Filters for HTML, URLs and Base64. */
#include "platform/crypto/crypto.h"
#include "platform/template/filters.h"

/* ---- HTML ---- */

/* `once`: an ampersand that begins an entity stays. */
static bool begins_entity(struct str text)
{
    size_t n = 1;
    bool number = text.len > 2 && text.ptr[1] == '#';
    for (n += number; n < text.len && n < 40; n++) {
        char c = text.ptr[n];
        bool digit = c >= '0' && c <= '9', letter = (c | 32) >= 'a' && (c | 32) <= 'z';
        if (c == ';')
            return n > 1u + number;
        if (number ? !digit && !(n == 2 && (c | 32) == 'x') && !letter : !letter && !digit)
            return false;
    }
    return false;
}

static bool escaped(struct run *run, struct str text, bool once, struct str *out)
{
    size_t bytes = text.len;
    for (size_t i = 0; i < text.len; i++)
        bytes += has_entity(text.ptr[i]) ? liquid_entity(text.ptr[i]).len : 0;
    if (bytes == text.len) {
        *out = text;
        return true;
    }
    char *room = liquid_room(run, bytes), *at = room;
    if (!room)
        return false;
    for (size_t i = 0; i < text.len; i++) {
        struct str rest = { text.ptr + i, text.len - i }, entity = liquid_entity(text.ptr[i]);
        bool stays = !entity.len || (once && *rest.ptr == '&' && begins_entity(rest));
        at = put_bytes(at, stays ? (struct str){ rest.ptr, 1 } : entity);
    }
    *out = (struct str){ room, (size_t)(at - room) };
    return true;
}

bool liquid_escape(struct run *run, struct str text, struct str *out)
{
    return escaped(run, text, false, out);
}

FILTER(escape)
{
    struct str text;
    return liquid_text(run, value, &text) && escaped(run, text, false, &text) &&
           give_safe(value, text);
}

FILTER(escape_once)
{
    struct str text;
    return liquid_text(run, value, &text) && escaped(run, text, true, &text) &&
           give_safe(value, text);
}

FILTER(raw)
{
    struct str text;
    return liquid_text(run, value, &text) && give_safe(value, text);
}

/* Markup, so what is not markup yet is escaped first. */
FILTER(newline_to_br)
{
    struct str text, br = STR("<br />\n");
    bool safe = value->kind == KIND_TEXT && value->safe;
    if (!liquid_text(run, value, &text) ||
        (run->escapes && !safe && !liquid_escape(run, text, &text)))
        return false;
    size_t lines = 0;
    for (size_t i = 0; i < text.len; i++)
        lines += text.ptr[i] == '\n';
    char *room = liquid_room(run, text.len + lines * br.len), *at = room;
    for (size_t i = 0; room && i < text.len; i++) {
        if (text.ptr[i] == '\r' && i + 1 < text.len && text.ptr[i + 1] == '\n')
            continue;
        at = put_bytes(at, text.ptr[i] == '\n' ? br : (struct str){ text.ptr + i, 1 });
    }
    return room && give_safe(value, (struct str){ room, (size_t)(at - room) });
}

/* ---- URLs ---- */

static bool stays(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
           c == '.' || c == '-' || c == '~';
}

FILTER(url_encode)
{
    static const char hex[] = "0123456789ABCDEF";
    struct str text;
    if (!liquid_text(run, value, &text))
        return false;
    char *room = liquid_room(run, text.len * 3), *at = room;
    for (size_t i = 0; room && i < text.len; i++) {
        unsigned char c = (unsigned char)text.ptr[i];
        if (c == ' ' || stays(text.ptr[i])) {
            *at++ = c == ' ' ? '+' : (char)c;
            continue;
        }
        *at++ = '%';
        *at++ = hex[c >> 4];
        *at++ = hex[c & 15];
    }
    return room && give_text(value, (struct str){ room, (size_t)(at - room) });
}

static int hex_value(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c |= 32;
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static bool give_decoded(struct run *run, struct value *value, struct str text)
{
    if (!str_is_utf8(text))
        return liquid_fail(run, "what is decoded is not text (UTF-8)");
    return give_text(value, text);
}

FILTER(url_decode)
{
    struct str text;
    if (!liquid_text(run, value, &text))
        return false;
    char *room = liquid_room(run, text.len);
    size_t n = 0;
    for (size_t i = 0; room && i < text.len; i++) {
        int high = i + 2 < text.len ? hex_value(text.ptr[i + 1]) : -1;
        int low = i + 2 < text.len ? hex_value(text.ptr[i + 2]) : -1;
        bool code = text.ptr[i] == '%' && high >= 0 && low >= 0;
        room[n++] = code ? (char)(high << 4 | low) : text.ptr[i] == '+' ? ' ' : text.ptr[i];
        i += code ? 2 : 0;
    }
    return room && give_decoded(run, value, (struct str){ room, n });
}

/* ---- Base64 ---- */

static bool encoded(struct run *run, struct value *value, bool url)
{
    struct str text;
    if (!liquid_text(run, value, &text) || !liquid_steps(run, text.len / BYTES_PER_STEP))
        return false;
    if (!url)
        return give_text(value, crypto_base64(run->ctx->arena, text));
    text = crypto_base64url(run->ctx->arena, text);
    struct str padding = { "===", (4 - text.len % 4) % 4 };
    return liquid_join(run, (struct str[]){ text, padding }, 2, STR(""), &text) &&
           give_text(value, text);
}

static bool decoded(struct run *run, struct value *value)
{
    struct str text;
    if (!liquid_text(run, value, &text) || !liquid_steps(run, text.len / BYTES_PER_STEP))
        return false;
    struct str bytes = crypto_unbase64(run->ctx->arena, text);
    return bytes.ptr ? give_decoded(run, value, bytes) : liquid_fail(run, "this is not Base64");
}

FILTER(base64_encode)
{
    return encoded(run, value, false);
}

FILTER(base64_url_safe_encode)
{
    return encoded(run, value, true);
}

FILTER(base64_decode)
{
    return decoded(run, value);
}

FILTER(base64_url_safe_decode)
{
    return decoded(run, value);
}
