/*
 * A view -> the answer: a page that fetches nothing, runs nothing and is kept
 * by nobody, or 303 to the path the blocked request came from.
 */
#include "ngx_http_compliance_portal.h"

#include <openssl/sha.h>

#include "compliance_portal_css.h"


static ngx_int_t ngx_http_compliance_portal_send(
    ngx_http_compliance_portal_ctx_t *ctx);
static ngx_int_t ngx_http_compliance_portal_headers(
    ngx_http_compliance_portal_ctx_t *ctx);


static const char  ngx_http_compliance_portal_css[] = COMPLIANCE_PORTAL_CSS;

/* Nothing is fetched, run, framed, or sent elsewhere; the one style sheet is
 * named by its hash. */
#define NGX_HTTP_COMPLIANCE_PORTAL_CSP_BEGIN                                  \
    "default-src 'none'; base-uri 'none'; form-action 'self'; "               \
    "frame-ancestors 'none'; style-src 'sha256-"

static u_char     ngx_http_compliance_portal_csp_data[
                      sizeof(NGX_HTTP_COMPLIANCE_PORTAL_CSP_BEGIN)
                      + ngx_base64_encoded_length(SHA256_DIGEST_LENGTH) + 1];
static ngx_str_t  ngx_http_compliance_portal_csp;


ngx_int_t
ngx_http_compliance_portal_init(ngx_conf_t *cf)
{
    u_char     digest[SHA256_DIGEST_LENGTH], *p;
    ngx_str_t  src, dst;

    SHA256((const u_char *) ngx_http_compliance_portal_css,
           sizeof(ngx_http_compliance_portal_css) - 1, digest);

    p = ngx_http_compliance_portal_csp_data;
    p = ngx_cpymem(p, NGX_HTTP_COMPLIANCE_PORTAL_CSP_BEGIN,
                   sizeof(NGX_HTTP_COMPLIANCE_PORTAL_CSP_BEGIN) - 1);

    src.data = digest;
    src.len = sizeof(digest);
    dst.data = p;

    ngx_encode_base64(&dst, &src);

    p += dst.len;
    *p++ = '\'';

    ngx_http_compliance_portal_csp.data = ngx_http_compliance_portal_csp_data;
    ngx_http_compliance_portal_csp.len =
                                   p - ngx_http_compliance_portal_csp_data;

    return NGX_OK;
}


void
ngx_http_compliance_portal_end(ngx_http_compliance_portal_ctx_t *ctx,
    compliance_portal_kind_t kind)
{
    ngx_http_request_t  *r;

    r = ctx->request;
    ctx->view.kind = kind;

    ngx_http_finalize_request(r, ngx_http_compliance_portal_send(ctx));
}


static ngx_int_t
ngx_http_compliance_portal_send(ngx_http_compliance_portal_ctx_t *ctx)
{
    u_char              *p;
    ngx_str_t            body, value;
    ngx_uint_t           status;
    compliance_buf_t     page;
    compliance_str_t     back;
    ngx_http_request_t  *r;

    r = ctx->request;
    ctx->view.css = compliance_str(COMPLIANCE_PORTAL_CSS);
    back = compliance_portal_return(&ctx->view);
    status = back.len ? NGX_HTTP_SEE_OTHER
                      : compliance_portal_status(ctx->view.kind);

    p = ngx_palloc(r->pool, COMPLIANCE_PORTAL_PAGE_MAX);
    if (p == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    compliance_buf_init(&page, (char *) p, COMPLIANCE_PORTAL_PAGE_MAX);

    if (compliance_portal_page(&ctx->view, &page) != COMPLIANCE_OK) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    if (ngx_http_compliance_begin(r, status, "text/html; charset=utf-8")
        != NGX_OK
        || ngx_http_compliance_portal_headers(ctx) != NGX_OK)
    {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    body.data = p;
    body.len = page.len;

    if (back.len) {
        /* not through headers_out.location, which would name a host: a path
         * stays where the browser is */

        value.data = (u_char *) back.data;
        value.len = back.len;

        if (ngx_http_compliance_add_header(r, "Location", &value) == NULL) {
            return NGX_HTTP_INTERNAL_SERVER_ERROR;
        }

        body.len = 0;
    }

    return ngx_http_compliance_send(r, &body);
}


static ngx_int_t
ngx_http_compliance_portal_headers(ngx_http_compliance_portal_ctx_t *ctx)
{
    ngx_uint_t           i;
    ngx_str_t           *retry;
    ngx_http_request_t  *r;

    static struct {
        const char  *name;
        ngx_str_t    value;
    } headers[] = {
        { "Referrer-Policy", ngx_string("no-referrer") },
        { "X-Content-Type-Options", ngx_string("nosniff") },
        { "X-Frame-Options", ngx_string("DENY") },
        { "X-Robots-Tag", ngx_string("noindex, nofollow") },
        { "Cross-Origin-Opener-Policy", ngx_string("same-origin") },
    };

    static ngx_str_t  soon = ngx_string("30");
    static ngx_str_t  window = ngx_string("60");
    static ngx_str_t  allow = ngx_string("GET, HEAD, POST");

    r = ctx->request;

    for (i = 0; i < sizeof(headers) / sizeof(headers[0]); i++) {
        if (ngx_http_compliance_add_header(r, headers[i].name,
                                           &headers[i].value)
            == NULL)
        {
            return NGX_ERROR;
        }
    }

    if (ngx_http_compliance_add_header(r, "Content-Security-Policy",
                                       &ngx_http_compliance_portal_csp)
        == NULL)
    {
        return NGX_ERROR;
    }

    retry = ctx->view.kind == COMPLIANCE_PORTAL_LIMITED ? &window
            : ctx->view.kind == COMPLIANCE_PORTAL_UNAVAILABLE ? &soon
            : NULL;

    if (retry != NULL
        && ngx_http_compliance_add_header(r, "Retry-After", retry) == NULL)
    {
        return NGX_ERROR;
    }

    if (ctx->view.kind == COMPLIANCE_PORTAL_METHOD
        && ngx_http_compliance_add_header(r, "Allow", &allow) == NULL)
    {
        return NGX_ERROR;
    }

    return NGX_OK;
}
