#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "cli/command.h"
#include "cli/import_check.h"
#include "cli/import_kinds.h"
#include "cli/import_starters.h"
#include "cli/mapping.h"
#include "cli/progress.h"
#include "cli/service_api.h"
#include "cli/stack.h"

#define WINDOW 256            /* records between two notes of where it stands */
#define PARALLEL_DEFAULT 48   /* calls at once at most: they share the services' commits */
#define PARALLEL_MOST 256
#define PATIENCE_US                                                                                \
    (60 * US_PER_S) /* with a service that is away, before the import stops (to be resumed) */
#define FIRST_PAUSE_US (100 * US_PER_MS)
#define TOKEN_EVERY_US (300 * US_PER_S) /* tokens live ten minutes */

enum {
    DATA,
    URL,
    PARALLEL,
    REJECTS,
    CURRENCY,
    RESTART,
    MAP,
    SET,
    ID_FROM,
    ENCODING,
    DELIMITER,
    DRY_RUN,
    N_OPTIONS
};

struct import {
    const struct import_kind *kind;
    const char *path, *rejects_path;
    struct str data, state_path;
    struct record_shape shape;
    struct mapping mapping;
    struct records *records;
    FILE *rejects;
    int64_t done, rejected, lines_done, token_us;
    int64_t rejects_bytes; /* of the rejects file that are of lines_done */
    struct import_target target;
    struct progress progress;
};

/* ---- where it stands, so that it can go on after it was stopped ---- */

static bool state_read(struct ctx *ctx, struct import *import)
{
    char text[512];
    FILE *file = fopen(import->state_path.ptr, "re");
    if (!file) {
        unlink(import->rejects_path); /* of an import before */
        return true;
    }
    size_t n = fread(text, 1, sizeof(text), file);
    fclose(file);
    const struct json *state = json_parse(ctx, arena_str(ctx->arena, (struct str){ text, n }));
    if (!state || json_int(json_get(state, "bytes")) != records_bytes(import->records))
        return ctx_fail(ctx, ERR_CONFLICT, "%s is of another file: --restart begins anew",
                        import->state_path.ptr);
    import->lines_done = json_int(json_get(state, "lines"));
    import->done = json_int(json_get(state, "done"));
    import->rejected = json_int(json_get(state, "rejected"));
    import->rejects_bytes = json_int(json_get(state, "rejects_bytes"));
    fprintf(stderr, "going on after line %lld\n", (long long)import->lines_done);
    return true;
}

static bool state_write(struct ctx *ctx, const struct import *import)
{
    struct str next = arena_printf(ctx->arena, STR_FMT ".next", STR_ARG(import->state_path));
    FILE *file = fopen(next.ptr, "we");
    bool ok = file && fprintf(file,
                              "{\"bytes\":%lld,\"lines\":%lld,\"done\":%lld,\"rejected\":%lld,"
                              "\"rejects_bytes\":%lld}\n",
                              (long long)records_bytes(import->records),
                              (long long)import->lines_done, (long long)import->done,
                              (long long)import->rejected, (long long)import->rejects_bytes) > 0;
    if (file && fclose(file) != 0)
        ok = false;
    return (ok && rename(next.ptr, import->state_path.ptr) == 0) ||
           ctx_fail(ctx, ERR_UNAVAILABLE, "%s cannot be written: %s", import->state_path.ptr,
                    strerror(errno));
}

/* As it was when the last window was done: what a window that was cut short put there is put there again. */
static bool rejects_open(struct ctx *ctx, struct import *import)
{
    int file = open(import->rejects_path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    bool ok = file >= 0 && ftruncate(file, import->rejects_bytes) == 0 &&
              lseek(file, import->rejects_bytes, SEEK_SET) >= 0 &&
              (import->rejects = fdopen(file, "w"));
    if (!ok && file >= 0)
        close(file);
    return ok || ctx_fail(ctx, ERR_UNAVAILABLE, "%s cannot be written: %s", import->rejects_path,
                          strerror(errno));
}

/* As CSV: the line's number and the reason before what it says, so that a spreadsheet shows it and it can be imported again. */
static struct str reject_row(struct ctx *ctx, const struct import *import,
                             const struct record *record, struct str reason)
{
    char delimiter = ',', *quoted = arena_alloc(ctx->arena, 2 * reason.len + 1);
    struct str header = records_header(import->records, &delimiter);
    size_t n = 0;
    for (size_t i = 0; i < reason.len; i++) {
        quoted[n++] = reason.ptr[i];
        if (reason.ptr[i] == '"')
            quoted[n++] = '"';
    }
    struct str row = arena_printf(
        ctx->arena, "%lld%c\"" STR_FMT "\"%c" STR_FMT, (long long)record->line, delimiter,
        STR_ARG(((struct str){ quoted, n })), delimiter, STR_ARG(record->text));
    return ftello(import->rejects) > 0
               ? row
               : arena_printf(ctx->arena, "line%creason%c" STR_FMT "\n" STR_FMT, delimiter,
                              delimiter, STR_ARG(header), STR_ARG(row));
}

static bool reject(struct ctx *ctx, struct import *import, const struct record *record,
                   struct str reason)
{
    char delimiter;
    if (!import->rejects && !rejects_open(ctx, import))
        return false;
    struct json_out out;
    json_out_init(&out, ctx->arena);
    json_object(&out);
    json_key(&out, "line");
    json_put_int(&out, record->line);
    json_key(&out, "reason");
    json_put_str(&out, reason);
    json_key(&out, "text");
    json_put_str(&out, str_is_utf8(record->text) ? record->text : STR("(not UTF-8)"));
    json_object_end(&out);
    import->rejected++;
    struct str text = str_ends(str_of(import->rejects_path), STR(".csv")) &&
                              records_header(import->records, &delimiter).ptr
                          ? reject_row(ctx, import, record, reason)
                          : json_out_str(&out);
    return (fprintf(import->rejects, STR_FMT "\n", STR_ARG(text)) > 0 &&
            fflush(import->rejects) == 0) ||
           ctx_fail(ctx, ERR_UNAVAILABLE, "%s cannot be written: %s", import->rejects_path,
                    strerror(errno));
}

/* ---- windows of records ---- */

static bool token_renew(struct ctx *ctx, struct import *import)
{
    int64_t now = clock_mono_us();
    if (import->target.token.ptr && now - import->token_us < TOKEN_EVERY_US)
        return true;
    struct str token = service_api_token(ctx, import->data, "import", import->kind->scopes);
    if (!token.ptr)
        return false;
    import->target.token = token;
    import->token_us = now;
    return true;
}

static size_t window_read(struct ctx *ctx, struct import *import, struct record *window)
{
    size_t n = 0;
    while (n < WINDOW && records_next(ctx, import->records, &window[n]))
        n += window[n].last_line > import->lines_done;
    return n;
}

/* Sends what is open of the window until none is; what the service refuses is rejected, what it cannot take now waits. */
static bool window_send(struct ctx *ctx, struct import *import, struct record *window, size_t n)
{
    int64_t until = clock_mono_us() + PATIENCE_US, pause_us = FIRST_PAUSE_US;
    struct sending *sending = ARENA_ARRAY(ctx->arena, struct sending, n);
    for (size_t i = 0; i < n; i++)
        sending[i] = (struct sending){ .record = &window[i],
                                       .state = window[i].json.ptr ? SENDING_OPEN : SENDING_REFUSED,
                                       .reason = window[i].reason };
    while (import->kind->send(ctx, &import->target, sending, n)) {
        if (import->target.progress) {
            until = clock_mono_us() + PATIENCE_US;
            pause_us = FIRST_PAUSE_US;
            continue;
        }
        if (clock_mono_us() > until)
            return ctx_fail(ctx, ERR_UNAVAILABLE,
                            "%s takes nothing for %lld s (" STR_FMT "); run it again to go on",
                            import->kind->service, PATIENCE_US / US_PER_S,
                            STR_ARG(import->target.why));
        usleep((useconds_t)pause_us);
        pause_us = MIN(pause_us * 2, 2 * US_PER_S);
    }
    for (size_t i = 0; i < n && !ctx_failed(ctx); i++)
        if (sending[i].state == SENDING_DONE)
            import->done++;
        else if (sending[i].state == SENDING_REFUSED)
            reject(ctx, import, &window[i], sending[i].reason);
    return !ctx_failed(ctx);
}

/* ctx lives as long as the import; what a window needs does not. */
static bool windows(struct ctx *ctx, struct import *import)
{
    CLEANUP(arena_freep) struct arena *scratch = arena_new(64 * 1024);
    struct ctx own = { .arena = scratch };
    struct record *window = ARENA_ARRAY(ctx->arena, struct record, WINDOW);
    size_t n = 0;
    while (token_renew(ctx, import) && (n = window_read(&own, import, window)) > 0 &&
           window_send(&own, import, window, n)) {
        import->lines_done = window[n - 1].last_line;
        if (import->rejects)
            import->rejects_bytes = ftello(import->rejects);
        if (!state_write(&own, import))
            break;
        progress_show(&import->progress, import->done, import->rejected,
                      (double)records_consumed(import->records) /
                          (double)MAX(records_bytes(import->records), 1),
                      false);
        arena_clear(scratch);
    }
    if (ctx_failed(&own))
        ctx_fail(ctx, own.error.code, STR_FMT, STR_ARG(own.error.detail));
    return !ctx_failed(ctx);
}

/* To the first line again, with nothing done. */
static bool rewind_all(struct ctx *ctx, struct import *import)
{
    records_close(import->records);
    if (import->rejects)
        fclose(import->rejects);
    import->rejects = NULL;
    unlink(import->rejects_path);
    unlink(import->state_path.ptr);
    import->done = import->rejected = import->lines_done = import->rejects_bytes = 0;
    import->target.waiting = 0;
    import->progress = progress_begin(import->kind->name, 0);
    import->records = records_open(ctx, import->path, &import->shape);
    return import->records != NULL;
}

/* What waits for something later in the file is taken when it comes by again; each time there are fewer, or it is over. */
static bool passes(struct ctx *ctx, struct import *import)
{
    int64_t before = INT64_MAX;
    while (windows(ctx, import)) {
        int64_t waiting = import->target.waiting;
        if (waiting == 0 || waiting >= before)
            return true;
        fprintf(stderr, "%lld wait for others of the file: once more\n", (long long)waiting);
        before = waiting;
        if (!rewind_all(ctx, import))
            return false;
    }
    return false;
}

static int finish(struct ctx *ctx, struct import *import, bool ok)
{
    double share = ok || !import->records ? 1
                                          : (double)records_consumed(import->records) /
                                                (double)MAX(records_bytes(import->records), 1);
    progress_show(&import->progress, import->done, import->rejected, share, true);
    if (import->rejected)
        fprintf(stderr, "%lld lines were rejected; they are in %s with the reason\n",
                (long long)import->rejected, import->rejects_path);
    if (!ok)
        return command_failed(ctx);
    unlink(import->state_path.ptr);
    return import->rejected ? 3 : 0;
}

static bool parallel_of(struct ctx *ctx, const char *text, struct import_target *target)
{
    int64_t most = PARALLEL_DEFAULT;
    if (text && (!str_to_int(str_of(text), &most) || most < 1 || most > PARALLEL_MOST))
        return ctx_fail(ctx, ERR_INVALID, "--parallel is a number from 1 to %d", PARALLEL_MOST);
    target->most = (size_t)most;
    target->parallel = MIN((size_t)most, 16);
    return true;
}

static bool write_key_read(struct ctx *ctx, struct import *import)
{
    char text[256] = "";
    struct str path = arena_printf(ctx->arena, STR_FMT "/keys/write.key", STR_ARG(import->data));
    FILE *file = fopen(path.ptr, "re");
    if (file && !fgets(text, sizeof(text), file))
        text[0] = '\0';
    if (file)
        fclose(file);
    import->target.write_key = str_trim(arena_str(ctx->arena, str_of(text)));
    return import->target.write_key.len > 0 ||
           ctx_fail(ctx, ERR_NOT_FOUND, "there is no write key in %s", path.ptr);
}

/* How the file is to be read, where it is not by itself as the contract has it. */
static bool shape_read(struct ctx *ctx, struct import *import, const struct option_value *options)
{
    const char *delimiter = options[DELIMITER].value, *id_from = options[ID_FROM].value;
    if (!mapping_read(ctx, options[MAP].value, options[SET].value, &import->mapping))
        return false;
    if (delimiter && strcmp(delimiter, "tab") != 0 && strlen(delimiter) != 1)
        return ctx_fail(ctx, ERR_INVALID, "--delimiter is one character, or tab");
    if (id_from && (strcmp(id_from, "email") != 0 || !import->kind->consents))
        return ctx_fail(ctx, ERR_INVALID, "--id-from is email, of customers");
    if (import->mapping.n_columns || import->mapping.n_set)
        import->shape.mapping = &import->mapping;
    if (import->mapping.n_columns || id_from)
        import->shape.id_prefix = import->kind->id_prefix;
    import->shape.id_from_email = id_from != NULL;
    import->shape.encoding = options[ENCODING].value;
    import->shape.delimiter = (char)(!delimiter                       ? 0
                                     : strcmp(delimiter, "tab") == 0 ? '\t'
                                                                     : delimiter[0]);
    const char *slash = strrchr(import->path, '/');
    import->shape.source =
        arena_printf(ctx->arena, "import %.80s", slash ? slash + 1 : import->path).ptr;
    return true;
}

static bool import_open(struct ctx *ctx, struct import *import, const struct option_value *options)
{
    import->shape = (struct record_shape){ .id = import->kind->id,
                                           .type = import->kind->type,
                                           .consents = import->kind->consents,
                                           .currency = options[CURRENCY].value };
    import->state_path = arena_printf(ctx->arena, "%s.import-state", import->path);
    import->rejects_path = options[REJECTS].value
                               ? options[REJECTS].value
                               : arena_printf(ctx->arena, "%s.rejected", import->path).ptr;
    import->target.media_folder = arena_printf(ctx->arena, "%s.media", import->path).ptr;
    if (!shape_read(ctx, import, options))
        return false;
    if (options[DRY_RUN].value)
        return (import->records = records_open(ctx, import->path, &import->shape)) != NULL;
    import->data = stack_data(ctx, options[DATA].value, false);
    if (!import->data.ptr || !parallel_of(ctx, options[PARALLEL].value, &import->target) ||
        !(import->target.peer =
              service_api(ctx, import->data, import->kind->service, options[URL].value)) ||
        (import->kind->write_key && !write_key_read(ctx, import)) ||
        !(import->records = records_open(ctx, import->path, &import->shape)))
        return false;
    if (options[RESTART].value)
        unlink(import->state_path.ptr);
    return state_read(ctx, import);
}

static int dry_run(struct ctx *ctx, struct import *import)
{
    struct check_counts counts;
    if (!import_check(ctx, import->kind, import->records, &counts))
        return command_failed(ctx);
    printf("%lld %s would be sent", (long long)counts.good, import->kind->name);
    if (import->kind->consents)
        printf(", with %lld words on consent", (long long)counts.consents);
    printf("; %lld cannot be used\n", (long long)counts.bad);
    return counts.bad ? 3 : 0;
}

static void import_close(struct import *import)
{
    records_close(import->records);
    if (import->rejects)
        fclose(import->rejects);
    peer_free(import->target.peer);
}

static int run_import(struct ctx *ctx, int argc, char **argv)
{
    struct option_value options[N_OPTIONS] = { [DATA] = { "--data" },
                                               [URL] = { "--url" },
                                               [PARALLEL] = { "--parallel" },
                                               [REJECTS] = { "--rejects" },
                                               [CURRENCY] = { "--currency" },
                                               [RESTART] = { "--restart", .flag = true },
                                               [MAP] = { "--map" },
                                               [SET] = { "--set" },
                                               [ID_FROM] = { "--id-from" },
                                               [ENCODING] = { "--encoding" },
                                               [DELIMITER] = { "--delimiter" },
                                               [DRY_RUN] = { "--dry-run", .flag = true } };
    const char *rest[2];
    size_t n_rest;
    struct import import = { 0 };
    if (!options_read(ctx, argc, argv, options, N_OPTIONS, rest, 2, &n_rest))
        return command_failed(ctx);
    if (n_rest == 1 && strcmp(rest[0], "starters") == 0)
        return import_starters(ctx, options[DATA].value, options[URL].value);
    if (n_rest != 2 || !(import.kind = import_kind_find(rest[0]))) {
        ctx_fail(
            ctx, ERR_INVALID,
            "what is imported is one of products, customers, orders, events, content, and then a file; or starters");
        return command_failed(ctx);
    }
    import.path = rest[1];
    int status;
    if (!import_open(ctx, &import, options)) {
        status = command_failed(ctx);
    } else if (options[DRY_RUN].value) {
        status = dry_run(ctx, &import);
    } else {
        import.progress = progress_begin(import.kind->name, import.done);
        status = finish(ctx, &import, passes(ctx, &import));
    }
    import_close(&import);
    return status;
}

const struct command command_import = {
    .name = "import",
    .arguments = "products|customers|orders|events|content FILE [OPTION]... | starters",
    .help = "Bring a file into the stack through its public APIs",
    .details =
        "FILE is .csv (with a header) or .jsonl. Members and columns are those of the contract, and the id: product_id,\n"
        "profile_id (customers), order_id. Columns inside others have dots: price.amount, lines.product_id, traits.plan;\n"
        "consecutive rows with the same order_id are one order. Money may be decimal: price, with price.currency or\n"
        "--currency. Customers may bring \"consents\" (JSON lines), or columns consent.marketing.email and so on with yes or no,\n"
        "and consent.source, consent.wording, consent.proof, consent.at beside them. Content is what `fanfare export content` writes: FILE and\n"
        "FILE.media/, where the bytes of its media are. An import that was stopped goes on where it was.\n\n"
        "starters needs no file: it publishes templates of mail to begin with (welcome, newsletter, abandoned_cart,\n"
        "order_confirmation, win_back, notice, double-opt-in). What is in their place already stays as it is, so it can be\n"
        "said again after a newer version brought more of them.\n\n"
        "  --data DIR      the stack's folder: where it runs and its keys\n"
        "  --url URL       the service, where it is not the stack's own\n"
        "  --parallel N    calls under way at once at most (default 48); fewer where the service asks for it\n"
        "  --currency CUR  for decimal money without a currency column\n"
        "  --rejects FILE  lines that cannot be used, with the reason (default: FILE.rejected)\n"
        "                  as CSV where that is called .csv\n"
        "  --restart       from the beginning\n"
        "  --dry-run       sends nothing: how many records fit, and the first mistakes\n\n"
        "A CSV file that calls its columns otherwise:\n"
        "  --map COLUMN=member,...  which column is which member; columns that nothing is said of are left out. Ids get the\n"
        "                           prefix that they lack (prf_)\n"
        "  --set member=value,...   what is the same for all lines (consent.source=fair)\n"
        "  --id-from email          of customers without a number: the id is made of the address\n"
        "  --delimiter C            one character, or tab (default: the one of , ; tab | that the header has most of)\n"
        "  --encoding NAME          as iconv has it (windows-1252); default: UTF-8, or UTF-16 by the mark at the beginning\n\n"
        "The exit status is 0 when all lines were taken, 3 when some were rejected, 1 when it could not go on.\n",
    .run = run_import,
};
