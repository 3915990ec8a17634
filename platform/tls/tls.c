#include "platform/tls/tls.h"

#include <arpa/inet.h>
#include <errno.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <stdlib.h>

struct tls {
    SSL_CTX *context;
    bool verify; /* of a client: the name too */
};

struct tls_conn {
    SSL *ssl;
    bool wants_write, failed;
    const char *why;
};

/* The first of what the library has to say; the rest is what followed from it. */
static const char *reason(void)
{
    unsigned long code = ERR_peek_error();
    const char *text = ERR_SYSTEM_ERROR(code) ? strerror(ERR_GET_REASON(code))
                                              : ERR_reason_error_string(code);
    return text ? text : "no reason given";
}

/* A key that asks for a password is refused; without this, it would ask at the terminal. */
static int no_password(char *out, int size, int for_writing, void *nothing)
{
    return -1;
}

static bool use_ca(struct ctx *ctx, SSL_CTX *context, const char *ca)
{
    STACK_OF(X509_NAME) *names = SSL_load_client_CA_file(ca);
    if (!names || SSL_CTX_load_verify_locations(context, ca, NULL) != 1) {
        sk_X509_NAME_pop_free(names, X509_NAME_free);
        return ctx_fail(ctx, ERR_INVALID, "tls_ca: %s: %s", ca, reason());
    }
    SSL_CTX_set_client_CA_list(context, names);
    SSL_CTX_set_verify(context, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, NULL);
    return true;
}

static bool use_files(struct ctx *ctx, SSL_CTX *context, const struct tls_files *files)
{
    ERR_clear_error();
    SSL_CTX_set_default_passwd_cb(context, no_password);
    if (SSL_CTX_use_certificate_chain_file(context, files->cert) != 1)
        return ctx_fail(ctx, ERR_INVALID, "tls_cert: %s: %s", files->cert, reason());
    if (SSL_CTX_use_PrivateKey_file(context, files->key, SSL_FILETYPE_PEM) != 1)
        return ctx_fail(ctx, ERR_INVALID, "tls_key: %s: %s", files->key, reason());
    return !files->ca || use_ca(ctx, context, files->ca);
}

static SSL_CTX *context_new(const SSL_METHOD *method)
{
    SSL_CTX *context = SSL_CTX_new(method);
    SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION);
    /* Frames have their own length: an end without a good-bye is an end. Nobody resumes: connections are long. */
    SSL_CTX_set_options(context, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_TICKET |
                                     SSL_OP_NO_COMPRESSION | SSL_OP_IGNORE_UNEXPECTED_EOF);
    SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
    SSL_CTX_set_mode(context, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER |
                                  SSL_MODE_RELEASE_BUFFERS);
    return context;
}

static struct tls *tls_of(SSL_CTX *context, bool verify)
{
    struct tls *tls = mem_alloc(sizeof(*tls));
    tls->context = context;
    tls->verify = verify;
    return tls;
}

struct tls *tls_new(struct ctx *ctx, const struct tls_files *files)
{
    SSL_CTX *context = context_new(TLS_server_method());
    SSL_CTX_set_num_tickets(context, 0);
    if (use_files(ctx, context, files))
        return tls_of(context, false);
    SSL_CTX_free(context);
    return NULL;
}

struct tls *tls_client_new(struct ctx *ctx, const char *ca, bool verify)
{
    SSL_CTX *context = context_new(TLS_client_method());
    ERR_clear_error();
    if (!(ca ? SSL_CTX_load_verify_locations(context, ca, NULL)
             : SSL_CTX_set_default_verify_paths(context))) {
        SSL_CTX_free(context);
        ctx_fail(ctx, ERR_INVALID, "%s: %s", ca ? ca : "the system's authorities", reason());
        return NULL;
    }
    SSL_CTX_set_verify(context, verify ? SSL_VERIFY_PEER : SSL_VERIFY_NONE, NULL);
    return tls_of(context, verify);
}

void tls_free(struct tls *tls)
{
    if (!tls)
        return;
    SSL_CTX_free(tls->context);
    free(tls);
}

struct str tls_describe(const struct tls *tls, struct arena *arena)
{
    const X509 *certificate = SSL_CTX_get0_certificate(tls->context);
    BIO *out = BIO_new(BIO_s_mem());
    X509_NAME_print_ex(out, X509_get_subject_name(certificate), 0, XN_FLAG_ONELINE);
    BIO_puts(out, ", until ");
    ASN1_TIME_print(out, X509_get0_notAfter(certificate));
    char *bytes;
    long n = BIO_get_mem_data(out, &bytes);
    struct str text = arena_str(arena, (struct str){ bytes, (size_t)n });
    BIO_free(out);
    return text;
}

static struct tls_conn *conn_new(struct tls *tls, int fd)
{
    struct tls_conn *conn = mem_alloc(sizeof(*conn));
    conn->ssl = SSL_new(tls->context);
    if (!conn->ssl)
        abort(); /* no memory, as everywhere */
    SSL_set_fd(conn->ssl, fd);
    return conn;
}

struct tls_conn *tls_accept(struct tls *tls, int fd)
{
    struct tls_conn *conn = conn_new(tls, fd);
    SSL_set_accept_state(conn->ssl);
    return conn;
}

struct tls_conn *tls_connect(struct tls *tls, int fd, const char *host)
{
    struct tls_conn *conn = conn_new(tls, fd);
    unsigned char address[16];
    bool numeric = inet_pton(AF_INET, host, address) == 1 ||
                   inet_pton(AF_INET6, host, address) == 1;
    SSL_set_connect_state(conn->ssl);
    if ((!numeric && SSL_set_tlsext_host_name(conn->ssl, host) != 1) ||
        (tls->verify && !(numeric ? X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(conn->ssl), host)
                                  : SSL_set1_host(conn->ssl, host))))
        abort(); /* no memory */
    return conn;
}

void tls_conn_free(struct tls_conn *conn)
{
    if (!conn)
        return;
    if (!conn->failed && SSL_is_init_finished(conn->ssl))
        SSL_shutdown(conn->ssl);
    ERR_clear_error();
    SSL_free(conn->ssl);
    free(conn);
}

/* What an unfinished call means for the caller. */
static ssize_t unfinished(struct tls_conn *conn, int result)
{
    int error = SSL_get_error(conn->ssl, result);
    conn->wants_write = error == SSL_ERROR_WANT_WRITE;
    if (error == SSL_ERROR_ZERO_RETURN)
        return 0;
    if (error == SSL_ERROR_WANT_READ || error == SSL_ERROR_WANT_WRITE) {
        errno = EAGAIN;
        return -1;
    }
    conn->failed = true;
    conn->why = error == SSL_ERROR_SYSCALL && errno ? strerror(errno) : reason();
    errno = EPROTO;
    return -1;
}

bool tls_handshake(struct tls_conn *conn)
{
    ERR_clear_error();
    errno = 0;
    int result = SSL_do_handshake(conn->ssl);
    if (result == 1)
        conn->wants_write = false;
    else if (unfinished(conn, result) == 0)
        errno = ECONNRESET;
    return result == 1;
}

ssize_t tls_read(struct tls_conn *conn, void *bytes, size_t n)
{
    size_t got = 0, part;
    int result = 1;
    ERR_clear_error();
    errno = 0;
    while (got < n && (result = SSL_read_ex(conn->ssl, (char *)bytes + got, n - got, &part)) == 1)
        got += part;
    conn->wants_write = false;
    return got ? (ssize_t)got : unfinished(conn, result);
}

ssize_t tls_write(struct tls_conn *conn, const void *bytes, size_t n)
{
    size_t done;
    ERR_clear_error();
    errno = 0;
    int result = SSL_write_ex(conn->ssl, bytes, n, &done);
    return result == 1 ? (ssize_t)done : unfinished(conn, result);
}

const char *tls_conn_error(const struct tls_conn *conn)
{
    return conn->why;
}

bool tls_wants_write(const struct tls_conn *conn)
{
    return conn->wants_write;
}
