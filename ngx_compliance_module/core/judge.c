/*
 * How a group judges: compliance_conditions[] is read from the top, and the
 * first condition that objects, and that neither an exempt network nor an
 * admin's grace lifts, is the reason told.
 *
 * Invariant: a condition on the device is only asked where its record is known
 * to be there or known to be missing.
 */
#include "judge.h"
#include "names.h"


/* A check-in from the future by more than a clock's error is no check-in. */
#define COMPLIANCE_CLOCK_SKEW  86400


/* The conditions of a group: each answers whether it objects. */

static bool
compliance_protocol_denied(const compliance_case_t *c)
{
    return (c->group->deny_protocols & COMPLIANCE_BIT(c->request->protocol))
           != 0;
}


static bool
compliance_client_listed(const compliance_case_t *c)
{
    if (c->request->vouched_client) {
        return true;
    }

    for (unsigned i = 0; i < c->group->n_clients; i++) {
        const char *pattern = c->group->clients[i];

        if (compliance_client_match(pattern, c->request->device_type)
            || compliance_client_match(pattern, c->request->user_agent))
        {
            return true;
        }
    }

    return false;
}


static bool
compliance_client_not_allowed(const compliance_case_t *c)
{
    return c->group->clients_restricted && !compliance_client_listed(c);
}


static bool
compliance_binding_too_weak(const compliance_case_t *c)
{
    compliance_binding_t least = c->group->min_binding;

    if (least > COMPLIANCE_BINDING_OWNER) {
        return c->binding < least;
    }

    /* the owner rung: where the record names an owner, the next condition
     * says more; where there is no record, the one after that does */
    return least == COMPLIANCE_BINDING_OWNER
           && c->device == COMPLIANCE_PRESENT
           && c->binding < least && c->facts->device.owner.len == 0;
}


bool
compliance_owned_by_user(const compliance_case_t *c)
{
    return c->device == COMPLIANCE_PRESENT && c->facts->user_claimed
           && c->facts->device.owner.len > 0
           && compliance_principal_eq(&c->facts->device.owner,
                &c->facts->user.principal);
}


static bool
compliance_owner_mismatch(const compliance_case_t *c)
{
    return c->group->min_binding >= COMPLIANCE_BINDING_OWNER
           && c->device == COMPLIANCE_PRESENT
           && c->facts->device.owner.len > 0
           && !compliance_owned_by_user(c);
}


static bool
compliance_device_unknown(const compliance_case_t *c)
{
    return c->device == COMPLIANCE_MISSING && !c->group->unknown_device_allow;
}


static bool
compliance_device_retired(const compliance_case_t *c)
{
    return c->device == COMPLIANCE_PRESENT
           && c->facts->device.state == COMPLIANCE_STATE_RETIRED;
}


static bool
compliance_device_out_of_contact(const compliance_case_t *c)
{
    int64_t last = c->facts->device.last_checkin;

    if (c->device != COMPLIANCE_PRESENT || c->group->max_checkin_age == 0) {
        return false;
    }

    return last == 0 || last - c->now > COMPLIANCE_CLOCK_SKEW
           || c->now - last > c->group->max_checkin_age;
}


static bool
compliance_risk_too_high(const compliance_case_t *c)
{
    if (c->device != COMPLIANCE_PRESENT
        || c->group->max_risk == COMPLIANCE_RISK_UNKNOWN)
    {
        return false;
    }

    return c->facts->device.risk == COMPLIANCE_RISK_UNKNOWN
           || c->facts->device.risk > c->group->max_risk;
}


/* An app that manages itself manages the device only for what that app asks */
static bool
compliance_device_managed(const compliance_case_t *c)
{
    switch (c->facts->device.management) {

    case COMPLIANCE_MANAGEMENT_MDM:
        return true;

    case COMPLIANCE_MANAGEMENT_MAM:
        return c->group->clients_restricted && compliance_client_listed(c);

    case COMPLIANCE_MANAGEMENT_UNKNOWN:
    case COMPLIANCE_MANAGEMENT_NONE:
        return false;
    }

    return false;
}


static bool
compliance_in_grace(const compliance_case_t *c)
{
    return c->device == COMPLIANCE_PRESENT
           && c->facts->device.state == COMPLIANCE_STATE_GRACE
           && c->group->require == COMPLIANCE_REQUIRE_COMPLIANT
           && c->facts->device.grace_until > c->now;
}


static bool
compliance_device_noncompliant(const compliance_case_t *c)
{
    if (c->device != COMPLIANCE_PRESENT) {
        return false;
    }

    switch (c->group->require) {

    case COMPLIANCE_REQUIRE_KNOWN:
        return false;

    case COMPLIANCE_REQUIRE_MANAGED:
        return !compliance_device_managed(c);

    case COMPLIANCE_REQUIRE_COMPLIANT:
        return c->facts->device.state != COMPLIANCE_STATE_COMPLIANT
               && !compliance_in_grace(c);
    }

    return true;
}


#define COMPLIANCE_OF_DEVICE  0x01   /* needs the device's record */
#define COMPLIANCE_EXEMPTED   0x02   /* an exempt network lifts it */
#define COMPLIANCE_OVERRIDDEN 0x04   /* an override of grace lifts it */

static const struct {
    compliance_reason_t reason;
    unsigned            flags;
    bool              (*objects)(const compliance_case_t *c);
} compliance_conditions[COMPLIANCE_CONDITIONS] = {

    { COMPLIANCE_PROTOCOL_DENIED, 0, compliance_protocol_denied },

    { COMPLIANCE_CLIENT_NOT_ALLOWED, COMPLIANCE_EXEMPTED,
      compliance_client_not_allowed },

    { COMPLIANCE_BINDING_TOO_WEAK, COMPLIANCE_OF_DEVICE|COMPLIANCE_EXEMPTED,
      compliance_binding_too_weak },

    { COMPLIANCE_OWNER_MISMATCH, COMPLIANCE_OF_DEVICE|COMPLIANCE_EXEMPTED,
      compliance_owner_mismatch },

    { COMPLIANCE_DEVICE_UNKNOWN, COMPLIANCE_OF_DEVICE|COMPLIANCE_EXEMPTED,
      compliance_device_unknown },

    { COMPLIANCE_DEVICE_RETIRED, COMPLIANCE_OF_DEVICE,
      compliance_device_retired },

    { COMPLIANCE_DEVICE_OUT_OF_CONTACT,
      COMPLIANCE_OF_DEVICE|COMPLIANCE_EXEMPTED|COMPLIANCE_OVERRIDDEN,
      compliance_device_out_of_contact },

    { COMPLIANCE_RISK_TOO_HIGH,
      COMPLIANCE_OF_DEVICE|COMPLIANCE_EXEMPTED|COMPLIANCE_OVERRIDDEN,
      compliance_risk_too_high },

    { COMPLIANCE_DEVICE_NONCOMPLIANT,
      COMPLIANCE_OF_DEVICE|COMPLIANCE_EXEMPTED|COMPLIANCE_OVERRIDDEN,
      compliance_device_noncompliant },
};


compliance_reason_t
compliance_condition_reason(size_t i)
{
    return i < COMPLIANCE_CONDITIONS ? compliance_conditions[i].reason
                                     : COMPLIANCE_REASON_NONE;
}


static void
compliance_note(const compliance_case_t *c, size_t i,
    compliance_condition_t outcome)
{
    if (c->noted != NULL) {
        c->noted->conditions[i] = outcome;
    }
}


static bool
compliance_network_exempt(const compliance_case_t *c)
{
    if (!c->request->has_address) {
        return false;
    }

    for (unsigned i = 0; i < c->group->n_networks; i++) {
        if (compliance_network_contains(&c->group->networks[i],
                c->request->address))
        {
            return true;
        }
    }

    return false;
}


bool
compliance_override_active(const compliance_case_t *c,
    compliance_override_t override)
{
    const compliance_device_t *device = &c->facts->device;

    return !c->device_free && c->device == COMPLIANCE_PRESENT
           && device->override == override
           && (device->override_until == 0 || c->now < device->override_until);
}


/* Why a group that objects to nothing admits. */
static compliance_reason_t
compliance_allow_reason(const compliance_case_t *c)
{
    if (c->device_free) {
        return COMPLIANCE_NO_DEVICE_NEEDED;
    }

    if (c->device == COMPLIANCE_MISSING) {
        return COMPLIANCE_UNKNOWN_DEVICE_ALLOWED;
    }

    return compliance_in_grace(c) ? COMPLIANCE_IN_GRACE : COMPLIANCE_COMPLIANT;
}


compliance_verdict_t
compliance_group_judge(const compliance_case_t *c, compliance_reason_t *reason)
{
    bool                exempt = compliance_network_exempt(c);
    bool                graced, unsure = false;
    compliance_reason_t lifted = COMPLIANCE_REASON_NONE;

    graced = compliance_override_active(c, COMPLIANCE_OVERRIDE_GRACE);

    for (size_t i = 0; i < COMPLIANCE_CONDITIONS; i++) {
        unsigned flags = compliance_conditions[i].flags;

        if (flags & COMPLIANCE_OF_DEVICE) {
            if (c->device_free) {
                compliance_note(c, i, COMPLIANCE_CONDITION_NO_DEVICE);
                continue;
            }

            if (c->device == COMPLIANCE_PRESENCE_UNKNOWN) {
                compliance_note(c, i, COMPLIANCE_CONDITION_NOT_KNOWN);
                unsure = true;
                continue;
            }
        }

        if (!compliance_conditions[i].objects(c)) {
            compliance_note(c, i, COMPLIANCE_CONDITION_PASSED);
            continue;
        }

        if (graced && (flags & COMPLIANCE_OVERRIDDEN)) {
            compliance_note(c, i, COMPLIANCE_CONDITION_GRACED);
            lifted = COMPLIANCE_GRACE_BY_OVERRIDE;
            continue;
        }

        if (exempt && (flags & COMPLIANCE_EXEMPTED)) {
            compliance_note(c, i, COMPLIANCE_CONDITION_EXEMPTED);

            if (lifted == COMPLIANCE_REASON_NONE) {
                lifted = COMPLIANCE_EXEMPT_NETWORK;
            }

            continue;
        }

        compliance_note(c, i, COMPLIANCE_CONDITION_OBJECTED);
        *reason = compliance_conditions[i].reason;

        return COMPLIANCE_BLOCK;
    }

    if (unsure) {
        *reason = COMPLIANCE_STORE_UNAVAILABLE;
        return COMPLIANCE_TEMPFAIL;
    }

    *reason = lifted != COMPLIANCE_REASON_NONE ? lifted
                                               : compliance_allow_reason(c);

    return COMPLIANCE_ALLOW;
}


/* The next moment at which time alone may change a judgement. */

static void
compliance_deadline(compliance_case_t *c, int64_t at)
{
    if (at > c->now
        && (c->decision.deadline == 0 || at < c->decision.deadline))
    {
        c->decision.deadline = at;
    }
}


void
compliance_override_deadline(compliance_case_t *c)
{
    if (c->device == COMPLIANCE_PRESENT
        && c->facts->device.override != COMPLIANCE_OVERRIDE_NONE)
    {
        compliance_deadline(c, c->facts->device.override_until);
    }
}


void
compliance_group_deadlines(compliance_case_t *c)
{
    const compliance_device_t *device = &c->facts->device;

    if (c->group->mode == COMPLIANCE_MODE_ENFORCE) {
        compliance_deadline(c, c->group->enforce_from);
    }

    if (c->device_free || c->device != COMPLIANCE_PRESENT) {
        return;
    }

    if (device->state == COMPLIANCE_STATE_GRACE) {
        compliance_deadline(c, device->grace_until);
    }

    if (c->group->max_checkin_age > 0 && device->last_checkin > 0) {
        compliance_deadline(c, device->last_checkin - COMPLIANCE_CLOCK_SKEW);
        compliance_deadline(c,
            device->last_checkin + c->group->max_checkin_age + 1);
    }
}
