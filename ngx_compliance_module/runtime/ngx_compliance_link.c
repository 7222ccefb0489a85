/*
 * The link to the portal that a blocked client is given.  The token is sealed:
 * it tells its bearer nothing, and the portal alone what it stands for.
 */
#include "ngx_compliance_internal.h"

#include <openssl/rand.h>


ngx_int_t
ngx_compliance_portal_link(ngx_pool_t *pool,
    const ngx_compliance_check_t *check, ngx_str_t *return_path,
    ngx_str_t *link)
{
    char                    text[COMPLIANCE_LINK_TOKEN_MAX];
    u_char                 *p, nonce[16];
    compliance_buf_t        token;
    compliance_str_t        path;
    compliance_link_t       to;
    ngx_compliance_conf_t  *ccf;

    ngx_str_null(link);

    ccf = ngx_compliance_worker.conf;

    if (ccf == NULL || ccf->keys == NULL || ccf->portal_url.len == 0) {
        return NGX_OK;
    }

    if (RAND_bytes(nonce, sizeof(nonce)) != 1) {
        ngx_log_error(NGX_LOG_CRIT, check->log, 0,
                      "no random bytes for a portal link");
        return NGX_OK;
    }

    ngx_memzero(&to, sizeof(to));

    ngx_memcpy(to.decision_id, check->id, sizeof(to.decision_id));
    to.protocol = check->request.protocol;
    to.reason = check->decision.reason;
    to.binding = check->decision.binding;
    to.device = check->facts.device.id;
    to.user = check->facts.user.principal;
    to.expires = ngx_time() + COMPLIANCE_LINK_TTL;

    if (return_path != NULL && return_path->len) {
        path.data = (char *) return_path->data;
        path.len = return_path->len;

        if (path.len <= COMPLIANCE_RETURN_MAX
            && compliance_return_path_valid(path))
        {
            ngx_memcpy(to.return_path, path.data, path.len);
        }
    }

    compliance_buf_init(&token, text, sizeof(text));

    if (compliance_link_seal(ccf->keys, &to, nonce, &token) != COMPLIANCE_OK
        || token.overflow)
    {
        ngx_log_error(NGX_LOG_ERR, check->log, 0,
                      "a portal link could not be sealed");
        return NGX_OK;
    }

    link->data = ngx_pnalloc(pool, ccf->portal_url.len + sizeof("?t=") - 1
                                   + token.len);
    if (link->data == NULL) {
        return NGX_ERROR;
    }

    p = ngx_cpymem(link->data, ccf->portal_url.data, ccf->portal_url.len);
    p = ngx_cpymem(p, "?t=", sizeof("?t=") - 1);
    p = ngx_cpymem(p, text, token.len);

    link->len = (size_t) (p - link->data);

    return NGX_OK;
}
