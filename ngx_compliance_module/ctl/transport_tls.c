/*
 * TLS to Redis: TLS 1.2 or later, the server's certificate and name are always
 * checked.  There is no way to leave the check out: a password would go to
 * whoever answers.
 */
#include "ctl.h"
#include "transport.h"

#include <arpa/inet.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <string.h>


/* An encrypted key must not ask on the terminal, as OpenSSL does by itself. */
static int
no_passphrase(char *out, int cap, int writing, void *data)
{
    (void) out;
    (void) cap;
    (void) writing;
    (void) data;

    return 0;
}


static const char *
last_error(void)
{
    const char *text = ERR_reason_error_string(ERR_peek_last_error());

    ERR_clear_error();

    return text == NULL ? "no reason given" : text;
}


static const char *
load_files(SSL_CTX *context, const ctl_endpoint_t *endpoint)
{
    if (endpoint->tls_ca == NULL) {
        if (SSL_CTX_set_default_verify_paths(context) != 1) {
            return ctl_format("the system's authorities cannot be read: %s",
                              last_error());
        }

    } else if (SSL_CTX_load_verify_locations(context, endpoint->tls_ca, NULL)
               != 1)
    {
        return ctl_format("--tls-ca \"%s\" cannot be read as PEM: %s",
                          ctl_escape(ctl_str(endpoint->tls_ca)),
                          last_error());
    }

    if (endpoint->tls_cert == NULL) {
        return NULL;
    }

    if (SSL_CTX_use_certificate_chain_file(context, endpoint->tls_cert) != 1) {
        return ctl_format("--tls-cert \"%s\" cannot be read as PEM: %s",
                          ctl_escape(ctl_str(endpoint->tls_cert)),
                          last_error());
    }

    if (SSL_CTX_use_PrivateKey_file(context, endpoint->tls_key,
                                    SSL_FILETYPE_PEM) != 1)
    {
        return ctl_format("--tls-key \"%s\" cannot be read as PEM without a "
                          "passphrase: %s",
                          ctl_escape(ctl_str(endpoint->tls_key)),
                          last_error());
    }

    if (SSL_CTX_check_private_key(context) != 1) {
        return "--tls-key is not the key of --tls-cert";
    }

    return NULL;
}


/* Which name the certificate must have. */
static bool
expect_host(SSL *ssl, const char *host)
{
    unsigned char     address[sizeof(struct in6_addr)];
    X509_VERIFY_PARAM *param = SSL_get0_param(ssl);

    if (inet_pton(AF_INET, host, address) == 1
        || inet_pton(AF_INET6, host, address) == 1)
    {
        return X509_VERIFY_PARAM_set1_ip_asc(param, host) == 1;
    }

    X509_VERIFY_PARAM_set_hostflags(param,
                                    X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);

    return X509_VERIFY_PARAM_set1_host(param, host, 0) == 1
           && SSL_set_tlsext_host_name(ssl, host) == 1;
}


SSL *
ctl_tls_new(const ctl_endpoint_t *endpoint, const char **why)
{
    SSL_CTX *context = SSL_CTX_new(TLS_client_method());
    SSL     *ssl = NULL;

    *why = "out of memory";

    if (context == NULL
        || SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION) != 1)
    {
        SSL_CTX_free(context);
        return NULL;
    }

    SSL_CTX_set_verify(context, SSL_VERIFY_PEER, NULL);
    SSL_CTX_set_default_passwd_cb(context, no_passphrase);
    (void) SSL_CTX_set_mode(context, SSL_MODE_ENABLE_PARTIAL_WRITE
                                     | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
    *why = load_files(context, endpoint);

    if (*why == NULL) {
        ssl = SSL_new(context);

        if (ssl == NULL || !expect_host(ssl, endpoint->host)) {
            *why = "out of memory";
            SSL_free(ssl);
            ssl = NULL;
        }
    }

    SSL_CTX_free(context);   /* ssl has its own reference */

    return ssl;
}


const char *
ctl_tls_why(SSL *ssl, const char *doing)
{
    long        verified = SSL_get_verify_result(ssl);
    int         reason = ERR_GET_REASON(ERR_peek_last_error());
    const char *advice = "";

    if (verified != X509_V_OK) {
        ERR_clear_error();

        if (verified == X509_V_ERR_HOSTNAME_MISMATCH
            || verified == X509_V_ERR_IP_ADDRESS_MISMATCH)
        {
            advice = "; name it in --redis as its certificate does";

        } else if (verified == X509_V_ERR_CERT_HAS_EXPIRED) {
            advice = "; renew it, or set this machine's clock";

        } else {
            advice = "; --tls-ca names the authority that signed it";
        }

        return ctl_format("its TLS certificate is refused: %s%s",
                          X509_verify_cert_error_string(verified), advice);
    }

    if (reason == SSL_R_TLSV13_ALERT_CERTIFICATE_REQUIRED
        || reason == SSL_R_SSLV3_ALERT_HANDSHAKE_FAILURE)
    {
        advice = "; does it want a client certificate? "
                 "See --tls-cert and --tls-key";

    } else if (reason == SSL_R_WRONG_VERSION_NUMBER) {
        advice = "; is that port one for TLS?";
    }

    return ctl_format("%s: %s%s", doing, last_error(), advice);
}
