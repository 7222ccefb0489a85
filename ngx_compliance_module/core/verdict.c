/*
 * The names of verdicts, reasons and bindings: one table each.  The names are
 * an interface: log formats, audit records, the CLI and dashboards read them,
 * so a name is never changed, only added.
 */
#include "verdict.h"

#include <string.h>


static const char *const compliance_verdict_names[] = {
    [COMPLIANCE_UNDECIDED] = "undecided",
    [COMPLIANCE_ALLOW] = "allow",
    [COMPLIANCE_BLOCK] = "block",
    [COMPLIANCE_BAD_REQUEST] = "bad_request",
    [COMPLIANCE_TEMPFAIL] = "tempfail",
};

static const char *const compliance_binding_names[] = {
    [COMPLIANCE_BINDING_NONE] = "none",
    [COMPLIANCE_BINDING_ASSERTED] = "asserted",
    [COMPLIANCE_BINDING_OWNER] = "owner",
    [COMPLIANCE_BINDING_SECRET] = "secret",
    [COMPLIANCE_BINDING_CERTIFICATE] = "certificate",
};

/* Whoever is blocked, whyever, reads the same: an asker must not learn from the
 * answer which names and devices exist. */
#define COMPLIANCE_TOLD                                                       \
    "This device does not meet your organisation's security rules."

static const struct {
    const char *name;
    const char *sentence;   /* for anyone who asks */
    const char *detail;     /* for the proven device's user, and for admins */
} compliance_reasons[] = {
    [COMPLIANCE_REASON_NONE] = { "none",
        "Access is not decided.",
        "No decision was made." },

    [COMPLIANCE_IDENTITY_MALFORMED] = { "identity_malformed",
        "The request does not say clearly who is asking.",
        "The user or device in the request is malformed." },
    [COMPLIANCE_IDENTITY_AMBIGUOUS] = { "identity_ambiguous",
        "The request can be understood in more than one way.",
        "The names in the request lead to different users or devices." },

    [COMPLIANCE_BREAK_GLASS] = { "break_glass",
        "Access is allowed.",
        "This is an emergency account: it is allowed from any device." },
    [COMPLIANCE_NOT_IN_SCOPE] = { "not_in_scope",
        "Access is allowed.",
        "No group of the user judges this kind of access." },
    [COMPLIANCE_REPORT_ONLY] = { "report_only",
        "Access is allowed.",
        "This would be blocked, but is only reported so far." },
    [COMPLIANCE_GRACE_BY_OVERRIDE] = { "grace_by_override",
        "Access is allowed for the time being.",
        "An administrator allowed this device for the time being." },
    [COMPLIANCE_EXEMPT_NETWORK] = { "exempt_network",
        "Access is allowed from this network.",
        "Devices are not judged in this network." },
    [COMPLIANCE_UNKNOWN_DEVICE_ALLOWED] = { "unknown_device_allowed",
        "Access is allowed.",
        "This device is not enrolled; the group admits unknown devices." },
    [COMPLIANCE_IN_GRACE] = { "in_grace",
        "Access is allowed for the time being.",
        "This device does not meet the security rules; it is allowed until "
        "its grace period ends." },
    [COMPLIANCE_NO_DEVICE_NEEDED] = { "no_device_needed",
        "Access is allowed.",
        "This kind of request names no device; the user may make it." },
    [COMPLIANCE_COMPLIANT] = { "compliant",
        "Access is allowed.",
        "This device meets the security rules." },

    [COMPLIANCE_USER_BLOCKED] = { "user_blocked", COMPLIANCE_TOLD,
        "This user is blocked on all devices." },
    [COMPLIANCE_BLOCKED_BY_OVERRIDE] = { "blocked_by_override",
        COMPLIANCE_TOLD,
        "An administrator blocked this device." },

    [COMPLIANCE_USER_UNKNOWN] = { "user_unknown", COMPLIANCE_TOLD,
        "This user is not recorded." },
    [COMPLIANCE_PROTOCOL_DENIED] = { "protocol_denied", COMPLIANCE_TOLD,
        "This kind of access is not permitted." },
    [COMPLIANCE_CLIENT_NOT_ALLOWED] = { "client_not_allowed",
        COMPLIANCE_TOLD,
        "This mail program is not permitted." },
    [COMPLIANCE_BINDING_TOO_WEAK] = { "binding_too_weak", COMPLIANCE_TOLD,
        "This device did not prove surely enough which device it is." },
    [COMPLIANCE_OWNER_MISMATCH] = { "owner_mismatch", COMPLIANCE_TOLD,
        "This device is registered to another user." },
    [COMPLIANCE_DEVICE_UNKNOWN] = { "device_unknown", COMPLIANCE_TOLD,
        "This device is not enrolled." },
    [COMPLIANCE_DEVICE_RETIRED] = { "device_retired", COMPLIANCE_TOLD,
        "This device was retired." },
    [COMPLIANCE_DEVICE_OUT_OF_CONTACT] = { "device_out_of_contact",
        COMPLIANCE_TOLD,
        "This device has not reported to the device management for too "
        "long." },
    [COMPLIANCE_RISK_TOO_HIGH] = { "risk_too_high", COMPLIANCE_TOLD,
        "The risk reported for this device is too high." },
    [COMPLIANCE_DEVICE_NONCOMPLIANT] = { "device_noncompliant",
        COMPLIANCE_TOLD,
        "This device does not meet the security rules." },

    [COMPLIANCE_STORE_UNAVAILABLE] = { "store_unavailable",
        "The security check is not available at the moment. "
        "Please try again shortly.",
        "The compliance records could not be read." },
};

_Static_assert(sizeof(compliance_reasons) / sizeof(compliance_reasons[0])
    == COMPLIANCE_REASONS, "every reason has its row");

#define COMPLIANCE_N(table)  (sizeof(table) / sizeof((table)[0]))


const char *
compliance_verdict_name(compliance_verdict_t verdict)
{
    if ((size_t) verdict >= COMPLIANCE_N(compliance_verdict_names)) {
        return compliance_verdict_names[COMPLIANCE_UNDECIDED];
    }

    return compliance_verdict_names[verdict];
}


const char *
compliance_reason_name(compliance_reason_t reason)
{
    if ((size_t) reason >= COMPLIANCE_REASONS) {
        return compliance_reasons[COMPLIANCE_REASON_NONE].name;
    }

    return compliance_reasons[reason].name;
}


compliance_reason_t
compliance_reason_parse(compliance_str_t name)
{
    for (size_t i = 0; i < COMPLIANCE_REASONS; i++) {
        const char *row = compliance_reasons[i].name;

        if (name.data != NULL && strlen(row) == name.len
            && memcmp(row, name.data, name.len) == 0)
        {
            return (compliance_reason_t) i;
        }
    }

    return COMPLIANCE_REASON_NONE;
}


const char *
compliance_binding_name(compliance_binding_t binding)
{
    if ((size_t) binding >= COMPLIANCE_N(compliance_binding_names)) {
        return compliance_binding_names[COMPLIANCE_BINDING_NONE];
    }

    return compliance_binding_names[binding];
}


compliance_binding_t
compliance_binding_parse(compliance_str_t name)
{
    for (size_t i = 0; i < COMPLIANCE_N(compliance_binding_names); i++) {
        const char *row = compliance_binding_names[i];

        if (name.data != NULL && strlen(row) == name.len
            && memcmp(row, name.data, name.len) == 0)
        {
            return (compliance_binding_t) i;
        }
    }

    return COMPLIANCE_BINDING_NONE;
}


const char *
compliance_reason_sentence(compliance_reason_t reason)
{
    if ((size_t) reason >= COMPLIANCE_REASONS) {
        return compliance_reasons[COMPLIANCE_REASON_NONE].sentence;
    }

    return compliance_reasons[reason].sentence;
}


const char *
compliance_reason_detail(compliance_reason_t reason)
{
    if ((size_t) reason >= COMPLIANCE_REASONS) {
        return compliance_reasons[COMPLIANCE_REASON_NONE].detail;
    }

    return compliance_reasons[reason].detail;
}
