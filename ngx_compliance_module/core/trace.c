/*
 * The names of what a trace holds: read by the CLI's explain, and by whoever
 * shows a decision's way.  As with verdicts, a name is never changed.
 */
#include "decide.h"


static const char *const compliance_step_names[COMPLIANCE_STEPS] = {
    [COMPLIANCE_STEP_IDENTITY] = "identity",
    [COMPLIANCE_STEP_BREAK_GLASS] = "break_glass",
    [COMPLIANCE_STEP_USER_BLOCKED] = "user_blocked",
    [COMPLIANCE_STEP_OVERRIDE] = "override",
    [COMPLIANCE_STEP_GROUPS_KNOWN] = "groups_known",
    [COMPLIANCE_STEP_USER_UNKNOWN] = "user_unknown",
    [COMPLIANCE_STEP_GROUPS] = "groups",
};


const char *
compliance_step_name(compliance_step_t step)
{
    return (unsigned) step < COMPLIANCE_STEPS ? compliance_step_names[step]
                                              : "none";
}


const char *
compliance_scope_name(compliance_scope_t scope)
{
    switch (scope) {
    case COMPLIANCE_SCOPE_OFF:
        return "mode_off";
    case COMPLIANCE_SCOPE_PROTOCOL:
        return "other_protocols";
    case COMPLIANCE_SCOPE_IN:
        return "in_scope";
    }

    return "none";
}


const char *
compliance_enforcement_name(compliance_enforcement_t enforcement)
{
    switch (enforcement) {
    case COMPLIANCE_REPORTS_BY_MODE:
        return "by_mode";
    case COMPLIANCE_REPORTS_UNTIL:
        return "enforce_from";
    case COMPLIANCE_REPORTS_ROLLOUT:
        return "rollout_percent";
    case COMPLIANCE_ENFORCES:
        return "enforced";
    }

    return "none";
}


const char *
compliance_condition_name(compliance_condition_t outcome)
{
    switch (outcome) {
    case COMPLIANCE_CONDITION_NOT_REACHED:
        return "not_reached";
    case COMPLIANCE_CONDITION_PASSED:
        return "passed";
    case COMPLIANCE_CONDITION_OBJECTED:
        return "objected";
    case COMPLIANCE_CONDITION_GRACED:
        return "lifted_by_grace";
    case COMPLIANCE_CONDITION_EXEMPTED:
        return "lifted_by_network";
    case COMPLIANCE_CONDITION_NO_DEVICE:
        return "no_device_needed";
    case COMPLIANCE_CONDITION_NOT_KNOWN:
        return "not_known";
    }

    return "none";
}
