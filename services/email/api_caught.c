#include "platform/http/http.h"
#include "platform/mail/mime_parse.h"
#include "services/email/catcher.h"
#include "services/email/catcher_page.h"
#include "services/email/email.h"
#include "email_contract.h"

/* Nothing of a mail runs, opens or is sent; pictures and its own styles show. */
#define SANDBOX                                                                                    \
    "sandbox allow-popups; default-src 'none'; img-src http: https: data:; style-src 'unsafe-inline'"

/* The page's own script and frame, nothing from elsewhere. */
#define PAGE_POLICY "default-src 'self'; script-src 'unsafe-inline'; style-src 'unsafe-inline'"

static struct caught answer_of(const struct caught_row *row)
{
    return (struct caught){ .caught_id = row->caught_id,
                            .caught_at = row->caught_us,
                            .sender = row->sender,
                            .recipients = row->recipients,
                            .from = row->from,
                            .subject = row->subject,
                            .bytes = row->bytes };
}

struct reply email_catch_mail(struct ctx *ctx, const struct catch_mail_in *in)
{
    struct mime_header *headers;
    struct str rest = in->body_raw, id, source;
    size_t n = mime_headers(ctx->arena, &rest, &headers);
    struct str to = mime_find(headers, n, "to");
    struct caught_row row;
    if (!catcher_put(ctx, email_of(ctx)->catcher, STR(""), to.ptr ? to : STR(""), in->body_raw,
                     &id) ||
        !catcher_read(ctx, email_of(ctx)->catcher, id, &source))
        return reply_error(ctx);
    catcher_about(ctx, id, source, &row);
    struct caught answer = answer_of(&row);
    return reply_ok(ctx, caught_encode(ctx, &answer));
}

struct reply email_list_caught(struct ctx *ctx, const struct list_caught_in *in)
{
    struct caught_row *rows = ARENA_ARRAY(ctx->arena, struct caught_row, CATCHER_PAGE);
    struct caught *items = ARENA_ARRAY(ctx->arena, struct caught, CATCHER_PAGE);
    size_t n;
    if (!catcher_list(ctx, email_of(ctx)->catcher, in->cursor, (size_t)in->limit, rows, &n))
        return reply_error(ctx);
    for (size_t i = 0; i < n; i++)
        items[i] = answer_of(&rows[i]);
    struct caught_list answer = { .items = items, .n_items = n };
    if (n == (size_t)in->limit)
        answer.next_cursor = rows[n - 1].caught_id;
    return reply_ok(ctx, caught_list_encode(ctx, &answer));
}

/* The first part of this type, as UTF-8; ptr NULL without one. */
static struct str text_of(struct ctx *ctx, struct mime_part *mail, const char *type)
{
    struct mime_walk walk;
    for (struct mime_part *part = mime_first(&walk, mail); part; part = mime_next(&walk))
        if (str_is(part->type, type))
            return mime_text(ctx->arena, part);
    return (struct str){ 0 };
}

struct reply email_get_caught(struct ctx *ctx, const struct get_caught_in *in)
{
    struct str source;
    struct caught_row row;
    struct mime_walk walk;
    if (!catcher_read(ctx, email_of(ctx)->catcher, in->caught_id, &source))
        return reply_error(ctx);
    catcher_about(ctx, in->caught_id, source, &row);
    struct mime_part *mail = mime_parse(ctx->arena, source);
    struct str *parts = ARENA_ARRAY(ctx->arena, struct str, MIME_MOST_PARTS);
    struct caught_mail answer = { .caught_id = row.caught_id,
                                  .caught_at = row.caught_us,
                                  .sender = row.sender,
                                  .recipients = row.recipients,
                                  .from = row.from,
                                  .subject = row.subject,
                                  .bytes = row.bytes,
                                  .text = text_of(ctx, mail, "text/plain"),
                                  .html = text_of(ctx, mail, "text/html"),
                                  .parts = parts };
    for (struct mime_part *part = mime_first(&walk, mail); part; part = mime_next(&walk))
        parts[answer.n_parts++] = mime_utf8(ctx->arena, STR("utf-8"), part->type);
    return reply_ok(ctx, caught_mail_encode(ctx, &answer));
}

static struct reply shown(struct ctx *ctx, const char *type, struct str body, const char *policy)
{
    struct reply reply = reply_text(ctx, 200, type, body);
    reply_add(ctx, &reply, "Content-Security-Policy", str_of(policy));
    reply_add(ctx, &reply, "X-Content-Type-Options", STR("nosniff"));
    reply_add(ctx, &reply, "Cache-Control", STR("no-store"));
    return reply;
}

struct reply email_get_caught_html(struct ctx *ctx, const struct get_caught_html_in *in)
{
    struct str source;
    if (!catcher_read(ctx, email_of(ctx)->catcher, in->caught_id, &source))
        return reply_error(ctx);
    struct str html = text_of(ctx, mime_parse(ctx->arena, source), "text/html");
    return shown(ctx, "text/html; charset=utf-8", html.ptr ? html : STR(""), SANDBOX);
}

struct reply email_get_caught_source(struct ctx *ctx, const struct get_caught_source_in *in)
{
    struct str source;
    if (!catcher_read(ctx, email_of(ctx)->catcher, in->caught_id, &source))
        return reply_error(ctx);
    return shown(ctx, "text/plain; charset=utf-8", mime_utf8(ctx->arena, STR("utf-8"), source),
                 SANDBOX);
}

struct reply email_delete_caught(struct ctx *ctx, const struct delete_caught_in *in)
{
    return catcher_delete(ctx, email_of(ctx)->catcher, in->caught_id) ? reply_empty(ctx)
                                                                      : reply_error(ctx);
}

struct reply email_clear_caught(struct ctx *ctx, const struct clear_caught_in *in)
{
    return catcher_clear(ctx, email_of(ctx)->catcher) ? reply_empty(ctx) : reply_error(ctx);
}

struct reply email_get_caught_page(struct ctx *ctx, const struct get_caught_page_in *in)
{
    return shown(ctx, "text/html; charset=utf-8", str_of(catcher_page), PAGE_POLICY);
}

/* Without a token: who sits at this machine, and asks for it by its own name. A page of elsewhere that a browser here shows
 * could bring its own name to this address, and is refused by that. */
bool catcher_lets_in(struct ctx *ctx)
{
    static const char *const names[] = { "127.0.0.1", "localhost", "[::1]" };
    struct str remote = ctx->request->remote, host = request_header(ctx, "host");
    if (!str_starts(remote, STR("127.")) && !str_is(remote, "::1"))
        return false;
    ptrdiff_t port = host.len && host.ptr[host.len - 1] != ']' ? (ptrdiff_t)host.len - 1 : -1;
    while (port >= 0 && host.ptr[port] != ':')
        port--;
    if (port > 0)
        host.len = (size_t)port;
    for (size_t i = 0; i < COUNT(names); i++)
        if (str_eq_nocase(host, str_of(names[i])))
            return true;
    return !host.ptr; /* no browser leaves it out */
}
