#include "platform/client/answer.h"

#include "platform/client/client.h"

#define FIRST_BYTES 4096
#define HEAD_MAX (64 * 1024)
#define RAW_MAX (CLIENT_ANSWER_MAX + CLIENT_ANSWER_MAX / 2) /* as sent: small chunks take more */
#define CHUNK_LINE_MAX 1024 /* size and extensions, or a trailer */

void answer_begin(struct answer *answer, struct arena *arena, bool to_head)
{
    *answer = (struct answer){ .arena = arena, .to_head = to_head };
}

/* Room for `bytes` in all, and one more for the NUL. */
static void reserve(struct answer *answer, size_t bytes)
{
    if (bytes < answer->cap)
        return;
    char *grown = arena_alloc_raw(answer->arena, bytes + 1);
    if (answer->len)
        memcpy(grown, answer->bytes, answer->len);
    answer->bytes = grown;
    answer->cap = bytes + 1;
}

char *answer_room(struct answer *answer, size_t *room)
{
    if (answer->cap - answer->len < 2)
        reserve(answer, MAX(answer->cap * 2, FIRST_BYTES - 1));
    *room = answer->cap - answer->len - 1;
    return answer->bytes + answer->len;
}

/* ---- the head ---- */

static enum answer_state broken(struct answer *answer)
{
    return answer->state = ANSWER_BROKEN;
}

static enum answer_state whole(struct answer *answer)
{
    answer->keep = answer->keep &&
                   answer->next == answer->len; /* more than was asked for: out of step */
    answer->bytes[answer->end] = '\0';
    answer->body = (struct str){ answer->bytes + answer->begin, answer->end - answer->begin };
    return answer->state = ANSWER_WHOLE;
}

/* "HTTP/1.1 200 OK" (RFC 9112 section 4); the phrase may be missing with its space. */
static bool status_read(struct answer *answer, struct str line)
{
    int64_t status;
    if (line.len < 12 || memcmp(line.ptr, "HTTP/1.", 7) != 0 || line.ptr[8] != ' ' ||
        (line.ptr[7] != '1' && line.ptr[7] != '0') || (line.len > 12 && line.ptr[12] != ' ') ||
        !str_to_int((struct str){ line.ptr + 9, 3 }, &status) || status < 100)
        return false;
    answer->status = (int)status;
    answer->keep = line.ptr[7] == '1';
    return true;
}

static bool length_read(struct answer *answer, struct str value)
{
    int64_t length;
    if (!value.len || value.ptr[0] == '-' || value.ptr[0] == '+' || !str_to_int(value, &length) ||
        (answer->sized && (size_t)length != answer->left))
        return false;
    answer->sized = true;
    answer->left = (size_t)length;
    return true;
}

static bool header_read(struct answer *answer, struct str line)
{
    struct str value = line, name;
    if (!memchr(line.ptr, ':', line.len) || !str_split(&value, ':', &name) || !name.len ||
        memchr(name.ptr, ' ', name.len) || memchr(name.ptr, '\t', name.len)) /* folded lines too */
        return false;
    value = str_trim(value);
    if (str_eq_nocase(name, STR("Content-Length")))
        return length_read(answer, value);
    if (str_eq_nocase(name, STR("Transfer-Encoding"))) {
        answer->chunked = true;
        return str_eq_nocase(value, STR("chunked"));
    }
    if (str_eq_nocase(name, STR("Connection")))
        answer->keep = str_eq_nocase(value, STR("keep-alive"));
    else if (str_eq_nocase(name, STR("Content-Type")))
        answer->type = arena_str(answer->arena, value);
    else if (str_eq_nocase(name, STR("ETag")))
        answer->etag = arena_str(answer->arena, value);
    else if (str_eq_nocase(name, STR("Location")))
        answer->location = arena_str(answer->arena, value);
    else if (str_eq_nocase(name, STR("Fanfare-Next-Cursor")))
        answer->next_cursor = arena_str(answer->arena, value);
    else if (str_eq_nocase(name, STR("Retry-After")))
        answer->told_to_wait = true;
    return true;
}

static bool head_read(struct answer *answer, struct str head)
{
    struct str line;
    bool first = true;
    while (str_split(&head, '\n', &line)) {
        if (line.len && line.ptr[line.len - 1] == '\r')
            line.len--;
        if (!line.len)
            break;
        if (!(first ? status_read(answer, line) : header_read(answer, line)))
            return false;
        first = false;
    }
    return !first && !(answer->chunked && answer->sized);
}

/* Where the empty line that ends the head is over; 0: not there yet. */
static size_t head_end(struct answer *answer)
{
    for (size_t at = answer->scanned; at < answer->len; at++) {
        const char *found = memchr(answer->bytes + at, '\n', answer->len - at);
        if (!found)
            break;
        at = (size_t)(found - answer->bytes);
        size_t after = at + 1;
        if (after < answer->len && answer->bytes[after] == '\r')
            after++;
        if (after >= answer->len) {
            answer->scanned = at; /* what follows this line's end decides */
            return 0;
        }
        if (answer->bytes[after] == '\n')
            return after + 1;
    }
    answer->scanned = answer->len;
    return 0;
}

/* An interim response (1xx) is not the one that is waited for. */
static void head_skip(struct answer *answer, size_t end)
{
    struct answer next = { .arena = answer->arena,
                           .to_head = answer->to_head,
                           .bytes = answer->bytes,
                           .cap = answer->cap,
                           .len = answer->len - end };
    memmove(next.bytes, answer->bytes + end, next.len);
    *answer = next;
}

static enum answer_state body_read(struct answer *answer);

static enum answer_state head_take(struct answer *answer)
{
    size_t end;
    while ((end = head_end(answer))) {
        if (end > HEAD_MAX || !head_read(answer, (struct str){ answer->bytes, end }))
            return broken(answer);
        if (answer->status == 101) /* nobody asked for another protocol */
            return broken(answer);
        if (answer->status >= 200)
            break;
        head_skip(answer, end);
    }
    if (!end)
        return answer->len > HEAD_MAX ? broken(answer) : ANSWER_HEAD;
    answer->begin = answer->end = answer->next = end;
    if (answer->to_head || answer->status == 204 || answer->status == 304)
        return whole(answer);
    if (!answer->chunked && !answer->sized)
        answer->keep = false; /* it ends with the connection */
    if (answer->sized && answer->left > CLIENT_ANSWER_MAX)
        return answer->state = ANSWER_TOO_LARGE;
    if (answer->sized)
        reserve(answer, end + answer->left);
    if (answer->chunked)
        answer->left = 0;
    answer->state = ANSWER_BODY;
    return body_read(answer);
}

/* ---- the body ---- */

/* Moves up to `most` bytes of what has come to the end of the body. */
static size_t body_take(struct answer *answer, size_t most)
{
    size_t n = MIN(answer->len - answer->next, most);
    if (answer->end != answer->next)
        memmove(answer->bytes + answer->end, answer->bytes + answer->next, n);
    answer->end += n;
    answer->next += n;
    return n;
}

/* The next line of the chunked coding, without its end; false when it has not come whole. */
static bool line_take(struct answer *answer, struct str *line)
{
    const char *from = answer->bytes + answer->next;
    const char *found = memchr(from, '\n', answer->len - answer->next);
    if (!found)
        return false;
    *line = (struct str){ from, (size_t)(found - from) };
    if (line->len && line->ptr[line->len - 1] == '\r')
        line->len--;
    answer->next += (size_t)(found - from) + 1;
    return true;
}

/* "1a;extension" (RFC 9112 section 7.1). */
static bool chunk_size(struct str line, size_t *size)
{
    size_t n = 0, digits = 0;
    for (; digits < line.len; digits++) {
        char c = line.ptr[digits];
        int value = c >= '0' && c <= '9'   ? c - '0'
                    : c >= 'a' && c <= 'f' ? c - 'a' + 10
                    : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                           : -1;
        if (value < 0)
            break;
        n = n * 16 + (size_t)value;
        if (n > CLIENT_ANSWER_MAX) /* stays small enough to go on adding up */
            n = CLIENT_ANSWER_MAX + 1;
    }
    *size = n;
    return digits > 0 && (digits == line.len || strchr("; \t", line.ptr[digits]));
}

static enum answer_state chunks_read(struct answer *answer)
{
    struct str line;
    for (;;) {
        answer->left -= body_take(answer, answer->left);
        if (answer->left)
            return ANSWER_BODY;
        if (!line_take(answer, &line))
            return answer->len - answer->next > CHUNK_LINE_MAX ? broken(answer) : ANSWER_BODY;
        if (answer->last_chunk) { /* trailers, which say nothing here, up to an empty line */
            if (!line.len)
                return whole(answer);
        } else if (answer->crlf) {
            if (line.len)
                return broken(answer);
            answer->crlf = false;
        } else if (!chunk_size(line, &answer->left)) {
            return broken(answer);
        } else if (answer->left > CLIENT_ANSWER_MAX - (answer->end - answer->begin)) {
            return answer->state = ANSWER_TOO_LARGE;
        } else {
            answer->last_chunk = answer->left == 0;
            answer->crlf = !answer->last_chunk;
        }
    }
}

static enum answer_state body_read(struct answer *answer)
{
    if (answer->sized) {
        answer->left -= body_take(answer, answer->left);
        return answer->left ? ANSWER_BODY : whole(answer);
    }
    enum answer_state state = ANSWER_BODY;
    if (answer->chunked)
        state = chunks_read(answer);
    else
        body_take(answer, SIZE_MAX);
    if (state == ANSWER_BODY && answer->len - answer->begin > RAW_MAX)
        state = answer->state = ANSWER_TOO_LARGE;
    return state;
}

enum answer_state answer_took(struct answer *answer, size_t n)
{
    answer->len += n;
    if (answer->state == ANSWER_HEAD)
        return head_take(answer);
    return answer->state == ANSWER_BODY ? body_read(answer) : answer->state;
}

enum answer_state answer_closed(struct answer *answer)
{
    if (answer->state == ANSWER_BODY && !answer->chunked && !answer->sized)
        return whole(answer);
    return answer->state == ANSWER_HEAD || answer->state == ANSWER_BODY ? broken(answer)
                                                                        : answer->state;
}
