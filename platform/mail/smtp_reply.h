/* Replies of an SMTP server (RFC 5321 section 4.2), read as they come. */
#pragma once

#include "base/str.h"

#define SMTP_REPLY_MOST_BYTES 65536 /* of one reply with all its lines; longer is nonsense */

enum smtp_reply_state { SMTP_REPLY_PART, SMTP_REPLY_WHOLE, SMTP_REPLY_NONSENSE };

struct smtp_reply {
    enum smtp_reply_state state;
    int code;
    size_t bytes, line_len, text_len;
    char line[1024]; /* the rest of a longer one is dropped */
    char text[4096]; /* of its lines, each with a '\n' behind; what does not fit is dropped */
};

/* Takes what belongs to the reply and gives how much that was; `reply` starts zeroed. */
size_t smtp_reply_feed(struct smtp_reply *reply, const char *bytes, size_t n);

/* Does a line of an EHLO reply after the first begin with that keyword? Its parameters go to `parameters`, if wanted. */
bool smtp_reply_offers(const struct smtp_reply *reply, const char *keyword, struct str *parameters);

/* The enhanced status code (RFC 3463) that its first line begins with and that fits its code, else "". */
void smtp_reply_status(const struct smtp_reply *reply, char out[12]);

/* Its text on one line, ASCII and printable, cut to `room` with the NUL; the enhanced status code only once. */
void smtp_reply_text(const struct smtp_reply *reply, char *out, size_t room);
