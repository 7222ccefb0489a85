/*
 * One kind of allowed access, as seen:<day>:<principal> counts it: the field
 * of the hash is the text of an access, its value how often it was seen that
 * day.  It holds what a decision could rest on, so that replay can judge it
 * again, and no credential.
 */
#ifndef COMPLIANCE_SEEN_H
#define COMPLIANCE_SEEN_H

#include "decide.h"


#define COMPLIANCE_SEEN_TYPE_MAX   32    /* bytes kept of a DeviceType */
#define COMPLIANCE_SEEN_AGENT_MAX  96    /* and of a User-Agent */
#define COMPLIANCE_SEEN_TEXT_MAX   1024  /* escaped, whatever it holds */

typedef struct {
    compliance_protocol_t    protocol;
    compliance_reason_t      reason;        /* it was allowed for */
    compliance_user_source_t user_source;
    bool                     device_free;
    bool                     known;         /* the device had a record */
    compliance_device_source_t source;      /* of the claim; NONE: no device */
    compliance_binding_t     binding;       /* as decided */
    char                     device[COMPLIANCE_FINGERPRINT_LEN + 8];
                                            /* the record's id, or as it was
                                               presented ("cert:..."); "" */
    char                     address[46];   /* text; "" */
    char                     device_type[COMPLIANCE_SEEN_TYPE_MAX + 1];
    char                     user_agent[COMPLIANCE_SEEN_AGENT_MAX + 1];
} compliance_seen_t;

/* What a decided request is counted as. */
void compliance_seen_of(const compliance_request_t *request,
    const compliance_facts_t *facts, const compliance_decision_t *decision,
    compliance_seen_t *out);

/* seen <-> text: '|' between the members, in the order above, '|', '\' and
 * controls escaped.  write: false where it does not fit. */
bool compliance_seen_write(const compliance_seen_t *seen,
    compliance_buf_t *out);
compliance_rc_t compliance_seen_read(compliance_str_t text,
    compliance_seen_t *out);

#endif
