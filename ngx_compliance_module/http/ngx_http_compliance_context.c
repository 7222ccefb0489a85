/*
 * A request's context: made once, found again behind every redirect, gone with
 * the request's pool; a lookup that is under way then is called off.  Most of
 * its memory is given back when the request is allowed.
 */
#include "ngx_http_compliance.h"


static void ngx_http_compliance_keep(ngx_http_request_t *r, ngx_str_t *to,
    const char *text);
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

    ngx_memzero(ctx, sizeof(ngx_http_compliance_ctx_t));

    cln->handler = ngx_http_compliance_cleanup;

    ngx_http_set_ctx(r, ctx, ngx_http_compliance_module);

    return ctx;
}


ngx_int_t
ngx_http_compliance_reset(ngx_http_request_t *r,
    ngx_http_compliance_ctx_t *ctx, ngx_http_compliance_loc_conf_t *conf)
{
    size_t                       head, tail;
    ngx_str_t                    tag;
    ngx_compliance_check_t      *check;
    compliance_device_source_t   source;
    ngx_http_compliance_work_t  *work;

    ngx_http_compliance_release(r, ctx);

    /* a login's tag was cut off when it was judged first */

    tag = ctx->tag;
    source = ctx->tag_source;

    ngx_memzero(ctx, sizeof(ngx_http_compliance_ctx_t));

    ctx->tag = tag;
    ctx->tag_source = source;
    ctx->conf = conf;

    work = ngx_palloc(r->pool, sizeof(ngx_http_compliance_work_t));
    if (work == NULL) {
        return NGX_ERROR;
    }

    check = &work->check;

    /* the lookup inside is large, and clears itself */

    head = offsetof(ngx_compliance_check_t, lookup);
    tail = offsetof(ngx_compliance_check_t, batch);

    ngx_memzero(check, head);
    ngx_memzero((u_char *) check + tail,
                sizeof(ngx_compliance_check_t) - tail);
    ngx_memzero(&work->eas, sizeof(compliance_eas_request_t));

    check->handler = ngx_http_compliance_checked;
    check->data = r;
    check->log = r->connection->log;

    ctx->check = check;
    ctx->eas = &work->eas;

    return NGX_OK;
}


void
ngx_http_compliance_release(ngx_http_request_t *r,
    ngx_http_compliance_ctx_t *ctx)
{
    ngx_http_compliance_work_t  *work;

    if (ctx->check == NULL) {
        return;
    }

    ngx_compliance_check_cancel(ctx->check);

    work = (ngx_http_compliance_work_t *)
               ((u_char *) ctx->check
                - offsetof(ngx_http_compliance_work_t, check));

    ctx->check = NULL;
    ctx->eas = NULL;

    /* larger than what a pool keeps in its blocks; else it stays there */
    (void) ngx_pfree(r->pool, work);
}


void
ngx_http_compliance_tell(ngx_http_request_t *r, ngx_http_compliance_ctx_t *ctx)
{
    const compliance_claim_t    *claim;
    const compliance_facts_t    *facts;
    compliance_eas_request_t    *eas;
    const compliance_request_t  *request;
    ngx_http_compliance_told_t  *told;

    eas = ctx->eas;
    told = &ctx->told;
    facts = &ctx->check->facts;
    request = &ctx->check->request;

    told->verdict = ctx->check->decision.verdict;
    told->reason = ctx->check->decision.reason;
    told->would_reason = ctx->check->decision.would_block
                         ? ctx->check->decision.would_reason
                         : COMPLIANCE_REASON_NONE;

    ngx_http_compliance_keep(r, &told->group, ctx->check->group);
    ngx_http_compliance_keep(r, &told->id, ctx->check->id);

    /* the record that was found, else what was presented */

    claim = &request->claims[0];

    if (facts->device_presence == COMPLIANCE_PRESENT) {
        ngx_http_compliance_keep(r, &told->device, facts->device.id.data);

    } else if (request->n_claims) {
        ngx_http_compliance_keep(r, &told->device, claim->id.len
                                                   ? claim->id.data
                                                   : claim->fingerprint);
    }

    if (facts->user_claimed && facts->user.principal.len) {
        ngx_http_compliance_keep(r, &told->user, facts->user.principal.data);

    } else {
        ngx_http_compliance_keep(r, &told->user, request->user.data);
    }

    if (eas->options || eas->command != COMPLIANCE_EAS_NONE) {
        told->eas_cmd = ctx->check->command;    /* a literal */
    }

    ngx_http_compliance_keep(r, &told->eas_device_id, eas->device_id.data);
    ngx_http_compliance_keep(r, &told->eas_device_type, eas->device_type);
    ngx_http_compliance_keep(r, &told->eas_user, eas->user.data);
}


static void
ngx_http_compliance_keep(ngx_http_request_t *r, ngx_str_t *to,
    const char *text)
{
    to->len = ngx_strlen(text);

    if (to->len == 0) {
        return;
    }

    to->data = ngx_pnalloc(r->pool, to->len);

    if (to->data == NULL) {
        to->len = 0;
        return;
    }

    ngx_memcpy(to->data, text, to->len);
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

    if (ctx->check) {
        ngx_compliance_check_cancel(ctx->check);
    }
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

    request = &ctx->check->request;
    decision = &ctx->check->decision;
    facts = &ctx->check->facts;
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
                  protocol, &ctx->check->command, user_len, user, device_len,
                  device, compliance_verdict_name(decision->verdict),
                  compliance_reason_name(decision->reason));
}
