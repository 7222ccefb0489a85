/*
 * Audit lines: what they hold, that no input breaks one, and that no change of
 * one goes unnoticed.
 */
#include "fixture.h"

#include <jansson.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <stdio.h>

#include "audit_record.h"
#include "failing.h"


TestSuite(audit);

static compliance_audit_chain_t   chain, walk;
static compliance_audit_context_t context;
static compliance_request_t       request;
static compliance_facts_t         facts;
static compliance_decision_t      decision;
static compliance_group_t         group;
static char                       line[COMPLIANCE_AUDIT_CHANGE_MAX + 1];
static compliance_buf_t           buf;
static compliance_audit_keys_t   *keys;
static compliance_keyring_t       ring;
static const uint8_t              salt[COMPLIANCE_AUDIT_SALT_LEN] = {
    0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 255
};


static void
begin(const compliance_keyring_t *of)
{
    compliance_audit_keys_free(keys);
    keys = compliance_audit_keys_create(of);
    cr_assert_not_null(keys);
    compliance_audit_chain_init(&chain, str("gw1-4711-1"), keys);
    walk = chain;
}


static void
setup(void)
{
    begin(NULL);
    request = alice_by_eas();

    context.time_ms = 1700000000123;
    context.decision_id = "abcdefgh23456777";
    context.node = str("gw1");
    context.client = str("192.0.2.7");
    context.command = str("Sync");
    context.candidate = compliance_absent;
    context.salt = salt;

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


static void
teardown(void)
{
    compliance_audit_keys_free(keys);
    keys = NULL;
}


static void
keyed(void)
{
    static uint8_t secret[32];

    setup();
    memset(&ring, 0, sizeof(ring));

    for (size_t i = 0; i < 2; i++) {
        memset(secret, 'a' + (int) i, sizeof(secret));
        ring.keys[i].id = (uint8_t) (7 + i);
        ring.keys[i].len = sizeof(secret);
        memcpy(ring.keys[i].secret, secret, sizeof(secret));
    }

    ring.n = 2;
    begin(&ring);
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


Test(audit, a_record_holds_the_decision, .init = setup, .fini = teardown)
{
    json_t *json;

    cr_assert_eq(record(), COMPLIANCE_OK);
    json = parsed();
    cr_assert_eq(json_integer_value(json_object_get(json, "v")), 2);
    cr_assert_eq(json_integer_value(json_object_get(json, "seq")), 1);
    cr_assert_eq(json_integer_value(json_object_get(json, "time")),
        1700000000123);
    cr_assert_eq(json_object_size(json), 22);
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


Test(audit, a_would_block_names_its_reason, .init = setup, .fini = teardown)
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


Test(audit, without_facts_what_was_presented_is_told, .init = setup, .fini = teardown)
{
    compliance_buf_init(&buf, line, sizeof(line));
    cr_assert_eq(compliance_audit_record(&chain, &context, &request, NULL,
        &decision, &buf), COMPLIANCE_OK);
    has("user", "alice");
    has("device", "PHONE1");
}


Test(audit, an_unknown_certificate_is_told_by_its_fingerprint, .init = setup, .fini = teardown)
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


Test(audit, absent_text_is_empty, .init = setup, .fini = teardown)
{
    request.device_type = compliance_absent;
    request.user_agent = compliance_absent;
    context.command = compliance_absent;
    context.client = compliance_absent;
    cr_assert_eq(record(), COMPLIANCE_OK);
    has("user_agent", "");
    has("command", "");
}


Test(audit, a_chain_of_records_verifies, .init = setup, .fini = teardown)
{
    for (int i = 0; i < 20; i++) {
        cr_assert_eq(record(), COMPLIANCE_OK);
        cr_assert_eq(verify(), COMPLIANCE_OK, "record %d", i);
    }

    cr_assert_eq(walk.seq, 20);
    cr_assert_str_eq(walk.hash, chain.hash);
}


Test(audit, a_gap_is_counted_in_the_chain, .init = setup, .fini = teardown)
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


Test(audit, a_record_left_out_or_put_elsewhere_does_not_follow, .init = setup, .fini = teardown)
{
    char first[sizeof(line)];

    cr_assert_eq(record(), COMPLIANCE_OK);
    strcpy(first, line);
    cr_assert_eq(record(), COMPLIANCE_OK);
    cr_assert_eq(verify(), COMPLIANCE_AMBIGUOUS, "the first was left out");

    strcpy(line, first);
    cr_assert_eq(verify(), COMPLIANCE_OK);
    cr_assert_eq(verify(), COMPLIANCE_AMBIGUOUS, "twice");

    compliance_audit_chain_init(&walk, str("gw1-4711-2"), keys);
    cr_assert_eq(verify(), COMPLIANCE_AMBIGUOUS, "another lane");
}


Test(audit, every_changed_byte_is_noticed, .init = setup, .fini = teardown)
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


Test(audit, what_is_no_record_is_malformed, .init = setup, .fini = teardown)
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
hashed(const char *text, const char *tail)
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

    snprintf(line + at, sizeof(line) - at, "\"%s", tail);
}


#define ZEROS  "00000000000000000000000000000000"
#define HEAD   "{\"v\":2,\"lane\":\"gw1-4711-1\",\"seq\":1,\"prev\":\"" \
               ZEROS ZEROS "\",\"time\":5"

Test(audit, a_line_whose_hash_holds_but_is_no_record_is_malformed,
    .init = setup, .fini = teardown)
{
    static const char *const texts[] = {
        "", "{\"v\":1", "{\"v\":2,\"lane\":\"",
        "{\"v\":2,\"lane\":\"gw1-4711-1\"",
        "{\"v\":2,\"lane\":\"gw1-4711-1\",\"seq\":1",
        "{\"v\":2,\"lane\":\"gw1-4711-1\",\"seq\":x,\"prev\":\"" ZEROS ZEROS
            "\",\"time\":5",
        "{\"v\":2,\"lane\":\"gw1-4711-1\",\"seq\":1,\"prev\":\"" ZEROS
            "\",\"time\":5",
        "{\"v\":2,\"lane\":\"gw1-4711-1\",\"seq\":1,\"prev\":\"" ZEROS ZEROS,
        "{\"v\":2,\"lane\":\"gw1-4711-1\",\"seq\":1,\"prev\":\"" ZEROS ZEROS
            "\"",
        "{\"v\":2,\"lane\":\"gw1-4711-1\",\"seq\":1,\"next\":\"" ZEROS ZEROS
            "\",\"time\":5",
        HEAD ",\"kid\":x",
        "{\"v\":2,\"lane\":\"0123456789012345678901234567890123456789x\","
            "\"seq\":1,\"prev\":\"" ZEROS ZEROS "\",\"time\":5",
    };

    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        hashed(texts[i], "}");
        cr_assert_eq(verify(), COMPLIANCE_MALFORMED, "%s", texts[i]);
    }

    hashed(HEAD, "}");
    cr_assert_eq(verify(), COMPLIANCE_OK);
}


/* Without a personal digest nothing may stand behind the hash, with one
 * something must. */
Test(audit, what_stands_behind_the_hash_is_held_by_the_digest, .init = setup,
    .fini = teardown)
{
    static const char *const tails[] = {
        ",\"user\":\"alice\"}", ",\"salt\":\"00\"}",
        ",\"erased\":\"plain:" ZEROS ZEROS "\"}", ",}",
    };

    for (size_t i = 0; i < sizeof(tails) / sizeof(tails[0]); i++) {
        hashed(HEAD, tails[i]);
        cr_assert_eq(verify(), COMPLIANCE_FORGED, "%s", tails[i]);
        hashed(HEAD ",\"personal\":\"" ZEROS ZEROS "\"", tails[i]);
        cr_assert_eq(verify(), COMPLIANCE_FORGED, "%s", tails[i]);
    }

    hashed(HEAD ",\"personal\":\"" ZEROS ZEROS "\"", "}");
    cr_assert_eq(verify(), COMPLIANCE_FORGED);
    hashed(HEAD, "");
    cr_assert_eq(verify(), COMPLIANCE_MALFORMED);

    static const char *const marks[] = {
        "plain", "plain:" ZEROS, "nobody:" ZEROS ZEROS, ":" ZEROS ZEROS,
    };

    for (size_t i = 0; i < sizeof(marks) / sizeof(marks[0]); i++) {
        char tail[256];

        snprintf(tail, sizeof(tail), ",\"erased\":\"%s\"}", marks[i]);
        hashed(HEAD ",\"personal\":\"" ZEROS ZEROS "\"", tail);
        cr_assert_eq(verify(), COMPLIANCE_MALFORMED, "%s", tail);
    }
}


Test(audit, no_request_breaks_its_record_or_makes_it_too_long, .init = setup, .fini = teardown)
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


Test(audit, a_user_agent_is_cut_between_characters, .init = setup, .fini = teardown)
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


Test(audit, what_does_not_fit_leaves_the_chain_untouched, .init = setup, .fini = teardown)
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


Test(audit, a_line_may_follow_other_text_in_its_buffer, .init = setup, .fini = teardown)
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
    compliance_audit_chain_init(&chain, str("node \"1\"\n.:-_"), NULL);
    cr_assert_str_eq(chain.lane, "node__1__.:-_");
    compliance_audit_chain_init(&chain,
        str("0123456789012345678901234567890123456789too long"), NULL);
    cr_assert_eq(strlen(chain.lane), COMPLIANCE_LANE_MAX);
    compliance_audit_chain_init(&chain, compliance_absent, NULL);
    cr_assert_str_eq(chain.lane, "");
}


Test(audit, a_candidate_is_told_only_where_it_differs, .init = setup,
    .fini = teardown)
{
    json_t *json;

    cr_assert_eq(record(), COMPLIANCE_OK);
    json = parsed();
    cr_assert_null(json_object_get(json, "candidate"));
    json_decref(json);
    cr_assert_eq(verify(), COMPLIANCE_OK);

    context.candidate = str("block device_unknown");
    cr_assert_eq(record(), COMPLIANCE_OK);
    has("candidate", "block device_unknown");
    cr_assert_eq(verify(), COMPLIANCE_OK);
}


/* The hash by another way: HMAC of OpenSSL, key derived by hand. */
Test(audit, a_keyed_chain_is_hmac_under_a_derived_key, .init = keyed,
    .fini = teardown)
{
    uint8_t                 derived[32], mac[32];
    unsigned                n = 32;
    char                    hex[65];
    const char             *at;
    json_t                 *json;
    compliance_audit_line_t read;

    for (int i = 0; i < 3; i++) {
        cr_assert_eq(record(), COMPLIANCE_OK);
        cr_assert_eq(verify(), COMPLIANCE_OK, "%d", i);
    }

    json = parsed();
    cr_assert_eq(json_integer_value(json_object_get(json, "kid")), 7);
    json_decref(json);

    at = strstr(line, ",\"hash\":\"");
    cr_assert_not_null(HMAC(EVP_sha256(), ring.keys[0].secret, 32,
        (const uint8_t *) "compliance audit chain 1", 24, derived, &n));
    cr_assert_not_null(HMAC(EVP_sha256(), derived, 32, (uint8_t *) line,
        (size_t) (at - line), mac, &n));

    for (size_t i = 0; i < 32; i++) {
        snprintf(hex + 2 * i, 3, "%02x", mac[i]);
    }

    has("hash", hex);

    cr_assert_eq(compliance_audit_read(keys, str(line), &read),
        COMPLIANCE_OK);
    cr_assert_eq(read.proof, COMPLIANCE_AUDIT_KEYED);
    cr_assert_eq(read.kid, 7);
    cr_assert_eq(read.seq, 3);
    cr_assert_eq(read.time_ms, 1700000000123);
    cr_assert(!read.erased);
    cr_assert_eq(strncmp(read.personal.data, "\"user\":\"alice\"", 14), 0);
    cr_assert_eq(read.personal.data[read.personal.len], '}');
}


Test(audit, a_chain_made_without_the_key_is_not_keyed, .init = keyed,
    .fini = teardown)
{
    static char              text[COMPLIANCE_AUDIT_RECORD_MAX + 1];
    compliance_keyring_t     other = ring;
    compliance_audit_keys_t *all = compliance_audit_keys_create(&ring);
    compliance_audit_line_t  read;

    begin(NULL);
    cr_assert_eq(record(), COMPLIANCE_OK);
    cr_assert_eq(compliance_audit_read(all, str(line), &read), COMPLIANCE_OK);
    cr_assert_eq(read.proof, COMPLIANCE_AUDIT_PLAIN);
    cr_assert_eq(read.kid, -1);

    /* under another secret of the same id */
    other.keys[0].secret[0] ^= 1;
    begin(&other);
    cr_assert_eq(record(), COMPLIANCE_OK);
    cr_assert_eq(compliance_audit_read(all, str(line), &read),
        COMPLIANCE_FORGED);

    /* under a key that we do not have: nothing is said of the hash, but the
     * personal part still holds */
    other.keys[0].id = 200;
    begin(&other);
    cr_assert_eq(record(), COMPLIANCE_OK);
    strcpy(text, line);
    cr_assert_eq(compliance_audit_read(all, str(text), &read), COMPLIANCE_OK);
    cr_assert_eq(read.proof, COMPLIANCE_AUDIT_KEY_MISSING);
    *strstr(text, "alice") = 'A';
    cr_assert_eq(compliance_audit_read(all, str(text), &read),
        COMPLIANCE_FORGED);

    /* the second key of a ring verifies what was made when it was the first */
    other.keys[0] = ring.keys[1];
    other.n = 1;
    begin(&other);
    cr_assert_eq(record(), COMPLIANCE_OK);
    cr_assert_eq(compliance_audit_read(all, str(line), &read), COMPLIANCE_OK);
    cr_assert_eq(read.proof, COMPLIANCE_AUDIT_KEYED);
    cr_assert_eq(read.kid, 8);

    compliance_audit_keys_free(all);
}


Test(audit, every_changed_byte_of_a_keyed_record_is_noticed, .init = keyed,
    .fini = teardown)
{
    size_t len;

    cr_assert_eq(record(), COMPLIANCE_OK);
    len = strlen(line);

    for (size_t i = 0; i < len; i++) {
        const char *kid = strstr(line, ",\"kid\":7");

        /* another key's id: nothing is known of that one */
        if (line + i == kid + 7) {
            continue;
        }

        line[i] ^= 1;
        cr_assert_neq(compliance_audit_verify(&walk,
            (compliance_str_t) { line, len }), COMPLIANCE_OK, "at %zu", i);
        line[i] ^= 1;
    }

    cr_assert_eq(verify(), COMPLIANCE_OK);
}


#define NOBODY  "\"user\":\"erased-1\",\"device\":\"erased-1\""

static void
erase(void)
{
    static char             text[sizeof(line)];
    compliance_audit_line_t read;

    strcpy(text, line);
    cr_assert_eq(compliance_audit_read(keys, str(text), &read),
        COMPLIANCE_OK);
    compliance_buf_init(&buf, line, sizeof(line));
    cr_assert_eq(compliance_audit_erase(keys, str(text), &read, str(NOBODY),
        &buf), COMPLIANCE_OK);
}


static void
erasing(compliance_audit_proof_t proof)
{
    static char             text[sizeof(line)];
    compliance_audit_line_t read;

    for (int i = 0; i < 3; i++) {
        cr_assert_eq(record(), COMPLIANCE_OK);

        if (i == 1) {
            erase();
            cr_assert_null(strstr(line, "alice"));
            cr_assert_null(strstr(line, "salt"));
            has("user", "erased-1");
            has("verdict", "block");
            cr_assert_eq(compliance_audit_read(keys, str(line), &read),
                COMPLIANCE_OK);
            cr_assert(read.erased);
            cr_assert_eq(read.erased_proof, proof);
            cr_assert(compliance_str_eq(read.personal, str(NOBODY)));

            erase();   /* a second time is no different */

            strcpy(text, line);
            *strstr(text, "erased-1") = 'E';
            cr_assert_eq(compliance_audit_read(keys, str(text), &read),
                COMPLIANCE_FORGED);
        }

        cr_assert_eq(verify(), COMPLIANCE_OK, "%d", i);
    }
}


Test(audit, a_person_taken_out_leaves_the_chain_whole, .init = setup,
    .fini = teardown)
{
    erasing(COMPLIANCE_AUDIT_PLAIN);
}


Test(audit, a_person_taken_out_of_a_keyed_chain_leaves_it_whole,
    .init = keyed, .fini = teardown)
{
    erasing(COMPLIANCE_AUDIT_KEYED);
}


Test(audit, whoever_has_no_key_cannot_mark_a_record_as_erased_by_it,
    .init = keyed, .fini = teardown)
{
    compliance_audit_keys_t *plain = compliance_audit_keys_create(NULL);
    compliance_audit_keys_t *own = keys;
    compliance_audit_line_t  read;
    char                    *at;

    cr_assert_eq(record(), COMPLIANCE_OK);
    keys = plain;
    erase();
    keys = own;
    cr_assert_eq(compliance_audit_read(keys, str(line), &read),
        COMPLIANCE_OK);
    cr_assert_eq(read.proof, COMPLIANCE_AUDIT_KEYED);
    cr_assert_eq(read.erased_proof, COMPLIANCE_AUDIT_PLAIN);

    at = strstr(line, "plain:");
    memmove(at + 1, at + 5, strlen(at + 5) + 1);
    *at = '7';
    cr_assert_eq(compliance_audit_read(keys, str(line), &read),
        COMPLIANCE_FORGED);
    *at = '9';
    cr_assert_eq(compliance_audit_read(keys, str(line), &read),
        COMPLIANCE_OK);
    cr_assert_eq(read.erased_proof, COMPLIANCE_AUDIT_KEY_MISSING);

    compliance_audit_keys_free(plain);
}


Test(audit, an_erased_record_that_does_not_fit_is_too_long, .init = setup,
    .fini = teardown)
{
    static char             small[COMPLIANCE_AUDIT_RECORD_MAX];
    compliance_audit_line_t read;

    cr_assert_eq(record(), COMPLIANCE_OK);
    cr_assert_eq(compliance_audit_read(keys, str(line), &read),
        COMPLIANCE_OK);

    for (size_t cap = 0; cap < 400; cap++) {
        compliance_buf_init(&buf, small, cap);
        cr_assert_eq(compliance_audit_erase(keys, str(line), &read,
            str(NOBODY), &buf), COMPLIANCE_TOO_LONG);
    }
}


static compliance_rc_t
change(const compliance_str_t *changes, size_t n)
{
    compliance_audit_change_t what = { 1700000000123, "abc", str("root@gw"),
        str("group mode sales \"enforce\""), changes, n, salt };

    compliance_buf_init(&buf, line, sizeof(line));

    return compliance_audit_change(&chain, &what, &buf);
}


Test(audit, an_administrators_change_stands_in_a_chain_of_its_own,
    .init = keyed, .fini = teardown)
{
    json_t                *json, *list;
    const compliance_str_t changes[] = {
        str("{\"op\":\"hset\",\"key\":\"group:sales\",\"field\":\"mode\","
            "\"old\":\"report\",\"new\":\"enforce\"}"), str("17"),
    };

    compliance_audit_chain_init(&chain, str(COMPLIANCE_ADMIN_LANE), keys);
    walk = chain;
    cr_assert_eq(change(changes, 2), COMPLIANCE_OK);
    cr_assert_eq(verify(), COMPLIANCE_OK);
    has("lane", "admin");
    has("node", "@admin");
    has("who", "root@gw");
    has("command", "group mode sales \"enforce\"");
    json = parsed();
    list = json_object_get(json, "changes");
    cr_assert_eq(json_array_size(list), 2);
    cr_assert_str_eq(json_string_value(json_object_get(
        json_array_get(list, 0), "old")), "report");
    cr_assert_eq(json_integer_value(json_object_get(json, "writes")), 2);
    cr_assert_null(json_object_get(json, "left_off"));
    json_decref(json);
    cr_assert_eq(change(NULL, 0), COMPLIANCE_OK);
    cr_assert_eq(verify(), COMPLIANCE_OK);
}


Test(audit, of_too_many_changes_the_rest_is_counted_and_digested,
    .init = setup, .fini = teardown)
{
    static char      text[1024];
    compliance_str_t changes[40];
    json_t          *json;
    size_t           n;
    uint8_t          digest[32];
    char             hex[65];
    unsigned         len = 32;
    EVP_MD_CTX      *hasher = EVP_MD_CTX_new();

    memset(text, '1', sizeof(text));
    cr_assert_eq(EVP_DigestInit_ex(hasher, EVP_sha256(), NULL), 1);

    text[0] = text[sizeof(text) - 1] = '"';

    for (size_t i = 0; i < 40; i++) {
        changes[i] = (compliance_str_t) { text, sizeof(text) };
        cr_assert_eq(EVP_DigestUpdate(hasher, text, sizeof(text)), 1);
        cr_assert_eq(EVP_DigestUpdate(hasher, "\n", 1), 1);
    }

    cr_assert_eq(EVP_DigestFinal_ex(hasher, digest, &len), 1);
    EVP_MD_CTX_free(hasher);

    for (size_t i = 0; i < 32; i++) {
        snprintf(hex + 2 * i, 3, "%02x", digest[i]);
    }

    cr_assert_eq(change(changes, 40), COMPLIANCE_OK);
    cr_assert_eq(verify(), COMPLIANCE_OK);
    has("all_sha256", hex);
    json = parsed();
    n = json_array_size(json_object_get(json, "changes"));
    cr_assert_gt(n, 10);
    cr_assert_eq(json_integer_value(json_object_get(json, "left_off")),
        40 - (json_int_t) n);
    cr_assert_eq(json_integer_value(json_object_get(json, "writes")), 40);
    json_decref(json);

    /* all of it at once has no room: none is shown in part */
    memset(line, 0, sizeof(line));
    changes[0] = (compliance_str_t) { text, sizeof(text) };
    for (size_t cap = 0; cap < 1000; cap += 7) {
        compliance_audit_change_t what = { 1, "abc", str("r"), str("c"),
            changes, 1, salt };
        uint64_t before = chain.seq;

        compliance_buf_init(&buf, line, cap);
        cr_assert_eq(compliance_audit_change(&chain, &what, &buf),
            COMPLIANCE_TOO_LONG);
        cr_assert_eq(chain.seq, before);
    }
}


Test(audit, an_anchor_is_signed_and_checked, .init = keyed, .fini = teardown)
{
    int64_t                  kid;
    char                     mac[COMPLIANCE_AUDIT_HASH_LEN + 1];
    compliance_audit_proof_t proof;
    compliance_audit_keys_t *plain = compliance_audit_keys_create(NULL);

    cr_assert(compliance_audit_sign(keys, str("heads"), &kid, mac));
    cr_assert_eq(kid, 7);
    cr_assert(compliance_audit_signed(keys, str("heads"), kid, str(mac),
        &proof));
    cr_assert_eq(proof, COMPLIANCE_AUDIT_KEYED);
    cr_assert(!compliance_audit_signed(keys, str("head"), kid, str(mac),
        &proof));
    cr_assert(!compliance_audit_signed(keys, str("heads"), 8, str(mac),
        &proof));
    cr_assert(!compliance_audit_signed(keys, str("heads"), -1, str(mac),
        &proof));
    cr_assert(!compliance_audit_signed(keys, str("heads"), kid, str("00"),
        &proof));
    cr_assert(compliance_audit_signed(plain, str("heads"), kid, str(mac),
        &proof));
    cr_assert_eq(proof, COMPLIANCE_AUDIT_KEY_MISSING);

    cr_assert(compliance_audit_sign(plain, str("heads"), &kid, mac));
    cr_assert_eq(kid, -1);
    cr_assert(compliance_audit_signed(keys, str("heads"), kid, str(mac),
        &proof));
    cr_assert_eq(proof, COMPLIANCE_AUDIT_PLAIN);

    compliance_audit_keys_free(plain);
}


/* Every OpenSSL call that needs memory, failing in turn: keys are made whole
 * or not at all. */
Test(audit, without_memory_there_are_no_keys, .init = keyed, .fini = teardown)
{
    compliance_audit_keys_t *made = NULL;

    for (long n = 1; n < 1000 && made == NULL; n++) {
        fail_openssl_call(n);
        made = compliance_audit_keys_create(&ring);
        cr_assert(made != NULL || openssl_call_failed(), "%ld", n);

        if (made == NULL) {
            continue;
        }

        cr_assert(!openssl_call_failed());
        fail_openssl_call(0);
    }

    cr_assert_not_null(made);
    compliance_audit_keys_free(made);
}


Test(audit, a_hash_that_fails_writes_no_record, .init = keyed,
    .fini = teardown)
{
    compliance_audit_chain_t before = chain;
    compliance_audit_line_t  read;
    long                     n;

    for (n = 1; n < 100; n++) {
        fail_openssl_call(n);

        if (record() == COMPLIANCE_OK) {
            break;
        }

        cr_assert(openssl_call_failed());
        cr_assert_eq(chain.seq, before.seq);
        cr_assert_str_eq(chain.hash, before.hash);
    }

    fail_openssl_call(0);
    cr_assert_gt(n, 2);
    cr_assert_lt(n, 100);

    for (n = 1; n < 100; n++) {
        compliance_rc_t rc;

        fail_openssl_call(n);
        rc = compliance_audit_read(keys, str(line), &read);

        if (rc == COMPLIANCE_OK) {
            break;
        }

        cr_assert_eq(rc, COMPLIANCE_NO_MEMORY);
    }

    fail_openssl_call(0);
    cr_assert_gt(n, 2);
}
