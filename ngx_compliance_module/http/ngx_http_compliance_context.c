/*
 * A request's context: made once, found again behind every redirect, gone with
 * the request's pool; a lookup that is under way then is called off.
 */
#include "ngx_http_compliance.h"


static void ngx_http_compliance_cleanup(void *data);


ngx_http_compliance_ctx_t *
ngx_http_compliance_create_ctx(ngx_http_request_t *r)
{
    ngx_pool_cleanup_t         *cln;
    ngx_http_compliance_ctx_t  *ctx;

    cln = ngx_pool_cleanup_add(r->pool, sizeof(ngx_http_compliance_ctx_t));
    if (cln == NULL) {
        return NULL;
    }

    ctx = cln->data;

    ctx->tag.source = COMPLIANCE_DEVICE_FROM_NONE;
    ctx->check.waiting = 0;

    cln->handler = ngx_http_compliance_cleanup;

    ngx_http_set_ctx(r, ctx, ngx_http_compliance_module);

    return ctx;
}


/* The lookup inside is large, and clears itself: it is left out. */
void
ngx_http_compliance_reset(ngx_http_request_t *r,
    ngx_http_compliance_ctx_t *ctx, ngx_http_compliance_loc_conf_t *conf)
{
    size_t                   head, tail;
    compliance_claim_t       tag;
    ngx_compliance_check_t  *check;

    tag = ctx->tag;
    check = &ctx->check;

    ngx_compliance_check_cancel(check);

    head = offsetof(ngx_compliance_check_t, lookup);
    tail = offsetof(ngx_compliance_check_t, batch);

    ngx_memzero(ctx, offsetof(ngx_http_compliance_ctx_t, check));
    ngx_memzero(check, head);
    ngx_memzero((u_char *) check + tail,
                sizeof(ngx_compliance_check_t) - tail);

    /* a login's tag was cut off when it was judged first */
    ctx->tag = tag;

    ctx->request = r;
    ctx->conf = conf;
    ctx->stage = NGX_HTTP_COMPLIANCE_NEW;

    check->handler = ngx_http_compliance_checked;
    check->data = r;
    check->log = r->connection->log;
}


ngx_http_compliance_ctx_t *
ngx_http_compliance_get_ctx(ngx_http_request_t *r, ngx_uint_t *moved)
{
    ngx_pool_cleanup_t         *cln;
    ngx_http_compliance_ctx_t  *ctx;

    r = r->main;

    if (moved) {
        *moved = 0;
    }

    ctx = ngx_http_get_module_ctx(r, ngx_http_compliance_module);

    if (ctx != NULL || !r->internal) {
        return ctx;
    }

    for (cln = r->pool->cleanup; cln; cln = cln->next) {

        if (cln->handler == ngx_http_compliance_cleanup) {

            if (moved) {
                *moved = 1;
            }

            return cln->data;
        }
    }

    return NULL;
}


static void
ngx_http_compliance_cleanup(void *data)
{
    ngx_http_compliance_ctx_t  *ctx = data;

    ngx_compliance_check_cancel(&ctx->check);
}


/* Who asked; a block is told by the runtime, with its reason. */
void
ngx_http_compliance_log(ngx_http_request_t *r, ngx_http_compliance_ctx_t *ctx)
{
    size_t                     user_len, device_len;
    u_char                     user[COMPLIANCE_PRINCIPAL_MAX];
    u_char                     device[COMPLIANCE_DEVICE_ID_MAX];
    const char                *protocol;
    compliance_facts_t        *facts;
    compliance_request_t      *request;
    compliance_decision_t     *decision;

    if (r->connection->log->log_level < NGX_LOG_INFO) {
        return;
    }

    request = &ctx->check.request;
    decision = &ctx->check.decision;
    facts = &ctx->check.facts;
    protocol = compliance_protocol_name(request->protocol);

    if (ctx->challenge) {
        ngx_log_error(NGX_LOG_INFO, r->connection->log, 0,
                      "compliance: %s: asked for credentials", protocol);
        return;
    }

    if (request->identity != COMPLIANCE_OK) {
        ngx_log_error(NGX_LOG_INFO, r->connection->log, 0,
                      "compliance: %s: request refused: %s", protocol,
                      ctx->why ? ctx->why : "identity");
        return;
    }

    user_len = ngx_compliance_escape(user, sizeof(user), (compliance_str_t) {
                                         facts->user.principal.data,
                                         facts->user.principal.len });
    device_len = ngx_compliance_escape(device, sizeof(device),
                                       (compliance_str_t) {
                                           facts->device.id.data,
                                           facts->device.id.len });

    ngx_log_error(NGX_LOG_INFO, r->connection->log, 0,
                  "compliance: %s %V: user \"%*s\", device \"%*s\": %s, %s",
                  protocol, &ctx->check.command, user_len, user, device_len,
                  device, compliance_verdict_name(decision->verdict),
                  compliance_reason_name(decision->reason));
}
