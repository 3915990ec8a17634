/* The part of email's database that is the queue, and what became of it. As store.h. */
#pragma once

#include "platform/sql/sql.h"

struct message_row {
    struct str message_id, queue, state, campaign_id, person_id, step, variant, address, asked,
        status;
    bool marketing;
    int64_t due_us, attempts, resends, created_us, doubted_us, ended_us;
};

#define MESSAGE_COLUMNS                                                                            \
    "message_id, queue, state, due_us, campaign_id, person_id, step, variant, address, asked,"     \
    " marketing, attempts, resends, status, created_us, doubted_us, ended_us"
/* What a query for these columns gives; there must be room. */
bool store_messages_read(struct ctx *ctx, struct sql_rows *rows, struct message_row *out,
                         size_t *n);

/* *added false: there is such a message already. */
bool store_message_add(struct ctx *ctx, const struct message_row *message, bool *added);
bool store_message(struct ctx *ctx, struct str message_id,
                   struct message_row *out); /* false, no error: no such */
/* State, due, attempts, resends, status and times, where it is still in state `was`. *moved false: it is not. */
bool store_message_move(struct ctx *ctx, const struct message_row *message, const char *was,
                        bool *moved);

/* Up to `limit` that are due in a queue. */
bool store_messages_due(struct ctx *ctx, struct str queue, int64_t now_us, size_t limit,
                        struct message_row *out, size_t *n);
/* Up to `limit` of a queue in a state. */
bool store_messages_in(struct ctx *ctx, struct str queue, const char *state, size_t limit,
                       struct message_row *out, size_t *n);
/* In doubt, and noted so before this moment: whoever did that is gone. */
bool store_messages_doubted(struct ctx *ctx, int64_t before_us, size_t limit,
                            struct message_row *out, size_t *n);
/* Marketing mail that a person was sent, or is being sent, since then. */
bool store_messages_sent_to(struct ctx *ctx, struct str person_id, int64_t since_us, int64_t *n);

struct message_counts {
    int64_t waiting, queued, doubt, unknown, sent, failed, withheld;
};
bool store_message_counts(struct ctx *ctx, struct str queue, struct message_counts *out);

/* By id, those beyond `after`, of a campaign, a person, both or all; in a state and of a variant where these are given. */
struct message_filter {
    struct str campaign_id, person_id, launch_id, state, variant, after;
};
bool store_messages(struct ctx *ctx, const struct message_filter *filter, size_t limit,
                    struct message_row *out, size_t *n);

/* Trials that were asked for since then. */
bool store_trials_since(struct ctx *ctx, int64_t since_us, int64_t *n);

struct happening_row {
    struct str message_id, what, detail;
    int64_t at_us;
};
bool store_happening_add(struct ctx *ctx, const struct happening_row *happening);
/* Has it happened before? */
bool store_happened(struct ctx *ctx, struct str message_id, const char *what, bool *happened);
#define STORE_HAPPENINGS 200 /* that are shown of a message */
bool store_happenings(struct ctx *ctx, struct str message_id,
                      struct happening_row out[STORE_HAPPENINGS], size_t *n);
/* Address, data, what servers said and what happened are forgotten; what is not sent yet finds no contact any more. */
bool store_messages_erase(struct ctx *ctx, struct str person_id);
