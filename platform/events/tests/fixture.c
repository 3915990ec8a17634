#include "platform/events/tests/fixture.h"

#include <stddef.h>
#include <stdlib.h>
#include <unistd.h>

#define FIELD(name_, kind_, flags_)                                                                \
    {                                                                                              \
        .name = #name_, .name_length = sizeof #name_ - 1, .kind = kind_, .flags = flags_,          \
        .offset = offsetof(struct counted, name_), .presence = UINT32_MAX,                         \
        .key = "\"" #name_ "\":"                                                                   \
    }

static const struct field counted_fields[] = {
    FIELD(owner, FIELD_STR, FIELD_REQUIRED),
    FIELD(amount, FIELD_INT, FIELD_REQUIRED),
    FIELD(wish, FIELD_STR, FIELD_OPTIONAL),
};

const struct schema_type counted_type = {
    .name = "counted",
    .size = sizeof(struct counted),
    .fields = counted_fields,
    .n_fields = COUNT(counted_fields),
};

const struct event_type counted_v1 = {
    .type = "fanfare.test.thing.counted.v1",
    .topic = "fanfare.test.thing",
    .data = &counted_type,
    .subject = &counted_fields[0],
    .keeping = KEEP_FOREVER,
    .partitions = 4,
};

const struct event_type noted_v1 = {
    .type = "fanfare.test.note.noted.v1",
    .topic = "fanfare.test.note",
    .data = &counted_type,
    .subject = &counted_fields[0],
    .keeping = KEEP_COMPACTED,
    .partitions = 2,
};

static const struct event_type *const published[] = { &counted_v1, &noted_v1 };
const struct contract fixture_contract = {
    .service = "test",
    .version = "1",
    .publishes = published,
    .n_publishes = COUNT(published),
};

const struct sql_migration fixture_migrations[FIXTURE_MIGRATIONS] = {
    { 1, "001_ledger",
      "CREATE TABLE ledger (cause TEXT, owner TEXT NOT NULL, amount BIGINT NOT NULL)", NULL },
};

atomic_int fixture_refuse;

static bool publish_note(struct ctx *ctx, const struct counted *counted)
{
    struct counted note = { .owner = counted->owner, .amount = -counted->amount };
    return event_publish(ctx, &noted_v1, &note);
}

enum outcome fixture_count(struct ctx *ctx, const void *data)
{
    const struct counted *counted = data;
    if (!sql_exec(ctx, NULL, "INSERT INTO ledger (cause, owner, amount) VALUES ($1, $2, $3)",
                  sql_str(ctx->event->id), sql_str(counted->owner), sql_int(counted->amount)))
        return outcome_of(ctx);
    if (str_is(counted->wish, "reject")) {
        ctx_fail(ctx, ERR_INVALID, "it wished so");
        return outcome_of(ctx);
    }
    if (str_is(counted->wish, "retry") && atomic_load(&fixture_refuse) != 0) {
        if (atomic_load(&fixture_refuse) > 0)
            atomic_fetch_sub(&fixture_refuse, 1);
        ctx_fail(ctx, ERR_UNAVAILABLE, "not now");
        return outcome_of(ctx);
    }
    if (str_is(counted->wish, "publish") && !publish_note(ctx, counted))
        return outcome_of(ctx);
    return DONE;
}

const struct reaction fixture_reactions[FIXTURE_REACTIONS] = {
    { .event = &counted_v1, .handle = fixture_count },
};

static void open_rest(struct fixture *f, const char *servers)
{
    f->db = sql_open(&f->ctx, str_of(f->url), "test", fixture_migrations, FIXTURE_MIGRATIONS);
    if (!f->db)
        fprintf(stderr, STR_FMT "\n", STR_ARG(f->ctx.error.detail));
    REQUIRE(f->db);
    char log[128];
    snprintf(log, sizeof log, "kafka://%s", servers ? servers : "127.0.0.1:1");
    f->events = events_open(&f->ctx, &(struct events_settings){
                                         .url = log,
                                         .service = "test",
                                         .db = f->db,
                                         .contract = &fixture_contract,
                                         .outbox_max_bytes = 64 * 1024 * 1024,
                                         .outbox_max_age_s = 3600,
                                     });
    REQUIRE(f->events);
}

void fixture_join(struct fixture *f, const char *url, const char *servers)
{
    *f = (struct fixture){ .arena = arena_new(0) };
    f->ctx.arena = f->arena;
    snprintf(f->url, sizeof f->url, "%s", url);
    open_rest(f, servers);
}

void fixture_open(struct fixture *f, const char *url, const char *servers)
{
    *f = (struct fixture){ .arena = arena_new(0) };
    f->ctx.arena = f->arena;
    if (url) {
        snprintf(f->url, sizeof f->url, "%s", url);
        sql_erase(&f->ctx, str_of(url), "test");
    } else {
        snprintf(f->folder, sizeof f->folder, "/tmp/fanfare-events-XXXXXX");
        REQUIRE(mkdtemp(f->folder));
        snprintf(f->url, sizeof f->url, "sqlite:%s/test.db", f->folder);
    }
    open_rest(f, servers);
}

void fixture_consume(struct fixture *f)
{
    REQUIRE(events_consume(&f->ctx, f->events,
                           &(struct consumer_settings){
                               .name = "test",
                               .reactions = fixture_reactions,
                               .n_reactions = FIXTURE_REACTIONS,
                           }));
}

void fixture_close(struct fixture *f)
{
    events_free(f->events);
    sql_close(f->db);
    if (f->folder[0]) {
        sql_erase(&f->ctx, str_of(f->url), "test");
        rmdir(f->folder);
    }
    arena_free(f->arena);
}

struct number {
    const char *text;
    int64_t value;
};

static bool read_number(struct ctx *ctx, void *argument)
{
    struct number *number = argument;
    struct sql_rows rows;
    if (!sql_one(ctx, &rows, number->text))
        return false;
    number->value = row_int(&rows, 0);
    sql_rows_close(&rows);
    return true;
}

int64_t fixture_number(struct fixture *f, const char *text)
{
    struct ctx ctx = { .arena = f->arena };
    struct number number = { text, -1 };
    sql_read(&ctx, f->db, read_number, &number);
    return number.value;
}

int64_t fixture_sum(struct fixture *f)
{
    return fixture_number(f, "SELECT CAST(coalesce(sum(amount), 0) AS BIGINT) FROM ledger");
}

static bool publish(struct ctx *ctx, void *argument)
{
    return event_publish(ctx, &counted_v1, argument);
}

bool fixture_publish(struct fixture *f, const char *owner, int64_t amount, const char *wish)
{
    struct arena *arena = arena_new(0);
    struct ctx ctx = { .arena = arena };
    struct counted counted = { str_of(owner), amount, str_of(wish) };
    bool done = sql_write(&ctx, f->db, publish, &counted);
    if (!done)
        fprintf(stderr, "publish: " STR_FMT "\n", STR_ARG(ctx.error.detail));
    arena_free(arena);
    return done;
}

enum outcome fixture_give(struct fixture *f, const char *id, const char *data)
{
    struct ctx ctx = { .arena = f->arena };
    return events_give(&ctx, f->events, &counted_v1, str_of(id), (struct str){ 0 }, str_of(data));
}
