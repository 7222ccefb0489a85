/*
 * Compliance policies: what each operator holds of each value, whose state is
 * the worst, when grace ends, what a malformed policy is told; and the suites
 * of tests/corpus/policy, a folder a case.
 */
#include "fixture.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>

#include "policy.h"
#include "policy_private.h"


#define DAY   86400
#define CASES "tests/corpus/policy"

TestSuite(policy);


static compliance_policy_t *
parse(const char *text)
{
    compliance_policy_t       *policy;
    compliance_policy_error_t  error;

    policy = compliance_policy_parse(str(text), &error);
    cr_assert_not_null(policy, "%s: line %u: %s: %s", text, error.line,
        error.path, error.message);

    return policy;
}


static compliance_inventory_t
device(const char *platform, const json_t *inventory)
{
    return (compliance_inventory_t) {
        .platform = str(platform),
        .inventory = inventory,
        .mdm_said = true,
        .mdm_state = COMPLIANCE_STATE_COMPLIANT,
        .now = TEST_NOW,
    };
}


static compliance_judgement_of_device_t
judge(const compliance_inventory_t *of, const char *first, const char *second)
{
    size_t                           n = 0;
    compliance_policy_t             *policies[3] = { NULL, NULL, NULL };
    compliance_judgement_of_device_t out;

    policies[n++] = first == NULL ? NULL : parse(first);
    policies[n++] = second == NULL ? NULL : parse(second);

    memset(&out, 0xaa, sizeof(out));
    compliance_policies_judge((const compliance_policy_t *const *) policies,
        3, of, &out);

    for (size_t i = 0; i < n; i++) {
        compliance_policy_free(policies[i]);
    }

    return out;
}


/* Does a device whose attribute "a" is `value` (JSON; NULL: not reported)
 * satisfy the rule? */
static bool
holds(const char *rule, const char *value)
{
    char                             text[1024];
    json_t                          *inventory;
    compliance_inventory_t           of;
    compliance_judgement_of_device_t out;

    (void) snprintf(text, sizeof(text), "{%s%s}",
                    value == NULL ? "" : "\"a\":", value == NULL ? "" : value);
    inventory = json_loads(text, 0, NULL);
    cr_assert_not_null(inventory, "%s", text);

    (void) snprintf(text, sizeof(text), "{\"name\":\"p\",\"require\":[{"
                    "\"attribute\":\"a\",\"reason\":\"r\",%s}]}", rule);
    of = device("ios", inventory);
    out = judge(&of, text, NULL);
    json_decref(inventory);

    cr_assert(out.state == COMPLIANCE_STATE_COMPLIANT
              || out.state == COMPLIANCE_STATE_NONCOMPLIANT);
    cr_assert_str_eq(out.reasons,
        out.state == COMPLIANCE_STATE_COMPLIANT ? "" : "r");

    return out.state == COMPLIANCE_STATE_COMPLIANT;
}


Test(policy, versions_are_compared_by_their_numbers)
{
    static const struct {
        const char *have, *least;
        int         is;      /* have <=> least */
    } rows[] = {
        { "17.4.1", "17.10", -1 }, { "17.10", "17.4.1", 1 },
        { "17.4", "17.4.0", 0 }, { "17.4.0.0", "17.4", 0 },
        { "17.4.1", "17.4", 1 }, { "9", "10", -1 }, { "14", "13", 1 },
        { "14", "14", 0 }, { "10.0.19045.3803", "10.0.19045.3693", 1 },
        { "10.0.9200.0", "10.0.19045.1", -1 }, { "017.4", "17.4", 0 },
        { "10.0.22631.0", "10.0.22631", 0 },
        { "22.04.3 LTS", "22.04", 1 }, { "6.1.0-18-amd64", "6.1", 0 },
        { "17.5 (21F79)", "17.5", 0 }, { "4294967296.1", "4294967295.9", 1 },
        { "1.2.3.4.5.6.7.8", "1.2.3.4.5.6.7.7", 1 },
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        char min[96], max[96], value[64];

        (void) snprintf(min, sizeof(min), "\"min_version\":\"%s\"",
                        rows[i].least);
        (void) snprintf(max, sizeof(max), "\"max_version\":\"%s\"",
                        rows[i].least);
        (void) snprintf(value, sizeof(value), "\"%s\"", rows[i].have);

        cr_assert_eq(holds(min, value), rows[i].is >= 0, "%s >= %s",
            rows[i].have, rows[i].least);
        cr_assert_eq(holds(max, value), rows[i].is <= 0, "%s <= %s",
            rows[i].have, rows[i].least);
    }
}


Test(policy, a_malformed_version_never_holds)
{
    static const char *const rows[] = {
        "\"\"", "\"abc\"", "\"17.\"", "\".5\"", "\"17..4\"", "\"v17\"",
        "\"-1\"", "\"17.x\"", "\"17a\"", "17.4", "-3", "true", "null", "[17]",
        "{}", "\" 17\"", "\"99999999999999999999\"",
        "\"1.2.3.4.5.6.7.8.9\"", "\"17,4\"",
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        cr_assert_not(holds("\"min_version\":\"0\"", rows[i]), "%s", rows[i]);
        cr_assert_not(holds("\"max_version\":\"9999999\"", rows[i]), "%s",
            rows[i]);
    }
}


/* TEST_NOW is 2023-11-14T22:13:20Z. */
Test(policy, operators)
{
    static const struct {
        const char *rule, *value;
        bool        holds;
    } rows[] = {
        { "\"equals\":true", "true", true },
        { "\"equals\":true", "\"True\"", true },
        { "\"equals\":true", "\"yes\"", true },
        { "\"equals\":true", "1", true },
        { "\"equals\":true", "false", false },
        { "\"equals\":true", "\"unknown\"", false },
        { "\"equals\":true", "2", false },
        { "\"equals\":true", NULL, false },
        { "\"equals\":false", "false", true },
        { "\"equals\":false", "\"off\"", true },
        { "\"equals\":false", "0", true },
        { "\"equals\":false", "\"unknown\"", false },
        { "\"equals\":false", NULL, false },
        { "\"equals\":\"Full\"", "\"full\"", true },
        { "\"equals\":\"full\"", "\"fullest\"", false },
        { "\"equals\":\"full\"", "[\"full\"]", false },
        { "\"equals\":3", "3", true },
        { "\"equals\":3", "3.0", true },
        { "\"equals\":3", "\"3\"", true },
        { "\"equals\":3", "\"3.0\"", false },
        { "\"equals\":3", "true", false },

        { "\"one_of\":[\"none\",\"low\"]", "\"LOW\"", true },
        { "\"one_of\":[\"none\",\"low\"]", "\"high\"", false },
        { "\"one_of\":[\"none\",\"low\"]", "\"\"", false },
        { "\"one_of\":[1,true]", "true", true },
        { "\"one_of\":[\"x\"]", NULL, false },

        { "\"not\":\"high\"", "\"low\"", true },
        { "\"not\":\"high\"", "\"High\"", false },
        { "\"not\":[\"a\",\"b\"]", "\"c\"", true },
        { "\"not\":[\"a\",\"b\"]", "\"B\"", false },
        { "\"not\":\"high\"", "[\"high\"]", false },
        { "\"not\":\"high\"", "{}", false },
        { "\"not\":\"17\"", "17", false },
        { "\"not\":17", "\"unknown\"", false },
        { "\"not\":[\"a\",1]", "[\"a\"]", false },
        { "\"not\":[\"a\",1]", "2", true },
        { "\"not\":true", "false", true },
        { "\"not\":true", "\"unknown\"", false },
        { "\"not\":true", NULL, false },
        { "\"not\":false", "\"yes\"", true },

        { "\"min\":5", "5", true },
        { "\"min\":5", "4.99", false },
        { "\"min\":5", "\"6\"", true },
        { "\"min\":5", "\"six\"", false },
        { "\"min\":5", "true", false },
        { "\"max\":5", "5", true },
        { "\"max\":5", "5.01", false },
        { "\"min\":1,\"max\":3", "2", true },
        { "\"min\":1,\"max\":3", "4", false },

        { "\"exists\":true", "\"x\"", true },
        { "\"exists\":true", "false", true },
        { "\"exists\":true", NULL, false },
        { "\"exists\":true", "null", false },
        { "\"exists\":true", "\"\"", false },
        { "\"exists\":false", NULL, true },
        { "\"exists\":false", "null", true },
        { "\"exists\":false", "0", false },

        { "\"max_age\":\"90d\"", "1700000000", true },
        { "\"max_age\":\"90d\"", "1692224000", true },   /* to the second */
        { "\"max_age\":\"90d\"", "1692223999", false },
        { "\"max_age\":\"90d\"", "\"1692224000\"", true },
        { "\"max_age\":\"90d\"", "\"2023-08-17\"", true },
        { "\"max_age\":\"90d\"", "\"2023-08-16\"", false },
        { "\"max_age\":\"1h\"", "\"2023-11-14T21:13:20Z\"", true },
        { "\"max_age\":\"1h\"", "\"2023-11-14T21:13:19Z\"", false },
        { "\"max_age\":\"1h\"", "\"2023-11-14T22:13:20.123+01:00\"", true },
        { "\"max_age\":\"1h\"", "\"2023-11-14T22:13:19+01:00\"", false },
        { "\"max_age\":\"1h\"", "\"2023-11-14 21:30:00\"", true },
        { "\"max_age\":\"2w\"", "\"2023-11-01\"", true },
        { "\"max_age\":\"90d\"", "\"2023-11-15\"", true },   /* the skew */
        { "\"max_age\":\"90d\"", "\"2023-11-17\"", false },  /* the future */
        { "\"max_age\":\"90d\"", "\"2023-02-29\"", false },
        { "\"max_age\":\"90d\"", "\"2023-13-01\"", false },
        { "\"max_age\":\"90d\"", "\"01.11.2023\"", false },
        { "\"max_age\":\"90d\"", "\"yesterday\"", false },
        { "\"max_age\":\"90d\"", "0", false },
        { "\"max_age\":\"90d\"", "-1", false },
        { "\"max_age\":\"90d\"", "-9223372036854775808", false },
        { "\"max_age\":\"90d\"", "9223372036854775807", false },
        { "\"max_age\":\"90d\"", "true", false },
        { "\"max_age\":\"90d\"", NULL, false },

        { "\"optional\":true,\"equals\":true", NULL, true },
        { "\"optional\":true,\"equals\":true", "null", true },
        { "\"optional\":true,\"equals\":true", "\"\"", true },
        { "\"optional\":true,\"equals\":true", "false", false },
        { "\"optional\":true,\"equals\":true", "\"rubbish\"", false },
        { "\"optional\":false,\"equals\":true", NULL, false },
        { "\"platforms\":[\"android\"],\"equals\":true", "false", true },
        { "\"platforms\":[\"android\",\"ios\"],\"equals\":true", "false",
          false },
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        cr_assert_eq(holds(rows[i].rule, rows[i].value), rows[i].holds,
            "%s of %s", rows[i].rule,
            rows[i].value == NULL ? "nothing" : rows[i].value);
    }
}


Test(policy, when_narrows_only_what_is_known_to_be_otherwise)
{
    static const char rule[] = "{\"name\":\"p\",\"require\":[{"
        "\"attribute\":\"encrypted\",\"equals\":true,\"reason\":\"r\","
        "\"when\":{\"attribute\":\"ownership\",%s\"equals\":\"company\"}}]}";
    static const struct {
        const char *exists, *inventory;
        bool        compliant;
    } rows[] = {
        { "", "{\"ownership\":\"company\",\"encrypted\":true}", true },
        { "", "{\"ownership\":\"company\",\"encrypted\":false}", false },
        { "", "{\"ownership\":\"personal\",\"encrypted\":false}", true },
        { "", "{\"ownership\":\"personal\"}", true },
        { "", "{\"encrypted\":false}", false },
        { "", "{}", false },
        { "\"exists\":true,", "{\"encrypted\":false}", true },
        { "\"exists\":true,", "{\"ownership\":\"company\"}", false },
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        char                   text[512];
        json_t                *inventory = json_loads(rows[i].inventory, 0,
                                                      NULL);
        compliance_inventory_t of = device("ios", inventory);

        (void) snprintf(text, sizeof(text), rule, rows[i].exists);
        cr_assert_eq(judge(&of, text, NULL).state
                     == COMPLIANCE_STATE_COMPLIANT, rows[i].compliant,
            "%s", rows[i].inventory);
        json_decref(inventory);
    }
}


#define STRICT(name, grace, more)                                             \
    "{\"name\":\"" name "\",\"grace_days\":" grace more ",\"require\":[{"      \
    "\"attribute\":\"" name "\",\"equals\":true,\"reason\":\"" name "_off\"}]}"

Test(policy, the_worst_of_all_counts_and_reasons_are_united_in_order)
{
    json_t                *inventory = json_pack("{s:b}", "c", 1);
    compliance_inventory_t of = device("ios", inventory);
    compliance_judgement_of_device_t out;

    out = judge(&of, STRICT("c", "0", ""), NULL);
    cr_assert_eq(out.state, COMPLIANCE_STATE_COMPLIANT);
    cr_assert_str_eq(out.policy, "c");
    cr_assert_eq(out.noncompliant_since, 0);

    out = judge(&of, STRICT("c", "0", ""), STRICT("a", "0", ""));
    cr_assert_eq(out.state, COMPLIANCE_STATE_NONCOMPLIANT);
    cr_assert_str_eq(out.reasons, "a_off");
    cr_assert_str_eq(out.policy, "a");
    cr_assert_eq(out.noncompliant_since, TEST_NOW);

    out = judge(&of, STRICT("b", "0", ""), STRICT("a", "7", ""));
    cr_assert_eq(out.state, COMPLIANCE_STATE_NONCOMPLIANT);
    cr_assert_str_eq(out.reasons, "b_off,a_off");
    cr_assert_eq(out.grace_until, 0);

    /* a policy for others does not judge */
    out = judge(&of, STRICT("a", "0", ",\"platforms\":[\"android\"]"), NULL);
    cr_assert_eq(out.state, COMPLIANCE_STATE_COMPLIANT);
    cr_assert_str_eq(out.policy, "");

    json_decref(inventory);
}


Test(policy, grace_runs_from_the_first_day_and_ends_with_the_strictest)
{
    compliance_inventory_t           of = device("ios", NULL);
    compliance_judgement_of_device_t out;

    out = judge(&of, STRICT("a", "7", ""), STRICT("b", "3", ""));
    cr_assert_eq(out.state, COMPLIANCE_STATE_GRACE);
    cr_assert_eq(out.grace_until, TEST_NOW + 3 * DAY);
    cr_assert_eq(out.noncompliant_since, TEST_NOW);

    /* kept across imports, and over at its end */
    of.noncompliant_since = TEST_NOW - 2 * DAY;
    out = judge(&of, STRICT("a", "7", ""), STRICT("b", "3", ""));
    cr_assert_eq(out.state, COMPLIANCE_STATE_GRACE);
    cr_assert_eq(out.grace_until, TEST_NOW + DAY);
    cr_assert_eq(out.noncompliant_since, TEST_NOW - 2 * DAY);

    of.noncompliant_since = TEST_NOW - 3 * DAY;
    out = judge(&of, STRICT("a", "7", ""), STRICT("b", "3", ""));
    cr_assert_eq(out.state, COMPLIANCE_STATE_NONCOMPLIANT);
    cr_assert_eq(out.grace_until, 0);
    cr_assert_eq(out.noncompliant_since, TEST_NOW - 3 * DAY);

    of.noncompliant_since = TEST_NOW - 3 * DAY + 1;
    out = judge(&of, STRICT("b", "3", ""), NULL);
    cr_assert_eq(out.state, COMPLIANCE_STATE_GRACE);
    cr_assert_eq(out.grace_until, TEST_NOW + 1);

    /* a policy that came after the inventory; and what is no day */
    of.noncompliant_since = TEST_NOW + 100 * DAY;
    out = judge(&of, STRICT("b", "3", ""), NULL);
    cr_assert_eq(out.grace_until, TEST_NOW + 103 * DAY);
    out = judge(&of, STRICT("b", "0", ""), NULL);
    cr_assert_eq(out.state, COMPLIANCE_STATE_NONCOMPLIANT);
    of.noncompliant_since = INT64_MAX;
    out = judge(&of, STRICT("b", "3", ""), NULL);
    cr_assert_eq(out.grace_until, TEST_NOW + 3 * DAY);
}


Test(policy, a_rule_may_have_a_grace_of_its_own)
{
    static const char text[] = "{\"name\":\"p\",\"grace_days\":7,\"require\":["
        "{\"attribute\":\"a\",\"equals\":true,\"reason\":\"a_off\"},"
        "{\"attribute\":\"b\",\"equals\":true,\"reason\":\"b_off\","
        "\"grace_days\":%s}]}";
    char                             policy[512];
    json_t                          *inventory = json_pack("{s:b}", "b", 1);
    compliance_inventory_t           of = device("ios", inventory);
    compliance_judgement_of_device_t out;

    (void) snprintf(policy, sizeof(policy), text, "0");
    out = judge(&of, policy, NULL);
    cr_assert_eq(out.state, COMPLIANCE_STATE_GRACE);
    cr_assert_eq(out.grace_until, TEST_NOW + 7 * DAY);

    of.inventory = NULL;
    out = judge(&of, policy, NULL);
    cr_assert_eq(out.state, COMPLIANCE_STATE_NONCOMPLIANT);
    cr_assert_str_eq(out.reasons, "a_off,b_off");

    (void) snprintf(policy, sizeof(policy), text, "2");
    out = judge(&of, policy, NULL);
    cr_assert_eq(out.state, COMPLIANCE_STATE_GRACE);
    cr_assert_eq(out.grace_until, TEST_NOW + 2 * DAY);

    json_decref(inventory);
}


Test(policy, the_mdms_verdict_and_the_policies_make_the_worse)
{
    enum { N = COMPLIANCE_STATE_NONCOMPLIANT, C = COMPLIANCE_STATE_COMPLIANT,
           G = COMPLIANCE_STATE_GRACE, U = COMPLIANCE_STATE_UNKNOWN,
           R = COMPLIANCE_STATE_RETIRED };
    static const struct {
        int         mdm;       /* -1: it says nothing */
        const char *policy;    /* NULL: none concerns the device */
        int         state;
        const char *reasons;
    } rows[] = {
        { -1, NULL, U, "" },
        { C, NULL, C, "" },
        { N, NULL, N, "mdm_noncompliant" },
        { G, NULL, G, "mdm_noncompliant" },
        { U, NULL, U, "" },
        { R, NULL, R, "" },
        { -1, STRICT("ok", "0", ""), C, "" },
        { -1, STRICT("a", "0", ""), N, "a_off" },
        { -1, STRICT("a", "9", ""), G, "a_off" },
        { C, STRICT("a", "0", ""), N, "a_off" },
        { C, STRICT("a", "9", ""), G, "a_off" },
        { N, STRICT("ok", "0", ""), N, "mdm_noncompliant" },
        { N, STRICT("a", "9", ""), N, "a_off,mdm_noncompliant" },
        { G, STRICT("a", "9", ""), G, "a_off,mdm_noncompliant" },
        { G, STRICT("a", "0", ""), N, "a_off,mdm_noncompliant" },
        { U, STRICT("ok", "0", ""), U, "" },
        { U, STRICT("a", "9", ""), U, "a_off" },
        { U, STRICT("a", "0", ""), N, "a_off" },
        { R, STRICT("ok", "0", ""), R, "" },
        { R, STRICT("a", "0", ""), R, "a_off" },
        { N, STRICT("ok", "0", ",\"mdm_verdict\":\"ignore\""), C, "" },
        { R, STRICT("ok", "0", ",\"mdm_verdict\":\"ignore\""), C, "" },
        { N, STRICT("a", "0", ",\"mdm_verdict\":\"ignore\""), N, "a_off" },
        { N, STRICT("a", "0", ",\"mdm_verdict\":\"ignore\","
                    "\"platforms\":[\"android\"]"), N, "mdm_noncompliant" },
    };
    json_t *inventory = json_pack("{s:b}", "ok", 1);

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        compliance_inventory_t           of = device("ios", inventory);
        compliance_judgement_of_device_t out;

        of.mdm_said = rows[i].mdm >= 0;
        of.mdm_state = rows[i].mdm < 0 ? COMPLIANCE_STATE_UNKNOWN
                                       : (compliance_state_t) rows[i].mdm;
        of.mdm_grace_until = TEST_NOW + 2 * DAY;
        out = judge(&of, rows[i].policy, NULL);

        cr_assert_eq((int) out.state, rows[i].state, "row %zu: %d", i,
            (int) out.state);
        cr_assert_str_eq(out.reasons, rows[i].reasons, "row %zu", i);
        cr_assert_eq(out.grace_until > TEST_NOW, rows[i].state == G,
            "row %zu", i);
        cr_assert(rows[i].mdm != G || rows[i].state != G
                  || out.grace_until == TEST_NOW + 2 * DAY, "row %zu", i);
    }

    json_decref(inventory);
}


/* One that judges by the MDM and one that does not: it counts. */
Test(policy, the_mdm_is_ignored_only_where_all_policies_say_so)
{
    compliance_inventory_t of = device("ios", NULL);

    of.mdm_state = COMPLIANCE_STATE_NONCOMPLIANT;
    of.mdm_reasons = str("no_pin,os_old");
    cr_assert_str_eq(judge(&of,
        "{\"name\":\"a\",\"mdm_verdict\":\"ignore\",\"require\":[{\"attribute\""
        ":\"x\",\"optional\":true,\"equals\":true,\"reason\":\"x\"}]}",
        "{\"name\":\"b\",\"require\":[{\"attribute\":\"x\",\"optional\":true,"
        "\"equals\":true,\"reason\":\"x\"}]}").reasons, "no_pin,os_old");
}


Test(policy, the_day_it_began_is_forgotten_only_by_compliance)
{
    json_t                *inventory = json_pack("{s:b}", "ok", 1);
    compliance_inventory_t of = device("ios", inventory);

    of.noncompliant_since = TEST_NOW - DAY;
    cr_assert_eq(judge(&of, STRICT("ok", "0", ""), NULL).noncompliant_since,
        0);
    of.mdm_state = COMPLIANCE_STATE_UNKNOWN;
    cr_assert_eq(judge(&of, STRICT("ok", "0", ""), NULL).noncompliant_since,
        TEST_NOW - DAY);
    of.mdm_state = COMPLIANCE_STATE_RETIRED;
    cr_assert_eq(judge(&of, STRICT("ok", "0", ""), NULL).noncompliant_since,
        TEST_NOW - DAY);
    of.noncompliant_since = INT64_MAX;
    cr_assert_eq(judge(&of, STRICT("ok", "0", ""), NULL).noncompliant_since,
        0);

    json_decref(inventory);
}


Test(policy, reasons_are_never_cut_in_the_middle)
{
    char                             text[65536];
    size_t                           len;
    compliance_policy_t             *policy;
    compliance_inventory_t           of = device("ios", NULL);
    compliance_judgement_of_device_t out;
    const compliance_policy_t       *one[1];

    len = (size_t) snprintf(text, sizeof(text),
                            "{\"name\":\"p\",\"require\":[");

    for (int i = 0; i < 64; i++) {
        len += (size_t) snprintf(text + len, sizeof(text) - len,
            "%s{\"attribute\":\"a\",\"equals\":true,\"reason\":"
            "\"a_rather_long_reason_%02d\"}", i == 0 ? "" : ",", i);
    }

    (void) snprintf(text + len, sizeof(text) - len, "]}");
    policy = parse(text);
    one[0] = policy;
    compliance_policies_judge(one, 1, &of, &out);
    len = strlen(out.reasons);
    cr_assert_leq(len, COMPLIANCE_REASONS_MAX);
    cr_assert_eq((len + 1) % 24, 0, "%s", out.reasons);
    compliance_policy_free(policy);
}


Test(policy, remediation_is_told_in_the_best_language)
{
    static const char text[] = "{\"name\":\"p\",\"platforms\":[\"ios\","
        "\"android\"],\"require\":[{\"attribute\":\"a\",\"equals\":true,"
        "\"reason\":\"a.off\"}],\"remediation\":{\"a.off\":{"
        "\"ios\":{\"en\":\"english\",\"de\":\"deutsch\",\"pt-BR\":\"br\"},"
        "\"any\":{\"fr\":[\"un\",\"deux\"]}}}}";
    static const struct {
        const char *platform, *reason, *locale, *is;
    } rows[] = {
        { "ios", "a.off", "de", "deutsch" },
        { "ios", "a.off", "de-AT", "deutsch" },
        { "ios", "a.off", "DE_at", "deutsch" },
        { "ios", "a.off", "pt-br", "br" },
        { "ios", "a.off", "pt", "english" },
        { "ios", "a.off", "fr", "english" },
        { "ios", "a.off", NULL, "english" },
        { "ios", "a.off", "", "english" },
        { "android", "a.off", "de", "un\ndeux" },
        { NULL, "a.off", "fr-CA", "un\ndeux" },
        { "ios", "other", "de", NULL },
        { "ios", "a", "de", NULL },
        { "ios", NULL, "de", NULL },
    };
    compliance_policy_t *policy = parse(text);

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        const char *got = compliance_policy_remediation(policy,
            str(rows[i].platform), str(rows[i].reason), str(rows[i].locale));

        if (rows[i].is == NULL) {
            cr_assert_null(got, "row %zu", i);

        } else {
            cr_assert_not_null(got, "row %zu", i);
            cr_assert_str_eq(got, rows[i].is, "row %zu", i);
        }
    }

    compliance_policy_free(policy);
}


/* A whole file; the caller frees it. */
static char *
slurp(const char *path, size_t *len)
{
    FILE *file = fopen(path, "rb");
    char *data = calloc(1, COMPLIANCE_POLICY_TEXT_MAX + 2);

    cr_assert_not_null(file, "%s", path);
    cr_assert_not_null(data);
    *len = fread(data, 1, COMPLIANCE_POLICY_TEXT_MAX + 1, file);
    (void) fclose(file);

    return data;
}


/* Calls run() with each folder of the suite. */
static void
each_case(const char *suite, void (*run)(const char *folder))
{
    char           path[512];
    size_t         n = 0;
    DIR           *dir = opendir(suite);
    struct dirent *entry;

    cr_assert_not_null(dir, "%s", suite);

    while ((entry = readdir(dir)) != NULL) {
        if (entry->d_name[0] != '.') {
            (void) snprintf(path, sizeof(path), "%s/%s", suite, entry->d_name);
            run(path);
            n++;
        }
    }

    (void) closedir(dir);
    cr_assert_gt(n, 3, "%s", suite);
}


static void
is_valid(const char *folder)
{
    char                       path[600];
    size_t                     len;
    char                      *text;
    compliance_policy_t       *policy;
    compliance_policy_error_t  error;

    (void) snprintf(path, sizeof(path), "%s/input.json", folder);
    text = slurp(path, &len);
    policy = compliance_policy_parse((compliance_str_t) { text, len }, &error);
    cr_expect_not_null(policy, "%s: line %u: %s: %s", folder, error.line,
        error.path, error.message);
    compliance_policy_free(policy);
    free(text);
}


/* "expected" holds the line, the path and what the message begins with. */
static void
is_invalid(const char *folder)
{
    char                       path[600], told[512];
    size_t                     len, expected_len;
    char                      *text, *expected;
    compliance_policy_t       *policy;
    compliance_policy_error_t  error;

    (void) snprintf(path, sizeof(path), "%s/input.json", folder);
    text = slurp(path, &len);
    (void) snprintf(path, sizeof(path), "%s/expected", folder);
    expected = slurp(path, &expected_len);
    expected[strcspn(expected, "\n")] = '\0';

    policy = compliance_policy_parse((compliance_str_t) { text, len }, &error);
    cr_expect_null(policy, "%s", folder);

    if (policy == NULL) {
        (void) snprintf(told, sizeof(told), "%u %s: %s", error.line,
                        error.path, error.message);
        cr_expect(strncmp(told, expected, strlen(expected)) == 0,
            "%s: told \"%s\" instead of \"%s\"", folder, told, expected);
    }

    compliance_policy_free(policy);
    free(text);
    free(expected);
}


Test(policy, valid_suite)
{
    each_case(CASES "/valid", is_valid);
}


Test(policy, invalid_suite)
{
    each_case(CASES "/invalid", is_invalid);
}


Test(policy, the_baselines_are_valid)
{
    static const struct {
        const char *file, *platform, *inventory;
    } rows[] = {
        { "ios-ipados", "ipados", "{\"os_version\":\"26.1\","
          "\"jailbroken\":false}" },
        { "android", "android", "{\"os_version\":\"15\",\"jailbroken\":false,"
          "\"encrypted\":true,\"security_patch\":\"2023-10-05\"}" },
        { "windows", "windows", "{\"os_version\":\"10.0.26100.4652\","
          "\"encrypted\":true}" },
        { "macos", "macos", "{\"os_version\":\"15.7.1\",\"encrypted\":true}" },
        { "linux", "linux", "{\"distribution\":\"ubuntu\",\"os_version\":"
          "\"24.04.1 LTS\",\"encrypted\":true}" },
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        char                             path[128];
        size_t                           len;
        char                            *text;
        json_t                          *inventory;
        compliance_inventory_t           of;
        compliance_judgement_of_device_t out;

        (void) snprintf(path, sizeof(path), "deploy/policies/%s.json",
                        rows[i].file);
        text = slurp(path, &len);
        inventory = json_loads(rows[i].inventory, 0, NULL);
        cr_assert_not_null(inventory);
        of = device(rows[i].platform, inventory);
        out = judge(&of, text, NULL);
        cr_assert_eq(out.state, COMPLIANCE_STATE_COMPLIANT, "%s: %s",
            rows[i].file, out.reasons);
        cr_assert_str_eq(out.policy, rows[i].file);

        /* nothing is known of it: it is not let in for good */
        of.inventory = NULL;
        out = judge(&of, text, NULL);
        cr_assert_neq(out.state, COMPLIANCE_STATE_COMPLIANT, "%s",
            rows[i].file);
        json_decref(inventory);
        free(text);
    }
}


Test(policy, lines_of_paths)
{
    static const char text[] =
        "{\n"
        "  \"name\": \"a\\\"b\",\n"
        "  \"a\": 1, \"a.b\":\n"
        "     {\"c\": [1, {\"x\": [[],{}]},\n"
        "            2,\n"
        "            {\"d\": null}]},\n"
        "  \"last\": true\n"
        "}";
    static const struct {
        const char *path;
        unsigned    line;
    } rows[] = {
        { "", 1 }, { "name", 2 }, { "a", 3 }, { "a.b", 3 }, { "a.b.c", 4 },
        { "a.b.c[0]", 4 }, { "a.b.c[1].x", 4 }, { "a.b.c[2]", 5 },
        { "a.b.c[3]", 6 }, { "a.b.c[3].d", 6 }, { "a.b.c[4]", 4 },
        { "last", 7 }, { "none", 1 }, { "last.none", 7 }, { "a.b.c[x]", 4 },
        { "[0]", 1 }, { ".", 1 }, { "la", 1 },
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        cr_assert_eq(compliance_policy_line(str(text), rows[i].path),
            rows[i].line, "%s: %u", rows[i].path,
            compliance_policy_line(str(text), rows[i].path));
    }

    /* cut anywhere, it still ends */
    for (size_t i = 0; i < sizeof(text); i++) {
        cr_assert_leq(compliance_policy_line(
            (compliance_str_t) { text, i }, "a.b.c[3].d"), 8);
    }
}
