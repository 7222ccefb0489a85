/*
 * Group settings: defaults, every setting's good and bad values, what a stored
 * record's unreadable values become; networks, client patterns, snapshots.
 */
#include "fixture.h"

#include <stdio.h>
#include <stdlib.h>


static compliance_group_t group;

TestSuite(group);


static void
setup(void)
{
    compliance_group_defaults(&group, "sales");
}


static compliance_rc_t
set(const char *field, const char *value)
{
    return compliance_group_set(&group, str(field), str(value));
}


Test(group, defaults_are_those_of_the_design, .init = setup)
{
    cr_assert_str_eq(group.name, "sales");
    cr_assert_eq(group.mode, COMPLIANCE_MODE_REPORT);
    cr_assert_eq(group.enforce_from, 0);
    cr_assert_eq(group.rollout_percent, 100);
    cr_assert_eq(group.protocols, COMPLIANCE_ALL_PROTOCOLS);
    cr_assert_eq(group.deny_protocols, 0);
    cr_assert_eq(group.require, COMPLIANCE_REQUIRE_COMPLIANT);
    cr_assert_eq(group.max_risk, COMPLIANCE_RISK_UNKNOWN);
    cr_assert_eq(group.max_checkin_age, 0);
    cr_assert_not(group.unknown_device_allow);
    cr_assert(group.unknown_user_allow);
    cr_assert_eq(group.min_binding, COMPLIANCE_BINDING_OWNER);
    cr_assert_not(group.on_error_stale);
    cr_assert_eq(group.max_stale, 0);
    cr_assert_not(group.clients_restricted);
    cr_assert_eq(group.n_networks, 0);
    cr_assert_str_eq(group.message, "");
    cr_assert_str_eq(group.support_contact, "");
}


Test(group, every_setting_takes_its_own_default_and_strictest)
{
    for (size_t i = 0; i < compliance_group_settings_n; i++) {
        const compliance_group_setting_t *row = &compliance_group_settings[i];

        compliance_group_defaults(&group, "x");
        cr_assert_eq(set(row->name, row->standard), COMPLIANCE_OK, "%s",
            row->name);
        cr_assert(strlen(row->expects) > 0);

        if (row->strictest != NULL) {
            cr_assert_eq(set(row->name, row->strictest), COMPLIANCE_OK, "%s",
                row->name);
        }
    }
}


Test(group, good_values_are_taken, .init = setup)
{
    cr_assert_eq(set("mode", "off"), COMPLIANCE_OK);
    cr_assert_eq(group.mode, COMPLIANCE_MODE_OFF);
    cr_assert_eq(set("enforce_from", "1700000000"), COMPLIANCE_OK);
    cr_assert_eq(group.enforce_from, 1700000000);
    cr_assert_eq(set("rollout_percent", "0"), COMPLIANCE_OK);
    cr_assert_eq(group.rollout_percent, 0);
    cr_assert_eq(set("protocols", "eas, imap"), COMPLIANCE_OK);
    cr_assert_eq(group.protocols,
        COMPLIANCE_BIT(COMPLIANCE_EAS) | COMPLIANCE_BIT(COMPLIANCE_IMAP));
    cr_assert_eq(set("deny_protocols", "pop3"), COMPLIANCE_OK);
    cr_assert_eq(group.deny_protocols, COMPLIANCE_BIT(COMPLIANCE_POP3));
    cr_assert_eq(set("deny_protocols", ""), COMPLIANCE_OK);
    cr_assert_eq(group.deny_protocols, 0);
    cr_assert_eq(set("require", "known"), COMPLIANCE_OK);
    cr_assert_eq(group.require, COMPLIANCE_REQUIRE_KNOWN);
    cr_assert_eq(set("max_risk", "medium"), COMPLIANCE_OK);
    cr_assert_eq(group.max_risk, COMPLIANCE_RISK_MEDIUM);
    cr_assert_eq(set("max_checkin_age", "86400"), COMPLIANCE_OK);
    cr_assert_eq(group.max_checkin_age, 86400);
    cr_assert_eq(set("unknown_device", "allow"), COMPLIANCE_OK);
    cr_assert(group.unknown_device_allow);
    cr_assert_eq(set("min_binding", "certificate"), COMPLIANCE_OK);
    cr_assert_eq(group.min_binding, COMPLIANCE_BINDING_CERTIFICATE);
    cr_assert_eq(set("on_error", "stale"), COMPLIANCE_OK);
    cr_assert(group.on_error_stale);
    cr_assert_eq(set("max_stale", "300"), COMPLIANCE_OK);
    cr_assert_eq(group.max_stale, 300);
    cr_assert_eq(set("unknown_user", "block"), COMPLIANCE_OK);
    cr_assert_not(group.unknown_user_allow);
    cr_assert_eq(set("support_contact", "helpdesk@example.com"),
        COMPLIANCE_OK);
    cr_assert_str_eq(group.support_contact, "helpdesk@example.com");
    cr_assert_eq(set("message", "Bitte Gerät prüfen"), COMPLIANCE_OK);
    cr_assert_str_eq(group.message, "Bitte Gerät prüfen");
    cr_assert_eq(set("allowed_clients", " iPhone , Outlook for iOS*"),
        COMPLIANCE_OK);
    cr_assert(group.clients_restricted);
    cr_assert_eq(group.n_clients, 2);
    cr_assert_str_eq(group.clients[0], "iPhone");
    cr_assert_str_eq(group.clients[1], "Outlook for iOS*");
    cr_assert_eq(set("allowed_clients", ""), COMPLIANCE_OK);
    cr_assert_not(group.clients_restricted);
    cr_assert_eq(set("exempt_networks", "10.0.0.0/8,2001:db8::/32"),
        COMPLIANCE_OK);
    cr_assert_eq(group.n_networks, 2);
}


static const struct {
    const char *field;
    const char *value;
} bad[] = {
    { "mode", "" }, { "mode", "Enforce" }, { "mode", "offline" },
    { "mode", " off" }, { "mode", "0" },
    { "enforce_from", "" }, { "enforce_from", "-1" },
    { "enforce_from", "tomorrow" },
    { "rollout_percent", "101" }, { "rollout_percent", "50%" },
    { "rollout_percent", "" },
    { "protocols", "" }, { "protocols", "none" }, { "protocols", "smtps" },
    { "protocols", "eas,,imap" }, { "protocols", "EAS" },
    { "protocols", "eas," },
    { "deny_protocols", "imap pop3" }, { "deny_protocols", "," },
    { "require", "any" }, { "require", "" },
    { "max_risk", "unknown" }, { "max_risk", "" },
    { "max_checkin_age", "7d" }, { "max_checkin_age", "" },
    { "unknown_device", "yes" }, { "unknown_device", "" },
    { "min_binding", "none" }, { "min_binding", "cert" },
    { "allowed_clients", "," }, { "allowed_clients", "a,,b" },
    { "allowed_clients", "a\tb" }, { "allowed_clients", "Ger\xc3\xa4t" },
    { "allowed_clients", "1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17" },
    { "exempt_networks", "10.0.0.0/33" }, { "exempt_networks", "10.0.0.0/8," },
    { "exempt_networks", "," }, { "exempt_networks", "all" },
    { "on_error", "allow" }, { "max_stale", "-5" },
    { "unknown_user", "deny" },
    { "message", "two\nlines" }, { "message", "\xff" },
    { "message", "\xc2\x85" }, { "message", "\xe2\x80\xa8" },
    { "support_contact", "a\x7f" },
};


Test(group, a_bad_value_leaves_the_group_untouched)
{
    compliance_group_t before;

    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        setup();
        cr_assert_eq(set("allowed_clients", "a,b"), COMPLIANCE_OK);
        cr_assert_eq(set("exempt_networks", "::1"), COMPLIANCE_OK);
        memcpy(&before, &group, sizeof(group));
        cr_assert_eq(set(bad[i].field, bad[i].value), COMPLIANCE_MALFORMED,
            "%s = %s", bad[i].field, bad[i].value);
        cr_assert_eq(memcmp(&before, &group, sizeof(group)), 0, "%s = %s",
            bad[i].field, bad[i].value);
    }
}


Test(group, a_value_that_is_absent_or_holds_a_nul_is_bad)
{
    for (size_t i = 0; i < compliance_group_settings_n; i++) {
        const char *name = compliance_group_settings[i].name;

        setup();
        cr_assert_eq(compliance_group_set(&group, str(name),
            compliance_absent), COMPLIANCE_MALFORMED, "%s", name);
        cr_assert_eq(compliance_group_set(&group, str(name),
            (compliance_str_t) { "off\0", 4 }), COMPLIANCE_MALFORMED, "%s",
            name);
    }
}


Test(group, a_field_of_no_setting_is_absent, .init = setup)
{
    cr_assert_eq(set("Mode", "off"), COMPLIANCE_ABSENT);
    cr_assert_eq(set("", "off"), COMPLIANCE_ABSENT);
    cr_assert_eq(set("members", "alice"), COMPLIANCE_ABSENT);
}


Test(group, texts_fit_to_their_last_byte)
{
    char text[COMPLIANCE_MESSAGE_MAX + 2];

    memset(text, 'x', sizeof(text));
    setup();
    cr_assert_eq(compliance_group_set(&group, str("message"),
        (compliance_str_t) { text, COMPLIANCE_MESSAGE_MAX }), COMPLIANCE_OK);
    cr_assert_eq(strlen(group.message), COMPLIANCE_MESSAGE_MAX);
    cr_assert_eq(compliance_group_set(&group, str("message"),
        (compliance_str_t) { text, COMPLIANCE_MESSAGE_MAX + 1 }),
        COMPLIANCE_MALFORMED);
    cr_assert_eq(compliance_group_set(&group, str("allowed_clients"),
        (compliance_str_t) { text, COMPLIANCE_CLIENT_TEXT_MAX }),
        COMPLIANCE_OK);
    cr_assert_eq(compliance_group_set(&group, str("allowed_clients"),
        (compliance_str_t) { text, COMPLIANCE_CLIENT_TEXT_MAX + 1 }),
        COMPLIANCE_MALFORMED);
}


/* stored records */

Test(group, a_stored_record_is_read)
{
    const char               *first = "";
    const compliance_value_t  pairs[] = {
        str("mode"), str("enforce"), str("max_risk"), str("low"),
        str("future_setting"), str("?"),
    };

    cr_assert_eq(compliance_group_read(&group, "sales", pairs, 3, &first), 0);
    cr_assert_null(first);
    cr_assert_eq(group.mode, COMPLIANCE_MODE_ENFORCE);
    cr_assert_eq(group.max_risk, COMPLIANCE_RISK_LOW);
    cr_assert_eq(group.require, COMPLIANCE_REQUIRE_COMPLIANT);
    cr_assert_str_eq(group.name, "sales");
}


Test(group, an_empty_record_is_a_group_of_defaults)
{
    const char         *first;
    compliance_group_t  defaults;

    compliance_group_defaults(&defaults, "sales");
    cr_assert_eq(compliance_group_read(&group, "sales", NULL, 0, &first), 0);
    cr_assert_eq(memcmp(&group, &defaults, sizeof(group)), 0);
}


Test(group, an_unreadable_stored_value_becomes_the_strictest)
{
    const char         *first = NULL;
    compliance_value_t  pairs[64];
    size_t              n = 0;

    for (size_t i = 0; i < compliance_group_settings_n; i++) {
        pairs[n++] = str(compliance_group_settings[i].name);
        pairs[n++] = (compliance_str_t) { "\x01", 1 };
    }

    cr_assert_eq(compliance_group_read(&group, "sales", pairs, n / 2, &first),
        compliance_group_settings_n);
    cr_assert_str_eq(first, "mode");

    cr_assert_eq(group.mode, COMPLIANCE_MODE_ENFORCE);
    cr_assert_eq(group.enforce_from, 0);
    cr_assert_eq(group.rollout_percent, 100);
    cr_assert_eq(group.protocols, COMPLIANCE_ALL_PROTOCOLS);
    cr_assert_eq(group.deny_protocols, COMPLIANCE_ALL_PROTOCOLS);
    cr_assert_eq(group.require, COMPLIANCE_REQUIRE_COMPLIANT);
    cr_assert_eq(group.max_risk, COMPLIANCE_RISK_NONE);
    cr_assert_eq(group.max_checkin_age, 1);
    cr_assert_not(group.unknown_device_allow);
    cr_assert_not(group.unknown_user_allow);
    cr_assert_eq(group.min_binding, COMPLIANCE_BINDING_CERTIFICATE);
    cr_assert_not(group.on_error_stale);
    cr_assert_eq(group.max_stale, 0);
    cr_assert(group.clients_restricted);
    cr_assert_eq(group.n_clients, 0);
    cr_assert_eq(group.n_networks, 0);
}


Test(group, no_bad_stored_value_loosens_anything)
{
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        const char         *first;
        compliance_value_t  pairs[2] = { str(bad[i].field),
                                         str(bad[i].value) };

        cr_assert_eq(compliance_group_read(&group, "x", pairs, 1, &first), 1,
            "%s = %s", bad[i].field, bad[i].value);
        cr_assert_str_eq(first, bad[i].field);
        cr_assert_neq(group.mode, COMPLIANCE_MODE_OFF);
        cr_assert_not(group.unknown_device_allow);
        cr_assert_eq(group.n_networks, 0);
    }
}


/* networks */

static compliance_network_t
network(const char *text)
{
    compliance_network_t out;

    cr_assert_eq(compliance_network_parse(str(text), &out), COMPLIANCE_OK,
        "%s", text);

    return out;
}


static bool
contains(const char *net, const char *address)
{
    compliance_network_t in = network(net), lone = network(address);

    return compliance_network_contains(&in, lone.address);
}


Test(group, networks_contain_their_addresses_and_no_others)
{
    cr_assert(contains("10.0.0.0/8", "10.255.0.1"));
    cr_assert_not(contains("10.0.0.0/8", "11.0.0.1"));
    cr_assert(contains("192.0.2.4/30", "192.0.2.7"));
    cr_assert_not(contains("192.0.2.4/30", "192.0.2.8"));
    cr_assert(contains("192.0.2.1", "192.0.2.1"));
    cr_assert_not(contains("192.0.2.1", "192.0.2.2"));
    cr_assert(contains("0.0.0.0/0", "203.0.113.9"));
    cr_assert(contains("2001:db8::/33", "2001:db8:7fff::1"));
    cr_assert_not(contains("2001:db8::/33", "2001:db8:8000::1"));
    cr_assert(contains("::1", "::1"));
    cr_assert(contains("::/0", "2001:db8::1"));
    cr_assert(contains("::ffff:10.0.0.0/104", "10.1.1.1"));
}


Test(group, networks_of_one_family_hold_none_of_the_other)
{
    cr_assert_not(contains("0.0.0.0/0", "2001:db8::1"));
    cr_assert_not(contains("::/0", "10.0.0.1"));
    cr_assert_not(contains("::/64", "10.0.0.1"));
}


Test(group, every_prefix_length_is_exact)
{
    char text[32];

    for (int bits = 1; bits <= 32; bits++) {
        compliance_network_t net, inside, outside;
        uint32_t             first = bits == 32 ? 0xffffffffu
                                     : ~(0xffffffffu >> bits);
        uint32_t             flipped = first ^ (1u << (32 - bits));

        snprintf(text, sizeof(text), "%u.%u.%u.%u/%d", first >> 24,
            first >> 16 & 0xff, first >> 8 & 0xff, first & 0xff, bits);
        net = network(text);
        inside = net;
        outside = net;
        outside.address[12] = (uint8_t) (flipped >> 24);
        outside.address[13] = (uint8_t) (flipped >> 16);
        outside.address[14] = (uint8_t) (flipped >> 8);
        outside.address[15] = (uint8_t) flipped;
        cr_assert(compliance_network_contains(&net, inside.address));
        cr_assert_not(compliance_network_contains(&net, outside.address));
    }
}


Test(group, what_is_no_network_is_refused)
{
    static const char *const texts[] = {
        "", "/8", "10.0.0.0/", "10.0.0.0/33", "10.0.0.0/-1", "10.0.0.0/8/8",
        "10.0.0.1/8", "10.0.0/8", "10.0.0.256", "010.0.0.0/8", "2001:db8::/129",
        "2001:db8::1/32", "2001:db8:::/32", "fe80::1%eth0", " 10.0.0.0/8",
        "10.0.0.0 /8", "10.0.0.0/8 ", "localhost", "10.0.0.0/0x8",
        "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
    };
    compliance_network_t out;

    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        cr_assert_eq(compliance_network_parse(str(texts[i]), &out),
            COMPLIANCE_MALFORMED, "%s", texts[i]);
    }

    cr_assert_eq(compliance_network_parse(compliance_absent, &out),
        COMPLIANCE_MALFORMED);
    cr_assert_eq(compliance_network_parse(
        (compliance_str_t) { "10.0.0.1\0x", 10 }, &out),
        COMPLIANCE_MALFORMED);
}


/* client patterns */

Test(group, patterns_match_as_globs_do)
{
    static const struct {
        const char *pattern;
        const char *text;
        bool        match;
    } rows[] = {
        { "iPhone", "iphone", true }, { "iPhone", "iphone2", false },
        { "iPhone*", "iPhone14C2", true }, { "*", "anything", true },
        { "*", "", true }, { "", "", true }, { "", "x", false },
        { "?", "x", true }, { "?", "", false }, { "??", "x", false },
        { "*Outlook*", "Mozilla Outlook/1", true },
        { "*Outlook", "Outlook/1", false },
        { "a*b*c", "aXXbYYc", true }, { "a*b*c", "aXXbYY", false },
        { "a*b*c", "abcbc", true }, { "*a*a*a*", "aa", false },
        { "*a?c*", "xxabcabd", true }, { "a**b", "ab", true },
        { "OUTLOOK-[*", "outlook-[x", true }, { "a\\*", "a*", false },
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        cr_assert_eq(compliance_client_match(rows[i].pattern,
            str(rows[i].text)), rows[i].match, "%s ~ %s", rows[i].pattern,
            rows[i].text);
    }
}


Test(group, an_absent_or_endless_text_matches_nothing)
{
    char text[COMPLIANCE_CLIENT_SEEN_MAX + 1];

    memset(text, 'a', sizeof(text));
    cr_assert_not(compliance_client_match("*", compliance_absent));
    cr_assert(compliance_client_match("*",
        (compliance_str_t) { text, COMPLIANCE_CLIENT_SEEN_MAX }));
    cr_assert_not(compliance_client_match("*",
        (compliance_str_t) { text, COMPLIANCE_CLIENT_SEEN_MAX + 1 }));
    cr_assert_not(compliance_client_match("*a*a*a*a*a*a*a*a*a*a*a*b",
        (compliance_str_t) { text, COMPLIANCE_CLIENT_SEEN_MAX }));
}


Test(group, a_nul_in_the_text_ends_nothing)
{
    cr_assert_not(compliance_client_match("iPhone",
        (compliance_str_t) { "iPhone\0x", 8 }));
    cr_assert_not(compliance_client_match("iPhone",
        (compliance_str_t) { "iPhone\0", 7 }));
}


/* snapshots */

Test(group, a_snapshot_begins_with_the_default_group)
{
    compliance_snapshot_t *snapshot = malloc(sizeof(*snapshot));

    cr_assert_not_null(snapshot);
    memset(snapshot, 0xff, sizeof(*snapshot));
    compliance_snapshot_init(snapshot);
    cr_assert_eq(snapshot->n_groups, 1);
    cr_assert_eq(snapshot->n_break_glass, 0);
    cr_assert_not(snapshot->stale);
    cr_assert_eq(compliance_snapshot_find(snapshot, str("default")),
        &snapshot->groups[0]);
    cr_assert_null(compliance_snapshot_find(snapshot, str("sales")));
    cr_assert_null(compliance_snapshot_find(snapshot, compliance_absent));
    free(snapshot);
}


Test(group, a_snapshot_takes_groups_until_it_is_full)
{
    char                   name[16];
    compliance_group_t    *first;
    compliance_snapshot_t *snapshot = malloc(sizeof(*snapshot));

    cr_assert_not_null(snapshot);
    compliance_snapshot_init(snapshot);
    first = compliance_snapshot_add(snapshot, str("g0"));
    cr_assert_not_null(first);
    first->mode = COMPLIANCE_MODE_OFF;

    cr_assert_null(compliance_snapshot_add(snapshot, str("")));
    cr_assert_null(compliance_snapshot_add(snapshot, str("Bad Name")));

    for (int i = 1; i < COMPLIANCE_GROUPS_MAX - 1; i++) {
        snprintf(name, sizeof(name), "g%d", i);
        cr_assert_not_null(compliance_snapshot_add(snapshot, str(name)));
    }

    cr_assert_null(compliance_snapshot_add(snapshot, str("more")));
    cr_assert_eq(compliance_snapshot_add(snapshot, str("g0")), first);
    cr_assert_eq(first->mode, COMPLIANCE_MODE_REPORT);
    cr_assert_eq(compliance_snapshot_add(snapshot, str("default")),
        &snapshot->groups[0]);
    free(snapshot);
}


Test(group, break_glass_names_are_found_whole)
{
    compliance_principal_t  name = principal("breakglass");
    compliance_snapshot_t  *snapshot = malloc(sizeof(*snapshot));

    cr_assert_not_null(snapshot);
    compliance_snapshot_init(snapshot);
    cr_assert_not(compliance_snapshot_break_glass(snapshot, &name));
    snapshot->break_glass[snapshot->n_break_glass++] = name;
    cr_assert(compliance_snapshot_break_glass(snapshot, &name));
    name = principal("breakglas");
    cr_assert_not(compliance_snapshot_break_glass(snapshot, &name));
    memset(&name, 0, sizeof(name));
    cr_assert_not(compliance_snapshot_break_glass(snapshot, &name));
    memset(&snapshot->break_glass[0], 0, sizeof(name));
    cr_assert_not(compliance_snapshot_break_glass(snapshot, &name));
    free(snapshot);
}
