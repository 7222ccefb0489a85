/*
 * The HTTP side: what its files share.  The flow of a request is
 *
 *   gate        PREACCESS: identify -> check -> act, one stage after another
 *   identify    ngx_http_request_t -> compliance_request_t
 *   credential  the user, of the one credential that is forwarded
 *   headers     what is read of the header lines, what is stripped of them
 *   login       the name that is about to log in, read from a request's body
 *   forward     what was judged is what the back end gets
 *   answer      what a client is told that does not get through
 *
 * A context belongs to the main request and lives in its pool; it is found
 * again after an internal redirect, which clears r->ctx.
 */
#ifndef NGX_HTTP_COMPLIANCE_H
#define NGX_HTTP_COMPLIANCE_H

#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>

#include "../core/answer_eas.h"
#include "../core/answer_http.h"
#include "../core/identify_eas.h"
#include "../core/identify_http.h"
#include "../core/identify_mail.h"
#include "../core/jwt.h"
#include "../core/login_profile.h"
#include "../core/names.h"
#include "../runtime/ngx_compliance.h"


/* Where a device or a user may be read from: bits of `devices` and `users`. */
#define NGX_HTTP_COMPLIANCE_DEVICE_EAS          0x01
#define NGX_HTTP_COMPLIANCE_DEVICE_CERTIFICATE  0x02
#define NGX_HTTP_COMPLIANCE_DEVICE_LOGIN_TAG    0x04
#define NGX_HTTP_COMPLIANCE_DEVICE_VALUE        0x08

#define NGX_HTTP_COMPLIANCE_USER_BASIC          0x01
#define NGX_HTTP_COMPLIANCE_USER_BEARER         0x02
#define NGX_HTTP_COMPLIANCE_USER_OWNER          0x04
#define NGX_HTTP_COMPLIANCE_USER_VALUE          0x08

#define NGX_HTTP_COMPLIANCE_NEGOTIATE_OFF          0
#define NGX_HTTP_COMPLIANCE_NEGOTIATE_CERTIFICATE  1


typedef struct {
    compliance_jwks_t  *keys;         /* NULL: bearer tokens are not taken */
    ngx_str_t           issuer;
    ngx_str_t           audience;
    ngx_str_t           claim;        /* NUL-terminated */
} ngx_http_compliance_jwks_t;


/* Sources as configured (0: not here, inherit) and as resolved (what holds
 * here, the protocol's defaults filled in). */
typedef struct {
    ngx_uint_t                   configured;
    ngx_uint_t                   resolved;
    ngx_array_t                 *values;   /* ngx_http_complex_value_t * */
} ngx_http_compliance_sources_t;


typedef struct {
    ngx_flag_t                        enable;
    ngx_uint_t                        protocol;  /* compliance_protocol_t */
    ngx_http_compliance_sources_t     devices;
    ngx_http_compliance_sources_t     users;
    const compliance_login_profile_t *login_profile;
    ngx_http_compliance_jwks_t       *jwks;
    ngx_str_t                         challenge;
    ngx_uint_t                        negotiate;
    ngx_flag_t                        dry_run;
} ngx_http_compliance_loc_conf_t;


typedef struct {
    ngx_uint_t   gated;      /* `compliance on` somewhere */
    ngx_uint_t   lax;        /* some server lets odd header names through */
    ngx_hash_t   headers;    /* name -> ngx_http_compliance_header_t */
    ngx_array_t  logs;       /* ngx_log_t *: each error_log of the http block */
    ngx_array_t  stale;      /* ngx_uint_t: indexes of variables that may have
                                kept what forwarding rewrites */
    ngx_http_header_t  authorization;   /* its row of headers_in, replaced */
} ngx_http_compliance_main_conf_t;


/* Named by what they wait for, or by how they ended. */
typedef enum {
    NGX_HTTP_COMPLIANCE_NEW = 0,
    NGX_HTTP_COMPLIANCE_CHECKING,         /* the store, about the request */
    NGX_HTTP_COMPLIANCE_READING_LOGIN,    /* a body that may hold a login */
    NGX_HTTP_COMPLIANCE_CHECKING_LOGIN,   /* the store, about that login */
    NGX_HTTP_COMPLIANCE_READING_OPTIONS,  /* a body that is dropped */
    NGX_HTTP_COMPLIANCE_DELAYED,          /* a timer, before the answer */
    NGX_HTTP_COMPLIANCE_ALLOWED,
    NGX_HTTP_COMPLIANCE_DENIED            /* for good: whatever redirect */
} ngx_http_compliance_stage_e;


/* Header lines that are judged; lines of the list, never copied. */
typedef enum {
    NGX_HTTP_COMPLIANCE_HEADER_NONE = 0,
    NGX_HTTP_COMPLIANCE_AUTHORIZATION,
    NGX_HTTP_COMPLIANCE_EAS_VERSION,
    NGX_HTTP_COMPLIANCE_USER_AGENT,
    NGX_HTTP_COMPLIANCE_SEC_FETCH_MODE,
    NGX_HTTP_COMPLIANCE_SEC_FETCH_DEST,
    NGX_HTTP_COMPLIANCE_ACCEPT,
    NGX_HTTP_COMPLIANCE_REQUESTED_WITH,
    NGX_HTTP_COMPLIANCE_CONTENT_TYPE,
    NGX_HTTP_COMPLIANCE_CONTENT_ENCODING,
    NGX_HTTP_COMPLIANCE_HEADERS
} ngx_http_compliance_header_e;

/* One row a header name: what is done with such a line. */
typedef struct {
    ngx_str_t                     name;      /* lower case */
    ngx_http_compliance_header_e  judged;    /* NONE: it is stripped */
    ngx_uint_t                    repeats;   /* more than one line is fine */
} ngx_http_compliance_header_t;


/* What is needed until a request is allowed, and given back then: a Ping may
 * hang for an hour. */
typedef struct {
    ngx_compliance_check_t    check;
    compliance_eas_request_t  eas;
} ngx_http_compliance_work_t;

/* What variables tell of it, then and later. */
typedef struct {
    compliance_verdict_t  verdict;
    compliance_reason_t   reason;
    compliance_reason_t   would_reason;   /* NONE: it would not be blocked */
    ngx_str_t             device;
    ngx_str_t             user;
    ngx_str_t             group;
    ngx_str_t             id;
    ngx_str_t             eas_cmd;
    ngx_str_t             eas_device_id;
    ngx_str_t             eas_device_type;
    ngx_str_t             eas_user;
} ngx_http_compliance_told_t;


typedef struct {
    ngx_http_compliance_loc_conf_t  *conf;     /* it is judged under */
    ngx_http_compliance_stage_e      stage;
    ngx_compliance_check_t          *check;    /* NULL: it is allowed */
    compliance_eas_request_t        *eas;      /* NULL as check is */
    ngx_http_compliance_told_t       told;
    compliance_auth_scheme_t         scheme;
    compliance_access_t              access;
    ngx_table_elt_t                 *headers[NGX_HTTP_COMPLIANCE_HEADERS];
    const char                      *why;      /* what is malformed */
    compliance_login_scan_t         *scan;     /* looks through the body */
    compliance_rc_t                  scan_rc;  /* how that goes */
    ngx_str_t                        tag;      /* the login's, kept: it is cut
                                                  off before anyone logs it */
    compliance_device_source_t       tag_source;
    ngx_uint_t                       status;    /* of a body that could not be
                                                   read; else 0 */
    unsigned                         challenge:1;      /* our own 401 */
    unsigned                         strip:1;          /* a line to strip */
    unsigned                         credential:1;     /* Authorization is
                                                          what was judged */
    unsigned                         login_exact:1;    /* as it stands */
    unsigned                         pending:1;        /* the store is asked */
    unsigned                         body_read:1;
} ngx_http_compliance_ctx_t;


extern ngx_module_t  ngx_http_compliance_module;


/* context: of the main request, NULL where it was never judged.  *moved (may
 * be NULL) tells whether a redirect came since it was set. */
ngx_http_compliance_ctx_t *ngx_http_compliance_get_ctx(ngx_http_request_t *r,
    ngx_uint_t *moved);
ngx_http_compliance_ctx_t *ngx_http_compliance_create_ctx(
    ngx_http_request_t *r);
/* To be judged, or judged anew, under conf. */
ngx_int_t ngx_http_compliance_reset(ngx_http_request_t *r,
    ngx_http_compliance_ctx_t *ctx, ngx_http_compliance_loc_conf_t *conf);
/* Keeps what variables tell; without memory they tell less. */
void ngx_http_compliance_tell(ngx_http_request_t *r,
    ngx_http_compliance_ctx_t *ctx);
/* Gives back all else. */
void ngx_http_compliance_release(ngx_http_request_t *r,
    ngx_http_compliance_ctx_t *ctx);
void ngx_http_compliance_log(ngx_http_request_t *r,
    ngx_http_compliance_ctx_t *ctx);

/* conf: the directives that have a grammar, and what nginx -t checks */
char *ngx_http_compliance_conf_device(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
char *ngx_http_compliance_conf_user(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
char *ngx_http_compliance_conf_login_profile(ngx_conf_t *cf,
    ngx_command_t *cmd, void *conf);
char *ngx_http_compliance_conf_jwks(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
/* Fills in the resolved sources of a gated location, refuses what would not
 * gate it.  own: before it was merged. */
char *ngx_http_compliance_conf_check(ngx_conf_t *cf,
    ngx_http_compliance_loc_conf_t *conf,
    const ngx_http_compliance_loc_conf_t *own);

/* gate */
ngx_int_t ngx_http_compliance_handler(ngx_http_request_t *r);
void ngx_http_compliance_checked(ngx_compliance_check_t *check);

/* identify: NGX_OK: ctx->check.request is filled in, its `identity` says
 * whether it can be judged.  NGX_DECLINED: a credential has to be asked for
 * (ctx->challenge).  NGX_ERROR: no memory. */
ngx_int_t ngx_http_compliance_identify(ngx_http_request_t *r,
    ngx_http_compliance_ctx_t *ctx);

/* The request is judged nevertheless, as one that is malformed (or ambiguous):
 * refusals are audited like the rest.  why: a literal.  Always NGX_OK. */
ngx_int_t ngx_http_compliance_refuse(ngx_http_compliance_ctx_t *ctx,
    compliance_rc_t rc, const char *why);

/* credential: NGX_OK: the user, or the fault, is in the request;
 * NGX_DECLINED: to be asked for. */
ngx_int_t ngx_http_compliance_user(ngx_http_request_t *r,
    ngx_http_compliance_ctx_t *ctx);

/* headers */
ngx_int_t ngx_http_compliance_headers_init(ngx_conf_t *cf,
    ngx_http_compliance_main_conf_t *cmcf);
compliance_rc_t ngx_http_compliance_headers_scan(ngx_http_request_t *r,
    ngx_http_compliance_ctx_t *ctx);
ngx_int_t ngx_http_compliance_headers_strip(ngx_http_request_t *r,
    ngx_http_compliance_ctx_t *ctx);
/* Takes one line out of the list; no other line moves. */
ngx_int_t ngx_http_compliance_header_remove(ngx_http_request_t *r,
    ngx_table_elt_t *line);

/* login: NGX_OK: the body has to be read, and is looked through while it is.
 * NGX_DECLINED: nobody logs in.  NGX_ERROR: no memory. */
ngx_int_t ngx_http_compliance_login_begin(ngx_http_request_t *r,
    ngx_http_compliance_ctx_t *ctx);
/* The whole body was read.  NGX_OK: ctx->check.request holds who is about to
 * log in, or why that cannot be told: judge it.  NGX_DECLINED: nobody. */
ngx_int_t ngx_http_compliance_login_end(ngx_http_request_t *r,
    ngx_http_compliance_ctx_t *ctx);
void ngx_http_compliance_login_init(void);

/* forward */
ngx_int_t ngx_http_compliance_forward(ngx_http_request_t *r,
    ngx_http_compliance_ctx_t *ctx);
ngx_int_t ngx_http_compliance_set_login(ngx_http_request_t *r,
    ngx_http_compliance_ctx_t *ctx, const compliance_principal_t *login);
ngx_int_t ngx_http_compliance_drop_credential(ngx_http_request_t *r,
    ngx_http_compliance_ctx_t *ctx);
ngx_int_t ngx_http_compliance_set_query(ngx_http_request_t *r,
    ngx_str_t *query);
void ngx_http_compliance_drop_body(ngx_http_request_t *r);
void ngx_http_compliance_refresh(ngx_http_request_t *r);

/* answer: sends what the verdict has for this client and returns what the
 * request is to be finalized with. */
ngx_int_t ngx_http_compliance_answer(ngx_http_request_t *r,
    ngx_http_compliance_ctx_t *ctx);

/* send: a whole answer of ours, no-store, out of the reach of error_page.
 * body: from the request's pool or static; may be empty.  Header lines that
 * belong to it are added with ngx_http_compliance_add_header() behind
 * ngx_http_compliance_begin(). */
ngx_int_t ngx_http_compliance_begin(ngx_http_request_t *r, ngx_uint_t status,
    const char *content_type);
ngx_table_elt_t *ngx_http_compliance_add_header(ngx_http_request_t *r,
    const char *name, ngx_str_t *value);
ngx_int_t ngx_http_compliance_send(ngx_http_request_t *r, ngx_str_t *body);

/* filter: Negotiate and NTLM taken out of WWW-Authenticate. */
void ngx_http_compliance_filter_init(void);

/* variables */
ngx_int_t ngx_http_compliance_add_variables(ngx_conf_t *cf);

/* confidential: no credential in any log */
ngx_int_t ngx_http_compliance_confidential_init(ngx_conf_t *cf,
    ngx_http_compliance_main_conf_t *cmcf);
void ngx_http_compliance_confidential_logs(ngx_cycle_t *cycle,
    ngx_http_compliance_main_conf_t *cmcf);
void ngx_http_compliance_forget(ngx_http_request_t *r);


static ngx_inline compliance_str_t
ngx_http_compliance_slice(const ngx_str_t *s)
{
    return (compliance_str_t) { (const char *) s->data, s->len };
}


/* The value of a judged header line, absent where there is none. */
static ngx_inline compliance_str_t
ngx_http_compliance_header(ngx_http_compliance_ctx_t *ctx,
    ngx_http_compliance_header_e which)
{
    return ctx->headers[which]
           ? ngx_http_compliance_slice(&ctx->headers[which]->value)
           : compliance_absent;
}

#endif
