#include "platform/mail/smtp_reply.h"

#include <string.h>

#include "base/macros.h"

static bool digit(char c)
{
    return c >= '0' && c <= '9';
}

static enum smtp_reply_state take_line(struct smtp_reply *reply)
{
    const char *line = reply->line;
    size_t n = reply->line_len;
    if (n && line[n - 1] == '\r')
        n--;
    reply->line_len = 0;
    if (n < 3 || line[0] < '2' || line[0] > '5' || !digit(line[1]) || !digit(line[2]) ||
        (n > 3 && line[3] != ' ' && line[3] != '-'))
        return SMTP_REPLY_NONSENSE;
    int code = (line[0] - '0') * 100 + (line[1] - '0') * 10 + line[2] - '0';
    if (reply->code && reply->code != code)
        return SMTP_REPLY_NONSENSE;
    reply->code = code;
    size_t text = n > 4 ? n - 4 : 0;
    if (reply->text_len + text + 1 <= sizeof reply->text) {
        memcpy(reply->text + reply->text_len, line + n - text, text);
        reply->text[reply->text_len + text] = '\n';
        reply->text_len += text + 1;
    }
    return n > 3 && line[3] == '-' ? SMTP_REPLY_PART : SMTP_REPLY_WHOLE;
}

size_t smtp_reply_feed(struct smtp_reply *reply, const char *bytes, size_t n)
{
    size_t i = 0;
    while (i < n && reply->state == SMTP_REPLY_PART) {
        char c = bytes[i++];
        if (++reply->bytes > SMTP_REPLY_MOST_BYTES)
            reply->state = SMTP_REPLY_NONSENSE;
        else if (c == '\n')
            reply->state = take_line(reply);
        else if (reply->line_len < sizeof reply->line)
            reply->line[reply->line_len++] = c;
    }
    return i;
}

bool smtp_reply_offers(const struct smtp_reply *reply, const char *keyword, struct str *parameters)
{
    struct str rest = { reply->text, reply->text_len }, line, word;
    if (!str_split(&rest, '\n', &line)) /* the greeting */
        return false;
    while (str_split(&rest, '\n', &line)) {
        if (!str_split(&line, ' ', &word) || !str_eq_nocase(word, str_of(keyword)))
            continue;
        if (parameters)
            *parameters = line;
        return true;
    }
    return false;
}

/* How long the enhanced status code is that the line begins with; 0: it does not. */
static size_t status_len(const struct smtp_reply *reply, struct str line)
{
    size_t at = 0;
    for (int part = 0; part < 3; part++) {
        size_t start = at;
        while (at < line.len && digit(line.ptr[at]))
            at++;
        if (at == start || at - start > (part ? 3 : 1))
            return 0;
        if (part < 2 && (at == line.len || line.ptr[at++] != '.'))
            return 0;
    }
    bool ends = at == line.len || line.ptr[at] == ' ';
    return ends && line.ptr[0] - '0' == reply->code / 100 ? at : 0;
}

void smtp_reply_status(const struct smtp_reply *reply, char out[12])
{
    struct str rest = { reply->text, reply->text_len }, line = { 0 };
    str_split(&rest, '\n', &line);
    size_t n = status_len(reply, line);
    if (n)
        memcpy(out, line.ptr, n);
    out[n] = '\0';
}

void smtp_reply_text(const struct smtp_reply *reply, char *out, size_t room)
{
    struct str rest = { reply->text, reply->text_len }, line;
    size_t n = 0;
    for (bool first = true; str_split(&rest, '\n', &line); first = false) {
        size_t skip = first ? 0 : status_len(reply, line);
        line = str_trim((struct str){ line.ptr + skip, line.len - skip });
        if (n && line.len && n + 1 < room)
            out[n++] = ' ';
        for (size_t i = 0; i < line.len && n + 1 < room; i++)
            out[n++] = line.ptr[i] < ' ' || line.ptr[i] > '~' ? '?' : line.ptr[i];
    }
    out[n] = '\0';
}
