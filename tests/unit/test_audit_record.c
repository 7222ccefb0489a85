/*
 * Audit lines: what they hold, that no input breaks one, and that no change of
 * one goes unnoticed.
 */
#include "fixture.h"

#include <jansson.h>
#include <openssl/evp.h>
#include <stdio.h>

#include "audit_record.h"


TestSuite(audit);

static compliance_audit_chain_t   chain, walk;
static compliance_audit_context_t context;
static compliance_request_t       request;
static compliance_facts_t         facts;
static compliance_decision_t      decision;
static compliance_group_t         group;
static char                       line[COMPLIANCE_AUDIT_RECORD_MAX + 1];
static compliance_buf_t           buf;


static void
setup(void)
{
    compliance_audit_chain_init(&chain, str("gw1-4711-1"));
    walk = chain;
    request = alice_by_eas();

    context.time_ms = 1700000000123;
    context.decision_id = "abcdefgh23456777";
    context.node = str("gw1");
    context.client = str("192.0.2.7");
    context.command = str("Sync");

    memset(&facts, 0, sizeof(facts));
    facts.device.id = device_id("PHONE1");
    facts.user.principal = principal("alice");

    memset(&decision, 0, sizeof(decision));
    compliance_group_defaults(&group, "sales");
    decision.verdict = COMPLIANCE_BLOCK;
    decision.reason = COMPLIANCE_DEVICE_NONCOMPLIANT;
    decision.binding = COMPLIANCE_BINDING_OWNER;
    decision.group = &group;
}


static compliance_rc_t
record(void)
{
    compliance_buf_init(&buf, line, sizeof(line));

    return compliance_audit_record(&chain, &context, &request, &facts,
        &decision, &buf);
}


static json_t *
parsed(void)
{
    json_error_t error;
    json_t      *json = json_loads(line, JSON_REJECT_DUPLICATES, &error);

    cr_assert_not_null(json, "%s: %s", error.text, line);

    return json;
}


static void
has(const char *name, const char *value)
{
    json_t *json = parsed();

    cr_assert_str_eq(json_string_value(json_object_get(json, name)), value,
        "%s in %s", name, line);
    json_decref(json);
}


static compliance_rc_t
verify(void)
{
    return compliance_audit_verify(&walk, str(line));
}


Test(audit, a_record_holds_the_decision, .init = setup)
{
    json_t *json;

    cr_assert_eq(record(), COMPLIANCE_OK);
    json = parsed();
    cr_assert_eq(json_integer_value(json_object_get(json, "v")), 1);
    cr_assert_eq(json_integer_value(json_object_get(json, "seq")), 1);
    cr_assert_eq(json_integer_value(json_object_get(json, "time")),
        1700000000123);
    cr_assert_eq(json_object_size(json), 20);
    json_decref(json);

    has("lane", "gw1-4711-1");
    has("prev", "00000000000000000000000000000000"
                "00000000000000000000000000000000");
    has("id", "abcdefgh23456777");
    has("node", "gw1");
    has("protocol", "eas");
    has("verdict", "block");
    has("reason", "device_noncompliant");
    has("would_block", "");
    has("group", "sales");
    has("user", "alice");
    has("device", "PHONE1");
    has("binding", "owner");
    has("client", "192.0.2.7");
    has("device_type", "iPhone");
    has("user_agent", "Apple-iPhone14C2/2102.80");
    has("command", "Sync");
    cr_assert_eq(chain.seq, 1);
}


Test(audit, a_would_block_names_its_reason, .init = setup)
{
    decision.verdict = COMPLIANCE_ALLOW;
    decision.reason = COMPLIANCE_REPORT_ONLY;
    decision.would_block = true;
    decision.would_reason = COMPLIANCE_RISK_TOO_HIGH;
    decision.group = NULL;
    cr_assert_eq(record(), COMPLIANCE_OK);
    has("would_block", "risk_too_high");
    has("reason", "report_only");
    has("group", "");
}


Test(audit, without_facts_what_was_presented_is_told, .init = setup)
{
    compliance_buf_init(&buf, line, sizeof(line));
    cr_assert_eq(compliance_audit_record(&chain, &context, &request, NULL,
        &decision, &buf), COMPLIANCE_OK);
    has("user", "alice");
    has("device", "PHONE1");
}


Test(audit, an_unknown_certificate_is_told_by_its_fingerprint, .init = setup)
{
    memset(&facts, 0, sizeof(facts));
    request.n_claims = 0;
    request.user.len = 0;
    cr_assert_eq(record(), COMPLIANCE_OK);
    has("device", "");
    has("user", "");

    claim(&request, COMPLIANCE_DEVICE_FROM_VARIABLE, "");
    claim(&request, COMPLIANCE_DEVICE_FROM_CERTIFICATE, "a");
    cr_assert_eq(record(), COMPLIANCE_OK);
    has("device", "cert:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
                  "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa");
}


Test(audit, absent_text_is_empty, .init = setup)
{
    request.device_type = compliance_absent;
    request.user_agent = compliance_absent;
    context.command = compliance_absent;
    context.client = compliance_absent;
    cr_assert_eq(record(), COMPLIANCE_OK);
    has("user_agent", "");
    has("command", "");
}


Test(audit, a_chain_of_records_verifies, .init = setup)
{
    for (int i = 0; i < 20; i++) {
        cr_assert_eq(record(), COMPLIANCE_OK);
        cr_assert_eq(verify(), COMPLIANCE_OK, "record %d", i);
    }

    cr_assert_eq(walk.seq, 20);
    cr_assert_str_eq(walk.hash, chain.hash);
}


Test(audit, a_gap_is_counted_in_the_chain, .init = setup)
{
    json_t *json;

    cr_assert_eq(record(), COMPLIANCE_OK);
    cr_assert_eq(verify(), COMPLIANCE_OK);

    compliance_buf_init(&buf, line, sizeof(line));
    cr_assert_eq(compliance_audit_gap(&chain, 1700000000456, str("gw1"), 17,
        &buf), COMPLIANCE_OK);
    cr_assert_eq(verify(), COMPLIANCE_OK);
    json = parsed();
    cr_assert_eq(json_integer_value(json_object_get(json, "dropped")), 17);
    cr_assert_eq(json_integer_value(json_object_get(json, "seq")), 2);
    json_decref(json);

    cr_assert_eq(record(), COMPLIANCE_OK);
    cr_assert_eq(verify(), COMPLIANCE_OK);

    compliance_buf_init(&buf, line, sizeof(line));
    cr_assert_eq(compliance_audit_gap(&chain, 1, str("gw1"), UINT64_MAX,
        &buf), COMPLIANCE_OK);
    cr_assert_eq(verify(), COMPLIANCE_OK);
}


Test(audit, a_record_left_out_or_put_elsewhere_does_not_follow, .init = setup)
{
    char first[sizeof(line)];

    cr_assert_eq(record(), COMPLIANCE_OK);
    strcpy(first, line);
    cr_assert_eq(record(), COMPLIANCE_OK);
    cr_assert_eq(verify(), COMPLIANCE_AMBIGUOUS, "the first was left out");

    strcpy(line, first);
    cr_assert_eq(verify(), COMPLIANCE_OK);
    cr_assert_eq(verify(), COMPLIANCE_AMBIGUOUS, "twice");

    compliance_audit_chain_init(&walk, str("gw1-4711-2"));
    cr_assert_eq(verify(), COMPLIANCE_AMBIGUOUS, "another lane");
}


Test(audit, every_changed_byte_is_noticed, .init = setup)
{
    size_t len;

    cr_assert_eq(record(), COMPLIANCE_OK);
    len = strlen(line);

    for (size_t i = 0; i < len; i++) {
        line[i] ^= 1;
        cr_assert_neq(compliance_audit_verify(&walk,
            (compliance_str_t) { line, len }), COMPLIANCE_OK, "at %zu", i);
        line[i] ^= 1;
    }

    for (size_t n = 0; n < len; n++) {
        cr_assert_neq(compliance_audit_verify(&walk,
            (compliance_str_t) { line, n }), COMPLIANCE_OK, "cut at %zu", n);
    }

    cr_assert_eq(verify(), COMPLIANCE_OK);
}


Test(audit, what_is_no_record_is_malformed, .init = setup)
{
    cr_assert_eq(compliance_audit_verify(&walk, compliance_absent),
        COMPLIANCE_MALFORMED);
    cr_assert_eq(compliance_audit_verify(&walk, str("{}")),
        COMPLIANCE_MALFORMED);
    memset(line, ' ', sizeof(line));
    cr_assert_eq(compliance_audit_verify(&walk,
        (compliance_str_t) { line, sizeof(line) }), COMPLIANCE_MALFORMED);
}


/* A line with a hash that is its own, whatever the text. */
static void
hashed(const char *text)
{
    unsigned n = 0;
    uint8_t  digest[EVP_MAX_MD_SIZE];
    size_t   at = strlen(text);

    cr_assert_eq(EVP_Digest(text, at, digest, &n, EVP_sha256(), NULL), 1);
    strcpy(line, text);
    at += (size_t) snprintf(line + at, sizeof(line) - at, ",\"hash\":\"");

    for (unsigned i = 0; i < n; i++) {
        at += (size_t) snprintf(line + at, sizeof(line) - at, "%02x",
            digest[i]);
    }

    snprintf(line + at, sizeof(line) - at, "\"}");
}


#define ZEROS  "00000000000000000000000000000000"

Test(audit, a_line_whose_hash_holds_but_is_no_record_is_malformed,
    .init = setup)
{
    static const char *const texts[] = {
        "", "{\"v\":2", "{\"v\":1,\"lane\":\"",
        "{\"v\":1,\"lane\":\"gw1-4711-1\"",
        "{\"v\":1,\"lane\":\"gw1-4711-1\",\"seq\":1",
        "{\"v\":1,\"lane\":\"gw1-4711-1\",\"seq\":x,\"prev\":\"" ZEROS ZEROS
            "\"",
        "{\"v\":1,\"lane\":\"gw1-4711-1\",\"seq\":1,\"prev\":\"" ZEROS "\"",
        "{\"v\":1,\"lane\":\"gw1-4711-1\",\"seq\":1,\"prev\":\"" ZEROS ZEROS,
        "{\"v\":1,\"lane\":\"gw1-4711-1\",\"seq\":1,\"next\":\"" ZEROS ZEROS
            "\"",
    };

    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        hashed(texts[i]);
        cr_assert_eq(verify(), COMPLIANCE_MALFORMED, "%s", texts[i]);
    }

    hashed("{\"v\":1,\"lane\":\"gw1-4711-1\",\"seq\":1,\"prev\":\"" ZEROS ZEROS
        "\"");
    cr_assert_eq(verify(), COMPLIANCE_OK);
}


Test(audit, no_request_breaks_its_record_or_makes_it_too_long, .init = setup)
{
    static const char *const bytes[] = {
        "\"", "\\", "\n", "\x01", "\xff", "\x7f", "\xc2\x85", "\xe2\x80\xae",
        "\xf0\x9f\x98\x80", "a", "\xe2\x82",
    };
    static char hostile[8192];

    for (size_t i = 0; i < sizeof(bytes) / sizeof(bytes[0]); i++) {
        size_t           n = strlen(bytes[i]);
        compliance_str_t text = { hostile, sizeof(hostile) / n * n };

        for (size_t at = 0; at + n <= sizeof(hostile); at += n) {
            memcpy(hostile + at, bytes[i], n);
        }

        request.user_agent = text;
        request.device_type = text;
        context.node = text;
        context.client = text;
        context.command = text;
        memset(facts.user.principal.data, '"', COMPLIANCE_PRINCIPAL_MAX);
        facts.user.principal.len = COMPLIANCE_PRINCIPAL_MAX;

        cr_assert_eq(record(), COMPLIANCE_OK, "%zu", i);
        cr_assert_null(strpbrk(line, "\r\n\x01\x7f"));
        cr_assert_lt(strlen(line), 3000, "%zu", strlen(line));
        json_decref(parsed());
        cr_assert_eq(verify(), COMPLIANCE_OK);
    }
}


Test(audit, a_user_agent_is_cut_between_characters, .init = setup)
{
    static char  agent[600];
    json_t      *json;
    const char  *text;

    agent[0] = 'x';
    for (size_t i = 1; i + 3 <= sizeof(agent); i += 3) {
        memcpy(agent + i, "\xe2\x82\xac", 3);
    }

    request.user_agent = (compliance_str_t) { agent, sizeof(agent) - 2 };
    cr_assert_eq(record(), COMPLIANCE_OK);
    json = parsed();
    text = json_string_value(json_object_get(json, "user_agent"));
    cr_assert_eq(strlen(text), 256);
    cr_assert_null(strstr(text, "\xef\xbf\xbd"));
    json_decref(json);
}


Test(audit, what_does_not_fit_leaves_the_chain_untouched, .init = setup)
{
    size_t                   need;
    compliance_audit_chain_t before = chain;

    cr_assert_eq(record(), COMPLIANCE_OK);
    need = buf.len + 1;

    for (size_t cap = 0; cap < need; cap++) {
        chain = before;
        compliance_buf_init(&buf, line, cap);
        cr_assert_eq(compliance_audit_record(&chain, &context, &request,
            &facts, &decision, &buf), COMPLIANCE_TOO_LONG);
        cr_assert_eq(chain.seq, before.seq);
        cr_assert_str_eq(chain.hash, before.hash);
    }

    chain = before;
    compliance_buf_init(&buf, line, need);
    cr_assert_eq(compliance_audit_record(&chain, &context, &request, &facts,
        &decision, &buf), COMPLIANCE_OK);
    cr_assert_eq(verify(), COMPLIANCE_OK);
}


Test(audit, a_line_may_follow_other_text_in_its_buffer, .init = setup)
{
    compliance_buf_init(&buf, line, sizeof(line));
    compliance_buf_str(&buf, "before ");
    cr_assert_eq(compliance_audit_record(&chain, &context, &request, &facts,
        &decision, &buf), COMPLIANCE_OK);
    cr_assert_eq(compliance_audit_verify(&walk, str(line + 7)),
        COMPLIANCE_OK);
}


Test(audit, a_lane_needs_no_escaping)
{
    compliance_audit_chain_init(&chain, str("node \"1\"\n.:-_"));
    cr_assert_str_eq(chain.lane, "node__1__.:-_");
    compliance_audit_chain_init(&chain,
        str("0123456789012345678901234567890123456789too long"));
    cr_assert_eq(strlen(chain.lane), COMPLIANCE_LANE_MAX);
    compliance_audit_chain_init(&chain, compliance_absent);
    cr_assert_str_eq(chain.lane, "");
}


Test(audit, a_hasher_used_again_makes_the_same_chain, .init = setup)
{
    char                     first[sizeof(line)], second[sizeof(line)];
    EVP_MD_CTX              *hasher = EVP_MD_CTX_new();
    compliance_audit_chain_t before = chain;

    cr_assert_eq(EVP_DigestInit_ex(hasher, EVP_sha256(), NULL), 1);

    cr_assert_eq(record(), COMPLIANCE_OK);
    memcpy(first, line, sizeof(line));
    cr_assert_eq(record(), COMPLIANCE_OK);
    memcpy(second, line, sizeof(line));

    chain = before;
    chain.hasher = hasher;

    cr_assert_eq(record(), COMPLIANCE_OK);
    cr_assert_str_eq(line, first);
    cr_assert_eq(record(), COMPLIANCE_OK);
    cr_assert_str_eq(line, second);

    EVP_MD_CTX_free(hasher);
}


Test(audit, a_hasher_that_fails_writes_no_record, .init = setup)
{
    compliance_audit_chain_t before = chain;

    chain.hasher = EVP_MD_CTX_new();   /* nothing was begun in it */

    cr_assert_eq(record(), COMPLIANCE_NO_MEMORY);
    cr_assert_eq(chain.seq, before.seq);
    cr_assert_str_eq(chain.hash, before.hash);

    EVP_MD_CTX_free(chain.hasher);
}
