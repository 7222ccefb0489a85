/*
 * One login attempt: identify -> ask -> act.  Every attempt is judged anew,
 * with a check of its own; what is left of the last one is forgotten first.
 *
 * The parser that brings the credentials is called from inside nginx's own
 * read handler, which still uses the connection afterwards.  So nothing is
 * acted upon here directly: the decision, however soon it comes, is posted and
 * acted upon when that handler has returned.
 */
#include "ngx_mail_compliance_module.h"

#include "../core/identify_mail.h"
#include "../core/names.h"


static ngx_compliance_check_t *ngx_mail_compliance_create_check(
    ngx_mail_session_t *s, ngx_mail_compliance_ctx_t *ctx);
static void ngx_mail_compliance_identify(ngx_mail_session_t *s,
    ngx_mail_compliance_ctx_t *ctx, compliance_rc_t identity,
    compliance_str_t login);
static compliance_rc_t ngx_mail_compliance_identify_login(
    compliance_request_t *request, ngx_uint_t devices, compliance_str_t login);
static ngx_int_t ngx_mail_compliance_certificate(ngx_mail_session_t *s,
    compliance_claim_t *claim);
static void ngx_mail_compliance_check_done(ngx_compliance_check_t *check);
static void ngx_mail_compliance_act(ngx_event_t *ev);
static ngx_int_t ngx_mail_compliance_set_login(ngx_mail_session_t *s,
    ngx_mail_compliance_ctx_t *ctx);


ngx_int_t
ngx_mail_compliance_judge(ngx_mail_session_t *s,
    ngx_mail_compliance_ctx_t *ctx, compliance_rc_t identity,
    compliance_str_t login, const char *command)
{
    ngx_connection_t        *c;
    ngx_compliance_check_t  *check;

    c = s->connection;

    check = ngx_mail_compliance_create_check(s, ctx);
    if (check == NULL) {
        return NGX_ERROR;
    }

    check->command.data = (u_char *) command;
    check->command.len = ngx_strlen(command);

    ngx_mail_compliance_identify(s, ctx, identity, login);

    s->login.len = 0;
    s->passwd = ctx->passwd.text;

    c->log->action = "checking compliance";
    c->read->handler = ngx_mail_compliance_wait_handler;

    if (ngx_compliance_check(check) == NGX_OK) {
        ngx_post_event(&ctx->decided, &ngx_posted_events);
    }

    return NGX_AGAIN;
}


static ngx_compliance_check_t *
ngx_mail_compliance_create_check(ngx_mail_session_t *s,
    ngx_mail_compliance_ctx_t *ctx)
{
    ngx_connection_t        *c;
    ngx_compliance_check_t  *check;

    c = s->connection;

    ngx_mail_compliance_forget(ctx);

    check = ngx_palloc(c->pool, sizeof(ngx_compliance_check_t));
    if (check == NULL) {
        return NULL;
    }

    ngx_compliance_check_init(check);

    check->client = c->addr_text;
    check->log = c->log;
    check->handler = ngx_mail_compliance_check_done;
    check->data = ctx;

    ctx->check = check;

    ctx->decided.handler = ngx_mail_compliance_act;
    ctx->decided.data = ctx;
    ctx->decided.log = c->log;

    return check;
}


void
ngx_mail_compliance_forget(ngx_mail_compliance_ctx_t *ctx)
{
    if (ctx->decided.posted) {
        ngx_delete_posted_event(&ctx->decided);
    }

    if (ctx->check == NULL) {
        return;
    }

    ngx_compliance_check_cancel(ctx->check);

    /* it is larger than the session: idle sessions do not keep one */

    (void) ngx_pfree(ctx->session->connection->pool, ctx->check);

    ctx->check = NULL;
}


static void
ngx_mail_compliance_identify(ngx_mail_session_t *s,
    ngx_mail_compliance_ctx_t *ctx, compliance_rc_t identity,
    compliance_str_t login)
{
    compliance_request_t            *request;
    ngx_mail_compliance_srv_conf_t  *mscf;

    mscf = ngx_mail_get_module_srv_conf(s, ngx_mail_compliance_module);

    request = &ctx->check->request;

    request->protocol = COMPLIANCE_IMAP;
    request->device_type = compliance_absent;
    request->user_agent = compliance_absent;

    if (ctx->agent_len) {
        request->user_agent.data = (char *) ctx->agent;
        request->user_agent.len = ctx->agent_len;
    }

    request->has_address = ngx_compliance_address(s->connection->sockaddr,
                                                  request->address);

    if ((mscf->devices & NGX_MAIL_COMPLIANCE_CERTIFICATE)
        && ngx_mail_compliance_certificate(s, &request->claims[0]) == NGX_OK)
    {
        request->n_claims = 1;
    }

    if (identity == COMPLIANCE_OK) {
        identity = ngx_mail_compliance_identify_login(request, mscf->devices,
                                                      login);
    }

    if (identity == COMPLIANCE_OK) {
        request->user_source = COMPLIANCE_USER_FROM_CREDENTIAL;
        return;
    }

    /* nobody: also a forged tag says nothing about who is asking */

    ngx_memzero(&request->user, sizeof(compliance_principal_t));

    request->user_source = COMPLIANCE_USER_FROM_NONE;
    request->identity = (identity == COMPLIANCE_AMBIGUOUS)
                        ? COMPLIANCE_AMBIGUOUS : COMPLIANCE_MALFORMED;
}


static compliance_rc_t
ngx_mail_compliance_identify_login(compliance_request_t *request,
    ngx_uint_t devices, compliance_str_t login)
{
    compliance_rc_t         rc;
    compliance_tag_t        tag;
    compliance_claim_t     *claim;
    ngx_compliance_conf_t  *conf;
    compliance_device_id_t  device;

    tag = COMPLIANCE_TAG_NONE;

    if (devices & NGX_MAIL_COMPLIANCE_LOGIN_TAG) {
        conf = ngx_compliance_get_conf((ngx_cycle_t *) ngx_cycle);

        rc = compliance_login_parse(login, conf->keys, &request->user, &device,
                                    &tag);

    } else {
        rc = compliance_principal_parse(login, &request->user);
    }

    if (rc != COMPLIANCE_OK || tag == COMPLIANCE_TAG_NONE) {
        return rc;
    }

    claim = &request->claims[request->n_claims++];

    claim->source = (tag == COMPLIANCE_TAG_SIGNED)
                    ? COMPLIANCE_DEVICE_FROM_SIGNED_TAG
                    : COMPLIANCE_DEVICE_FROM_TAG;
    claim->id = device;

    return COMPLIANCE_OK;
}


/* NGX_DECLINED: no certificate, or none that was verified. */

static ngx_int_t
ngx_mail_compliance_certificate(ngx_mail_session_t *s,
    compliance_claim_t *claim)
{
#if (NGX_MAIL_SSL)

    ngx_mail_ssl_conf_t  *sslcf;

    sslcf = ngx_mail_get_module_srv_conf(s, ngx_mail_ssl_module);

    if (sslcf->verify
        && ngx_compliance_certificate(s->connection, claim->fingerprint)
           == NGX_OK)
    {
        claim->source = COMPLIANCE_DEVICE_FROM_CERTIFICATE;
        return NGX_OK;
    }

#endif

    return NGX_DECLINED;
}


static void
ngx_mail_compliance_check_done(ngx_compliance_check_t *check)
{
    ngx_mail_compliance_ctx_t  *ctx;

    ctx = check->data;

    ngx_post_event(&ctx->decided, &ngx_posted_events);
}


static void
ngx_mail_compliance_act(ngx_event_t *ev)
{
    ngx_mail_session_t         *s;
    ngx_mail_compliance_ctx_t  *ctx;

    ctx = ev->data;
    s = ctx->session;

    ngx_log_debug2(NGX_LOG_DEBUG_MAIL, s->connection->log, 0,
                   "mail compliance: %s, %s",
                   compliance_verdict_name(ctx->check->decision.verdict),
                   compliance_reason_name(ctx->check->decision.reason));

    if (ngx_mail_compliance_set_login(s, ctx) != NGX_OK) {
        ngx_mail_compliance_forget(ctx);
        ngx_mail_session_internal_server_error(s);
        return;
    }

    if (ctx->check->decision.verdict != COMPLIANCE_ALLOW) {
        ngx_mail_compliance_refuse(s, ctx);
        return;
    }

    ngx_mail_compliance_forget(ctx);
    ngx_mail_compliance_proceed(s, ctx);
}


/* The canonical name, for the back end and for log lines. */

static ngx_int_t
ngx_mail_compliance_set_login(ngx_mail_session_t *s,
    ngx_mail_compliance_ctx_t *ctx)
{
    compliance_principal_t  *name;

    name = &ctx->check->facts.user.principal;

    if (name->len == 0) {
        name = &ctx->check->request.user;
    }

    if (name->len == 0) {
        return NGX_OK;
    }

    if (ngx_mail_compliance_keep(s->connection->pool, &ctx->login, name->data,
                                 name->len)
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    s->login = ctx->login.text;

    return NGX_OK;
}
