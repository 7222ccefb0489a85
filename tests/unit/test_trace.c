/*
 * What a decision's trace tells: the step that settled it, and of each group
 * why it judged, why it holds, and what became of every condition.
 */
#include "fixture.h"

#include <stdio.h>
#include <stdlib.h>


static compliance_request_t   request;
static compliance_facts_t     facts;
static compliance_snapshot_t *snapshot;
static compliance_trace_t     trace;


static void
set(const char *name, const char *field, const char *value)
{
    compliance_group_t *group;

    group = (compliance_group_t *) compliance_snapshot_find(snapshot,
        str(name));
    cr_assert_eq(compliance_group_set(group, str(field), str(value)),
        COMPLIANCE_OK, "%s.%s = %s", name, field, value);
}


/* Alice of the enforced group sales, with her own compliant, managed phone. */
static void
setup(void)
{
    snapshot = malloc(sizeof(*snapshot));
    cr_assert_not_null(snapshot);
    compliance_snapshot_init(snapshot);
    cr_assert_not_null(compliance_snapshot_add(snapshot, str("sales")));
    cr_assert_not_null(compliance_snapshot_add(snapshot, str("pilot")));
    set("sales", "mode", "enforce");

    request = alice_by_eas();

    memset(&facts, 0, sizeof(facts));
    facts.device_claimed = true;
    facts.device_presence = COMPLIANCE_PRESENT;
    facts.device.id = device_id("PHONE1");
    facts.device.owner = principal("alice");
    facts.device.state = COMPLIANCE_STATE_COMPLIANT;
    facts.device.management = COMPLIANCE_MANAGEMENT_MDM;
    facts.device.risk = COMPLIANCE_RISK_LOW;
    facts.device.last_checkin = TEST_NOW - 3600;
    facts.binding = COMPLIANCE_BINDING_ASSERTED;
    facts.user_claimed = true;
    facts.user_presence = COMPLIANCE_PRESENT;
    facts.user.principal = principal("alice");
    strcpy(facts.user.groups, "sales");

    /* what an earlier decision left must not show */
    memset(&trace, 0x5a, sizeof(trace));
}


static void
teardown(void)
{
    free(snapshot);
}


TestSuite(trace, .init = setup, .fini = teardown);


static compliance_decision_t
decide(void)
{
    compliance_decision_t told, untold;

    told = compliance_decide(&request, &facts, snapshot, TEST_NOW, &trace);
    untold = compliance_decide(&request, &facts, snapshot, TEST_NOW, NULL);

    cr_assert_eq(told.verdict, untold.verdict);
    cr_assert_eq(told.reason, untold.reason);
    cr_assert_eq(told.group, untold.group);
    cr_assert_eq(told.would_block, untold.would_block);
    cr_assert_eq(told.deadline, untold.deadline);

    return told;
}


static compliance_condition_t
outcome(size_t judgement, compliance_reason_t reason)
{
    for (size_t i = 0; i < COMPLIANCE_CONDITIONS; i++) {
        if (compliance_condition_reason(i) == reason) {
            return trace.judgements[judgement].conditions[i];
        }
    }

    cr_assert(false, "no condition objects for %s",
        compliance_reason_name(reason));
    return COMPLIANCE_CONDITION_NOT_REACHED;
}


#define STEP(expected)                                                        \
    do {                                                                      \
        (void) decide();                                                      \
        cr_assert_eq(trace.step, expected, "%s",                              \
            compliance_step_name(trace.step));                                \
    } while (0)


Test(trace, each_step_that_settles_it_is_named)
{
    STEP(COMPLIANCE_STEP_GROUPS);
    cr_assert_eq(trace.n, 1);

    facts.user_presence = COMPLIANCE_MISSING;
    set("default", "unknown_user", "block");
    STEP(COMPLIANCE_STEP_USER_UNKNOWN);
    cr_assert_eq(trace.n, 0);

    facts.user_presence = COMPLIANCE_PRESENCE_UNKNOWN;
    STEP(COMPLIANCE_STEP_GROUPS_KNOWN);

    facts.user_presence = COMPLIANCE_PRESENT;
    facts.device.override = COMPLIANCE_OVERRIDE_BLOCK;
    STEP(COMPLIANCE_STEP_OVERRIDE);

    facts.user.blocked = true;
    STEP(COMPLIANCE_STEP_USER_BLOCKED);

    facts.user.break_glass = true;
    STEP(COMPLIANCE_STEP_BREAK_GLASS);

    request.identity = COMPLIANCE_MALFORMED;
    STEP(COMPLIANCE_STEP_IDENTITY);
    cr_assert_eq(trace.n, 0);
}


Test(trace, conditions_pass_in_order_up_to_the_one_that_objects)
{
    (void) decide();

    for (size_t i = 0; i < COMPLIANCE_CONDITIONS; i++) {
        cr_assert_eq(trace.judgements[0].conditions[i],
            COMPLIANCE_CONDITION_PASSED, "condition %zu", i);
    }

    facts.device.state = COMPLIANCE_STATE_RETIRED;
    (void) decide();

    for (size_t i = 0; i < COMPLIANCE_CONDITIONS; i++) {
        compliance_reason_t reason = compliance_condition_reason(i);

        cr_assert_eq(trace.judgements[0].conditions[i],
            reason < COMPLIANCE_DEVICE_RETIRED ? COMPLIANCE_CONDITION_PASSED
            : reason == COMPLIANCE_DEVICE_RETIRED
              ? COMPLIANCE_CONDITION_OBJECTED
              : COMPLIANCE_CONDITION_NOT_REACHED, "condition %zu", i);
    }
}


Test(trace, a_lifted_objection_is_told_with_what_lifts_it)
{
    set("sales", "max_risk", "none");
    set("sales", "exempt_networks", "10.0.0.0/8");
    facts.device.state = COMPLIANCE_STATE_NONCOMPLIANT;
    facts.device.override = COMPLIANCE_OVERRIDE_GRACE;
    facts.device.owner = principal("bob");
    request.has_address = true;
    memcpy(request.address,
        (uint8_t[16]) { 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 255, 255, 10, 0, 0, 1 },
        16);
    (void) decide();

    cr_assert_eq(outcome(0, COMPLIANCE_OWNER_MISMATCH),
        COMPLIANCE_CONDITION_EXEMPTED);
    cr_assert_eq(outcome(0, COMPLIANCE_RISK_TOO_HIGH),
        COMPLIANCE_CONDITION_GRACED);
    cr_assert_eq(outcome(0, COMPLIANCE_DEVICE_NONCOMPLIANT),
        COMPLIANCE_CONDITION_GRACED);
    cr_assert_eq(trace.judgements[0].reason, COMPLIANCE_GRACE_BY_OVERRIDE);

    facts.device.override = COMPLIANCE_OVERRIDE_NONE;
    (void) decide();
    cr_assert_eq(outcome(0, COMPLIANCE_DEVICE_NONCOMPLIANT),
        COMPLIANCE_CONDITION_EXEMPTED);
}


Test(trace, what_is_not_asked_says_why)
{
    request.device_free = true;
    (void) decide();
    cr_assert_eq(outcome(0, COMPLIANCE_PROTOCOL_DENIED),
        COMPLIANCE_CONDITION_PASSED);
    cr_assert_eq(outcome(0, COMPLIANCE_CLIENT_NOT_ALLOWED),
        COMPLIANCE_CONDITION_PASSED);
    cr_assert_eq(outcome(0, COMPLIANCE_DEVICE_NONCOMPLIANT),
        COMPLIANCE_CONDITION_NO_DEVICE);

    request.device_free = false;
    facts.device_presence = COMPLIANCE_PRESENCE_UNKNOWN;
    (void) decide();
    cr_assert_eq(outcome(0, COMPLIANCE_PROTOCOL_DENIED),
        COMPLIANCE_CONDITION_PASSED);
    cr_assert_eq(outcome(0, COMPLIANCE_BINDING_TOO_WEAK),
        COMPLIANCE_CONDITION_NOT_KNOWN);
    cr_assert_eq(outcome(0, COMPLIANCE_DEVICE_NONCOMPLIANT),
        COMPLIANCE_CONDITION_NOT_KNOWN);
}


Test(trace, a_group_tells_why_it_does_not_judge)
{
    set("sales", "protocols", "imap");
    (void) decide();
    cr_assert_eq(trace.judgements[0].scope, COMPLIANCE_SCOPE_PROTOCOL);
    cr_assert_not(trace.judgements[0].in_scope);
    cr_assert_eq(outcome(0, COMPLIANCE_PROTOCOL_DENIED),
        COMPLIANCE_CONDITION_NOT_REACHED);

    set("sales", "deny_protocols", "eas");
    (void) decide();
    cr_assert_eq(trace.judgements[0].scope, COMPLIANCE_SCOPE_IN);
    cr_assert_eq(outcome(0, COMPLIANCE_PROTOCOL_DENIED),
        COMPLIANCE_CONDITION_OBJECTED);

    set("sales", "mode", "off");
    (void) decide();
    cr_assert_eq(trace.judgements[0].scope, COMPLIANCE_SCOPE_OFF);
    cr_assert_eq(trace.judgements[0].enforcement, COMPLIANCE_REPORTS_BY_MODE);
}


Test(trace, a_group_out_of_scope_admits_and_says_so)
{
    set("sales", "protocols", "imap");
    (void) compliance_decide(&request, &facts, snapshot, TEST_NOW, &trace);
    cr_assert_eq(trace.n, 1);
    cr_assert_not(trace.judgements[0].in_scope);
    cr_assert_eq(trace.judgements[0].verdict, COMPLIANCE_ALLOW);
    cr_assert_eq(trace.judgements[0].reason, COMPLIANCE_NOT_IN_SCOPE);
}


Test(trace, a_group_tells_why_it_only_reports)
{
    unsigned bucket = compliance_rollout_bucket(&facts.user.principal);
    char     percent[8];

    (void) decide();
    cr_assert_eq(trace.judgements[0].enforcement, COMPLIANCE_ENFORCES);
    cr_assert(trace.judgements[0].enforced);
    cr_assert_eq(trace.bucket, bucket);

    snprintf(percent, sizeof(percent), "%u", bucket);
    set("sales", "rollout_percent", percent);
    (void) decide();
    cr_assert_eq(trace.judgements[0].enforcement, COMPLIANCE_REPORTS_ROLLOUT);
    cr_assert_not(trace.judgements[0].enforced);

    snprintf(percent, sizeof(percent), "%u", bucket + 1);
    set("sales", "rollout_percent", percent);
    (void) decide();
    cr_assert_eq(trace.judgements[0].enforcement, COMPLIANCE_ENFORCES);

    set("sales", "enforce_from", "1700000001");
    (void) decide();
    cr_assert_eq(trace.judgements[0].enforcement, COMPLIANCE_REPORTS_UNTIL);

    set("sales", "enforce_from", "1700000000");
    (void) decide();
    cr_assert_eq(trace.judgements[0].enforcement, COMPLIANCE_ENFORCES);

    set("sales", "mode", "report");
    (void) decide();
    cr_assert_eq(trace.judgements[0].enforcement, COMPLIANCE_REPORTS_BY_MODE);
}


Test(trace, nobody_in_particular_is_in_the_first_bucket)
{
    facts.user_claimed = false;
    request.user_source = COMPLIANCE_USER_FROM_NONE;
    (void) decide();
    cr_assert_eq(trace.bucket, 0);
    cr_assert_str_eq(trace.judgements[0].group->name, "default");
}


Test(trace, every_group_has_conditions_of_its_own)
{
    strcpy(facts.user.groups, "pilot,sales");
    set("pilot", "max_risk", "none");
    facts.device.state = COMPLIANCE_STATE_NONCOMPLIANT;
    (void) decide();

    cr_assert_eq(trace.n, 2);
    cr_assert_eq(outcome(0, COMPLIANCE_RISK_TOO_HIGH),
        COMPLIANCE_CONDITION_OBJECTED);
    cr_assert_eq(outcome(0, COMPLIANCE_DEVICE_NONCOMPLIANT),
        COMPLIANCE_CONDITION_NOT_REACHED);
    cr_assert_eq(outcome(1, COMPLIANCE_RISK_TOO_HIGH),
        COMPLIANCE_CONDITION_PASSED);
    cr_assert_eq(outcome(1, COMPLIANCE_DEVICE_NONCOMPLIANT),
        COMPLIANCE_CONDITION_OBJECTED);
}


Test(trace, the_conditions_are_told_in_the_order_of_the_reasons)
{
    for (size_t i = 1; i < COMPLIANCE_CONDITIONS; i++) {
        cr_assert_lt(compliance_condition_reason(i - 1),
            compliance_condition_reason(i));
    }

    cr_assert_eq(compliance_condition_reason(COMPLIANCE_CONDITIONS),
        COMPLIANCE_REASON_NONE);
}


Test(trace, every_name_is_one_of_its_own)
{
    const char *names[32];
    size_t      n = 0;

    for (int i = 0; i < COMPLIANCE_STEPS; i++) {
        names[n++] = compliance_step_name((compliance_step_t) i);
    }

    for (int i = 0; i <= COMPLIANCE_SCOPE_IN; i++) {
        names[n++] = compliance_scope_name((compliance_scope_t) i);
    }

    for (int i = 0; i <= COMPLIANCE_ENFORCES; i++) {
        names[n++] = compliance_enforcement_name((compliance_enforcement_t) i);
    }

    for (int i = 0; i <= COMPLIANCE_CONDITION_NOT_KNOWN; i++) {
        names[n++] = compliance_condition_name((compliance_condition_t) i);
    }

    for (size_t i = 0; i < n; i++) {
        cr_assert_str_neq(names[i], "none");

        for (size_t k = 0; k < i; k++) {
            cr_assert_str_neq(names[i], names[k]);
        }
    }

    cr_assert_str_eq(compliance_step_name(COMPLIANCE_STEPS), "none");
}
