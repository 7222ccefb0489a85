/*
 * The mail side: IMAP gated inside the worker.  A gated server has a copy of
 * nginx's IMAP protocol in which the parser is ours: it reads the commands
 * before login, and no login gets past it without a decision.
 *
 *   imap.c, sasl.c  commands and credentials   ->
 *   check.c         identify, ask, go on or refuse   ->
 *   upstream.c      allowed: the back end, or the site's auth_http
 *   answer.c        blocked, failed or malformed: what the client is told
 */
#ifndef NGX_MAIL_COMPLIANCE_MODULE_H
#define NGX_MAIL_COMPLIANCE_MODULE_H

#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_event.h>
#include <ngx_mail.h>
#include <ngx_mail_imap_module.h>

#include "../runtime/ngx_compliance.h"
#include "../core/imap_command.h"


#define NGX_MAIL_COMPLIANCE_CERTIFICATE  0x0002
#define NGX_MAIL_COMPLIANCE_LOGIN_TAG    0x0004

/* A login name with a signed tag takes at most 254 + 1 + 64 + 1 + 24 bytes;
 * what is longer is malformed, not cut. */
#define NGX_MAIL_COMPLIANCE_LOGIN_MAX    512

/* A decoded SASL message: two names and a password. */
#define NGX_MAIL_COMPLIANCE_SASL_MAX     2048

/* Name and version of an IMAP ID, for allowed_clients and the audit. */
#define NGX_MAIL_COMPLIANCE_AGENT_MAX    64


typedef struct {
    /* where auth_http's address was put for servers that need none */
    ngx_addr_t                *stand_in;
} ngx_mail_compliance_main_conf_t;

typedef struct {
    ngx_flag_t                 enable;
    ngx_uint_t                 devices;
    ngx_addr_t                *upstream;    /* NULL: auth_http names it */
} ngx_mail_compliance_srv_conf_t;


/* What the next line of the client is. */
typedef enum {
    NGX_MAIL_COMPLIANCE_COMMAND = 0,
    NGX_MAIL_COMPLIANCE_PLAIN,              /* a SASL PLAIN message */
    NGX_MAIL_COMPLIANCE_USERNAME,           /* of AUTHENTICATE LOGIN */
    NGX_MAIL_COMPLIANCE_PASSWORD
} ngx_mail_compliance_expect_e;

/* Text that is kept as long as the session, in memory used again at the next
 * login attempt. */
typedef struct {
    ngx_str_t                  text;
    size_t                     cap;
} ngx_mail_compliance_kept_t;

typedef struct {
    ngx_mail_session_t          *session;
    ngx_mail_compliance_expect_e expect;
    unsigned                     granted;   /* literals of this command */

    u_char                       tag[COMPLIANCE_IMAP_TAG_MAX + 1];
    size_t                       tag_len;   /* the blank behind it included */
    u_char                       agent[NGX_MAIL_COMPLIANCE_AGENT_MAX];
    size_t                       agent_len;

    ngx_mail_compliance_kept_t   username;  /* as sent, until it is judged */
    ngx_mail_compliance_kept_t   login;     /* canonical: s->login */
    ngx_mail_compliance_kept_t   passwd;    /* s->passwd */
    ngx_mail_compliance_kept_t   line;      /* an answer of one line */

    ngx_compliance_check_t      *check;     /* while a login is judged */
    ngx_event_t                  decided;   /* posted with the decision */
    ngx_str_t                    answer;    /* of a login that was refused */
    ngx_event_handler_pt         proxy_read;
} ngx_mail_compliance_ctx_t;


extern ngx_module_t  ngx_mail_compliance_module;
extern ngx_module_t  ngx_mail_auth_http_module;


/* ngx_mail_compliance_imap.c */

void ngx_mail_compliance_init_session(ngx_mail_session_t *s,
    ngx_connection_t *c);
ngx_int_t ngx_mail_compliance_parse_command(ngx_mail_session_t *s);


/* ngx_mail_compliance_sasl.c: results are those of a parser */

ngx_int_t ngx_mail_compliance_authenticate(ngx_mail_session_t *s,
    ngx_mail_compliance_ctx_t *ctx, compliance_imap_t *command);
ngx_int_t ngx_mail_compliance_sasl(ngx_mail_session_t *s,
    ngx_mail_compliance_ctx_t *ctx);


/* ngx_mail_compliance_capability.c */

/* Says what is true of a gated server, whatever imap_capabilities holds. */
char *ngx_mail_compliance_capability(ngx_conf_t *cf,
    ngx_mail_imap_srv_conf_t *iscf);


/* ngx_mail_compliance_session.c: results are those of a parser */

/* No password in the clear where STARTTLS is required. */
ngx_uint_t ngx_mail_compliance_privacy(ngx_mail_session_t *s);

void ngx_mail_compliance_tag(ngx_mail_session_t *s,
    ngx_mail_compliance_ctx_t *ctx, compliance_str_t *tag);
void ngx_mail_compliance_consume(ngx_mail_session_t *s, size_t used);
ngx_int_t ngx_mail_compliance_more(ngx_mail_session_t *s);

/* "before", then the tag and "text". */
ngx_int_t ngx_mail_compliance_reply(ngx_mail_session_t *s,
    ngx_mail_compliance_ctx_t *ctx, const char *before, const char *text);
ngx_int_t ngx_mail_compliance_say(ngx_mail_session_t *s, u_char *text,
    size_t len);
ngx_int_t ngx_mail_compliance_fault(ngx_mail_session_t *s,
    ngx_mail_compliance_ctx_t *ctx, const char *text);
ngx_int_t ngx_mail_compliance_lost(ngx_mail_session_t *s, const char *why);

/* Copies to text that is kept; wipes what stood there before. */
ngx_int_t ngx_mail_compliance_keep(ngx_pool_t *pool,
    ngx_mail_compliance_kept_t *kept, const void *data, size_t len);
void ngx_mail_compliance_wipe(ngx_mail_compliance_kept_t *kept);


/* ngx_mail_compliance_check.c */

/* Judges a login whose password stands in ctx->passwd; login is borrowed for
 * this call only, identity is OK or why there is no login.  Call it from the
 * parser: NGX_AGAIN, and the session goes on by itself, never before the
 * parser has returned; or NGX_ERROR. */
ngx_int_t ngx_mail_compliance_judge(ngx_mail_session_t *s,
    ngx_mail_compliance_ctx_t *ctx, compliance_rc_t identity,
    compliance_str_t login, const char *command);

/* Forgets a login that is being judged.  Before every close. */
void ngx_mail_compliance_forget(ngx_mail_compliance_ctx_t *ctx);


/* ngx_mail_compliance_upstream.c */

char *ngx_mail_compliance_upstream(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
/* Gives auth_http, which nginx wants everywhere, an address that leads
 * nowhere; a server without a real one is told of in _upstream_check(). */
char *ngx_mail_compliance_stand_in(ngx_conf_t *cf);
/* After every directive was read: exactly one way to the back end. */
char *ngx_mail_compliance_upstream_check(ngx_conf_t *cf,
    ngx_mail_compliance_srv_conf_t *prev,
    ngx_mail_compliance_srv_conf_t *conf);

/* The session belongs to nginx's proxy when this returns, or is gone. */
void ngx_mail_compliance_proceed(ngx_mail_session_t *s,
    ngx_mail_compliance_ctx_t *ctx);


/* ngx_mail_compliance_answer.c */

/* Tells the client and closes, both perhaps later. */
void ngx_mail_compliance_refuse(ngx_mail_session_t *s,
    ngx_mail_compliance_ctx_t *ctx);

/* The client's connection while it has nothing to say: closes it when the
 * client left. */
void ngx_mail_compliance_wait_handler(ngx_event_t *rev);


#endif
