#include "platform/service/tests/example/example.h"

#include <stdlib.h>
#include <unistd.h>

#include "example_contract.h"

/* ---- state ---- */

struct example {
    char *greeting;
    int rounds;
};

static bool example_open(struct ctx *ctx)
{
    struct str greeting = setting_text(ctx, "greeting");
    if (str_is(greeting, "broken"))
        return ctx_fail(ctx, ERR_UNAVAILABLE, "the greeting is broken");
    struct example *example = mem_alloc(sizeof(*example));
    example->greeting = mem_strdup(greeting.ptr);
    ctx->app = example;
    return true;
}

static void example_close(void *app)
{
    struct example *example = app;
    free(example->greeting);
    free(example);
}

/* ---- API ---- */

struct reply example_get_note(struct ctx *ctx, const struct get_note_in *in)
{
    struct sql_rows rows;
    struct note note = { .note_id = in->note_id };
    if (!sql_one(ctx, &rows, "SELECT text FROM notes WHERE note_id = $1", sql_str(in->note_id))) {
        if (!ctx_failed(ctx))
            ctx_fail(ctx, ERR_NOT_FOUND, "there is no note " STR_FMT, STR_ARG(in->note_id));
        return reply_error(ctx);
    }
    note.text = row_str(ctx, &rows, 0);
    sql_rows_close(&rows);
    return reply_ok(ctx, note_encode(ctx, &note));
}

struct reply example_post_note(struct ctx *ctx, const struct post_note_in *in)
{
    struct note_stored stored = { .note_id = in->body->note_id, .text = in->body->text };
    if (!sql_exec(ctx, NULL, "INSERT INTO notes (note_id, text) VALUES ($1, $2)",
                  sql_str(in->body->note_id), sql_str(in->body->text)) ||
        !publish_note_stored(ctx, &stored))
        return reply_error(ctx);
    return reply_ok(ctx, note_encode(ctx, in->body));
}

struct reply example_get_wait(struct ctx *ctx, const struct get_wait_in *in)
{
    struct note_stored stored = { .note_id = STR("nte_wait"), .text = STR("waited") };
    usleep((useconds_t)in->wait_ms * 1000);
    if (!service_publish_later(ctx, &EXAMPLE_NOTE_STORED_V1_TYPE, &stored))
        return reply_error(ctx);
    struct waited waited = { .waited_ms = in->wait_ms };
    return reply_ok(ctx, waited_encode(ctx, &waited));
}

/* ---- events ---- */

static enum outcome on_note_stored(struct ctx *ctx, const struct note_stored *note)
{
    if (!sql_exec(ctx, NULL, "INSERT INTO heard (note_id) VALUES ($1)", sql_str(note->note_id)))
        return outcome_of(ctx);
    return DONE;
}

/* ---- work ---- */

static bool count_rounds(struct ctx *ctx)
{
    struct example *example = ctx->app;
    example->rounds++;
    return example->rounds < 3;
}

static bool example_open_all(struct ctx *ctx)
{
    return example_open(ctx) && service_worker(ctx, "rounds", 50000, count_rounds);
}

/* ---- tables ---- */

static const struct setting settings[] = {
    { .key = "greeting", .kind = SETTING_TEXT, .fallback = "hello", .help = "What it says" },
    { .key = "rounds_every",
      .kind = SETTING_DURATION,
      .fallback = "50ms",
      .help = "How often it looks",
      .least = 1000,
      .most = 60000000 },
    { .key = "colour",
      .kind = SETTING_CHOICE,
      .fallback = "red",
      .choices = "red|green",
      .help = "Its colour" },
    { .key = "password",
      .kind = SETTING_CHOICE,
      .fallback = "",
      .choices = "a|b",
      .help = "A secret",
      .secret = true },
};

static const struct sql_migration migrations[] = {
    { .number = 1,
      .name = "001_notes",
      .sqlite = "CREATE TABLE notes (note_id TEXT PRIMARY KEY, text TEXT NOT NULL);"
                "CREATE TABLE heard (note_id TEXT PRIMARY KEY);" },
};

static const struct reaction reactions[] = {
    ON(EXAMPLE_NOTE_STORED_V1, on_note_stored, READS("note_id")),
};

static const char *const peers[] = { "commerce", NULL };

const struct service example_service = {
    .name = "example",
    .port = 8190,
    .contract = &example_contract,
    .migrations = migrations,
    .n_migrations = COUNT(migrations),
    .reactions = reactions,
    .n_reactions = COUNT(reactions),
    .settings = settings,
    .n_settings = COUNT(settings),
    .peers = peers,
    .open = example_open_all,
    .close = example_close,
};
