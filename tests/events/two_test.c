#include <signal.h>

#include "platform/events/tests/fixture.h"
#include "platform/faults/faults.h"
#include "platform/sql/testing_postgresql.h"
#include "tests/events/stage.h"

/* Two instances of a service on one PostgreSQL database, partitions moving between them while events come: one is stopped
 * (SIGSTOP) in the middle for longer than the group waits for it, and continued; one is killed; one leaves in order.
 * Every event has one effect, and so has what follows from it. */

#define SETTLE_US (40 * US_PER_S)
#define STOPPED_MS 9000 /* the group gives up a member after 6 s */

static struct stage stage;
static struct fixture publisher; /* publishes; hears what the instances publish */
static struct fixture ledger;    /* looks at the instances' database */
static const char *url;
static int published, followed;

static void on_fatal(void *argument, const char *sentence)
{
    fprintf(stderr, "%s\n", sentence);
    CHECK(false);
}

static void on_term(int signal)
{
}

static int instance(const char *database, const char *servers, const char *more)
{
    struct sigaction action = { .sa_handler = on_term };
    sigset_t blocked, before;
    sigemptyset(&blocked);
    sigaddset(&blocked, SIGTERM);
    sigprocmask(SIG_BLOCK, &blocked, &before);
    sigaction(SIGTERM, &action, NULL);
    struct fixture f;
    fixture_join(&f, database, servers);
    faults_enable(true);
    if (strcmp(more, "slow") ==
        0) /* it is before a commit most of the time: there it will be stopped */
        REQUIRE(fault_set(&f.ctx, STR("events.consumer.commit"), (struct str){ 0 }, FAULT_DELAY, 15,
                          1000, 0));
    fixture_consume(&f);
    REQUIRE(events_start(f.events, on_fatal, NULL));
    sigsuspend(&before);
    fixture_close(&f);
    return check_end();
}

static pid_t start_instance(const char *more)
{
    return stage_run("instance", url, stage.servers, more);
}

/* Events of many owners for so long. */
static void publish_for(int ms)
{
    int64_t until = clock_mono_us() + ms * US_PER_MS;
    while (clock_mono_us() < until) {
        char owner[16];
        snprintf(owner, sizeof owner, "o-%d", published % 37);
        bool follows = published % 4 == 0;
        REQUIRE(fixture_publish(&publisher, owner, 1, follows ? "publish" : NULL));
        published++;
        followed += follows;
        stage_sleep_ms(2);
    }
}

static bool all_there(void)
{
    return fixture_number(&ledger, "SELECT count(*) FROM ledger") >= published &&
           fixture_number(&ledger, "SELECT count(*) FROM platform_outbox") == 0 &&
           -fixture_sum(&publisher) >= followed;
}

static void wait_for_all(const char *when)
{
    int64_t begun = clock_mono_us();
    while (!all_there() && clock_mono_us() - begun < SETTLE_US)
        stage_sleep_ms(50);
    printf("%s: %d published, all there after %lld ms more\n", when, published,
           (long long)((clock_mono_us() - begun) / 1000));
    CHECK_INT(fixture_number(&ledger, "SELECT count(*) FROM ledger"), published);
    CHECK_INT(fixture_number(&ledger, "SELECT count(*) - count(DISTINCT cause) FROM ledger"), 0);
    CHECK_INT(fixture_number(&ledger, "SELECT count(*) FROM platform_outbox"), 0);
    CHECK_INT(-fixture_sum(&publisher), followed);
    CHECK_INT(fixture_number(&publisher, "SELECT count(*) - count(DISTINCT cause) FROM ledger"), 0);
    fflush(stdout);
}

/* With events in hand, and more of them read already. */
static void leave_under_load(void)
{
    pid_t members[3];
    for (size_t i = 0; i < COUNT(members); i++)
        members[i] = start_instance("slow");
    publish_for(3000);
    for (size_t i = 0; i < COUNT(members); i++) {
        kill(members[i], SIGTERM);
        publish_for(200);
        CHECK_INT(stage_end(members[i], 0), 0);
    }
}

static void open_all(const char *broker)
{
    static const struct reaction hears[] = { { .event = &noted_v1, .handle = fixture_count } };
    stage_open(&stage, broker);
    stage_broker_start(&stage);
    fixture_open(&ledger, url, stage.servers);
    fixture_open(&publisher, NULL, stage.servers);
    REQUIRE(events_consume(
        &publisher.ctx, publisher.events,
        &(struct consumer_settings){ .name = "watcher", .reactions = hears, .n_reactions = 1 }));
    REQUIRE(events_start(publisher.events, on_fatal, NULL));
}

int main(int argc, char **argv)
{
    if (argc == 5 && strcmp(argv[1], "instance") == 0)
        return instance(argv[2], argv[3], argv[4]);
    REQUIRE(argc == 2);
    if (!(url = test_postgresql_url()))
        return 77;
    open_all(argv[1]);
    pid_t first = start_instance("slow");
    publish_for(1500);
    pid_t second = start_instance(""); /* partitions move to it */
    publish_for(2000);
    wait_for_all("two instances");

    kill(first, SIGSTOP);
    publish_for(STOPPED_MS);
    kill(first, SIGCONT); /* it goes on with what it had in hand */
    publish_for(2000);
    wait_for_all("one stopped and continued");

    stage_end(second, SIGKILL);
    publish_for(500);
    pid_t others[4]; /* with the first one more members than partitions */
    for (size_t i = 0; i < COUNT(others); i++)
        others[i] = start_instance("");
    publish_for(2000);
    CHECK_INT(stage_end(first, SIGTERM), 0); /* leaves in order */
    publish_for(1000);
    wait_for_all("one killed, four come, one gone");

    for (size_t i = 0; i < COUNT(others); i++)
        CHECK_INT(stage_end(others[i], SIGTERM), 0);
    leave_under_load();
    fixture_close(&publisher);
    fixture_close(&ledger);
    stage_close(&stage);
    return check_end();
}
