/* Certificates for tests: authorities, and what they sign for 127.0.0.1. */
#pragma once

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include "base/tests/check.h"

struct authority {
    X509 *certificate;
    EVP_PKEY *key;
};

static inline void write_certificate(const char *path, X509 *certificate)
{
    FILE *file = fopen(path, "w");
    REQUIRE(file && PEM_write_X509(file, certificate) && fclose(file) == 0);
}

static inline void write_key(const char *path, EVP_PKEY *key, const char *password)
{
    FILE *file = fopen(path, "w");
    REQUIRE(file);
    REQUIRE(PEM_write_PrivateKey(file, key, password ? EVP_aes_128_cbc() : NULL, NULL, 0, NULL,
                                 (void *)password));
    REQUIRE(fclose(file) == 0);
}

static inline void extend(X509 *certificate, int what, const char *value)
{
    X509_EXTENSION *extension = X509V3_EXT_conf_nid(NULL, NULL, what, value);
    REQUIRE(extension && X509_add_ext(certificate, extension, -1));
    X509_EXTENSION_free(extension);
}

/* Signed by `signer`, or by itself where that has no certificate yet. */
static inline X509 *make_certificate(const char *name, EVP_PKEY *key,
                                     const struct authority *signer)
{
    X509 *certificate = X509_new();
    X509_set_version(certificate, 2);
    ASN1_INTEGER_set(X509_get_serialNumber(certificate), 1 + rand());
    X509_gmtime_adj(X509_getm_notBefore(certificate), -3600);
    X509_gmtime_adj(X509_getm_notAfter(certificate), 3600);
    X509_set_pubkey(certificate, key);
    X509_NAME *subject = X509_get_subject_name(certificate);
    X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_ASC, (const unsigned char *)name, -1, -1, 0);
    X509_set_issuer_name(
        certificate, signer->certificate ? X509_get_subject_name(signer->certificate) : subject);
    if (signer->certificate)
        extend(certificate, NID_subject_alt_name, "IP:127.0.0.1");
    else
        extend(certificate, NID_basic_constraints, "critical,CA:TRUE");
    REQUIRE(X509_sign(certificate, signer->key, EVP_sha256()));
    return certificate;
}

static inline struct authority make_authority(const char *name, const char *path)
{
    struct authority made = { .key = EVP_EC_gen("P-256") };
    made.certificate = make_certificate(name, made.key, &made);
    write_certificate(path, made.certificate);
    return made;
}

/* A certificate for 127.0.0.1 and its key, as files. */
static inline void make_identity(const struct authority *signer, const char *cert, const char *key)
{
    EVP_PKEY *own = EVP_EC_gen("P-256");
    X509 *certificate = make_certificate("log.example", own, signer);
    write_certificate(cert, certificate);
    write_key(key, own, NULL);
    X509_free(certificate);
    EVP_PKEY_free(own);
}

static inline void authority_clear(struct authority *authority)
{
    X509_free(authority->certificate);
    EVP_PKEY_free(authority->key);
}
