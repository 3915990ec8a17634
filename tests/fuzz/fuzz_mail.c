/* A mail of any bytes: its parts, headers and texts; all text that is given out is UTF-8. */
#include "platform/mail/mime_parse.h"
#include "tests/fuzz/fuzz.h"

static void check_part(struct arena *arena, const struct mime_part *part)
{
    MUST(part->n_headers <= MIME_MOST_HEADERS && part->content.ptr);
    for (size_t i = 0; i < part->n_headers; i++) {
        struct str value = part->headers[i].value;
        MUST(part->headers[i].name.len && str_find_char(value, '\n') < 0);
        MUST(str_is_utf8(mime_words(arena, value)));
        mime_parameter(arena, value, "charset");
    }
    struct str text = mime_text(arena, part);
    MUST(str_is_utf8(text) && str_is_utf8(mime_html_text(arena, text)));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    CLEANUP(arena_freep) struct arena *arena = arena_new(0);
    struct mime_part *mail = mime_parse(arena, (struct str){ (const char *)data, size });
    struct mime_walk walk;
    size_t parts = 0;
    for (struct mime_part *part = mime_first(&walk, mail); part; part = mime_next(&walk)) {
        check_part(arena, part);
        parts++;
    }
    MUST(parts <= MIME_MOST_PARTS);
    return 0;
}
