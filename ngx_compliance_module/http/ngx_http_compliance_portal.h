/*
 * The remediation page as a content handler: `compliance_portal;`.  What its
 * files share; a request goes through them from top to bottom:
 *
 *   portal         the directive, and what nginx -t checks
 *   portal_link    query or form -> token -> sealed link, counted and limited
 *   portal_ask     link -> facts, looked up afresh and without an audit record
 *                  -> verdict, by core as ever
 *   portal_answer  page, or 303 back to the mail
 *
 * A context belongs to its request and lives in its pool.  The token is a
 * credential: it is copied out of the request and wiped there before anything
 * can log it, and wiped here when the request ends.
 */
#ifndef NGX_HTTP_COMPLIANCE_PORTAL_H
#define NGX_HTTP_COMPLIANCE_PORTAL_H

#include "ngx_http_compliance.h"
#include "../core/portal_page.h"


typedef struct {
    ngx_http_request_t          *request;
    compliance_portal_view_t     view;
    compliance_link_t            link;
    u_char                       token[COMPLIANCE_LINK_TOKEN_MAX];
    char                         fingerprint[COMPLIANCE_FINGERPRINT_LEN + 1];
    ngx_uint_t                   pending;   /* answers still to come */
    ngx_compliance_check_t       check;     /* the link's device and user */
    ngx_compliance_check_t       proof;     /* the asker's certificate */
    ngx_compliance_details_t     details;
} ngx_http_compliance_portal_ctx_t;


extern ngx_module_t  ngx_http_compliance_portal_module;


/* link: the content handler. */
ngx_int_t ngx_http_compliance_portal_handler(ngx_http_request_t *r);

/* ask: of an opened link that is within its limits.  Ends the request, now or
 * when the store has answered. */
void ngx_http_compliance_portal_ask(ngx_http_compliance_portal_ctx_t *ctx);

/* answer: init reckons the header that names the style sheet; end sends the
 * page of the view and finalizes the request. */
ngx_int_t ngx_http_compliance_portal_init(ngx_conf_t *cf);
void ngx_http_compliance_portal_end(ngx_http_compliance_portal_ctx_t *ctx,
    compliance_portal_kind_t kind);

#endif
