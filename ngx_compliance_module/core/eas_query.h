/*
 * Inside identify_eas: what the two forms of a query share.
 */
#ifndef COMPLIANCE_EAS_QUERY_H
#define COMPLIANCE_EAS_QUERY_H

#include "identify_eas.h"


/* The form of a query is decided by this alone: one word of the base64
 * alphabet, '=' at its end only. */
bool compliance_eas_looks_base64(compliance_str_t query);

/* They fill in *out and append the query to forward; on an error *why is the
 * part at fault. */
compliance_rc_t compliance_eas_parse_plain(compliance_str_t query,
    compliance_eas_request_t *out, compliance_buf_t *canonical,
    const char **why);
compliance_rc_t compliance_eas_parse_base64(compliance_str_t query,
    compliance_eas_request_t *out, compliance_buf_t *canonical,
    const char **why);

/* A command's name in any case; NONE where it is none. */
compliance_eas_command_t compliance_eas_command_parse(compliance_str_t name);

/* Decoded values. */
compliance_rc_t compliance_eas_set_device_type(compliance_str_t value,
    compliance_eas_request_t *out);
compliance_rc_t compliance_eas_set_user(compliance_str_t value,
    compliance_eas_request_t *out);

#endif
