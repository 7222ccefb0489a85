/*
 * The one credential of a request, and whose it is.  Invariants: the user who
 * is judged is the one the back end will authenticate; when this returns, a
 * password is in no memory of ours and a login tag in no header line.
 */
#include "ngx_http_compliance.h"


static ngx_int_t ngx_http_compliance_basic(ngx_http_request_t *r,
    ngx_http_compliance_ctx_t *ctx, compliance_str_t credentials);
static ngx_int_t ngx_http_compliance_bearer(ngx_http_request_t *r,
    ngx_http_compliance_ctx_t *ctx, compliance_str_t credentials);
static ngx_int_t ngx_http_compliance_user_value(ngx_http_request_t *r,
    ngx_http_compliance_ctx_t *ctx);
static ngx_int_t ngx_http_compliance_ask(ngx_http_compliance_ctx_t *ctx);


/* NGX_OK: the user, or the fault, is in the request; NGX_DECLINED: to be asked
 * for.  Of what Authorization holds, only what is judged here stays. */
ngx_int_t
ngx_http_compliance_user(ngx_http_request_t *r, ngx_http_compliance_ctx_t *ctx)
{
    ngx_int_t              rc;
    ngx_uint_t             users, certificate;
    compliance_str_t       credentials;
    compliance_request_t  *request;

    users = ctx->conf->users.resolved;
    request = &ctx->check->request;

    ctx->scheme = COMPLIANCE_AUTH_NONE;
    credentials = compliance_absent;

    if (ctx->headers[NGX_HTTP_COMPLIANCE_AUTHORIZATION]) {
        ctx->scheme = compliance_auth_scheme(
                          ngx_http_compliance_header(ctx,
                                          NGX_HTTP_COMPLIANCE_AUTHORIZATION),
                          &credentials);
    }

    if (request->protocol != COMPLIANCE_WEB) {

        certificate = (ctx->conf->negotiate
                       == NGX_HTTP_COMPLIANCE_NEGOTIATE_CERTIFICATE);

        switch (ctx->scheme) {

        case COMPLIANCE_AUTH_BASIC:
            if (users & NGX_HTTP_COMPLIANCE_USER_BASIC) {
                return ngx_http_compliance_basic(r, ctx, credentials);
            }
            break;

        case COMPLIANCE_AUTH_BEARER:
            if (users & NGX_HTTP_COMPLIANCE_USER_BEARER) {
                return ngx_http_compliance_bearer(r, ctx, credentials);
            }
            break;

        case COMPLIANCE_AUTH_NEGOTIATE:

            /* it authenticates a connection: the certificate names the user */

            if (certificate) {
                ctx->credential = 1;
                request->user_source = COMPLIANCE_USER_FROM_OWNER;
                return NGX_OK;
            }
            return ngx_http_compliance_ask(ctx);

        case COMPLIANCE_AUTH_OTHER:
        case COMPLIANCE_AUTH_NONE:
            break;
        }
    }

    if (users & NGX_HTTP_COMPLIANCE_USER_VALUE) {
        rc = ngx_http_compliance_user_value(r, ctx);
        if (rc != NGX_DECLINED) {
            return rc;
        }
    }

    if ((users & NGX_HTTP_COMPLIANCE_USER_OWNER)
        && (request->protocol == COMPLIANCE_WEB
            || ctx->scheme == COMPLIANCE_AUTH_NONE))
    {
        request->user_source = COMPLIANCE_USER_FROM_OWNER;
        return NGX_OK;
    }

    if (request->protocol == COMPLIANCE_WEB) {
        request->user_source = COMPLIANCE_USER_FROM_NONE;
        return NGX_OK;
    }

    return ngx_http_compliance_ask(ctx);
}


static ngx_int_t
ngx_http_compliance_basic(ngx_http_request_t *r,
    ngx_http_compliance_ctx_t *ctx, compliance_str_t credentials)
{
    char                    scratch[COMPLIANCE_AUTHORIZATION_MAX];
    ngx_int_t               result;
    ngx_str_t              *line;
    compliance_rc_t         rc;
    compliance_str_t        name, password;
    compliance_tag_t        tag;
    compliance_request_t   *request;
    compliance_device_id_t  device;
    ngx_compliance_conf_t  *ccf;

    request = &ctx->check->request;

    tag = COMPLIANCE_TAG_NONE;
    device.len = 0;

    rc = compliance_basic_parse(credentials, scratch, sizeof(scratch), &name,
                                &password);

    if (rc != COMPLIANCE_OK) {
        ngx_explicit_memzero(scratch, sizeof(scratch));
        return ngx_http_compliance_refuse(ctx, rc, "Basic credentials");
    }

    if (ctx->conf->devices.resolved & NGX_HTTP_COMPLIANCE_DEVICE_LOGIN_TAG) {
        ccf = ngx_compliance_get_conf((ngx_cycle_t *) ngx_cycle);
        rc = compliance_login_parse(name, ccf->keys, &request->user, &device,
                                    &tag);

    } else {
        rc = compliance_principal_parse(name, &request->user);
    }

    line = &ctx->headers[NGX_HTTP_COMPLIANCE_AUTHORIZATION]->value;

    ctx->login_exact = (rc == COMPLIANCE_OK && tag == COMPLIANCE_TAG_NONE
                        && line->len == sizeof("Basic ") - 1 + credentials.len
                        && ngx_strncmp(line->data, "Basic ", 6) == 0
                        && name.len == request->user.len
                        && ngx_memcmp(name.data, request->user.data, name.len)
                           == 0);

    /* decoded, name and password are no longer than this */
    ngx_explicit_memzero(scratch, ngx_min(credentials.len, sizeof(scratch)));

    if (rc != COMPLIANCE_OK) {
        return ngx_http_compliance_refuse(ctx, rc, "login name");
    }

    ctx->credential = 1;
    request->user_source = COMPLIANCE_USER_FROM_CREDENTIAL;

    result = NGX_OK;

    switch (tag) {

    case COMPLIANCE_TAG_NONE:
        break;

    case COMPLIANCE_TAG_ASSERTED:
    case COMPLIANCE_TAG_SIGNED:
        ctx->tag.data = ngx_pnalloc(r->pool, device.len);
        if (ctx->tag.data == NULL) {
            return NGX_ERROR;
        }

        ngx_memcpy(ctx->tag.data, device.data, device.len);
        ctx->tag.len = device.len;
        ctx->tag_source = (tag == COMPLIANCE_TAG_SIGNED)
                          ? COMPLIANCE_DEVICE_FROM_SIGNED_TAG
                          : COMPLIANCE_DEVICE_FROM_TAG;

        /* cut off here: nothing logs it from now on */
        result = ngx_http_compliance_set_login(r, ctx, &request->user);
        break;
    }

    return result;
}


static ngx_int_t
ngx_http_compliance_bearer(ngx_http_request_t *r,
    ngx_http_compliance_ctx_t *ctx, compliance_str_t credentials)
{
    const char                  *why;
    compliance_rc_t              rc;
    compliance_request_t        *request;
    ngx_http_compliance_jwks_t  *jwks;

    jwks = ctx->conf->jwks;
    request = &ctx->check->request;
    why = "";

    rc = compliance_jwt_verify(jwks->keys, credentials,
                               jwks->issuer.len
                               ? ngx_http_compliance_slice(&jwks->issuer)
                               : compliance_absent,
                               jwks->audience.len
                               ? ngx_http_compliance_slice(&jwks->audience)
                               : compliance_absent,
                               (char *) jwks->claim.data, ngx_time(),
                               &request->user, &why);

    if (rc != COMPLIANCE_OK) {
        ngx_log_error(NGX_LOG_INFO, r->connection->log, 0,
                      "compliance: bearer token refused: %s", why);
        request->user.len = 0;
        return ngx_http_compliance_ask(ctx);
    }

    ctx->credential = 1;
    ctx->login_exact = 1;    /* the token is the login */
    request->user_source = COMPLIANCE_USER_FROM_CREDENTIAL;

    return NGX_OK;
}


/* A name the admin vouches for: the first variable that has a value. */
static ngx_int_t
ngx_http_compliance_user_value(ngx_http_request_t *r,
    ngx_http_compliance_ctx_t *ctx)
{
    ngx_str_t                   value;
    ngx_uint_t                  i;
    compliance_rc_t             rc;
    ngx_http_complex_value_t  **cv;

    cv = ctx->conf->users.values->elts;

    for (i = 0; i < ctx->conf->users.values->nelts; i++) {

        if (ngx_http_complex_value(r, cv[i], &value) != NGX_OK) {
            return NGX_ERROR;
        }

        if (value.len == 0) {
            continue;
        }

        rc = compliance_principal_parse(ngx_http_compliance_slice(&value),
                                        &ctx->check->request.user);
        if (rc != COMPLIANCE_OK) {
            return ngx_http_compliance_refuse(ctx, rc, "user");
        }

        ctx->check->request.user_source = COMPLIANCE_USER_FROM_CREDENTIAL;
        return NGX_OK;
    }

    return NGX_DECLINED;
}


static ngx_int_t
ngx_http_compliance_ask(ngx_http_compliance_ctx_t *ctx)
{
    ctx->challenge = 1;

    return NGX_DECLINED;
}
