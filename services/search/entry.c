#include "services/search/entry.h"

struct text {
    char *ptr;
    size_t len;
};

static bool is_full(const struct text *text)
{
    return text->len == ENTRY_TEXT_BYTES;
}

static void put(struct text *text, char c)
{
    if (!is_full(text))
        text->ptr[text->len++] = c;
}

/* A tag begins with < and a letter, / or !, and ends with >; it parts words. */
static bool opens_tag(struct str value, size_t at)
{
    if (value.ptr[at] != '<' || at + 1 == value.len)
        return false;
    char next = value.ptr[at + 1];
    return next == '/' || next == '!' || (next >= 'a' && next <= 'z') ||
           (next >= 'A' && next <= 'Z');
}

static void put_text(struct text *text, struct str value)
{
    bool tag = false;
    if (text->len)
        put(text, ' ');
    for (size_t i = 0; i < value.len && !is_full(text); i++) {
        bool opens = !tag && opens_tag(value, i);
        if (opens)
            put(text, ' ');
        else if (!tag)
            put(text, value.ptr[i]);
        tag = opens || (tag && value.ptr[i] != '>');
    }
}

/* Deep at most as JSON may be. */
static void put_value(struct text *text, const struct json *value)
{
    if (is_full(text))
        return;
    if (json_type(value) == JSON_STRING)
        put_text(text, json_str(value));
    if (json_type(value) != JSON_ARRAY && json_type(value) != JSON_OBJECT)
        return;
    for (struct json_iter it = json_iter(value); json_next(&it);)
        if (!it.key.len || it.key.ptr[0] != '$')
            put_value(text, it.value);
}

struct str entry_text(struct arena *arena, const struct json *document, bool page)
{
    struct text text = { arena_alloc_raw(arena, ENTRY_TEXT_BYTES + 1), 0 };
    if (!page)
        put_value(&text, document);
    else
        for (struct json_iter it = json_iter(json_get(document, "blocks")); json_next(&it);)
            put_value(&text, json_get(it.value, "content"));
    while (text.len && !str_is_utf8((struct str){ text.ptr, text.len }))
        text.len--; /* the last character was cut */
    text.ptr[text.len] = '\0';
    return (struct str){ text.ptr, text.len };
}
