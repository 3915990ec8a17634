/* The page as it is answered: structure, choices and prices into one; pure. */
#pragma once

#include "services/gateway/edge.h"
#include "ads_types.h"
#include "commerce_types.h"
#include "gateway_types.h"
#include "personalization_types.h"

/* What is shown, before anybody was asked. */
struct structure {
    struct published head;
    struct page_document document;
    struct str *slots;    /* of all blocks but ads */
    struct str *ad_slots; /* of blocks of the kind `ad` */
    struct str *products; /* of all blocks, each once */
    size_t n_slots, n_ad_slots, n_products;
};

/* Reads the document of `head` and gathers what others must be asked for. INTERNAL when it is none (content checked it). */
bool structure_read(struct ctx *ctx, const struct published *head, struct structure *out);

/* What came in time. */
struct answers {
    const struct decision *decision; /* NULL: personalization did not answer, or was not needed */
    const struct quote *quote;       /* NULL: the same of commerce */
    const struct ad_decision *ads;   /* NULL: the same of ads */
    bool no_decision, no_quote, no_ads; /* needed, and did not come */
    const struct edge_product
        *known; /* one for each of the structure's products, where there is no quote */
};

/* Is it one that ads fills, in a slot of its own? */
bool block_is_ad(const struct page_block *block);

void page_compose(struct ctx *ctx, const struct structure *structure, const struct answers *answers,
                  struct served_page *out);
