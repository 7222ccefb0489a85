/*
 * nginx request -> compliance_request_t: who is asking (credential.c), with
 * which device, for what.  Invariants: what is judged here is what forward.c
 * lets the back end see; what could be read in two ways is refused.
 */
#include "ngx_http_compliance.h"


static compliance_rc_t ngx_http_compliance_path(ngx_http_request_t *r,
    ngx_http_compliance_ctx_t *ctx);
static ngx_int_t ngx_http_compliance_eas(ngx_http_request_t *r,
    ngx_http_compliance_ctx_t *ctx);
static ngx_int_t ngx_http_compliance_device(ngx_http_request_t *r,
    ngx_http_compliance_ctx_t *ctx);
static void ngx_http_compliance_address(ngx_http_request_t *r,
    compliance_request_t *request);
static void ngx_http_compliance_client(ngx_http_request_t *r,
    ngx_http_compliance_ctx_t *ctx);


ngx_int_t
ngx_http_compliance_identify(ngx_http_request_t *r,
    ngx_http_compliance_ctx_t *ctx)
{
    ngx_int_t              rc;
    compliance_rc_t        fault;
    compliance_request_t  *request;

    request = &ctx->check->request;

    request->protocol = ctx->conf->protocol;
    request->identity = COMPLIANCE_OK;
    request->dry_run = ctx->conf->dry_run;

    fault = ngx_http_compliance_headers_scan(r, ctx);

    ngx_http_compliance_client(r, ctx);

    if (fault == COMPLIANCE_OK) {
        fault = ngx_http_compliance_path(r, ctx);
    }

    if (fault != COMPLIANCE_OK) {
        ngx_http_compliance_refuse(ctx, fault, ctx->why);
        goto refused;
    }

    if (request->protocol == COMPLIANCE_EAS) {

        rc = ngx_http_compliance_eas(r, ctx);
        if (rc == NGX_ERROR) {
            return rc;
        }

    } else if (request->protocol == COMPLIANCE_AUTODISCOVER) {
        request->device_free = 1;
    }

    if (request->identity != COMPLIANCE_OK) {
        goto refused;
    }

    rc = ngx_http_compliance_user(r, ctx);

    if (rc == NGX_OK && request->identity == COMPLIANCE_OK) {
        rc = ngx_http_compliance_device(r, ctx);
    }

    if (rc == NGX_ERROR) {
        return rc;
    }

    if (request->identity != COMPLIANCE_OK) {
        goto refused;
    }

    /* by now every variable that names a source was read */

    if (ngx_http_compliance_headers_strip(r, ctx) != NGX_OK) {
        return NGX_ERROR;
    }

    if (ctx->credential || (ctx->challenge && ctx->conf->dry_run)) {
        return rc;
    }

    return ngx_http_compliance_drop_credential(r, ctx) == NGX_OK ? rc
                                                                 : NGX_ERROR;

refused:

    /* a login that cannot be read may hold a tag that somebody logs */

    return ngx_http_compliance_drop_credential(r, ctx);
}


/* The spelling the client chose, not what nginx made of it. */
static compliance_rc_t
ngx_http_compliance_path(ngx_http_request_t *r, ngx_http_compliance_ctx_t *ctx)
{
    u_char  *end, *last;

    last = r->unparsed_uri.data + r->unparsed_uri.len;

    if (r->unparsed_uri.len == 0) {
        ctx->why = "no path";
        return COMPLIANCE_MALFORMED;
    }

    /* nginx ends there, what it passes on does not */

    if (ngx_strlchr(r->unparsed_uri.data, last, '#') != NULL) {
        ctx->why = "fragment";
        return COMPLIANCE_AMBIGUOUS;
    }

    end = ngx_strlchr(r->unparsed_uri.data, last, '?');
    if (end == NULL) {
        end = last;
    }

    return compliance_path_check((compliance_str_t) {
                                     (char *) r->unparsed_uri.data,
                                     (size_t) (end - r->unparsed_uri.data) },
                                 &ctx->why);
}


static ngx_int_t
ngx_http_compliance_eas(ngx_http_request_t *r, ngx_http_compliance_ctx_t *ctx)
{
    char                   text[2 * COMPLIANCE_EAS_QUERY_MAX];
    ngx_str_t              query;
    const char            *why, *command;
    compliance_rc_t        rc;
    compliance_buf_t       canonical;
    compliance_str_t       raw;
    compliance_request_t  *request;

    request = &ctx->check->request;
    why = "query";

    raw = r->args.len ? ngx_http_compliance_slice(&r->args)
                      : compliance_absent;

    compliance_buf_init(&canonical, text, sizeof(text));

    rc = compliance_eas_parse(raw,
                              ngx_http_compliance_header(ctx,
                                              NGX_HTTP_COMPLIANCE_EAS_VERSION),
                              r->method == NGX_HTTP_OPTIONS, ctx->eas,
                              &canonical, &why);

    if (rc == COMPLIANCE_OK && canonical.overflow) {
        rc = COMPLIANCE_TOO_LONG;
    }

    if (rc != COMPLIANCE_OK) {
        return ngx_http_compliance_refuse(ctx, rc, why);
    }

    request->device_free = ctx->eas->options;
    request->user_hint = ctx->eas->user;
    request->device_type = (compliance_str_t) { ctx->eas->device_type,
                                            ngx_strlen(ctx->eas->device_type) };

    command = ctx->eas->options
              ? "OPTIONS" : compliance_eas_command_name(ctx->eas->command);

    ctx->check->command.data = (u_char *) command;
    ctx->check->command.len = ngx_strlen(command);

    if (canonical.len == r->args.len
        && (canonical.len == 0
            || ngx_memcmp(text, r->args.data, canonical.len) == 0))
    {
        return NGX_OK;
    }

    query.len = canonical.len;
    query.data = (u_char *) text;

    return ngx_http_compliance_set_query(r, &query);
}


static ngx_int_t
ngx_http_compliance_device(ngx_http_request_t *r,
    ngx_http_compliance_ctx_t *ctx)
{
    ngx_str_t                   value;
    ngx_uint_t                  i, devices;
    compliance_rc_t             rc;
    compliance_claim_t         *claim;
    compliance_request_t       *request;
    ngx_http_complex_value_t  **cv;

    request = &ctx->check->request;
    request->n_claims = 0;

    if (request->device_free) {
        return NGX_OK;
    }

    devices = ctx->conf->devices.resolved;
    claim = request->claims;

    if (devices & NGX_HTTP_COMPLIANCE_DEVICE_EAS) {
        claim->source = COMPLIANCE_DEVICE_FROM_EAS;
        claim->id = ctx->eas->device_id;
        claim->fingerprint[0] = '\0';
        claim++;
    }

    if (devices & NGX_HTTP_COMPLIANCE_DEVICE_CERTIFICATE
        && ngx_compliance_certificate(r->connection,
                                      claim->fingerprint) == NGX_OK)
    {
        claim->source = COMPLIANCE_DEVICE_FROM_CERTIFICATE;
        claim->id.len = 0;
        claim->id.data[0] = '\0';
        claim++;
    }

    if (devices & NGX_HTTP_COMPLIANCE_DEVICE_LOGIN_TAG
        && ctx->tag.len)
    {
        claim->source = ctx->tag_source;
        claim->id.len = ctx->tag.len;
        ngx_memcpy(claim->id.data, ctx->tag.data, ctx->tag.len);
        claim->id.data[claim->id.len] = '\0';
        claim->fingerprint[0] = '\0';
        claim++;
    }

    if (devices & NGX_HTTP_COMPLIANCE_DEVICE_VALUE) {

        cv = ctx->conf->devices.values->elts;

        for (i = 0; i < ctx->conf->devices.values->nelts; i++) {

            if (ngx_http_complex_value(r, cv[i], &value) != NGX_OK) {
                return NGX_ERROR;
            }

            if (value.len == 0) {
                continue;
            }

            claim->source = COMPLIANCE_DEVICE_FROM_VARIABLE;
            claim->fingerprint[0] = '\0';

            rc = compliance_device_id_parse(ngx_http_compliance_slice(&value),
                                            &claim->id);
            if (rc != COMPLIANCE_OK) {
                return ngx_http_compliance_refuse(ctx, rc, "device");
            }

            claim++;
        }
    }

    request->n_claims = claim - request->claims;

    return NGX_OK;
}


ngx_int_t
ngx_http_compliance_refuse(ngx_http_compliance_ctx_t *ctx, compliance_rc_t rc,
    const char *why)
{
    compliance_request_t  *request;

    request = &ctx->check->request;

    request->identity = (rc == COMPLIANCE_AMBIGUOUS) ? COMPLIANCE_AMBIGUOUS
                                                     : COMPLIANCE_MALFORMED;
    request->n_claims = 0;
    request->user.len = 0;
    request->user.data[0] = '\0';
    request->user_hint.len = 0;
    request->user_source = COMPLIANCE_USER_FROM_NONE;

    ctx->credential = 0;
    ctx->why = why;

    return NGX_OK;
}


/* What else groups look at, and what the audit holds. */
static void
ngx_http_compliance_client(ngx_http_request_t *r,
    ngx_http_compliance_ctx_t *ctx)
{
    compliance_request_t  *request;

    request = &ctx->check->request;

    ngx_http_compliance_address(r, request);

    request->user_agent = ngx_http_compliance_header(ctx,
                                              NGX_HTTP_COMPLIANCE_USER_AGENT);
    request->device_type = compliance_absent;

    ctx->check->client = r->connection->addr_text;
    ctx->check->command = r->method_name;
    ctx->check->log = r->connection->log;

    ctx->access = compliance_access_classify(
                      ngx_http_compliance_slice(&r->method_name),
                      ngx_http_compliance_header(ctx,
                                           NGX_HTTP_COMPLIANCE_SEC_FETCH_MODE),
                      ngx_http_compliance_header(ctx,
                                           NGX_HTTP_COMPLIANCE_SEC_FETCH_DEST),
                      ngx_http_compliance_header(ctx,
                                           NGX_HTTP_COMPLIANCE_ACCEPT),
                      ngx_http_compliance_header(ctx,
                                           NGX_HTTP_COMPLIANCE_REQUESTED_WITH));
}


static void
ngx_http_compliance_address(ngx_http_request_t *r,
    compliance_request_t *request)
{
    struct sockaddr_in   *sin;
#if (NGX_HAVE_INET6)
    struct sockaddr_in6  *sin6;
#endif

    request->has_address = 0;

    switch (r->connection->sockaddr->sa_family) {

#if (NGX_HAVE_INET6)
    case AF_INET6:
        sin6 = (struct sockaddr_in6 *) r->connection->sockaddr;
        ngx_memcpy(request->address, &sin6->sin6_addr, 16);
        request->has_address = 1;
        break;
#endif

    case AF_INET:
        sin = (struct sockaddr_in *) r->connection->sockaddr;
        ngx_memzero(request->address, 10);
        request->address[10] = 0xff;
        request->address[11] = 0xff;
        ngx_memcpy(&request->address[12], &sin->sin_addr, 4);
        request->has_address = 1;
        break;

    default:    /* AF_UNIX: no network it could be of */
        break;
    }
}
