#include "services/reporting/mail.h"

/* Of MESSAGES; the campaign follows. 0: not heard of. */
struct message {
    int64_t first_us, due_us, sent_us, opened_us;
    uint32_t fates, zero;
};
_Static_assert(sizeof(struct message) == 40, "without padding");

struct letter {
    struct message message;
    struct str campaign;
};

static struct letter letter_read(struct ctx *ctx, struct lmdb *db, struct str message_id)
{
    struct letter letter = { .campaign = STR("") };
    struct str record = lmdb_get_for_update(ctx, db, TABLE_MESSAGES, message_id);
    if (record.len >= sizeof(struct message)) {
        memcpy(&letter.message, record.ptr, sizeof(struct message));
        letter.campaign = (struct str){ record.ptr + sizeof(struct message),
                                        record.len - sizeof(struct message) };
    }
    return letter;
}

static bool letter_write(struct ctx *ctx, struct lmdb *db, struct str message_id,
                         const struct letter *letter)
{
    size_t bytes = sizeof(struct message) + letter->campaign.len;
    char *record = arena_alloc_raw(ctx->arena, bytes);
    memcpy(record, &letter->message, sizeof(struct message));
    if (letter->campaign.len)
        memcpy(record + sizeof(struct message), letter->campaign.ptr, letter->campaign.len);
    return lmdb_put(ctx, db, TABLE_MESSAGES, message_id, (struct str){ record, bytes });
}

/* A mail ends in one way: what is certain is stronger than what is not, and that it went out than that it did not. */
#define WENT_OUT (MAIL_SENT | MAIL_DELIVERED)
#define ENDS (WENT_OUT | MAIL_FAILED | MAIL_WITHHELD | MAIL_DOUBTED)

/* Where `only` is heard of and `unless` is not, it is counted. */
static const struct {
    enum measure measure;
    uint32_t only, unless;
} rules[] = {
    { MEASURE_sent,         WENT_OUT,                   0 },
    { MEASURE_delivered,    WENT_OUT,                   MAIL_BOUNCED },
    { MEASURE_bounced,      MAIL_BOUNCED,               0 },
    { MEASURE_failed,       MAIL_FAILED,                WENT_OUT },
    { MEASURE_withheld,     MAIL_WITHHELD,              WENT_OUT | MAIL_FAILED },
    { MEASURE_doubted,      MAIL_DOUBTED,               WENT_OUT | MAIL_FAILED | MAIL_WITHHELD },
    { MEASURE_complained,   MAIL_COMPLAINED,            0 },
    { MEASURE_opened,       MAIL_OPENED | MAIL_CLICKED, 0 },
    { MEASURE_clicked,      MAIL_CLICKED,               0 },
    { MEASURE_unsubscribed, MAIL_UNSUBSCRIBED,          0 },
};

static bool count(struct ctx *ctx, struct lmdb *db, const struct letter *letter, bool add)
{
    const struct message *message = &letter->message;
    struct cell cell = { .at_us = message->sent_us ? message->sent_us : message->first_us,
                         .channel = CHANNEL_EMAIL,
                         .campaign = letter->campaign };
    struct sums sums = { 0 };
    for (size_t i = 0; i < COUNT(rules); i++)
        if (message->fates & rules[i].only && !(message->fates & rules[i].unless))
            sums.of[rules[i].measure] = 1;
    sums.of[MEASURE_completed] = message->fates & ENDS && message->fates & MAIL_OF_LAUNCH;
    if (!add)
        sums_negate(&sums);
    int64_t n = add ? 1 : -1;
    return (message->fates == 0 || cell_change(ctx, db, &cell, &sums)) &&
           (!message->due_us || !message->sent_us ||
            lasting_change(ctx, db, LASTING_ACCEPTED, cell.at_us, cell.campaign,
                           message->sent_us - message->due_us, n)) &&
           (!message->due_us || !message->opened_us ||
            lasting_change(ctx, db, LASTING_OPENED, cell.at_us, cell.campaign,
                           message->opened_us - message->due_us, n));
}

static void earliest(int64_t *kept, int64_t at_us)
{
    if (at_us && (*kept == 0 || at_us < *kept))
        *kept = at_us;
}

bool mail_heard(struct ctx *ctx, struct lmdb *db, const struct mail_news *news)
{
    struct letter before = letter_read(ctx, db, news->message_id), after = before;
    struct message *message = &after.message;
    if (ctx_failed(ctx))
        return false;
    message->fates |= news->fate | (news->of_launch ? MAIL_OF_LAUNCH : 0u);
    earliest(&message->first_us, news->at_us);
    if (news->fate == MAIL_SENT) {
        earliest(&message->sent_us, news->at_us);
        earliest(&message->due_us, news->due_us);
    }
    if (news->fate == MAIL_OPENED || news->fate == MAIL_CLICKED)
        earliest(&message->opened_us, news->at_us);
    if (str_cmp(news->campaign_id, after.campaign) > 0)
        after.campaign = news->campaign_id; /* all that is told of a message names the same */
    if (memcmp(&before.message, message, sizeof(*message)) == 0 &&
        str_eq(before.campaign, after.campaign))
        return true;
    return count(ctx, db, &before, false) && count(ctx, db, &after, true) &&
           letter_write(ctx, db, news->message_id, &after);
}
