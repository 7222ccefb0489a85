/*
 * Mail logins: SASL messages and login tags.  The tag is taken off here, and
 * nothing but its device id leaves this file.
 */
#ifndef COMPLIANCE_IDENTIFY_MAIL_H
#define COMPLIANCE_IDENTIFY_MAIL_H

#include "compliance.h"
#include "link.h"


typedef enum {
    COMPLIANCE_TAG_NONE = 0,
    COMPLIANCE_TAG_ASSERTED,   /* alice#DEVICEID */
    COMPLIANCE_TAG_SIGNED      /* alice#DEVICEID.<hmac>, and it holds */
} compliance_tag_t;

/*
 * A login as the client sent it, at most one '#': name, or name#DEVICEID, or
 * name#DEVICEID.<hmac>.  Writes the canonical name and device id.  A tag whose
 * HMAC is wrong is FORGED, a second '#' AMBIGUOUS, an empty tag MALFORMED.
 * A device id of a tag is letters and digits (compliance_eas_device_id) or a
 * record id without '.', so that the first '.' begins the HMAC.
 * keys may be NULL: then a signed tag is FORGED.
 */
compliance_rc_t compliance_login_parse(compliance_str_t login,
    const compliance_keyring_t *keys, compliance_principal_t *name,
    compliance_device_id_t *device, compliance_tag_t *tag);

/*
 * SASL PLAIN (RFC 4616), decoded bytes: [authzid] NUL authcid NUL passwd.
 * Slices point into message.  An authzid that differs from authcid byte for
 * byte is AMBIGUOUS; another NUL, an empty authcid or passwd is MALFORMED.
 */
compliance_rc_t compliance_sasl_plain(compliance_str_t message,
    compliance_str_t *login, compliance_str_t *password);

#endif
