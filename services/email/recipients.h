/* Lists of messages as they are answered, as JSON or CSV. */
#pragma once

#include "platform/contract/contract.h"
#include "services/email/store_messages.h"

/* A page. As CSV where the caller asks for that (Accept) and `csv_path` is not NULL: the header Link then has the next page. */
struct reply recipients_answer(struct ctx *ctx, const struct message_filter *filter,
                               struct str cursor, size_t limit, const char *csv_path);
