/*
 * The remediation page: what a blocked person reads.  Pure: a view in, bytes
 * out; every text that is not a literal goes through compliance_html_escape().
 * What may be shown to whom is decided here and nowhere else.
 */
#ifndef COMPLIANCE_PORTAL_PAGE_H
#define COMPLIANCE_PORTAL_PAGE_H

#include "decide.h"
#include "link.h"
#include "portal_text.h"


/* A page of the most failing checks stays below; CSS included. */
#define COMPLIANCE_PORTAL_PAGE_MAX    49152

/* Failing checks listed: a device that fails more is told of the rest in one
 * line. */
#define COMPLIANCE_PORTAL_CHECKS_MAX  12

typedef enum {
    COMPLIANCE_PORTAL_HELP = 0,   /* no link: what this page is for */
    COMPLIANCE_PORTAL_BLOCKED,
    COMPLIANCE_PORTAL_OPEN,
    COMPLIANCE_PORTAL_EXPIRED,    /* the link was ours */
    COMPLIANCE_PORTAL_INVALID,    /* the same for every forgery */
    COMPLIANCE_PORTAL_LIMITED,    /* asked too often */
    COMPLIANCE_PORTAL_UNAVAILABLE,
    COMPLIANCE_PORTAL_METHOD,     /* neither GET, HEAD nor POST */
    COMPLIANCE_PORTAL_PAGES
} compliance_portal_kind_t;

/* Everything is borrowed.  link, facts, decision and details are looked at for
 * BLOCKED and OPEN; any of them but link may be NULL. */
typedef struct {
    compliance_portal_kind_t           kind;
    bool                               proven;    /* the asker's certificate is
                                                     this device's */
    bool                               rechecked; /* by "Check again" */
    const compliance_link_t           *link;
    const compliance_facts_t          *facts;
    const compliance_decision_t       *decision;
    const compliance_device_details_t *details;
    const char                        *message;   /* the group's; may be "" */
    const char                        *contact;   /* the help desk; "" */
    compliance_str_t                   token;     /* for the form */
    compliance_str_t                   css;
    int64_t                            now;
} compliance_portal_view_t;

/* The HTTP status of a page: 200, 400, 405, 410, 429 or 503. */
unsigned compliance_portal_status(compliance_portal_kind_t kind);

/* Checked again, allowed, and the link knows where from: 303 to its return
 * path, which is valid.  Absent otherwise. */
compliance_str_t compliance_portal_return(
    const compliance_portal_view_t *view);

/* OK or TOO_LONG. */
compliance_rc_t compliance_portal_page(const compliance_portal_view_t *view,
    compliance_buf_t *out);

/*
 * The token of a query or of a form's body (application/x-www-form-urlencoded):
 * the parameter "t", once, of base64url characters.  OK; ABSENT: no "t";
 * MALFORMED: twice, or of other characters; TOO_LONG.
 */
compliance_rc_t compliance_portal_token(compliance_str_t form,
    compliance_str_t *token);

#endif
