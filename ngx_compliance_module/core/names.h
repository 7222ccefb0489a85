/*
 * Canonical names.  A name is made canonical once, here, before anyone judges
 * it, forwards it, or builds a key from it.
 */
#ifndef COMPLIANCE_NAMES_H
#define COMPLIANCE_NAMES_H

#include "compliance.h"


/* Principal: valid UTF-8 -> NFC and case-folded (utf8proc; plain ASCII takes a
 * short cut).  MALFORMED: empty, control characters, NUL, '*', '#', a leading
 * or trailing blank, a trailing dot, invalid UTF-8, unassigned, private or
 * invisible (zero-width, direction) code points, characters with a
 * compatibility mapping (fullwidth letters), or text whose folding is not
 * stable.  TOO_LONG over PRINCIPAL_MAX bytes.
 * "DOM\alice" keeps its backslash: aliases resolve it. */
compliance_rc_t compliance_principal_parse(compliance_str_t name,
    compliance_principal_t *out);

/* A device record's id: 1 to DEVICE_ID_MAX of [A-Za-z0-9._-], ASCII letters
 * upper-cased. */
compliance_rc_t compliance_device_id_parse(compliance_str_t id,
    compliance_device_id_t *out);

/* An EAS device id as it stands on the wire: 1 to 32 letters and digits ->
 * upper case; else exactly 16 bytes -> upper-case hex; else MALFORMED. */
compliance_rc_t compliance_eas_device_id(compliance_str_t raw,
    compliance_device_id_t *out);

/* 64 hex digits, with or without ':' between pairs, any case -> lower-case
 * hex.  out holds COMPLIANCE_FINGERPRINT_LEN + 1 bytes. */
compliance_rc_t compliance_fingerprint_parse(compliance_str_t text, char *out);

/* Group and policy names: 1 to GROUP_NAME_MAX of [a-z0-9._-], lower-case only,
 * beginning with a letter or digit. */
bool compliance_group_name_valid(compliance_str_t name);

bool compliance_principal_eq(const compliance_principal_t *a,
    const compliance_principal_t *b);
bool compliance_device_id_eq(const compliance_device_id_t *a,
    const compliance_device_id_t *b);

#endif
