/* The operators that flagd adds to JsonLogic (flagd's custom operations). What they cannot use gives null. */
#include <math.h>

#include "base/hash.h"
#include "platform/rules/program.h"

/* ---- fractional ---- */

struct bucket {
    struct value variant;
    int64_t weight;
};

/* [variant, weight]; without a weight 1, a negative one 0. */
static bool read_bucket(struct run *run, const struct value *entry, struct bucket *bucket, bool *ok)
{
    const struct value *items;
    size_t n;
    *ok = false;
    if (!is_array(entry))
        return true;
    if (!items_of(run, entry, &items, &n))
        return false;
    if (n < 1 || n > 2)
        return true;
    *bucket = (struct bucket){ items[0], 1 };
    if (n == 2) {
        double weight = items[1].number;
        if (items[1].kind != VALUE_NUMBER || weight != floor(weight) || weight > INT32_MAX)
            return true;
        bucket->weight = weight < 0 ? 0 : (int64_t)weight;
    }
    *ok = true;
    return true;
}

/* A string first is the key, otherwise it is the flag's key and the targeting key; ptr NULL when there is none. */
static struct str bucket_key(struct run *run, const struct value *entries, size_t *first)
{
    const struct rule_input *input = run->input;
    *first = entries[0].kind == VALUE_STRING;
    if (*first)
        return entries[0].str.ptr ? entries[0].str : STR("");
    if (!input->targeting_key.ptr)
        return (struct str){ NULL, 0 };
    return arena_printf(run->ctx->arena, STR_FMT STR_FMT, STR_ARG(input->flag_key),
                        STR_ARG(input->targeting_key));
}

bool op_fractional(struct run *run, const struct node *node, struct value *out)
{
    struct value all;
    size_t first;
    if (!op_list(run, node, &all))
        return false;
    struct str key = bucket_key(run, all.items, &first);
    struct bucket *buckets = ARENA_ARRAY(run->ctx->arena, struct bucket, all.n_items);
    int64_t total = 0;
    for (size_t i = first; i < all.n_items; i++) {
        bool ok;
        if (!read_bucket(run, &all.items[i], &buckets[i], &ok))
            return false;
        if (!ok)
            return give_null(out);
        total += buckets[i].weight;
    }
    if (!key.ptr && run->input->notes)
        run->input->notes->key_missed = true;
    if (!key.ptr || total > INT32_MAX)
        return give_null(out);
    int64_t at =
        (int64_t)(((uint64_t)hash_murmur3_32(key.ptr, key.len, 0) * (uint64_t)total) >> 32);
    int64_t end = 0;
    for (size_t i = first; i < all.n_items; i++) {
        end += buckets[i].weight;
        if (at < end) {
            if (run->input->notes)
                run->input->notes->split = true;
            *out = buckets[i].variant;
            return true;
        }
    }
    return give_null(out);
}

/* ---- sem_ver (Semantic Versioning 2.0.0) ---- */

struct version {
    struct str numbers[3];
    struct str prerelease; /* ptr NULL: a release */
};

static bool is_digits(struct str text)
{
    for (size_t i = 0; i < text.len; i++)
        if (text.ptr[i] < '0' || text.ptr[i] > '9')
            return false;
    return text.len > 0;
}

static bool is_number(struct str text)
{
    return is_digits(text) && (text.len == 1 || text.ptr[0] != '0');
}

/* Identifiers with dots between; numbers among them without leading zeros where they count. */
static bool are_identifiers(struct str text, bool strict)
{
    struct str part;
    while (str_split(&text, '.', &part)) {
        if (part.len == 0 || (strict && is_digits(part) && !is_number(part)))
            return false;
        for (size_t i = 0; i < part.len; i++) {
            char c = part.ptr[i], low = c | 0x20;
            if ((c < '0' || c > '9') && (low < 'a' || low > 'z') && c != '-')
                return false;
        }
    }
    return true;
}

/* What follows the mark, cut off from *text; ptr NULL when there is no mark. */
static struct str cut_tail(struct str *text, char mark)
{
    ptrdiff_t at = str_find_char(*text, mark);
    if (at < 0)
        return (struct str){ NULL, 0 };
    struct str tail = { text->ptr + at + 1, text->len - (size_t)at - 1 };
    text->len = (size_t)at;
    return tail;
}

static bool version_parse(struct str text, struct version *version)
{
    if (text.len && (text.ptr[0] | 0x20) == 'v')
        text = (struct str){ text.ptr + 1, text.len - 1 };
    struct str build = cut_tail(&text, '+');
    version->prerelease = cut_tail(&text, '-');
    if ((build.ptr && !are_identifiers(build, false)) ||
        (version->prerelease.ptr && !are_identifiers(version->prerelease, true)))
        return false;
    size_t n = 0;
    struct str part;
    while (str_split(&text, '.', &part)) {
        if (n == 3 || !is_number(part))
            return false;
        version->numbers[n++] = part;
    }
    while (n > 0 && n < 3)
        version->numbers[n++] = STR("0");
    return n == 3;
}

/* Numbers of any length without leading zeros. */
static int number_order(struct str a, struct str b)
{
    return a.len != b.len ? (a.len < b.len ? -1 : 1) : str_cmp(a, b);
}

static int identifier_order(struct str a, struct str b)
{
    bool left = is_digits(a), right = is_digits(b);
    if (left && right)
        return number_order(a, b);
    return left != right ? (left ? -1 : 1) : str_cmp(a, b);
}

static int prerelease_order(struct str a, struct str b)
{
    struct str left, right;
    if (!a.ptr || !b.ptr)
        return (a.ptr == NULL) - (b.ptr == NULL); /* a release comes after its previews */
    for (;;) {
        bool more_left = str_split(&a, '.', &left), more_right = str_split(&b, '.', &right);
        if (!more_left || !more_right)
            return more_left - more_right;
        int order = identifier_order(left, right);
        if (order)
            return order;
    }
}

/* *same: how many of major, minor and patch are equal from the left. */
static int version_order(const struct version *a, const struct version *b, int *same)
{
    for (*same = 0; *same < 3; ++*same) {
        int order = number_order(a->numbers[*same], b->numbers[*same]);
        if (order)
            return order;
    }
    return prerelease_order(a->prerelease, b->prerelease);
}

static bool give_comparison(struct value *out, struct str op, int order, int same)
{
    if (str_is(op, "="))
        return give_bool(out, order == 0);
    if (str_is(op, "!="))
        return give_bool(out, order != 0);
    if (str_is(op, "<"))
        return give_bool(out, order < 0);
    if (str_is(op, "<="))
        return give_bool(out, order <= 0);
    if (str_is(op, ">"))
        return give_bool(out, order > 0);
    if (str_is(op, ">="))
        return give_bool(out, order >= 0);
    if (str_is(op, "^"))
        return give_bool(out, same >= 1);
    if (str_is(op, "~"))
        return give_bool(out, same >= 2);
    return give_null(out);
}

bool op_sem_ver(struct run *run, const struct node *node, struct value *out)
{
    struct value args[3];
    struct version a, b;
    for (int i = 0; i < 3; i++)
        if (!evaluate(run, &node->args[i], &args[i]))
            return false;
    for (int i = 0; i < 3; i++)
        if (args[i].kind != VALUE_STRING)
            return give_null(out);
    if (!version_parse(args[0].str, &a) || !version_parse(args[2].str, &b))
        return give_null(out);
    int same, order = version_order(&a, &b, &same);
    return give_comparison(out, args[1].str, order, same);
}

/* ---- text ---- */

static bool two_strings(struct run *run, const struct node *node, struct value *a, struct value *b,
                        bool *strings)
{
    if (!evaluate(run, &node->args[0], a) || !evaluate(run, &node->args[1], b))
        return false;
    *strings = a->kind == VALUE_STRING && b->kind == VALUE_STRING;
    return true;
}

bool op_starts_with(struct run *run, const struct node *node, struct value *out)
{
    struct value text, prefix;
    bool strings;
    if (!two_strings(run, node, &text, &prefix, &strings))
        return false;
    return strings ? give_bool(out, str_starts(text.str, prefix.str)) : give_null(out);
}

bool op_ends_with(struct run *run, const struct node *node, struct value *out)
{
    struct value text, suffix;
    bool strings;
    if (!two_strings(run, node, &text, &suffix, &strings))
        return false;
    return strings ? give_bool(out, str_ends(text.str, suffix.str)) : give_null(out);
}
