/* The filters date and money, of which the golden cases know little. */
#include "base/clock.h"
#include "platform/template/tests/rendering.h"

#define FULL "%Y-%m-%d %H:%M:%S %z"

static const struct rendering dates[] = {
    { "{{ '2026-11-24T09:05:07.250Z' | date: '%Y-%m-%d %H:%M:%S.%L %N %z %Z %s' }}", NULL,
      "2026-11-24 09:05:07.250 250000000 +0000 UTC 1795511107" },
    { "{{ 1795511107 | date: '%a %A %b %B %d %e %j %y %C %u %w %V %G %U' }}", NULL,
      "Tue Tuesday Nov November 24 24 328 26 20 2 2 48 2026 47" },
    { "{{ 0 | date: '%-d|%_m|%e|%I|%l|%k|%p|%P|%^a|%^B|%#p|%D|%F|%T|%R|%r|%c|%x|%X' }}", NULL,
      "1| 1| 1|12|12| 0|AM|am|THU|JANUARY|am|01/01/70|1970-01-01|00:00:00|00:00|12:00:00 AM|"
      "Thu Jan  1 00:00:00 1970|01/01/70|00:00:00" },
    { "{{ 0 | date: '%:z %5S %010Y %-H %q %' }}", NULL, "+00:00 00000 0000001970 0 %q %" },
    { "{{ -1 | date: '" FULL "' }}", NULL, "1969-12-31 23:59:59 +0000" },
    { "{{ 1.5 | date: '%S.%L' }}", NULL, "01.500" },
    { "{{ 'now' | date: '" FULL "' }} {{ 'today' | date: '%F' }}", NULL,
      "2026-11-24 12:00:00 +0000 2026-11-24" },
    { "{{ '24 November 2026' | date: '%F' }} {{ 'Nov 24th, 2026' | date: '%F' }}", NULL,
      "2026-11-24 2026-11-24" },
    { "{{ 'Tue, 24 Nov 2026 10:20:30 +0130' | date: '" FULL "' }}", NULL,
      "2026-11-24 08:50:30 +0000" },
    { "{{ '2026-11-24 10:20' | date: '" FULL "' }} {{ '2026/11/24 3:04 pm' | date: '%R' }}", NULL,
      "2026-11-24 10:20:00 +0000 15:04" },
    { "{{ '2026-11-24 12:30 am' | date: '%R' }} {{ '2026-11-24 12:30 PM' | date: '%R' }}", NULL,
      "00:30 12:30" },
    { "{{ '2026-11-24 13:30 pm' | date: '%R' }}", NULL, "2026-11-24 13:30 pm" },
    { "{{ '2026-02-30' | date: '%F' }} {{ 'soon' | date: '%F' }} {{ '' | date: '%F' }}{{ a | date: '%F' }}",
      "{\"a\":[1]}", "2026-02-30 soon 1" },
    { "{{ 99999999999999999 | date: '%F' }} {{ '2026-11-24' | date: '' }}", NULL,
      "99999999999999999 2026-11-24" },
};

static const struct rendering berlin[] = {
    { "{{ '2026-03-29T00:59:59Z' | date: '" FULL " %Z' }}", NULL, "2026-03-29 01:59:59 +0100 CET" },
    { "{{ '2026-03-29T01:00:00Z' | date: '" FULL " %Z' }}", NULL,
      "2026-03-29 03:00:00 +0200 CEST" },
    { "{{ '2026-07-01' | date: '" FULL " %s' }}", NULL, "2026-07-01 00:00:00 +0200 1782856800" },
    { "{{ '2026-07-01 08:00 UTC' | date: '%R' }}", NULL, "10:00" },
    { "{{ '2126-07-01T00:00:00Z' | date: '%R %Z' }}", NULL, "02:00 CEST" },
};

static const struct rendering amounts[] = {
    { "{{ a | money }}", "{\"a\":{\"amount\":123456789,\"currency\":\"EUR\"}}", "€1,234,567.89" },
    { "{{ 1999 | money: 'USD' }} {{ 1999 | money: 'JPY' }} {{ 1999 | money: 'KWD' }}", NULL,
      "$19.99 ¥1,999 KWD\u00A01.999" },
    { "{{ 0 | money: 'USD' }} {{ 5 | money: 'USD' }} {{ -5 | money: 'USD' }}", NULL,
      "$0.00 $0.05 -$0.05" },
    { "{{ -9223372036854775808 | money: 'JPY' }}", NULL, "-¥9,223,372,036,854,775,808" },
    { "{{ 123456 | money: 'EUR', locale: 'de' }} {{ 123456 | money: 'CHF', locale: 'de-CH' }}",
      NULL, "1.234,56\u00A0€ CHF\u00A01\u2019234.56" },
    { "{{ 123456 | money: 'EUR', locale: 'fr-BE' }} {{ 123456 | money: 'EUR', locale: 'es' }}",
      NULL, "1\u202F234,56\u00A0€ 1234,56\u00A0€" },
    { "{{ 123456 | money: 'BRL', locale: 'pt-BR' }} {{ 1200 | money: 'SEK' }}", NULL,
      "R$\u00A01.234,56 kr\u00A012.00" },
    { "{{ nothing | money }}|{{ 7 | money: locale: 'de', 'EUR' }}", NULL, "|0,07\u00A0€" },
    { "{{ 1 | money: 'XXX' }}", NULL, "line 1, column 8: there is no currency XXX" },
    { "{{ 1 | money: 'euro' }}", NULL, "line 1, column 8: there is no currency euro" },
    { "{{ 1 | money }}", NULL, "line 1, column 8: money is given no currency" },
    { "{{ 1.5 | money: 'EUR' }}", NULL,
      "line 1, column 10: money is given a fraction, not whole minor units" },
    { "{{ 1 | money: 'EUR', locale: 'xx' }}", NULL, "line 1, column 8: there is no locale xx" },
};

static const struct rendering german[] = {
    { "{{ 199 | money: 'EUR' }} {{ 199 | money: 'EUR', locale: 'en' }}", NULL,
      "1,99\u00A0€ €1.99" },
};

int main(void)
{
    struct arena *arena CLEANUP(arena_freep) = arena_new(0);
    struct ctx ctx = { .arena = arena };
    const struct zone *zone = zone_find(&ctx, STR("Europe/Berlin"));
    REQUIRE(zone);
    clock_hold_us(1795521600 * US_PER_S);
    CHECK_RENDERINGS(dates);
    CHECK_RENDERINGS(berlin, .zone = zone);
    CHECK_RENDERINGS(amounts);
    CHECK_RENDERINGS(german, .locale = STR("de-DE"));
    return check_end();
}
