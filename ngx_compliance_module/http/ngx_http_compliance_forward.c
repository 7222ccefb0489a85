/*
 * What was judged is what the back end gets: the one credential under the
 * canonical login, the canonical query, nothing beside them.  Whoever reads
 * these later, in nginx too, reads the same: $remote_user, $request_uri and
 * their like are evaluated anew.
 */
#include "ngx_http_compliance.h"


ngx_int_t
ngx_http_compliance_forward(ngx_http_request_t *r,
    ngx_http_compliance_ctx_t *ctx)
{
    const compliance_principal_t  *login;

    if (ctx->credential && ctx->scheme == COMPLIANCE_AUTH_BASIC) {

        login = &ctx->check->request.user;

        if (ctx->check->facts.user_presence == COMPLIANCE_PRESENT
            && ctx->check->facts.user.principal.len)
        {
            login = &ctx->check->facts.user.principal;
        }

        if (!ctx->login_exact
            || !compliance_principal_eq(login, &ctx->check->request.user))
        {
            return ngx_http_compliance_set_login(r, ctx, login);
        }
    }

    return NGX_OK;
}


/* Writes Authorization anew: another name, the same password. */
ngx_int_t
ngx_http_compliance_set_login(ngx_http_request_t *r,
    ngx_http_compliance_ctx_t *ctx, const compliance_principal_t *login)
{
    char                     scratch[COMPLIANCE_AUTHORIZATION_MAX];
    size_t                   size;
    u_char                  *text;
    ngx_table_elt_t         *line;
    compliance_rc_t          rc;
    compliance_buf_t         out;
    compliance_str_t         credentials, name, password;

    line = ctx->headers[NGX_HTTP_COMPLIANCE_AUTHORIZATION];

    if (compliance_auth_scheme(ngx_http_compliance_slice(&line->value),
                               &credentials)
        != COMPLIANCE_AUTH_BASIC)
    {
        return NGX_ERROR;
    }

    rc = compliance_basic_parse(credentials, scratch, sizeof(scratch), &name,
                                &password);

    if (rc == COMPLIANCE_OK) {

        size = sizeof("Basic ")
               + ngx_base64_encoded_length(login->len + 1 + password.len);

        text = ngx_pnalloc(r->pool, size);

        if (text == NULL) {
            rc = COMPLIANCE_NO_MEMORY;

        } else {
            compliance_buf_init(&out, (char *) text, size);
            rc = compliance_basic_build(login, password, &out);

            if (rc == COMPLIANCE_OK && !out.overflow) {
                line->value.data = text;
                line->value.len = out.len;

            } else {
                rc = COMPLIANCE_TOO_LONG;
            }
        }
    }

    ngx_explicit_memzero(scratch, sizeof(scratch));

    if (rc != COMPLIANCE_OK) {
        return NGX_ERROR;
    }

    /* decoded again from the line when somebody asks */
    ngx_str_null(&r->headers_in.user);
    ngx_str_null(&r->headers_in.passwd);

    ngx_http_compliance_refresh(r);

    return NGX_OK;
}


ngx_int_t
ngx_http_compliance_drop_credential(ngx_http_request_t *r,
    ngx_http_compliance_ctx_t *ctx)
{
    if (r->headers_in.authorization == NULL) {
        return NGX_OK;
    }

    if (ngx_http_compliance_header_remove(r, r->headers_in.authorization)
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    ctx->headers[NGX_HTTP_COMPLIANCE_AUTHORIZATION] = NULL;

    r->headers_in.authorization = NULL;
    ngx_str_set(&r->headers_in.user, "");
    ngx_str_null(&r->headers_in.passwd);

    ngx_http_compliance_refresh(r);

    return NGX_OK;
}


/* query is copied. */
ngx_int_t
ngx_http_compliance_set_query(ngx_http_request_t *r, ngx_str_t *query)
{
    u_char  *p, *last, *path_end;
    size_t   path_len;

    last = r->unparsed_uri.data + r->unparsed_uri.len;

    path_end = ngx_strlchr(r->unparsed_uri.data, last, '?');
    if (path_end == NULL) {
        path_end = last;
    }

    path_len = path_end - r->unparsed_uri.data;

    p = ngx_pnalloc(r->pool, path_len + 1 + query->len);
    if (p == NULL) {
        return NGX_ERROR;
    }

    last = ngx_cpymem(p, r->unparsed_uri.data, path_len);

    if (query->len) {
        *last++ = '?';
    }

    r->args.data = last;
    r->args.len = query->len;

    last = ngx_cpymem(last, query->data, query->len);

    r->unparsed_uri.data = p;
    r->unparsed_uri.len = last - p;

    ngx_http_compliance_refresh(r);

    return NGX_OK;
}


/* The body was read whole, so that the connection can go on; the back end is
 * told of none. */
void
ngx_http_compliance_drop_body(ngx_http_request_t *r)
{
    if (r->request_body) {
        r->request_body->bufs = NULL;
    }

    r->headers_in.content_length_n = -1;
    r->headers_in.content_length = NULL;
    r->headers_in.chunked = 0;

    ngx_http_compliance_refresh(r);
}


/* Variables that were evaluated before, by a map of the rewrite phase say, and
 * kept what is not true any more. */
void
ngx_http_compliance_refresh(ngx_http_request_t *r)
{
    ngx_uint_t                       *index;
    ngx_uint_t                        i;
    ngx_http_compliance_main_conf_t  *mcf;

    mcf = ngx_http_get_module_main_conf(r, ngx_http_compliance_module);

    index = mcf->stale.elts;

    for (i = 0; i < mcf->stale.nelts; i++) {
        r->variables[index[i]].valid = 0;
        r->variables[index[i]].not_found = 0;
    }
}
