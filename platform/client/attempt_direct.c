/* Attempts over plain connections of our own. */
#include "platform/client/attempt.h"
#include "platform/client/peer.h"

#define HEAD_BYTES 1024 /* what the head of most requests takes, token included */

struct head {
    struct arena *arena;
    char *text;
    size_t len, cap;
};

/* Line breaks and other controls would let a value pose as something else. */
static bool is_clean(struct str text, char least)
{
    for (size_t i = 0; i < text.len; i++)
        if ((unsigned char)text.ptr[i] < (unsigned char)least || text.ptr[i] == 0x7f)
            return text.ptr[i] == '\t' && least == ' ';
    return true;
}

static void head_add(struct head *head, const char *text, size_t bytes)
{
    if (head->len + bytes > head->cap) {
        head->cap = MAX(head->cap * 2, MAX(head->len + bytes, (size_t)HEAD_BYTES));
        char *grown = arena_alloc_raw(head->arena, head->cap);
        if (head->len)
            memcpy(grown, head->text, head->len);
        head->text = grown;
    }
    memcpy(head->text + head->len, text, bytes);
    head->len += bytes;
}

static bool head_put(void *argument, const char *name, struct str value)
{
    struct head *head = argument;
    if (!is_clean(value, ' ') || !is_clean(str_of(name), '!'))
        return false;
    head_add(head, name, strlen(name));
    head_add(head, ": ", 2);
    if (value.len)
        head_add(head, value.ptr, value.len);
    head_add(head, "\r\n", 2);
    return true;
}

static bool head_make(struct attempt *attempt, struct head *head, int64_t deadline_us)
{
    const struct call *call = attempt->call;
    bool get = strcmp(call->method, "GET") == 0 || strcmp(call->method, "HEAD") == 0;
    struct str prefix = str_of(peer_prefix(call->peer)), path = call->path;
    if (!is_clean(path, '!'))
        return false;
    head_add(head, call->method, strlen(call->method));
    head_add(head, " ", 1);
    if (prefix.len)
        head_add(head, prefix.ptr, prefix.len);
    else if (!path.len || path.ptr[0] != '/')
        head_add(head, "/", 1);
    if (path.len)
        head_add(head, path.ptr, path.len);
    head_add(head, " HTTP/1.1\r\n", 11);
    if (!head_put(head, "Host", str_of(peer_host(call->peer))) ||
        !head_put(head, "User-Agent", STR("fanfare")) || !head_put(head, "Accept", STR("*/*")) ||
        !attempt_headers(attempt, deadline_us, head_put, head))
        return false;
    if ((!get || call->body.ptr) &&
        !head_put(head, "Content-Length", arena_printf(head->arena, "%zu", call->body.len)))
        return false;
    head_add(head, "\r\n", 2);
    return true;
}

bool attempt_direct_start(struct attempt *attempt, struct lane *lane, const struct address *address,
                          int64_t deadline_us)
{
    const struct call *call = attempt->call;
    struct head head = { .arena = attempt->ctx->arena };
    attempt->wire = (struct wire){
        .fd = -1,
        .to = *address,
        .body = call->body,
        .repeatable = call_is_idempotent(call),
        .to_head = strcmp(call->method, "HEAD") == 0,
        .idle = lane_wires(lane),
        .arena = attempt->ctx->arena,
    };
    if (!head_make(attempt, &head, deadline_us))
        return false;
    attempt->wire.head = (struct str){ head.text, head.len };
    wire_start(&attempt->wire);
    return true;
}

void attempt_wire_ended(struct attempt *attempt)
{
    const struct answer *answer = &attempt->wire.answer;
    switch (attempt->wire.state) {
    case WIRE_ANSWERED:
        attempt->body = answer->body;
        attempt->type = answer->type;
        attempt->etag = answer->etag;
        attempt->location = answer->location;
        attempt->next_cursor = answer->next_cursor;
        attempt->told_to_wait = answer->told_to_wait;
        attempt_answered(attempt, answer->status);
        break;
    case WIRE_REFUSED:
        peer_is_not_at(attempt->call->peer, &attempt->wire.to);
        attempt_no_answer(attempt, ERR_UNAVAILABLE, "it takes no connections");
        break;
    case WIRE_TOO_LARGE:
        attempt->too_large = true;
        attempt_no_answer(attempt, ERR_BAD_GATEWAY, "too large");
        break;
    default:
        attempt_no_answer(attempt, ERR_BAD_GATEWAY,
                          "the connection broke, or it is no HTTP that came");
    }
}
