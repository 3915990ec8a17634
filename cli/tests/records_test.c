/* Import files: what is a row, a cell, a record; what is wrong with a line and on which line that is. */
#include <stdlib.h>
#include <unistd.h>

#include "base/tests/check.h"
#include "cli/mapping.h"
#include "cli/records.h"
#include "commerce_types.h"
#include "crm_types.h"

static struct arena *arena;
static struct ctx ctx;
static char path[64];

static const struct record_shape products = { .id = "product_id", .type = &product_put_type };
static const struct record_shape orders = { .id = "order_id",
                                            .type = &order_record_type,
                                            .currency = "USD" };
static const struct record_shape customers = { .id = "profile_id",
                                               .type = &profile_put_type,
                                               .consents = true };

static struct records *open_text(const char *ending, const void *text, size_t bytes,
                                 const struct record_shape *shape)
{
    ctx_clear(&ctx);
    snprintf(path, sizeof(path), "/tmp/fanfare-records-%d%s", (int)getpid(), ending);
    FILE *file = fopen(path, "w");
    REQUIRE(file && fwrite(text, 1, bytes, file) == bytes && fclose(file) == 0);
    struct records *records = records_open(&ctx, path, shape);
    unlink(path);
    return records;
}

/* Opens the text, which is to work. */
static struct records *csv(const char *text, const struct record_shape *shape)
{
    struct records *records = open_text(".csv", text, strlen(text), shape);
    if (!CHECK(records != NULL))
        fprintf(stderr, STR_FMT "\n", STR_ARG(ctx.error.detail));
    REQUIRE(records);
    return records;
}

static void check_refused(const char *text, const char *why)
{
    struct records *records = open_text(".csv", text, strlen(text), &products);
    CHECK(records == NULL);
    if (!CHECK(ctx.error.detail.ptr && strstr(ctx.error.detail.ptr, why)))
        fprintf(stderr, STR_FMT "\n", STR_ARG(ctx.error.detail));
    records_close(records);
}

static struct record next(struct records *records)
{
    struct record record = { 0 };
    CHECK(records_next(&ctx, records, &record));
    return record;
}

static void check_end_of(struct records *records)
{
    struct record record;
    CHECK(!records_next(&ctx, records, &record));
    CHECK(!ctx_failed(&ctx));
    CHECK_INT(records_consumed(records), records_bytes(records));
    records_close(records);
}

#define CHECK_JSON(record, id, json) check_json((record), (id), (json), __LINE__)
#define CHECK_REASON(record, why) check_reason((record), (why), __LINE__)

static void check_json(struct record record, const char *id, const char *json, int line)
{
    check_str(record.id, id, "id", __FILE__, line);
    if (!check_str(record.json, json, "json", __FILE__, line))
        fprintf(stderr, STR_FMT "\n", STR_ARG(record.reason));
}

static void check_reason(struct record record, const char *why, int line)
{
    check_that(!record.json.ptr, "the record cannot be used", __FILE__, line);
    check_str(record.reason, why, "reason", __FILE__, line);
}

static void test_cells(void)
{
    struct records *records = csv("\xEF\xBB\xBF\"product_id\",name,price,price.currency,active\r\n"
                                  "prd_1,\"Chair, \"\"red\"\"\",19.995,EUR,true\r\n"
                                  "\r\n"
                                  "prd_2,\"two\nlines\",7,JPY,false\n"
                                  "prd_3,12\" shelf,1,EUR,\n"
                                  "prd_4,\"quoted\" and more,1,EUR\n"
                                  "prd_5,\" \",-0.5,EUR,true",
                                  &products);
    struct record record = next(records);
    CHECK_INT(record.line, 2);
    CHECK_JSON(
        record, "prd_1",
        "{\"name\":\"Chair, \\\"red\\\"\",\"price\":{\"amount\":2000,\"currency\":\"EUR\"},\"active\":true}");
    record = next(records);
    CHECK_INT(record.line, 4);
    CHECK_INT(record.last_line, 5);
    CHECK_JSON(
        record, "prd_2",
        "{\"name\":\"two\\nlines\",\"price\":{\"amount\":7,\"currency\":\"JPY\"},\"active\":false}");
    CHECK_STR(record.text, "prd_2,\"two\nlines\",7,JPY,false");
    /* A quote inside a cell is an inch, not the beginning of something. */
    CHECK_JSON(next(records), "prd_3",
               "{\"name\":\"12\\\" shelf\",\"price\":{\"amount\":100,\"currency\":\"EUR\"}}");
    CHECK_JSON(next(records), "prd_4",
               "{\"name\":\"quoted and more\",\"price\":{\"amount\":100,\"currency\":\"EUR\"}}");
    record = next(records);
    CHECK_INT(record.line, 8);
    CHECK_JSON(record, "prd_5",
               "{\"name\":\" \",\"price\":{\"amount\":-50,\"currency\":\"EUR\"},\"active\":true}");
    check_end_of(records);
}

static void test_bad_rows(void)
{
    struct records *records = csv("product_id,name,price.amount,price.currency,active\n"
                                  ",nameless,1,EUR,true\n"
                                  "prd_2,x,a lot,EUR,true\n"
                                  "prd_3,x,1,EUR,yes\n"
                                  "prd_4,x,1,,true\n"
                                  "prd_5,x,1,EUR,true,more\n"
                                  "prd_6,a\xff,1,EUR,true\n"
                                  "prd_7,\"never closed,1,EUR,true\nprd_8,x,1,EUR,true\n",
                                  &products);
    CHECK_REASON(next(records), "product_id is missing");
    CHECK_REASON(next(records), "column price: \"a lot\" is not an amount");
    CHECK_REASON(next(records), "column active: \"yes\" is not true or false");
    CHECK_REASON(next(records), "column price.currency is missing, and no --currency is given");
    CHECK_REASON(next(records), "line 6 has 6 cells, the header 5");
    CHECK_REASON(next(records), "column name: \"...\" is not UTF-8");
    struct record record = next(records);
    CHECK_INT(record.line, 8);
    CHECK_REASON(record, "its quotes are not closed");
    check_end_of(records);
}

static void test_headers(void)
{
    check_refused("", "no header line");
    check_refused("\nprd_1,x\n", "no header line");
    check_refused("product_id,name,name\n", "the header names \"name\" twice");
    check_refused("id,name\n", "there is no column product_id");
    check_refused("product_id,nane\n", "the column \"nane\" is not in the contract");
    check_refused("product_id,price.vat\n", "the column \"price.vat\" is not in the contract");
    check_refused("product_id,\"name\n", "the header's quotes are not closed");
    struct records *records = open_text(".txt", "x", 1, &products);
    CHECK(!records && strstr(ctx.error.detail.ptr, "is neither .csv nor .jsonl"));
    ctx_clear(&ctx);
    CHECK(!records_open(&ctx, "/nowhere/at.csv", &products));
    CHECK(strstr(ctx.error.detail.ptr, "No such file"));
}

static void test_rows_of_one_record(void)
{
    struct records *records =
        csv("order_id,customer_id,placed_at,lines.product_id,lines.quantity,lines.amount\n"
            "ord_1,prf_1,2024-01-01T00:00:00Z,prd_1,2,1.50\n"
            "ord_1,prf_1,2024-01-01T00:00:00Z,prd_2,1,0.25\n"
            "ord_2,prf_2,2024-01-02T00:00:00Z,prd_1,1,3\n"
            "ord_1,prf_1,2024-01-01T00:00:00Z,prd_3,1,1\n",
            &orders);
    struct record record = next(records);
    CHECK_INT(record.line, 2);
    CHECK_INT(record.last_line, 3);
    CHECK_JSON(
        record, "ord_1",
        "{\"customer_id\":\"prf_1\",\"placed_at\":\"2024-01-01T00:00:00Z\",\"lines\":["
        "{\"product_id\":\"prd_1\",\"quantity\":2,\"amount\":{\"amount\":150,\"currency\":\"USD\"}},"
        "{\"product_id\":\"prd_2\",\"quantity\":1,\"amount\":{\"amount\":25,\"currency\":\"USD\"}}]}");
    CHECK_STR(next(records).id, "ord_2");
    CHECK_STR(next(records).id,
              "ord_1"); /* not consecutive: another record, which the service will refuse */
    check_end_of(records);
}

static void test_arrays_of_products(void)
{
    struct records *records = csv("product_id,name,price,price.currency,tags,variants.sku\n"
                                  "prd_1,Shirt,20,EUR,new,s\n"
                                  "prd_1,Shirt,20,EUR,summer,m\n"
                                  "prd_1,Shirt,20,EUR,,l\n",
                                  &products);
    CHECK_JSON(next(records), "prd_1",
               "{\"name\":\"Shirt\",\"price\":{\"amount\":2000,\"currency\":\"EUR\"},"
               "\"tags\":[\"new\",\"summer\"],"
               "\"variants\":[{\"sku\":\"s\"},{\"sku\":\"m\"},{\"sku\":\"l\"}]}");
    check_end_of(records);
}

/* What is read ahead to find the end of a record outlives the arena of the record. */
static void test_many_rows(void)
{
    enum { ROWS = 2000 };
    char *text = mem_alloc(ROWS * 64);
    size_t n = (size_t)sprintf(text, "profile_id,name,traits.plan,traits.size\n");
    for (int i = 0; i < ROWS; i++)
        n += (size_t)sprintf(text + n, "prf_%d,\"Name %d\",gold,%d\n", i, i, i % 7);
    struct records *records = csv(text, &customers);
    for (int i = 0; i < ROWS; i++) {
        char id[32], json[128];
        snprintf(id, sizeof(id), "prf_%d", i);
        snprintf(json, sizeof(json),
                 "{\"name\":\"Name %d\",\"traits\":{\"plan\":\"gold\",\"size\":\"%d\"}}", i, i % 7);
        struct record record = next(records);
        CHECK_INT(record.line, i + 2);
        CHECK_JSON(record, id, json);
        arena_clear(arena);
        memset(arena_alloc_raw(arena, 2000), 'x', 2000);
        arena_clear(arena);
    }
    check_end_of(records);
    free(text);
}

static void test_json_lines(void)
{
    static const char text[] =
        "\xEF\xBB\xBF{\"profile_id\":\"prf_1\",\"name\":\"One\",\"consents\":[{\"state\":\"granted\"}]}\r\n"
        "\n"
        "[1]\n"
        "{\"name\":\"nobody\"}\n"
        "{\"profile_id\":7}\n"
        "{\"profile_id\":\n"
        "{\"name\":\"a\\u00a0b\",\"profile_id\":\"prf_2\"}";
    struct records *records = open_text(".jsonl", text, sizeof(text) - 1, &customers);
    REQUIRE(records);
    struct record record = next(records);
    CHECK_INT(record.line, 1);
    CHECK_JSON(record, "prf_1", "{\"name\":\"One\"}");
    CHECK_STR(record.extra, "[{\"state\":\"granted\"}]");
    record = next(records);
    CHECK_INT(record.line, 3);
    CHECK_REASON(record, "the line is not an object");
    CHECK_REASON(next(records), "profile_id, a text, is missing");
    CHECK_REASON(next(records), "profile_id, a text, is missing");
    record = next(records);
    CHECK(!record.json.ptr && record.reason.len > 0);
    CHECK_JSON(next(records), "prf_2",
               "{\"name\":\"a\xC2\xA0"
               "b\"}");
    check_end_of(records);
    /* Elsewhere `consents` is a member that the service has to judge. */
    static const char product[] = "{\"product_id\":\"prd_1\",\"consents\":[]}\n";
    records = open_text(".jsonl", product, sizeof(product) - 1, &products);
    REQUIRE(records);
    CHECK_JSON(next(records), "prd_1", "{\"consents\":[]}");
    check_end_of(records);
}

static void test_delimiters(void)
{
    static const struct {
        const char *text;
        char given;
    } files[] = { { "product_id;name\nprd_1;\"a;b\"\n", 0 },
                  { "product_id\tname\nprd_1\ta;b\n", 0 },
                  { "product_id|name\nprd_1|a;b\n", 0 },
                  { "\"product_id\";\"name\"\nprd_1;\"a;b\"\n", 0 },
                  { "product_id:name\nprd_1:a;b\n", ':' } };
    for (size_t i = 0; i < COUNT(files); i++) {
        struct record_shape shape = products;
        shape.delimiter = files[i].given;
        struct records *records = csv(files[i].text, &shape);
        CHECK_JSON(next(records), "prd_1", "{\"name\":\"a;b\"}");
        check_end_of(records);
    }
}

/* "product_id,name" and a name with an umlaut, in UTF-16 with its mark and in the encoding that is named. */
static void test_encodings(void)
{
    static const char text[] = "product_id,name\nprd_1,Stuhl gr\xFCn\n";
    static const char *const marks[] = { "\xFF\xFE", "\xFE\xFF" };
    char wide[2 + 2 * sizeof(text)];
    for (int big = 0; big < 2; big++) {
        memcpy(wide, marks[big], 2);
        for (size_t i = 0; i < sizeof(text) - 1; i++) {
            wide[2 + 2 * i + !big] = 0;
            wide[2 + 2 * i + big] = text[i];
        }
        struct records *records = open_text(".csv", wide, 2 * sizeof(text), &products);
        REQUIRE(records);
        CHECK_INT(records_bytes(records), (int64_t)sizeof(text)); /* of UTF-8: one letter has two */
        CHECK_JSON(next(records), "prd_1", "{\"name\":\"Stuhl gr\xC3\xBCn\"}");
        check_end_of(records);
    }
    struct record_shape shape = products;
    shape.encoding = "windows-1252";
    struct records *records = csv(text, &shape);
    CHECK_JSON(next(records), "prd_1", "{\"name\":\"Stuhl gr\xC3\xBCn\"}");
    check_end_of(records);
    records = csv(text, &products);
    CHECK_REASON(next(records), "column name: \"...\" is not UTF-8");
    check_end_of(records);
    shape.encoding = "runes";
    CHECK(!open_text(".csv", text, sizeof(text) - 1, &shape));
    CHECK(strstr(ctx.error.detail.ptr, "there is no encoding runes"));
    shape.encoding = "UTF-16LE";
    CHECK(!open_text(".csv", "abc", 3, &shape)); /* half a character */
}

static void test_mapping(void)
{
    struct mapping mapping;
    CHECK(mapping_read(
        &ctx, "Nr=profile_id,E-Mail=email,News\\, yes?=consent.marketing.email,Since=consent.at",
        "consent.source=fair,locale=de", &mapping));
    struct record_shape shape = customers;
    shape.mapping = &mapping;
    shape.id_prefix = "prf_";
    struct records *records = csv("Nr;E-Mail;Shoe size;News, yes?;Since;name\n"
                                  "7;a@example.com;44;Ja;2020-01-02T00:00:00Z;Ann\n"
                                  "prf_8;;;;;Bob\n9;;;perhaps;;\n;;;;;\n",
                                  &shape);
    struct record record = next(records);
    CHECK_JSON(record, "prf_7", "{\"email\":\"a@example.com\",\"name\":\"Ann\",\"locale\":\"de\"}");
    CHECK_STR(record.extra,
              "[{\"purpose\":\"marketing\",\"channel\":\"email\",\"state\":\"granted\","
              "\"source\":\"fair\",\"at\":\"2020-01-02T00:00:00Z\"}]");
    record = next(records);
    CHECK_JSON(record, "prf_8", "{\"name\":\"Bob\",\"locale\":\"de\"}");
    CHECK(!record.extra.ptr);
    CHECK_REASON(next(records),
                 "column consent.marketing.email: \"perhaps\" is neither yes nor no");
    CHECK_REASON(next(records), "profile_id is missing");
    check_end_of(records);
    ctx_clear(&ctx);
    CHECK(!mapping_read(&ctx, "Nr", NULL, &mapping));
    ctx_clear(&ctx);
    CHECK(mapping_read(&ctx, "Number=profile_id", NULL, &mapping));
    CHECK(!open_text(".csv", "Nr\n", 3, &shape) &&
          strstr(ctx.error.detail.ptr, "\"Number\", which --map"));
    ctx_clear(&ctx);
    CHECK(mapping_read(&ctx, NULL, "shoe=44", &mapping));
    CHECK(!open_text(".csv", "profile_id\n", 11, &shape) &&
          strstr(ctx.error.detail.ptr, "\"shoe\", which --set"));
}

/* A list of addresses: the same address is the same person, whatever its letters. */
static void test_ids_of_addresses(void)
{
    struct record_shape shape = customers;
    shape.id_from_email = true;
    shape.id_prefix = "prf_";
    struct records *records =
        csv("email\nAnn@Example.com\nann@example.com\nbob@example.com\n", &shape);
    struct record ann = next(records), again = next(records), bob = next(records);
    CHECK(str_eq(ann.id, again.id) && !str_eq(ann.id, bob.id) && str_starts(ann.id, STR("prf_e-")));
    check_end_of(records);
}

int main(void)
{
    arena = arena_new(0);
    ctx = (struct ctx){ .arena = arena };
    test_cells();
    test_bad_rows();
    test_headers();
    test_rows_of_one_record();
    test_arrays_of_products();
    test_many_rows();
    test_json_lines();
    test_delimiters();
    test_encodings();
    test_mapping();
    test_ids_of_addresses();
    arena_free(arena);
    return check_end();
}
