#include "platform/mail/dkim.h"

#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

#include "base/sixteen.h"
#include "platform/crypto/crypto.h"
#include "platform/mail/header.h"
#include "platform/mail/mime_parse.h"

#define RSA_LEAST 2048
#define RSA_MOST 8192
#define SIGNATURE_BYTES 1024 /* of a header, more or less */

struct dkim_key {
    struct str domain, selector;
    EVP_PKEY *key;
    EVP_PKEY_CTX *rsa; /* prepared for PKCS #1 1.5 over SHA-256; NULL for Ed25519 */
    EVP_MD_CTX *ed;    /* prepared for Ed25519, and copied for each, which is quicker */
};

/* Every one of these that the message has, and From once more, so that none can be added. */
static const struct str signed_names[] = {
    STR_INIT("from"),
    STR_INIT("reply-to"),
    STR_INIT("to"),
    STR_INIT("cc"),
    STR_INIT("subject"),
    STR_INIT("date"),
    STR_INIT("message-id"),
    STR_INIT("list-id"),
    STR_INIT("list-unsubscribe"),
    STR_INIT("list-unsubscribe-post"),
    STR_INIT("mime-version"),
    STR_INIT("content-type"),
    STR_INIT("content-transfer-encoding"),
};

static bool failed(struct ctx *ctx, const char *what)
{
    ERR_clear_error();
    return ctx_fail(ctx, ERR_INTERNAL, "libcrypto failed: %s", what);
}

struct str dkim_generate(struct ctx *ctx, enum dkim_algorithm algorithm)
{
    struct str pem = { NULL, 0 };
    EVP_PKEY *key = algorithm == DKIM_RSA ? EVP_PKEY_Q_keygen(NULL, NULL, "RSA", (size_t)RSA_LEAST)
                                          : EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
    BIO *bio = BIO_new(BIO_s_mem());
    char *text;
    if (key && bio && PEM_write_bio_PKCS8PrivateKey(bio, key, NULL, NULL, 0, NULL, NULL) == 1) {
        long bytes = BIO_get_mem_data(bio, &text);
        pem = arena_str(ctx->arena, (struct str){ text, (size_t)bytes });
    } else {
        failed(ctx, "a new key");
    }
    BIO_free(bio);
    EVP_PKEY_free(key);
    return pem;
}

/* There is nobody to ask for one. */
static int no_password(char *to, int size, int writing, void *unused)
{
    (void)to, (void)size, (void)writing, (void)unused;
    return -1;
}

static EVP_PKEY *read_key(struct ctx *ctx, struct str pem)
{
    if (pem.len > 64 << 10) {
        ctx_fail(ctx, ERR_INVALID, "a private key in PEM has 64 KiB at most");
        return NULL;
    }
    BIO *bio = BIO_new_mem_buf(pem.ptr ? pem.ptr : "", (int)pem.len);
    EVP_PKEY *key = bio ? PEM_read_bio_PrivateKey(bio, NULL, no_password, NULL) : NULL;
    BIO_free(bio);
    ERR_clear_error();
    if (!key) {
        ctx_fail(ctx, ERR_INVALID, "it is no private key in PEM without a password");
        return NULL;
    }
    int bits = EVP_PKEY_get_bits(key);
    if (EVP_PKEY_is_a(key, "ED25519") ||
        (EVP_PKEY_is_a(key, "RSA") && bits >= RSA_LEAST && bits <= RSA_MOST))
        return key;
    ctx_fail(ctx, ERR_INVALID, "the key is neither RSA of %d to %d bits nor Ed25519", RSA_LEAST,
             RSA_MOST);
    EVP_PKEY_free(key);
    return NULL;
}

static bool prepare(struct dkim_key *key)
{
    if (dkim_key_algorithm(key) == DKIM_ED25519) {
        key->ed = EVP_MD_CTX_new();
        return key->ed && EVP_DigestSignInit(key->ed, NULL, NULL, NULL, key->key) == 1;
    }
    key->rsa = EVP_PKEY_CTX_new(key->key, NULL);
    return key->rsa && EVP_PKEY_sign_init(key->rsa) == 1 &&
           EVP_PKEY_CTX_set_signature_md(key->rsa, EVP_sha256()) == 1;
}

struct dkim_key *dkim_key_load(struct ctx *ctx, struct str domain, struct str selector,
                               struct str pem)
{
    /* A domain of the DNS is what may stand behind the "@", and a selector is labels of the same kind. */
    struct str name = arena_printf(ctx->arena, "x@" STR_FMT "." STR_FMT, STR_ARG(selector),
                                   STR_ARG(domain)),
               plain = arena_printf(ctx->arena, "x@" STR_FMT, STR_ARG(domain));
    if (!selector.len || !mail_address_check(ctx, plain) || !mail_address_check(ctx, name)) {
        ctx_fail(ctx, ERR_INVALID, "the domain or the selector cannot be a name in the DNS");
        return NULL;
    }
    EVP_PKEY *loaded = read_key(ctx, pem);
    if (!loaded)
        return NULL;
    struct dkim_key *key = mem_alloc(sizeof(*key));
    key->key = loaded;
    key->domain = (struct str){ mem_strdup(arena_cstr(ctx->arena, domain)), domain.len };
    key->selector = (struct str){ mem_strdup(arena_cstr(ctx->arena, selector)), selector.len };
    if (prepare(key))
        return key;
    failed(ctx, "preparing a key");
    dkim_key_free(key);
    return NULL;
}

void dkim_key_free(struct dkim_key *key)
{
    if (!key)
        return;
    EVP_PKEY_CTX_free(key->rsa);
    EVP_MD_CTX_free(key->ed);
    EVP_PKEY_free(key->key);
    free((char *)key->domain.ptr);
    free((char *)key->selector.ptr);
    free(key);
}

enum dkim_algorithm dkim_key_algorithm(const struct dkim_key *key)
{
    return EVP_PKEY_is_a(key->key, "RSA") ? DKIM_RSA : DKIM_ED25519;
}

struct str dkim_key_name(const struct dkim_key *key, struct arena *arena)
{
    return arena_printf(arena, STR_FMT "._domainkey." STR_FMT, STR_ARG(key->selector),
                        STR_ARG(key->domain));
}

struct str dkim_key_text(const struct dkim_key *key, struct arena *arena)
{
    uint8_t raw[32];
    size_t bytes = sizeof(raw);
    if (dkim_key_algorithm(key) == DKIM_ED25519) {
        EVP_PKEY_get_raw_public_key(key->key, raw, &bytes);
        struct str coded = crypto_base64(arena, (struct str){ (char *)raw, bytes });
        return arena_printf(arena, "v=DKIM1; k=ed25519; p=" STR_FMT, STR_ARG(coded));
    }
    unsigned char *der = NULL;
    int length = i2d_PUBKEY(key->key, &der);
    struct str coded =
        crypto_base64(arena, (struct str){ (char *)der, length > 0 ? (size_t)length : 0 });
    OPENSSL_free(der);
    return arena_printf(arena, "v=DKIM1; k=rsa; p=" STR_FMT, STR_ARG(coded));
}

/* How many bytes from `at` on are the same in the relaxed form: up to a control character, or a space in front of another
 * blank or of a line end. */
static size_t same_run(struct str body, size_t at)
{
    size_t i = at;
    for (size_t n; i + 17 <= body.len; i += 16) {
        sixteen here = sixteen_load(body.ptr + i), next = sixteen_load(body.ptr + i + 1);
        if ((n = sixteen_first((sixteen)((here < ' ') | ((here == ' ') & (next <= ' '))))) < 16)
            return i + n - at;
    }
    for (; i < body.len; i++) {
        unsigned char c = (unsigned char)body.ptr[i];
        if (c < ' ' || (c == ' ' && (i + 1 == body.len || (unsigned char)body.ptr[i + 1] <= ' ')))
            break;
    }
    return i - at;
}

/* Behind the spaces and tabs that stand from `at` on. */
static size_t blanks_end(struct str body, size_t at)
{
    while (at < body.len && (body.ptr[at] == ' ' || body.ptr[at] == '\t'))
        at++;
    return at;
}

/* Runs of blanks are one space, none at the end of a line, no empty lines at the end (RFC 6376 section 3.4.4). */
static struct str relaxed_body(struct arena *arena, struct str body)
{
    char *to = arena_alloc_raw(arena, body.len + 3);
    size_t n = 0, bytes;
    for (size_t i = 0; i < body.len; i += bytes) {
        if ((bytes = same_run(body, i)) > 0) {
            memcpy(to + n, body.ptr + i, bytes);
            n += bytes;
        } else if ((bytes = blanks_end(body, i) - i) > 0) {
            if (i + bytes == body.len || body.ptr[i + bytes] != '\r')
                to[n++] = ' ';
        } else {
            to[n++] = body.ptr[i];
            bytes = 1;
        }
    }
    while (n >= 2 && to[n - 2] == '\r' && to[n - 1] == '\n')
        n -= 2;
    if (n) {
        to[n++] = '\r';
        to[n++] = '\n';
    }
    return (struct str){ to, n };
}

/* "name:value" in one line, blanks as in the body (section 3.4.2). */
static void put_relaxed(struct mail_out *out, struct str name, struct str value)
{
    mail_put(out, name);
    mail_put(out, STR(":"));
    char *to = arena_alloc_raw(out->arena, value.len + 1);
    size_t n = 0;
    for (size_t i = 0; i < value.len; i++) {
        char c = value.ptr[i];
        if (c != ' ' && c != '\t' && c != '\r' && c != '\n')
            to[n++] = c;
        else if (n && to[n - 1] != ' ')
            to[n++] = ' ';
    }
    mail_put(out, str_trim((struct str){ to, n }));
}

/* The headers that are signed, each name's last one first, and their names for h=. */
static struct str signed_headers(struct arena *arena, const struct mime_header *headers, size_t n,
                                 struct str *names)
{
    struct mail_out lines = { .arena = arena }, list = { .arena = arena };
    for (size_t k = 0; k < COUNT(signed_names); k++)
        for (size_t i = n; i-- > 0;) {
            if (!str_eq_nocase(headers[i].name, signed_names[k]))
                continue;
            put_relaxed(&lines, signed_names[k], headers[i].value);
            mail_put(&lines, STR("\r\n"));
            mail_put(&list, signed_names[k]);
            mail_put(&list, STR(":\r\n "));
        }
    mail_put(&list, STR("from"));
    *names = (struct str){ list.ptr, list.len };
    return (struct str){ lines.ptr, lines.len };
}

static struct str signature(struct ctx *ctx, struct dkim_key *key, const uint8_t hash[32])
{
    unsigned char bytes[RSA_MOST / 8];
    size_t n = sizeof(bytes);
    bool ok;
    if (key->rsa) {
        ok = EVP_PKEY_sign(key->rsa, bytes, &n, hash, 32) == 1;
    } else {
        EVP_MD_CTX *md = EVP_MD_CTX_new();
        ok = md && EVP_MD_CTX_copy_ex(md, key->ed) == 1 &&
             EVP_DigestSign(md, bytes, &n, hash, 32) == 1;
        EVP_MD_CTX_free(md);
    }
    if (!ok) {
        failed(ctx, "signing");
        return (struct str){ NULL, 0 };
    }
    return crypto_base64(ctx->arena, (struct str){ (char *)bytes, n });
}

struct signing {
    struct str lines, names, body_hash;
    int64_t now_us;
};

static bool put_signature(struct ctx *ctx, struct dkim_key *key, const struct signing *it,
                          struct mail_out *out)
{
    struct str value = arena_printf(
        ctx->arena,
        "v=1; a=%s; c=relaxed/relaxed;\r\n d=" STR_FMT ";\r\n s=" STR_FMT "; t=%lld;\r\n h=" STR_FMT
        ";\r\n bh=" STR_FMT ";\r\n b=",
        key->rsa ? "rsa-sha256" : "ed25519-sha256", STR_ARG(key->domain), STR_ARG(key->selector),
        (long long)(it->now_us / 1000000), STR_ARG(it->names), STR_ARG(it->body_hash));
    struct mail_out input = { .arena = ctx->arena };
    mail_put(&input, it->lines);
    put_relaxed(&input, STR("dkim-signature"), value);
    uint8_t hash[32];
    crypto_sha256(input.ptr, input.len, hash);
    struct str coded = signature(ctx, key, hash);
    if (!coded.ptr)
        return false;
    mail_put(out, STR("DKIM-Signature: "));
    mail_put(out, value);
    for (size_t i = 0; i < coded.len; i += 72) {
        size_t left = coded.len - i;
        mail_put(out, i ? STR("\r\n ") : STR(""));
        mail_put(out, (struct str){ coded.ptr + i, left < 72 ? left : 72 });
    }
    mail_put(out, STR("\r\n"));
    return true;
}

/* Behind each CR stands an LF, and nowhere else one. */
static bool has_bare_line_end(struct str message)
{
    const char *text = message.ptr;
    size_t i = 0;
    if (message.len && text[0] == '\n')
        return true;
    for (; i + 17 <= message.len; i += 16) {
        sixteen here = sixteen_load(text + i), next = sixteen_load(text + i + 1);
        if (sixteen_first((sixteen)((here == '\r') ^ (next == '\n'))) < 16)
            return true;
    }
    for (; i < message.len; i++)
        if ((text[i] == '\r') != (i + 1 < message.len && text[i + 1] == '\n'))
            return true;
    return false;
}

bool dkim_sign(struct ctx *ctx, struct dkim_key *const *keys, size_t n, int64_t now_us,
               struct str message, struct str *out)
{
    struct str body = message;
    struct mime_header *headers;
    size_t n_headers = mime_headers(ctx->arena, &body, &headers);
    if (n > DKIM_MOST_KEYS)
        return ctx_fail(ctx, ERR_INVALID, "a message has %d signatures at most", DKIM_MOST_KEYS);
    if (has_bare_line_end(message))
        return ctx_fail(ctx, ERR_INVALID, "a line of the message does not end in CR LF");
    if (!mime_find(headers, n_headers, "From").ptr)
        return ctx_fail(ctx, ERR_INVALID, "the message has no From");
    struct signing it = { .now_us = now_us };
    uint8_t hash[32];
    struct str relaxed = relaxed_body(ctx->arena, body);
    crypto_sha256(relaxed.ptr, relaxed.len, hash);
    it.body_hash = crypto_base64(ctx->arena, (struct str){ (char *)hash, 32 });
    it.lines = signed_headers(ctx->arena, headers, n_headers, &it.names);
    struct mail_out to = { .arena = ctx->arena };
    mail_reserve(&to, message.len + n * SIGNATURE_BYTES);
    for (size_t i = 0; i < n; i++)
        if (!put_signature(ctx, keys[i], &it, &to))
            return false;
    mail_put(&to, message);
    *out = (struct str){ to.ptr, to.len };
    return true;
}
