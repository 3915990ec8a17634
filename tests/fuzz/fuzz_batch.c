/* Record batches as a producer sends them; the first byte says whether their length and checksum are put right first. */
#include "base/hash.h"
#include "base/macros.h"
#include "services/broker/batch.h"
#include "services/broker/wire.h"
#include "tests/fuzz/fuzz.h"

#define CRC_AT 17
#define CRC_FROM 21

static void check_times(const uint8_t *bytes, const struct batch *batch)
{
    const int64_t times[] = {
        INT64_MIN, -1, 0, batch->base_time_ms, batch->max_time_ms, INT64_MAX
    };
    for (size_t i = 0; i < COUNT(times); i++) {
        int64_t offset = -1, found_ms;
        bool found = batch_find_time(bytes, batch, times[i], &offset, &found_ms);
        MUST(found == (times[i] <= batch->max_time_ms));
        MUST(!found || (offset >= batch->base_offset && offset <= batch_last_offset(batch)));
    }
}

/* What the broker itself writes, it takes. */
static void check_own(const uint8_t *value, size_t n)
{
    struct writer out = { 0 };
    struct batch batch;
    batch_write(&out, 1, value, n);
    MUST(!batch_accept(out.bytes, out.len, out.len, 1, &batch));
    MUST(str_eq(batch_value(out.bytes, &batch), (struct str){ (const char *)value, n }));
    writer_clear(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 2)
        return 0;
    size_t n = size - 1;
    uint8_t *bytes =
        memcpy(malloc(n), data + 1, n); /* of just its size, so that no read leaves it unseen */
    if (data[0] & 1 && n >= BATCH_HEADER_BYTES) {
        store_be32(bytes + BATCH_LENGTH_AT, (uint32_t)n - BATCH_PREFIX_BYTES);
        store_be32(bytes + CRC_AT, hash_crc32c(0, bytes + CRC_FROM, n - CRC_FROM));
    }
    struct batch batch, placed;
    if (!batch_accept(bytes, n, n, data[0] & 2 ? INT64_MAX : 0, &batch)) {
        MUST(batch.bytes == n && batch.count > 0);
        batch_place(bytes, 7);
        MUST(batch_read(bytes, n, &placed) && batch_is_sound(bytes, n, &placed));
        MUST(placed.base_offset == 7 && batch_last_offset(&placed) == 6 + placed.count);
        check_times(bytes, &placed);
        batch_value(bytes, &placed);
    }
    check_own(data, size);
    free(bytes);
    return 0;
}
