/* One client of an SMTP server: bytes in, bytes out, without sockets. */
#pragma once

#include "platform/mail/smtp_listener.h"

#define SMTP_MOST_LINE 2048 /* RFC 5321 section 4.5.3.1.4 allows 512, extensions add to it */
#define SMTP_MOST_TEXT_LINE 262144 /* it allows 1000, and nobody keeps to that */
#define SMTP_MOST_MISTAKES 20

struct bytes {
    char *ptr;
    size_t len, room;
};

struct smtp_session {
    const struct smtp_listener_settings *settings;
    size_t *held; /* bytes of all mails under way */
    struct bytes in, out, data;
    size_t searched; /* of `in`, for the end of a line of the mail */
    char client[64];
    char *sender; /* NULL outside of a transaction */
    char **recipients;
    size_t n_recipients;
    int mistakes;
    bool greeted, in_data, too_large, no_room, closing; /* closing: once `out` is sent */
};

void smtp_session_open(struct smtp_session *session, const struct smtp_listener_settings *settings,
                       size_t *held, const char *client);
void smtp_session_free(struct smtp_session *session);

/* Takes what the client sent; what is to be sent is appended to session->out. */
void smtp_session_feed(struct smtp_session *session, const char *bytes, size_t n);

void smtp_session_say(struct smtp_session *session, const char *format, ...) PRINTF_LIKE(2, 3);
