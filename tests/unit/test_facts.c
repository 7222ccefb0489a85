/*
 * Store replies: every field, every value outside its list, and what the
 * unreadable becomes.
 */
#include "fixture.h"


static compliance_value_t  values[COMPLIANCE_DEVICE_FIELDS];
static compliance_device_t device;

TestSuite(facts);


static void
put(const char *field, compliance_str_t value)
{
    for (size_t i = 0; i < COMPLIANCE_DEVICE_FIELDS; i++) {
        if (strcmp(compliance_device_fields[i], field) == 0) {
            values[i] = value;
            return;
        }
    }

    cr_assert_fail("no field %s", field);
}


static compliance_presence_t
read_device(void)
{
    compliance_device_id_t id = device_id("PHONE1");

    return compliance_device_read(&id, values, &device);
}


Test(facts, names_and_values_agree)
{
    static const char *const states[] = {
        "unknown", "compliant", "noncompliant", "grace", "retired" };
    static const char *const risks[] = {
        "unknown", "none", "low", "medium", "high" };
    static const char *const managements[] = {
        "unknown", "none", "mam", "mdm" };

    for (unsigned i = 0; i < 5; i++) {
        cr_assert_str_eq(compliance_state_name((compliance_state_t) i),
            states[i]);
        cr_assert_eq(compliance_state_parse(str(states[i])), i);
        cr_assert_str_eq(compliance_risk_name((compliance_risk_t) i),
            risks[i]);
        cr_assert_eq(compliance_risk_parse(str(risks[i])), i);
    }

    for (unsigned i = 0; i < 4; i++) {
        cr_assert_str_eq(
            compliance_management_name((compliance_management_t) i),
            managements[i]);
        cr_assert_eq(compliance_management_parse(str(managements[i])), i);
    }

    cr_assert_str_eq(compliance_override_name(COMPLIANCE_OVERRIDE_NONE),
        "none");
    cr_assert_str_eq(compliance_override_name(COMPLIANCE_OVERRIDE_BLOCK),
        "block");
    cr_assert_str_eq(compliance_override_name(COMPLIANCE_OVERRIDE_GRACE),
        "grace");
    cr_assert_str_eq(compliance_state_name((compliance_state_t) 99),
        "unknown");
}


Test(facts, a_value_outside_its_list_reads_as_unknown)
{
    static const compliance_str_t odd[] = {
        { " compliant", 10 }, { "compliant ", 10 }, { "COMPLIANT", 9 },
        { "Compliant", 9 }, { "compliant\0", 10 }, { "complian", 8 },
        { "compliantx", 10 }, { "", 0 }, { "\0", 1 }, { "1", 1 },
        { NULL, 0 },
    };

    for (size_t i = 0; i < sizeof(odd) / sizeof(odd[0]); i++) {
        cr_assert_eq(compliance_state_parse(odd[i]), COMPLIANCE_STATE_UNKNOWN,
            "%zu", i);
    }

    cr_assert_eq(compliance_risk_parse(str("None")), COMPLIANCE_RISK_UNKNOWN);
    cr_assert_eq(compliance_management_parse(str("MDM")),
        COMPLIANCE_MANAGEMENT_UNKNOWN);
}


Test(facts, a_record_without_any_field_is_missing)
{
    memset(&device, 0xff, sizeof(device));
    cr_assert_eq(read_device(), COMPLIANCE_MISSING);
    cr_assert_str_eq(device.id.data, "PHONE1");
    cr_assert_eq(device.state, COMPLIANCE_STATE_UNKNOWN);
    cr_assert_eq(device.owner.len, 0);
}


Test(facts, one_field_makes_a_record)
{
    for (size_t i = 0; i < COMPLIANCE_DEVICE_FIELDS; i++) {
        memset(values, 0, sizeof(values));
        values[i] = str("");
        cr_assert_eq(read_device(), COMPLIANCE_PRESENT, "%s",
            compliance_device_fields[i]);
        cr_assert_neq(device.state, COMPLIANCE_STATE_COMPLIANT);
    }
}


Test(facts, a_whole_record_is_read)
{
    put("owner", str("Alice"));
    put("state", str("grace"));
    put("risk", str("low"));
    put("management", str("mdm"));
    put("override", str("grace"));
    put("override_until", str("1700000001"));
    put("grace_until", str("1700000002"));
    put("last_checkin", str("1700000003"));

    cr_assert_eq(read_device(), COMPLIANCE_PRESENT);
    cr_assert_str_eq(device.id.data, "PHONE1");
    cr_assert_str_eq(device.owner.data, "alice");
    cr_assert_eq(device.state, COMPLIANCE_STATE_GRACE);
    cr_assert_eq(device.risk, COMPLIANCE_RISK_LOW);
    cr_assert_eq(device.management, COMPLIANCE_MANAGEMENT_MDM);
    cr_assert_eq(device.override, COMPLIANCE_OVERRIDE_GRACE);
    cr_assert_eq(device.override_until, 1700000001);
    cr_assert_eq(device.grace_until, 1700000002);
    cr_assert_eq(device.last_checkin, 1700000003);
}


Test(facts, an_override_that_cannot_be_read_blocks)
{
    static const struct {
        const char            *text;
        compliance_override_t  override;
    } rows[] = {
        { NULL, COMPLIANCE_OVERRIDE_NONE },
        { "", COMPLIANCE_OVERRIDE_NONE },
        { "none", COMPLIANCE_OVERRIDE_NONE },
        { "grace", COMPLIANCE_OVERRIDE_GRACE },
        { "block", COMPLIANCE_OVERRIDE_BLOCK },
        { "Grace", COMPLIANCE_OVERRIDE_BLOCK },
        { "grace ", COMPLIANCE_OVERRIDE_BLOCK },
        { "allow", COMPLIANCE_OVERRIDE_BLOCK },
    };

    put("state", str("compliant"));

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        put("override", str(rows[i].text));
        read_device();
        cr_assert_eq(device.override, rows[i].override, "row %zu", i);
    }
}


Test(facts, numbers_that_cannot_be_read_are_the_strict_ones)
{
    static const char *const odd[] = {
        "", "-1", "+1", " 1", "1 ", "1.5", "0x10", "99999999999999999999",
        "soon",
    };

    for (size_t i = 0; i < sizeof(odd) / sizeof(odd[0]); i++) {
        memset(values, 0, sizeof(values));
        put("grace_until", str(odd[i]));
        put("last_checkin", str(odd[i]));
        put("override_until", str(odd[i]));

        put("override", str("grace"));
        read_device();
        cr_assert_eq(device.grace_until, 0);
        cr_assert_eq(device.last_checkin, 0);
        cr_assert_eq(device.override_until, 1, "a grace that is over");

        put("override", str("block"));
        read_device();
        cr_assert_eq(device.override_until, 0, "a block without end");
    }

    put("override", str("grace"));
    put("override_until", compliance_absent);
    read_device();
    cr_assert_eq(device.override_until, 0);
}


Test(facts, an_owner_that_cannot_be_read_is_no_owner)
{
    static const char *const odd[] = { "", "*", "a\x01", "\xff", "alice." };

    for (size_t i = 0; i < sizeof(odd) / sizeof(odd[0]); i++) {
        put("owner", str(odd[i]));
        cr_assert_eq(read_device(), COMPLIANCE_PRESENT);
        cr_assert_eq(device.owner.len, 0, "%zu", i);
    }
}


/* details */

static compliance_value_t          details_values[COMPLIANCE_DETAIL_FIELDS];
static compliance_device_details_t details;


static void
put_detail(const char *field, compliance_str_t value)
{
    for (size_t i = 0; i < COMPLIANCE_DETAIL_FIELDS; i++) {
        if (strcmp(compliance_detail_fields[i], field) == 0) {
            details_values[i] = value;
            return;
        }
    }

    cr_assert_fail("no field %s", field);
}


Test(facts, details_are_read)
{
    put_detail("reasons", str("os_too_old,no_passcode"));
    put_detail("platform", str("ios"));
    put_detail("os_version", str("17.1"));
    put_detail("model", str("iPhone 14"));
    put_detail("name", str("Alices Gerät"));
    put_detail("policy", str("phones"));
    put_detail("source", str("intune"));
    put_detail("updated", str("1700000000"));
    compliance_details_read(details_values, &details);

    cr_assert_str_eq(details.reasons, "os_too_old,no_passcode");
    cr_assert_str_eq(details.platform, "ios");
    cr_assert_str_eq(details.os_version, "17.1");
    cr_assert_str_eq(details.model, "iPhone 14");
    cr_assert_str_eq(details.name, "Alices Gerät");
    cr_assert_str_eq(details.policy, "phones");
    cr_assert_str_eq(details.source, "intune");
    cr_assert_eq(details.updated, 1700000000);
}


Test(facts, details_nobody_stored_are_empty)
{
    memset(&details, 0xff, sizeof(details));
    compliance_details_read(details_values, &details);
    cr_assert_str_eq(details.reasons, "");
    cr_assert_str_eq(details.name, "");
    cr_assert_eq(details.updated, 0);
}


Test(facts, details_hold_no_control_characters)
{
    put_detail("name", (compliance_str_t) { "a\x01" "b\0c\n\x7f\xc2\x85"
        "\xff\xe2\x80\xae" "d", 14 });
    compliance_details_read(details_values, &details);
    cr_assert_str_eq(details.name, "a?b?c?????d");
}


Test(facts, details_are_cut_between_characters)
{
    char long_name[512];

    for (size_t begin = 0; begin < 4; begin++) {
        memset(long_name, 'x', sizeof(long_name));
        for (size_t i = begin; i + 3 <= sizeof(long_name); i += 3) {
            memcpy(long_name + i, "\xe2\x82\xac", 3);
        }

        put_detail("name", (compliance_str_t) { long_name, 500 });
        compliance_details_read(details_values, &details);
        cr_assert_eq((strlen(details.name) - begin) % 3, 0);
        cr_assert_geq(strlen(details.name), sizeof(details.name) - 4);
    }

    memset(long_name, '\x01', sizeof(long_name));
    put_detail("platform", (compliance_str_t) { long_name, 500 });
    compliance_details_read(details_values, &details);
    cr_assert_eq(strlen(details.platform), sizeof(details.platform) - 1);
}


/* users */

static compliance_value_t user_values[COMPLIANCE_USER_FIELDS];
static compliance_user_t  user;


static void
put_user(const char *field, compliance_str_t value)
{
    for (size_t i = 0; i < COMPLIANCE_USER_FIELDS; i++) {
        if (strcmp(compliance_user_fields[i], field) == 0) {
            user_values[i] = value;
            return;
        }
    }

    cr_assert_fail("no field %s", field);
}


static compliance_presence_t
read_user(void)
{
    compliance_principal_t name = principal("alice");

    return compliance_user_read(&name, user_values, &user);
}


Test(facts, a_user_without_any_field_is_missing)
{
    memset(&user, 0xff, sizeof(user));
    cr_assert_eq(read_user(), COMPLIANCE_MISSING);
    cr_assert_str_eq(user.principal.data, "alice");
    cr_assert_not(user.break_glass);
    cr_assert_not(user.blocked);

    put_user("display_name", str("Alice"));
    cr_assert_eq(read_user(), COMPLIANCE_PRESENT);
    cr_assert_str_eq(user.groups, "");
    cr_assert_not(user.groups_unreadable);
}


Test(facts, break_glass_is_exactly_1)
{
    static const char *const no[] = { NULL, "", "0", "2", "true", "yes", " 1",
                                      "1 ", "01" };

    put_user("locale", str("de"));

    for (size_t i = 0; i < sizeof(no) / sizeof(no[0]); i++) {
        put_user("break_glass", str(no[i]));
        read_user();
        cr_assert_not(user.break_glass, "%zu", i);
    }

    put_user("break_glass", (compliance_str_t) { "1\0", 2 });
    read_user();
    cr_assert_not(user.break_glass);

    put_user("break_glass", str("1"));
    read_user();
    cr_assert(user.break_glass);
}


Test(facts, anything_but_0_blocks_a_user)
{
    static const char *const yes[] = { "1", "2", "true", "no", " ", "00" };

    put_user("locale", str("de"));

    for (size_t i = 0; i < sizeof(yes) / sizeof(yes[0]); i++) {
        put_user("blocked", str(yes[i]));
        read_user();
        cr_assert(user.blocked, "%zu", i);
    }

    put_user("blocked", str("0"));
    read_user();
    cr_assert_not(user.blocked);
    put_user("blocked", str(""));
    read_user();
    cr_assert_not(user.blocked);
}


Test(facts, groups_are_names_between_commas)
{
    static const struct {
        const char *text;
        bool        readable;
    } rows[] = {
        { "", true }, { "sales", true }, { "sales,pilot", true },
        { ",", false }, { "sales,", false }, { ",sales", false },
        { "sales,,pilot", false }, { "sales, pilot", false },
        { "Sales", false }, { "sa les", false }, { "sales\n", false },
        { "-x", false },
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        put_user("groups", str(rows[i].text));
        cr_assert_eq(read_user(), COMPLIANCE_PRESENT);
        cr_assert_eq(!user.groups_unreadable, rows[i].readable, "row %zu", i);
        cr_assert_str_eq(user.groups, rows[i].readable ? rows[i].text : "");
    }
}


Test(facts, groups_that_do_not_fit_are_unreadable)
{
    char text[COMPLIANCE_USER_GROUPS_MAX + 2];

    for (size_t i = 0; i < sizeof(text); i++) {
        text[i] = i % 32 == 31 ? ',' : 'g';
    }

    put_user("groups", (compliance_str_t) { text,
        COMPLIANCE_USER_GROUPS_MAX - 1 });
    read_user();
    cr_assert_not(user.groups_unreadable);

    put_user("groups", (compliance_str_t) { text,
        COMPLIANCE_USER_GROUPS_MAX + 1 });
    read_user();
    cr_assert(user.groups_unreadable);
    cr_assert_str_eq(user.groups, "");
}
