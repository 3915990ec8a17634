/* Links in mail that lead to this service: signed, so that nobody can make one, and with all in them that they need. Thread-safe,
 * and the same all the time. */
#pragma once

#include "base/ctx.h"

#define LINKS_MOST_TARGET                                                                          \
    1900               /* bytes of an address that is tracked; longer ones are left as they are */
#define LINKS_MOST 500         /* of one mail; further ones are left as they are */

struct links;

/* Reads the keys <folder>/links.N.key, N from 1 to 20, and makes the first where there is none. The highest signs, all are
 * taken: to change the key, a further file of 32 random bytes is put there, and the old one deleted once the mails signed with it
 * are old enough. `public_url` is where people reach this service. NULL: INVALID, UNAVAILABLE. */
struct links *links_open(struct ctx *ctx, const char *folder, struct str public_url);
void links_close(struct links *links); /* NULL-safe */

enum link_kind { LINK_CLICK, LINK_OPEN, LINK_UNSUBSCRIBE, LINK_PREFERENCES };

struct str link_unsubscribe(struct arena *arena, const struct links *links, struct str message_id);
struct str link_preferences(struct arena *arena, const struct links *links, struct str message_id);

struct link_message {
    struct str message_id;
    bool untracked; /* nothing of it is tracked */
};

/* The HTML with the addresses of its links led by way of here, and a picture of one point at its end; nothing else of it is
 * changed. Tracked are http and https in the href of <a>, but for links of our own and for <a data-untracked>. *out may be
 * `html` itself. */
bool links_track(struct ctx *ctx, const struct links *links, const struct link_message *message,
                 struct str html, struct str *out);

struct link {
    struct str message_id;
    struct str
        target; /* of LINK_CLICK: http or https, in ASCII without control characters and spaces */
};

/* What a token says. NOT_FOUND: it is none of ours, or one of another kind; GONE: its key has been taken away. */
bool link_read(struct ctx *ctx, const struct links *links, enum link_kind kind, struct str token,
               struct link *out);

/* ---- for whoever makes links by themselves ---- */

struct str link_url(struct arena *arena, const struct links *links, enum link_kind kind,
                    struct str message_id, struct str target);
/* The token alone, behind the last slash. */
struct str link_token(struct arena *arena, const struct links *links, enum link_kind kind,
                      struct str message_id, struct str target);

/* The address that stands in an href: entities read, as browsers do, and what belongs in percents in percents. ptr NULL: it is
 * none of http or https, it is too long, or browsers may read it otherwise than we do. */
struct str link_target(struct arena *arena, struct str value);

/* The values of the first href of each <a>, where they stand in the HTML, without quotes; at most `most`. *end is where what is
 * shown last belongs: before </body>, or at the end. */
size_t link_hrefs(struct str html, struct str *out, size_t most, size_t *end);
