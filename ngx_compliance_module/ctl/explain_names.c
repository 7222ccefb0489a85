/*
 * What core has no names for, because only an explanation tells it.
 */
#include "explain.h"


const char *
ctl_presence_name(compliance_presence_t presence)
{
    switch (presence) {
    case COMPLIANCE_PRESENCE_UNKNOWN:
        return "not looked up";
    case COMPLIANCE_MISSING:
        return "no record";
    case COMPLIANCE_PRESENT:
        return "found";
    }

    return "not looked up";
}


const char *
ctl_user_source_name(compliance_user_source_t source)
{
    switch (source) {
    case COMPLIANCE_USER_FROM_NONE:
        return "none";
    case COMPLIANCE_USER_FROM_CREDENTIAL:
        return "credential";
    case COMPLIANCE_USER_FROM_OWNER:
        return "owner of the device";
    case COMPLIANCE_USER_FROM_LOGIN:
        return "about to log in";
    }

    return "none";
}


const char *
ctl_device_source_name(compliance_device_source_t source)
{
    switch (source) {
    case COMPLIANCE_DEVICE_FROM_NONE:
        return "none";
    case COMPLIANCE_DEVICE_FROM_EAS:
        return "eas DeviceId";
    case COMPLIANCE_DEVICE_FROM_TAG:
        return "login tag";
    case COMPLIANCE_DEVICE_FROM_SIGNED_TAG:
        return "signed login tag";
    case COMPLIANCE_DEVICE_FROM_COOKIE:
        return "cookie";
    case COMPLIANCE_DEVICE_FROM_VARIABLE:
        return "record id";
    case COMPLIANCE_DEVICE_FROM_CERTIFICATE:
        return "certificate";
    }

    return "none";
}


const char *
ctl_mode_name(compliance_mode_t mode)
{
    switch (mode) {
    case COMPLIANCE_MODE_OFF:
        return "off";
    case COMPLIANCE_MODE_REPORT:
        return "report";
    case COMPLIANCE_MODE_ENFORCE:
        return "enforce";
    }

    return "none";
}


const char *
ctl_claim_name(const compliance_claim_t *claim)
{
    return claim->source == COMPLIANCE_DEVICE_FROM_CERTIFICATE
           ? claim->fingerprint : claim->id.data;
}


const char *
ctl_step_outcome(const compliance_trace_t *trace, int step)
{
    if (step == (int) trace->step) {
        return "decided";
    }

    return step < (int) trace->step ? "passed" : "not_reached";
}


static const char *
reports_why(const compliance_judgement_t *judgement,
    const compliance_trace_t *trace)
{
    switch (judgement->enforcement) {

    case COMPLIANCE_REPORTS_BY_MODE:
        return ctl_format("only reports: mode %s",
                          ctl_mode_name(judgement->group->mode));

    case COMPLIANCE_REPORTS_UNTIL:
        return ctl_format("only reports until enforce_from, %s",
                          ctl_time_format(judgement->group->enforce_from));

    case COMPLIANCE_REPORTS_ROLLOUT:
        return ctl_format("only reports: the user's bucket %u is not below "
                          "rollout_percent %u", trace->bucket,
                          judgement->group->rollout_percent);

    case COMPLIANCE_ENFORCES:
        return judgement->group->rollout_percent == 100
               ? "enforced"
               : ctl_format("enforced: the user's bucket %u is below "
                            "rollout_percent %u", trace->bucket,
                            judgement->group->rollout_percent);
    }

    return "";
}


const char *
ctl_judgement_why(const compliance_judgement_t *judgement,
    const compliance_trace_t *trace)
{
    switch (judgement->scope) {
    case COMPLIANCE_SCOPE_OFF:
        return "does not judge: mode off";
    case COMPLIANCE_SCOPE_PROTOCOL:
        return "does not judge: neither protocols nor deny_protocols names "
               "this one";
    case COMPLIANCE_SCOPE_IN:
        break;
    }

    return reports_why(judgement, trace);
}


const char *
ctl_condition_text(compliance_condition_t outcome)
{
    switch (outcome) {
    case COMPLIANCE_CONDITION_NOT_REACHED:
        return "not reached: one above objects";
    case COMPLIANCE_CONDITION_PASSED:
        return "passed";
    case COMPLIANCE_CONDITION_OBJECTED:
        return "objects";
    case COMPLIANCE_CONDITION_GRACED:
        return "objects, lifted by the device's override";
    case COMPLIANCE_CONDITION_EXEMPTED:
        return "objects, lifted by an exempt network";
    case COMPLIANCE_CONDITION_NO_DEVICE:
        return "not asked: this request needs no device";
    case COMPLIANCE_CONDITION_NOT_KNOWN:
        return "not asked: the store did not answer";
    }

    return "";
}
