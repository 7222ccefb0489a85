/*
 * IMAP before login, in place of nginx's own parser: it is called by nginx's
 * read handler with what the client sent so far, and
 *
 *   - returns NGX_OK for NOOP, CAPABILITY, LOGOUT and STARTTLS, which nginx's
 *     handler then answers,
 *   - answers ID and the steps of a SASL exchange itself,
 *   - hands complete credentials to ngx_mail_compliance_judge().
 *
 * nginx's own login functions are never reached: they log names as they came,
 * login tags included.
 */
#include "ngx_mail_compliance_module.h"


static ngx_int_t ngx_mail_compliance_command(ngx_mail_session_t *s,
    ngx_mail_compliance_ctx_t *ctx);
static ngx_int_t ngx_mail_compliance_complete(ngx_mail_session_t *s,
    ngx_mail_compliance_ctx_t *ctx, compliance_imap_t *command);
static ngx_int_t ngx_mail_compliance_login(ngx_mail_session_t *s,
    ngx_mail_compliance_ctx_t *ctx, compliance_imap_t *command);
static ngx_int_t ngx_mail_compliance_starttls(ngx_mail_session_t *s,
    ngx_mail_compliance_ctx_t *ctx, compliance_imap_t *command);
static ngx_int_t ngx_mail_compliance_id(ngx_mail_session_t *s,
    ngx_mail_compliance_ctx_t *ctx, compliance_imap_t *command);
static void ngx_mail_compliance_cleanup(void *data);


void
ngx_mail_compliance_init_session(ngx_mail_session_t *s, ngx_connection_t *c)
{
    ngx_pool_cleanup_t              *cln;
    ngx_mail_compliance_ctx_t       *ctx;
    ngx_mail_compliance_srv_conf_t  *mscf;

    mscf = ngx_mail_get_module_srv_conf(s, ngx_mail_compliance_module);

    ctx = ngx_pcalloc(c->pool, sizeof(ngx_mail_compliance_ctx_t));
    cln = ngx_pool_cleanup_add(c->pool, 0);

    if (ctx == NULL || cln == NULL) {
        ngx_mail_session_internal_server_error(s);
        return;
    }

    ctx->session = s;

    cln->handler = ngx_mail_compliance_cleanup;
    cln->data = ctx;

    ngx_mail_set_ctx(s, ctx, ngx_mail_compliance_module);

    /*
     * The answer of a site's auth service may hold a password, and nginx logs
     * each of its lines at debug level.  This log is the connection's own.
     */

    if (mscf->upstream == NULL) {
        c->log->log_level &= ~NGX_LOG_DEBUG_MAIL;
    }

    ngx_mail_imap_init_session(s, c);
}


static void
ngx_mail_compliance_cleanup(void *data)
{
    ngx_mail_compliance_ctx_t *ctx = data;

    ngx_mail_compliance_forget(ctx);
    ngx_mail_compliance_wipe(&ctx->username);
    ngx_mail_compliance_wipe(&ctx->passwd);
}


ngx_int_t
ngx_mail_compliance_parse_command(ngx_mail_session_t *s)
{
    ngx_mail_compliance_ctx_t  *ctx;

    ctx = ngx_mail_get_module_ctx(s, ngx_mail_compliance_module);

    switch (ctx->expect) {

    case NGX_MAIL_COMPLIANCE_COMMAND:
        return ngx_mail_compliance_command(s, ctx);

    case NGX_MAIL_COMPLIANCE_PLAIN:
    case NGX_MAIL_COMPLIANCE_USERNAME:
    case NGX_MAIL_COMPLIANCE_PASSWORD:
        return ngx_mail_compliance_sasl(s, ctx);
    }

    return NGX_ERROR;
}


static ngx_int_t
ngx_mail_compliance_command(ngx_mail_session_t *s,
    ngx_mail_compliance_ctx_t *ctx)
{
    ngx_int_t                 rc;
    compliance_str_t          in;
    compliance_imap_t         command;
    compliance_imap_status_t  status;

    in.data = (char *) s->buffer->pos;
    in.len = s->buffer->last - s->buffer->pos;

    status = compliance_imap_scan(in, s->buffer->end - s->buffer->start,
                                  ctx->granted, &command);

    if (status == COMPLIANCE_IMAP_MORE) {
        return ngx_mail_compliance_more(s);
    }

    ngx_mail_compliance_tag(s, ctx, &command.tag);

    switch (status) {

    case COMPLIANCE_IMAP_CONTINUE:

        if (command.command == COMPLIANCE_IMAP_LOGIN
            && ngx_mail_compliance_privacy(s))
        {
            ngx_mail_compliance_consume(s, command.used);
            ctx->granted = 0;

            return ngx_mail_compliance_fault(s, ctx, "NO [PRIVACYREQUIRED] "
                                             "STARTTLS is required" CRLF);
        }

        ctx->granted++;

        return NGX_IMAP_NEXT;

    case COMPLIANCE_IMAP_COMPLETE:
        ctx->granted = 0;
        rc = ngx_mail_compliance_complete(s, ctx, &command);

        /* its arguments are credentials, and were copied */

        ngx_mail_compliance_consume(s, command.used);

        if (rc == NGX_AGAIN) {
            return ngx_mail_compliance_more(s);
        }

        break;

    case COMPLIANCE_IMAP_BAD:
        ngx_log_error(NGX_LOG_INFO, s->connection->log, 0,
                      "client sent invalid command: %s", command.why);

        ctx->granted = 0;
        rc = NGX_MAIL_PARSE_INVALID_COMMAND;

        ngx_mail_compliance_consume(s, command.used);

        break;

    case COMPLIANCE_IMAP_MORE:
    case COMPLIANCE_IMAP_LOST:
        return ngx_mail_compliance_lost(s, command.why);
    }

    /* nginx answers, and would not look for what is unread */

    if (s->connection->read->ready) {
        s->blocked = 1;
    }

    return rc;
}


static ngx_int_t
ngx_mail_compliance_complete(ngx_mail_session_t *s,
    ngx_mail_compliance_ctx_t *ctx, compliance_imap_t *command)
{
    switch (command->command) {

    case COMPLIANCE_IMAP_LOGIN:
        return ngx_mail_compliance_login(s, ctx, command);

    case COMPLIANCE_IMAP_AUTHENTICATE:
        return ngx_mail_compliance_authenticate(s, ctx, command);

    case COMPLIANCE_IMAP_STARTTLS:
        return ngx_mail_compliance_starttls(s, ctx, command);

    case COMPLIANCE_IMAP_ID:
        return ngx_mail_compliance_id(s, ctx, command);

    case COMPLIANCE_IMAP_CAPABILITY:
        s->command = NGX_IMAP_CAPABILITY;
        return NGX_OK;

    case COMPLIANCE_IMAP_NOOP:
        s->command = NGX_IMAP_NOOP;
        return NGX_OK;

    case COMPLIANCE_IMAP_LOGOUT:
        s->command = NGX_IMAP_LOGOUT;
        return NGX_OK;

    case COMPLIANCE_IMAP_OTHER:
        break;
    }

    return NGX_MAIL_PARSE_INVALID_COMMAND;
}


static ngx_int_t
ngx_mail_compliance_login(ngx_mail_session_t *s,
    ngx_mail_compliance_ctx_t *ctx, compliance_imap_t *command)
{
    char                       name[NGX_MAIL_COMPLIANCE_LOGIN_MAX];
    size_t                     len;
    ngx_int_t                  rc;
    compliance_rc_t            identity;
    compliance_str_t           login;
    compliance_imap_string_t  *passwd;

    if (ngx_mail_compliance_privacy(s)) {
        return ngx_mail_compliance_fault(s, ctx, "NO [PRIVACYREQUIRED] "
                                         "STARTTLS is required" CRLF);
    }

    passwd = &command->args[1];

    if (command->args[0].raw.len == 0 || passwd->raw.len == 0) {
        return NGX_MAIL_PARSE_INVALID_COMMAND;
    }

    if (ngx_mail_compliance_keep(s->connection->pool, &ctx->passwd,
                                 passwd->raw.data, passwd->raw.len)
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    if (compliance_imap_string_copy(passwd, (char *) ctx->passwd.text.data,
                                    ctx->passwd.text.len, &len)
        != COMPLIANCE_OK)
    {
        return NGX_ERROR;
    }

    ctx->passwd.text.len = len;

    login.data = name;
    login.len = 0;

    identity = compliance_imap_string_copy(&command->args[0], name,
                                           sizeof(name), &login.len);

    rc = ngx_mail_compliance_judge(s, ctx, identity, login, "LOGIN");

    ngx_explicit_memzero(name, sizeof(name));

    return rc;
}


/*
 * nginx answers and shakes hands.  What stands behind the command was sent
 * before TLS, perhaps by somebody else: it is never executed.
 */

static ngx_int_t
ngx_mail_compliance_starttls(ngx_mail_session_t *s,
    ngx_mail_compliance_ctx_t *ctx, compliance_imap_t *command)
{
    if ((size_t) (s->buffer->last - s->buffer->pos) != command->used) {
        return ngx_mail_compliance_lost(s, "data behind STARTTLS");
    }

    ctx->agent_len = 0;

    s->command = NGX_IMAP_STARTTLS;

    return NGX_OK;
}


static ngx_int_t
ngx_mail_compliance_id(ngx_mail_session_t *s, ngx_mail_compliance_ctx_t *ctx,
    compliance_imap_t *command)
{
    char       *agent;
    size_t      i, len, n;

    agent = (char *) ctx->agent;
    len = 0;

    if (command->id_name.raw.data
        && compliance_imap_string_copy(&command->id_name, agent,
                                       NGX_MAIL_COMPLIANCE_AGENT_MAX - 1, &n)
           == COMPLIANCE_OK)
    {
        len = n;

        if (command->id_version.raw.data
            && compliance_imap_string_copy(&command->id_version,
                                     agent + len + 1,
                                     NGX_MAIL_COMPLIANCE_AGENT_MAX - len - 1,
                                     &n)
               == COMPLIANCE_OK)
        {
            agent[len] = '/';
            len += 1 + n;
        }
    }

    for (i = 0; i < len; i++) {
        if (agent[i] < ' ' || agent[i] > '~') {
            agent[i] = '?';
        }
    }

    ctx->agent_len = len;

    return ngx_mail_compliance_reply(s, ctx, "* ID NIL" CRLF,
                                     "OK ID completed" CRLF);
}
