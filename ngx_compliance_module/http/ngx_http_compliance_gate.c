/*
 * The gate: identify -> check -> act, a stage after another; nginx calls the
 * handler again whenever what a stage waits for has come.
 *
 * Invariants: a request goes on (NGX_DECLINED) in one place only, behind an
 * allow; what is denied gets its answer from here and is finalized, so that no
 * error_page is asked; and it stays denied, whatever redirect may follow.
 */
#include "ngx_http_compliance.h"


static ngx_int_t ngx_http_compliance_subrequest(ngx_http_request_t *r,
    ngx_http_compliance_loc_conf_t *conf, ngx_http_compliance_ctx_t *ctx);
static ngx_int_t ngx_http_compliance_moved(ngx_http_request_t *r,
    ngx_http_compliance_loc_conf_t *conf, ngx_http_compliance_ctx_t *ctx);
static ngx_uint_t ngx_http_compliance_same(
    const ngx_http_compliance_loc_conf_t *a,
    const ngx_http_compliance_loc_conf_t *b);
static ngx_int_t ngx_http_compliance_step(ngx_http_request_t *r,
    ngx_http_compliance_ctx_t *ctx);
static ngx_int_t ngx_http_compliance_judge(ngx_http_request_t *r,
    ngx_http_compliance_ctx_t *ctx);
static ngx_int_t ngx_http_compliance_check(ngx_http_request_t *r,
    ngx_http_compliance_ctx_t *ctx, ngx_http_compliance_stage_e stage);
static ngx_int_t ngx_http_compliance_decided(ngx_http_request_t *r,
    ngx_http_compliance_ctx_t *ctx);
static ngx_int_t ngx_http_compliance_read_body(ngx_http_request_t *r,
    ngx_http_compliance_ctx_t *ctx, ngx_http_compliance_stage_e stage);
static void ngx_http_compliance_body_handler(ngx_http_request_t *r);
static ngx_int_t ngx_http_compliance_pass(ngx_http_request_t *r,
    ngx_http_compliance_ctx_t *ctx);
static ngx_int_t ngx_http_compliance_deny(ngx_http_request_t *r,
    ngx_http_compliance_ctx_t *ctx);
static void ngx_http_compliance_fail(ngx_http_request_t *r,
    ngx_http_compliance_ctx_t *ctx, ngx_uint_t status);
static ngx_int_t ngx_http_compliance_delay(ngx_http_request_t *r,
    ngx_http_compliance_ctx_t *ctx, ngx_msec_t delay);
static void ngx_http_compliance_delayed(ngx_http_request_t *r);
static ngx_int_t ngx_http_compliance_finish(ngx_http_request_t *r,
    ngx_http_compliance_ctx_t *ctx);


ngx_int_t
ngx_http_compliance_handler(ngx_http_request_t *r)
{
    ngx_uint_t                       moved;
    ngx_http_compliance_ctx_t       *ctx;
    ngx_http_compliance_loc_conf_t  *conf;

    conf = ngx_http_get_module_loc_conf(r, ngx_http_compliance_module);

    ctx = ngx_http_compliance_get_ctx(r, &moved);

    if (r != r->main) {
        return ngx_http_compliance_subrequest(r, conf, ctx);
    }

    if (ctx == NULL) {

        if (!conf->enable) {
            return NGX_DECLINED;
        }

        ctx = ngx_http_compliance_create_ctx(r);
        if (ctx == NULL) {
            return NGX_ERROR;
        }

        if (ngx_http_compliance_reset(r, ctx, conf) != NGX_OK) {
            return NGX_ERROR;
        }

        return ngx_http_compliance_judge(r, ctx);
    }

    if (moved) {
        return ngx_http_compliance_moved(r, conf, ctx);
    }

    return ngx_http_compliance_step(r, ctx);
}


/* A subrequest asks for what its main request was allowed, or for nothing. */
static ngx_int_t
ngx_http_compliance_subrequest(ngx_http_request_t *r,
    ngx_http_compliance_loc_conf_t *conf, ngx_http_compliance_ctx_t *ctx)
{
    if (!conf->enable) {
        return NGX_DECLINED;
    }

    if (ctx != NULL && ctx->stage == NGX_HTTP_COMPLIANCE_ALLOWED
        && ngx_http_compliance_same(ctx->conf, conf))
    {
        return NGX_DECLINED;
    }

    ngx_log_error(NGX_LOG_ERR, r->connection->log, 0,
                  "compliance: subrequest \"%V\" denied: its main request was "
                  "not judged under the same rules", &r->uri);

    return NGX_HTTP_FORBIDDEN;
}


/* Here again, by an error_page, X-Accel-Redirect and the like. */
static ngx_int_t
ngx_http_compliance_moved(ngx_http_request_t *r,
    ngx_http_compliance_loc_conf_t *conf, ngx_http_compliance_ctx_t *ctx)
{
    switch (ctx->stage) {

    case NGX_HTTP_COMPLIANCE_ALLOWED:

        if (!conf->enable || ngx_http_compliance_same(ctx->conf, conf)) {
            return NGX_DECLINED;
        }

        ngx_http_set_ctx(r, ctx, ngx_http_compliance_module);

        if (ngx_http_compliance_reset(r, ctx, conf) != NGX_OK) {
            return NGX_ERROR;
        }

        return ngx_http_compliance_judge(r, ctx);

    case NGX_HTTP_COMPLIANCE_DENIED:
        break;

    case NGX_HTTP_COMPLIANCE_NEW:
    case NGX_HTTP_COMPLIANCE_CHECKING:
    case NGX_HTTP_COMPLIANCE_READING_LOGIN:
    case NGX_HTTP_COMPLIANCE_CHECKING_LOGIN:
    case NGX_HTTP_COMPLIANCE_READING_OPTIONS:
    case NGX_HTTP_COMPLIANCE_DELAYED:

        /* something failed on the way, as a body that is too large does: no
         * allow was spoken, so no location is open to it */

        if (ctx->check == NULL) {
            return NGX_ERROR;
        }

        ngx_compliance_check_cancel(ctx->check);
        ngx_http_compliance_fail(r, ctx, r->err_status);
        break;
    }

    ngx_http_set_ctx(r, ctx, ngx_http_compliance_module);

    return ngx_http_compliance_finish(r, ctx);
}


static ngx_uint_t
ngx_http_compliance_same(const ngx_http_compliance_loc_conf_t *a,
    const ngx_http_compliance_loc_conf_t *b)
{
    return a == b
           || (a->protocol == b->protocol
               && a->devices.resolved == b->devices.resolved
               && a->devices.values == b->devices.values
               && a->users.resolved == b->users.resolved
               && a->users.values == b->users.values
               && a->login_profile == b->login_profile
               && a->jwks == b->jwks
               && a->negotiate == b->negotiate
               && a->dry_run == b->dry_run);
}


static ngx_int_t
ngx_http_compliance_step(ngx_http_request_t *r, ngx_http_compliance_ctx_t *ctx)
{
    ngx_int_t  rc;

    switch (ctx->stage) {

    case NGX_HTTP_COMPLIANCE_CHECKING:
    case NGX_HTTP_COMPLIANCE_CHECKING_LOGIN:

        if (ctx->pending) {
            return NGX_AGAIN;
        }

        return ngx_http_compliance_decided(r, ctx);

    case NGX_HTTP_COMPLIANCE_READING_LOGIN:

        if (!ctx->body_read) {
            return NGX_AGAIN;
        }

        rc = ngx_http_compliance_login_end(r, ctx);

        if (rc == NGX_DECLINED) {
            return ngx_http_compliance_pass(r, ctx);
        }

        return ngx_http_compliance_check(r, ctx,
                                         NGX_HTTP_COMPLIANCE_CHECKING_LOGIN);

    case NGX_HTTP_COMPLIANCE_READING_OPTIONS:

        if (!ctx->body_read) {
            return NGX_AGAIN;
        }

        ngx_http_compliance_drop_body(r);

        return ngx_http_compliance_pass(r, ctx);

    case NGX_HTTP_COMPLIANCE_DELAYED:

        if (r->connection->write->delayed) {
            return NGX_AGAIN;
        }

        ctx->stage = NGX_HTTP_COMPLIANCE_DENIED;

        return ngx_http_compliance_finish(r, ctx);

    case NGX_HTTP_COMPLIANCE_ALLOWED:
        return NGX_DECLINED;

    case NGX_HTTP_COMPLIANCE_DENIED:
        return ngx_http_compliance_finish(r, ctx);

    case NGX_HTTP_COMPLIANCE_NEW:
        break;
    }

    return NGX_ERROR;
}


static ngx_int_t
ngx_http_compliance_judge(ngx_http_request_t *r, ngx_http_compliance_ctx_t *ctx)
{
    if (ctx->conf->protocol == COMPLIANCE_PROTOCOL_NONE) {
        ngx_log_error(NGX_LOG_ERR, r->connection->log, 0,
                      "compliance: denied: there is no "
                      "\"compliance_protocol\" here");
        ctx->check->decision.verdict = COMPLIANCE_TEMPFAIL;
        return ngx_http_compliance_deny(r, ctx);
    }

    switch (ngx_http_compliance_identify(r, ctx)) {

    case NGX_OK:
        return ngx_http_compliance_check(r, ctx, NGX_HTTP_COMPLIANCE_CHECKING);

    case NGX_DECLINED:

        if (ctx->conf->dry_run) {
            ctx->stage = NGX_HTTP_COMPLIANCE_ALLOWED;
            ngx_http_compliance_tell(r, ctx);
            ngx_http_compliance_release(r, ctx);
            return NGX_DECLINED;
        }

        return ngx_http_compliance_deny(r, ctx);

    default:
        return NGX_ERROR;
    }
}


static ngx_int_t
ngx_http_compliance_check(ngx_http_request_t *r,
    ngx_http_compliance_ctx_t *ctx, ngx_http_compliance_stage_e stage)
{
    ngx_connection_t  *c;

    ctx->stage = stage;

    if (ngx_compliance_check(ctx->check) != NGX_AGAIN) {
        return ngx_http_compliance_decided(r, ctx);
    }

    ctx->pending = 1;

    c = r->connection;

    if (!c->read->ready && ngx_handle_read_event(c->read, 0) != NGX_OK) {
        return NGX_ERROR;
    }

    r->read_event_handler = ngx_http_test_reading;
    r->write_event_handler = ngx_http_request_empty_handler;

    return NGX_AGAIN;
}


/* From the event loop. */
void
ngx_http_compliance_checked(ngx_compliance_check_t *check)
{
    ngx_connection_t           *c;
    ngx_http_request_t         *r;
    ngx_http_compliance_ctx_t  *ctx;

    r = check->data;
    c = r->connection;

    ngx_http_set_log_request(c->log, r);

    ctx = ngx_http_compliance_get_ctx(r, NULL);
    ctx->pending = 0;

    r->read_event_handler = ngx_http_block_reading;
    r->write_event_handler = ngx_http_core_run_phases;

    ngx_http_core_run_phases(r);
    ngx_http_run_posted_requests(c);
}


static ngx_int_t
ngx_http_compliance_decided(ngx_http_request_t *r,
    ngx_http_compliance_ctx_t *ctx)
{
    ngx_int_t  rc;

    if (ctx->check->decision.verdict != COMPLIANCE_ALLOW) {
        return ngx_http_compliance_deny(r, ctx);
    }

    if (ctx->stage == NGX_HTTP_COMPLIANCE_CHECKING_LOGIN) {
        return ngx_http_compliance_pass(r, ctx);
    }

    rc = ngx_http_compliance_login_begin(r, ctx);

    if (rc == NGX_ERROR) {
        return NGX_ERROR;
    }

    if (rc == NGX_OK) {
        return ngx_http_compliance_read_body(r, ctx,
                                         NGX_HTTP_COMPLIANCE_READING_LOGIN);
    }

    /* device-free: whatever a back end would make of its body, it may not */

    if (ctx->eas->options
        && (r->headers_in.content_length_n > 0 || r->headers_in.chunked))
    {
        return ngx_http_compliance_read_body(r, ctx,
                                         NGX_HTTP_COMPLIANCE_READING_OPTIONS);
    }

    return ngx_http_compliance_pass(r, ctx);
}


static ngx_int_t
ngx_http_compliance_read_body(ngx_http_request_t *r,
    ngx_http_compliance_ctx_t *ctx, ngx_http_compliance_stage_e stage)
{
    ngx_int_t  rc;

    ctx->stage = stage;

    rc = ngx_http_read_client_request_body(r, ngx_http_compliance_body_handler);

    if (rc >= NGX_HTTP_SPECIAL_RESPONSE) {
        ngx_http_compliance_fail(r, ctx, rc);

        r->keepalive = 0;
        r->lingering_close = 1;

        return ngx_http_compliance_finish(r, ctx);
    }

    ngx_http_finalize_request(r, NGX_DONE);

    return NGX_DONE;
}


static void
ngx_http_compliance_body_handler(ngx_http_request_t *r)
{
    ngx_http_compliance_ctx_t  *ctx;

    ctx = ngx_http_compliance_get_ctx(r, NULL);
    ctx->body_read = 1;

    r->write_event_handler = ngx_http_core_run_phases;
    ngx_http_core_run_phases(r);
}


/* The one way on. */
static ngx_int_t
ngx_http_compliance_pass(ngx_http_request_t *r, ngx_http_compliance_ctx_t *ctx)
{
    if (ctx->check->decision.verdict != COMPLIANCE_ALLOW
        || ngx_http_compliance_forward(r, ctx) != NGX_OK)
    {
        return NGX_ERROR;
    }

    ctx->stage = NGX_HTTP_COMPLIANCE_ALLOWED;

    ngx_http_compliance_log(r, ctx);
    ngx_http_compliance_tell(r, ctx);
    ngx_http_compliance_release(r, ctx);

    return NGX_DECLINED;
}


static ngx_int_t
ngx_http_compliance_deny(ngx_http_request_t *r, ngx_http_compliance_ctx_t *ctx)
{
    ngx_msec_t  delay;

    ngx_http_compliance_log(r, ctx);
    ngx_http_compliance_tell(r, ctx);

    if (ctx->check->decision.verdict == COMPLIANCE_BLOCK) {

        delay = ngx_compliance_block_delay(ctx->check);

        if (delay) {
            return ngx_http_compliance_delay(r, ctx, delay);
        }
    }

    ctx->stage = NGX_HTTP_COMPLIANCE_DENIED;

    return ngx_http_compliance_finish(r, ctx);
}


/* Its body could not be read, for which nginx has a status. */
static void
ngx_http_compliance_fail(ngx_http_request_t *r,
    ngx_http_compliance_ctx_t *ctx, ngx_uint_t status)
{
    ctx->check->decision.verdict = COMPLIANCE_TEMPFAIL;
    ctx->check->decision.reason = COMPLIANCE_REASON_NONE;
    ctx->status = status;
    ctx->stage = NGX_HTTP_COMPLIANCE_DENIED;

    ngx_http_compliance_tell(r, ctx);
}


/* As limit_req waits: nothing is held but the request and a timer. */
static ngx_int_t
ngx_http_compliance_delay(ngx_http_request_t *r,
    ngx_http_compliance_ctx_t *ctx, ngx_msec_t delay)
{
    ngx_connection_t  *c;

    c = r->connection;

    if (c->read->ready) {
        ngx_post_event(c->read, &ngx_posted_events);

    } else if (ngx_handle_read_event(c->read, 0) != NGX_OK) {
        return NGX_ERROR;
    }

    ctx->stage = NGX_HTTP_COMPLIANCE_DELAYED;

    r->read_event_handler = ngx_http_test_reading;
    r->write_event_handler = ngx_http_compliance_delayed;

    c->write->delayed = 1;
    ngx_add_timer(c->write, delay);

    return NGX_AGAIN;
}


static void
ngx_http_compliance_delayed(ngx_http_request_t *r)
{
    ngx_event_t  *wev;

    wev = r->connection->write;

    if (wev->delayed) {

        if (ngx_handle_write_event(wev, 0) != NGX_OK) {
            ngx_http_finalize_request(r, NGX_ERROR);
        }

        return;
    }

    if (ngx_handle_read_event(r->connection->read, 0) != NGX_OK) {
        ngx_http_finalize_request(r, NGX_ERROR);
        return;
    }

    r->read_event_handler = ngx_http_block_reading;
    r->write_event_handler = ngx_http_core_run_phases;

    ngx_http_core_run_phases(r);
}


/* Sends the answer and ends the request: no code is returned that nginx would
 * look up an error_page for. */
static ngx_int_t
ngx_http_compliance_finish(ngx_http_request_t *r,
    ngx_http_compliance_ctx_t *ctx)
{
    ngx_int_t  rc;

    if (r->header_sent) {

        /* the post_action of a location that is not gated itself */

        ngx_http_finalize_request(r, NGX_OK);
        return NGX_DONE;
    }

    rc = ngx_http_compliance_answer(r, ctx);

    ngx_http_finalize_request(r, rc > NGX_OK ? NGX_ERROR : rc);

    return NGX_DONE;
}
