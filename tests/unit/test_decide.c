/*
 * The decision, step by step and condition by condition.
 */
#include "fixture.h"

#include <stdio.h>
#include <stdlib.h>


static compliance_request_t   request;
static compliance_facts_t     facts;
static compliance_snapshot_t *snapshot;
static compliance_trace_t     trace;


static compliance_group_t *
group(const char *name)
{
    return (compliance_group_t *) compliance_snapshot_find(snapshot,
        str(name));
}


static void
set(const char *name, const char *field, const char *value)
{
    cr_assert_eq(compliance_group_set(group(name), str(field), str(value)),
        COMPLIANCE_OK, "%s.%s = %s", name, field, value);
}


static void
user_groups(const char *groups)
{
    strcpy(facts.user.groups, groups);
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
    facts.device.last_checkin = TEST_NOW - 3600;
    facts.binding = COMPLIANCE_BINDING_ASSERTED;
    facts.user_claimed = true;
    facts.user_presence = COMPLIANCE_PRESENT;
    facts.user.principal = principal("alice");
    user_groups("sales");
}


static void
teardown(void)
{
    free(snapshot);
}


TestSuite(decide, .init = setup, .fini = teardown);


static compliance_decision_t
decide(void)
{
    return compliance_decide(&request, &facts, snapshot, TEST_NOW, &trace);
}


static void
expect(const compliance_decision_t *d, compliance_verdict_t verdict,
    compliance_reason_t reason, const char *group_name, int line)
{
    cr_assert_eq(d->verdict, verdict, "line %d: %s, reason %s", line,
        compliance_verdict_name(d->verdict), compliance_reason_name(d->reason));
    cr_assert_eq(d->reason, reason, "line %d: reason %s", line,
        compliance_reason_name(d->reason));

    if (group_name == NULL) {
        cr_assert_null(d->group, "line %d", line);

    } else {
        cr_assert_not_null(d->group, "line %d", line);
        cr_assert_str_eq(d->group->name, group_name, "line %d", line);
    }
}


#define EXPECT(verdict, reason, group_name)                                   \
    do {                                                                      \
        compliance_decision_t d_ = decide();                                  \
        expect(&d_, verdict, reason, group_name, __LINE__);                   \
    } while (0)

#define ALLOWED(reason, group_name)                                           \
    EXPECT(COMPLIANCE_ALLOW, reason, group_name)
#define BLOCKED(reason, group_name)                                           \
    EXPECT(COMPLIANCE_BLOCK, reason, group_name)
#define TEMPFAILED()                                                          \
    EXPECT(COMPLIANCE_TEMPFAIL, COMPLIANCE_STORE_UNAVAILABLE, NULL)


static void
device_not_recorded(void)
{
    compliance_device_id_t id = facts.device.id;

    memset(&facts.device, 0, sizeof(facts.device));
    facts.device.id = id;
    facts.device_presence = COMPLIANCE_MISSING;
}


static void
device_not_answered(void)
{
    device_not_recorded();
    facts.device_presence = COMPLIANCE_PRESENCE_UNKNOWN;
    facts.binding = COMPLIANCE_BINDING_NONE;
}


static void
user_not_recorded(void)
{
    compliance_principal_t name = facts.user.principal;

    memset(&facts.user, 0, sizeof(facts.user));
    facts.user.principal = name;
    facts.user_presence = COMPLIANCE_MISSING;
}


static void
user_not_answered(void)
{
    user_not_recorded();
    facts.user_presence = COMPLIANCE_PRESENCE_UNKNOWN;
}


/* A browser without a certificate. */
static void
web_without_proof(void)
{
    request.protocol = COMPLIANCE_WEB;
    request.user_source = COMPLIANCE_USER_FROM_OWNER;
    request.n_claims = 0;
    request.user.len = 0;
    memset(&facts, 0, sizeof(facts));
    facts.device_presence = COMPLIANCE_MISSING;
    facts.user_presence = COMPLIANCE_MISSING;
}


Test(decide, a_compliant_device_of_its_owner_is_allowed)
{
    compliance_decision_t d = decide();

    expect(&d, COMPLIANCE_ALLOW, COMPLIANCE_COMPLIANT, "sales", __LINE__);
    cr_assert_eq(d.binding, COMPLIANCE_BINDING_OWNER);
    cr_assert_not(d.audit);
    cr_assert_not(d.would_block);
    cr_assert_not(d.warn);
    cr_assert_eq(d.deadline, 0);
}


Test(decide, the_same_input_gives_the_same_answer)
{
    compliance_decision_t a = decide(), b = decide();

    cr_assert_eq(memcmp(&a, &b, sizeof(a)), 0);
}


/* 1. identity */

Test(decide, a_malformed_identity_is_a_bad_request_whatever_the_mode)
{
    set("sales", "mode", "off");
    request.identity = COMPLIANCE_MALFORMED;
    EXPECT(COMPLIANCE_BAD_REQUEST, COMPLIANCE_IDENTITY_MALFORMED, NULL);

    request.identity = COMPLIANCE_TOO_LONG;
    EXPECT(COMPLIANCE_BAD_REQUEST, COMPLIANCE_IDENTITY_MALFORMED, NULL);
}


Test(decide, an_ambiguous_identity_is_a_bad_request_even_for_break_glass)
{
    facts.user.break_glass = true;
    request.identity = COMPLIANCE_AMBIGUOUS;
    EXPECT(COMPLIANCE_BAD_REQUEST, COMPLIANCE_IDENTITY_AMBIGUOUS, NULL);

    request.identity = COMPLIANCE_OK;
    facts.ambiguous = true;
    EXPECT(COMPLIANCE_BAD_REQUEST, COMPLIANCE_IDENTITY_AMBIGUOUS, NULL);
    cr_assert(decide().audit);
}


Test(decide, a_dry_run_does_not_admit_a_bad_request)
{
    request.dry_run = true;
    request.identity = COMPLIANCE_MALFORMED;
    EXPECT(COMPLIANCE_BAD_REQUEST, COMPLIANCE_IDENTITY_MALFORMED, NULL);
}


Test(decide, as_many_claims_as_fit_are_a_request)
{
    request.n_claims = COMPLIANCE_CLAIMS_MAX;
    EXPECT(COMPLIANCE_ALLOW, COMPLIANCE_COMPLIANT, "sales");
}


Test(decide, a_request_no_glue_may_make_is_a_bad_request)
{
    request.protocol = COMPLIANCE_PROTOCOL_NONE;
    EXPECT(COMPLIANCE_BAD_REQUEST, COMPLIANCE_IDENTITY_MALFORMED, NULL);

    request.protocol = COMPLIANCE_PROTOCOLS;
    EXPECT(COMPLIANCE_BAD_REQUEST, COMPLIANCE_IDENTITY_MALFORMED, NULL);

    request = alice_by_eas();
    request.n_claims = COMPLIANCE_CLAIMS_MAX + 1;
    EXPECT(COMPLIANCE_BAD_REQUEST, COMPLIANCE_IDENTITY_MALFORMED, NULL);

    request = alice_by_eas();
    request.user.len = 0;
    EXPECT(COMPLIANCE_BAD_REQUEST, COMPLIANCE_IDENTITY_MALFORMED, NULL);

    request.user_source = COMPLIANCE_USER_FROM_LOGIN;
    EXPECT(COMPLIANCE_BAD_REQUEST, COMPLIANCE_IDENTITY_MALFORMED, NULL);
}


/* 2. break-glass, blocked users, overrides */

Test(decide, break_glass_is_allowed_whatever_the_device_and_audited)
{
    compliance_decision_t d;

    facts.user.break_glass = true;
    facts.user.blocked = true;
    facts.device.state = COMPLIANCE_STATE_RETIRED;
    facts.device.override = COMPLIANCE_OVERRIDE_BLOCK;

    d = decide();
    expect(&d, COMPLIANCE_ALLOW, COMPLIANCE_BREAK_GLASS, NULL, __LINE__);
    cr_assert(d.break_glass);
    cr_assert(d.audit);
}


Test(decide, break_glass_about_to_log_in_needs_a_device_of_its_own)
{
    facts.user.break_glass = true;
    facts.device.state = COMPLIANCE_STATE_NONCOMPLIANT;
    request.user_source = COMPLIANCE_USER_FROM_LOGIN;

    facts.binding = COMPLIANCE_BINDING_SECRET;
    BLOCKED(COMPLIANCE_DEVICE_NONCOMPLIANT, "sales");

    facts.binding = COMPLIANCE_BINDING_CERTIFICATE;
    ALLOWED(COMPLIANCE_BREAK_GLASS, NULL);

    facts.device.owner = principal("bob");
    BLOCKED(COMPLIANCE_OWNER_MISMATCH, "sales");

    facts.device_presence = COMPLIANCE_MISSING;
    BLOCKED(COMPLIANCE_DEVICE_UNKNOWN, "sales");
}


Test(decide, break_glass_of_an_owner_needs_his_certificate)
{
    facts.user.break_glass = true;
    facts.device.state = COMPLIANCE_STATE_NONCOMPLIANT;
    request.protocol = COMPLIANCE_WEB;
    request.user_source = COMPLIANCE_USER_FROM_OWNER;
    request.user.len = 0;

    facts.binding = COMPLIANCE_BINDING_SECRET;
    BLOCKED(COMPLIANCE_DEVICE_NONCOMPLIANT, "sales");

    facts.binding = COMPLIANCE_BINDING_CERTIFICATE;
    ALLOWED(COMPLIANCE_BREAK_GLASS, NULL);
}


Test(decide, break_glass_of_nobody_does_not_exist)
{
    web_without_proof();
    facts.user.break_glass = true;
    set("default", "mode", "enforce");
    BLOCKED(COMPLIANCE_DEVICE_UNKNOWN, "default");
}


Test(decide, break_glass_in_an_outage_goes_by_the_snapshots_names)
{
    user_not_answered();
    device_not_answered();
    TEMPFAILED();

    snapshot->break_glass[snapshot->n_break_glass++] = principal("alice");
    ALLOWED(COMPLIANCE_BREAK_GLASS, NULL);

    snapshot->stale = true;
    ALLOWED(COMPLIANCE_BREAK_GLASS, NULL);

    snapshot->break_glass[0] = principal("bob");
    TEMPFAILED();

    cr_assert_eq(compliance_decide(&request, &facts, NULL, TEST_NOW, NULL)
                     .verdict, COMPLIANCE_TEMPFAIL);
}


Test(decide, a_record_that_is_known_outdoes_the_snapshots_break_glass_names)
{
    snapshot->break_glass[snapshot->n_break_glass++] = principal("alice");
    facts.device.state = COMPLIANCE_STATE_NONCOMPLIANT;
    BLOCKED(COMPLIANCE_DEVICE_NONCOMPLIANT, "sales");

    user_not_recorded();
    set("default", "unknown_user", "block");
    BLOCKED(COMPLIANCE_USER_UNKNOWN, "default");
}


Test(decide, a_blocked_user_is_blocked_in_every_mode_and_network)
{
    facts.user.blocked = true;
    BLOCKED(COMPLIANCE_USER_BLOCKED, NULL);

    set("sales", "mode", "off");
    BLOCKED(COMPLIANCE_USER_BLOCKED, NULL);

    set("sales", "mode", "enforce");
    set("sales", "exempt_networks", "0.0.0.0/0");
    request.has_address = true;
    memcpy(request.address,
        ((uint8_t[16]) { [10] = 0xff, 0xff, 10, 0, 0, 1 }), 16);
    BLOCKED(COMPLIANCE_USER_BLOCKED, NULL);
    cr_assert(decide().audit);
}


Test(decide, a_blocked_user_stays_blocked_when_nothing_else_is_known)
{
    facts.user.blocked = true;
    device_not_answered();
    cr_assert_eq(compliance_decide(&request, &facts, NULL, TEST_NOW, NULL)
                     .reason, COMPLIANCE_USER_BLOCKED);
}


Test(decide, an_override_blocks_in_every_mode_until_it_ends)
{
    compliance_decision_t d;

    set("sales", "mode", "off");
    facts.device.override = COMPLIANCE_OVERRIDE_BLOCK;
    BLOCKED(COMPLIANCE_BLOCKED_BY_OVERRIDE, NULL);

    facts.device.override_until = TEST_NOW + 60;
    d = decide();
    expect(&d, COMPLIANCE_BLOCK, COMPLIANCE_BLOCKED_BY_OVERRIDE, NULL,
        __LINE__);
    cr_assert_eq(d.deadline, TEST_NOW + 60);

    facts.device.override_until = TEST_NOW;
    ALLOWED(COMPLIANCE_NOT_IN_SCOPE, NULL);
}


Test(decide, an_override_holds_in_an_outage_unless_the_user_may_be_break_glass)
{
    facts.device.override = COMPLIANCE_OVERRIDE_BLOCK;
    BLOCKED(COMPLIANCE_BLOCKED_BY_OVERRIDE, NULL);

    cr_assert_eq(compliance_decide(&request, &facts, NULL, TEST_NOW, NULL)
                     .reason, COMPLIANCE_BLOCKED_BY_OVERRIDE);

    user_not_answered();
    TEMPFAILED();

    request.user_source = COMPLIANCE_USER_FROM_LOGIN;
    BLOCKED(COMPLIANCE_BLOCKED_BY_OVERRIDE, NULL);
}


Test(decide, an_overrides_grace_lifts_what_a_device_can_put_right)
{
    compliance_decision_t d;

    set("sales", "max_risk", "low");
    set("sales", "max_checkin_age", "60");
    facts.device.override = COMPLIANCE_OVERRIDE_GRACE;
    facts.device.override_until = TEST_NOW + 60;
    facts.device.state = COMPLIANCE_STATE_NONCOMPLIANT;
    facts.device.risk = COMPLIANCE_RISK_HIGH;
    facts.device.last_checkin = 1;

    d = decide();
    expect(&d, COMPLIANCE_ALLOW, COMPLIANCE_GRACE_BY_OVERRIDE, "sales",
        __LINE__);
    cr_assert(d.warn);
    cr_assert_eq(d.deadline, TEST_NOW + 60);

    facts.device.override_until = TEST_NOW;
    BLOCKED(COMPLIANCE_DEVICE_OUT_OF_CONTACT, "sales");

    facts.device.override_until = 0;
    ALLOWED(COMPLIANCE_GRACE_BY_OVERRIDE, "sales");
}


Test(decide, an_overrides_grace_lifts_nothing_else)
{
    facts.device.override = COMPLIANCE_OVERRIDE_GRACE;

    facts.device.state = COMPLIANCE_STATE_RETIRED;
    BLOCKED(COMPLIANCE_DEVICE_RETIRED, "sales");

    facts.device.state = COMPLIANCE_STATE_COMPLIANT;
    ALLOWED(COMPLIANCE_COMPLIANT, "sales");

    facts.device.owner = principal("bob");
    BLOCKED(COMPLIANCE_OWNER_MISMATCH, "sales");

    facts.device.owner = principal("alice");
    set("sales", "min_binding", "certificate");
    BLOCKED(COMPLIANCE_BINDING_TOO_WEAK, "sales");

    set("sales", "allowed_clients", "Outlook*");
    BLOCKED(COMPLIANCE_CLIENT_NOT_ALLOWED, "sales");

    set("sales", "deny_protocols", "eas");
    BLOCKED(COMPLIANCE_PROTOCOL_DENIED, "sales");

    facts.user.blocked = true;
    BLOCKED(COMPLIANCE_USER_BLOCKED, NULL);
}


/* 3. groups and scope */

Test(decide, a_group_that_is_off_judges_nothing)
{
    compliance_decision_t d;

    set("sales", "mode", "off");
    facts.device.state = COMPLIANCE_STATE_NONCOMPLIANT;
    d = decide();
    expect(&d, COMPLIANCE_ALLOW, COMPLIANCE_NOT_IN_SCOPE, NULL, __LINE__);
    cr_assert_not(d.would_block);
    cr_assert_eq(trace.n, 1);
    cr_assert_not(trace.judgements[0].in_scope);
    cr_assert_eq(trace.judgements[0].reason, COMPLIANCE_NOT_IN_SCOPE);
}


Test(decide, a_protocol_out_of_scope_is_not_judged)
{
    set("sales", "protocols", "imap,web");
    facts.device.state = COMPLIANCE_STATE_NONCOMPLIANT;
    ALLOWED(COMPLIANCE_NOT_IN_SCOPE, NULL);

    request.protocol = COMPLIANCE_WEB;
    BLOCKED(COMPLIANCE_DEVICE_NONCOMPLIANT, "sales");
}


Test(decide, a_denied_protocol_is_in_scope_by_being_denied)
{
    set("sales", "protocols", "imap");
    set("sales", "deny_protocols", "eas");
    BLOCKED(COMPLIANCE_PROTOCOL_DENIED, "sales");
}


Test(decide, the_default_group_holds_for_a_user_without_a_group)
{
    user_groups("");
    facts.device.state = COMPLIANCE_STATE_NONCOMPLIANT;
    EXPECT(COMPLIANCE_ALLOW, COMPLIANCE_REPORT_ONLY, "default");

    set("default", "mode", "enforce");
    BLOCKED(COMPLIANCE_DEVICE_NONCOMPLIANT, "default");
}


Test(decide, the_default_group_does_not_hold_beside_a_group_of_ones_own)
{
    set("default", "mode", "enforce");
    set("default", "min_binding", "certificate");
    ALLOWED(COMPLIANCE_COMPLIANT, "sales");
    cr_assert_eq(trace.n, 1);
}


Test(decide, a_group_that_does_not_exist_stands_for_the_default_group)
{
    set("default", "mode", "enforce");
    set("default", "min_binding", "certificate");
    user_groups("gone,also-gone,sales");
    BLOCKED(COMPLIANCE_BINDING_TOO_WEAK, "default");
    cr_assert_eq(trace.n, 2);
}


Test(decide, groups_that_cannot_be_read_are_a_temporary_failure)
{
    facts.user.groups_unreadable = true;
    user_groups("");
    TEMPFAILED();
}


Test(decide, an_unknown_user_is_blocked_whatever_the_default_groups_mode)
{
    compliance_decision_t d;

    user_not_recorded();
    set("default", "mode", "off");
    ALLOWED(COMPLIANCE_NOT_IN_SCOPE, NULL);

    set("default", "unknown_user", "block");
    d = decide();
    expect(&d, COMPLIANCE_BLOCK, COMPLIANCE_USER_UNKNOWN, "default", __LINE__);
    cr_assert(d.audit);

    set("default", "mode", "report");
    BLOCKED(COMPLIANCE_USER_UNKNOWN, "default");

    device_not_answered();
    BLOCKED(COMPLIANCE_USER_UNKNOWN, "default");
}


Test(decide, an_exempt_network_does_not_make_an_unknown_user_known)
{
    user_not_recorded();
    set("default", "unknown_user", "block");
    set("default", "exempt_networks", "0.0.0.0/0,::/0");
    request.has_address = true;
    BLOCKED(COMPLIANCE_USER_UNKNOWN, "default");
}


Test(decide, an_unknown_user_who_is_let_in_belongs_to_the_default_group)
{
    user_not_recorded();
    set("default", "mode", "enforce");
    facts.device.owner.len = 0;
    facts.binding = COMPLIANCE_BINDING_SECRET;
    facts.device.state = COMPLIANCE_STATE_NONCOMPLIANT;
    BLOCKED(COMPLIANCE_DEVICE_NONCOMPLIANT, "default");
}


/* 4. what a group judges, lowest reason first */

Test(decide, clients_are_matched_by_device_type_or_user_agent)
{
    set("sales", "allowed_clients", "iphone, Outlook-iOS*");
    ALLOWED(COMPLIANCE_COMPLIANT, "sales");

    request.device_type = str("Android");
    BLOCKED(COMPLIANCE_CLIENT_NOT_ALLOWED, "sales");

    request.user_agent = str("Outlook-iOS-Android/1.0");
    ALLOWED(COMPLIANCE_COMPLIANT, "sales");

    request.user_agent = compliance_absent;
    request.device_type = compliance_absent;
    BLOCKED(COMPLIANCE_CLIENT_NOT_ALLOWED, "sales");
}


Test(decide, a_binding_must_be_as_strong_as_the_group_demands)
{
    static const struct {
        const char           *min;
        compliance_binding_t  binding;
        const char           *owner;
        compliance_reason_t   reason;
        compliance_binding_t  result;
    } rows[] = {
        { "asserted", COMPLIANCE_BINDING_ASSERTED, "alice",
          COMPLIANCE_COMPLIANT, COMPLIANCE_BINDING_OWNER },
        { "asserted", COMPLIANCE_BINDING_ASSERTED, "bob",
          COMPLIANCE_COMPLIANT, COMPLIANCE_BINDING_ASSERTED },
        { "asserted", COMPLIANCE_BINDING_ASSERTED, "",
          COMPLIANCE_COMPLIANT, COMPLIANCE_BINDING_ASSERTED },
        { "owner", COMPLIANCE_BINDING_ASSERTED, "alice",
          COMPLIANCE_COMPLIANT, COMPLIANCE_BINDING_OWNER },
        { "owner", COMPLIANCE_BINDING_ASSERTED, "bob",
          COMPLIANCE_OWNER_MISMATCH, COMPLIANCE_BINDING_ASSERTED },
        { "owner", COMPLIANCE_BINDING_ASSERTED, "",
          COMPLIANCE_BINDING_TOO_WEAK, COMPLIANCE_BINDING_ASSERTED },
        { "owner", COMPLIANCE_BINDING_SECRET, "",
          COMPLIANCE_COMPLIANT, COMPLIANCE_BINDING_SECRET },
        { "owner", COMPLIANCE_BINDING_SECRET, "bob",
          COMPLIANCE_OWNER_MISMATCH, COMPLIANCE_BINDING_SECRET },
        { "owner", COMPLIANCE_BINDING_CERTIFICATE, "",
          COMPLIANCE_COMPLIANT, COMPLIANCE_BINDING_CERTIFICATE },
        { "owner", COMPLIANCE_BINDING_CERTIFICATE, "bob",
          COMPLIANCE_OWNER_MISMATCH, COMPLIANCE_BINDING_CERTIFICATE },
        { "secret", COMPLIANCE_BINDING_ASSERTED, "alice",
          COMPLIANCE_BINDING_TOO_WEAK, COMPLIANCE_BINDING_OWNER },
        { "secret", COMPLIANCE_BINDING_SECRET, "alice",
          COMPLIANCE_COMPLIANT, COMPLIANCE_BINDING_SECRET },
        { "secret", COMPLIANCE_BINDING_SECRET, "bob",
          COMPLIANCE_OWNER_MISMATCH, COMPLIANCE_BINDING_SECRET },
        { "certificate", COMPLIANCE_BINDING_SECRET, "alice",
          COMPLIANCE_BINDING_TOO_WEAK, COMPLIANCE_BINDING_SECRET },
        { "certificate", COMPLIANCE_BINDING_CERTIFICATE, "alice",
          COMPLIANCE_COMPLIANT, COMPLIANCE_BINDING_CERTIFICATE },
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        compliance_decision_t d;

        set("sales", "min_binding", rows[i].min);
        facts.binding = rows[i].binding;
        facts.device.owner = principal(rows[i].owner);
        d = decide();

        cr_assert_eq(d.reason, rows[i].reason, "row %zu: %s", i,
            compliance_reason_name(d.reason));
        cr_assert_eq(d.binding, rows[i].result, "row %zu: %s", i,
            compliance_binding_name(d.binding));
    }
}


Test(decide, an_owner_does_not_match_somebody_without_a_name)
{
    request.user_source = COMPLIANCE_USER_FROM_NONE;
    request.user.len = 0;
    facts.user_claimed = false;
    facts.user_presence = COMPLIANCE_MISSING;
    memset(&facts.user, 0, sizeof(facts.user));
    set("default", "mode", "enforce");
    BLOCKED(COMPLIANCE_OWNER_MISMATCH, "default");
}


Test(decide, an_unknown_device_is_blocked_unless_the_group_admits_it)
{
    device_not_recorded();
    BLOCKED(COMPLIANCE_DEVICE_UNKNOWN, "sales");

    set("sales", "unknown_device", "allow");
    set("sales", "max_risk", "low");
    set("sales", "max_checkin_age", "60");
    ALLOWED(COMPLIANCE_UNKNOWN_DEVICE_ALLOWED, "sales");

    set("sales", "min_binding", "secret");
    BLOCKED(COMPLIANCE_BINDING_TOO_WEAK, "sales");
}


Test(decide, a_device_of_unknown_state_is_not_an_unknown_device)
{
    set("sales", "unknown_device", "allow");
    facts.device.state = COMPLIANCE_STATE_UNKNOWN;
    BLOCKED(COMPLIANCE_DEVICE_NONCOMPLIANT, "sales");
}


Test(decide, a_browser_without_proof_is_an_unknown_device_of_the_default_group)
{
    compliance_decision_t d;

    web_without_proof();
    d = decide();
    expect(&d, COMPLIANCE_ALLOW, COMPLIANCE_REPORT_ONLY, "default", __LINE__);
    cr_assert_eq(d.would_reason, COMPLIANCE_DEVICE_UNKNOWN);

    set("default", "mode", "enforce");
    BLOCKED(COMPLIANCE_DEVICE_UNKNOWN, "default");

    set("default", "unknown_user", "block");
    set("default", "unknown_device", "allow");
    ALLOWED(COMPLIANCE_UNKNOWN_DEVICE_ALLOWED, "default");

    set("default", "mode", "off");
    ALLOWED(COMPLIANCE_NOT_IN_SCOPE, NULL);
}


Test(decide, leaving_the_proof_at_home_does_not_lead_out_of_a_rollout)
{
    web_without_proof();
    set("default", "mode", "enforce");
    set("default", "rollout_percent", "1");
    BLOCKED(COMPLIANCE_DEVICE_UNKNOWN, "default");

    set("default", "rollout_percent", "0");
    ALLOWED(COMPLIANCE_REPORT_ONLY, "default");
}


Test(decide, a_retired_device_is_blocked_whatever_is_required)
{
    static const char *const requires[] = { "known", "managed", "compliant" };

    facts.device.state = COMPLIANCE_STATE_RETIRED;

    for (size_t i = 0; i < 3; i++) {
        set("sales", "require", requires[i]);
        BLOCKED(COMPLIANCE_DEVICE_RETIRED, "sales");
    }
}


Test(decide, a_device_out_of_contact_is_blocked)
{
    compliance_decision_t d;

    set("sales", "max_checkin_age", "3600");
    d = decide();
    expect(&d, COMPLIANCE_ALLOW, COMPLIANCE_COMPLIANT, "sales", __LINE__);
    cr_assert_eq(d.deadline, TEST_NOW + 1);

    facts.device.last_checkin = TEST_NOW - 3601;
    BLOCKED(COMPLIANCE_DEVICE_OUT_OF_CONTACT, "sales");

    facts.device.last_checkin = 0;
    BLOCKED(COMPLIANCE_DEVICE_OUT_OF_CONTACT, "sales");

    facts.device.last_checkin = TEST_NOW + 86400;
    ALLOWED(COMPLIANCE_COMPLIANT, "sales");

    facts.device.last_checkin = TEST_NOW + 86401;
    d = decide();
    expect(&d, COMPLIANCE_BLOCK, COMPLIANCE_DEVICE_OUT_OF_CONTACT, "sales",
        __LINE__);
    cr_assert_eq(d.deadline, TEST_NOW + 1);

    facts.device.last_checkin = 999999999999999999;
    BLOCKED(COMPLIANCE_DEVICE_OUT_OF_CONTACT, "sales");

    set("sales", "max_checkin_age", "999999999999999999");
    facts.device.last_checkin = 1;
    ALLOWED(COMPLIANCE_COMPLIANT, "sales");
}


Test(decide, a_risk_above_the_limit_or_unknown_is_too_high)
{
    static const char *const limits[] = { "none", "low", "medium", "high" };

    facts.device.risk = COMPLIANCE_RISK_HIGH;
    ALLOWED(COMPLIANCE_COMPLIANT, "sales");

    for (unsigned limit = 0; limit < 4; limit++) {
        set("sales", "max_risk", limits[limit]);

        for (unsigned risk = COMPLIANCE_RISK_UNKNOWN;
             risk <= COMPLIANCE_RISK_HIGH; risk++)
        {
            bool high = risk == COMPLIANCE_RISK_UNKNOWN || risk > limit + 1;

            facts.device.risk = (compliance_risk_t) risk;
            cr_assert_eq(decide().reason,
                high ? COMPLIANCE_RISK_TOO_HIGH : COMPLIANCE_COMPLIANT,
                "limit %s, risk %u", limits[limit], risk);
        }
    }
}


Test(decide, what_is_required_is_what_counts)
{
    static const struct {
        const char              *require;
        compliance_state_t       state;
        compliance_management_t  management;
        bool                     allow;
    } rows[] = {
        { "compliant", COMPLIANCE_STATE_COMPLIANT,
          COMPLIANCE_MANAGEMENT_NONE, true },
        { "compliant", COMPLIANCE_STATE_NONCOMPLIANT,
          COMPLIANCE_MANAGEMENT_MDM, false },
        { "compliant", COMPLIANCE_STATE_UNKNOWN,
          COMPLIANCE_MANAGEMENT_MDM, false },
        { "managed", COMPLIANCE_STATE_NONCOMPLIANT,
          COMPLIANCE_MANAGEMENT_MDM, true },
        { "managed", COMPLIANCE_STATE_COMPLIANT,
          COMPLIANCE_MANAGEMENT_MAM, false },
        { "managed", COMPLIANCE_STATE_COMPLIANT,
          COMPLIANCE_MANAGEMENT_NONE, false },
        { "managed", COMPLIANCE_STATE_COMPLIANT,
          COMPLIANCE_MANAGEMENT_UNKNOWN, false },
        { "known", COMPLIANCE_STATE_UNKNOWN,
          COMPLIANCE_MANAGEMENT_NONE, true },
        { "known", COMPLIANCE_STATE_NONCOMPLIANT,
          COMPLIANCE_MANAGEMENT_NONE, true },
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        set("sales", "require", rows[i].require);
        facts.device.state = rows[i].state;
        facts.device.management = rows[i].management;

        cr_assert_eq(decide().reason,
            rows[i].allow ? COMPLIANCE_COMPLIANT
                          : COMPLIANCE_DEVICE_NONCOMPLIANT, "row %zu", i);
    }
}


Test(decide, an_app_counts_as_managed_only_where_the_group_names_it)
{
    set("sales", "require", "managed");
    facts.device.management = COMPLIANCE_MANAGEMENT_MAM;
    BLOCKED(COMPLIANCE_DEVICE_NONCOMPLIANT, "sales");

    set("sales", "allowed_clients", "iPhone");
    ALLOWED(COMPLIANCE_COMPLIANT, "sales");
}


Test(decide, grace_allows_with_a_warning_until_it_ends)
{
    compliance_decision_t d;

    facts.device.state = COMPLIANCE_STATE_GRACE;
    facts.device.grace_until = TEST_NOW + 60;
    d = decide();
    expect(&d, COMPLIANCE_ALLOW, COMPLIANCE_IN_GRACE, "sales", __LINE__);
    cr_assert(d.warn);
    cr_assert_eq(d.deadline, TEST_NOW + 60);

    facts.device.grace_until = TEST_NOW;
    BLOCKED(COMPLIANCE_DEVICE_NONCOMPLIANT, "sales");

    facts.device.grace_until = 0;
    BLOCKED(COMPLIANCE_DEVICE_NONCOMPLIANT, "sales");

    set("sales", "require", "known");
    ALLOWED(COMPLIANCE_COMPLIANT, "sales");
}


Test(decide, an_exempt_network_lifts_conditions_on_the_device)
{
    static const uint8_t inside[16] = { [10] = 0xff, 0xff, 10, 1, 2, 3 };
    static const uint8_t outside[16] = { [10] = 0xff, 0xff, 11, 1, 2, 3 };

    set("sales", "exempt_networks", "192.0.2.1,10.0.0.0/8");
    facts.device.state = COMPLIANCE_STATE_NONCOMPLIANT;
    memcpy(request.address, inside, sizeof(inside));
    BLOCKED(COMPLIANCE_DEVICE_NONCOMPLIANT, "sales");

    request.has_address = true;
    ALLOWED(COMPLIANCE_EXEMPT_NETWORK, "sales");

    memcpy(request.address, outside, sizeof(outside));
    BLOCKED(COMPLIANCE_DEVICE_NONCOMPLIANT, "sales");

    memcpy(request.address, inside, sizeof(inside));
    facts.device.owner = principal("bob");
    ALLOWED(COMPLIANCE_EXEMPT_NETWORK, "sales");

    device_not_recorded();
    ALLOWED(COMPLIANCE_EXEMPT_NETWORK, "sales");

    set("sales", "allowed_clients", "Outlook");
    ALLOWED(COMPLIANCE_EXEMPT_NETWORK, "sales");
}


Test(decide, an_exempt_network_lifts_nothing_else)
{
    set("sales", "exempt_networks", "0.0.0.0/0");
    request.has_address = true;
    memcpy(request.address,
        ((uint8_t[16]) { [10] = 0xff, 0xff, 10, 0, 0, 1 }), 16);

    ALLOWED(COMPLIANCE_COMPLIANT, "sales");

    facts.device.state = COMPLIANCE_STATE_RETIRED;
    BLOCKED(COMPLIANCE_DEVICE_RETIRED, "sales");

    set("sales", "deny_protocols", "eas");
    BLOCKED(COMPLIANCE_PROTOCOL_DENIED, "sales");

    facts.device.override = COMPLIANCE_OVERRIDE_BLOCK;
    BLOCKED(COMPLIANCE_BLOCKED_BY_OVERRIDE, NULL);

    device_not_answered();
    set("sales", "deny_protocols", "none");
    TEMPFAILED();
}


Test(decide, an_admins_grace_is_told_before_an_exempt_network)
{
    set("sales", "exempt_networks", "::1");
    set("sales", "max_risk", "low");
    request.has_address = true;
    request.address[15] = 1;
    facts.device.state = COMPLIANCE_STATE_NONCOMPLIANT;
    facts.device.override = COMPLIANCE_OVERRIDE_GRACE;
    facts.device.owner = principal("bob");
    ALLOWED(COMPLIANCE_GRACE_BY_OVERRIDE, "sales");
}


Test(decide, the_lowest_reason_of_a_group_is_told)
{
    static const compliance_reason_t order[] = {
        COMPLIANCE_PROTOCOL_DENIED, COMPLIANCE_CLIENT_NOT_ALLOWED,
        COMPLIANCE_OWNER_MISMATCH, COMPLIANCE_DEVICE_OUT_OF_CONTACT,
        COMPLIANCE_RISK_TOO_HIGH, COMPLIANCE_DEVICE_NONCOMPLIANT,
    };

    set("sales", "deny_protocols", "eas");
    set("sales", "allowed_clients", "Outlook");
    set("sales", "max_checkin_age", "1");
    set("sales", "max_risk", "none");
    facts.device.owner = principal("bob");
    facts.device.state = COMPLIANCE_STATE_NONCOMPLIANT;

    for (size_t i = 0; i < sizeof(order) / sizeof(order[0]); i++) {
        BLOCKED(order[i], "sales");

        switch (i) {
        case 0:
            set("sales", "deny_protocols", "none");
            break;
        case 1:
            set("sales", "allowed_clients", "");
            break;
        case 2:
            facts.device.owner = principal("alice");
            break;
        case 3:
            set("sales", "max_checkin_age", "0");
            break;
        case 4:
            set("sales", "max_risk", "any");
            break;
        }
    }
}


/* 5. several groups, modes, rollout */

Test(decide, the_strictest_enforced_group_wins)
{
    set("pilot", "mode", "enforce");
    set("pilot", "max_risk", "low");
    user_groups("sales,pilot");
    facts.device.risk = COMPLIANCE_RISK_HIGH;
    BLOCKED(COMPLIANCE_RISK_TOO_HIGH, "pilot");

    set("sales", "min_binding", "certificate");
    BLOCKED(COMPLIANCE_BINDING_TOO_WEAK, "sales");

    user_groups("pilot,sales");
    BLOCKED(COMPLIANCE_BINDING_TOO_WEAK, "sales");
    cr_assert_eq(trace.n, 2);
    cr_assert_str_eq(trace.judgements[0].group->name, "pilot");
    cr_assert_eq(trace.judgements[0].verdict, COMPLIANCE_BLOCK);
    cr_assert(trace.judgements[0].enforced);
}


Test(decide, of_equal_reasons_the_first_group_is_named)
{
    set("pilot", "mode", "enforce");
    facts.device.state = COMPLIANCE_STATE_NONCOMPLIANT;
    user_groups("pilot,sales,pilot");
    BLOCKED(COMPLIANCE_DEVICE_NONCOMPLIANT, "pilot");
    cr_assert_eq(trace.n, 2);
}


Test(decide, reporting_groups_allow_and_say_what_they_would_block)
{
    compliance_decision_t d;

    facts.device.state = COMPLIANCE_STATE_NONCOMPLIANT;
    user_groups("pilot");
    d = decide();
    expect(&d, COMPLIANCE_ALLOW, COMPLIANCE_REPORT_ONLY, "pilot", __LINE__);
    cr_assert(d.would_block);
    cr_assert_eq(d.would_reason, COMPLIANCE_DEVICE_NONCOMPLIANT);
    cr_assert(d.audit);
    cr_assert_not(d.warn);
}


Test(decide, a_reporting_group_objects_beside_an_enforced_one_that_allows)
{
    compliance_decision_t d;

    set("pilot", "max_risk", "low");
    user_groups("pilot,sales");
    d = decide();
    expect(&d, COMPLIANCE_ALLOW, COMPLIANCE_COMPLIANT, "sales", __LINE__);
    cr_assert(d.would_block);
    cr_assert_eq(d.would_reason, COMPLIANCE_RISK_TOO_HIGH);
}


Test(decide, an_enforced_block_outdoes_what_others_would_block)
{
    compliance_decision_t d;

    set("pilot", "deny_protocols", "eas");
    facts.device.state = COMPLIANCE_STATE_NONCOMPLIANT;
    user_groups("pilot,sales");
    d = decide();
    expect(&d, COMPLIANCE_BLOCK, COMPLIANCE_DEVICE_NONCOMPLIANT, "sales",
        __LINE__);
    cr_assert_not(d.would_block);
}


Test(decide, a_reporting_group_that_would_allow_names_its_reason)
{
    user_groups("pilot");
    ALLOWED(COMPLIANCE_COMPLIANT, "pilot");

    facts.device.state = COMPLIANCE_STATE_GRACE;
    facts.device.grace_until = TEST_NOW + 1;
    ALLOWED(COMPLIANCE_IN_GRACE, "pilot");
    cr_assert_not(decide().warn);
}


Test(decide, an_enforced_group_only_reports_until_its_time)
{
    compliance_decision_t d;
    char                  at[32];

    facts.device.state = COMPLIANCE_STATE_NONCOMPLIANT;
    snprintf(at, sizeof(at), "%d", TEST_NOW + 100);
    set("sales", "enforce_from", at);

    d = decide();
    expect(&d, COMPLIANCE_ALLOW, COMPLIANCE_REPORT_ONLY, "sales", __LINE__);
    cr_assert(d.would_block);
    cr_assert_eq(d.deadline, TEST_NOW + 100);
    cr_assert_not(trace.judgements[0].enforced);

    d = compliance_decide(&request, &facts, snapshot, TEST_NOW + 100, NULL);
    expect(&d, COMPLIANCE_BLOCK, COMPLIANCE_DEVICE_NONCOMPLIANT, "sales",
        __LINE__);
    cr_assert_eq(d.deadline, 0);
}


Test(decide, the_earliest_deadline_counts)
{
    char at[32];

    snprintf(at, sizeof(at), "%d", TEST_NOW + 100);
    set("sales", "enforce_from", at);
    facts.device.state = COMPLIANCE_STATE_GRACE;
    facts.device.grace_until = TEST_NOW + 50;
    cr_assert_eq(decide().deadline, TEST_NOW + 50);

    facts.device.override = COMPLIANCE_OVERRIDE_GRACE;
    facts.device.override_until = TEST_NOW + 20;
    cr_assert_eq(decide().deadline, TEST_NOW + 20);
}


Test(decide, a_rollout_enforces_for_the_same_people_every_time)
{
    unsigned               in = 0;
    compliance_principal_t alice = principal("alice");

    /* part of what admins see: never changes between versions */
    cr_assert_eq(compliance_rollout_bucket(&alice),
        compliance_rollout_bucket(&alice));
    cr_assert_lt(compliance_rollout_bucket(&alice), 100);

    facts.device.state = COMPLIANCE_STATE_NONCOMPLIANT;

    for (unsigned percent = 0; percent <= 100; percent++) {
        char text[16];
        bool enforced = compliance_rollout_bucket(&alice) < percent;

        snprintf(text, sizeof(text), "%u", percent);
        set("sales", "rollout_percent", text);
        cr_assert_eq(decide().verdict == COMPLIANCE_BLOCK, enforced);
    }

    for (unsigned i = 0; i < 1000; i++) {
        char                   name[32];
        compliance_principal_t user;

        snprintf(name, sizeof(name), "user%u@example.com", i);
        user = principal(name);
        in += compliance_rollout_bucket(&user) < 30;
    }

    cr_assert(in > 240 && in < 360, "%u of 1000 for 30 percent", in);
}


/* 6. missing facts */

Test(decide, nothing_is_admitted_when_the_store_never_answered)
{
    compliance_decision_t d;

    d = compliance_decide(&request, NULL, NULL, TEST_NOW, NULL);
    expect(&d, COMPLIANCE_TEMPFAIL, COMPLIANCE_STORE_UNAVAILABLE, NULL,
        __LINE__);
    cr_assert(d.audit);

    d = compliance_decide(&request, NULL, snapshot, TEST_NOW, NULL);
    expect(&d, COMPLIANCE_TEMPFAIL, COMPLIANCE_STORE_UNAVAILABLE, NULL,
        __LINE__);

    set("sales", "mode", "off");
    set("default", "mode", "off");
    d = compliance_decide(&request, NULL, snapshot, TEST_NOW, NULL);
    expect(&d, COMPLIANCE_TEMPFAIL, COMPLIANCE_STORE_UNAVAILABLE, NULL,
        __LINE__);

    web_without_proof();
    d = compliance_decide(&request, NULL, snapshot, TEST_NOW, NULL);
    expect(&d, COMPLIANCE_TEMPFAIL, COMPLIANCE_STORE_UNAVAILABLE, NULL,
        __LINE__);

    request.user_source = COMPLIANCE_USER_FROM_NONE;
    d = compliance_decide(&request, NULL, snapshot, TEST_NOW, NULL);
    expect(&d, COMPLIANCE_TEMPFAIL, COMPLIANCE_STORE_UNAVAILABLE, NULL,
        __LINE__);
}


Test(decide, break_glass_without_any_facts_goes_by_the_name_presented)
{
    compliance_decision_t d;

    snapshot->break_glass[snapshot->n_break_glass++] = principal("alice");
    d = compliance_decide(&request, NULL, snapshot, TEST_NOW, NULL);
    expect(&d, COMPLIANCE_ALLOW, COMPLIANCE_BREAK_GLASS, NULL, __LINE__);

    request.user_source = COMPLIANCE_USER_FROM_LOGIN;
    d = compliance_decide(&request, NULL, snapshot, TEST_NOW, NULL);
    expect(&d, COMPLIANCE_TEMPFAIL, COMPLIANCE_STORE_UNAVAILABLE, NULL,
        __LINE__);
}


Test(decide, an_unknown_device_is_denied_when_store_failed)
{
    device_not_answered();
    TEMPFAILED();

    set("sales", "unknown_device", "allow");
    TEMPFAILED();

    set("sales", "mode", "report");
    TEMPFAILED();

    set("sales", "mode", "off");
    TEMPFAILED();
}


Test(decide, a_known_block_holds_when_the_device_is_not_known)
{
    device_not_answered();
    set("sales", "deny_protocols", "eas");
    BLOCKED(COMPLIANCE_PROTOCOL_DENIED, "sales");

    set("sales", "deny_protocols", "none");
    set("sales", "allowed_clients", "Outlook");
    BLOCKED(COMPLIANCE_CLIENT_NOT_ALLOWED, "sales");

    set("sales", "mode", "report");
    TEMPFAILED();
}


Test(decide, a_known_device_is_no_policy_denial_when_the_user_is_not_known)
{
    facts.device.state = COMPLIANCE_STATE_RETIRED;
    user_not_answered();
    TEMPFAILED();
}


Test(decide, a_stale_snapshot_judges_nobody)
{
    snapshot->stale = true;
    TEMPFAILED();

    facts.device.state = COMPLIANCE_STATE_NONCOMPLIANT;
    TEMPFAILED();

    web_without_proof();
    set("default", "mode", "off");
    TEMPFAILED();
}


Test(decide, a_missing_snapshot_judges_nobody)
{
    compliance_decision_t d;

    d = compliance_decide(&request, &facts, NULL, TEST_NOW, NULL);
    expect(&d, COMPLIANCE_TEMPFAIL, COMPLIANCE_STORE_UNAVAILABLE, NULL,
        __LINE__);
}


Test(decide, nothing_unknown_is_ever_allowed)
{
    static const char *const modes[] = { "off", "report", "enforce" };

    /* every combination of what the store may have left out */
    for (unsigned bits = 0; bits < 8; bits++) {
        for (size_t mode = 0; mode < 3; mode++) {
            for (unsigned state = 0; state <= COMPLIANCE_STATE_RETIRED; state++)
            {
                const compliance_snapshot_t *known;
                compliance_decision_t        d;

                teardown();
                setup();
                known = snapshot;
                set("sales", "mode", modes[mode]);
                facts.device.state = (compliance_state_t) state;

                if (bits & 1) {
                    device_not_answered();
                }

                if (bits & 2) {
                    user_not_answered();
                }

                if (bits & 4) {
                    known = NULL;
                }

                d = compliance_decide(&request, &facts, known, TEST_NOW, NULL);
                cr_assert_neq(d.verdict, COMPLIANCE_UNDECIDED);

                if (bits != 0) {
                    cr_assert_eq(d.verdict, COMPLIANCE_TEMPFAIL,
                        "bits %u, mode %s, state %u", bits, modes[mode],
                        state);
                }
            }
        }
    }
}


/* requests that name no device */

Test(decide, a_request_without_a_device_is_judged_by_the_users_rules_alone)
{
    request.device_free = true;
    request.n_claims = 0;
    facts.device_claimed = false;
    facts.device_presence = COMPLIANCE_MISSING;
    memset(&facts.device, 0, sizeof(facts.device));
    facts.binding = COMPLIANCE_BINDING_NONE;

    set("sales", "min_binding", "certificate");
    set("sales", "max_checkin_age", "1");
    ALLOWED(COMPLIANCE_NO_DEVICE_NEEDED, "sales");

    set("sales", "allowed_clients", "Outlook");
    BLOCKED(COMPLIANCE_CLIENT_NOT_ALLOWED, "sales");

    set("sales", "deny_protocols", "all");
    BLOCKED(COMPLIANCE_PROTOCOL_DENIED, "sales");

    facts.user.blocked = true;
    BLOCKED(COMPLIANCE_USER_BLOCKED, NULL);

    user_not_recorded();
    set("default", "unknown_user", "block");
    BLOCKED(COMPLIANCE_USER_UNKNOWN, "default");
}


Test(decide, a_device_record_is_not_looked_at_where_none_is_needed)
{
    request.device_free = true;
    facts.device.override = COMPLIANCE_OVERRIDE_BLOCK;
    facts.device.state = COMPLIANCE_STATE_RETIRED;
    ALLOWED(COMPLIANCE_NO_DEVICE_NEEDED, "sales");

    device_not_answered();
    ALLOWED(COMPLIANCE_NO_DEVICE_NEEDED, "sales");
}


/* locations that only report */

Test(decide, a_dry_run_stops_no_mail_and_says_what_it_would_have_stopped)
{
    compliance_decision_t d;

    request.dry_run = true;
    facts.device.state = COMPLIANCE_STATE_NONCOMPLIANT;
    d = decide();
    expect(&d, COMPLIANCE_ALLOW, COMPLIANCE_REPORT_ONLY, "sales", __LINE__);
    cr_assert(d.would_block);
    cr_assert_eq(d.would_reason, COMPLIANCE_DEVICE_NONCOMPLIANT);
    cr_assert(d.audit);

    facts.user.blocked = true;
    d = decide();
    cr_assert_eq(d.verdict, COMPLIANCE_ALLOW);
    cr_assert_eq(d.would_reason, COMPLIANCE_USER_BLOCKED);

    facts.user.blocked = false;
    device_not_answered();
    d = decide();
    cr_assert_eq(d.verdict, COMPLIANCE_ALLOW);
    cr_assert_eq(d.would_reason, COMPLIANCE_STORE_UNAVAILABLE);
    cr_assert(d.audit);
}


Test(decide, a_dry_run_leaves_an_allow_as_it_is)
{
    request.dry_run = true;
    ALLOWED(COMPLIANCE_COMPLIANT, "sales");
    cr_assert_not(decide().audit);
}


Test(decide, explain_sees_every_group_of_the_user)
{
    set("pilot", "protocols", "imap");
    user_groups("sales,pilot,default");
    facts.device.state = COMPLIANCE_STATE_NONCOMPLIANT;
    (void) decide();

    cr_assert_eq(trace.n, 3);
    cr_assert_str_eq(trace.judgements[0].group->name, "sales");
    cr_assert(trace.judgements[0].in_scope);
    cr_assert(trace.judgements[0].enforced);
    cr_assert_eq(trace.judgements[0].reason, COMPLIANCE_DEVICE_NONCOMPLIANT);
    cr_assert_not(trace.judgements[1].in_scope);
    cr_assert(trace.judgements[2].in_scope);
    cr_assert_not(trace.judgements[2].enforced);
    cr_assert_eq(trace.judgements[2].verdict, COMPLIANCE_BLOCK);
}
