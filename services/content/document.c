#include "services/content/document.h"

#include <ctype.h>

#include "platform/template/template.h"
#include "content_contract.h"

/* Ids and slots are there once. */
static bool names_check(struct ctx *ctx, const struct page_document *page, size_t i)
{
    const struct page_block *mine = &page->blocks[i];
    for (size_t j = 0; j < i; j++) {
        if (str_eq(page->blocks[j].id, mine->id))
            return ctx_fail_at(ctx, ERR_INVALID,
                               arena_printf(ctx->arena, "/document/blocks/%zu/id", i),
                               "block %zu has the same id", j);
        if (mine->slot.ptr && str_eq(page->blocks[j].slot, mine->slot))
            return ctx_fail_at(ctx, ERR_INVALID,
                               arena_printf(ctx->arena, "/document/blocks/%zu/slot", i),
                               "block %zu has the same slot", j);
    }
    return true;
}

static bool variant_name_is_fit(struct str name)
{
    if (name.len == 0 || name.len > 100 || str_is(name, "default"))
        return false;
    for (size_t i = 0; i < name.len; i++)
        if (!isalnum((unsigned char)name.ptr[i]) && !strchr("._-", name.ptr[i]))
            return false;
    return true;
}

static bool variants_check(struct ctx *ctx, const struct page_block *block, size_t i)
{
    struct str pointer = arena_printf(ctx->arena, "/document/blocks/%zu/variants", i);
    if (block->variants && !block->slot.ptr)
        return ctx_fail_at(ctx, ERR_INVALID, pointer, "a block without a slot has no variants");
    if (!block->variants)
        return true;
    for (struct json_iter it = json_iter(block->variants); json_next(&it);) {
        if (!variant_name_is_fit(it.key))
            return ctx_fail_at(
                ctx, ERR_INVALID, pointer,
                "a variant's name is 1 to 100 letters, digits, '.', '_' or '-', and not \"default\"");
        if (json_type(it.value) != JSON_OBJECT)
            return ctx_fail_at(ctx, ERR_INVALID, pointer,
                               "the variant " STR_FMT " must be an object", STR_ARG(it.key));
    }
    return true;
}

/* Prices come in one call for all of a page, which has a limit (commerce's contract). */
static bool products_check(struct ctx *ctx, const struct page_document *page)
{
    size_t n = 0;
    for (size_t i = 0; i < page->n_blocks; i++) {
        n += page->blocks[i].n_products;
        if (n > DOCUMENT_PRODUCTS)
            return ctx_fail_at(ctx, ERR_INVALID,
                               arena_printf(ctx->arena, "/document/blocks/%zu/products", i),
                               "a page names at most %d products", DOCUMENT_PRODUCTS);
    }
    return true;
}

static bool decode(struct ctx *ctx, const struct schema_type *type, const struct json *document,
                   void *out)
{
    if (contract_decode(ctx, type, document, DECODE_STRICT, out))
        return true;
    ctx->error.pointer = arena_printf(ctx->arena, "/document" STR_FMT, STR_ARG(ctx->error.pointer));
    return false;
}

static bool page_check(struct ctx *ctx, const struct json *document)
{
    struct page_document page;
    if (!decode(ctx, &page_document_type, document, &page))
        return false;
    for (size_t i = 0; i < page.n_blocks; i++)
        if (!names_check(ctx, &page, i) || !variants_check(ctx, &page.blocks[i], i))
            return false;
    return products_check(ctx, &page);
}

/* Each part is Liquid; what is wrong with it is told with its line and column. */
static bool liquid_check(struct ctx *ctx, const char *pointer, struct str source)
{
    if (!source.ptr)
        return true;
    struct template *template = template_compile(ctx, source);
    if (!template)
        ctx->error.pointer = str_of(pointer);
    template_free(template);
    return !ctx_failed(ctx);
}

static bool email_check(struct ctx *ctx, const struct json *document)
{
    struct email_document email;
    return decode(ctx, &email_document_type, document, &email) &&
           liquid_check(ctx, "/document/subject", email.subject) &&
           liquid_check(ctx, "/document/preheader", email.preheader) &&
           liquid_check(ctx, "/document/html", email.html) &&
           liquid_check(ctx, "/document/text", email.text);
}

/* Kinds with rules of their own. */
static const struct {
    const char *kind;
    bool (*check)(struct ctx *ctx, const struct json *document);
} kinds[] = {
    { "page", page_check },
    { "email_template", email_check },
};

bool document_check(struct ctx *ctx, struct str kind, const struct json *document, struct str text)
{
    if (text.len > DOCUMENT_BYTES)
        return ctx_fail(ctx, ERR_TOO_LARGE, "the document has %zu bytes; %d is the most", text.len,
                        DOCUMENT_BYTES);
    for (size_t i = 0; i < COUNT(kinds); i++)
        if (str_is(kind, kinds[i].kind))
            return kinds[i].check(ctx, document);
    return true;
}
