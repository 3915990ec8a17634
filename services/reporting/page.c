#include "services/reporting/page.h"

#include "platform/template/template.h"

static const char source[] =
    "<!doctype html>\n"
    "<html lang=\"en\"><head><meta charset=\"utf-8\"><meta name=\"viewport\" content=\"width=device-width\">\n"
    "<title>Marketing, {{ d.from }} to {{ d.to }}</title>\n"
    "<style>:root{color-scheme:light dark}body{font:16px/1.5 system-ui,sans-serif;max-width:60rem;margin:0 auto;padding:1rem}\n"
    "dl{display:grid;grid-template-columns:repeat(auto-fill,minmax(9rem,1fr));gap:.5rem}dl div{border:1px solid #8886;border-radius:.5rem;padding:.5rem}\n"
    "dt{font-size:.8rem;opacity:.75}dd{margin:0;font-size:1.3rem}table{border-collapse:collapse;width:100%}\n"
    "th,td{text-align:right;padding:.25rem .5rem;border-bottom:1px solid #8886}th:first-child,td:first-child{text-align:left}\n"
    ".wide{overflow-x:auto}svg{width:100%;height:auto;fill:#47c}</style></head><body>\n"
    "<h1>Marketing</h1><p>{{ d.from }} to {{ d.to }}, days of UTC, amounts in {{ d.currency }}."
    " {% if d.as_of %}Newest event: {{ d.as_of | date: '%Y-%m-%d %H:%M:%S' }}.{% endif %}"
    " {% if d.behind and d.behind > 0 %}{{ d.behind }} events are not counted yet.{% endif %}</p>\n"
    "<dl>{% assign f = d.figures %}"
    "<div><dt>Net revenue</dt><dd>{{ f.net_revenue | money: d.currency }}</dd></div>"
    "<div><dt>Orders</dt><dd>{{ f.orders }}</dd></div><div><dt>Visitors</dt><dd>{{ f.distinct_visitors }}</dd></div>"
    "<div><dt>Conversion</dt><dd>{% if f.conversion %}{{ f.conversion | times: 100 | round: 1 }} %{% else %}-{% endif %}</dd></div>"
    "<div><dt>Mails sent</dt><dd>{{ f.sent }}</dd></div>"
    "<div><dt>Delivery rate</dt><dd>{% if f.delivery_rate %}{{ f.delivery_rate | times: 100 | round: 1 }} %{% else %}-{% endif %}</dd></div>"
    "<div><dt>Open rate</dt><dd>{% if f.open_rate %}{{ f.open_rate | times: 100 | round: 1 }} %{% else %}-{% endif %}</dd></div>"
    "<div><dt>Accepted within (half of them)</dt><dd>{% if d.time_to_inbox.accepted.messages > 0 %}{{ d.time_to_inbox.accepted.p50_s | round: 1 }} s{% else %}-{% endif %}</dd></div>"
    "<div><dt>Ad spend</dt><dd>{{ f.spend | money: d.currency }}</dd></div>"
    "<div><dt>Entries published</dt><dd>{{ f.published }}</dd></div>"
    "<div><dt>Points earned</dt><dd>{{ f.points_earned }}</dd></div></dl>\n"
    "<h2>Net revenue by day</h2>{% assign most = 1 %}{% for day in d.days %}{% if day.figures.net_revenue > most %}"
    "{% assign most = day.figures.net_revenue %}{% endif %}{% endfor %}\n"
    "<svg viewBox=\"0 0 720 120\" role=\"img\" aria-label=\"Net revenue by day\">{% assign wide = 720.0 | divided_by: d.days.size %}"
    "{% for day in d.days %}{% assign high = day.figures.net_revenue | at_least: 0 | times: 118.0 | divided_by: most | round: 1 %}"
    "<rect x=\"{{ forloop.index0 | times: wide | round: 2 }}\" y=\"{{ 120 | minus: high }}\" width=\"{{ wide | times: 0.8 | round: 2 }}\" height=\"{{ high }}\">"
    "<title>{{ day.day }}: {{ day.figures.net_revenue | money: d.currency }}</title></rect>{% endfor %}</svg>\n"
    "<h2>Channels</h2><div class=\"wide\"><table><tr><th>Channel<th>Visitors<th>Orders<th>Net revenue</tr>\n"
    "{% for row in d.channels %}<tr><td>{{ row.channel }}<td>{{ row.figures.distinct_visitors }}<td>{{ row.figures.orders }}"
    "<td>{{ row.figures.net_revenue | money: d.currency }}</tr>\n{% endfor %}</table></div>\n"
    "<h2>Campaigns</h2><div class=\"wide\"><table><tr><th>Campaign<th>State<th>Orders<th>Net revenue<th>Sent<th>Opened<th>Clicked</tr>\n"
    "{% for row in c.items %}<tr><td>{{ row.name | default: row.campaign_id }}<td>{{ row.state }}<td>{{ row.figures.orders }}"
    "<td>{{ row.figures.net_revenue | money: d.currency }}<td>{{ row.figures.sent }}<td>{{ row.figures.opened }}"
    "<td>{{ row.figures.clicked }}</tr>\n{% endfor %}</table></div>\n</body></html>\n";

bool page_open(struct ctx *ctx, void **app)
{
    *app = template_compile(ctx, str_of(source));
    return *app != NULL;
}

void page_close(void *app)
{
    template_free(app);
}

bool page_render(struct ctx *ctx, const struct dashboard *dashboard,
                 const struct campaign_list *campaigns, struct str *out)
{
    struct str text = arena_printf(ctx->arena, "{\"d\":" STR_FMT ",\"c\":" STR_FMT "}",
                                   STR_ARG(dashboard_encode(ctx, dashboard)),
                                   STR_ARG(campaign_list_encode(ctx, campaigns)));
    struct template_options options = { .data = json_parse(ctx, text) };
    return options.data && template_render(ctx, ctx->app, &options, out);
}
