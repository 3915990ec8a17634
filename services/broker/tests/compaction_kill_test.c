/* A log that is written to, rolled, compacted and retained, by a process that is killed at random
 * moments; every second time the power goes with it: of what was not synced any sector may be lost.
 * Afterwards all that was acknowledged is there, or was rightly compacted: compared with a list of
 * what was written at each offset.
 *
 * broker_compaction_kill_test [--rounds N] [--seed N] */
#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>

#include "services/broker/log_private.h"
#include "services/broker/tests/keyed.h"

#define SEGMENT_BYTES 32768
#define RECORDS_A_LIFE 12000 /* then a new log begins, so that rounds stay short */

/* What the process that is killed has told. */
struct shared {
    struct model model; /* noted before it is sent */
    _Atomic int64_t acked;
    _Atomic int64_t runs; /* of compaction, to their end */
};

static struct shared *shared;
static unsigned seed = 1;
static char durable_folder[FILE_PATH_BYTES];

/* ---- what is durable ---- */

static void copy_file(const char *from, const char *to)
{
    uint8_t *bytes;
    size_t n;
    if (file_read_whole(from, &bytes, &n))
        return;
    char fresh[FILE_PATH_BYTES + 8];
    snprintf(fresh, sizeof(fresh), "%s.new", to);
    int fd = open(fresh, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    REQUIRE(fd >= 0 && file_write_all(fd, bytes, n, 0) == 0);
    close(fd);
    REQUIRE(rename(fresh, to) == 0);
    free(bytes);
}

static int noting_sync(int fd)
{
    char link[64], path[FILE_PATH_BYTES], copy[FILE_PATH_BYTES];
    snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
    ssize_t n = readlink(link, path, sizeof(path) - 1);
    if (n <= 0)
        return EIO;
    path[n] = '\0';
    file_path(copy, durable_folder, "%s", strrchr(path, '/') + 1);
    copy_file(path, copy);
    return 0;
}

static const struct disk noting_disk = { file_writev_all, noting_sync };

/* Every segment in the folder. */
static void each_segment(void (*call)(const char *path, const char *copy))
{
    DIR *dir = opendir(folder);
    for (struct dirent *entry; (entry = readdir(dir));) {
        size_t n = strlen(entry->d_name);
        if (n < 4 || strcmp(entry->d_name + n - 4, ".log"))
            continue;
        char path[FILE_PATH_BYTES], copy[FILE_PATH_BYTES];
        file_path(path, folder, "%s", entry->d_name);
        file_path(copy, durable_folder, "%s", entry->d_name);
        call(path, copy);
    }
    closedir(dir);
}

/* Of each sector either what was synced or what is there now, and any part of what is new. */
static void cut_segment(const char *path, const char *copy)
{
    uint8_t *now, *old = NULL;
    size_t n, n_old = 0;
    REQUIRE(file_read_whole(path, &now, &n) == 0);
    if (file_read_whole(copy, &old, &n_old))
        n_old = 0;
    size_t end = n_old + (n > n_old ? (size_t)rand_r(&seed) % (n - n_old + 1) : 0);
    for (size_t at = 0; at < end; at += 512) {
        if (rand_r(&seed) % 2)
            continue;
        for (size_t i = at; i < MIN(at + 512, end); i++)
            now[i] = i < n_old ? old[i] : 0;
    }
    REQUIRE(truncate(path, 0) == 0);
    write_at(path, now, end, 0);
    free(now);
    free(old);
}

static void forget_copies(void)
{
    file_remove_folder(durable_folder);
    REQUIRE(file_make_folder(durable_folder) == 0);
}

/* ---- the process that is killed ---- */

static void run_end(struct compaction_end *end, enum compaction_outcome outcome)
{
    CONTAINER_OF(end, struct ran, end)->over = true;
    shared->runs += outcome == COMPACTION_DONE;
}

static void write_one(struct log *log)
{
    struct written records[12];
    int32_t n = 1 + rand_r(&seed) % 12;
    for (int32_t i = 0; i < n; i++)
        records[i] = (struct written){ rand_r(&seed) % (KEYS + 1) - 1,
                                       rand_r(&seed) % 8 ? 1 + rand_r(&seed) % 100000 : 0 };
    memcpy(shared->model.records + log->end, records, (size_t)n * sizeof(*records));
    shared->model.n = log->end + n;
    REQUIRE(append_keyed(log, &shared->model, records, n, (enum codec)(rand_r(&seed) % 5)) ==
            KAFKA_NONE);
    shared->acked = log_synced(log);
}

static void live(void)
{
    fixture_loop();
    struct log *log = log_of(SEGMENT_BYTES);
    REQUIRE(log);
    struct ran ran = { .end.done = run_end, .over = true };
    limits.memory_bytes = rand_r(&seed) % 2 ? 0 : 1 << 20;
    limits.bytes_a_second = rand_r(&seed) % 2 ? 1u << 20 : 1u << 30;
    while (log->end < RECORDS_MOST - 100) {
        write_one(log);
        int dice = rand_r(&seed) % 20;
        if (dice == 0)
            log_roll(log);
        else if (dice < 4)
            log_retain(log, clock_now_us() / US_PER_MS);
        if (ran.over && rand_r(&seed) % 6 == 0) {
            ran.over = false;
            compaction_start(log, &limits, true, &ran.end);
        }
        loop_once(env.loop, 0);
    }
    pause();
}

/* ---- and what is left ---- */

static void check_left(int round)
{
    env.disk = &noting_disk;
    struct log *log = log_of(SEGMENT_BYTES);
    if (!log)
        fprintf(stderr, "round %d: " STR_FMT "\n", round, STR_ARG(ctx.error.detail));
    REQUIRE(log);
    CHECK(log_synced(log) >= shared->acked && log_synced(log) <= shared->model.n);
    shared->model.n = log_synced(log);
    if (!compare(log, &shared->model).ok) {
        fprintf(stderr, "round %d\n", round);
        exit(1);
    }
    log_free(log);
}

static void run_round(int round)
{
    bool power = round % 2;
    shared->acked = 0;
    forget_copies();
    each_segment(copy_file);
    pid_t child = fork();
    REQUIRE(child >= 0);
    if (child == 0) {
        env.disk = power ? &noting_disk : &disk_real;
        live();
        _exit(0);
    }
    usleep((useconds_t)(1000 + rand_r(&seed) % 120000));
    kill(child, SIGKILL);
    int status;
    REQUIRE(waitpid(child, &status, 0) == child);
    CHECK(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
    if (power)
        each_segment(cut_segment);
    check_left(round);
    if (shared->model.n > RECORDS_A_LIFE)
        empty_folder();
    seed += (unsigned)round * 7919;
}

int main(int argc, char **argv)
{
    int rounds = 60;
    for (int i = 1; i + 1 < argc; i += 2) {
        if (strcmp(argv[i], "--rounds") == 0)
            rounds = atoi(argv[i + 1]);
        else if (strcmp(argv[i], "--seed") == 0)
            seed = (unsigned)atoi(argv[i + 1]);
    }
    REQUIRE(rounds > 0);
    fixture_open();
    snprintf(durable_folder, sizeof(durable_folder), "%s.durable", folder);
    shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    REQUIRE(shared != MAP_FAILED);
    policy = (struct log_policy){ .compacts = true,
                                  .segment_ms = 30,
                                  .retention_ms = -1,
                                  .retention_bytes = -1,
                                  .lag_most_ms = 30,
                                  .tombstone_ms = 40 };
    for (int round = 0; round < rounds; round++)
        run_round(round);
    printf("%d rounds, %lld runs of compaction to their end\n", rounds, (long long)shared->runs);
    CHECK(shared->runs > 0);
    file_remove_folder(durable_folder);
    return fixture_end();
}
