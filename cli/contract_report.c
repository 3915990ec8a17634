#include "cli/contract_report.h"

#include <errno.h>
#include <stdio.h>
#include <unistd.h>

#define PLACES_TOLD 3 /* of one change that many operations share, so many are named */

/* ---- accepted ---- */

static struct str read_file(struct ctx *ctx, const char *path)
{
    char text[65536];
    FILE *file = fopen(path, "re");
    size_t n = file ? fread(text, 1, sizeof(text), file) : 0;
    if (file)
        fclose(file);
    return file && n < sizeof(text) ? arena_str(ctx->arena, (struct str){ text, n })
                                    : (struct str){ NULL, 0 };
}

static bool accepts(const struct json *entry, const struct report_item *item)
{
    return str_eq(json_str(json_get(entry, "service")), item->service) &&
           str_is(json_str(json_get(entry, "rule")), item->finding.rule) &&
           str_eq(json_str(json_get(entry, "place")), item->finding.place) &&
           (!json_get(entry, "event") || str_eq(json_str(json_get(entry, "event")), item->event));
}

static bool accept_entry(struct ctx *ctx, struct report *report, const char *path, size_t index,
                         const struct json *entry)
{
    size_t n = 0;
    if (json_str(json_get(entry, "why")).len == 0)
        return ctx_fail(ctx, ERR_INVALID, "%s: entry %zu needs service, rule, place and why", path,
                        index + 1);
    for (size_t i = 0; i < report->n; i++)
        if (accepts(entry, &report->items[i])) {
            report->items[i].accepted = true;
            n++;
        }
    if (!n)
        fprintf(stderr, "%s: entry %zu accepts nothing that is found\n", path, index + 1);
    return true;
}

bool report_accept(struct ctx *ctx, struct report *report, const char *path, bool must_be_there)
{
    if (!must_be_there && access(path, F_OK) != 0)
        return true;
    struct str text = read_file(ctx, path);
    if (!text.ptr)
        return ctx_fail(ctx, ERR_UNAVAILABLE, "%s cannot be read: %s", path, strerror(errno));
    const struct json *list = json_parse_yaml(ctx, text);
    if (!list)
        return ctx_fail(ctx, ERR_MALFORMED, "%s", path);
    for (struct json_iter it = json_iter(list); json_next(&it);)
        if (!accept_entry(ctx, report, path, it.index, it.value))
            return false;
    report_count(report);
    return true;
}

/* ---- for people ---- */

static const char *severity_word(const struct report_item *item)
{
    return item->accepted ? "accepted" : compat_severity_name(item->finding.severity);
}

/* Same place, told once with all its sentences. */
static bool same_place(const struct report_item *a, const struct report_item *b)
{
    return str_eq(a->service, b->service) && str_eq(a->event, b->event) &&
           str_eq(a->finding.place, b->finding.place) && a->accepted == b->accepted;
}

/* The same change, seen by several operations that share a schema. */
static bool same_change(const struct report_item *a, const struct report_item *b)
{
    return !a->event.ptr && !b->event.ptr && str_eq(a->service, b->service) &&
           a->finding.rule == b->finding.rule && a->accepted == b->accepted &&
           a->finding.in_old == b->finding.in_old &&
           str_eq(a->finding.pointer, b->finding.pointer) &&
           str_eq(a->finding.sentence, b->finding.sentence);
}

static void print_place(const struct report_item *item)
{
    printf("%-9s " STR_FMT ": ", severity_word(item), STR_ARG(item->service));
    if (item->event.ptr)
        printf(STR_FMT "%s" STR_FMT "\n", STR_ARG(item->event), item->finding.place.len ? ", " : "",
               STR_ARG(item->finding.place));
    else
        printf(STR_FMT "\n", STR_ARG(item->finding.place));
}

static void print_sentences(struct report *report, struct report_item *first)
{
    for (struct report_item *at = first; at < report->items + report->n; at++) {
        if (at->told || !same_place(first, at) || at->finding.severity != first->finding.severity)
            continue;
        printf("          " STR_FMT "  [%s, %s]\n", STR_ARG(at->finding.sentence), at->finding.rule,
               compat_use_name(at->finding.use));
        at->told = true;
    }
}

static void print_others(struct report *report, const struct report_item *first)
{
    size_t n = 0;
    for (struct report_item *at = report->items; at < report->items + report->n; at++) {
        if (at->told || !same_change(first, at))
            continue;
        if (n++ < PLACES_TOLD)
            printf("          and " STR_FMT "\n", STR_ARG(at->finding.place));
        at->told = true;
    }
    if (n > PLACES_TOLD)
        printf("          and %zu more\n", n - PLACES_TOLD);
}

/* Those whom a change at this place concerns, by all its findings. */
static void print_broken(const struct report *report, const struct report_item *first)
{
    struct str told[64];
    size_t n = 0;
    for (const struct report_item *at = first; at < report->items + report->n; at++)
        for (size_t i = 0; i < at->n_breaks && n < COUNT(told); i++) {
            bool known = !same_place(first, at) && !same_change(first, at);
            for (size_t k = 0; k < n && !known; k++)
                known = str_eq(told[k], at->breaks[i]);
            if (!known)
                told[n++] = at->breaks[i];
        }
    if (!n && first->event.ptr)
        printf("          no service here reads %s\n", first->finding.member.ptr ? "that" : "it");
    for (size_t i = 0; i < n; i++)
        printf("%s" STR_FMT "%s",
               i                  ? ", "
               : first->event.ptr ? "          read by "
                                  : "          called by ",
               STR_ARG(told[i]), i + 1 < n ? "" : "\n");
}

static void print_where(const struct report_item *item)
{
    struct str pointer = item->finding.pointer, base = STR("tree:/");
    if (str_starts(pointer, base))
        printf("          " STR_FMT, (int)(pointer.len - base.len), pointer.ptr + base.len);
    else if (item->file.ptr)
        printf("          " STR_FMT "#" STR_FMT, STR_ARG(item->file), STR_ARG(pointer));
    else
        return;
    printf("%s\n", item->finding.in_old ? " (as it was)" : "");
}

static void print_items(struct report *report, enum compat_severity severity, bool accepted)
{
    for (size_t i = 0; i < report->n; i++) {
        struct report_item *item = &report->items[i];
        if (item->told || item->finding.severity != severity || item->accepted != accepted)
            continue;
        print_place(item);
        print_sentences(report, item);
        print_others(report, item);
        if (severity != COMPAT_FINE)
            print_broken(report, item);
        print_where(item);
    }
}

void report_print(struct ctx *ctx, struct report *report, bool all)
{
    print_items(report, COMPAT_BREAKING, false);
    print_items(report, COMPAT_WARNING, false);
    print_items(report, COMPAT_BREAKING, true);
    print_items(report, COMPAT_WARNING, true);
    if (all)
        print_items(report, COMPAT_FINE, false);
    printf("contracts against " STR_FMT ": %zu breaking, %zu warning%s", STR_ARG(report->against),
           report->n_breaking, report->n_warnings, report->n_warnings == 1 ? "" : "s");
    if (report->n_accepted)
        printf(", %zu accepted", report->n_accepted);
    printf("\n");
}

/* ---- for programs ---- */

static void put(struct json_out *out, const char *key, struct str text)
{
    if (!text.ptr)
        return;
    json_key(out, key);
    json_put_str(out, text);
}

static void put_item(struct json_out *out, const struct report_item *item)
{
    json_object(out);
    put(out, "severity", str_of(compat_severity_name(item->finding.severity)));
    put(out, "rule", str_of(item->finding.rule));
    put(out, "use", str_of(compat_use_name(item->finding.use)));
    put(out, "service", item->service);
    put(out, "event", item->event);
    put(out, "operation", item->finding.operation);
    put(out, "place", item->finding.place);
    put(out, "member", item->finding.member);
    put(out, "sentence", item->finding.sentence);
    put(out, "file", item->file);
    put(out, "pointer", item->finding.pointer);
    json_key(out, "in_old");
    json_put_bool(out, item->finding.in_old);
    json_key(out, "accepted");
    json_put_bool(out, item->accepted);
    json_key(out, "breaks");
    json_array(out);
    for (size_t i = 0; i < item->n_breaks; i++)
        json_put_str(out, item->breaks[i]);
    json_array_end(out);
    json_object_end(out);
}

void report_print_json(struct ctx *ctx, const struct report *report)
{
    struct json_out out;
    json_out_init(&out, ctx->arena);
    json_object(&out);
    put(&out, "against", report->against);
    json_key(&out, "breaking");
    json_put_int(&out, (int64_t)report->n_breaking);
    json_key(&out, "warnings");
    json_put_int(&out, (int64_t)report->n_warnings);
    json_key(&out, "findings");
    json_array(&out);
    for (size_t i = 0; i < report->n; i++)
        put_item(&out, &report->items[i]);
    json_array_end(&out);
    json_object_end(&out);
    puts(json_out_str(&out).ptr);
}
