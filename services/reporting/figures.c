#include "services/reporting/figures.h"

#include "services/reporting/visitors.h"

/* ---- cells ---- */

struct seen_cell {
    int64_t day;
    enum channel channel;
    struct str currency, campaign; /* currency: zeros where there is none */
    struct sums sums;
};

#define CELL_HEAD 8 /* day, channel, currency */

static bool cell_read(struct str key, struct str value, struct seen_cell *out)
{
    if (key.len < CELL_HEAD || value.len != sizeof(out->sums))
        return false;
    out->day = day_of_number(key_read(key, 0, 4));
    out->channel = (enum channel)key_read(key, 4, 1);
    out->currency = (struct str){ key.ptr + 5, 3 };
    out->campaign = (struct str){ key.ptr + CELL_HEAD, key.len - CELL_HEAD };
    memcpy(&out->sums, value.ptr, sizeof(out->sums));
    return out->channel < N_CHANNELS;
}

static int64_t plus(int64_t a, int64_t b)
{
    return (int64_t)((uint64_t)a + (uint64_t)b);
}

static int64_t minus(int64_t a, int64_t b)
{
    return (int64_t)((uint64_t)a - (uint64_t)b);
}

static bool is_money(enum measure measure)
{
    return measure == MEASURE_revenue || measure == MEASURE_refunded || measure == MEASURE_spend;
}

/* Visitors are counted once for all channels (CHANNEL_ALL) and for each: `whole` takes the first, else the second. */
static void row_add(struct row *row, const struct seen_cell *cell, const struct question *question,
                    bool whole)
{
    bool ours = str_is(cell->currency, question->currency);
    for (int i = 0; i < N_MEASURES; i++) {
        bool counts =
            is_money(i) ? ours : i != MEASURE_visitors || (cell->channel == CHANNEL_ALL) == whole;
        if (counts)
            row->sums.of[i] = plus(row->sums.of[i], cell->sums.of[i]);
    }
    if (ours && cell->channel == CHANNEL_ADS)
        row->ads_net = plus(row->ads_net,
                            minus(cell->sums.of[MEASURE_revenue], cell->sums.of[MEASURE_refunded]));
}

static struct key day_key(int64_t day)
{
    struct key key = { 0 };
    key_number(&key, day_number(day), 4);
    return key;
}

/* ---- the overview ---- */

struct looking {
    const struct question *question;
    struct overview *out;
};

static void add_currency(struct overview *out, const struct seen_cell *cell)
{
    int64_t orders = cell->sums.of[MEASURE_orders];
    size_t i = 0;
    if (orders == 0)
        return;
    while (i < out->n_currencies && !str_is(cell->currency, out->currencies[i].currency))
        i++;
    if (i == MOST_CURRENCIES)
        return;
    if (i == out->n_currencies)
        memcpy(out->currencies[out->n_currencies++].currency, cell->currency.ptr, 3);
    out->currencies[i].orders += orders;
}

static bool overview_look(struct str key, struct str value, void *argument)
{
    struct looking *looking = argument;
    const struct question *question = looking->question;
    struct overview *out = looking->out;
    struct seen_cell cell;
    if (!cell_read(key, value, &cell))
        return true;
    if (cell.day > question->to_day)
        return false;
    row_add(&out->total, &cell, question, true);
    row_add(&out->days[cell.day - question->from_day], &cell, question, true);
    row_add(&out->channels[cell.channel], &cell, question, false);
    add_currency(out, &cell);
    return true;
}

static void overview_visitors(const struct lmdb_read *read, const struct question *question,
                              struct overview *out)
{
    struct crowd crowd = crowd_all();
    out->total.distinct = visitors_count(read, &crowd, question->from_day, question->to_day);
    for (int i = 0; i < N_CHANNELS; i++) {
        crowd = crowd_of_channel((enum channel)i);
        out->channels[i].distinct =
            visitors_count(read, &crowd, question->from_day, question->to_day);
    }
    for (int64_t day = question->from_day; day <= question->to_day; day++) {
        struct row *row = &out->days[day - question->from_day];
        row->distinct = row->sums.of[MEASURE_visitors];
    }
}

void figures_overview(struct ctx *ctx, const struct lmdb_read *read,
                      const struct question *question, struct overview *out)
{
    struct key from = day_key(question->from_day);
    struct looking looking = { question, out };
    *out = (struct overview){ 0 };
    out->days = ARENA_ARRAY(ctx->arena, struct row, question->to_day - question->from_day + 1);
    lmdb_scan(read, TABLE_CELLS, key_str(&from), overview_look, &looking);
    overview_visitors(read, question, out);
}

/* ---- campaigns ---- */

static void campaign_add(struct campaign_figures *campaign, const struct seen_cell *cell,
                         const struct question *question)
{
    row_add(&campaign->always, cell, question, false);
    campaign->first_day = MIN(campaign->first_day, cell->day);
    if (cell->day >= question->from_day && cell->day <= question->to_day)
        row_add(&campaign->row, cell, question, false);
}

static void campaign_visitors(const struct lmdb_read *read, const struct question *question,
                              struct campaign_figures *campaign)
{
    struct crowd crowd = crowd_of_campaign(campaign->campaign_id);
    campaign->row.distinct = visitors_count(read, &crowd, question->from_day, question->to_day);
}

/* The first `most` ids beyond `after`, in order: what is pushed out by lower ones never comes back. */
struct choosing {
    struct ctx *ctx;
    const struct question *question;
    struct str after;
    struct campaign_figures *list;
    size_t n, most;
};

static struct campaign_figures *choose(struct choosing *choosing, struct str campaign_id)
{
    if (campaign_id.len == 0 || (choosing->after.ptr && str_cmp(campaign_id, choosing->after) <= 0))
        return NULL;
    size_t low = 0, high = choosing->n;
    while (low < high) {
        size_t middle = (low + high) / 2;
        if (str_cmp(choosing->list[middle].campaign_id, campaign_id) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    if (low < choosing->n && str_eq(choosing->list[low].campaign_id, campaign_id))
        return &choosing->list[low];
    if (low == choosing->most)
        return NULL;
    size_t kept = MIN(choosing->n, choosing->most - 1);
    memmove(&choosing->list[low + 1], &choosing->list[low], (kept - low) * sizeof(*choosing->list));
    choosing->n = kept + 1;
    choosing->list[low] =
        (struct campaign_figures){ .campaign_id = arena_str(choosing->ctx->arena, campaign_id),
                                   .first_day = INT64_MAX };
    return &choosing->list[low];
}

static bool planned_look(struct str key, struct str value, void *argument)
{
    struct choosing *choosing = argument;
    return choose(choosing, key) || choosing->n < choosing->most;
}

/* Of the days that are asked for first, since only they choose. */
static bool chosen_look(struct str key, struct str value, void *argument)
{
    struct choosing *choosing = argument;
    struct seen_cell cell;
    if (!cell_read(key, value, &cell))
        return true;
    if (cell.day > choosing->question->to_day)
        return false;
    choose(choosing, cell.campaign);
    return true;
}

static bool chosen_add(struct str key, struct str value, void *argument)
{
    struct choosing *choosing = argument;
    struct seen_cell cell;
    if (!cell_read(key, value, &cell) || cell.campaign.len == 0)
        return true;
    size_t low = 0, high = choosing->n;
    while (low < high) {
        size_t middle = (low + high) / 2;
        int order = str_cmp(choosing->list[middle].campaign_id, cell.campaign);
        if (order == 0) {
            campaign_add(&choosing->list[middle], &cell, choosing->question);
            return true;
        }
        if (order < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return true;
}

void figures_campaigns(struct ctx *ctx, const struct lmdb_read *read,
                       const struct question *question, struct str after, size_t limit,
                       struct campaign_figures **out, size_t *n)
{
    struct key from = day_key(question->from_day);
    struct choosing choosing = { .ctx = ctx,
                                 .question = question,
                                 .after = after,
                                 .list = ARENA_ARRAY(ctx->arena, struct campaign_figures, limit),
                                 .most = limit };
    lmdb_scan(read, TABLE_CAMPAIGNS, after, planned_look, &choosing);
    lmdb_scan(read, TABLE_CELLS, key_str(&from), chosen_look, &choosing);
    lmdb_scan(read, TABLE_CELLS, (struct str){ NULL, 0 }, chosen_add, &choosing);
    for (size_t i = 0; i < choosing.n; i++)
        campaign_visitors(read, question, &choosing.list[i]);
    *out = choosing.list;
    *n = choosing.n;
}

void figures_campaign(const struct lmdb_read *read, const struct question *question,
                      struct campaign_figures *campaign)
{
    struct choosing one = { .question = question, .list = campaign, .n = 1, .most = 1 };
    campaign->first_day = INT64_MAX;
    lmdb_scan(read, TABLE_CELLS, (struct str){ NULL, 0 }, chosen_add, &one);
    campaign_visitors(read, question, campaign);
}

/* ---- how long mail took ---- */

#define BUCKETS (64 << 5)
#define TIME_HEAD 7 /* what, day, bucket */

struct lasting_look {
    struct str campaign_id;
    enum lasting_kind what;
    int64_t to_day, *buckets, n;
};

static bool lasting_add(struct str key, struct str value, void *argument)
{
    struct lasting_look *look = argument;
    int64_t count;
    if (key.len < TIME_HEAD || value.len != sizeof(count) ||
        (enum lasting_kind)key_read(key, 0, 1) != look->what ||
        day_of_number(key_read(key, 1, 4)) > look->to_day)
        return false;
    struct str campaign = { key.ptr + TIME_HEAD, key.len - TIME_HEAD };
    uint64_t bucket = key_read(key, 5, 2);
    if (bucket >= BUCKETS || (look->campaign_id.ptr && !str_eq(campaign, look->campaign_id)))
        return true;
    memcpy(&count, value.ptr, sizeof(count));
    look->buckets[bucket] += count;
    look->n += count;
    return true;
}

/* The least duration that so many hundredths of them are within. */
static int64_t quantile(const struct lasting_look *look, int64_t hundredths)
{
    int64_t wanted = (look->n * hundredths + 99) / 100, so_far = 0;
    for (unsigned i = 0; i < BUCKETS && look->n; i++) {
        so_far += look->buckets[i];
        if (so_far >= wanted)
            return lasting_of(i);
    }
    return 0;
}

void figures_lasted(struct ctx *ctx, const struct lmdb_read *read, enum lasting_kind what,
                    const struct question *question, struct str campaign_id, struct lasted *out)
{
    struct lasting_look look = { .campaign_id = campaign_id,
                                 .what = what,
                                 .to_day = question->to_day,
                                 .buckets = ARENA_ARRAY(ctx->arena, int64_t, BUCKETS) };
    struct key from = { 0 };
    key_number(&from, what, 1);
    key_number(&from, day_number(question->from_day), 4);
    lmdb_scan(read, TABLE_TIMES, key_str(&from), lasting_add, &look);
    *out = (struct lasted){ look.n, quantile(&look, 50), quantile(&look, 95) };
}

/* ---- freshness ---- */

static bool newest_look(struct str key, struct str value, void *argument)
{
    int64_t at_us, *newest = argument;
    if (value.len == sizeof(at_us)) {
        memcpy(&at_us, value.ptr, sizeof(at_us));
        *newest = MAX(*newest, at_us);
    }
    return true;
}

bool figures_newest(const struct lmdb_read *read, struct str topic, int64_t *out)
{
    *out = INT64_MIN;
    if (topic.ptr)
        newest_look(topic, lmdb_get(read, TABLE_FRESH, topic), out);
    else
        lmdb_scan(read, TABLE_FRESH, topic, newest_look, out);
    return *out != INT64_MIN;
}
