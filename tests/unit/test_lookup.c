/*
 * Lookups against a store of a few lines: which records are asked for, in how
 * many rounds, and what they amount to, also when the store fails in between.
 */
#include "fixture.h"

#include <stdlib.h>


#define PREFIX    "p:"
#define ENTRIES   24
#define CERT      "a"   /* a fingerprint of 64 times this digit */

/* A hash is "field=value field=value", a string is its own value. */
static struct {
    const char *key;
    const char *value;
} store[ENTRIES];
static size_t n_store;

static compliance_request_t request;
static compliance_lookup_t  lookup;
static char                 cert_key[128];


static void
put(const char *key, const char *value)
{
    cr_assert_lt(n_store, ENTRIES);
    store[n_store].key = key;
    store[n_store++].value = value;
}


static const char *
get(const char *key)
{
    for (size_t i = 0; i < n_store; i++) {
        if (strcmp(store[i].key, key) == 0) {
            return store[i].value;
        }
    }

    return NULL;
}


static compliance_value_t
field(const char *hash, const char *name)
{
    size_t len = strlen(name);

    while (hash != NULL && *hash != '\0') {
        const char *end = strchrnul(hash, ' ');

        if (strncmp(hash, name, len) == 0 && hash[len] == '=') {
            return (compliance_value_t) { hash + len + 1,
                (size_t) (end - hash) - len - 1 };
        }

        hash = *end == ' ' ? end + 1 : end;
    }

    return compliance_absent;
}


static void
answer(size_t i)
{
    size_t                  n = 1;
    const char             *hash;
    const compliance_ask_t *ask = &lookup.asks[i];
    compliance_value_t      values[COMPLIANCE_DEVICE_FIELDS];

    cr_assert_eq(strlen(ask->key), ask->key_len);
    cr_assert_eq(strncmp(ask->key, PREFIX, strlen(PREFIX)), 0);
    hash = get(ask->key + strlen(PREFIX));

    switch (ask->kind) {

    case COMPLIANCE_ASK_DEVICE:
        n = COMPLIANCE_DEVICE_FIELDS;
        for (size_t k = 0; k < n; k++) {
            values[k] = field(hash, compliance_device_fields[k]);
        }
        break;

    case COMPLIANCE_ASK_USER:
        n = COMPLIANCE_USER_FIELDS;
        for (size_t k = 0; k < n; k++) {
            values[k] = field(hash, compliance_user_fields[k]);
        }
        break;

    case COMPLIANCE_ASK_STRING:
        values[0] = str(hash);
        break;
    }

    compliance_lookup_answer(&lookup, i, values, n);
}


/* Answers all rounds, but for the `lost`th answer, with which the store fails
 * (-1: never).  The number of rounds. */
static unsigned
run_losing(int lost)
{
    size_t   n;
    unsigned rounds = 0;
    int      answers = 0;

    compliance_lookup_init(&lookup, &request, str(PREFIX));

    while ((n = compliance_lookup_next(&lookup)) > 0) {
        rounds++;
        cr_assert_leq(n, COMPLIANCE_ASKS_MAX);
        cr_assert_lt(rounds, 8, "it ends");

        for (size_t i = 0; i < n; i++) {
            if (answers++ == lost) {
                compliance_lookup_fail(&lookup);
                break;
            }

            answer(i);
        }
    }

    return rounds;
}


static unsigned
run(void)
{
    return run_losing(-1);
}


static void
setup(void)
{
    n_store = 0;
    request = alice_by_eas();
    memset(cert_key, 0, sizeof(cert_key));
    strcpy(cert_key, "alias:cert:");
    memset(cert_key + strlen(cert_key), *CERT, COMPLIANCE_FINGERPRINT_LEN);

    put("user:alice", "groups=sales");
    put("device:PHONE1", "state=compliant owner=alice");
}


static void
forget(const char *key)
{
    for (size_t i = 0; i < n_store; i++) {
        if (strcmp(store[i].key, key) == 0) {
            store[i].key = "";
        }
    }
}


TestSuite(lookup, .init = setup);

#define FACTS  (&lookup.facts)


static bool
is_device(const char *id)
{
    compliance_device_id_t want = device_id(id);

    return FACTS->device_presence == COMPLIANCE_PRESENT && !FACTS->ambiguous
           && compliance_device_id_eq(&FACTS->device.id, &want);
}


static bool
is_user(const char *name)
{
    compliance_principal_t want = principal(name);

    return FACTS->user_presence == COMPLIANCE_PRESENT && !FACTS->ambiguous
           && compliance_principal_eq(&FACTS->user.principal, &want);
}


Test(lookup, ids_and_names_of_records_take_one_round)
{
    compliance_lookup_init(&lookup, &request, str(PREFIX));
    cr_assert_eq(compliance_lookup_next(&lookup), 4);
    cr_assert_str_eq(lookup.asks[0].key, "p:device:PHONE1");
    cr_assert_str_eq(lookup.asks[1].key, "p:alias:eas:PHONE1");
    cr_assert_str_eq(lookup.asks[2].key, "p:user:alice");
    cr_assert_str_eq(lookup.asks[3].key, "p:alias:user:alice");

    cr_assert_eq(run(), 1);
    cr_assert(is_device("PHONE1"));
    cr_assert(is_user("alice"));
    cr_assert_eq(FACTS->binding, COMPLIANCE_BINDING_ASSERTED);
    cr_assert(FACTS->device_claimed);
    cr_assert(FACTS->user_claimed);
    cr_assert_str_eq(FACTS->user.groups, "sales");
    cr_assert_eq(FACTS->device.state, COMPLIANCE_STATE_COMPLIANT);
}


Test(lookup, a_device_and_a_user_without_a_record_are_missing)
{
    n_store = 0;
    cr_assert_eq(run(), 1);
    cr_assert_eq(FACTS->device_presence, COMPLIANCE_MISSING);
    cr_assert_eq(FACTS->user_presence, COMPLIANCE_MISSING);
    cr_assert_not(FACTS->ambiguous);
    cr_assert_str_eq(FACTS->device.id.data, "PHONE1");
    cr_assert_str_eq(FACTS->user.principal.data, "alice");
    cr_assert_eq(FACTS->binding, COMPLIANCE_BINDING_ASSERTED);
}


Test(lookup, an_alias_takes_a_second_round)
{
    request.claims[0].id = device_id("EASID1");
    request.user = principal("demo\\alice");
    put("alias:eas:EASID1", "phone1");
    put("alias:user:demo\\alice", "Alice");

    cr_assert_eq(run(), 2);
    cr_assert(is_device("PHONE1"));
    cr_assert(is_user("alice"));
}


Test(lookup, an_alias_of_another_kind_does_not_count)
{
    request.claims[0].id = device_id("EASID1");
    put("alias:login:EASID1", "PHONE1");
    run();
    cr_assert_eq(FACTS->device_presence, COMPLIANCE_MISSING);

    request.claims[0].source = COMPLIANCE_DEVICE_FROM_TAG;
    cr_assert_eq(run(), 2);
    cr_assert(is_device("PHONE1"));
    cr_assert_eq(FACTS->binding, COMPLIANCE_BINDING_ASSERTED);

    request.claims[0].source = COMPLIANCE_DEVICE_FROM_SIGNED_TAG;
    run();
    cr_assert_eq(FACTS->binding, COMPLIANCE_BINDING_SECRET);
}


Test(lookup, cookies_and_variables_name_records_only)
{
    put("alias:eas:PHONE2", "PHONE1");
    put("alias:login:PHONE2", "PHONE1");
    request.claims[0].id = device_id("PHONE2");
    request.claims[0].source = COMPLIANCE_DEVICE_FROM_COOKIE;
    cr_assert_eq(run(), 1);
    cr_assert_eq(FACTS->device_presence, COMPLIANCE_MISSING);
    cr_assert_eq(FACTS->binding, COMPLIANCE_BINDING_SECRET);

    request.claims[0].id = device_id("PHONE1");
    request.claims[0].source = COMPLIANCE_DEVICE_FROM_VARIABLE;
    cr_assert_eq(run(), 1);
    cr_assert(is_device("PHONE1"));
    cr_assert_eq(FACTS->binding, COMPLIANCE_BINDING_ASSERTED);
}


Test(lookup, a_record_and_an_alias_to_another_device_are_ambiguous)
{
    put("alias:eas:PHONE1", "PHONE2");
    put("device:PHONE2", "state=compliant owner=alice");
    cr_assert_eq(run(), 1);
    cr_assert(FACTS->ambiguous);
}


Test(lookup, an_alias_to_itself_changes_nothing)
{
    put("alias:eas:PHONE1", "PHONE1");
    put("alias:user:alice", "alice");
    cr_assert_eq(run(), 1);
    cr_assert(is_device("PHONE1"));
    cr_assert(is_user("alice"));

    forget("device:PHONE1");
    forget("user:alice");
    cr_assert_eq(run(), 1);
    cr_assert_eq(FACTS->device_presence, COMPLIANCE_MISSING);
    cr_assert_eq(FACTS->user_presence, COMPLIANCE_MISSING);
    cr_assert_not(FACTS->ambiguous);
}


Test(lookup, an_alias_to_a_device_that_is_gone_is_a_missing_device)
{
    request.claims[0].id = device_id("EASID1");
    put("alias:eas:EASID1", "GONE");
    cr_assert_eq(run(), 2);
    cr_assert_eq(FACTS->device_presence, COMPLIANCE_MISSING);
    cr_assert_str_eq(FACTS->device.id.data, "GONE");
}


Test(lookup, an_alias_to_a_user_who_is_gone_is_an_unknown_user)
{
    request.user = principal("old");
    put("alias:user:old", "gone");
    cr_assert_eq(run(), 2);
    cr_assert_eq(FACTS->user_presence, COMPLIANCE_MISSING);
    cr_assert_str_eq(FACTS->user.principal.data, "gone");
    cr_assert_not(FACTS->ambiguous);
}


Test(lookup, a_user_record_and_an_alias_to_another_are_ambiguous)
{
    put("alias:user:alice", "bob");
    put("user:bob", "groups=pilot");
    run();
    cr_assert(FACTS->ambiguous);
}


Test(lookup, an_alias_of_an_alias_is_ambiguous)
{
    request.user = principal("a");
    put("alias:user:a", "b");
    put("alias:user:b", "alice");
    run();
    cr_assert(FACTS->ambiguous);
}


Test(lookup, an_alias_that_cannot_be_read_is_ambiguous)
{
    put("alias:eas:PHONE1", "not an id");
    run();
    cr_assert(FACTS->ambiguous);

    setup();
    put("alias:user:alice", "*");
    run();
    cr_assert(FACTS->ambiguous);

    setup();
    put("alias:user:alice", "");
    run();
    cr_assert(FACTS->ambiguous);
}


/* certificates, and more than one claim */

static void
with_certificate(const char *leads_to)
{
    claim(&request, COMPLIANCE_DEVICE_FROM_CERTIFICATE, CERT);

    if (leads_to != NULL) {
        put(cert_key, leads_to);
    }
}


Test(lookup, a_certificate_is_found_by_its_alias_alone)
{
    request.n_claims = 0;
    with_certificate("PHONE1");
    cr_assert_eq(run(), 2);
    cr_assert(is_device("PHONE1"));
    cr_assert_eq(FACTS->binding, COMPLIANCE_BINDING_CERTIFICATE);
}


Test(lookup, a_certificate_nobody_knows_is_a_missing_device)
{
    request.n_claims = 0;
    with_certificate(NULL);
    cr_assert_eq(run(), 1);
    cr_assert(FACTS->device_claimed);
    cr_assert_eq(FACTS->device_presence, COMPLIANCE_MISSING);
    cr_assert_eq(FACTS->device.id.len, 0);
    cr_assert_eq(FACTS->binding, COMPLIANCE_BINDING_CERTIFICATE);
}


Test(lookup, two_claims_of_one_device_bind_as_the_stronger_in_one_round)
{
    with_certificate("PHONE1");
    cr_assert_eq(run(), 1);
    cr_assert(is_device("PHONE1"));
    cr_assert_eq(FACTS->binding, COMPLIANCE_BINDING_CERTIFICATE);
    cr_assert_eq(FACTS->device.state, COMPLIANCE_STATE_COMPLIANT);
}


Test(lookup, two_claims_to_two_devices_are_ambiguous)
{
    put("device:PHONE2", "state=compliant owner=alice");
    with_certificate("PHONE2");
    run();
    cr_assert(FACTS->ambiguous);
}


Test(lookup, an_id_that_leads_nowhere_is_tolerated_beside_a_proof)
{
    request.claims[0].id = device_id("RANDOM");
    with_certificate("PHONE1");
    run();
    cr_assert(is_device("PHONE1"));
    cr_assert_eq(FACTS->binding, COMPLIANCE_BINDING_CERTIFICATE);
}


Test(lookup, an_id_that_leads_to_a_device_that_is_gone_is_not_tolerated)
{
    request.claims[0].id = device_id("RANDOM");
    put("alias:eas:RANDOM", "GONE");
    with_certificate("PHONE1");
    run();
    cr_assert(FACTS->ambiguous);
}


Test(lookup, an_unknown_certificate_proves_nothing_about_a_known_id)
{
    with_certificate(NULL);
    run();
    cr_assert(is_device("PHONE1"));
    cr_assert_eq(FACTS->binding, COMPLIANCE_BINDING_ASSERTED);
}


Test(lookup, an_unknown_certificate_proves_nothing_about_an_unknown_id)
{
    forget("device:PHONE1");
    with_certificate(NULL);
    run();
    cr_assert_eq(FACTS->device_presence, COMPLIANCE_MISSING);
    cr_assert_str_eq(FACTS->device.id.data, "PHONE1");
    cr_assert_eq(FACTS->binding, COMPLIANCE_BINDING_ASSERTED);

    setup();
    forget("device:PHONE1");
    request.n_claims = 0;
    with_certificate(NULL);
    claim(&request, COMPLIANCE_DEVICE_FROM_EAS, "PHONE1");
    run();
    cr_assert_eq(FACTS->binding, COMPLIANCE_BINDING_ASSERTED);
    cr_assert_str_eq(FACTS->device.id.data, "PHONE1");
}


Test(lookup, two_ids_without_a_proof_must_be_one)
{
    claim(&request, COMPLIANCE_DEVICE_FROM_VARIABLE, "OTHER");
    run();
    cr_assert(FACTS->ambiguous, "one known, one not");

    setup();
    forget("device:PHONE1");
    claim(&request, COMPLIANCE_DEVICE_FROM_VARIABLE, "OTHER");
    run();
    cr_assert(FACTS->ambiguous, "both unknown");

    setup();
    forget("device:PHONE1");
    claim(&request, COMPLIANCE_DEVICE_FROM_COOKIE, "PHONE1");
    run();
    cr_assert_not(FACTS->ambiguous);
    cr_assert_eq(FACTS->device_presence, COMPLIANCE_MISSING);
    cr_assert_eq(FACTS->binding, COMPLIANCE_BINDING_SECRET);
}


Test(lookup, two_aliases_to_one_device_are_one_device)
{
    request.claims[0].id = device_id("EASID1");
    put("alias:eas:EASID1", "PHONE1");
    with_certificate("PHONE1");
    cr_assert_eq(run(), 2);
    cr_assert(is_device("PHONE1"));
}


Test(lookup, the_order_of_the_claims_does_not_matter)
{
    request.n_claims = 0;
    with_certificate("PHONE1");
    claim(&request, COMPLIANCE_DEVICE_FROM_EAS, "PHONE1");
    cr_assert_eq(run(), 1);
    cr_assert(is_device("PHONE1"));
    cr_assert_eq(FACTS->binding, COMPLIANCE_BINDING_CERTIFICATE);
}


/* the user follows from the device */

static void
by_web(void)
{
    request.protocol = COMPLIANCE_WEB;
    request.user_source = COMPLIANCE_USER_FROM_OWNER;
    request.user.len = 0;
    request.n_claims = 0;
}


Test(lookup, the_owner_of_a_proven_device_is_the_user)
{
    by_web();
    with_certificate("PHONE1");
    cr_assert_eq(run(), 3);
    cr_assert(is_device("PHONE1"));
    cr_assert(is_user("alice"));
    cr_assert(FACTS->user_claimed);
}


Test(lookup, the_owner_of_an_asserted_device_is_nobody)
{
    by_web();
    claim(&request, COMPLIANCE_DEVICE_FROM_VARIABLE, "PHONE1");
    cr_assert_eq(run(), 1);
    cr_assert(is_device("PHONE1"));
    cr_assert_not(FACTS->user_claimed);
    cr_assert_eq(FACTS->user_presence, COMPLIANCE_MISSING);
}


Test(lookup, a_browser_without_a_certificate_asks_for_nothing)
{
    by_web();
    cr_assert_eq(run(), 0);
    cr_assert_not(FACTS->device_claimed);
    cr_assert_not(FACTS->user_claimed);
    cr_assert_eq(FACTS->device_presence, COMPLIANCE_MISSING);
    cr_assert_eq(FACTS->user_presence, COMPLIANCE_MISSING);
}


Test(lookup, an_owner_is_resolved_through_his_aliases)
{
    by_web();
    forget("device:PHONE1");
    put("device:PHONE1", "state=compliant owner=alice@example.com");
    put("alias:user:alice@example.com", "alice");
    with_certificate("PHONE1");
    run();
    cr_assert(is_user("alice"));
    cr_assert_str_eq(FACTS->device.owner.data, "alice");
}


Test(lookup, an_owner_by_another_name_is_the_owner)
{
    forget("device:PHONE1");
    put("device:PHONE1", "state=compliant owner=alice@example.com");
    put("alias:user:alice@example.com", "alice");
    cr_assert_eq(run(), 2);
    cr_assert(is_device("PHONE1"));
    cr_assert_str_eq(FACTS->device.owner.data, "alice");

    request.user = principal("alice@example.com");
    cr_assert_eq(run(), 2);
    cr_assert_str_eq(FACTS->device.owner.data, "alice");
    cr_assert(is_user("alice"));
}


Test(lookup, another_owner_stays_another)
{
    forget("device:PHONE1");
    put("device:PHONE1", "state=compliant owner=bob");
    cr_assert_eq(run(), 2);
    cr_assert(is_device("PHONE1"));
    cr_assert_str_eq(FACTS->device.owner.data, "bob");
}


Test(lookup, an_owner_whose_name_got_no_answer_leaves_the_device_unknown)
{
    forget("device:PHONE1");
    put("device:PHONE1", "state=compliant owner=bob");
    run_losing(4);
    cr_assert_eq(FACTS->device_presence, COMPLIANCE_PRESENCE_UNKNOWN);
    cr_assert_eq(FACTS->user_presence, COMPLIANCE_PRESENT);
}


Test(lookup, a_device_without_an_owner_has_no_user)
{
    by_web();
    forget("device:PHONE1");
    put("device:PHONE1", "state=compliant");
    with_certificate("PHONE1");
    run();
    cr_assert(is_device("PHONE1"));
    cr_assert_not(FACTS->user_claimed);
}


/* two names of one person */

Test(lookup, a_hint_that_is_the_user_is_not_asked_for)
{
    request.user_hint = principal("alice");
    compliance_lookup_init(&lookup, &request, str(PREFIX));
    cr_assert_eq(compliance_lookup_next(&lookup), 4);
}


Test(lookup, a_hint_of_the_same_person_is_fine)
{
    request.user = principal("demo\\alice");
    request.user_hint = principal("alice");
    put("alias:user:demo\\alice", "alice");
    cr_assert_eq(run(), 2);
    cr_assert(is_user("alice"));

    request.user = principal("alice");
    request.user_hint = principal("demo\\alice");
    run();
    cr_assert(is_user("alice"));
}


Test(lookup, a_hint_of_somebody_else_is_ambiguous)
{
    put("user:bob", "groups=pilot");
    request.user_hint = principal("bob");
    run();
    cr_assert(FACTS->ambiguous);
}


Test(lookup, a_hint_nobody_knows_must_spell_the_users_name)
{
    static const struct {
        const char *user;
        const char *hint;
        bool        fine;
    } rows[] = {
        { "demo\\alice", "alice", true },
        { "alice@example.com", "alice", true },
        { "demo\\alice@example.com", "alice", true },
        { "alice", "alice@example.com", false },
        { "alice", "bob", false },
        { "demo\\alice", "demo", false },
        { "alice@example.com", "example.com", false },
        { "alice@example.com", "alic", false },
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        n_store = 0;
        request = alice_by_eas();
        request.user = principal(rows[i].user);
        request.user_hint = principal(rows[i].hint);
        run();
        cr_assert_eq(!FACTS->ambiguous, rows[i].fine, "row %zu", i);
    }
}


Test(lookup, a_hint_may_spell_the_name_before_or_behind_the_alias)
{
    n_store = 0;
    request.user = principal("demo\\al");
    request.user_hint = principal("al");
    put("alias:user:demo\\al", "alice.a@example.com");
    put("user:alice.a@example.com", "groups=sales");
    run();
    cr_assert(is_user("alice.a@example.com"));

    request.user_hint = principal("alice.a");
    run();
    cr_assert(is_user("alice.a@example.com"));

    request.user_hint = principal("alice");
    run();
    cr_assert(FACTS->ambiguous);
}


Test(lookup, a_known_hint_beside_an_unknown_user_is_ambiguous)
{
    request.user = principal("demo\\alice");
    request.user_hint = principal("alice");
    run();
    cr_assert(FACTS->ambiguous);
}


/* what is not asked for */

Test(lookup, a_request_without_a_device_asks_for_the_user_alone)
{
    request.device_free = true;
    cr_assert_eq(run(), 1);
    cr_assert_not(FACTS->device_claimed);
    cr_assert(is_user("alice"));
}


Test(lookup, a_request_that_will_be_refused_asks_for_nothing)
{
    request.identity = COMPLIANCE_MALFORMED;
    cr_assert_eq(run(), 0);

    request = alice_by_eas();
    request.n_claims = COMPLIANCE_CLAIMS_MAX + 1;
    cr_assert_eq(run(), 0);

    request = alice_by_eas();
    request.claims[0].source = COMPLIANCE_DEVICE_FROM_NONE;
    cr_assert_eq(run(), 0);

    request.claims[0].source = (compliance_device_source_t) 99;
    cr_assert_eq(run(), 0);
}


Test(lookup, a_login_is_looked_up_like_a_credential)
{
    request.user_source = COMPLIANCE_USER_FROM_LOGIN;
    cr_assert_eq(run(), 1);
    cr_assert(is_user("alice"));
}


/* failures */

Test(lookup, a_store_that_never_answers_leaves_everything_unknown)
{
    cr_assert_eq(run_losing(0), 1);
    cr_assert_eq(FACTS->device_presence, COMPLIANCE_PRESENCE_UNKNOWN);
    cr_assert_eq(FACTS->user_presence, COMPLIANCE_PRESENCE_UNKNOWN);
    cr_assert(FACTS->device_claimed);
    cr_assert(FACTS->user_claimed);
    cr_assert_str_eq(FACTS->user.principal.data, "alice");
    cr_assert_str_eq(FACTS->device.id.data, "PHONE1");
    cr_assert_eq(FACTS->binding, COMPLIANCE_BINDING_NONE);
}


Test(lookup, a_failure_before_the_first_round_is_a_failure)
{
    compliance_lookup_init(&lookup, &request, str(PREFIX));
    compliance_lookup_fail(&lookup);
    cr_assert_eq(compliance_lookup_next(&lookup), 0);
    cr_assert_eq(FACTS->device_presence, COMPLIANCE_PRESENCE_UNKNOWN);
    cr_assert_eq(FACTS->user_presence, COMPLIANCE_PRESENCE_UNKNOWN);
}


Test(lookup, half_an_answer_is_none)
{
    run_losing(1);
    cr_assert_eq(FACTS->device_presence, COMPLIANCE_PRESENCE_UNKNOWN);

    run_losing(2);
    cr_assert_eq(FACTS->device_presence, COMPLIANCE_PRESENT);
    cr_assert_eq(FACTS->user_presence, COMPLIANCE_PRESENCE_UNKNOWN);
    cr_assert_eq(FACTS->user.groups[0], '\0');

    run_losing(3);
    cr_assert_eq(FACTS->user_presence, COMPLIANCE_PRESENCE_UNKNOWN);
    cr_assert_eq(FACTS->user.groups[0], '\0');
}


Test(lookup, a_failure_behind_an_alias_leaves_it_unknown)
{
    request.claims[0].id = device_id("EASID1");
    request.user = principal("demo\\alice");
    put("alias:eas:EASID1", "PHONE1");
    put("alias:user:demo\\alice", "alice");

    for (int lost = 4; lost < 7; lost++) {
        run_losing(lost);
        cr_assert_eq(FACTS->user_presence, COMPLIANCE_PRESENCE_UNKNOWN,
            "lost %d", lost);
        cr_assert_eq(FACTS->device_presence,
            lost == 4 ? COMPLIANCE_PRESENCE_UNKNOWN : COMPLIANCE_PRESENT);
    }
}


Test(lookup, a_hint_without_an_answer_leaves_the_user_unknown)
{
    request.user_hint = principal("demo\\alice");
    put("alias:user:demo\\alice", "alice");

    /* user, his alias, hint, its alias behind two asks of the device */
    for (int lost = 4; lost < 8; lost++) {
        run_losing(lost);
        cr_assert_eq(FACTS->user_presence, COMPLIANCE_PRESENCE_UNKNOWN,
            "lost %d", lost);
    }

    run_losing(8);
    cr_assert(is_user("alice"));
}


Test(lookup, the_owner_of_a_device_without_an_answer_is_somebody_unknown)
{
    by_web();
    with_certificate("PHONE1");

    for (int lost = 0; lost < 4; lost++) {
        run_losing(lost);
        cr_assert(FACTS->user_claimed, "lost %d", lost);
        cr_assert_eq(FACTS->user_presence, COMPLIANCE_PRESENCE_UNKNOWN);
    }
}


Test(lookup, no_lost_answer_ever_leads_to_an_allow)
{
    compliance_snapshot_t *snapshot = calloc(1, sizeof(*snapshot));

    cr_assert_not_null(snapshot);
    compliance_snapshot_init(snapshot);
    compliance_group_set(&snapshot->groups[0], str("mode"), str("off"));
    put("alias:user:demo\\alice", "alice");
    put("alias:eas:EASID1", "PHONE1");
    request.claims[0].id = device_id("EASID1");
    request.user = principal("demo\\alice");
    request.user_hint = principal("alice");
    with_certificate("PHONE1");

    for (int lost = 0; ; lost++) {
        compliance_decision_t d;

        run_losing(lost);
        d = compliance_decide(&request, FACTS, snapshot, TEST_NOW, NULL);

        if (!lookup.failed) {
            cr_assert_eq(d.verdict, COMPLIANCE_ALLOW);
            cr_assert_gt(lost, 8);
            break;
        }

        cr_assert_eq(d.verdict, COMPLIANCE_TEMPFAIL, "lost %d", lost);
    }

    free(snapshot);
}


Test(lookup, an_answer_of_the_wrong_size_is_a_failure)
{
    compliance_value_t values[COMPLIANCE_DEVICE_FIELDS] = { { NULL, 0 } };

    compliance_lookup_init(&lookup, &request, str(PREFIX));
    cr_assert_eq(compliance_lookup_next(&lookup), 4);
    compliance_lookup_answer(&lookup, 0, values, COMPLIANCE_DEVICE_FIELDS - 1);
    cr_assert_eq(compliance_lookup_next(&lookup), 0);
    cr_assert_eq(FACTS->device_presence, COMPLIANCE_PRESENCE_UNKNOWN);

    compliance_lookup_init(&lookup, &request, str(PREFIX));
    cr_assert_eq(compliance_lookup_next(&lookup), 4);
    compliance_lookup_answer(&lookup, 4, values, 1);
    cr_assert_eq(compliance_lookup_next(&lookup), 0);
}


Test(lookup, a_caller_that_does_not_answer_is_not_asked_for_ever)
{
    unsigned rounds = 0;

    compliance_lookup_init(&lookup, &request, str(PREFIX));

    while (compliance_lookup_next(&lookup) > 0) {
        cr_assert_lt(rounds++, 16);
    }

    cr_assert_eq(FACTS->device_presence, COMPLIANCE_PRESENCE_UNKNOWN);
}


Test(lookup, keys_that_do_not_fit_are_a_store_failure)
{
    char prefix[COMPLIANCE_KEY_TEXT_MAX + 1];

    memset(prefix, 'p', sizeof(prefix) - 1);
    prefix[sizeof(prefix) - 1] = '\0';

    compliance_lookup_init(&lookup, &request, str(prefix));
    cr_assert_eq(compliance_lookup_next(&lookup), 0);
    cr_assert_eq(FACTS->device_presence, COMPLIANCE_PRESENCE_UNKNOWN);

    request.n_claims = 0;
    compliance_lookup_init(&lookup, &request, str(prefix));
    cr_assert_eq(compliance_lookup_next(&lookup), 0);
    cr_assert_eq(FACTS->user_presence, COMPLIANCE_PRESENCE_UNKNOWN);

    /* the device's keys fit, the user's do not */
    request = alice_by_eas();
    prefix[COMPLIANCE_KEY_TEXT_MAX - sizeof("alias:eas:PHONE1")] = '\0';
    memset(request.user.data, 'u', COMPLIANCE_PRINCIPAL_MAX);
    request.user.len = COMPLIANCE_PRINCIPAL_MAX;
    compliance_lookup_init(&lookup, &request, str(prefix));
    cr_assert_eq(compliance_lookup_next(&lookup), 0);
    cr_assert(lookup.failed);
    cr_assert(FACTS->device_claimed);
    cr_assert(FACTS->user_claimed);
    cr_assert_eq(FACTS->device_presence, COMPLIANCE_PRESENCE_UNKNOWN);
    cr_assert_eq(FACTS->user_presence, COMPLIANCE_PRESENCE_UNKNOWN);
}


Test(lookup, facts_nobody_looked_up_admit_nobody)
{
    compliance_snapshot_t *snapshot = calloc(1, sizeof(*snapshot));

    cr_assert_not_null(snapshot);
    compliance_snapshot_init(snapshot);
    request.claims[0].source = (compliance_device_source_t) 99;
    compliance_lookup_init(&lookup, &request, str(PREFIX));
    cr_assert_eq(compliance_decide(&request, FACTS, snapshot, TEST_NOW, NULL)
                     .verdict, COMPLIANCE_TEMPFAIL);
    cr_assert_eq(compliance_lookup_next(&lookup), 0);
    cr_assert_eq(compliance_decide(&request, FACTS, snapshot, TEST_NOW, NULL)
                     .verdict, COMPLIANCE_TEMPFAIL);
    free(snapshot);
}
