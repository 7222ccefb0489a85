/*
 * An allowed access as a text, and back.
 */
#include "fixture.h"
#include "seen.h"


#define TOO_LONG_AN_ADDRESS                                                   \
    "eas|compliant|credential|k|eas|owner|D|"                                 \
    "0123456789012345678901234567890123456789012345678901234|||"

static compliance_seen_t
some(void)
{
    compliance_request_t  request = alice_by_eas();
    compliance_facts_t    facts;
    compliance_decision_t decision;
    compliance_seen_t     seen;

    compliance_facts_init(&facts);
    memset(&decision, 0, sizeof(decision));
    decision.verdict = COMPLIANCE_ALLOW;
    decision.reason = COMPLIANCE_COMPLIANT;
    decision.binding = COMPLIANCE_BINDING_OWNER;
    facts.device_presence = COMPLIANCE_PRESENT;
    facts.device.id = device_id("DEV-1");
    request.has_address = true;
    memcpy(request.address, "\0\0\0\0\0\0\0\0\0\0\xff\xff\x0a\1\2\3", 16);
    compliance_seen_of(&request, &facts, &decision, &seen);

    return seen;
}


static compliance_str_t
written(const compliance_seen_t *seen)
{
    static char      text[COMPLIANCE_SEEN_TEXT_MAX + 1];
    compliance_buf_t out;

    compliance_buf_init(&out, text, sizeof(text));
    cr_assert(compliance_seen_write(seen, &out));

    return (compliance_str_t) { text, out.len };
}


Test(seen, an_access_is_what_a_decision_could_rest_on)
{
    compliance_seen_t seen = some();
    compliance_str_t  text = written(&seen);

    cr_assert(compliance_str_eq(text, str(
        "eas|compliant|credential|k|eas|owner|DEV-1|10.1.2.3|iPhone|"
        "Apple-iPhone14C2/2102.80|")), "%.*s", (int) text.len, text.data);
}


Test(seen, what_is_written_is_read_again)
{
    compliance_seen_t seen = some(), back;

    memset(seen.user_agent, 0, sizeof(seen.user_agent));
    strcpy(seen.user_agent, "a|b\\c\td\x7f\xc3\xa4 \\x41");
    seen.device_free = true;
    cr_assert_eq(compliance_seen_read(written(&seen), &back), COMPLIANCE_OK);
    cr_assert_eq(memcmp(&seen, &back, sizeof(seen)), 0);

    memset(seen.user_agent, 1, COMPLIANCE_SEEN_AGENT_MAX);
    seen.user_agent[COMPLIANCE_SEEN_AGENT_MAX] = '\0';
    memset(seen.device_type, '|', COMPLIANCE_SEEN_TYPE_MAX);
    seen.device_type[COMPLIANCE_SEEN_TYPE_MAX] = '\0';
    cr_assert_eq(compliance_seen_read(written(&seen), &back), COMPLIANCE_OK);
    cr_assert_eq(memcmp(&seen, &back, sizeof(seen)), 0);
}


Test(seen, a_long_text_is_cut_between_characters)
{
    compliance_request_t  request = alice_by_eas();
    compliance_facts_t    facts;
    compliance_decision_t decision;
    compliance_seen_t     seen;
    char                  agent[2 * COMPLIANCE_SEEN_AGENT_MAX + 2];

    compliance_facts_init(&facts);
    memset(&decision, 0, sizeof(decision));

    for (size_t i = 0; i < sizeof(agent); i += 2) {
        memcpy(agent + i, "\xc3\xa4", 2);
    }

    request.user_agent = (compliance_str_t) { agent + 1, sizeof(agent) - 1 };
    compliance_seen_of(&request, &facts, &decision, &seen);
    cr_assert_eq(strlen(seen.user_agent), COMPLIANCE_SEEN_AGENT_MAX - 1);
}


Test(seen, a_certificate_without_a_record_is_named_by_its_fingerprint)
{
    compliance_request_t  request = alice_by_eas();
    compliance_facts_t    facts;
    compliance_decision_t decision;
    compliance_seen_t     seen;

    request.n_claims = 0;
    claim(&request, COMPLIANCE_DEVICE_FROM_CERTIFICATE, "c");
    compliance_facts_init(&facts);
    memset(&decision, 0, sizeof(decision));
    compliance_seen_of(&request, &facts, &decision, &seen);
    cr_assert_eq(strncmp(seen.device, "cert:cccc", 9), 0);
    cr_assert_eq(strlen(seen.device), 5 + COMPLIANCE_FINGERPRINT_LEN);
    cr_assert_not(seen.known);
}


Test(seen, a_text_that_is_cut_anywhere_is_none)
{
    compliance_seen_t seen = some(), back;
    compliance_str_t  text = written(&seen);

    for (size_t n = 0; n < text.len; n++) {
        cr_assert_neq(compliance_seen_read(
            (compliance_str_t) { text.data, n }, &back), COMPLIANCE_OK);
    }
}


Test(seen, what_nobody_wrote_is_refused)
{
    static const char *const bad[] = {
        "", "|", "eas|compliant|credential|k|eas|owner|D|||x|y|",
        "EAS|compliant|credential|k|eas|owner|D||||",
        "eas|allowed|credential|k|eas|owner|D||||",
        "eas|compliant|password|k|eas|owner|D||||",
        "eas|compliant|credential|z|eas|owner|D||||",
        "eas|compliant|credential|k|phone|owner|D||||",
        "eas|compliant|credential|k|eas|owner|\\q||||",
        "eas|compliant|credential|k|eas|owner|\\x0||||",
        "eas|compliant|credential|k|eas|owner|\\x00||||",
        TOO_LONG_AN_ADDRESS,
    };

    compliance_seen_t seen;

    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        cr_assert_neq(compliance_seen_read(str(bad[i]), &seen), COMPLIANCE_OK,
                      "%s", bad[i]);
    }

    cr_assert_eq(compliance_seen_read(compliance_absent, &seen),
                 COMPLIANCE_MALFORMED);
}
