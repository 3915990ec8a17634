#include "services/reporting/definitions.h"

#define ORDERS "fanfare.commerce.order"
#define CLICKSTREAM "fanfare.analytics.event"
#define PAGES "fanfare.gateway.page"
#define MESSAGES "fanfare.email.message"
#define DELIVERIES "fanfare.email.delivery"
#define IMPRESSIONS "fanfare.ads.impression"
#define CLICKS "fanfare.ads.click"
#define SPEND "fanfare.ads.spend"
#define POINTS "fanfare.loyalty.points"
#define JOURNEYS "fanfare.campaign.journey"
#define TOUCHES CLICKSTREAM, MESSAGES, CLICKS

const struct definition_text definition_texts[] = {
    { "visitors",
      "people",
      "Different people who looked at a page or came by a link of a channel, of each UTC day, added up over the days. A person"
      " is the customer where the event names one, else the visitor. Of a channel or a campaign: those who came by it on that"
      " day; direct: those who came by none.",
      { PAGES, TOUCHES } },
    { "distinct_visitors",
      "people",
      "Different people of all the days that are asked for, each once, whichever of them they came on; alike of a channel or a"
      " campaign. Exact. Who is a visitor on one day and known as a customer on another is two people.",
      { PAGES, TOUCHES } },
    { "orders",
      "orders",
      "Orders placed, on the day they were placed, in all currencies. Each counts for the channel and the campaign of the last"
      " touch (a click in a mail, a click on an ad, a visit by a link with utm_ parameters) of the customer, or of a visitor who"
      " is the customer, at most 7 days before it; direct where there is none. Of two touches at one moment the channel that"
      " comes first in the list of channels, then the campaign whose id does.",
      { ORDERS, TOUCHES, PAGES } },
    { "revenue",
      "minor units",
      "Totals of the orders placed in the currency that is asked for, before refunds.",
      { ORDERS } },
    { "refunded",
      "minor units",
      "Of these totals, what was paid back, and all of an order that was cancelled; on the day the order was placed.",
      { ORDERS } },
    { "net_revenue", "minor units", "revenue - refunded", { ORDERS } },
    { "conversion", "share", "orders / visitors", { ORDERS, PAGES, TOUCHES } },
    { "impressions",
      "impressions",
      "Times that an ad was seen: each once where house ads tell, as many as outside networks report with their spend.",
      { IMPRESSIONS, SPEND } },
    { "ad_clicks", "clicks", "Impressions that were clicked, counted alike.", { CLICKS, SPEND } },
    { "spend",
      "minor units",
      "Spend on ads in the currency that is asked for, on the day its time begins.",
      { SPEND } },
    { "return_on_spend",
      "ratio",
      "net_revenue of the channel ads / spend",
      { ORDERS, SPEND, TOUCHES } },
    { "sent",
      "mails",
      "Mails that the next mail server took, on the day it did. What follows counts on that day, too.",
      { MESSAGES } },
    { "delivered", "mails", "Mails that were sent and did not bounce.", { MESSAGES } },
    { "delivery_rate", "share", "delivered / (sent + failed)", { MESSAGES } },
    { "bounced", "mails", "Mails that came back, whatever the reason.", { MESSAGES } },
    { "bounce_rate", "share", "bounced / sent", { MESSAGES } },
    { "failed", "mails", "Mails that were refused or given up, and never sent.", { MESSAGES } },
    { "withheld",
      "mails",
      "Mails that were not sent because they must not be: consent, suppression, caps.",
      { MESSAGES } },
    { "doubted",
      "mails",
      "Mails of which nobody knows whether the next mail server took them.",
      { MESSAGES } },
    { "complained", "mails", "Mails that were reported as spam.", { MESSAGES } },
    { "complaint_rate", "share", "complained / delivered", { MESSAGES } },
    { "opened",
      "mails",
      "Mails that a person opened or clicked in; what machines do is left out.",
      { MESSAGES } },
    { "open_rate", "share", "opened / delivered", { MESSAGES } },
    { "clicked",
      "mails",
      "Mails in which a person clicked; what machines do is left out.",
      { MESSAGES } },
    { "click_rate", "share", "clicked / delivered", { MESSAGES } },
    { "unsubscribed", "mails", "Mails by which a person unsubscribed.", { MESSAGES } },
    { "unsubscribe_rate", "share", "unsubscribed / delivered", { MESSAGES } },
    { "time_to_inbox.accepted",
      "seconds",
      "From the moment that a mail was due until the next mail server took it: so many percent took at most this, right to 3.2 %.",
      { MESSAGES } },
    { "time_to_inbox.opened", "seconds", "The same until a person opened it first.", { MESSAGES } },
    { "completion",
      "share",
      "Of a campaign: mails of its launches that have come to an end (sent, else failed, else withheld, else doubted: each once) /"
      " recipients of its launches that went out, whatever the days. Mails that others send in its name do not count.",
      { MESSAGES, DELIVERIES } },
    { "journeys_entered", "visits", "Times that a person entered a journey.", { JOURNEYS } },
    { "journeys_ended",
      "visits",
      "Times that a person left a journey, on the day they did.",
      { JOURNEYS } },
    { "journeys_won", "visits", "Of these, those that reached the journey's goal.", { JOURNEYS } },
    { "published",
      "entries",
      "Entries that are shown now, on the day of their newest publication: the log keeps only the newest of each.",
      { "fanfare.content.entry" } },
    { "points_earned", "points", "Loyalty points credited, less those taken back.", { POINTS } },
    { "points_spent", "points", "Loyalty points spent.", { POINTS } },
};
const size_t n_definition_texts = COUNT(definition_texts);
