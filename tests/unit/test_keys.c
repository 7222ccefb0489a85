/*
 * Every Redis key, spelt out once.
 */
#include "fixture.h"

#include "keys.h"


static char key[COMPLIANCE_KEY_TEXT_MAX];

TestSuite(keys);

#define P  compliance_str(COMPLIANCE_PREFIX_DEFAULT)


Test(keys, keys_are_spelt_as_the_data_model_says)
{
    compliance_device_id_t id = device_id("PHONE1");
    compliance_principal_t user = principal("alice@example.com");

    cr_assert_eq(compliance_key_device(key, sizeof(key), P, &id), 24);
    cr_assert_str_eq(key, "compliance:device:PHONE1");
    compliance_key_user(key, sizeof(key), P, &user);
    cr_assert_str_eq(key, "compliance:user:alice@example.com");
    compliance_key_user_alias(key, sizeof(key), P, &user);
    cr_assert_str_eq(key, "compliance:alias:user:alice@example.com");
    compliance_key_alias(key, sizeof(key), P, COMPLIANCE_ALIAS_EAS,
        str("ID1"));
    cr_assert_str_eq(key, "compliance:alias:eas:ID1");
    compliance_key_alias(key, sizeof(key), P, COMPLIANCE_ALIAS_CERT,
        str("00ff"));
    cr_assert_str_eq(key, "compliance:alias:cert:00ff");
    compliance_key_group(key, sizeof(key), P, str("sales"));
    cr_assert_str_eq(key, "compliance:group:sales");
    compliance_key_groups(key, sizeof(key), P);
    cr_assert_str_eq(key, "compliance:groups");
    compliance_key_meta(key, sizeof(key), P);
    cr_assert_str_eq(key, "compliance:meta");
    compliance_key_audit(key, sizeof(key), P, str("gw1"));
    cr_assert_str_eq(key, "compliance:audit:gw1");
    compliance_key_index(key, sizeof(key), P, "break_glass", str("1"));
    cr_assert_str_eq(key, "compliance:index:break_glass:1");
    compliance_key_groups(key, sizeof(key), compliance_absent);
    cr_assert_str_eq(key, "groups");
}


Test(keys, alias_kinds_parse_back)
{
    for (unsigned i = COMPLIANCE_ALIAS_EAS; i < COMPLIANCE_ALIAS_KINDS; i++) {
        cr_assert_eq(compliance_alias_kind_parse(str(
            compliance_alias_kind_name((compliance_alias_kind_t) i))), i);
    }

    cr_assert_eq(compliance_alias_kind_parse(str("none")),
        COMPLIANCE_ALIAS_NONE);
    cr_assert_eq(compliance_alias_kind_parse(str("user")),
        COMPLIANCE_ALIAS_NONE);
    cr_assert_eq(compliance_alias_kind_parse(compliance_absent),
        COMPLIANCE_ALIAS_NONE);
    cr_assert_str_eq(
        compliance_alias_kind_name((compliance_alias_kind_t) 99), "none");
}


Test(keys, a_key_without_a_name_is_none)
{
    compliance_device_id_t id = device_id("");
    compliance_principal_t user = principal("");

    cr_assert_eq(compliance_key_device(key, sizeof(key), P, &id), 0);
    cr_assert_eq(compliance_key_user(key, sizeof(key), P, &user), 0);
    cr_assert_eq(compliance_key_user_alias(key, sizeof(key), P, &user), 0);
    cr_assert_eq(compliance_key_group(key, sizeof(key), P,
        compliance_absent), 0);
    cr_assert_eq(compliance_key_audit(key, sizeof(key), P, str("")), 0);
    cr_assert_eq(compliance_key_alias(key, sizeof(key), P,
        COMPLIANCE_ALIAS_EAS, str("")), 0);
    cr_assert_eq(compliance_key_alias(key, sizeof(key), P,
        COMPLIANCE_ALIAS_NONE, str("x")), 0);
    cr_assert_eq(compliance_key_alias(key, sizeof(key), P,
        COMPLIANCE_ALIAS_KINDS, str("x")), 0);
}


Test(keys, a_key_with_a_nul_is_none)
{
    cr_assert_eq(compliance_key_group(key, sizeof(key), P,
        (compliance_str_t) { "a\0b", 3 }), 0);
}


Test(keys, a_key_fits_to_its_last_byte_or_is_none)
{
    compliance_device_id_t id = device_id("PHONE1");

    cr_assert_eq(compliance_key_device(key, 25, P, &id), 24);
    cr_assert_eq(strlen(key), 24);

    for (size_t cap = 0; cap < 25; cap++) {
        cr_assert_eq(compliance_key_device(key, cap, P, &id), 0, "%zu", cap);
    }
}
