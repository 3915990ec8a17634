/* How many letters a core writes in a second: rendered, their links signed, composed, and signed with DKIM.
 *
 * email_rate ENTRY ASKED SECONDS
 *
 * ENTRY and ASKED: files with the data of content.entry.published and email.message.asked. Prints {"plain": N, "ed25519": N,
 * "rsa": N, "bytes": N}, in a second of CPU, without a signature and with one of each kind. */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "services/email/domains.h"
#include "services/email/messages.h"
#include "services/email/outgoing.h"
#include "services/email/tests/room.h"

#define AT_A_TIME 20 /* between two looks at the clock */

static struct str read_file(struct arena *arena, const char *path)
{
    FILE *file = fopen(path, "rb");
    REQUIRE(file);
    REQUIRE(fseek(file, 0, SEEK_END) == 0);
    long size = ftell(file);
    REQUIRE(size >= 0);
    rewind(file);
    char *text = arena_alloc(arena, (size_t)size + 1);
    REQUIRE(fread(text, 1, (size_t)size, file) == (size_t)size);
    fclose(file);
    return (struct str){ text, (size_t)size };
}

/* Leaves the domain the key of one kind. */
static bool keep_only(struct ctx *ctx, void *argument)
{
    struct domain_key_row *rows = ARENA_ARRAY(ctx->arena, struct domain_key_row, DOMAIN_MOST_KEYS);
    size_t n;
    if (!domain_activate(ctx, STR("example.com")) ||
        !store_domain_keys(ctx, STR("example.com"), NULL, rows, &n))
        return false;
    for (size_t i = 0; i < n; i++)
        if (!str_is(rows[i].algorithm, argument) &&
            !store_domain_key_delete(ctx, STR("example.com"), rows[i].selector))
            return false;
    return true;
}

static void keys_make(struct test_service *test, const char *algorithm)
{
    struct key_rotation rotation = { .keep_days = 7 };
    if (!algorithm)
        return;
    REQUIRE(domain_prepare(test_ctx(test), STR("example.com"), &rotation));
    REQUIRE(test_write(test, keep_only, (void *)algorithm));
}

/* In a second of CPU. */
static double rate(const char *algorithm, const char *entry, struct str asked, double seconds,
                   size_t *bytes)
{
    struct test_service *test = test_open(&email_service, NULL, NULL);
    CLEANUP(arena_freep) struct arena *arena = arena_new(1 << 20);
    struct ctx ctx = *test_ctx(test);
    struct outgoing *outgoing = outgoing_new();
    struct outgoing_letter letter;
    struct message_row message = { .message_id = STR("msg_0123456789abcdef0123456789abcdef"),
                                   .queue = STR(QUEUE_SINGLE),
                                   .person_id = STR("prf_1"),
                                   .campaign_id = STR("cmp_spring"),
                                   .asked = asked,
                                   .marketing = true };
    person(test, "prf_1", "");
    hear(test, &CONTENT_ENTRY_PUBLISHED_V1_TYPE, entry);
    keys_make(test, algorithm);
    ctx.arena = arena;
    int64_t done = 0, until_us = clock_mono_us() + (int64_t)(seconds * US_PER_S);
    clock_t before = clock();
    do {
        for (int i = 0; i < AT_A_TIME; i++) {
            REQUIRE(outgoing_compose(&ctx, outgoing, &message, &letter));
            *bytes = letter.text.len;
            arena_clear(arena);
        }
        done += AT_A_TIME;
    } while (clock_mono_us() < until_us);
    double per_s = (double)done * CLOCKS_PER_SEC / (double)(clock() - before);
    outgoing_free(outgoing);
    test_close(test);
    return per_s;
}

int main(int argc, char **argv)
{
    if (argc != 4 && argc != 5) {
        fprintf(stderr, "email_rate ENTRY ASKED SECONDS\n");
        return 2;
    }
    CLEANUP(arena_freep) struct arena *arena = arena_new(0);
    static const char *const kinds[] = { NULL, "ed25519", "rsa" };
    struct str entry = read_file(arena, argv[1]), asked = read_file(arena, argv[2]);
    size_t bytes = 0;
    printf("{");
    for (size_t i = 0; i < COUNT(kinds) && !(i && argc == 5); i++)
        printf("\"%s\": %.0f, ", kinds[i] ? kinds[i] : "plain",
               rate(kinds[i], entry.ptr, asked, strtod(argv[3], NULL), &bytes));
    printf("\"bytes\": %zu}\n", bytes);
    return check_end();
}
