/*
 * AUTHENTICATE PLAIN and LOGIN, with and without an initial response
 * (RFC 9051 6.2.2, RFC 4959, RFC 4616).  Every other mechanism is refused: a
 * login that cannot be judged is never passed on.
 */
#include "ngx_mail_compliance_module.h"

#include "../core/identify_mail.h"


static ngx_int_t ngx_mail_compliance_challenge(ngx_mail_session_t *s,
    ngx_mail_compliance_ctx_t *ctx, ngx_mail_compliance_expect_e expect,
    const char *text);
static ngx_int_t ngx_mail_compliance_sasl_step(ngx_mail_session_t *s,
    ngx_mail_compliance_ctx_t *ctx, compliance_str_t response);
static ngx_int_t ngx_mail_compliance_sasl_plain(ngx_mail_session_t *s,
    ngx_mail_compliance_ctx_t *ctx, compliance_str_t message);
static ngx_int_t ngx_mail_compliance_sasl_login(ngx_mail_session_t *s,
    ngx_mail_compliance_ctx_t *ctx, compliance_str_t passwd);


ngx_int_t
ngx_mail_compliance_authenticate(ngx_mail_session_t *s,
    ngx_mail_compliance_ctx_t *ctx, compliance_imap_t *command)
{
    compliance_str_t  response;

    if (ngx_mail_compliance_privacy(s)) {
        return ngx_mail_compliance_fault(s, ctx, "NO [PRIVACYREQUIRED] "
                                         "STARTTLS is required" CRLF);
    }

    if (compliance_str_is(command->args[0].raw, "PLAIN")) {

        if (command->n_args == 1) {
            return ngx_mail_compliance_challenge(s, ctx,
                                                 NGX_MAIL_COMPLIANCE_PLAIN,
                                                 "+ " CRLF);
        }

        ctx->expect = NGX_MAIL_COMPLIANCE_PLAIN;

    } else if (compliance_str_is(command->args[0].raw, "LOGIN")) {

        if (command->n_args == 1) {
            return ngx_mail_compliance_challenge(s, ctx,
                                                 NGX_MAIL_COMPLIANCE_USERNAME,
                                                 "+ VXNlcm5hbWU6" CRLF);
        }

        ctx->expect = NGX_MAIL_COMPLIANCE_USERNAME;

    } else {
        return ngx_mail_compliance_fault(s, ctx, "NO unsupported "
                                         "authentication mechanism" CRLF);
    }

    /* RFC 4959: "=" is an initial response of no bytes */

    response = command->args[1].raw;

    if (response.len == 1 && response.data[0] == '=') {
        response.len = 0;
    }

    return ngx_mail_compliance_sasl_step(s, ctx, response);
}


ngx_int_t
ngx_mail_compliance_sasl(ngx_mail_session_t *s, ngx_mail_compliance_ctx_t *ctx)
{
    size_t                    used;
    ngx_int_t                 rc;
    compliance_str_t          in, line;
    compliance_imap_status_t  status;

    in.data = (char *) s->buffer->pos;
    in.len = s->buffer->last - s->buffer->pos;

    status = compliance_imap_line(in, s->buffer->end - s->buffer->start, &line,
                                  &used);

    if (status == COMPLIANCE_IMAP_MORE) {
        return ngx_mail_compliance_more(s);
    }

    ngx_mail_compliance_tag(s, ctx, NULL);

    if (status != COMPLIANCE_IMAP_COMPLETE) {
        return ngx_mail_compliance_lost(s, "too long");
    }

    if (line.len == 1 && line.data[0] == '*') {
        ctx->expect = NGX_MAIL_COMPLIANCE_COMMAND;
        rc = ngx_mail_compliance_fault(s, ctx, "BAD AUTHENTICATE cancelled"
                                       CRLF);

    } else {
        rc = ngx_mail_compliance_sasl_step(s, ctx, line);
    }

    ngx_mail_compliance_consume(s, used);

    return (rc == NGX_AGAIN) ? ngx_mail_compliance_more(s) : rc;
}


static ngx_int_t
ngx_mail_compliance_sasl_step(ngx_mail_session_t *s,
    ngx_mail_compliance_ctx_t *ctx, compliance_str_t response)
{
    u_char                        buf[NGX_MAIL_COMPLIANCE_SASL_MAX];
    ngx_int_t                     rc;
    compliance_str_t              message;
    ngx_mail_compliance_expect_e  expect;

    expect = ctx->expect;
    ctx->expect = NGX_MAIL_COMPLIANCE_COMMAND;

    message.data = (char *) buf;
    message.len = 0;

    if (compliance_base64_decode(response, buf, sizeof(buf), &message.len)
        != COMPLIANCE_OK)
    {
        ngx_explicit_memzero(buf, sizeof(buf));
        return ngx_mail_compliance_fault(s, ctx, "BAD invalid base64" CRLF);
    }

    rc = NGX_ERROR;

    switch (expect) {

    case NGX_MAIL_COMPLIANCE_PLAIN:
        rc = ngx_mail_compliance_sasl_plain(s, ctx, message);
        break;

    case NGX_MAIL_COMPLIANCE_USERNAME:
        rc = ngx_mail_compliance_keep(s->connection->pool, &ctx->username,
                                      message.data, message.len);

        if (rc == NGX_OK) {
            rc = ngx_mail_compliance_challenge(s, ctx,
                                               NGX_MAIL_COMPLIANCE_PASSWORD,
                                               "+ UGFzc3dvcmQ6" CRLF);
        }

        break;

    case NGX_MAIL_COMPLIANCE_PASSWORD:
        rc = ngx_mail_compliance_sasl_login(s, ctx, message);
        break;

    case NGX_MAIL_COMPLIANCE_COMMAND:
        break;
    }

    ngx_explicit_memzero(buf, sizeof(buf));

    return rc;
}


static ngx_int_t
ngx_mail_compliance_sasl_plain(ngx_mail_session_t *s,
    ngx_mail_compliance_ctx_t *ctx, compliance_str_t message)
{
    compliance_rc_t   identity;
    compliance_str_t  login, passwd;

    identity = compliance_sasl_plain(message, &login, &passwd);

    if (identity != COMPLIANCE_OK) {
        login = compliance_absent;
        passwd = compliance_absent;
    }

    if (ngx_mail_compliance_keep(s->connection->pool, &ctx->passwd,
                                 passwd.data, passwd.len)
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    return ngx_mail_compliance_judge(s, ctx, identity, login,
                                     "AUTHENTICATE PLAIN");
}


static ngx_int_t
ngx_mail_compliance_sasl_login(ngx_mail_session_t *s,
    ngx_mail_compliance_ctx_t *ctx, compliance_str_t passwd)
{
    ngx_int_t         rc;
    compliance_rc_t   identity;
    compliance_str_t  login;

    identity = COMPLIANCE_OK;

    if (passwd.len == 0 || ngx_strlchr((u_char *) passwd.data,
                                       (u_char *) passwd.data + passwd.len,
                                       '\0'))
    {
        identity = COMPLIANCE_MALFORMED;
    }

    if (ngx_mail_compliance_keep(s->connection->pool, &ctx->passwd,
                                 passwd.data, passwd.len)
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    login.data = (char *) ctx->username.text.data;
    login.len = ctx->username.text.len;

    rc = ngx_mail_compliance_judge(s, ctx, identity, login,
                                   "AUTHENTICATE LOGIN");

    ngx_mail_compliance_wipe(&ctx->username);

    return rc;
}


static ngx_int_t
ngx_mail_compliance_challenge(ngx_mail_session_t *s,
    ngx_mail_compliance_ctx_t *ctx, ngx_mail_compliance_expect_e expect,
    const char *text)
{
    ctx->expect = expect;

    return ngx_mail_compliance_say(s, (u_char *) text, ngx_strlen(text));
}
