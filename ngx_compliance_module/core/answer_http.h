/*
 * (protocol, kind of access, decision) -> how HTTP tells it.  One table.
 */
#ifndef COMPLIANCE_ANSWER_HTTP_H
#define COMPLIANCE_ANSWER_HTTP_H

#include "identify_http.h"
#include "verdict.h"


#define COMPLIANCE_RETRY_AFTER  30   /* seconds told with a 503 */

typedef enum {
    COMPLIANCE_BODY_NONE = 0,
    COMPLIANCE_BODY_EAS,       /* compliance_eas_blocked() says the rest */
    COMPLIANCE_BODY_REDIRECT,  /* 303 to the portal */
    COMPLIANCE_BODY_FRAME,     /* a small page, link target=_top */
    COMPLIANCE_BODY_PROBLEM,   /* application/problem+json, RFC 9457 */
    COMPLIANCE_BODY_TEXT,      /* text/plain, one sentence */
    COMPLIANCE_BODY_PAGE       /* the 503 page for people */
} compliance_http_body_t;

typedef struct {
    unsigned               status;
    compliance_http_body_t body;
    bool                   retry_after;
} compliance_http_answer_t;

/* ALLOW and UNDECIDED are not answered here: UNDECIDED gets 503 like a
 * temporary failure. */
compliance_http_answer_t compliance_http_answer(
    compliance_protocol_t protocol, compliance_access_t access,
    compliance_verdict_t verdict);

/* problem+json for a blocked XHR: title, detail, the portal link, the decision
 * id; everything escaped. */
compliance_rc_t compliance_http_problem(compliance_buf_t *out,
    unsigned status, const char *detail, compliance_str_t portal_link,
    const char *decision_id);

/* HTML-escapes & < > " ' and drops control characters. */
void compliance_html_escape(compliance_buf_t *out, compliance_str_t text);
/* JSON string contents (RFC 8259), no surrounding quotes; invalid UTF-8 bytes
 * become U+FFFD. */
void compliance_json_escape(compliance_buf_t *out, compliance_str_t text);
/* Percent-encodes all but RFC 3986 unreserved characters. */
void compliance_uri_escape(compliance_buf_t *out, compliance_str_t text);

#endif
