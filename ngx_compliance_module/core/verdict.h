/*
 * Verdicts, reasons and bindings, and their names: one table each in
 * verdict.c, read by nginx variables, the audit, the portal and the CLI.
 */
#ifndef COMPLIANCE_VERDICT_H
#define COMPLIANCE_VERDICT_H

#include "compliance.h"


typedef enum {
    COMPLIANCE_UNDECIDED = 0,   /* reaching `act` with it is a bug: it denies */
    COMPLIANCE_ALLOW,
    COMPLIANCE_BLOCK,
    COMPLIANCE_BAD_REQUEST,
    COMPLIANCE_TEMPFAIL
} compliance_verdict_t;

/* The order is the order of judging: of two blocking reasons of one group the
 * lower one is told. */
typedef enum {
    COMPLIANCE_REASON_NONE = 0,
    /* bad request */
    COMPLIANCE_IDENTITY_MALFORMED,
    COMPLIANCE_IDENTITY_AMBIGUOUS,
    /* allow */
    COMPLIANCE_BREAK_GLASS,
    COMPLIANCE_NOT_IN_SCOPE,
    COMPLIANCE_REPORT_ONLY,            /* would_reason says what it would be */
    COMPLIANCE_GRACE_BY_OVERRIDE,
    COMPLIANCE_EXEMPT_NETWORK,
    COMPLIANCE_UNKNOWN_DEVICE_ALLOWED,
    COMPLIANCE_IN_GRACE,
    COMPLIANCE_NO_DEVICE_NEEDED,       /* EAS OPTIONS, Autodiscover */
    COMPLIANCE_COMPLIANT,
    /* block, above any group */
    COMPLIANCE_USER_BLOCKED,
    COMPLIANCE_BLOCKED_BY_OVERRIDE,
    /* block, judged by a group */
    COMPLIANCE_USER_UNKNOWN,
    COMPLIANCE_PROTOCOL_DENIED,
    COMPLIANCE_CLIENT_NOT_ALLOWED,
    COMPLIANCE_BINDING_TOO_WEAK,
    COMPLIANCE_OWNER_MISMATCH,
    COMPLIANCE_DEVICE_UNKNOWN,
    COMPLIANCE_DEVICE_RETIRED,
    COMPLIANCE_DEVICE_OUT_OF_CONTACT,
    COMPLIANCE_RISK_TOO_HIGH,
    COMPLIANCE_DEVICE_NONCOMPLIANT,
    /* temporary failure */
    COMPLIANCE_STORE_UNAVAILABLE,
    COMPLIANCE_REASONS
} compliance_reason_t;

/* How surely the device is the one it says it is, weakest first. */
typedef enum {
    COMPLIANCE_BINDING_NONE = 0,   /* no device at all */
    COMPLIANCE_BINDING_ASSERTED,
    COMPLIANCE_BINDING_OWNER,
    COMPLIANCE_BINDING_SECRET,
    COMPLIANCE_BINDING_CERTIFICATE
} compliance_binding_t;

const char *compliance_verdict_name(compliance_verdict_t verdict);
const char *compliance_reason_name(compliance_reason_t reason);
compliance_reason_t compliance_reason_parse(compliance_str_t name);
const char *compliance_binding_name(compliance_binding_t binding);
compliance_binding_t compliance_binding_parse(compliance_str_t name);

/* One plain sentence in English that anyone may be told: the same for every
 * blocking reason, so that an asker does not learn which names exist. */
const char *compliance_reason_sentence(compliance_reason_t reason);
/* One that says why: for a proven device, a signed-in user, or an admin. */
const char *compliance_reason_detail(compliance_reason_t reason);

#endif
