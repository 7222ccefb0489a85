/*
 * What an HTTP request says of itself: credentials, path spelling, and whether
 * a browser navigates or a program calls.
 */
#ifndef COMPLIANCE_IDENTIFY_HTTP_H
#define COMPLIANCE_IDENTIFY_HTTP_H

#include "compliance.h"


/* Credentials over this length are refused (a Basic pair of 254 + 256 bytes
 * takes 680; a JWT of Microsoft's kind up to about 4 KiB). */
#define COMPLIANCE_AUTHORIZATION_MAX  8192

typedef enum {
    COMPLIANCE_AUTH_NONE = 0,   /* no Authorization header */
    COMPLIANCE_AUTH_BASIC,
    COMPLIANCE_AUTH_BEARER,
    COMPLIANCE_AUTH_NEGOTIATE,  /* Negotiate and NTLM: they authenticate a
                                   connection, not a request */
    COMPLIANCE_AUTH_OTHER
} compliance_auth_scheme_t;

/* The scheme of an Authorization value; *credentials is what follows it. */
compliance_auth_scheme_t compliance_auth_scheme(compliance_str_t value,
    compliance_str_t *credentials);

/*
 * Basic (RFC 7617), charset UTF-8: decodes into scratch (at least
 * COMPLIANCE_AUTHORIZATION_MAX bytes), *name and *password point into it.
 * MALFORMED: not strict base64, no colon, a control character, not UTF-8.
 * The caller wipes scratch when done: it holds a password.
 */
compliance_rc_t compliance_basic_parse(compliance_str_t credentials,
    char *scratch, size_t cap, compliance_str_t *name,
    compliance_str_t *password);

/* "Basic " + base64(login ":" password), the form that is forwarded. */
compliance_rc_t compliance_basic_build(const compliance_principal_t *login,
    compliance_str_t password, compliance_buf_t *out);

/*
 * The raw path of a request line (no query): OK only where every server reads
 * it in the same way.  MALFORMED or AMBIGUOUS for: no leading '/', '\', "//",
 * a dot segment, ';', a segment that ends in a dot or blank, "::", "~" and a
 * digit, "%u", %2f, %5c, %25 in front of two hex digits, %00 and control
 * characters, a broken escape, decoded bytes that are not UTF-8.
 * *why: a literal naming the first fault.
 */
compliance_rc_t compliance_path_check(compliance_str_t raw, const char **why);

typedef enum {
    COMPLIANCE_ACCESS_API = 0,     /* XHR, EWS, DAV ...: a program reads it */
    COMPLIANCE_ACCESS_XHR,         /* a script of a page: problem+json */
    COMPLIANCE_ACCESS_NAVIGATION,  /* a browser's own window */
    COMPLIANCE_ACCESS_IFRAME       /* a navigation inside a frame */
} compliance_access_t;

/* GET, HEAD or POST by Sec-Fetch-Mode and -Dest; where those are absent, by an
 * Accept with text/html and no X-Requested-With.  Absent headers are absent
 * slices.  Never answers API: the caller's protocol decides that. */
compliance_access_t compliance_access_classify(compliance_str_t method,
    compliance_str_t sec_fetch_mode, compliance_str_t sec_fetch_dest,
    compliance_str_t accept, compliance_str_t x_requested_with);

#endif
