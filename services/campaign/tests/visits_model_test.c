/* Random things that people do, random time, pauses and restarts: the mails that the service asks for are those of a slow and
 * obvious model. visits_model_test [SEED [STEPS]] */
#include <stdlib.h>

#include "services/campaign/tests/people.h"

#define PEOPLE 4
#define KEYS 5
#define STEPS 600
#define MODEL "jny_model"

/* in -> a -> wait for Next of the key (60 s): b -> 30 s -> c; else d. Goal: of the person; Out: of the key. */
#define JOURNEY                                                                                    \
    "{\"name\":\"Model\",\"entry\":{\"kind\":\"event\",\"event\":\"In\",\"key\":\"k\"},"           \
    "\"again\":{\"rule\":\"other_key\"},\"nodes\":[" SEND(                                         \
        "a",                                                                                       \
        "w") ",{\"id\":\"w\",\"kind\":\"wait_until\",\"next\":\"b\",\"wait_until\":{\"event\":\"Next\","                                                                \
             "\"match\":\"k\",\"seconds\":60,\"otherwise\":\"d\"}}," SEND("b", "p") ",{\"id\":\"p\",\"kind\":\"wait\",\"next\":\"c\",\"wait\":{\"seconds\":30}}," SEND( \
                 "c",                                                                              \
                 "e") "," SEND("d",                                                                \
                               "e") ",{\"id\":\"e\",\"kind\":\"exit\"}],\"goals\":[{\"event\":\"Goal\"}],"                                                              \
                                    "\"exits\":[{\"event\":\"Out\",\"match\":\"k\"}]}"
#define SEND(id, next)                                                                             \
    "{\"id\":\"" id "\",\"kind\":\"send\",\"next\":\"" next "\",\"send\":{\"template\":\"t\"}}"

enum stage { STAGE_NONE, STAGE_WAITS, STAGE_HELD, STAGE_PAUSES, STAGE_OVER };

struct model {
    enum stage stages[PEOPLE][KEYS];
    int64_t due_us[PEOPLE][KEYS];
    int64_t mails[4]; /* a, b, c, d */
    bool paused;
};

static unsigned seed;

static unsigned random_below(unsigned n)
{
    seed = seed * 1664525u + 1013904223u;
    return (seed >> 8) % n;
}

/* ---- the model ---- */

static bool is_in(const struct model *model, int p, int k)
{
    return model->stages[p][k] != STAGE_NONE && model->stages[p][k] != STAGE_OVER;
}

static void model_go_on(struct model *model, int p, int k)
{
    model->mails[1]++;
    model->stages[p][k] = STAGE_PAUSES;
    model->due_us[p][k] = now_us + 30 * US_PER_S;
}

static void model_in(struct model *model, int p, int k)
{
    if (model->paused || model->stages[p][k] != STAGE_NONE)
        return;
    model->mails[0]++;
    model->stages[p][k] = STAGE_WAITS;
    model->due_us[p][k] = now_us + 60 * US_PER_S;
}

static void model_next(struct model *model, int k)
{
    for (int p = 0; p < PEOPLE; p++)
        if (model->stages[p][k] == STAGE_WAITS && model->paused)
            model->stages[p][k] = STAGE_HELD;
        else if (model->stages[p][k] == STAGE_WAITS)
            model_go_on(model, p, k);
}

static void model_end(struct model *model, int p, int k)
{
    if (is_in(model, p, k))
        model->stages[p][k] = STAGE_OVER;
}

static void model_time(struct model *model)
{
    for (int p = 0; p < PEOPLE && !model->paused; p++)
        for (int k = 0; k < KEYS; k++) {
            bool due = model->due_us[p][k] <= now_us;
            if (model->stages[p][k] == STAGE_HELD) {
                model_go_on(model, p, k);
            } else if (due && is_in(model, p, k)) {
                model->mails[model->stages[p][k] == STAGE_PAUSES ? 2 : 3]++;
                model->stages[p][k] = STAGE_OVER;
            }
        }
}

/* ---- both do the same ---- */

static void both_hear(struct test_service *test, struct model *model, unsigned what, int p, int k)
{
    static const char *const names[] = { "In", "Next", "Goal", "Out" };
    char person[16], properties[16];
    snprintf(person, sizeof(person), "prf_%d", p);
    snprintf(properties, sizeof(properties), "{\"k\":%d}", k);
    hear(test, person, names[what], properties);
    if (what == 0)
        model_in(model, p, k);
    else if (what == 1)
        model_next(model, k);
    for (int i = 0; i < KEYS && what == 2; i++)
        model_end(model, p, i);
    for (int i = 0; i < PEOPLE && what == 3; i++)
        model_end(model, i, k);
}

static void both_step(struct test_service *test, struct model *model)
{
    static const unsigned often[] = { 0, 0, 0, 0, 1, 1, 1, 2, 3 };
    unsigned dice = random_below(100);
    if (dice < 60) {
        both_hear(test, model, often[random_below(COUNT(often))], (int)random_below(PEOPLE),
                  (int)random_below(KEYS));
    } else if (dice < 92) {
        pass(test, (int64_t)random_below(25) * US_PER_S);
        model_time(model);
    } else if (dice < 98) {
        model->paused = !model->paused;
        CHECK_INT(call(test, "POST", MODEL, model->paused ? "/pause" : "/activate", NULL).status,
                  200);
    } else {
        test_reopen(test);
    }
}

static void mails_same(struct test_service *test, const struct model *model)
{
    int64_t asked[4] = { 0 };
    for (size_t i = 0; i < mails(test); i++) {
        struct str step =
            json_str(json_get(test_published_data(test, &EMAIL_MESSAGE_ASKED_V1_TYPE, i), "step"));
        asked[step.ptr[0] - 'a']++;
    }
    for (int i = 0; i < 4; i++)
        CHECK_INT(asked[i], model->mails[i]);
}

static void where_same(struct test_service *test, const struct model *model)
{
    int64_t n = 0;
    for (int p = 0; p < PEOPLE; p++)
        for (int k = 0; k < KEYS; k++)
            n += is_in(model, p, k);
    CHECK_INT(figure(test, MODEL, "/under_way"), n);
}

/* A life: until everybody has been everywhere, or nearly. */
static void life(int steps)
{
    struct test_service *test = test_open(&campaign_service, NULL, NULL);
    struct model model = { 0 };
    clock_set(1795608000000000LL);
    begin(test, MODEL, JOURNEY);
    for (int i = 0; i < steps; i++) {
        both_step(test, &model);
        where_same(test, &model);
    }
    mails_same(test, &model);
    test_close(test);
    clock_hold_us(0);
}

int main(int argc, char **argv)
{
    int steps = argc > 2 ? atoi(argv[2]) : STEPS;
    seed = argc > 1 ? (unsigned)atoi(argv[1]) : (unsigned)clock_now_us();
    printf("# seed %u\n", seed);
    for (int done = 0; done < steps; done += 60)
        life(60);
    return check_end();
}
