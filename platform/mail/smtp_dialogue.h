/* Inside of smtp.h: what is said on a connection, and what becomes of the answers. */
#pragma once

#include "platform/mail/smtp_connection.h"

void smtp_dialogue_take(struct smtp_connection *connection); /* its reply is whole, or nonsense */
void smtp_dialogue_secure(struct smtp_connection *connection); /* TLS stands */
void smtp_dialogue_mail(struct smtp_connection *connection); /* its delivery goes */
void smtp_dialogue_quit(struct smtp_connection *connection);

/* What the connection does for it. */
void smtp_connection_stage(struct smtp_connection *connection, enum smtp_stage stage);
void smtp_connection_say(struct smtp_connection *connection, const char *format, ...)
    PRINTF_LIKE(2, 3);
void smtp_connection_flush(
    struct smtp_connection *connection); /* says it now, if the socket takes it */
void smtp_connection_tls(struct smtp_connection *connection);
void smtp_connection_end(struct smtp_connection *connection,
                         enum smtp_outcome outcome); /* of its delivery */
void smtp_connection_lost(struct smtp_connection *connection,
                          const char *why); /* by no decision of ours */
