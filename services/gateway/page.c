#include "services/gateway/page.h"

#define DEFAULT_VARIANT STR("default")

/* ---- what to ask for ---- */

static size_t index_of(const struct str *list, size_t n, struct str text)
{
    size_t i = 0;
    while (i < n && !str_eq(list[i], text))
        i++;
    return i;
}

bool block_is_ad(const struct page_block *block)
{
    return block->slot.ptr && str_is(block->kind, "ad");
}

bool structure_read(struct ctx *ctx, const struct published *head, struct structure *out)
{
    *out = (struct structure){ .head = *head };
    if (!page_document_read(ctx, head->document, &out->document))
        return ctx_fail(ctx, ERR_INTERNAL, "reading the page " STR_FMT, STR_ARG(head->entry_id));
    size_t products = 0;
    for (size_t i = 0; i < out->document.n_blocks; i++)
        products += out->document.blocks[i].n_products;
    out->slots = ARENA_ARRAY(ctx->arena, struct str, out->document.n_blocks);
    out->ad_slots = ARENA_ARRAY(ctx->arena, struct str, out->document.n_blocks);
    out->products = ARENA_ARRAY(ctx->arena, struct str, products);
    for (size_t i = 0; i < out->document.n_blocks; i++) {
        const struct page_block *block = &out->document.blocks[i];
        if (block_is_ad(block))
            out->ad_slots[out->n_ad_slots++] = block->slot;
        else if (block->slot.ptr)
            out->slots[out->n_slots++] = block->slot;
        for (size_t j = 0; j < block->n_products; j++)
            if (index_of(out->products, out->n_products, block->products[j]) == out->n_products)
                out->products[out->n_products++] = block->products[j];
    }
    return true;
}

/* ---- a block ---- */

static const struct slot_decision *decision_of(const struct answers *answers, struct str slot)
{
    for (size_t i = 0; answers->decision && slot.ptr && i < answers->decision->n_decisions; i++)
        if (str_eq(answers->decision->decisions[i].slot, slot))
            return &answers->decision->decisions[i];
    return NULL;
}

/* Who gets `default` of an experiment, or is held out of one, is shown what is published, and counted for that. */
static bool is_published(struct str variant)
{
    return str_eq(variant, DEFAULT_VARIANT) || str_is(variant, "holdout");
}

/* A variant that the page does not have (an experience may be ahead of the page) is the default, chosen by nobody. */
static void variant_choose(const struct page_block *block, const struct answers *answers,
                           struct served_block *out)
{
    const struct slot_decision *decision = decision_of(answers, block->slot);
    const struct json *content = decision ? json_get_n(block->variants, decision->variant) : NULL;
    out->variant = DEFAULT_VARIANT;
    out->content = block->content;
    if (!content && !(decision && is_published(decision->variant)))
        return;
    out->variant = decision->variant;
    out->experience_id = decision->experience_id;
    if (content)
        out->content = content;
}

/* Without an ad for it, and without an answer, what is published. */
static void ad_choose(struct ctx *ctx, const struct page_block *block,
                      const struct answers *answers, struct served_block *out)
{
    out->variant = DEFAULT_VARIANT;
    out->content = block->content;
    for (size_t i = 0; answers->ads && i < answers->ads->n_ads; i++) {
        const struct chosen_ad *chosen = &answers->ads->ads[i];
        if (!str_eq(chosen->slot, block->slot))
            continue;
        struct served_ad *ad = ARENA_NEW(ctx->arena, struct served_ad);
        *ad = (struct served_ad){ .ad_id = chosen->ad_id,
                                  .placement_id = chosen->placement_id,
                                  .token = chosen->token,
                                  .impression_path = chosen->impression_path,
                                  .click_path = chosen->click_path };
        out->content = chosen->content;
        out->ad = ad;
        return;
    }
}

static struct served_price price_quoted(const struct quote *quote, struct str product_id)
{
    struct served_price price = { .product_id = product_id };
    for (size_t i = 0; i < quote->n_lines; i++) {
        const struct quote_line *line = &quote->lines[i];
        if (!str_eq(line->product_id, product_id))
            continue;
        price.name = line->name;
        price.available = line->available && line->unit_price;
        price.price = price.available ? line->unit_price : NULL;
        break;
    }
    return price;
}

static struct served_price price_known(const struct structure *structure,
                                       const struct answers *answers, struct str product_id)
{
    size_t i = index_of(structure->products, structure->n_products, product_id);
    const struct edge_product *known = answers->known ? &answers->known[i] : NULL;
    struct served_price price = { .product_id = product_id, .default_ = true };
    if (known && known->known) {
        price.name = known->name;
        price.available = known->active;
        price.price = known->active ? &known->price : NULL;
    }
    return price;
}

static struct served_block block_compose(struct ctx *ctx, const struct structure *structure,
                                         const struct page_block *block,
                                         const struct answers *answers)
{
    struct served_block out = { .id = block->id, .kind = block->kind, .slot = block->slot };
    if (block_is_ad(block))
        ad_choose(ctx, block, answers, &out);
    else
        variant_choose(block, answers, &out);
    struct served_price *prices = ARENA_ARRAY(ctx->arena, struct served_price, block->n_products);
    for (size_t i = 0; i < block->n_products; i++)
        prices[i] = answers->quote ? price_quoted(answers->quote, block->products[i])
                                   : price_known(structure, answers, block->products[i]);
    out.prices = block->n_products ? prices : NULL;
    out.n_prices = block->n_products;
    out.default_ =
        (block_is_ad(block) ? answers->no_ads : block->slot.ptr && answers->no_decision) ||
        (block->n_products && answers->no_quote);
    return out;
}

void page_compose(struct ctx *ctx, const struct structure *structure, const struct answers *answers,
                  struct served_page *out)
{
    size_t n = structure->document.n_blocks;
    struct served_block *blocks = ARENA_ARRAY(ctx->arena, struct served_block, n);
    struct str *defaults = ARENA_ARRAY(ctx->arena, struct str, 3);
    *out = (struct served_page){ .slug = structure->head.slug,
                                 .locale = structure->head.locale,
                                 .moved_from = structure->head.moved_from,
                                 .title = structure->head.title,
                                 .version = structure->head.version,
                                 .blocks = blocks,
                                 .n_blocks = n,
                                 .defaults = defaults };
    for (size_t i = 0; i < n; i++)
        blocks[i] = block_compose(ctx, structure, &structure->document.blocks[i], answers);
    if (answers->no_decision)
        defaults[out->n_defaults++] = STR("personalization");
    if (answers->no_quote)
        defaults[out->n_defaults++] = STR("commerce");
    if (answers->no_ads)
        defaults[out->n_defaults++] = STR("ads");
}
