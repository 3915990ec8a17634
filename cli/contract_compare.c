#include "cli/contract_report.h"

static struct str nothing(void)
{
    return (struct str){ NULL, 0 };
}

/* ---- whom it breaks ---- */

static void add_broken(struct ctx *ctx, struct report_item *item, struct str service)
{
    for (size_t i = 0; i < item->n_breaks; i++)
        if (str_eq(item->breaks[i], service))
            return;
    struct str *breaks = ARENA_ARRAY(ctx->arena, struct str, item->n_breaks + 1);
    if (item->n_breaks)
        memcpy(breaks, item->breaks, item->n_breaks * sizeof(*breaks));
    breaks[item->n_breaks++] = service;
    item->breaks = breaks;
}

static bool reads_member(const struct contract_read *read, struct str member)
{
    for (size_t i = 0; i < read->n; i++)
        if (str_eq(read->members[i], member))
            return true;
    return !member.ptr;
}

static void add_readers(struct ctx *ctx, struct report_item *item, const struct contract_set *set)
{
    for (const struct contract_service *at = set->services; at; at = at->next)
        for (size_t i = 0; i < at->n_reads; i++)
            if (str_eq(at->reads[i].type, item->event) &&
                reads_member(&at->reads[i], item->finding.member))
                add_broken(ctx, item, at->name);
}

static void add_callers(struct ctx *ctx, struct report_item *item, const struct contract_set *set)
{
    for (const struct contract_service *at = set->services; at; at = at->next)
        for (size_t i = 0; i < at->n_calls; i++)
            if (str_eq(at->calls[i].service, item->service) &&
                (!at->calls[i].operation.ptr ||
                 str_eq(at->calls[i].operation, item->finding.operation)))
                add_broken(ctx, item, at->name);
}

/* ---- items ---- */

static bool is_known(const struct report *report, const struct compat_finding *finding,
                     const struct report_source *source)
{
    for (size_t i = 0; i < report->n; i++) {
        const struct report_item *item = &report->items[i];
        if (item->finding.rule == finding->rule && item->finding.use == finding->use &&
            str_eq(item->service, source->service) && str_eq(item->event, source->event) &&
            str_eq(item->finding.place, finding->place) &&
            str_eq(item->finding.sentence, finding->sentence))
            return true;
    }
    return false;
}

void report_add(struct ctx *ctx, struct report *report, const struct compat_findings *findings,
                const struct report_source *source)
{
    for (size_t i = 0; i < findings->n; i++) {
        if (is_known(report, &findings->items[i], source))
            continue;
        if (report->n == report->cap) {
            size_t cap = MAX(64, report->cap * 2);
            struct report_item *items = ARENA_ARRAY(ctx->arena, struct report_item, cap);
            if (report->n)
                memcpy(items, report->items, report->n * sizeof(*items));
            report->items = items;
            report->cap = cap;
        }
        struct report_item *item = &report->items[report->n++];
        *item = (struct report_item){ .finding = findings->items[i],
                                      .service = source->service,
                                      .event = source->event,
                                      .file = source->file };
        (item->event.ptr ? add_readers : add_callers)(ctx, item, source->before);
        (item->event.ptr ? add_readers : add_callers)(ctx, item, source->after);
    }
}

void report_count(struct report *report)
{
    report->n_breaking = report->n_warnings = report->n_accepted = 0;
    for (size_t i = 0; i < report->n; i++) {
        const struct report_item *item = &report->items[i];
        bool counts = !item->accepted;
        report->n_breaking += counts && item->finding.severity == COMPAT_BREAKING;
        report->n_warnings += counts && item->finding.severity == COMPAT_WARNING;
        report->n_accepted += item->accepted;
    }
}

/* ---- sets ---- */

struct comparison {
    struct ctx *ctx;
    const struct contract_set *before, *after;
    struct report *report;
};

static bool failed(const struct comparison *comparison, struct str service, const char *what)
{
    return ctx_fail(comparison->ctx, ERR_INVALID, STR_FMT ", %s", STR_ARG(service), what);
}

static bool compare_http(const struct comparison *comparison, const struct contract_service *was,
                         const struct contract_service *is)
{
    struct ctx *ctx = comparison->ctx;
    struct compat_findings findings = { 0 };
    struct compat_document none = { .root = json_parse(ctx, STR("{}")) };
    struct report_source source = { .service = was->name,
                                    .file = is && is->file.ptr ? is->file : was->file,
                                    .before = comparison->before,
                                    .after = comparison->after };
    if (!was->openapi.root)
        return true;
    if (!compat_openapi(ctx, &was->openapi, is && is->openapi.root ? &is->openapi : &none,
                        &findings))
        return failed(comparison, was->name, "HTTP contract");
    report_add(ctx, comparison->report, &findings, &source);
    return true;
}

static bool compare_event(const struct comparison *comparison, struct str service,
                          const struct contract_event *was, const struct contract_event *is)
{
    struct ctx *ctx = comparison->ctx;
    struct compat_findings findings = { 0 };
    struct report_source source = { .service = service,
                                    .event = was ? was->type : is->type,
                                    .file = is && is->file.ptr ? is->file
                                            : was              ? was->file
                                                               : nothing(),
                                    .before = comparison->before,
                                    .after = comparison->after };
    if (!compat_event(ctx, was ? &was->document : NULL, is ? &is->document : NULL, &findings))
        return failed(comparison, service, source.event.ptr);
    report_add(ctx, comparison->report, &findings, &source);
    return true;
}

static bool compare_service(const struct comparison *comparison, const struct contract_service *was)
{
    const struct contract_service *is = set_service(comparison->after, was->name);
    if (!comparison->before->events_only && !compare_http(comparison, was, is))
        return false;
    for (size_t i = 0; i < was->n_events; i++)
        if (!compare_event(comparison, was->name, &was->events[i],
                           set_event(comparison->after, was->events[i].type, NULL)))
            return false;
    return true;
}

/* All operations of a service that was not there before. */
static bool compare_new_http(const struct comparison *comparison, const struct contract_service *is)
{
    struct ctx *ctx = comparison->ctx;
    struct compat_findings findings = { 0 };
    struct compat_document none = { .root = json_parse(ctx, STR("{}")) };
    struct report_source source = { .service = is->name,
                                    .file = is->file,
                                    .before = comparison->before,
                                    .after = comparison->after };
    if (!is->openapi.root || comparison->before->events_only)
        return true;
    if (!compat_openapi(ctx, &none, &is->openapi, &findings))
        return failed(comparison, is->name, "HTTP contract");
    report_add(ctx, comparison->report, &findings, &source);
    return true;
}

static bool compare_new(const struct comparison *comparison, const struct contract_service *is)
{
    if (!set_service(comparison->before, is->name) && !compare_new_http(comparison, is))
        return false;
    for (size_t i = 0; i < is->n_events; i++)
        if (!set_event(comparison->before, is->events[i].type, NULL) &&
            !compare_event(comparison, is->name, NULL, &is->events[i]))
            return false;
    return true;
}

static bool is_meant(const struct contract_service *service, struct str only)
{
    return !only.ptr || str_eq(service->name, only);
}

bool report_compare(struct ctx *ctx, const struct contract_set *before,
                    const struct contract_set *after, struct str only, struct report *report)
{
    struct comparison comparison = { ctx, before, after, report };
    for (const struct contract_service *at = before->services; at; at = at->next)
        if (is_meant(at, only) && !compare_service(&comparison, at))
            return false;
    for (const struct contract_service *at = after->services; at; at = at->next)
        if (is_meant(at, only) && !compare_new(&comparison, at))
            return false;
    report_count(report);
    return true;
}
