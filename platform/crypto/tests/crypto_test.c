/* Published vectors: FIPS 180-4, RFC 4231, RFC 8032 section 7.1, RFC 4648 section 10. */
#include "platform/crypto/crypto.h"

#include "base/tests/check.h"

static struct arena *arena;

static struct str bytes_of(const char *hex)
{
    return crypto_unhex(arena, str_of(hex));
}

static void test_hashes(void)
{
    uint8_t out[32];
    crypto_sha256("abc", 3, out);
    CHECK_STR(crypto_hex(arena, out, 32),
              "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    crypto_sha256("", 0, out);
    CHECK_STR(crypto_hex(arena, out, 32),
              "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    crypto_hmac_sha256(STR("Jefe"), STR("what do ya want for nothing?"), out);
    CHECK_STR(crypto_hex(arena, out, 32),
              "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
    struct crypto_hmac_key key; /* RFC 4231, cases 6 and 7: a key longer than a block */
    static const uint8_t aa[131] = { [0 ... 130] = 0xaa };
    crypto_hmac_key((struct str){ (const char *)aa, sizeof aa }, &key);
    for (int i = 0; i < 2; i++) {
        crypto_hmac_sha256_by(&key, STR("Test Using Larger Than Block-Size Key - Hash Key First"),
                              out);
        CHECK_STR(crypto_hex(arena, out, 32),
                  "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54");
        crypto_hmac_sha256_by(&key,
                              STR("This is a test using a larger than block-size key and a larger "
                                  "than block-size data. The key needs to be hashed before being "
                                  "used by the HMAC algorithm."),
                              out);
        CHECK_STR(crypto_hex(arena, out, 32),
                  "9b09ffa71b942fcb27635fbcd5b0e944bfdc63644f0713938a7f51535c3a35e2");
    }
    CHECK(crypto_equal("same", "same", 4));
    CHECK(!crypto_equal("same", "some", 4));
}

/* RFC 7914 section 12. */
static void test_scrypt(void)
{
    uint8_t out[32];
    struct crypto_scrypt_cost small = { .log_n = 4, .r = 1, .p = 1 },
                              usual = { .log_n = 10, .r = 8, .p = 16 };
    CHECK(crypto_scrypt(STR(""), STR(""), small, out));
    CHECK_STR(crypto_hex(arena, out, 32),
              "77d6576238657b203b19ca42c18a0497f16b4844e3074ae8dfdffa3fede21442");
    CHECK(crypto_scrypt(STR("password"), STR("NaCl"), usual, out));
    CHECK_STR(crypto_hex(arena, out, 32),
              "fdbabe1c9d3472007856e7190d01e9fe7c6ad7cbc8237830e77376634b373162");
    CHECK(!crypto_scrypt(STR("a"), STR("b"), (struct crypto_scrypt_cost){ 0, 8, 1 }, out));
    CHECK(!crypto_scrypt(STR("a"), STR("b"), (struct crypto_scrypt_cost){ 22, 8, 1 }, out));
    CHECK(!crypto_scrypt(STR("a"), STR("b"), (struct crypto_scrypt_cost){ 10, 8, 0 }, out));
}

static void test_ed25519(void)
{
    static const struct {
        const char *seed, *public_key, *message, *signature;
    } vectors[] = {
        { "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60",
          "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a", "",
          "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9"
          "b46bd25bf5f0595bbe24655141438e7a100b" },
        { "4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb",
          "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c", "72",
          "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f1"
          "1d8c387b2eaeb4302aeeb00d291612bb0c00" },
    };
    for (size_t i = 0; i < COUNT(vectors); i++) {
        const uint8_t *seed = (const uint8_t *)bytes_of(vectors[i].seed).ptr;
        struct str message = bytes_of(vectors[i].message);
        uint8_t public_key[32], signature[64];
        crypto_ed25519_public(seed, public_key);
        CHECK_STR(crypto_hex(arena, public_key, 32), vectors[i].public_key);
        crypto_ed25519_sign(seed, message, signature);
        CHECK_STR(crypto_hex(arena, signature, 64), vectors[i].signature);
        CHECK(crypto_ed25519_verify(public_key, message, signature));
        signature[5] ^= 1;
        CHECK(!crypto_ed25519_verify(public_key, message, signature));
        signature[5] ^= 1;
        CHECK(!crypto_ed25519_verify(public_key, STR("another"), signature));
    }
    uint8_t seed[32], other[32], public_key[32], other_public[32], signature[64];
    crypto_ed25519_new(seed, public_key);
    crypto_ed25519_new(other, other_public);
    CHECK(memcmp(seed, other, 32) != 0);
    crypto_ed25519_sign(seed, STR("text"), signature);
    CHECK(crypto_ed25519_verify(public_key, STR("text"), signature));
    CHECK(!crypto_ed25519_verify(other_public, STR("text"), signature));
}

static void test_base64(void)
{
    static const struct {
        const char *plain, *padded, *url;
    } table[] = {
        { "", "", "" },
        { "f", "Zg==", "Zg" },
        { "fo", "Zm8=", "Zm8" },
        { "foo", "Zm9v", "Zm9v" },
        { "foob", "Zm9vYg==", "Zm9vYg" },
        { "fooba", "Zm9vYmE=", "Zm9vYmE" },
        { "foobar", "Zm9vYmFy", "Zm9vYmFy" },
        { "\xfb\xff\xfe", "+//+", "-__-" },
    };
    for (size_t i = 0; i < COUNT(table); i++) {
        struct str plain = str_of(table[i].plain);
        CHECK_STR(crypto_base64(arena, plain), table[i].padded);
        CHECK_STR(crypto_base64url(arena, plain), table[i].url);
        CHECK_STR(crypto_unbase64(arena, str_of(table[i].padded)), table[i].plain);
        CHECK_STR(crypto_unbase64(arena, str_of(table[i].url)), table[i].plain);
    }
    static const char *const malformed[] = { "Z",      "Zg=",      "Z===",  "Zh",
                                             "Zm9=",   "Zm 9v",    "====",  "=",
                                             "Zm9v\n", "Zg==Zg==", "Zm9vY", "\xc3\xa9" };
    for (size_t i = 0; i < COUNT(malformed); i++)
        CHECK(crypto_unbase64(arena, str_of(malformed[i])).ptr == NULL);
    CHECK(crypto_unbase64(arena, (struct str){ NULL, 0 }).ptr == NULL);
}

static void test_hex(void)
{
    CHECK_STR(crypto_hex(arena, "\x00\xffz", 3), "00ff7a");
    CHECK(str_eq(crypto_unhex(arena, STR("00FF7a")), STR("\0\xffz")));
    CHECK(crypto_unhex(arena, STR("0")).ptr == NULL);
    CHECK(crypto_unhex(arena, STR("0g")).ptr == NULL);
}

static void test_derive_id(void)
{
    char a[37], b[37];
    crypto_derive_id(STR("cause"), STR("type"), 0, a);
    crypto_derive_id(STR("cause"), STR("type"), 0, b);
    CHECK(strcmp(a, b) == 0);
    CHECK_INT(strlen(a), 36);
    CHECK(a[14] == '8');
    crypto_derive_id(STR("cause"), STR("type"), 1, b);
    CHECK(strcmp(a, b) != 0);
    crypto_derive_id(STR("causet"), STR("ype"), 0, b);
    CHECK(strcmp(a, b) != 0);
}

int main(void)
{
    arena = arena_new(0);
    test_hashes();
    test_scrypt();
    test_ed25519();
    test_base64();
    test_hex();
    test_derive_id();
    arena_free(arena);
    return check_end();
}
