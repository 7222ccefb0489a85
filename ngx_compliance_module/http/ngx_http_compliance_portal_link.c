/*
 * A request -> the sealed link it brings, opened: the token stands once in the
 * query of a GET, or in the one small field of a POSTed form, and nowhere in
 * the request any more when it is looked at.  Every forgery gets the same
 * page.  Askings are counted by link and by address before the store is asked
 * (portal_ask).
 */
#include "ngx_http_compliance_portal.h"


/* A form holds one token and its name. */
#define NGX_HTTP_COMPLIANCE_PORTAL_BODY_MAX     2048

/* Askings in a minute: of one link, by its reader's patience; of one address,
 * by an office behind one. */
#define NGX_HTTP_COMPLIANCE_PORTAL_WINDOW       60
#define NGX_HTTP_COMPLIANCE_PORTAL_PER_LINK     20
#define NGX_HTTP_COMPLIANCE_PORTAL_PER_ADDRESS  120


static void ngx_http_compliance_portal_form(ngx_http_request_t *r);
static void ngx_http_compliance_portal_open(
    ngx_http_compliance_portal_ctx_t *ctx, ngx_str_t *form);
static ngx_uint_t ngx_http_compliance_portal_limited(
    ngx_http_compliance_portal_ctx_t *ctx);
static void ngx_http_compliance_portal_wipe(ngx_http_request_t *r);
static void ngx_http_compliance_portal_cleanup(void *data);


ngx_int_t
ngx_http_compliance_portal_handler(ngx_http_request_t *r)
{
    ngx_int_t                          rc;
    ngx_str_t                          args;
    ngx_http_cleanup_t                *cln;
    ngx_http_compliance_portal_ctx_t  *ctx;

    ctx = ngx_pcalloc(r->pool, sizeof(ngx_http_compliance_portal_ctx_t));
    if (ctx == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    cln = ngx_http_cleanup_add(r, 0);
    if (cln == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    cln->handler = ngx_http_compliance_portal_cleanup;
    cln->data = ctx;

    ctx->request = r;
    ctx->view.now = ngx_time();

    ngx_http_set_ctx(r, ctx, ngx_http_compliance_portal_module);

    if (r->method == NGX_HTTP_POST) {
        ctx->view.rechecked = 1;
        ngx_http_compliance_portal_wipe(r);

        r->request_body_in_single_buf = 1;

        rc = ngx_http_read_client_request_body(r,
                                             ngx_http_compliance_portal_form);

        return rc >= NGX_HTTP_SPECIAL_RESPONSE ? rc : NGX_DONE;
    }

    rc = ngx_http_discard_request_body(r);
    if (rc != NGX_OK) {
        return rc;
    }

    r->main->count++;

    if (r->method & (NGX_HTTP_GET|NGX_HTTP_HEAD)) {
        args = r->args;
        ngx_http_compliance_portal_open(ctx, &args);

    } else {
        ngx_http_compliance_portal_wipe(r);
        ngx_http_compliance_portal_end(ctx, COMPLIANCE_PORTAL_METHOD);
    }

    return NGX_DONE;
}


/* The body is there: a form of one small field, in memory, or nothing. */
static void
ngx_http_compliance_portal_form(ngx_http_request_t *r)
{
    u_char                            *data;
    size_t                             len;
    ngx_buf_t                         *b;
    ngx_str_t                          form;
    ngx_chain_t                       *cl;
    ngx_table_elt_t                   *type;
    ngx_http_compliance_portal_ctx_t  *ctx;

    static const u_char  urlencoded[] = "application/x-www-form-urlencoded";

    ctx = ngx_http_get_module_ctx(r, ngx_http_compliance_portal_module);
    type = r->headers_in.content_type;

    if (type == NULL
        || type->value.len < sizeof(urlencoded) - 1
        || ngx_strncasecmp(type->value.data, (u_char *) urlencoded,
                           sizeof(urlencoded) - 1) != 0
        || (type->value.len > sizeof(urlencoded) - 1
            && type->value.data[sizeof(urlencoded) - 1] != ';')
        || r->request_body == NULL
        || r->request_body->temp_file)
    {
        ngx_http_compliance_portal_end(ctx, COMPLIANCE_PORTAL_INVALID);
        return;
    }

    data = ngx_palloc(r->pool, NGX_HTTP_COMPLIANCE_PORTAL_BODY_MAX);
    if (data == NULL) {
        ngx_http_finalize_request(r, NGX_HTTP_INTERNAL_SERVER_ERROR);
        return;
    }

    form.data = data;
    form.len = 0;

    for (cl = r->request_body->bufs; cl; cl = cl->next) {
        b = cl->buf;
        len = b->last - b->pos;

        if (len == 0) {
            continue;
        }

        if (!ngx_buf_in_memory(b)
            || len > NGX_HTTP_COMPLIANCE_PORTAL_BODY_MAX - form.len)
        {
            ngx_http_compliance_portal_end(ctx, COMPLIANCE_PORTAL_INVALID);
            return;
        }

        ngx_memcpy(data + form.len, b->pos, len);
        form.len += len;
    }

    ngx_http_compliance_portal_open(ctx, &form);
}


/* Ends the request, now or when the store has answered. */
static void
ngx_http_compliance_portal_open(ngx_http_compliance_portal_ctx_t *ctx,
    ngx_str_t *form)
{
    compliance_rc_t         rc;
    compliance_str_t        token;
    ngx_http_request_t     *r;
    ngx_compliance_conf_t  *ccf;

    r = ctx->request;
    rc = compliance_portal_token(ngx_http_compliance_slice(form), &token);

    if (rc == COMPLIANCE_OK) {
        ngx_memcpy(ctx->token, token.data, token.len);
        ctx->view.token.data = (char *) ctx->token;
        ctx->view.token.len = token.len;
    }

    ngx_http_compliance_portal_wipe(r);

    if (rc == COMPLIANCE_ABSENT && !ctx->view.rechecked) {
        ngx_http_compliance_portal_end(ctx, COMPLIANCE_PORTAL_HELP);
        return;
    }

    if (rc != COMPLIANCE_OK) {
        ngx_http_compliance_portal_end(ctx, COMPLIANCE_PORTAL_INVALID);
        return;
    }

    ccf = ngx_compliance_get_conf((ngx_cycle_t *) ngx_cycle);

    if (ccf == NULL || ccf->keys == NULL) {
        ngx_http_compliance_portal_end(ctx, COMPLIANCE_PORTAL_UNAVAILABLE);
        return;
    }

    rc = compliance_link_open(ccf->keys, ctx->view.token, ctx->view.now,
                              &ctx->link);

    if (rc == COMPLIANCE_EXPIRED) {
        ctx->view.link = &ctx->link;
        ngx_http_compliance_portal_end(ctx, COMPLIANCE_PORTAL_EXPIRED);
        return;
    }

    if (rc != COMPLIANCE_OK) {
        ngx_http_compliance_portal_end(ctx, COMPLIANCE_PORTAL_INVALID);
        return;
    }

    ctx->view.link = &ctx->link;

    if (ngx_http_compliance_portal_limited(ctx)) {
        ngx_http_compliance_portal_end(ctx, COMPLIANCE_PORTAL_LIMITED);
        return;
    }

    ngx_http_compliance_portal_ask(ctx);
}


static ngx_uint_t
ngx_http_compliance_portal_limited(ngx_http_compliance_portal_ctx_t *ctx)
{
    size_t                 len;
    ngx_uint_t             links, addresses;
    compliance_request_t  *request;

    static const u_char  v4[12] = { [10] = 0xff, [11] = 0xff };

    request = &ctx->check.request;
    addresses = 0;

    links = ngx_compliance_count(NGX_COMPLIANCE_COUNT_RECHECK,
                                 ctx->link.decision_id,
                                 ngx_strlen(ctx->link.decision_id),
                                 NGX_HTTP_COMPLIANCE_PORTAL_WINDOW);

    request->has_address = ngx_compliance_address(
                                            ctx->request->connection->sockaddr,
                                            request->address);

    if (request->has_address) {

        /* an IPv6 client owns its whole /64 */

        len = ngx_memcmp(request->address, v4, sizeof(v4)) == 0 ? 16 : 8;

        addresses = ngx_compliance_count(NGX_COMPLIANCE_COUNT_RECHECK,
                                         request->address, len,
                                         NGX_HTTP_COMPLIANCE_PORTAL_WINDOW);
    }

    return links > NGX_HTTP_COMPLIANCE_PORTAL_PER_LINK
           || addresses > NGX_HTTP_COMPLIANCE_PORTAL_PER_ADDRESS;
}


/* Every place of the request line that a log variable, or nginx's own error
 * log, could show. */
static void
ngx_http_compliance_portal_wipe(ngx_http_request_t *r)
{
    u_char      *p, *last;
    ngx_uint_t   i;
    ngx_str_t   *place[2];

    place[0] = &r->request_line;
    place[1] = &r->unparsed_uri;

    for (i = 0; i < 2; i++) {
        if (place[i]->len == 0) {
            continue;
        }

        last = place[i]->data + place[i]->len;
        p = ngx_strlchr(place[i]->data, last, '?');

        while (p != NULL && ++p < last && *p != ' ') {
            *p = '-';
        }
    }

    if (r->args.len != 0) {
        ngx_memset(r->args.data, '-', r->args.len);
    }
}


static void
ngx_http_compliance_portal_cleanup(void *data)
{
    ngx_http_compliance_portal_ctx_t *ctx = data;

    ngx_compliance_check_cancel(&ctx->check);
    ngx_compliance_check_cancel(&ctx->proof);
    ngx_compliance_details_cancel(&ctx->details);

    ngx_explicit_memzero(ctx->token, sizeof(ctx->token));
}
