/*
 * Variables: what was decided, and about whom, for access_log and
 * proxy_set_header.  They belong to the main request and are evaluated each
 * time: what they tell changes while the request is judged.
 */
#include "ngx_http_compliance.h"


static ngx_int_t ngx_http_compliance_variable_verdict(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data);
static ngx_int_t ngx_http_compliance_variable_reason(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data);
static ngx_int_t ngx_http_compliance_variable_cache(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data);
static ngx_int_t ngx_http_compliance_variable_text(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data);
static ngx_int_t ngx_http_compliance_set_value(ngx_http_variable_value_t *v,
    const char *text);


#define ngx_http_compliance_told_offset(field)                                \
    offsetof(ngx_http_compliance_ctx_t, told)                                 \
    + offsetof(ngx_http_compliance_told_t, field)


static ngx_http_variable_t  ngx_http_compliance_variables[] = {

    { ngx_string("compliance_verdict"), NULL,
      ngx_http_compliance_variable_verdict,
      0, NGX_HTTP_VAR_NOCACHEABLE, 0 },

    { ngx_string("compliance_reason"), NULL,
      ngx_http_compliance_variable_reason,
      ngx_http_compliance_told_offset(reason), NGX_HTTP_VAR_NOCACHEABLE, 0 },

    { ngx_string("compliance_would_block"), NULL,
      ngx_http_compliance_variable_reason,
      ngx_http_compliance_told_offset(would_reason),
      NGX_HTTP_VAR_NOCACHEABLE, 0 },

    { ngx_string("compliance_device"), NULL,
      ngx_http_compliance_variable_text,
      ngx_http_compliance_told_offset(device), NGX_HTTP_VAR_NOCACHEABLE, 0 },

    { ngx_string("compliance_user"), NULL,
      ngx_http_compliance_variable_text,
      ngx_http_compliance_told_offset(user), NGX_HTTP_VAR_NOCACHEABLE, 0 },

    { ngx_string("compliance_group"), NULL,
      ngx_http_compliance_variable_text,
      ngx_http_compliance_told_offset(group), NGX_HTTP_VAR_NOCACHEABLE, 0 },

    { ngx_string("compliance_id"), NULL,
      ngx_http_compliance_variable_text,
      ngx_http_compliance_told_offset(id), NGX_HTTP_VAR_NOCACHEABLE, 0 },

    { ngx_string("compliance_cache"), NULL,
      ngx_http_compliance_variable_cache,
      0, NGX_HTTP_VAR_NOCACHEABLE, 0 },

    { ngx_string("eas_cmd"), NULL,
      ngx_http_compliance_variable_text,
      ngx_http_compliance_told_offset(eas_cmd), NGX_HTTP_VAR_NOCACHEABLE, 0 },

    { ngx_string("eas_device_id"), NULL,
      ngx_http_compliance_variable_text,
      ngx_http_compliance_told_offset(eas_device_id),
      NGX_HTTP_VAR_NOCACHEABLE, 0 },

    { ngx_string("eas_device_type"), NULL,
      ngx_http_compliance_variable_text,
      ngx_http_compliance_told_offset(eas_device_type),
      NGX_HTTP_VAR_NOCACHEABLE, 0 },

    { ngx_string("eas_user"), NULL,
      ngx_http_compliance_variable_text,
      ngx_http_compliance_told_offset(eas_user), NGX_HTTP_VAR_NOCACHEABLE, 0 },

      ngx_http_null_variable
};


ngx_int_t
ngx_http_compliance_add_variables(ngx_conf_t *cf)
{
    ngx_http_variable_t  *var, *v;

    for (v = ngx_http_compliance_variables; v->name.len; v++) {

        var = ngx_http_add_variable(cf, &v->name, v->flags);
        if (var == NULL) {
            return NGX_ERROR;
        }

        var->get_handler = v->get_handler;
        var->data = v->data;
    }

    return NGX_OK;
}


static ngx_int_t
ngx_http_compliance_variable_verdict(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data)
{
    ngx_http_compliance_ctx_t  *ctx;

    ctx = ngx_http_compliance_get_ctx(r, NULL);

    if (ctx == NULL || (ctx->stage != NGX_HTTP_COMPLIANCE_ALLOWED
                        && ctx->stage != NGX_HTTP_COMPLIANCE_DENIED
                        && ctx->stage != NGX_HTTP_COMPLIANCE_DELAYED))
    {
        v->not_found = 1;
        return NGX_OK;
    }

    return ngx_http_compliance_set_value(v, ctx->challenge
                               ? "challenge"
                               : compliance_verdict_name(ctx->told.verdict));
}


static ngx_int_t
ngx_http_compliance_variable_reason(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data)
{
    compliance_reason_t        *reason;
    ngx_http_compliance_ctx_t  *ctx;

    ctx = ngx_http_compliance_get_ctx(r, NULL);

    if (ctx == NULL) {
        v->not_found = 1;
        return NGX_OK;
    }

    reason = (compliance_reason_t *) ((u_char *) ctx + data);

    return ngx_http_compliance_set_value(v, *reason == COMPLIANCE_REASON_NONE
                                            ? ""
                                            : compliance_reason_name(*reason));
}


/* Where nothing was looked up, nothing can have been found in a cache. */
static ngx_int_t
ngx_http_compliance_variable_cache(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data)
{
    ngx_http_compliance_ctx_t  *ctx;

    ctx = ngx_http_compliance_get_ctx(r, NULL);

    return ngx_http_compliance_set_value(v, ctx && !ctx->challenge ? "bypass"
                                                                   : "");
}


/* data: the offset of an ngx_str_t in the context. */
static ngx_int_t
ngx_http_compliance_variable_text(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data)
{
    ngx_str_t                  *text;
    ngx_http_compliance_ctx_t  *ctx;

    ctx = ngx_http_compliance_get_ctx(r, NULL);

    if (ctx == NULL) {
        v->not_found = 1;
        return NGX_OK;
    }

    text = (ngx_str_t *) ((u_char *) ctx + data);

    if (text->len == 0) {
        v->not_found = 1;
        return NGX_OK;
    }

    v->len = text->len;
    v->data = text->data;
    v->valid = 1;
    v->no_cacheable = 0;
    v->not_found = 0;

    return NGX_OK;
}


/* text: a literal; "" is no value. */
static ngx_int_t
ngx_http_compliance_set_value(ngx_http_variable_value_t *v, const char *text)
{
    v->len = ngx_strlen(text);

    if (v->len == 0) {
        v->not_found = 1;
        return NGX_OK;
    }

    v->data = (u_char *) text;
    v->valid = 1;
    v->no_cacheable = 0;
    v->not_found = 0;

    return NGX_OK;
}
