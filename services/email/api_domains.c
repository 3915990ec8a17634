#include "base/clock.h"
#include "platform/service/service.h"
#include "services/email/domains.h"
#include "email_contract.h"

#define MOST_RECORDS (DOMAIN_MOST_KEYS + 4)
#define MOST_PIECE 255 /* of a text in a zone file: RFC 1035 section 3.3.14 */

/* ---- what the DNS is to show ---- */

/* A TXT record as a zone file has it. */
static struct str zone_text(struct ctx *ctx, struct str name, struct str text)
{
    struct str line = arena_printf(ctx->arena, STR_FMT ". IN TXT (", STR_ARG(name));
    for (size_t at = 0; at < text.len; at += MOST_PIECE)
        line = arena_printf(ctx->arena, STR_FMT " \"%.*s\"", STR_ARG(line),
                            (int)MIN(text.len - at, MOST_PIECE), text.ptr + at);
    return arena_printf(ctx->arena, STR_FMT " )", STR_ARG(line));
}

static struct dns_record text_record(struct ctx *ctx, enum dns_record_purpose purpose,
                                     struct str name, struct str value, const char *hint)
{
    return (struct dns_record){ .purpose = purpose,
                                .type = DNS_RECORD_TYPE_TXT,
                                .name = name,
                                .value = value,
                                .zone = zone_text(ctx, name, value),
                                .hint = str_of(hint) };
}

/* Who may send for the domain in the envelope, what is to become of mail that fails, and where mail returns to. */
static size_t policy_records(struct ctx *ctx, struct str domain, struct dns_record *out)
{
    struct str back = setting_text(ctx, "return_domain"), envelope = back.len ? back : domain;
    size_t n = 0;
    out[n++] = text_record(ctx, DNS_RECORD_PURPOSE_SPF, envelope, STR("v=spf1 mx ~all"),
                           "Name what hands your mail over, such as include:... of your relay.");
    out[n++] = text_record(ctx, DNS_RECORD_PURPOSE_DMARC,
                           arena_printf(ctx->arena, "_dmarc." STR_FMT, STR_ARG(domain)),
                           STR("v=DMARC1; p=none; adkim=r; aspf=r"),
                           "Once reports show that all is signed: p=quarantine, then p=reject.");
    if (back.len)
        out[n++] = (struct dns_record){
            .purpose = DNS_RECORD_PURPOSE_RETURN_PATH,
            .type = DNS_RECORD_TYPE_MX,
            .name = back,
            .value = arena_printf(ctx->arena, "10 " STR_FMT, STR_ARG(back)),
            .zone = arena_printf(ctx->arena, STR_FMT ". IN MX 10 " STR_FMT ".", STR_ARG(back),
                                 STR_ARG(back)),
            .hint = STR("Name the host that takes returned mail."),
        };
    return n;
}

/* ---- answers ---- */

static struct domain_key key_of(const struct domain_row *domain, const struct domain_key_row *row)
{
    return (struct domain_key){
        .selector = row->selector,
        .algorithm = domain_key_algorithm_parse(row->algorithm),
        .state = domain_key_state_parse(row->state),
        .created_at = row->created_us,
        .has_activates_at = row->activates_us && !row->active_us,
        .activates_at = row->activates_us,
        .has_active_at = row->active_us,
        .active_at = row->active_us,
        .has_retired_at = row->retired_us,
        .retired_at = row->retired_us,
        .has_published_until = row->retired_us,
        .published_until = row->retired_us + domain->keep_days * US_PER_DAY,
    };
}

static bool answer_of(struct ctx *ctx, const struct domain_row *row, struct domain *out)
{
    struct domain_key_row *rows = ARENA_ARRAY(ctx->arena, struct domain_key_row, DOMAIN_MOST_KEYS);
    struct domain_key *keys = ARENA_ARRAY(ctx->arena, struct domain_key, DOMAIN_MOST_KEYS);
    struct dns_record *records = ARENA_ARRAY(ctx->arena, struct dns_record, MOST_RECORDS);
    size_t n;
    if (!store_domain_keys(ctx, row->domain, NULL, rows, &n))
        return false;
    *out = (struct domain){ .domain = row->domain,
                            .keep_days = row->keep_days,
                            .created_at = row->created_us,
                            .keys = keys,
                            .n_keys = n,
                            .records = records,
                            .n_records = n };
    for (size_t i = 0; i < n; i++) {
        keys[i] = key_of(row, &rows[i]);
        records[i] =
            text_record(ctx, DNS_RECORD_PURPOSE_DKIM, rows[i].dns_name, rows[i].dns_text, NULL);
        out->is_signed |= str_is(rows[i].state, "active");
    }
    out->n_records += policy_records(ctx, row->domain, records + n);
    return true;
}

struct asked {
    struct str name;
    struct domain domain;
};

static bool answer_read(struct ctx *ctx, void *argument)
{
    struct asked *asked = argument;
    struct domain_row row;
    if (!store_domain(ctx, asked->name, &row))
        return ctx_failed(ctx) ? false : ctx_fail(ctx, ERR_NOT_FOUND, "there is no such domain");
    return answer_of(ctx, &row, &asked->domain);
}

static struct reply answer(struct ctx *ctx, struct str name)
{
    struct asked asked = { .name = name };
    if (!sql_read(ctx, service_db(ctx), answer_read, &asked))
        return reply_error(ctx);
    return reply_ok(ctx, domain_encode(ctx, &asked.domain));
}

/* ---- operations ---- */

struct reply email_put_domain(struct ctx *ctx, const struct put_domain_in *in)
{
    int64_t version;
    struct key_rotation rotation = { .after_hours = in->body->activate_after_hours,
                                     .keep_days = in->body->keep_days };
    bool ok = domain_version(ctx, in->domain, &version) &&
              (version ? domain_keep(ctx, in->domain, rotation.keep_days)
                       : domain_prepare(ctx, in->domain, &rotation));
    return ok ? answer(ctx, in->domain) : reply_error(ctx);
}

struct reply email_rotate_domain(struct ctx *ctx, const struct rotate_domain_in *in)
{
    struct key_rotation rotation = { .after_hours = in->body->activate_after_hours };
    int64_t version;
    if (!domain_version(ctx, in->domain, &version))
        return reply_error(ctx);
    if (version == 0)
        ctx_fail(ctx, ERR_NOT_FOUND, "there is no such domain");
    else
        domain_prepare(ctx, in->domain, &rotation);
    return ctx_failed(ctx) ? reply_error(ctx) : answer(ctx, in->domain);
}

struct reply email_activate_domain(struct ctx *ctx, const struct activate_domain_in *in)
{
    return domain_activate(ctx, in->domain) ? answer(ctx, in->domain) : reply_error(ctx);
}

struct reply email_get_domain(struct ctx *ctx, const struct get_domain_in *in)
{
    return answer(ctx, in->domain);
}

struct reply email_delete_domain(struct ctx *ctx, const struct delete_domain_in *in)
{
    return domain_delete(ctx, in->domain) ? reply_empty(ctx) : reply_error(ctx);
}

struct reply email_list_domains(struct ctx *ctx, const struct list_domains_in *in)
{
    size_t limit = (size_t)in->limit, n;
    struct str after = { NULL, 0 };
    struct domain_row *rows = ARENA_ARRAY(ctx->arena, struct domain_row, limit + 1);
    struct domain *items = ARENA_ARRAY(ctx->arena, struct domain, limit);
    if ((in->cursor.ptr && !sql_cursor_parse(ctx, in->cursor, &after, 1)) ||
        !store_domains(ctx, after, limit + 1, rows, &n))
        return reply_error(ctx);
    struct domain_list list = { .items = items, .n_items = MIN(n, limit) };
    for (size_t i = 0; i < list.n_items; i++)
        if (!answer_of(ctx, &rows[i], &items[i]))
            return reply_error(ctx);
    if (n > limit)
        list.next_cursor = sql_cursor(ctx->arena, &rows[limit - 1].domain, 1);
    return reply_ok(ctx, domain_list_encode(ctx, &list));
}
