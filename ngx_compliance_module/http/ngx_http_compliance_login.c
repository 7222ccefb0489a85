/*
 * Who is about to log in?  The body of a request that may be a login is looked
 * through as it comes in, piece by piece, by a filter of nginx's body reader;
 * nothing of it is kept here, and nothing of it reaches the back end before
 * the whole was seen.
 */
#include "ngx_http_compliance.h"


static ngx_int_t ngx_http_compliance_body_filter(ngx_http_request_t *r,
    ngx_chain_t *in);
static void ngx_http_compliance_login_feed(ngx_http_compliance_ctx_t *ctx,
    ngx_chain_t *in);


static ngx_http_request_body_filter_pt  ngx_http_next_request_body_filter;


void
ngx_http_compliance_login_init(void)
{
    ngx_http_next_request_body_filter = ngx_http_top_request_body_filter;
    ngx_http_top_request_body_filter = ngx_http_compliance_body_filter;
}


ngx_int_t
ngx_http_compliance_login_begin(ngx_http_request_t *r,
    ngx_http_compliance_ctx_t *ctx)
{
    ngx_uint_t                         body;
    compliance_rc_t                    rc;
    compliance_str_t                   path, query, type;
    const compliance_login_profile_t  *profile;

    profile = ctx->conf->login_profile;

    if (profile == NULL) {
        return NGX_DECLINED;
    }

    path = ngx_http_compliance_slice(&r->uri);
    query = ngx_http_compliance_slice(&r->args);

    if (!compliance_login_profile_applies(profile,
                                     ngx_http_compliance_slice(&r->method_name),
                                     path, query))
    {
        return NGX_DECLINED;
    }

    body = (r->headers_in.content_length_n > 0 || r->headers_in.chunked);

    ctx->scan_rc = COMPLIANCE_OK;

    ctx->scan = ngx_palloc(r->pool, sizeof(compliance_login_scan_t));
    if (ctx->scan == NULL) {
        return NGX_ERROR;
    }

    /* what the back end reads must be the bytes that are looked through */

    if (body && ctx->headers[NGX_HTTP_COMPLIANCE_CONTENT_ENCODING]) {
        ctx->scan_rc = COMPLIANCE_AMBIGUOUS;
        return NGX_OK;
    }

    type = body ? ngx_http_compliance_header(ctx,
                                             NGX_HTTP_COMPLIANCE_CONTENT_TYPE)
                : compliance_absent;

    rc = compliance_login_scan_init(ctx->scan, profile, path, query, type);

    /* the query alone may name somebody, and is then refused */

    if (rc == COMPLIANCE_ABSENT || (rc == COMPLIANCE_OK && !body)) {
        ctx->scan = NULL;
        return NGX_DECLINED;
    }

    ctx->scan_rc = rc;

    if (r->request_body) {

        /* read by a location before this one: the filter will not see it */

        if (r->reading_body) {
            ctx->scan_rc = COMPLIANCE_AMBIGUOUS;
        }

        ngx_http_compliance_login_feed(ctx, r->request_body->bufs);
    }

    return NGX_OK;
}


static ngx_int_t
ngx_http_compliance_body_filter(ngx_http_request_t *r, ngx_chain_t *in)
{
    ngx_http_compliance_ctx_t  *ctx;

    ctx = ngx_http_get_module_ctx(r, ngx_http_compliance_module);

    if (ctx != NULL && ctx->stage == NGX_HTTP_COMPLIANCE_READING_LOGIN) {
        ngx_http_compliance_login_feed(ctx, in);
    }

    return ngx_http_next_request_body_filter(r, in);
}


static void
ngx_http_compliance_login_feed(ngx_http_compliance_ctx_t *ctx,
    ngx_chain_t *in)
{
    ngx_buf_t  *b;

    for ( /* void */ ; in && ctx->scan_rc == COMPLIANCE_OK; in = in->next) {

        b = in->buf;

        if (!ngx_buf_in_memory(b) && b->in_file) {

            /* never while it comes in, and not worth a read that blocks */

            ctx->scan_rc = COMPLIANCE_AMBIGUOUS;

        } else if (b->last > b->pos) {
            ctx->scan_rc = compliance_login_scan_feed(ctx->scan,
                                                      (char *) b->pos,
                                                      b->last - b->pos);
        }
    }
}


ngx_int_t
ngx_http_compliance_login_end(ngx_http_request_t *r,
    ngx_http_compliance_ctx_t *ctx)
{
    compliance_rc_t         rc;
    compliance_request_t   *request;
    compliance_principal_t  name, hint;

    rc = ctx->scan_rc;

    name.len = 0;
    hint.len = 0;

    if (rc == COMPLIANCE_OK) {
        rc = compliance_login_scan_end(ctx->scan, &name, &hint);
    }

    /* a piece of it may have been a password's neighbour */
    ngx_explicit_memzero(ctx->scan, sizeof(compliance_login_scan_t));
    ctx->scan = NULL;

    if (rc == COMPLIANCE_ABSENT) {
        return NGX_DECLINED;
    }

    request = &ctx->check->request;

    if (rc != COMPLIANCE_OK) {
        request->identity = (rc == COMPLIANCE_AMBIGUOUS) ? COMPLIANCE_AMBIGUOUS
                                                         : COMPLIANCE_MALFORMED;
        ctx->why = "login";
        return NGX_OK;
    }

    request->user_source = COMPLIANCE_USER_FROM_LOGIN;
    request->user = name;
    request->user_hint = hint;

    return NGX_OK;
}
