#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

#include "platform/crypto/crypto.h"

static void key_free(EVP_PKEY **key)
{
    EVP_PKEY_free(*key);
}

static EVP_PKEY *certificate_key(struct str pem)
{
    BIO *bio = BIO_new_mem_buf(pem.ptr, (int)pem.len);
    X509 *certificate = bio ? PEM_read_bio_X509(bio, NULL, NULL, NULL) : NULL;
    EVP_PKEY *key = certificate ? X509_get_pubkey(certificate) : NULL;
    X509_free(certificate);
    BIO_free(bio);
    return key;
}

static EVP_PKEY *pem_key(struct str pem)
{
    BIO *bio = BIO_new_mem_buf(pem.ptr, (int)pem.len);
    EVP_PKEY *key = bio ? PEM_read_bio_PUBKEY(bio, NULL, NULL, NULL) : NULL;
    BIO_free(bio);
    return key;
}

static EVP_PKEY *der_key(struct arena *arena, struct str base64)
{
    struct str der = crypto_unbase64(arena, str_trim(base64));
    const uint8_t *at = (const uint8_t *)der.ptr;
    EVP_PKEY *key = der.len ? d2i_PUBKEY(NULL, &at, (long)der.len) : NULL;
    if (key && at != (const uint8_t *)der.ptr + der.len) {
        EVP_PKEY_free(key);
        key = NULL;
    }
    return key;
}

/* RSA of 2048 bits and more, and P-256. */
static bool is_strong(const EVP_PKEY *key)
{
    int id = EVP_PKEY_get_base_id(key);
    return (id == EVP_PKEY_RSA && EVP_PKEY_get_bits(key) >= 2048) ||
           (id == EVP_PKEY_EC && EVP_PKEY_get_bits(key) >= 256);
}

static EVP_PKEY *key_read(struct arena *arena, struct str text)
{
    EVP_PKEY *key = NULL;
    if (text.len <= CRYPTO_MOST_KEY) {
        key = certificate_key(text);
        key = key ? key : pem_key(text);
        key = key ? key : der_key(arena, text);
    }
    ERR_clear_error();
    if (key && !is_strong(key)) {
        EVP_PKEY_free(key);
        key = NULL;
    }
    return key;
}

bool crypto_is_key(struct arena *arena, struct str text)
{
    CLEANUP(key_free) EVP_PKEY *key = key_read(arena, text);
    return key;
}

bool crypto_verify(struct arena *arena, struct str text, enum crypto_digest digest, struct str data,
                   struct str signature)
{
    CLEANUP(key_free) EVP_PKEY *key = key_read(arena, text);
    EVP_MD_CTX *verifier = EVP_MD_CTX_new();
    const EVP_MD *md = digest == CRYPTO_SHA1 ? EVP_sha1() : EVP_sha256();
    bool ok = key && verifier && signature.len &&
              EVP_DigestVerifyInit(verifier, NULL, md, NULL, key) == 1 &&
              EVP_DigestVerify(verifier, (const uint8_t *)signature.ptr, signature.len,
                               (const uint8_t *)data.ptr, data.len) == 1;
    EVP_MD_CTX_free(verifier);
    ERR_clear_error();
    return ok;
}
