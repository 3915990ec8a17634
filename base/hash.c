#include "base/hash.h"

static uint32_t load32(const uint8_t *p)
{
    uint32_t v;
    memcpy(&v, p, 4);
    return v;
}

static uint32_t rotl32(uint32_t x, int r)
{
    return (x << r) | (x >> (32 - r));
}

uint32_t hash_murmur3_32(const void *data, size_t bytes, uint32_t seed)
{
    const uint8_t *p = data;
    const uint32_t c1 = 0xcc9e2d51, c2 = 0x1b873593;
    uint32_t h = seed;
    size_t blocks = bytes / 4;
    for (size_t i = 0; i < blocks; i++) {
        h ^= rotl32(load32(p + i * 4) * c1, 15) * c2;
        h = rotl32(h, 13) * 5 + 0xe6546b64;
    }
    uint32_t k = 0;
    for (size_t i = bytes & 3; i > 0; i--)
        k = (k << 8) | p[blocks * 4 + i - 1];
    h ^= rotl32(k * c1, 15) * c2;
    h ^= (uint32_t)bytes;
    h = (h ^ (h >> 16)) * 0x85ebca6b;
    h = (h ^ (h >> 13)) * 0xc2b2ae35;
    return h ^ (h >> 16);
}

uint32_t hash_murmur2(const void *data, size_t bytes)
{
    const uint8_t *p = data;
    const uint32_t m = 0x5bd1e995;
    uint32_t h = 0x9747b28c ^ (uint32_t)bytes;
    size_t n = bytes;
    for (; n >= 4; p += 4, n -= 4) {
        uint32_t k = load32(p) * m;
        k = (k ^ (k >> 24)) * m;
        h = h * m ^ k;
    }
    for (size_t i = n; i > 0; i--)
        h ^= (uint32_t)p[i - 1] << (8 * (i - 1));
    if (n)
        h *= m;
    h = (h ^ (h >> 13)) * m;
    return (h ^ (h >> 15)) & 0x7fffffff;
}

static uint32_t crc_table[8][256];

__attribute__((constructor)) static void crc_fill(void)
{
    for (uint32_t i = 0; i < 256; i++) {
        uint32_t c = i;
        for (int k = 0; k < 8; k++)
            c = (c >> 1) ^ (c & 1 ? 0x82F63B78 : 0);
        crc_table[0][i] = c;
    }
    for (uint32_t i = 0; i < 256; i++)
        for (int t = 1; t < 8; t++)
            crc_table[t][i] = (crc_table[t - 1][i] >> 8) ^ crc_table[0][crc_table[t - 1][i] & 0xFF];
}

static uint32_t crc_by_table(uint32_t c, const uint8_t *p, size_t n)
{
    for (; n >= 8; p += 8, n -= 8) {
        uint32_t lo = load32(p) ^ c, hi = load32(p + 4);
        c = crc_table[7][lo & 255] ^ crc_table[6][(lo >> 8) & 255] ^
            crc_table[5][(lo >> 16) & 255] ^ crc_table[4][lo >> 24] ^ crc_table[3][hi & 255] ^
            crc_table[2][(hi >> 8) & 255] ^ crc_table[1][(hi >> 16) & 255] ^ crc_table[0][hi >> 24];
    }
    for (; n; p++, n--)
        c = (c >> 8) ^ crc_table[0][(c ^ *p) & 255];
    return c;
}

#ifdef __x86_64__
__attribute__((target("sse4.2"))) static uint32_t crc_by_instruction(uint32_t c, const uint8_t *p,
                                                                     size_t n)
{
    uint64_t wide = c;
    for (; n >= 8; p += 8, n -= 8) {
        uint64_t v;
        memcpy(&v, p, 8);
        wide = __builtin_ia32_crc32di(wide, v);
    }
    c = (uint32_t)wide;
    for (; n; p++, n--)
        c = __builtin_ia32_crc32qi(c, *p);
    return c;
}
#endif

uint32_t hash_crc32c(uint32_t crc, const void *data, size_t bytes)
{
#ifdef __x86_64__
    if (__builtin_cpu_supports("sse4.2"))
        return ~crc_by_instruction(~crc, data, bytes);
#endif
    return ~crc_by_table(~crc, data, bytes);
}

uint64_t hash_fnv1a(const void *data, size_t bytes)
{
    const uint8_t *p = data;
    uint64_t h = 0xcbf29ce484222325ull;
    for (size_t i = 0; i < bytes; i++)
        h = (h ^ p[i]) * 0x100000001b3ull;
    return h;
}

static uint64_t load64(const uint8_t *p)
{
    uint64_t v;
    memcpy(&v, p, 8);
    return v;
}

static uint64_t rotl64(uint64_t x, int r)
{
    return (x << r) | (x >> (64 - r));
}

static void sip_rounds(uint64_t v[4], int n)
{
    for (; n > 0; n--) {
        v[0] += v[1], v[2] += v[3];
        v[1] = rotl64(v[1], 13) ^ v[0], v[3] = rotl64(v[3], 16) ^ v[2];
        v[0] = rotl64(v[0], 32);
        v[2] += v[1], v[0] += v[3];
        v[1] = rotl64(v[1], 17) ^ v[2], v[3] = rotl64(v[3], 21) ^ v[0];
        v[2] = rotl64(v[2], 32);
    }
}

static void sip_word(uint64_t v[4], uint64_t word)
{
    v[3] ^= word;
    sip_rounds(v, 2);
    v[0] ^= word;
}

void hash_sip128(const uint8_t key[16], const void *data, size_t bytes, uint8_t out[16])
{
    const uint8_t *p = data;
    uint64_t k0 = load64(key), k1 = load64(key + 8);
    uint64_t v[4] = { k0 ^ 0x736f6d6570736575, k1 ^ 0x646f72616e646f6d ^ 0xee,
                      k0 ^ 0x6c7967656e657261, k1 ^ 0x7465646279746573 };
    uint64_t last = (uint64_t)bytes << 56;
    size_t n = bytes;
    for (; n >= 8; p += 8, n -= 8)
        sip_word(v, load64(p));
    for (size_t i = 0; i < n; i++)
        last |= (uint64_t)p[i] << (8 * i);
    sip_word(v, last);
    v[2] ^= 0xee;
    for (int half = 0; half < 2; half++) {
        sip_rounds(v, 4);
        uint64_t h = v[0] ^ v[1] ^ v[2] ^ v[3];
        memcpy(out + 8 * half, &h, 8);
        v[1] ^= 0xdd;
    }
}
