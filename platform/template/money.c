/* The filter money. */
#include <stdio.h>

#include "base/money.h"
#include "platform/template/filters.h"

/* How a language writes amounts, as CLDR has it; the space is one that does not break. */
static const struct locale {
    const char *name, *point, *group;
    enum {
        BEFORE,
        BEFORE_SPACE,
        AFTER_SPACE
    } sign;              /* one that ends with a letter always has a space */
    int least_for_group; /* digits from which thousands are set apart */
} locales[] = {
    { "en",    ".", ",",      BEFORE,       4 },
    { "de",    ",", ".",      AFTER_SPACE,  4 },
    { "de-AT", ",", "\u00A0", BEFORE_SPACE, 4 },
    { "de-CH", ".", "\u2019", BEFORE_SPACE, 4 },
    { "fr",    ",", "\u202F", AFTER_SPACE,  4 },
    { "es",    ",", ".",      AFTER_SPACE,  5 },
    { "it",    ",", ".",      AFTER_SPACE,  4 },
    { "nl",    ",", ".",      BEFORE_SPACE, 4 },
    { "pt",    ",", ".",      BEFORE_SPACE, 4 },
    { "pt-PT", ",", "\u00A0", AFTER_SPACE,  5 },
    { "pl",    ",", "\u00A0", AFTER_SPACE,  5 },
    { "sv",    ",", "\u00A0", AFTER_SPACE,  4 },
    { "da",    ",", ".",      AFTER_SPACE,  4 },
    { "nb",    ",", "\u00A0", AFTER_SPACE,  4 },
    { "fi",    ",", "\u00A0", AFTER_SPACE,  4 },
    { "cs",    ",", "\u00A0", AFTER_SPACE,  4 },
    { "ja",    ".", ",",      BEFORE,       4 },
};

static const struct {
    char currency[4];
    const char *sign;
} signs[] = {
    { "USD", "$" },      { "EUR", "\u20AC" }, { "GBP", "\u00A3" }, { "JPY", "\u00A5" },
    { "INR", "\u20B9" }, { "KRW", "\u20A9" }, { "BRL", "R$" },     { "PLN", "z\u0142" },
    { "CZK", "K\u010D" }, { "SEK", "kr" },    { "NOK", "kr" },     { "DKK", "kr" },
    { "ILS", "\u20AA" }, { "UAH", "\u20B4" }, { "VND", "\u20AB" }, { "TRY", "\u20BA" },
};

/* "de-CH", or else "de"; NULL: neither is known. */
static const struct locale *find_locale(struct str name)
{
    for (size_t i = 0; i < COUNT(locales); i++)
        if (str_eq_nocase(name, str_of(locales[i].name)))
            return &locales[i];
    ptrdiff_t dash = str_find_char(name, '-');
    return dash > 0 ? find_locale((struct str){ name.ptr, (size_t)dash }) : NULL;
}

static struct str sign_of(const struct money *money)
{
    for (size_t i = 0; i < COUNT(signs); i++)
        if (strcmp(signs[i].currency, money->currency) == 0)
            return str_of(signs[i].sign);
    return str_of(money->currency);
}

static struct str digits_of(struct arena *arena, const struct money *money, int exponent,
                            const struct locale *locale)
{
    char digits[32];
    uint64_t amount = money->amount < 0 ? -(uint64_t)money->amount : (uint64_t)money->amount;
    int n = snprintf(digits, sizeof(digits), "%0*llu", exponent + 1, (unsigned long long)amount);
    int whole = n - exponent;
    char text[160], *at = text;
    for (int i = 0; i < whole; i++) {
        if (i && (whole - i) % 3 == 0 && whole >= locale->least_for_group)
            at = put_bytes(at, str_of(locale->group));
        *at++ = digits[i];
    }
    if (exponent) {
        at = put_bytes(at, str_of(locale->point));
        at = put_bytes(at, (struct str){ digits + whole, (size_t)exponent });
    }
    return arena_str(arena, (struct str){ text, (size_t)(at - text) });
}

static struct str written(struct arena *arena, const struct money *money, int exponent,
                          const struct locale *locale)
{
    struct str digits = digits_of(arena, money, exponent, locale), sign = sign_of(money);
    const char *minus = money->amount < 0 ? "-" : "";
    char last = (char)(sign.ptr[sign.len - 1] | 32);
    bool space = locale->sign == BEFORE_SPACE || (last >= 'a' && last <= 'z');
    if (locale->sign == AFTER_SPACE)
        return arena_printf(arena, "%s" STR_FMT "\u00A0" STR_FMT, minus, STR_ARG(digits),
                            STR_ARG(sign));
    return arena_printf(arena, "%s" STR_FMT "%s" STR_FMT, minus, STR_ARG(sign),
                        space ? "\u00A0" : "", STR_ARG(digits));
}

/* { amount, currency } as the contracts have it, or whole minor units and the currency as the argument. */
static bool money_of(struct run *run, const struct filter_input *in, const struct value *value,
                     struct money *out)
{
    struct value amount = *value, currency = in->args[0];
    if (value->kind == KIND_JSON && json_type(value->json) == JSON_OBJECT) {
        amount = liquid_value_of(json_get(value->json, "amount"));
        currency = liquid_value_of(json_get(value->json, "currency"));
    }
    if (amount.kind != KIND_INTEGER)
        return liquid_fail(run, "money is given %s, not whole minor units", liquid_kind(&amount));
    if (currency.kind != KIND_TEXT)
        return liquid_fail(run, "money is given no currency");
    *out = (struct money){ .amount = amount.integer };
    if (currency.text.len == 3)
        memcpy(out->currency, currency.text.ptr, 3);
    return money_exponent(out->currency) >= 0 ||
           liquid_fail(run, "there is no currency " STR_FMT, (int)MIN(currency.text.len, 40),
                       currency.text.ptr);
}

/* nil stays nil. */
FILTER(money)
{
    struct money money;
    struct str name = run->options->locale.ptr ? run->options->locale : STR("en");
    if (value->kind == KIND_NIL)
        return true;
    if (in->keyword.kind != KIND_NIL && !liquid_text(run, &in->keyword, &name))
        return false;
    const struct locale *locale = find_locale(name);
    if (!locale)
        return liquid_fail(run, "there is no locale " STR_FMT, (int)MIN(name.len, 40), name.ptr);
    if (!money_of(run, in, value, &money))
        return false;
    int exponent = money_exponent(money.currency);
    return give_text(value, written(run->ctx->arena, &money, exponent, locale));
}
