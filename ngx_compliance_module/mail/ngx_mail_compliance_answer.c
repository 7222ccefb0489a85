/*
 * A login that is not let through: told in the client's own terms, held back
 * where a device keeps coming, and closed.  A session that waits, for a
 * decision or for its answer, holds nothing but its connection.
 */
#include "ngx_mail_compliance_module.h"

#include "../core/answer_mail.h"


static ngx_int_t ngx_mail_compliance_compose(ngx_mail_session_t *s,
    ngx_mail_compliance_ctx_t *ctx);
static ngx_uint_t ngx_mail_compliance_left(ngx_connection_t *c);


void
ngx_mail_compliance_refuse(ngx_mail_session_t *s,
    ngx_mail_compliance_ctx_t *ctx)
{
    ngx_msec_t         delay;
    ngx_connection_t  *c;

    c = s->connection;

    ngx_mail_compliance_wipe(&ctx->passwd);
    ngx_str_null(&s->passwd);

    delay = 0;

    if (ctx->check->decision.verdict == COMPLIANCE_BLOCK) {
        delay = ngx_compliance_block_delay(ctx->check);
    }

    if (ngx_mail_compliance_compose(s, ctx) != NGX_OK) {
        ngx_mail_compliance_forget(ctx);
        ngx_mail_session_internal_server_error(s);
        return;
    }

    ngx_mail_compliance_forget(ctx);

    s->quit = 1;
    s->blocked = 0;

    if (c->read->timer_set) {
        ngx_del_timer(c->read);
    }

    if (delay == 0) {
        s->out = ctx->answer;
        ngx_mail_send(c->write);
        return;
    }

    /* s->out stays empty: any event on the connection would send it */

    c->log->action = "holding back the answer to a blocked device";

    ngx_add_timer(c->read, delay);
}


/* ctx->answer becomes the whole answer. */

static ngx_int_t
ngx_mail_compliance_compose(ngx_mail_session_t *s,
    ngx_mail_compliance_ctx_t *ctx)
{
    u_char                  *p;
    ngx_str_t                link, path;
    compliance_buf_t         buf;
    compliance_str_t         tag, text, url;
    compliance_verdict_t     verdict;
    ngx_compliance_check_t  *check;

    check = ctx->check;
    verdict = check->decision.verdict;

    if (verdict == COMPLIANCE_UNDECIDED) {
        ngx_log_error(NGX_LOG_CRIT, s->connection->log, 0,
                      "a login was not decided and is refused");
        verdict = COMPLIANCE_TEMPFAIL;
    }

    ngx_str_null(&link);
    ngx_str_null(&path);

    if (verdict == COMPLIANCE_BLOCK
        && ngx_compliance_portal_link(s->connection->pool, check, &path, &link)
           != NGX_OK)
    {
        return NGX_ERROR;
    }

    p = ngx_pnalloc(s->connection->pool, COMPLIANCE_MAIL_ANSWER_MAX);
    if (p == NULL) {
        return NGX_ERROR;
    }

    /* the tag without its blank */

    tag.data = (char *) s->tag.data;
    tag.len = s->tag.len - 1;

    text.data = compliance_reason_sentence(check->decision.reason);

    if (verdict == COMPLIANCE_BLOCK && check->message[0] != '\0') {
        text.data = check->message;
    }

    text.len = ngx_strlen(text.data);

    url.data = (char *) link.data;
    url.len = link.len;

    compliance_buf_init(&buf, (char *) p, COMPLIANCE_MAIL_ANSWER_MAX);

    if (compliance_mail_answer(COMPLIANCE_IMAP, verdict, tag, text, url, &buf)
        != COMPLIANCE_OK)
    {
        return NGX_ERROR;
    }

    ctx->answer.data = p;
    ctx->answer.len = buf.len;

    return NGX_OK;
}


void
ngx_mail_compliance_wait_handler(ngx_event_t *rev)
{
    ngx_connection_t           *c;
    ngx_mail_session_t         *s;
    ngx_mail_compliance_ctx_t  *ctx;

    c = rev->data;
    s = c->data;

    ctx = ngx_mail_get_module_ctx(s, ngx_mail_compliance_module);

    if (rev->timedout && ctx->check == NULL) {
        rev->timedout = 0;
        s->out = ctx->answer;
        ngx_mail_send(c->write);
        return;
    }

    if (rev->timedout) {
        ngx_log_error(NGX_LOG_INFO, c->log, NGX_ETIMEDOUT, "client timed out");
        c->timedout = 1;

    } else if (!ngx_mail_compliance_left(c)) {

        if (ngx_handle_read_event(rev, 0) == NGX_OK) {
            return;
        }

    } else {
        ngx_log_error(NGX_LOG_INFO, c->log, 0,
                      "client closed connection before it was answered");
    }

    ngx_mail_compliance_forget(ctx);
    ngx_mail_close_connection(c);
}


/* What the client sends meanwhile is left where it is. */

static ngx_uint_t
ngx_mail_compliance_left(ngx_connection_t *c)
{
    char       buf[1];
    ssize_t    n;
    ngx_err_t  err;

    if (c->read->pending_eof || c->read->error) {
        return 1;
    }

    n = recv(c->fd, buf, 1, MSG_PEEK);

    if (n == 0) {
        return 1;
    }

    if (n == -1) {
        err = ngx_socket_errno;

        return err != NGX_EAGAIN && err != NGX_EINTR;
    }

    return 0;
}
