/*
 * A client's certificate -> its fingerprint, by which a device is proven.  What
 * was not verified, by the ssl_verify_client of the server, proves nothing.
 */
#include "ngx_compliance.h"

#if (NGX_SSL)
#include <openssl/x509.h>
#endif


ngx_int_t
ngx_compliance_certificate(ngx_connection_t *c,
    char fingerprint[COMPLIANCE_FINGERPRINT_LEN + 1])
{
#if (NGX_SSL)

    X509            *cert;
    u_char           digest[EVP_MAX_MD_SIZE];
    ngx_int_t        rc;
    unsigned int     len;
    ngx_ssl_conn_t  *ssl;

    if (c->ssl == NULL) {
        return NGX_DECLINED;
    }

    ssl = c->ssl->connection;

    /* without a certificate the result is X509_V_OK too */

    if (SSL_get_verify_result(ssl) != X509_V_OK) {
        return NGX_DECLINED;
    }

    cert = SSL_get_peer_certificate(ssl);
    if (cert == NULL) {
        return NGX_DECLINED;
    }

    rc = NGX_DECLINED;

    if (X509_digest(cert, EVP_sha256(), digest, &len) == 1
        && 2 * len == COMPLIANCE_FINGERPRINT_LEN)
    {
        *ngx_hex_dump((u_char *) fingerprint, digest, len) = '\0';
        rc = NGX_OK;
    }

    X509_free(cert);

    return rc;

#else

    return NGX_DECLINED;

#endif
}
