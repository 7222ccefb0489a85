/*
 * Inside the login profiles: what login_profile.c and the readers of the three
 * kinds of body share.
 */
#ifndef COMPLIANCE_LOGIN_SCAN_H
#define COMPLIANCE_LOGIN_SCAN_H

#include "login_profile.h"


struct compliance_login_profile_s {
    const char *name;
    const char *field;          /* form field or JSON member with the name */
    const char *domain_field;   /* what is appended behind '@' to a name
                                   without one, or NULL */
    bool        json;           /* reads JSON whatever method and type */
    bool        query_counts;   /* a form field may stand in the query */
    bool        php;            /* a broken escape is literal, tags are cut
                                   out of values */
    bool        trims;          /* blanks around a name are dropped */
};

typedef struct {
    compliance_str_t type;       /* "type/subtype" */
    compliance_str_t charset;    /* or absent */
    compliance_str_t boundary;   /* or absent */
} compliance_content_type_t;

/* RFC 9110 8.3.1, without what parsers differ on; false for the rest. */
bool compliance_content_type_parse(compliance_str_t text,
    compliance_content_type_t *out);

/* States begin at 0 for each kind of body; scan->state is theirs. */
void compliance_login_form_feed(compliance_login_scan_t *scan,
    const char *data, size_t len);
void compliance_login_form_end(compliance_login_scan_t *scan);

/* boundary: 1 to COMPLIANCE_BOUNDARY_MAX characters. */
void compliance_login_multipart_init(compliance_login_scan_t *scan,
    compliance_str_t boundary);
void compliance_login_multipart_feed(compliance_login_scan_t *scan,
    const char *data, size_t len);
void compliance_login_multipart_end(compliance_login_scan_t *scan);

void compliance_login_json_feed(compliance_login_scan_t *scan,
    const char *data, size_t len);
void compliance_login_json_end(compliance_login_scan_t *scan);

/* A form field's name, character by character, as the most lenient reader
 * bends it; compliance_login_field_end() points scan->value at the value that
 * is to be collected, or at NULL.  odd: not where fields stand. */
void compliance_login_field_begin(compliance_login_scan_t *scan, bool odd);
void compliance_login_field_char(compliance_login_scan_t *scan, char c);
void compliance_login_field_end(compliance_login_scan_t *scan);

void compliance_login_value_char(compliance_login_value_t *value, char c);

/* The first failure stays. */
void compliance_login_fail(compliance_login_scan_t *scan, compliance_rc_t rc);

#endif
