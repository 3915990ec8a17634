/* Which price holds, and what a product may be. */
#include "services/commerce/product.h"

#include "base/tests/check.h"

#define AT(day) (day) /* any unit will do */
#define USD(units) { .amount = (units), .currency = "USD" }
#define EUR(units) { .amount = (units), .currency = "EUR" }

static const struct money low = USD(900);
static const struct product_variant variants[] = { { .sku = STR("LOW"), .price = &low },
                                                   { .sku = STR("HIGH") } };
static const struct product_price prices[] = {
    { .price = USD(800), .customer_group = STR("vip") },
    { .price = USD(850),
      .has_valid_from = true,
      .valid_from = AT(10),
      .has_valid_until = true,
      .valid_until = AT(20) },
    { .price = USD(840), .has_valid_from = true, .valid_from = AT(15) },
    { .price = USD(700), .sku = STR("LOW"), .has_valid_until = true, .valid_until = AT(5) },
    { .price = USD(650),
      .sku = STR("LOW"),
      .customer_group = STR("vip"),
      .has_valid_from = true,
      .valid_from = AT(3) },
    { .price = EUR(950) },
    { .price = EUR(940) },
};
static const struct product_put chair = { .name = STR("Chair"),
                                          .price = USD(1000),
                                          .variants = variants,
                                          .n_variants = COUNT(variants),
                                          .prices = prices,
                                          .n_prices = COUNT(prices) };

static void test_which_price_holds(void)
{
    static const struct {
        const char *sku, *group, *currency;
        int day;
        int64_t amount; /* -1: none */
    } cases[] = {
        { NULL, NULL, NULL, 1, 1000 },
        { NULL, NULL, "USD", 1, 1000 },
        { NULL, "vip", NULL, 1, 800 },
        { NULL, "vip", NULL, 16, 800 }, /* the group before time */
        { NULL, "staff", NULL, 1, 1000 },
        { NULL, NULL, NULL, 9, 1000 },
        { NULL, NULL, NULL, 10, 850 }, /* from its first moment */
        { NULL, NULL, NULL, 15, 840 }, /* of two that are valid, the later one */
        { NULL, NULL, NULL, 20, 840 },
        { "LOW", NULL, NULL, 16, 900 }, /* the variant before all */
        { "LOW", NULL, NULL, 4, 700 },
        { "LOW", NULL, NULL, 5, 900 },  /* until, exclusive */
        { "LOW", "vip", NULL, 2, 700 }, /* its own before the group's */
        { "LOW", "vip", NULL, 3, 650 },
        { "HIGH", "vip", NULL, 3, 800 },
        { "HIGH", NULL, "EUR", 3, 940 }, /* of equals, the one further down */
        { "LOW", NULL, "GBP", 3, -1 },
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct price_asked asked = { .sku = str_of(cases[i].sku),
                                     .customer_group = str_of(cases[i].group),
                                     .currency = cases[i].currency,
                                     .at_us = AT(cases[i].day) };
        struct money found = { .amount = -1 };
        CHECK(price_find(&chair, &asked, &found) == (cases[i].amount >= 0));
        CHECK_INT(found.amount, cases[i].amount);
    }
}

static void test_margins(void)
{
    static const struct {
        struct money price, cost;
        int64_t margin;
    } cases[] = {
        { USD(1000), USD(750), 2500 },
        { USD(1000), USD(1500), -5000 },
        { USD(3), USD(2), 3333 },
        { USD(13098), USD(9000), 3129 }, /* half to even */
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct product_put product = { .price = cases[i].price, .cost = &cases[i].cost };
        int64_t margin = 0;
        CHECK(product_margin(&product, &margin));
        CHECK_INT(margin, cases[i].margin);
    }
    int64_t margin;
    CHECK(!product_margin(&chair, &margin));
}

int main(void)
{
    test_which_price_holds();
    test_margins();
    return check_end();
}
