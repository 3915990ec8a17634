/* The part of email's database that is the files of single messages. As store.h. */
#pragma once

#include "platform/mail/message.h"
#include "platform/sql/sql.h"

#define ATTACHMENTS_MOST 10
#define ATTACHMENTS_MOST_BYTES (5u << 20) /* of all of a message */

bool store_attachments_add(struct ctx *ctx, struct str message_id,
                           const struct mail_attachment *attachments, size_t n);
bool store_attachments(struct ctx *ctx, struct str message_id,
                       struct mail_attachment out[ATTACHMENTS_MOST], size_t *n);
/* Those of all messages of a person. */
bool store_attachments_erase(struct ctx *ctx, struct str person_id);
