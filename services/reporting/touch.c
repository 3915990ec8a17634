#include "services/reporting/touch.h"

/* utm_medium -> channel, as the makers of links use it. */
static const struct {
    const char *medium;
    enum channel channel;
} mediums[] = {
    { "email", CHANNEL_EMAIL },
    { "e-mail", CHANNEL_EMAIL },
    { "newsletter", CHANNEL_EMAIL },
    { "cpc", CHANNEL_ADS },
    { "ppc", CHANNEL_ADS },
    { "cpm", CHANNEL_ADS },
    { "paid", CHANNEL_ADS },
    { "paidsearch", CHANNEL_ADS },
    { "display", CHANNEL_ADS },
    { "banner", CHANNEL_ADS },
    { "ads", CHANNEL_ADS },
    { "retargeting", CHANNEL_ADS },
    { "organic", CHANNEL_SEARCH },
    { "search", CHANNEL_SEARCH },
    { "social", CHANNEL_SOCIAL },
    { "social-media", CHANNEL_SOCIAL },
    { "sm", CHANNEL_SOCIAL },
    { "referral", CHANNEL_REFERRAL },
    { "affiliate", CHANNEL_REFERRAL },
};

struct utm {
    struct str medium, source, campaign;
};

static enum channel channel_of(struct str medium)
{
    for (size_t i = 0; i < COUNT(mediums); i++)
        if (str_eq_nocase(medium, str_of(mediums[i].medium)))
            return mediums[i].channel;
    return CHANNEL_OTHER;
}

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c |= 0x20;
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* Percents and plus signs as in a form; a broken escape stands for itself. */
static struct str decoded(struct arena *arena, struct str text)
{
    char *out = arena_alloc(arena, text.len + 1);
    size_t n = 0;
    for (size_t i = 0; i < text.len; i++) {
        int high = text.ptr[i] == '%' && i + 2 < text.len ? hex_digit(text.ptr[i + 1]) : -1;
        int low = high >= 0 ? hex_digit(text.ptr[i + 2]) : -1;
        if (low >= 0)
            i += 2;
        out[n++] = low >= 0 ? (char)(high << 4 | low) : text.ptr[i] == '+' ? ' ' : text.ptr[i];
    }
    return (struct str){ out, n };
}

static bool from_query(struct arena *arena, struct str text, struct utm *out)
{
    struct str query = text, part, name;
    if (!text.len || str_find_char(text, '?') < 0)
        return false;
    str_split(&query, '?', &part);
    if (!str_split(&query, '#', &part))
        return false;
    query = part;
    while (str_split(&query, '&', &part)) {
        if (!str_split(&part, '=', &name))
            continue;
        struct str *member = str_is(name, "utm_medium")     ? &out->medium
                             : str_is(name, "utm_source")   ? &out->source
                             : str_is(name, "utm_campaign") ? &out->campaign
                                                            : NULL;
        if (member)
            *member = decoded(arena, part);
    }
    return out->medium.len || out->source.len || out->campaign.len;
}

static bool from_member(const struct json *campaign, struct utm *out)
{
    *out = (struct utm){ .medium = json_str(json_get(campaign, "medium")),
                         .source = json_str(json_get(campaign, "source")),
                         .campaign = json_str(json_get(campaign, "name")) };
    return out->medium.len || out->source.len || out->campaign.len;
}

/* As many whole characters as there is room for; empty where it is no text that can be shown. */
static struct str shown(struct arena *arena, struct str text)
{
    if (!str_is_utf8(text) || (text.len && memchr(text.ptr, 0, text.len)))
        return STR("");
    size_t n = MIN(text.len, TOUCH_CAMPAIGN_BYTES);
    while (n < text.len && n > 0 && ((unsigned char)text.ptr[n] & 0xC0) == 0x80)
        n--;
    return arena_str(arena, (struct str){ text.ptr, n });
}

bool touch_of(struct ctx *ctx, const struct json *context, const struct json *properties,
              struct touch *out)
{
    const struct json *page = json_get(context, "page");
    struct utm utm = { 0 };
    if (!from_member(json_get(context, "campaign"), &utm) &&
        !from_query(ctx->arena, json_str(json_get(page, "search")), &utm) &&
        !from_query(ctx->arena, json_str(json_get(page, "url")), &utm) &&
        !from_query(ctx->arena, json_str(json_get(properties, "search")), &utm) &&
        !from_query(ctx->arena, json_str(json_get(properties, "url")), &utm))
        return false;
    *out = (struct touch){ channel_of(utm.medium), shown(ctx->arena, utm.campaign) };
    return true;
}
