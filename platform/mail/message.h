/* Writes mail: RFC 5322 with MIME (RFC 2045 to 2049), 7 bits wide, lines of at most 76 characters, in
 * headers where there is a space to fold at, CRLF. The same struct gives the same bytes. */
#pragma once

#include "base/ctx.h"

#define MAIL_MOST_BYTES (32u << 20) /* of one composed message */
#define MAIL_MOST_LINE 998          /* of a header; a word of it has 80 less: more is refused */

struct mail_address {
    struct str name; /* any UTF-8, or none */
    struct str address;
};

struct mail_field {
    struct str name, value;
};

struct mail_attachment {
    struct str name; /* of the file, any UTF-8 */
    struct str type; /* "application/pdf"; none: application/octet-stream */
    struct str content;
    struct str
        content_id; /* "logo@example.com", which HTML shows as cid:logo@example.com; none: it is a file to save */
};

/* What has no text and no pointer is left out; what is marked so must be there. */
struct mail {
    struct mail_address from, reply_to; /* from: must be there */
    const struct mail_address *to;      /* at least one */
    size_t n_to;
    struct str subject;
    int64_t date_us;       /* must be there */
    struct str message_id; /* must be there: "left@right", without angle brackets */
    struct str list_id;    /* "news.example.com", without angle brackets */
    struct str
        unsubscribe_url; /* https: List-Unsubscribe, and with it List-Unsubscribe-Post (RFC 8058) */
    struct str unsubscribe_mail; /* an address: a second way in List-Unsubscribe */
    struct str precedence;       /* "bulk" */
    const struct mail_field *fields; /* further headers; none of those that are made here */
    size_t n_fields;
    struct str text, html; /* UTF-8; one of them at least. Without text, it is made of the HTML. */
    const struct mail_attachment *attachments;
    size_t n_attachments;
};

/* The message in ctx's arena. False with INVALID and a pointer ("/from/address", "/fields/0/value") for what cannot be sent:
 * CR, LF, NUL or another control character in anything that becomes a header, what is not UTF-8, an address that is none, a
 * header that is made here already, a line that cannot be folded; TOO_LARGE above MAIL_MOST_BYTES. */
bool mail_compose(struct ctx *ctx, const struct mail *mail, struct str *out);

/* A mailbox that can be written to: a dot-atom of at most 64 bytes, "@", a domain of at least two labels of letters, digits
 * and hyphens (63 bytes each), 254 bytes in all; no quotes, comments or address literals. Names of other scripts: the domain
 * must be written as it is in the DNS (xn--...), and a part before the "@" beyond ASCII, which needs SMTPUTF8, is not
 * supported; both are told. False with INVALID, which says what is wrong with it. */
bool mail_address_check(struct ctx *ctx, struct str address);
/* The same without a ctx: what is wrong with it, or NULL. */
const char *mail_address_fault(struct str address);

/* What a person reads of HTML: mime_html_text(). The addresses of its links are not in it. */
struct str mail_text_of_html(struct arena *arena, struct str html);
