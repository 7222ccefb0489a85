/*
 * Names are an interface: every one is there, is its own, and parses back.
 */
#include "fixture.h"


TestSuite(verdict);


Test(verdict, every_verdict_has_its_name)
{
    static const char *const names[] = {
        "undecided", "allow", "block", "bad_request", "tempfail" };

    for (unsigned i = 0; i < 5; i++) {
        cr_assert_str_eq(compliance_verdict_name((compliance_verdict_t) i),
            names[i]);
    }

    cr_assert_str_eq(compliance_verdict_name((compliance_verdict_t) 99),
        "undecided");
}


Test(verdict, zero_is_no_permission)
{
    cr_assert_eq(COMPLIANCE_UNDECIDED, 0);
    cr_assert_neq(COMPLIANCE_ALLOW, 0);
}


Test(verdict, every_reason_parses_back_and_has_its_sentences)
{
    for (unsigned i = 0; i < COMPLIANCE_REASONS; i++) {
        compliance_reason_t reason = (compliance_reason_t) i;
        const char         *name = compliance_reason_name(reason);

        cr_assert_not_null(name);
        cr_assert_eq(compliance_reason_parse(str(name)), reason, "%s", name);
        cr_assert_gt(strlen(compliance_reason_sentence(reason)), 10);
        cr_assert_gt(strlen(compliance_reason_detail(reason)), 10);

        for (unsigned k = 0; k < i; k++) {
            cr_assert_str_neq(name,
                compliance_reason_name((compliance_reason_t) k));
        }
    }
}


Test(verdict, every_block_is_told_in_the_same_words)
{
    const char *told = compliance_reason_sentence(COMPLIANCE_USER_BLOCKED);

    for (unsigned i = COMPLIANCE_USER_BLOCKED;
         i <= COMPLIANCE_DEVICE_NONCOMPLIANT; i++)
    {
        cr_assert_str_eq(
            compliance_reason_sentence((compliance_reason_t) i), told);
    }
}


Test(verdict, what_is_no_reason_is_none)
{
    cr_assert_eq(compliance_reason_parse(str("")), COMPLIANCE_REASON_NONE);
    cr_assert_eq(compliance_reason_parse(compliance_absent),
        COMPLIANCE_REASON_NONE);
    cr_assert_eq(compliance_reason_parse(str("Compliant")),
        COMPLIANCE_REASON_NONE);
    cr_assert_eq(compliance_reason_parse(str("compliant ")),
        COMPLIANCE_REASON_NONE);
    cr_assert_str_eq(compliance_reason_name((compliance_reason_t) 999),
        "none");
    cr_assert_str_eq(compliance_reason_sentence((compliance_reason_t) 999),
        compliance_reason_sentence(COMPLIANCE_REASON_NONE));
    cr_assert_str_eq(compliance_reason_detail((compliance_reason_t) 999),
        compliance_reason_detail(COMPLIANCE_REASON_NONE));
}


Test(verdict, bindings_are_ranked_and_parse_back)
{
    cr_assert_lt(COMPLIANCE_BINDING_ASSERTED, COMPLIANCE_BINDING_OWNER);
    cr_assert_lt(COMPLIANCE_BINDING_OWNER, COMPLIANCE_BINDING_SECRET);
    cr_assert_lt(COMPLIANCE_BINDING_SECRET, COMPLIANCE_BINDING_CERTIFICATE);

    for (unsigned i = 0; i <= COMPLIANCE_BINDING_CERTIFICATE; i++) {
        const char *name
            = compliance_binding_name((compliance_binding_t) i);

        cr_assert_eq(compliance_binding_parse(str(name)), i);
    }

    cr_assert_eq(compliance_binding_parse(str("cert")),
        COMPLIANCE_BINDING_NONE);
    cr_assert_eq(compliance_binding_parse(compliance_absent),
        COMPLIANCE_BINDING_NONE);
    cr_assert_str_eq(compliance_binding_name((compliance_binding_t) 99),
        "none");
}
