/* Different people of any days, beside a slow and obvious count: days that come and go in an order of chance. */
#include "services/reporting/visitors.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/tests/check.h"

#define PEOPLE 12
#define DAYS 40
#define FIRST (-5) /* days before 1970 are days, too */
#define STEPS 3000

struct step {
    struct lmdb *db;
    struct hash person;
    struct crowd crowd;
    int64_t day;
    enum { NOTE, TAKE_BACK, FORGET } what;
};

static bool seen[3][PEOPLE][DAYS];
static unsigned seed = 7;

static unsigned random_below(unsigned n)
{
    seed = seed * 1664525u + 1013904223u;
    return (seed >> 8) % n;
}

static struct crowd crowd_at(unsigned i)
{
    return i == 0   ? crowd_all()
           : i == 1 ? crowd_of_channel(CHANNEL_EMAIL)
                    : crowd_of_campaign(STR("cmp_spring"));
}

static bool step_do(struct ctx *ctx, void *argument)
{
    const struct step *step = argument;
    return step->what == FORGET ? visitors_forget(ctx, step->db, step->person)
           : step->what == NOTE
               ? visitors_note(ctx, step->db, step->person, &step->crowd, step->day)
               : visitors_take_back(ctx, step->db, step->person, &step->crowd, step->day);
}

static void step_both(struct ctx *ctx, struct lmdb *db)
{
    unsigned crowd = random_below(3), person = random_below(PEOPLE), day = random_below(DAYS),
             dice = random_below(100);
    struct step step = { .db = db,
                         .person = hash_of((struct str){ (const char *)&person, sizeof(person) }),
                         .crowd = crowd_at(crowd),
                         .day = FIRST + (int64_t)day,
                         .what = dice < 65   ? NOTE
                                 : dice < 98 ? TAKE_BACK
                                             : FORGET };
    REQUIRE(lmdb_write(ctx, db, step_do, &step));
    seen[crowd][person][day] = step.what == NOTE ||
                               (step.what == FORGET && seen[crowd][person][day]);
    if (step.what == FORGET)
        for (int i = 0; i < 3; i++)
            memset(seen[i][person], 0, sizeof(seen[i][person]));
}

static int64_t count_slowly(unsigned crowd, unsigned from, unsigned to)
{
    int64_t n = 0;
    for (unsigned person = 0; person < PEOPLE; person++) {
        bool any = false;
        for (unsigned day = from; day <= to; day++)
            any = any || seen[crowd][person][day];
        n += any;
    }
    return n;
}

static void compare(struct ctx *ctx, struct lmdb *db)
{
    struct lmdb_read read;
    unsigned which = random_below(3), from = random_below(DAYS),
             to = from + random_below(DAYS - from);
    struct crowd crowd = crowd_at(which);
    REQUIRE(lmdb_read_begin(ctx, db, &read));
    CHECK_INT(visitors_count(&read, &crowd, FIRST + (int64_t)from, FIRST + (int64_t)to),
              count_slowly(which, from, to));
    CHECK_INT(visitors_count(&read, &crowd, -700000, 700000), count_slowly(which, 0, DAYS - 1));
    lmdb_read_end(&read);
}

/* Nothing is left of nobody: the same facts make the same bytes. */
static void forget_all(struct ctx *ctx, struct lmdb *db)
{
    struct lmdb_read read;
    for (unsigned person = 0; person < PEOPLE; person++) {
        struct step step = { .db = db,
                             .person =
                                 hash_of((struct str){ (const char *)&person, sizeof(person) }),
                             .what = FORGET };
        REQUIRE(lmdb_write(ctx, db, step_do, &step));
    }
    REQUIRE(lmdb_read_begin(ctx, db, &read));
    CHECK_INT(lmdb_count(&read, TABLE_CROWDS), 0);
    CHECK_INT(lmdb_count(&read, TABLE_GAPS), 0);
    lmdb_read_end(&read);
}

int main(void)
{
    CLEANUP(arena_freep) struct arena *arena = arena_new(0);
    struct ctx ctx = { .arena = arena };
    char folder[] = "/tmp/fanfare-visitors-XXXXXX", command[64];
    REQUIRE(mkdtemp(folder) != NULL);
    struct lmdb *db = model_open(&ctx, folder);
    REQUIRE(db != NULL);
    for (int i = 0; i < STEPS; i++) {
        step_both(&ctx, db);
        if (i % 10 == 0)
            compare(&ctx, db);
        arena_clear(arena);
    }
    forget_all(&ctx, db);
    model_close(db);
    snprintf(command, sizeof(command), "rm -r %s", folder);
    CHECK_INT(system(command), 0);
    return check_end();
}
