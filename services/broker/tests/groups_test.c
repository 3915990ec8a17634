/* The state machine of consumer groups, driven without sockets; time passes by real timers of a
 * few milliseconds where it has to. */
#include "services/broker/groups.h"

#include "base/arena.h"
#include "base/clock.h"
#include "base/tests/check.h"

static struct loop *loop;
static struct broker_stats stats;
static struct groups groups;
static struct arena *arena;

#define GROUP STR("group")

static void nothing(void *owner)
{
}

struct joiner {
    struct join join;
    struct protocol protocols[2];
    bool done;
    enum kafka_error error;
    int32_t generation;
    struct str id, leader, protocol;
    size_t n_seen; /* members that a leader is told */
};

static void join_done(struct join *join, enum kafka_error error, const struct group *group,
                      const struct member *member)
{
    struct joiner *joiner = CONTAINER_OF(join, struct joiner, join);
    joiner->done = true;
    joiner->error = error;
    if (member)
        joiner->id = arena_str(arena, member->id);
    if (error)
        return;
    joiner->generation = group->generation;
    joiner->leader = arena_str(arena, group->leader->id);
    joiner->protocol = arena_str(arena, group->protocol->name);
    joiner->n_seen = group->n_members;
}

static struct joiner *joiner_new(struct str id, int32_t session_ms)
{
    struct joiner *joiner = ARENA_NEW(arena, struct joiner);
    joiner->protocols[0] = (struct protocol){ STR("range"), STR("r") };
    joiner->protocols[1] = (struct protocol){ STR("roundrobin"), STR("rr") };
    joiner->join = (struct join){ .member_id = id,
                                  .client_id = STR("client"),
                                  .host = STR("/127.0.0.1"),
                                  .protocol_type = STR("consumer"),
                                  .session_ms = session_ms,
                                  .rebalance_ms = 10000,
                                  .protocols = joiner->protocols,
                                  .n_protocols = 2,
                                  .done = join_done };
    return joiner;
}

static struct joiner *join(struct str id)
{
    struct joiner *joiner = joiner_new(id, 10000);
    group_join(&groups, GROUP, &joiner->join);
    return joiner;
}

struct syncer {
    struct sync sync;
    bool done;
    enum kafka_error error;
    struct str assignment;
};

static void sync_done(struct sync *sync, enum kafka_error error, struct str assignment)
{
    struct syncer *syncer = CONTAINER_OF(sync, struct syncer, sync);
    syncer->done = true;
    syncer->error = error;
    syncer->assignment = arena_str(arena, assignment);
}

static struct syncer *sync_with(struct str id, int32_t generation,
                                const struct protocol *assignments, size_t n)
{
    struct syncer *syncer = ARENA_NEW(arena, struct syncer);
    syncer->sync = (struct sync){ .member_id = id,
                                  .generation = generation,
                                  .assignments = assignments,
                                  .n_assignments = n,
                                  .done = sync_done };
    group_sync(&groups, GROUP, &syncer->sync);
    return syncer;
}

static struct syncer *sync_only(struct str id, int32_t generation)
{
    return sync_with(id, generation, NULL, 0);
}

static enum kafka_error heartbeat(struct str id, int32_t generation)
{
    return group_heartbeat(&groups, GROUP, id, generation);
}

static void wait_ms(int64_t ms)
{
    for (int64_t end = clock_mono_us() + ms * US_PER_MS; clock_mono_us() < end;)
        loop_once(loop, 1);
}

static void start(void)
{
    arena_clear(arena);
    groups_init(&groups, loop, &stats, 0);
}

static void end(void)
{
    groups_clear(&groups);
    CHECK_INT(stats.groups, 0);
}

/* One member in a stable group. */
static struct joiner *alone(void)
{
    struct joiner *one = join(STR(""));
    REQUIRE(one->done && !one->error);
    CHECK(sync_only(one->id, one->generation)->done);
    return one;
}

static void test_one(void)
{
    start();
    struct joiner *one = join(STR(""));
    CHECK(one->done && !one->error && one->generation == 1 && str_eq(one->leader, one->id));
    struct protocol assignment = { one->id, STR("all") };
    struct syncer *sync = sync_with(one->id, 1, &assignment, 1);
    CHECK(sync->done && !sync->error);
    CHECK_STR(sync->assignment, "all");
    CHECK_INT(heartbeat(one->id, 1), KAFKA_NONE);
    CHECK_INT(heartbeat(one->id, 2), KAFKA_ILLEGAL_GENERATION);
    CHECK_INT(heartbeat(STR("nobody"), 1), KAFKA_UNKNOWN_MEMBER_ID);
    CHECK_INT(group_leave(&groups, GROUP, STR("nobody")), KAFKA_UNKNOWN_MEMBER_ID);
    CHECK_INT(group_leave(&groups, GROUP, one->id), KAFKA_NONE);
    CHECK(!group_find(&groups, GROUP));
    end();
}

static void test_two_rebalance(void)
{
    start();
    struct joiner *one = alone(), *two = join(STR(""));
    CHECK(!two->done);
    CHECK_INT(heartbeat(one->id, 1), KAFKA_REBALANCE_IN_PROGRESS);
    CHECK_INT(sync_only(one->id, 1)->error, KAFKA_REBALANCE_IN_PROGRESS);
    CHECK_INT(group_may_commit(&groups, GROUP, one->id, 1),
              KAFKA_NONE); /* what it has done before it joins */
    struct joiner *again = join(one->id);
    CHECK(again->done && two->done && again->generation == 2 && two->generation == 2);
    CHECK(str_eq(again->leader, one->id) && again->n_seen == 2);
    struct syncer *waits = sync_only(two->id, 2);
    CHECK(!waits->done);
    CHECK_INT(group_may_commit(&groups, GROUP, two->id, 2), KAFKA_REBALANCE_IN_PROGRESS);
    struct protocol both[] = { { one->id, STR("a") }, { two->id, STR("b") } };
    struct syncer *leads = sync_with(one->id, 2, both, 2);
    CHECK_STR(leads->assignment, "a");
    CHECK(waits->done);
    CHECK_STR(waits->assignment, "b");
    CHECK_STR(sync_only(two->id, 2)->assignment, "b"); /* asked once more: the answer was lost */
    CHECK_INT(group_may_commit(&groups, GROUP, one->id, 1), KAFKA_ILLEGAL_GENERATION);
    CHECK_INT(group_may_commit(&groups, GROUP, STR(""), -1), KAFKA_UNKNOWN_MEMBER_ID);
    CHECK_INT(group_leave(&groups, GROUP, one->id), KAFKA_NONE);
    CHECK_INT(heartbeat(two->id, 2), KAFKA_REBALANCE_IN_PROGRESS);
    struct joiner *last = join(two->id);
    CHECK(last->done && last->generation == 3 && str_eq(last->leader, two->id));
    end();
}

/* A follower that asks again while nothing has changed gets the same generation; the leader
 * starts a new one. */
static void test_join_again(void)
{
    start();
    struct joiner *one = alone(), *two = join(STR(""));
    join(one->id);
    CHECK_INT(two->generation, 2);
    CHECK_INT(join(two->id)->generation, 2); /* before the sync, too */
    sync_only(two->id, 2);
    sync_only(one->id, 2);
    CHECK_INT(join(two->id)->generation, 2);
    struct joiner *changed = joiner_new(two->id, 10000);
    changed->protocols[0].metadata = STR("other");
    group_join(&groups, GROUP, &changed->join);
    CHECK(!changed->done);
    CHECK(join(one->id)->generation == 3 && changed->generation == 3);
    sync_only(two->id, 3);
    sync_only(one->id, 3);
    CHECK(!join(one->id)->done);
    CHECK_INT(join(two->id)->generation, 4);
    end();
}

static void test_refusals(void)
{
    start();
    struct joiner *joiner = joiner_new(STR(""), 10000);
    group_join(&groups, STR(""), &joiner->join);
    CHECK_INT(joiner->error, KAFKA_INVALID_GROUP_ID);
    joiner = joiner_new(STR(""), SESSION_LEAST_MS - 1);
    group_join(&groups, GROUP, &joiner->join);
    CHECK_INT(joiner->error, KAFKA_INVALID_SESSION_TIMEOUT);
    joiner = joiner_new(STR(""), 10000);
    joiner->join.n_protocols = 0;
    group_join(&groups, GROUP, &joiner->join);
    CHECK_INT(joiner->error, KAFKA_INCONSISTENT_GROUP_PROTOCOL);
    CHECK_INT(join(STR("unknown"))->error, KAFKA_UNKNOWN_MEMBER_ID);
    CHECK(!group_find(&groups, GROUP));
    alone();
    CHECK_INT(join(STR("unknown"))->error, KAFKA_UNKNOWN_MEMBER_ID);
    joiner = joiner_new(STR(""), 10000);
    joiner->join.protocol_type = STR("connect");
    group_join(&groups, GROUP, &joiner->join);
    CHECK_INT(joiner->error, KAFKA_INCONSISTENT_GROUP_PROTOCOL);
    joiner = joiner_new(STR(""), 10000);
    joiner->protocols[0].name = joiner->protocols[1].name = STR("sticky");
    group_join(&groups, GROUP, &joiner->join);
    CHECK_INT(joiner->error, KAFKA_INCONSISTENT_GROUP_PROTOCOL);
    end();
}

/* Version 4: the first join gets an id, and counts only when it comes again with it. */
static void test_id_first(void)
{
    start();
    struct joiner *first = joiner_new(STR(""), 1000);
    first->join.id_first = true;
    group_join(&groups, GROUP, &first->join);
    CHECK_INT(first->error, KAFKA_MEMBER_ID_REQUIRED);
    CHECK(first->id.len > 0);
    CHECK_INT(heartbeat(first->id, 0), KAFKA_UNKNOWN_MEMBER_ID);
    struct joiner *again = join(first->id);
    CHECK(again->done && !again->error && str_eq(again->id, first->id));
    struct joiner *lost = joiner_new(STR(""), 1000);
    lost->join.id_first = true;
    group_join(&groups, GROUP, &lost->join);
    wait_ms(1050);
    CHECK_INT(join(lost->id)->error, KAFKA_UNKNOWN_MEMBER_ID); /* it came too late */
    CHECK_INT(group_find(&groups, GROUP)->n_members, 1);
    end();
}

static void test_session_runs_out(void)
{
    start();
    struct joiner *one = joiner_new(STR(""), 1000);
    group_join(&groups, GROUP, &one->join);
    sync_only(one->id, 1);
    wait_ms(600);
    CHECK_INT(heartbeat(one->id, 1), KAFKA_NONE);
    wait_ms(600);
    CHECK_INT(heartbeat(one->id, 1), KAFKA_NONE); /* each heartbeat starts the time anew */
    struct joiner *two = join(STR(""));
    CHECK(!two->done);
    wait_ms(1050);
    CHECK(two->done && two->generation == 2); /* the silent one is out: no need to wait for it */
    CHECK_INT(heartbeat(one->id, 1), KAFKA_UNKNOWN_MEMBER_ID);
    end();
}

/* A member that heartbeats but does not join again holds the others up no longer than the
 * rebalance time. */
static void test_rebalance_time(void)
{
    start();
    struct joiner *one = joiner_new(STR(""), 10000);
    one->join.rebalance_ms = 100;
    group_join(&groups, GROUP, &one->join);
    sync_only(one->id, 1);
    struct joiner *two = joiner_new(STR(""), 10000);
    two->join.rebalance_ms = 100;
    group_join(&groups, GROUP, &two->join);
    CHECK(!two->done);
    wait_ms(150);
    CHECK(two->done && two->generation == 2 && str_eq(two->leader, two->id));
    CHECK_INT(heartbeat(one->id, 1), KAFKA_UNKNOWN_MEMBER_ID);
    /* Nor does a leader that never says who gets what. */
    wait_ms(150);
    CHECK_INT(heartbeat(two->id, 2), KAFKA_UNKNOWN_MEMBER_ID);
    CHECK(!group_find(&groups, GROUP));
    end();
}

static void test_gather(void)
{
    start();
    groups.gather_ms = 60;
    struct joiner *one = join(STR("")), *two = join(STR(""));
    CHECK(!one->done && !two->done);
    wait_ms(100);
    CHECK(one->done && two->done && one->generation == 1 && two->generation == 1 &&
          one->n_seen == 2);
    end();
}

static void test_protocol_choice(void)
{
    start();
    struct joiner *one = alone();
    struct joiner *two = joiner_new(STR(""), 10000);
    two->protocols[0] = (struct protocol){ STR("roundrobin"), STR("rr") };
    two->join.n_protocols = 1;
    group_join(&groups, GROUP, &two->join);
    CHECK_STR(join(one->id)->protocol, "roundrobin"); /* the only one that both know */
    end();
}

/* Whose connection is gone stays a member until its session is over, and nothing is written to
 * it. */
static void test_cancel(void)
{
    start();
    struct joiner *one = alone();
    struct joiner *two = joiner_new(STR(""), 1000);
    group_join(&groups, GROUP, &two->join);
    join_cancel(&two->join);
    struct joiner *again = join(one->id);
    CHECK(again->done && again->generation == 2 && again->n_seen == 2 && !two->done);
    struct syncer *sync = sync_only(one->id, 2);
    CHECK(sync->done);
    wait_ms(1050);
    CHECK_INT(heartbeat(one->id, 2), KAFKA_REBALANCE_IN_PROGRESS);
    again = join(one->id);
    CHECK(again->done && again->n_seen == 1);
    struct joiner *three = join(STR(""));
    again = join(one->id);
    struct syncer *waits = sync_only(three->id, again->generation);
    sync_cancel(&waits->sync);
    sync_only(one->id, again->generation);
    CHECK(!waits->done);
    end();
}

static void test_clear_answers(void)
{
    start();
    alone();
    struct joiner *two = join(STR(""));
    groups_clear(&groups);
    CHECK(two->done && two->error == KAFKA_COORDINATOR_NOT_AVAILABLE);
}

int main(void)
{
    arena = arena_new(0);
    struct ctx ctx = { .arena = arena };
    loop = loop_new(&ctx, 1, nothing, NULL);
    REQUIRE(loop);
    test_one();
    test_two_rebalance();
    test_join_again();
    test_refusals();
    test_id_first();
    test_session_runs_out();
    test_rebalance_time();
    test_gather();
    test_protocol_choice();
    test_cancel();
    test_clear_answers();
    loop_free(loop);
    arena_free(arena);
    return check_end();
}
