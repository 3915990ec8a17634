#include "base/hash.h"
#include "platform/service/service.h"
#include "services/reporting/csv.h"
#include "services/reporting/definitions.h"
#include "services/reporting/page.h"

/* ---- how it is answered ---- */

static bool accepts(const struct ctx *ctx, const char *type)
{
    struct str list = request_header(ctx, "Accept"), part;
    while (list.len && str_split(&list, ',', &part)) {
        part = str_trim(part);
        if (str_starts(part, str_of(type)))
            return true;
        if (str_starts(part, STR("application/json")))
            return false;
    }
    return false;
}

static bool caller_has(struct str list, struct str etag)
{
    struct str part;
    while (list.len && str_split(&list, ',', &part)) {
        part = str_trim(part);
        if (str_starts(part, STR("W/")))
            part = (struct str){ part.ptr + 2, part.len - 2 };
        if (str_eq(part, etag) || str_is(part, "*"))
            return true;
    }
    return false;
}

static struct reply answer(struct ctx *ctx, const char *type, struct str body, struct str has)
{
    struct str etag =
        arena_printf(ctx->arena, "\"%016llx\"", (unsigned long long)hash_fnv1a(body.ptr, body.len));
    struct reply reply;
    if (caller_has(has, etag)) {
        reply = reply_not_modified(ctx, etag);
    } else {
        reply = type ? reply_text(ctx, 200, type, body) : reply_ok(ctx, body);
        reply_add(ctx, &reply, "ETag", etag);
    }
    reply_add(ctx, &reply, "Vary", STR("Accept"));
    reply_add(ctx, &reply, "Cache-Control", STR("private, no-cache"));
    return reply;
}

static bool csv_wanted(const struct ctx *ctx, bool has_format, enum table_format format)
{
    return has_format ? format == TABLE_FORMAT_CSV : accepts(ctx, "text/csv");
}

/* `json`: an object whose `items` are the rows. */
static struct reply table(struct ctx *ctx, struct str json, bool csv,
                          const struct csv_column *columns, size_t n, struct str has)
{
    if (!csv)
        return answer(ctx, NULL, json, has);
    const struct json *rows = json_get(json_parse(ctx, json), "items");
    if (!rows)
        return reply_error(ctx);
    return answer(ctx, "text/csv; charset=utf-8", csv_of(ctx->arena, rows, columns, n), has);
}

#define FIGURE(name) { #name, "/figures/" #name }
#define FIGURES                                                                                    \
    FIGURE(visitors), FIGURE(distinct_visitors), FIGURE(orders), FIGURE(conversion),               \
        FIGURE(revenue), FIGURE(refunded), FIGURE(net_revenue), FIGURE(impressions),               \
        FIGURE(ad_clicks), FIGURE(spend), FIGURE(return_on_spend), FIGURE(sent),                   \
        FIGURE(delivered), FIGURE(bounced), FIGURE(failed), FIGURE(withheld), FIGURE(doubted),     \
        FIGURE(complained), FIGURE(opened), FIGURE(clicked), FIGURE(unsubscribed),                 \
        FIGURE(journeys_entered), FIGURE(journeys_ended), FIGURE(journeys_won)

/* ---- operations ---- */

/* One consistent state of the read model for as long as it is read. */
struct reading {
    struct model_use use;
    struct lmdb_read read;
};

static bool reading_begin(struct ctx *ctx, struct reading *reading)
{
    reading->use = service_model(ctx);
    return lmdb_read_begin(ctx, reading->use.model, &reading->read);
}

static void reading_end(struct reading *reading)
{
    lmdb_read_end(&reading->read);
    model_done(&reading->use);
}

#define READING CLEANUP(reading_end) struct reading reading = { 0 }

struct reply reporting_get_dashboard(struct ctx *ctx, const struct get_dashboard_in *in)
{
    READING;
    struct asked asked;
    struct dashboard dashboard;
    struct campaign_list campaigns;
    struct str html;
    if (!asked_read(ctx, in->from, in->to, in->currency, false, &asked) ||
        !reading_begin(ctx, &reading) || !dashboard_answer(ctx, &reading.read, &asked, &dashboard))
        return reply_error(ctx);
    if (in->has_format ? in->format != PAGE_FORMAT_HTML : !accepts(ctx, "text/html"))
        return answer(ctx, NULL, dashboard_encode(ctx, &dashboard), in->if_none_match);
    if (!campaigns_answer(ctx, &reading.read, &asked, (struct str){ NULL, 0 }, 50, &campaigns) ||
        !page_render(ctx, &dashboard, &campaigns, &html))
        return reply_error(ctx);
    return answer(ctx, "text/html; charset=utf-8", html, in->if_none_match);
}

struct reply reporting_list_days(struct ctx *ctx, const struct list_days_in *in)
{
    static const struct csv_column columns[] = {
        { "day", "/day" }, FIGURES, FIGURE(published), FIGURE(points_earned), FIGURE(points_spent)
    };
    READING;
    struct asked asked;
    struct dashboard all;
    if (!asked_read(ctx, in->from, in->to, in->currency, false, &asked) ||
        !reading_begin(ctx, &reading) || !dashboard_answer(ctx, &reading.read, &asked, &all))
        return reply_error(ctx);
    struct day_list list = { ASKED(&asked), .items = all.days, .n_items = all.n_days };
    return table(ctx, day_list_encode(ctx, &list), csv_wanted(ctx, in->has_format, in->format),
                 columns, COUNT(columns), in->if_none_match);
}

struct reply reporting_list_channels(struct ctx *ctx, const struct list_channels_in *in)
{
    static const struct csv_column columns[] = { { "channel", "/channel" }, FIGURES };
    READING;
    struct asked asked;
    struct dashboard all;
    if (!asked_read(ctx, in->from, in->to, in->currency, false, &asked) ||
        !reading_begin(ctx, &reading) || !dashboard_answer(ctx, &reading.read, &asked, &all))
        return reply_error(ctx);
    struct channel_list list = { ASKED(&asked), .items = all.channels, .n_items = all.n_channels };
    return table(ctx, channel_list_encode(ctx, &list), csv_wanted(ctx, in->has_format, in->format),
                 columns, COUNT(columns), in->if_none_match);
}

struct reply reporting_list_campaigns(struct ctx *ctx, const struct list_campaigns_in *in)
{
    static const struct csv_column columns[] = { { "campaign_id", "/campaign_id" },
                                                 { "name", "/name" },
                                                 { "state", "/state" },
                                                 { "completion", "/completion" },
                                                 FIGURES };
    READING;
    struct asked asked;
    struct campaign_list list;
    struct str after = { NULL, 0 };
    if ((in->cursor.ptr && !sql_cursor_parse(ctx, in->cursor, &after, 1)) ||
        !asked_read(ctx, in->from, in->to, in->currency, false, &asked) ||
        !reading_begin(ctx, &reading) ||
        !campaigns_answer(ctx, &reading.read, &asked, after, (size_t)in->limit, &list))
        return reply_error(ctx);
    return table(ctx, campaign_list_encode(ctx, &list), csv_wanted(ctx, in->has_format, in->format),
                 columns, COUNT(columns), in->if_none_match);
}

/* The steps of all launches, as rows. */
static struct str steps_of(struct ctx *ctx, const struct campaign *campaign)
{
    struct json_out out;
    json_out_init(&out, ctx->arena);
    json_object(&out);
    json_key(&out, "items");
    json_array(&out);
    for (size_t i = 0; i < campaign->n_launches; i++)
        for (size_t k = 0; k < campaign->launches[i].n_steps; k++) {
            json_object(&out);
            json_key(&out, "launch_id");
            json_put_str(&out, campaign->launches[i].launch_id);
            json_key(&out, "step");
            json_put_raw(&out, launch_step_encode(ctx, &campaign->launches[i].steps[k]));
            json_object_end(&out);
        }
    json_array_end(&out);
    json_object_end(&out);
    return json_out_str(&out);
}

struct reply reporting_get_campaign(struct ctx *ctx, const struct get_campaign_in *in)
{
    static const struct csv_column columns[] = {
        { "launch_id", "/launch_id" },  { "at", "/step/at" },           { "step", "/step/step" },
        { "state", "/step/state" },    { "attempt", "/step/attempt" }, { "reason", "/step/reason" },
    };
    READING;
    struct asked asked;
    struct campaign campaign;
    if (!asked_read(ctx, in->from, in->to, in->currency, true, &asked) ||
        !reading_begin(ctx, &reading) ||
        !campaign_answer(ctx, &reading.read, &asked, in->campaign_id, &campaign))
        return reply_error(ctx);
    bool csv = csv_wanted(ctx, in->has_format, in->format);
    return table(ctx, csv ? steps_of(ctx, &campaign) : campaign_encode(ctx, &campaign), csv,
                 columns, COUNT(columns), in->if_none_match);
}

struct reply reporting_list_definitions(struct ctx *ctx, const struct list_definitions_in *in)
{
    static const struct csv_column columns[] = { { "name", "/name" },
                                                 { "unit", "/unit" },
                                                 { "definition", "/definition" },
                                                 { "sources", "/sources" } };
    struct definition *items = ARENA_ARRAY(ctx->arena, struct definition, n_definition_texts);
    for (size_t i = 0; i < n_definition_texts; i++) {
        const struct definition_text *text = &definition_texts[i];
        struct str *sources = ARENA_ARRAY(ctx->arena, struct str, COUNT(text->sources));
        size_t n = 0;
        for (; n < COUNT(text->sources) && text->sources[n]; n++)
            sources[n] = str_of(text->sources[n]);
        items[i] = (struct definition){ .name = str_of(text->name),
                                        .unit = str_of(text->unit),
                                        .definition = str_of(text->definition),
                                        .sources = sources,
                                        .n_sources = n };
    }
    struct definition_list list = { .items = items, .n_items = n_definition_texts };
    return table(ctx, definition_list_encode(ctx, &list),
                 csv_wanted(ctx, in->has_format, in->format), columns, COUNT(columns),
                 in->if_none_match);
}

struct reply reporting_list_freshness(struct ctx *ctx, const struct list_freshness_in *in)
{
    static const struct csv_column columns[] = { { "topic", "/topic" },
                                                 { "newest_at", "/newest_at" },
                                                 { "behind", "/behind" } };
    READING;
    size_t n;
    if (!reading_begin(ctx, &reading))
        return reply_error(ctx);
    const struct str *topics = topics_heard(ctx, &n);
    struct freshness_row *items = ARENA_ARRAY(ctx->arena, struct freshness_row, n);
    for (size_t i = 0; i < n; i++)
        freshness_of(ctx, &reading.read, topics[i], &items[i]);
    struct freshness_list list = { .items = items, .n_items = n };
    return table(ctx, freshness_list_encode(ctx, &list),
                 csv_wanted(ctx, in->has_format, in->format), columns, COUNT(columns),
                 in->if_none_match);
}
