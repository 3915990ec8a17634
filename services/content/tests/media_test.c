/* Media: what the bytes are, which part is wanted, and the room with its files, on each engine. */
#include <fcntl.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "services/content/media_files.h"
#include "services/content/media_kind.h"
#include "services/content/media_range.h"
#include "services/content/tests/room.h"

/* ---- bytes ---- */

#define BYTES(literal) ((struct str){ literal, sizeof(literal) - 1 })

#define PNG                                                                                        \
    "\x89PNG\r\n\x1A\n\0\0\0\rIHDR\0\0\0\x03\0\0\0\x02\x08\x02\0\0\0AAAA\0\0\0\x02IDATxxAAAA"      \
    "\0\0\0\0IENDAAAA"
#define JPEG                                                                                       \
    "\xFF\xD8\xFF\xE0\0\x06" "JFIF\xFF\xFF\xC0\0\x0B\x08\0\x02\0\x03\x01\x01\x11\0\xFF\xDA\0\x04" \
    "\x01\x01zz\xFF\xD9"
#define GIF                                                                                        \
    "GIF89a\x03\0\x02\0\x80\0\0\0\0\0\xFF\xFF\xFF!\xF9\x04\0\0\0\0\0,\0\0\0\0\x03\0\x02\0\0\x02\x02zz\0;"
#define WEBP_LOSSY "RIFF\x16\0\0\0WEBPVP8 \x0A\0\0\0\x30\x01\0\x9D\x01\x2A\x03\0\x02\0"
#define WEBP_LOSSLESS "RIFF\x16\0\0\0WEBPVP8L\x0A\0\0\0\x2F\x02\x40\0\0\0\0\0\0\0"
#define WEBP_EXTENDED "RIFF\x16\0\0\0WEBPVP8X\x0A\0\0\0\0\0\0\0\x02\0\0\x01\0\0"
#define PDF "%PDF-1.7\n1 0 obj\nendobj\n%%EOF\n"
#define MP4 "\0\0\0\x10" "ftypisom\0\0\0\0\0\0\0\x0Amdatzz\0\0\0\x08moov"

static const struct {
    struct str bytes;
    const char *type;
    int64_t width, height;
} sound[] = {
    { BYTES(PNG),           "image/png",       3, 2 },
    { BYTES(JPEG),          "image/jpeg",      3, 2 },
    { BYTES(GIF),           "image/gif",       3, 2 },
    { BYTES(WEBP_LOSSY),    "image/webp",      3, 2 },
    { BYTES(WEBP_LOSSLESS), "image/webp",      3, 2 },
    { BYTES(WEBP_EXTENDED), "image/webp",      3, 2 },
    { BYTES(PDF),           "application/pdf", 0, 0 },
    { BYTES(MP4),           "video/mp4",       0, 0 },
};

static void test_kinds(struct ctx *ctx)
{
    for (size_t i = 0; i < COUNT(sound); i++) {
        struct media_kind kind = { 0 };
        if (!CHECK(media_kind_read(ctx, sound[i].bytes, &kind))) {
            fprintf(stderr, "%s: " STR_FMT "\n", sound[i].type, STR_ARG(ctx->error.detail));
            ctx_clear(ctx);
            continue;
        }
        CHECK_STR(str_of(kind.type), sound[i].type);
        CHECK_INT(kind.width, sound[i].width);
        CHECK_INT(kind.height, sound[i].height);
    }
}

/* Cut off anywhere it is refused. Each length in memory of its own, where the sanitizer sees what is read behind it. */
static void test_cut_off(struct ctx *ctx)
{
    for (size_t i = 0; i < COUNT(sound); i++)
        for (size_t len = 0; len + 1 < sound[i].bytes.len; len++) {
            struct media_kind kind;
            char *bytes = malloc(len + !len);
            memcpy(bytes, sound[i].bytes.ptr, len);
            if (!CHECK(!media_kind_read(ctx, (struct str){ bytes, len }, &kind)))
                fprintf(stderr, "%s cut to %zu\n", sound[i].type, len);
            free(bytes);
            ctx_clear(ctx);
        }
}

/* Bent anywhere it may be refused or not, and nothing else happens. */
static void test_bent(struct ctx *ctx)
{
    for (size_t i = 0; i < COUNT(sound); i++)
        for (size_t at = 0; at < sound[i].bytes.len; at++)
            for (int value = 0; value < 256; value += 51) {
                struct media_kind kind;
                char *bytes = malloc(sound[i].bytes.len);
                memcpy(bytes, sound[i].bytes.ptr, sound[i].bytes.len);
                bytes[at] = (char)value;
                bool ok = media_kind_read(ctx, (struct str){ bytes, sound[i].bytes.len }, &kind);
                CHECK(ok || ctx->error.code == ERR_INVALID);
                free(bytes);
                ctx_clear(ctx);
            }
}

static void test_refused(struct ctx *ctx)
{
    static const struct {
        struct str bytes;
        const char *sentence;
    } strange[] = {
        { BYTES(" <svg xmlns='http://www.w3.org/2000/svg'/>"),
          "SVG and HTML are not taken: they may carry scripts" },
        { BYTES("\xEF\xBB\xBF<!doctype html>"),
          "SVG and HTML are not taken: they may carry scripts" },
        { BYTES("MZ\x90"), "this is no PNG, JPEG, GIF, WebP, PDF or MP4" },
        { BYTES(PNG "<script>"), "it begins like image/png and is none, or is cut off" },
        { BYTES("GIF89a=1;alert(1)//"), "it begins like image/gif and is none, or is cut off" },
        { BYTES(
              "\x89PNG\r\n\x1A\n\0\0\0\rIHDR\0\0\xFF\xFF\0\0\xFF\xFF\x08\x02\0\0\0AAAA\0\0\0\0IENDAAAA"),
          "65535 x 65535 pixels are too many" },
        { BYTES(
              "\x89PNG\r\n\x1A\n\0\0\0\rIHDR\0\0\0\0\0\0\0\x01\x08\x02\0\0\0AAAA\0\0\0\0IENDAAAA"),
          "it begins like image/png and is none, or is cut off" },
    };
    for (size_t i = 0; i < COUNT(strange); i++) {
        struct media_kind kind;
        CHECK(!media_kind_read(ctx, strange[i].bytes, &kind));
        CHECK_STR(ctx->error.detail, strange[i].sentence);
        ctx_clear(ctx);
    }
}

static void test_ranges(void)
{
    static const struct {
        const char *header;
        enum media_range range;
        uint64_t first, bytes;
    } cases[] = {
        { NULL,                RANGE_ALL },
        { "bytes=0-0",         RANGE_PART, 0, 1 },
        { "bytes=2-5",         RANGE_PART, 2, 4 },
        { "Bytes= 8-",         RANGE_PART, 8, 2 },
        { "bytes=8-99",        RANGE_PART, 8, 2 },
        { "bytes=-3",          RANGE_PART, 7, 3 },
        { "bytes=-99",         RANGE_PART, 0, 10 },
        { "bytes=10-",         RANGE_NONE },
        { "bytes=-0",          RANGE_NONE },
        { "bytes=5-2",         RANGE_ALL },
        { "bytes=0-1,3-4",     RANGE_ALL },
        { "bytes=-",           RANGE_ALL },
        { "bytes=--3",         RANGE_ALL },
        { "bytes=+1-2",        RANGE_ALL },
        { "bytes",             RANGE_ALL },
        { "lines=1-2",         RANGE_ALL },
        { "bytes=9223372036854775808-", RANGE_ALL },
        { "bytes=0-9223372036854775807", RANGE_PART, 0, 10 },
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        uint64_t first = 0, bytes = 0;
        bool ok =
            CHECK_INT(range_read(str_of(cases[i].header), 10, &first, &bytes), cases[i].range);
        if (cases[i].range == RANGE_PART)
            ok &= CHECK_INT(first, cases[i].first) && CHECK_INT(bytes, cases[i].bytes);
        if (!ok)
            fprintf(stderr, "%s\n", cases[i].header);
    }
}

/* ---- the room ---- */

static struct reply upload(struct test_service *test, const char *type, struct str bytes)
{
    struct str header = arena_printf(test_ctx(test)->arena, "Content-Type: %s", type);
    return test_send(test, "POST", "/v1/media?name=a.png", "content:write", header.ptr, bytes);
}

static struct reply fetch(struct test_service *test, struct str id, const char *headers)
{
    struct str target = arena_printf(test_ctx(test)->arena, "/v1/media/" STR_FMT, STR_ARG(id));
    return test_call(test, "GET", target.ptr, NULL, headers, NULL);
}

static struct reply del(struct test_service *test, const char *path)
{
    return test_call(test, "DELETE", path, "content:write", "If-Match: *", NULL);
}

/* What a reply from a file sends. */
static struct str sent(struct test_service *test, struct reply reply)
{
    if (!reply.file)
        return STR("no file");
    char *bytes = arena_alloc(test_ctx(test)->arena, reply.file->bytes + 1);
    ssize_t n = pread(reply.file->fd, bytes, reply.file->bytes, (off_t)reply.file->offset);
    return (struct str){ bytes, n < 0 ? 0 : (size_t)n };
}

static struct str png_id(struct test_service *test)
{
    return text_at(test, upload(test, "image/png", BYTES(PNG)), "/media_id");
}

static const char *media_path(struct test_service *test, struct str id)
{
    return arena_printf(test_ctx(test)->arena, "/v1/media/" STR_FMT, STR_ARG(id)).ptr;
}

static void test_uploads(struct test_service *test)
{
    struct reply reply = upload(test, "image/png", BYTES(PNG));
    CHECK_INT(reply.status, 200);
    struct str id = text_at(test, reply, "/media_id");
    CHECK_INT(id.len, 4 + 64);
    CHECK_STR(text_at(test, reply, "/type"), "image/png");
    CHECK_INT(json_int(json_get(test_json(test, reply), "width")), 3);
    reply = upload(test, "application/octet-stream", BYTES(PNG)); /* again, and unsaid */
    CHECK(str_eq(text_at(test, reply, "/media_id"), id));
    CHECK_STR(sentence(test, upload(test, "image/jpeg", BYTES(PNG))),
              "422 the bytes are image/png, not image/jpeg");
    CHECK_INT(upload(test, "image/png", BYTES("<svg/>")).status, 422);
    CHECK_INT(upload(test, "image/svg+xml", BYTES("<svg/>")).status, 415);
    CHECK_INT(upload(test, "text/html", BYTES(PNG)).status, 415);
    size_t n = 10 * 1024 * 1024 + 1;
    char *large = arena_alloc(test_ctx(test)->arena, n);
    CHECK_INT(upload(test, "image/png", (struct str){ large, n }).status, 413);
    CHECK_INT(json_size(json_get(test_json(test, get(test, "/v1/media", NULL)), "items")), 1);
}

static void test_reading(struct test_service *test)
{
    struct str id = png_id(test);
    struct reply reply = fetch(test, id, NULL);
    CHECK_INT(reply.status, 200);
    CHECK_STR(str_of(reply.content_type), "image/png");
    CHECK(str_eq(sent(test, reply), BYTES(PNG)));
    CHECK_STR(header_of(reply, "X-Content-Type-Options"), "nosniff");
    struct arena *arena = test_ctx(test)->arena;
    struct str etag = header_of(reply, "ETag");
    CHECK_INT(
        fetch(test, id, arena_printf(arena, "If-None-Match: " STR_FMT, STR_ARG(etag)).ptr).status,
        304);
    reply = fetch(test, id, "Range: bytes=1-3");
    CHECK_INT(reply.status, 206);
    CHECK_STR(sent(test, reply), "PNG");
    struct str whole = arena_printf(arena, "bytes 1-3/%zu", sizeof(PNG) - 1);
    CHECK_STR(header_of(reply, "Content-Range"), whole.ptr);
    reply = fetch(test, id, "Range: bytes=999-");
    CHECK_INT(reply.status, 416);
    whole = arena_printf(arena, "bytes */%zu", sizeof(PNG) - 1);
    CHECK_STR(header_of(reply, "Content-Range"), whole.ptr);
    CHECK_INT(fetch(test, id, "Range: bytes=1-3\nIf-Range: \"other\"").status, 200);
    CHECK_INT(fetch(test, id,
                    arena_printf(arena, "Range: bytes=1-3\nIf-Range: " STR_FMT, STR_ARG(etag)).ptr)
                  .status,
              206);
    CHECK_INT(fetch(test, STR("med_none"), NULL).status, 404);
    test_reopen(test);
    CHECK(str_eq(sent(test, fetch(test, id, NULL)), BYTES(PNG)));
}

/* What a disk has made shorter is not given out as if it were whole; the same upload mends it. */
static void test_half_a_file(struct test_service *test)
{
    struct str id = png_id(test);
    struct reply reply = fetch(test, id, NULL);
    char link[64], path[4096];
    snprintf(link, sizeof(link), "/proc/self/fd/%d", reply.file->fd);
    ssize_t n = readlink(link, path, sizeof(path) - 1);
    REQUIRE(n > 0);
    path[n] = '\0';
    REQUIRE(truncate(path, 10) == 0);
    CHECK_INT(fetch(test, id, NULL).status, 503);
    CHECK_INT(fetch(test, id, "Range: bytes=0-3").status, 503);
    png_id(test);
    CHECK(str_eq(sent(test, fetch(test, id, NULL)), BYTES(PNG)));
}

static void test_references(struct test_service *test)
{
    struct arena *arena = test_ctx(test)->arena;
    struct str id = png_id(test);
    const char *body =
        "{\"kind\":\"snippet\",\"slug\":\"m\",\"document\":{\"a\":{\"$media\":\"" STR_FMT "\"}}}";
    CHECK_INT(
        put(test, "ent_m", NULL, arena_printf(arena, body, STR_ARG(STR("med_none"))).ptr).status,
        200);
    CHECK_STR(sentence(test, post(test, "/v1/entries/ent_m/publish", "{}")),
              "409 it refers to med_none, which is not shown");
    CHECK_INT(put(test, "ent_m", NULL, arena_printf(arena, body, STR_ARG(id)).ptr).status, 200);
    CHECK_INT(post(test, "/v1/entries/ent_m/publish", "{}").status, 200);
    CHECK_STR(sentence(test, del(test, media_path(test, id))), "409 1 refer to it: ent_m");
    CHECK_INT(
        put(test, "ent_m", NULL, "{\"kind\":\"snippet\",\"slug\":\"m\",\"document\":{}}").status,
        200);
    CHECK_INT(del(test, media_path(test, id)).status, 409); /* as it is shown, still */
    CHECK_INT(post(test, "/v1/entries/ent_m/unpublish", NULL).status, 200);
    CHECK_INT(del(test, media_path(test, id)).status, 204);
    CHECK_INT(fetch(test, id, NULL).status, 404);
    CHECK_INT(del(test, media_path(test, id)).status, 404);
}

static size_t links_of(struct reply reply)
{
    struct stat info = { 0 };
    return reply.file && fstat(reply.file->fd, &info) == 0 ? info.st_nlink : 99;
}

static void test_files_go_with_what_is_deleted(struct test_service *test)
{
    struct str id = png_id(test);
    struct reply open = fetch(test, id, NULL);
    CHECK_INT(del(test, media_path(test, id)).status, 204);
    CHECK_INT(links_of(open), 1); /* not yet */
    while (test_work(test, "media"))
        continue;
    CHECK_INT(links_of(open), 0);
    CHECK(str_eq(sent(test, open), BYTES(PNG))); /* who was reading reads on */
    id = png_id(test);
    CHECK_INT(del(test, media_path(test, id)).status, 204);
    png_id(test); /* uploaded again before its file went */
    while (test_work(test, "media"))
        continue;
    CHECK(str_eq(sent(test, fetch(test, id, NULL)), BYTES(PNG)));
}

static void test_lists(struct test_service *test)
{
    clock_hold_us(4000000000LL * US_PER_S);
    struct str pdf = text_at(test, upload(test, "application/pdf", BYTES(PDF)), "/media_id");
    clock_hold_us(0);
    struct reply reply = get(test, "/v1/media?limit=1", NULL);
    CHECK(str_eq(text_at(test, reply, "/items/0/media_id"), pdf));
    struct str next = arena_printf(test_ctx(test)->arena, "/v1/media?limit=1&cursor=" STR_FMT,
                                   STR_ARG(text_at(test, reply, "/next_cursor")));
    reply = get(test, next.ptr, NULL);
    CHECK_STR(text_at(test, reply, "/items/0/type"), "image/png");
    CHECK(!text_at(test, reply, "/next_cursor").ptr);
    reply = get(test, "/v1/media?type=application%2Fpdf", NULL);
    CHECK_INT(json_size(json_get(test_json(test, reply), "items")), 1);
    struct str info =
        arena_printf(test_ctx(test)->arena, "/v1/media/" STR_FMT "/info", STR_ARG(pdf));
    CHECK_STR(text_at(test, get(test, info.ptr, NULL), "/name"), "a.png");
}

static void test_room(struct test_service *test)
{
    test_uploads(test);
    test_reading(test);
    test_half_a_file(test);
    test_references(test);
    test_files_go_with_what_is_deleted(test);
    test_lists(test);
}

/* ---- what uploads leave behind ---- */

static void draft_make(const char *folder, const char *name, int64_t age_s)
{
    char path[200];
    snprintf(path, sizeof(path), "%s/%s", folder, name);
    int fd = open(path, O_CREAT | O_WRONLY, 0600);
    struct timespec then = { .tv_sec = time(NULL) - age_s };
    REQUIRE(fd >= 0 && futimens(fd, (struct timespec[]){ then, then }) == 0);
    close(fd);
}

static bool is_there(const char *folder, const char *name)
{
    char path[200];
    snprintf(path, sizeof(path), "%s/%s", folder, name);
    return access(path, F_OK) == 0;
}

static void test_sweep(void)
{
    char folder[] = "/tmp/content_media_XXXXXX";
    REQUIRE(mkdtemp(folder));
    draft_make(folder, "draft-old", 7200);
    draft_make(folder, "draft-new", 60);
    draft_make(folder, "other", 7200);
    media_sweep(folder);
    CHECK(!is_there(folder, "draft-old"));
    CHECK(is_there(folder, "draft-new"));
    CHECK(is_there(folder, "other"));
    media_sweep("/nowhere/at/all");
    int fd = open(folder, O_RDONLY | O_DIRECTORY);
    unlinkat(fd, "draft-new", 0);
    unlinkat(fd, "other", 0);
    close(fd);
    rmdir(folder);
}

int main(void)
{
    struct ctx ctx = { .arena = arena_new(0) };
    test_kinds(&ctx);
    test_cut_off(&ctx);
    test_bent(&ctx);
    test_refused(&ctx);
    test_ranges();
    test_sweep();
    arena_free(ctx.arena);
    on_each_engine(test_room);
    return check_end();
}
