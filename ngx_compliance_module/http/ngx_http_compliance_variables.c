/*
 * Variables: what was decided, and about whom, for access_log and
 * proxy_set_header.  They belong to the main request and are evaluated each
 * time: what they tell changes while the request is judged.
 */
#include "ngx_http_compliance.h"


typedef void (*ngx_http_compliance_variable_pt)(ngx_http_compliance_ctx_t *ctx,
    ngx_str_t *value);


static ngx_int_t ngx_http_compliance_variable(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data);
static void ngx_http_compliance_text_value(ngx_str_t *value, const char *text);
static void ngx_http_compliance_verdict(ngx_http_compliance_ctx_t *ctx,
    ngx_str_t *value);
static void ngx_http_compliance_reason(ngx_http_compliance_ctx_t *ctx,
    ngx_str_t *value);
static void ngx_http_compliance_device_value(ngx_http_compliance_ctx_t *ctx,
    ngx_str_t *value);
static void ngx_http_compliance_user_name(ngx_http_compliance_ctx_t *ctx,
    ngx_str_t *value);
static void ngx_http_compliance_group(ngx_http_compliance_ctx_t *ctx,
    ngx_str_t *value);
static void ngx_http_compliance_would_block(ngx_http_compliance_ctx_t *ctx,
    ngx_str_t *value);
static void ngx_http_compliance_cache(ngx_http_compliance_ctx_t *ctx,
    ngx_str_t *value);
static void ngx_http_compliance_id(ngx_http_compliance_ctx_t *ctx,
    ngx_str_t *value);
static void ngx_http_compliance_eas_cmd(ngx_http_compliance_ctx_t *ctx,
    ngx_str_t *value);
static void ngx_http_compliance_eas_device_id(ngx_http_compliance_ctx_t *ctx,
    ngx_str_t *value);
static void ngx_http_compliance_eas_device_type(ngx_http_compliance_ctx_t *ctx,
    ngx_str_t *value);
static void ngx_http_compliance_eas_user(ngx_http_compliance_ctx_t *ctx,
    ngx_str_t *value);


static struct {
    ngx_str_t                        name;
    ngx_http_compliance_variable_pt  get;
} ngx_http_compliance_variables[] = {
    { ngx_string("compliance_verdict"), ngx_http_compliance_verdict },
    { ngx_string("compliance_reason"), ngx_http_compliance_reason },
    { ngx_string("compliance_device"), ngx_http_compliance_device_value },
    { ngx_string("compliance_user"), ngx_http_compliance_user_name },
    { ngx_string("compliance_group"), ngx_http_compliance_group },
    { ngx_string("compliance_would_block"), ngx_http_compliance_would_block },
    { ngx_string("compliance_cache"), ngx_http_compliance_cache },
    { ngx_string("compliance_id"), ngx_http_compliance_id },
    { ngx_string("eas_cmd"), ngx_http_compliance_eas_cmd },
    { ngx_string("eas_device_id"), ngx_http_compliance_eas_device_id },
    { ngx_string("eas_device_type"), ngx_http_compliance_eas_device_type },
    { ngx_string("eas_user"), ngx_http_compliance_eas_user },
    { ngx_null_string, NULL }
};


ngx_int_t
ngx_http_compliance_add_variables(ngx_conf_t *cf)
{
    ngx_uint_t            i;
    ngx_http_variable_t  *var;

    for (i = 0; ngx_http_compliance_variables[i].name.len; i++) {

        var = ngx_http_add_variable(cf, &ngx_http_compliance_variables[i].name,
                                    NGX_HTTP_VAR_NOCACHEABLE);
        if (var == NULL) {
            return NGX_ERROR;
        }

        var->get_handler = ngx_http_compliance_variable;
        var->data = i;
    }

    return NGX_OK;
}


static ngx_int_t
ngx_http_compliance_variable(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data)
{
    ngx_str_t                   value;
    ngx_http_compliance_ctx_t  *ctx;

    ctx = ngx_http_compliance_get_ctx(r, NULL);

    ngx_str_null(&value);

    if (ctx != NULL) {
        ngx_http_compliance_variables[data].get(ctx, &value);
    }

    if (value.len == 0) {
        v->not_found = 1;
        return NGX_OK;
    }

    v->len = value.len;
    v->data = value.data;
    v->valid = 1;
    v->no_cacheable = 0;
    v->not_found = 0;

    return NGX_OK;
}


static void
ngx_http_compliance_text_value(ngx_str_t *value, const char *text)
{
    value->data = (u_char *) text;
    value->len = ngx_strlen(text);
}


static void
ngx_http_compliance_verdict(ngx_http_compliance_ctx_t *ctx, ngx_str_t *value)
{
    if (ctx->challenge) {
        ngx_str_set(value, "challenge");
        return;
    }

    ngx_http_compliance_text_value(value,
                     compliance_verdict_name(ctx->check.decision.verdict));
}


static void
ngx_http_compliance_reason(ngx_http_compliance_ctx_t *ctx, ngx_str_t *value)
{
    compliance_reason_t  reason;

    reason = ctx->check.decision.reason;

    if (reason != COMPLIANCE_REASON_NONE) {
        ngx_http_compliance_text_value(value, compliance_reason_name(reason));
    }
}


/* The record that was found, else the id the client presented. */
static void
ngx_http_compliance_device_value(ngx_http_compliance_ctx_t *ctx,
    ngx_str_t *value)
{
    compliance_claim_t  *claim;

    if (ctx->check.facts.device_presence == COMPLIANCE_PRESENT) {
        value->data = (u_char *) ctx->check.facts.device.id.data;
        value->len = ctx->check.facts.device.id.len;
        return;
    }

    if (ctx->check.request.n_claims == 0) {
        return;
    }

    claim = &ctx->check.request.claims[0];

    ngx_http_compliance_text_value(value, claim->id.len ? claim->id.data
                                                        : claim->fingerprint);
}


static void
ngx_http_compliance_user_name(ngx_http_compliance_ctx_t *ctx,
    ngx_str_t *value)
{
    compliance_principal_t  *user;

    user = &ctx->check.facts.user.principal;

    if (!ctx->check.facts.user_claimed || user->len == 0) {
        user = &ctx->check.request.user;
    }

    value->data = (u_char *) user->data;
    value->len = user->len;
}


static void
ngx_http_compliance_group(ngx_http_compliance_ctx_t *ctx, ngx_str_t *value)
{
    ngx_http_compliance_text_value(value, ctx->check.group);
}


static void
ngx_http_compliance_would_block(ngx_http_compliance_ctx_t *ctx,
    ngx_str_t *value)
{
    compliance_reason_t  reason;

    reason = ctx->check.decision.would_reason;

    if (ctx->check.decision.would_block) {
        ngx_http_compliance_text_value(value, compliance_reason_name(reason));
    }
}


static void
ngx_http_compliance_cache(ngx_http_compliance_ctx_t *ctx, ngx_str_t *value)
{
    if (!ctx->challenge) {
        ngx_str_set(value, "bypass");
    }
}


static void
ngx_http_compliance_id(ngx_http_compliance_ctx_t *ctx, ngx_str_t *value)
{
    ngx_http_compliance_text_value(value, ctx->check.id);
}


static void
ngx_http_compliance_eas_cmd(ngx_http_compliance_ctx_t *ctx, ngx_str_t *value)
{
    if (ctx->eas.options) {
        ngx_str_set(value, "OPTIONS");

    } else if (ctx->eas.command != COMPLIANCE_EAS_NONE) {
        ngx_http_compliance_text_value(value,
                               compliance_eas_command_name(ctx->eas.command));
    }
}


static void
ngx_http_compliance_eas_device_id(ngx_http_compliance_ctx_t *ctx,
    ngx_str_t *value)
{
    value->data = (u_char *) ctx->eas.device_id.data;
    value->len = ctx->eas.device_id.len;
}


static void
ngx_http_compliance_eas_device_type(ngx_http_compliance_ctx_t *ctx,
    ngx_str_t *value)
{
    ngx_http_compliance_text_value(value, ctx->eas.device_type);
}


static void
ngx_http_compliance_eas_user(ngx_http_compliance_ctx_t *ctx, ngx_str_t *value)
{
    value->data = (u_char *) ctx->eas.user.data;
    value->len = ctx->eas.user.len;
}
