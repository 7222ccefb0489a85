/*
 * The remediation page as a content handler: `compliance_portal;`.
 *
 *   link (sealed) -> facts, looked up afresh and without an audit record
 *                 -> verdict, by core as ever -> page, or 303 back to the mail
 *
 * The asker is proven by a client certificate on this very request, and by
 * nothing in the link.  What may be shown to whom is core/portal_page.c's to
 * say.  The token is a credential: it is copied out of the request and wiped
 * there before anything can log it.
 */
#include "ngx_http_compliance.h"
#include "../core/names.h"
#include "../core/portal_page.h"

#include <openssl/sha.h>

#include "compliance_portal_css.h"


/* A form holds one token and its name. */
#define NGX_HTTP_COMPLIANCE_PORTAL_BODY_MAX     2048

/* Askings in a minute: of one link, by its reader's patience; of one address,
 * by an office behind one. */
#define NGX_HTTP_COMPLIANCE_PORTAL_WINDOW       60
#define NGX_HTTP_COMPLIANCE_PORTAL_PER_LINK     20
#define NGX_HTTP_COMPLIANCE_PORTAL_PER_ADDRESS  120


typedef struct {
    ngx_uint_t                   enable;
} ngx_http_compliance_portal_conf_t;


typedef struct {
    ngx_http_request_t          *request;
    compliance_portal_view_t     view;
    compliance_link_t            link;
    u_char                       token[COMPLIANCE_LINK_TOKEN_MAX];
    char                         fingerprint[COMPLIANCE_FINGERPRINT_LEN + 1];
    ngx_uint_t                   pending;   /* answers still to come */
    ngx_compliance_check_t       check;     /* the link's device and user */
    ngx_compliance_check_t       proof;     /* the asker's certificate */
    ngx_compliance_details_t     details;
} ngx_http_compliance_portal_ctx_t;


static char *ngx_http_compliance_portal(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
static ngx_int_t ngx_http_compliance_portal_init(ngx_conf_t *cf);
static void *ngx_http_compliance_portal_create_loc_conf(ngx_conf_t *cf);
static char *ngx_http_compliance_portal_merge_loc_conf(ngx_conf_t *cf,
    void *parent, void *child);
static ngx_int_t ngx_http_compliance_portal_handler(ngx_http_request_t *r);
static void ngx_http_compliance_portal_form(ngx_http_request_t *r);
static void ngx_http_compliance_portal_open(
    ngx_http_compliance_portal_ctx_t *ctx, ngx_str_t *form);
static ngx_uint_t ngx_http_compliance_portal_limited(
    ngx_http_compliance_portal_ctx_t *ctx);
static void ngx_http_compliance_portal_ask(
    ngx_http_compliance_portal_ctx_t *ctx);
static void ngx_http_compliance_portal_claim(
    ngx_http_compliance_portal_ctx_t *ctx, compliance_request_t *request);
static void ngx_http_compliance_portal_checked(ngx_compliance_check_t *check);
static void ngx_http_compliance_portal_judged(
    ngx_http_compliance_portal_ctx_t *ctx);
static void ngx_http_compliance_portal_detailed(
    ngx_compliance_details_t *details);
static void ngx_http_compliance_portal_end(
    ngx_http_compliance_portal_ctx_t *ctx, compliance_portal_kind_t kind);
static ngx_int_t ngx_http_compliance_portal_send(
    ngx_http_compliance_portal_ctx_t *ctx);
static ngx_int_t ngx_http_compliance_portal_headers(
    ngx_http_compliance_portal_ctx_t *ctx);
static void ngx_http_compliance_portal_wipe(ngx_http_request_t *r);
static void ngx_http_compliance_portal_cleanup(void *data);


static ngx_command_t  ngx_http_compliance_portal_commands[] = {

    { ngx_string("compliance_portal"),
      NGX_HTTP_LOC_CONF|NGX_CONF_NOARGS,
      ngx_http_compliance_portal,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      NULL },

      ngx_null_command
};


static ngx_http_module_t  ngx_http_compliance_portal_module_ctx = {
    NULL,                                  /* preconfiguration */
    ngx_http_compliance_portal_init,       /* postconfiguration */

    NULL,                                  /* create main configuration */
    NULL,                                  /* init main configuration */

    NULL,                                  /* create server configuration */
    NULL,                                  /* merge server configuration */

    ngx_http_compliance_portal_create_loc_conf,
                                           /* create location configuration */
    ngx_http_compliance_portal_merge_loc_conf
                                           /* merge location configuration */
};


ngx_module_t  ngx_http_compliance_portal_module = {
    NGX_MODULE_V1,
    &ngx_http_compliance_portal_module_ctx,  /* module context */
    ngx_http_compliance_portal_commands,   /* module directives */
    NGX_HTTP_MODULE,                       /* module type */
    NULL,                                  /* init master */
    NULL,                                  /* init module */
    NULL,                                  /* init process */
    NULL,                                  /* init thread */
    NULL,                                  /* exit thread */
    NULL,                                  /* exit process */
    NULL,                                  /* exit master */
    NGX_MODULE_V1_PADDING
};


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


static char *
ngx_http_compliance_portal(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_compliance_portal_conf_t *pcf = conf;

    ngx_http_core_loc_conf_t  *clcf;

    if (pcf->enable) {
        return "is duplicate";
    }

    clcf = ngx_http_conf_get_module_loc_conf(cf, ngx_http_core_module);

    if (clcf->handler != NULL) {
        return "shares its location with another content handler";
    }

    pcf->enable = 1;

    clcf->handler = ngx_http_compliance_portal_handler;

    ngx_compliance_get_conf(cf->cycle)->portal = 1;

    return NGX_CONF_OK;
}


static void *
ngx_http_compliance_portal_create_loc_conf(ngx_conf_t *cf)
{
    return ngx_pcalloc(cf->pool, sizeof(ngx_http_compliance_portal_conf_t));
}


/* Never inherited; what it cannot share a location with is refused here, when
 * the whole location was read. */
static char *
ngx_http_compliance_portal_merge_loc_conf(ngx_conf_t *cf, void *parent,
    void *child)
{
    ngx_http_compliance_portal_conf_t *conf = child;

    ngx_http_core_loc_conf_t        *clcf;
    ngx_http_compliance_loc_conf_t  *gate;

    if (!conf->enable) {
        return NGX_CONF_OK;
    }

    clcf = ngx_http_conf_get_module_loc_conf(cf, ngx_http_core_module);

    if (clcf->handler != ngx_http_compliance_portal_handler) {
        ngx_log_error(NGX_LOG_EMERG, cf->log, 0,
                      "\"compliance_portal\" and another content handler "
                      "in location \"%V\"", &clcf->name);
        return NGX_CONF_ERROR;
    }

    gate = ngx_http_conf_get_module_loc_conf(cf, ngx_http_compliance_module);

    if (gate->enable) {
        ngx_log_error(NGX_LOG_EMERG, cf->log, 0,
                      "location \"%V\" is gated, and nobody who is blocked "
                      "could read its \"compliance_portal\": set "
                      "\"compliance off\" there", &clcf->name);
        return NGX_CONF_ERROR;
    }

    return NGX_CONF_OK;
}


static ngx_int_t
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


static ngx_int_t
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
    ctx->view.css = compliance_str(COMPLIANCE_PORTAL_CSS);

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


/* Both questions leave in the same write: what becomes of the link's device
 * and user, and whose certificate the asker has shown. */
static void
ngx_http_compliance_portal_ask(ngx_http_compliance_portal_ctx_t *ctx)
{
    ngx_uint_t               i;
    ngx_http_request_t      *r;
    ngx_compliance_check_t  *check[2];

    r = ctx->request;
    check[0] = &ctx->check;
    check[1] = NULL;

    if (ngx_http_compliance_certificate(r, ctx->fingerprint) != NGX_OK) {
        ctx->fingerprint[0] = '\0';

    } else if (ctx->link.device.len != 0) {
        check[1] = &ctx->proof;

        ctx->proof.request.protocol = ctx->link.protocol;
        ctx->proof.request.n_claims = 1;
        ctx->proof.request.claims[0].source =
                                        COMPLIANCE_DEVICE_FROM_CERTIFICATE;
        ngx_memcpy(ctx->proof.request.claims[0].fingerprint, ctx->fingerprint,
                   sizeof(ctx->fingerprint));
    }

    ngx_http_compliance_portal_claim(ctx, &ctx->check.request);

    for (i = 0; i < 2 && check[i] != NULL; i++) {
        check[i]->client = r->connection->addr_text;
        check[i]->log = r->connection->log;
        check[i]->handler = ngx_http_compliance_portal_checked;
        check[i]->data = ctx;
        check[i]->silent = 1;

        if (ngx_compliance_check(check[i]) == NGX_AGAIN) {
            ctx->pending++;
        }
    }

    if (ctx->pending == 0) {
        ngx_http_compliance_portal_judged(ctx);
    }
}


/* The request that was blocked, as far as the link can tell it. */
static void
ngx_http_compliance_portal_claim(ngx_http_compliance_portal_ctx_t *ctx,
    compliance_request_t *request)
{
    compliance_claim_t       *claim;
    const compliance_link_t  *link;

    link = &ctx->link;
    claim = &request->claims[0];

    request->protocol = link->protocol;
    request->identity = COMPLIANCE_OK;
    request->vouched_binding = link->binding;
    request->vouched_client = link->reason != COMPLIANCE_CLIENT_NOT_ALLOWED;

    if (link->device.len != 0) {
        request->n_claims = 1;
        claim->id = link->device;

        /* an alias is asked for too, for a device that was unknown when the
         * link was sealed and has been enrolled since */

        switch (link->protocol) {

        case COMPLIANCE_EAS:
            claim->source = COMPLIANCE_DEVICE_FROM_EAS;
            break;

        case COMPLIANCE_WEB:
            claim->source = COMPLIANCE_DEVICE_FROM_VARIABLE;
            break;

        case COMPLIANCE_EWS:
        case COMPLIANCE_MAPI:
        case COMPLIANCE_DAV:
        case COMPLIANCE_AUTODISCOVER:
        case COMPLIANCE_IMAP:
        case COMPLIANCE_POP3:
        case COMPLIANCE_SMTP:
        case COMPLIANCE_PROTOCOL_NONE:
        case COMPLIANCE_PROTOCOLS:
            claim->source = COMPLIANCE_DEVICE_FROM_TAG;
            break;
        }

    } else if (ctx->fingerprint[0] != '\0') {
        request->n_claims = 1;
        claim->source = COMPLIANCE_DEVICE_FROM_CERTIFICATE;
        ngx_memcpy(claim->fingerprint, ctx->fingerprint,
                   sizeof(claim->fingerprint));

    } else if (link->protocol == COMPLIANCE_AUTODISCOVER) {
        request->device_free = 1;
    }

    if (link->user.len != 0) {
        request->user = link->user;
        request->user_source = link->protocol == COMPLIANCE_WEB
                               ? COMPLIANCE_USER_FROM_LOGIN
                               : COMPLIANCE_USER_FROM_CREDENTIAL;

    } else if (request->n_claims != 0) {
        request->user_source = COMPLIANCE_USER_FROM_OWNER;
    }
}


static void
ngx_http_compliance_portal_checked(ngx_compliance_check_t *check)
{
    ngx_connection_t                  *c;
    ngx_http_compliance_portal_ctx_t  *ctx;

    ctx = check->data;
    c = ctx->request->connection;

    if (--ctx->pending == 0) {
        ngx_http_compliance_portal_judged(ctx);
    }

    ngx_http_run_posted_requests(c);
}


static void
ngx_http_compliance_portal_judged(ngx_http_compliance_portal_ctx_t *ctx)
{
    const compliance_facts_t  *facts, *proof;

    facts = &ctx->check.facts;
    proof = &ctx->proof.facts;

    ctx->view.facts = facts;
    ctx->view.decision = &ctx->check.decision;
    ctx->view.message = ctx->check.message;
    ctx->view.contact = ctx->check.support_contact;

    if (ctx->check.decision.verdict == COMPLIANCE_UNDECIDED
        || ctx->check.decision.verdict == COMPLIANCE_TEMPFAIL)
    {
        ngx_http_compliance_portal_end(ctx, COMPLIANCE_PORTAL_UNAVAILABLE);
        return;
    }

    if (facts->device_presence != COMPLIANCE_PRESENT) {
        ngx_http_compliance_portal_end(ctx,
            ctx->check.decision.verdict == COMPLIANCE_ALLOW
            ? COMPLIANCE_PORTAL_OPEN : COMPLIANCE_PORTAL_BLOCKED);
        return;
    }

    if (ctx->fingerprint[0] != '\0') {
        ctx->view.proven = ctx->link.device.len == 0
                           ? facts->binding == COMPLIANCE_BINDING_CERTIFICATE
                           : proof->device_presence == COMPLIANCE_PRESENT
                             && !proof->ambiguous
                             && compliance_device_id_eq(&proof->device.id,
                                                        &facts->device.id);
    }

    ctx->details.device = facts->device.id;
    ctx->details.handler = ngx_http_compliance_portal_detailed;
    ctx->details.data = ctx;

    if (ngx_compliance_details(&ctx->details) != NGX_AGAIN) {
        ngx_http_compliance_portal_end(ctx, COMPLIANCE_PORTAL_UNAVAILABLE);
    }
}


static void
ngx_http_compliance_portal_detailed(ngx_compliance_details_t *details)
{
    ngx_connection_t                  *c;
    ngx_http_compliance_portal_ctx_t  *ctx;

    ctx = details->data;
    c = ctx->request->connection;

    if (details->presence == COMPLIANCE_PRESENT) {
        ctx->view.details = &details->fields;
    }

    ngx_http_compliance_portal_end(ctx,
        ctx->check.decision.verdict == COMPLIANCE_ALLOW
        ? COMPLIANCE_PORTAL_OPEN : COMPLIANCE_PORTAL_BLOCKED);

    ngx_http_run_posted_requests(c);
}


static void
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
