/* The headers of message.c: checks of what becomes one, and their folding. */
#pragma once

#include "platform/mail/message.h"

struct mail_out {
    struct arena *arena;
    char *ptr;
    size_t len, room;
    size_t column; /* of the header line that is being written */
};

/* Makes room for so many bytes more. */
void mail_reserve(struct mail_out *out, size_t bytes);

static inline void mail_put(struct mail_out *out, struct str text)
{
    if (text.len > out->room - out->len)
        mail_reserve(out, text.len);
    if (text.len)
        memcpy(out->ptr + out->len, text.ptr, text.len);
    out->len += text.len;
}

/* "Name:", then words with a space or a fold in front of each, then mail_end(). */
void mail_begin(struct mail_out *out, struct str name);
void mail_word(struct mail_out *out, struct str word);
void mail_end(struct mail_out *out);

/* Text with its spaces as places to fold at; in encoded words (RFC 2047) where ASCII does not do. */
void mail_words(struct mail_out *out, struct str text);
void mail_mailbox(struct mail_out *out, const struct mail_address *address, bool last);

/* False with INVALID at `pointer`. */
bool mail_text_check(struct ctx *ctx, struct str text, const char *pointer);
bool mail_id_check(struct ctx *ctx, struct str id, const char *pointer);
bool mail_url_check(struct ctx *ctx, struct str url, const char *pointer);
bool mail_field_check(struct ctx *ctx, const struct mail_field *field, size_t i);
bool mail_mailbox_check(struct ctx *ctx, const struct mail_address *address, const char *pointer);
