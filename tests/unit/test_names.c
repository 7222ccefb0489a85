/*
 * names.c: one spelling for a person and for a device.
 */
#include "names.h"

#include <string.h>

#include <criterion/criterion.h>


static compliance_str_t
str(const char *text)
{
    return (compliance_str_t) { text, strlen(text) };
}


static void
folds(const char *from, const char *to)
{
    compliance_principal_t name;

    cr_assert_eq(compliance_principal_parse(str(from), &name), COMPLIANCE_OK,
                 "%s", from);
    cr_assert_str_eq(name.data, to);
    cr_assert_eq(name.len, strlen(to));
}


static void
refused(const char *data, size_t len)
{
    compliance_principal_t name;

    cr_assert_eq(compliance_principal_parse((compliance_str_t) { data, len },
                                            &name),
                 COMPLIANCE_MALFORMED, "%.*s", (int) len, data);
    cr_assert_eq(name.len, 0);
    cr_assert_str_eq(name.data, "");
}

#define REFUSED(literal)  refused(literal, sizeof(literal) - 1)


Test(names, spellings_of_one_person_become_one)
{
    folds("alice", "alice");
    folds("ALICE@Example.com", "alice@example.com");
    folds("DOM\\Alice", "dom\\alice");
    folds("anna lena", "anna lena");
    folds("\xc3\x84rger", "\xc3\xa4rger");
    folds("A\xcc\x88rger", "\xc3\xa4rger");
    folds("a\xcc\x88rger", "\xc3\xa4rger");
    folds("Stra\xc3\x9f" "e", "strasse");
    folds("\xce\xa3\xce\xaf\xcf\x83\xcf\x85\xcf\x86\xce\xbf\xcf\x82",
          "\xcf\x83\xce\xaf\xcf\x83\xcf\x85\xcf\x86\xce\xbf\xcf\x83");
    folds("\xe2\x84\xaa" "elvin", "kelvin");
}


Test(names, what_some_reader_drops_or_expands_is_refused)
{
    REFUSED("");
    REFUSED(" alice");
    REFUSED("alice ");
    REFUSED("alice.");
    REFUSED("alice\n");
    REFUSED("al\tice");
    REFUSED("alice\0");
    REFUSED("alice\0root");
    REFUSED("alice\x7f");
    REFUSED("ali*");
    REFUSED("alice*breakglass");
    REFUSED("alice#DEV1");
    REFUSED("#");
    REFUSED("alice\xc2\xa0");           /* no-break space */
    REFUSED("\xe3\x80\x80" "alice");    /* ideographic space */
    REFUSED("al\xe2\x80\x8bice");       /* zero-width space */
    REFUSED("al\xe2\x80\xaeice");       /* right-to-left override */
    REFUSED("al\xc2\xadice");           /* soft hyphen */
    REFUSED("al\xe2\x80\xa8ice");       /* line separator */
    REFUSED("al\xe2\x80\xa9ice");       /* paragraph separator */
    REFUSED("al\xc2\x85ice");           /* next line */
    REFUSED("al\xee\x80\x80ice");       /* private use */
    REFUSED("al\xcd\xb8ice");           /* unassigned */
    REFUSED("\xef\xbd\x81lice");        /* fullwidth a */
    REFUSED("alice\xc2\xb2");           /* superscript two */
}


Test(names, a_name_is_valid_utf8)
{
    REFUSED("\xff");
    REFUSED("al\xc3");
    REFUSED("\xc0\xaf");
    REFUSED("\xe0\x80\xaf");
    REFUSED("\xed\xa0\x80");
    REFUSED("\xf4\x90\x80\x80");
    REFUSED("alice\x80");
}


Test(names, an_absent_name_is_refused)
{
    compliance_principal_t name;

    cr_assert_eq(compliance_principal_parse(compliance_absent, &name),
                 COMPLIANCE_MALFORMED);
}


Test(names, a_name_has_254_bytes_at_most_also_behind_folding)
{
    char                   text[300];
    compliance_principal_t name;

    memset(text, 'A', sizeof(text));
    cr_assert_eq(compliance_principal_parse((compliance_str_t) { text, 254 },
                                            &name), COMPLIANCE_OK);
    cr_assert_eq(name.len, 254);
    cr_assert_eq(name.data[254], '\0');
    cr_assert_eq(compliance_principal_parse((compliance_str_t) { text, 255 },
                                            &name), COMPLIANCE_TOO_LONG);
    cr_assert_eq(name.len, 0);

    /* U+0390 folds to three code points of two bytes each. */
    for (size_t i = 0; i + 1 < sizeof(text); i += 2) {
        memcpy(text + i, "\xce\x90", 2);
    }

    cr_assert_eq(compliance_principal_parse((compliance_str_t) { text, 254 },
                                            &name), COMPLIANCE_OK);
    /* U+1F82 composed takes 3 bytes, folded 5. */
    for (size_t i = 0; i + 2 < sizeof(text); i += 3) {
        memcpy(text + i, "\xe1\xbe\x82", 3);
    }

    cr_assert_eq(compliance_principal_parse((compliance_str_t) { text, 252 },
                                            &name), COMPLIANCE_TOO_LONG);
    cr_assert_eq(name.len, 0);
}


Test(names, every_truncation_of_a_name_is_judged_without_its_rest)
{
    static const char name[] = "D\xc3\xb6m\\A\xcc\x88lice@Ex\xe1\xba\x9e.com";

    for (size_t len = 0; len < sizeof(name); len++) {
        compliance_principal_t out, again;
        compliance_rc_t        rc;

        rc = compliance_principal_parse((compliance_str_t) { name, len }, &out);

        if (rc == COMPLIANCE_OK) {
            compliance_str_t folded = { out.data, out.len };

            cr_assert_eq(compliance_principal_parse(folded, &again),
                         COMPLIANCE_OK);
            cr_assert(compliance_principal_eq(&out, &again));
        }
    }
}


Test(names, a_record_id_keeps_its_punctuation)
{
    compliance_device_id_t id;

    cr_assert_eq(compliance_device_id_parse(str("ab-C_d.9"), &id),
                 COMPLIANCE_OK);
    cr_assert_str_eq(id.data, "AB-C_D.9");
    cr_assert_eq(id.len, 8);
}


Test(names, a_record_id_is_bounded_and_plain)
{
    static const char *const bad[] = { "", " A", "A ", "A:B", "A/B", "A*",
                                       "A\n", "\xc3\xa4", "A#B", "{A}" };
    char                   text[65];
    compliance_device_id_t id;

    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        cr_assert_eq(compliance_device_id_parse(str(bad[i]), &id),
                     COMPLIANCE_MALFORMED, "%s", bad[i]);
        cr_assert_str_eq(id.data, "");
        cr_assert_eq(id.len, 0);
    }

    memset(text, 'a', sizeof(text));
    cr_assert_eq(compliance_device_id_parse((compliance_str_t) { text, 64 },
                                            &id), COMPLIANCE_OK);
    cr_assert_eq(id.len, 64);
    cr_assert_eq(compliance_device_id_parse((compliance_str_t) { text, 65 },
                                            &id), COMPLIANCE_TOO_LONG);
    cr_assert_eq(compliance_device_id_parse((compliance_str_t) { "A\0", 2 },
                                            &id), COMPLIANCE_MALFORMED);
    cr_assert_eq(compliance_device_id_parse(compliance_absent, &id),
                 COMPLIANCE_MALFORMED);
}


Test(names, an_eas_id_is_letters_and_digits_in_upper_case)
{
    compliance_device_id_t id;

    cr_assert_eq(compliance_eas_device_id(str("ApplF17xk2"), &id),
                 COMPLIANCE_OK);
    cr_assert_str_eq(id.data, "APPLF17XK2");
    cr_assert_eq(compliance_eas_device_id(
                     str("0123456789abcdefghijklmnopqrstuv"), &id),
                 COMPLIANCE_OK);
    cr_assert_eq(id.len, 32);
    cr_assert_eq(compliance_eas_device_id(
                     str("0123456789abcdefghijklmnopqrstuvw"), &id),
                 COMPLIANCE_MALFORMED);
    cr_assert_eq(id.len, 0);
}


Test(names, sixteen_other_bytes_are_a_guid_and_no_other_number_is)
{
    static const char guid[] = "\xae\x4e\xcd\x19\xf5\x92\xba\x56\x57\x70\x6f"
                               "\xf7\x4c\xf0\x9b\x00";
    compliance_device_id_t id;

    cr_assert_eq(compliance_eas_device_id((compliance_str_t) { guid, 16 }, &id),
                 COMPLIANCE_OK);
    cr_assert_str_eq(id.data, "AE4ECD19F592BA5657706FF74CF09B00");

    for (size_t len = 0; len < 16; len++) {
        cr_assert_eq(compliance_eas_device_id((compliance_str_t) { guid, len },
                                              &id),
                     COMPLIANCE_MALFORMED);
    }

    cr_assert_eq(compliance_eas_device_id((compliance_str_t) { guid, 17 }, &id),
                 COMPLIANCE_MALFORMED);
    cr_assert_eq(compliance_eas_device_id(compliance_absent, &id),
                 COMPLIANCE_MALFORMED);
}


Test(names, sixteen_letters_are_text)
{
    compliance_device_id_t id;

    cr_assert_eq(compliance_eas_device_id(str("ApplF17XK2ABHG7F"), &id),
                 COMPLIANCE_OK);
    cr_assert_str_eq(id.data, "APPLF17XK2ABHG7F");
}

#define HEX64  "0123456789abcdef0123456789ABCDEF" \
               "0123456789abcdef0123456789ABCDEF"


Test(names, a_fingerprint_is_64_digits_in_lower_case)
{
    char out[COMPLIANCE_FINGERPRINT_LEN + 1];
    char colons[96];

    cr_assert_eq(compliance_fingerprint_parse(str(HEX64), out), COMPLIANCE_OK);
    cr_assert_str_eq(out, "0123456789abcdef0123456789abcdef"
                          "0123456789abcdef0123456789abcdef");

    for (size_t i = 0; i < 32; i++) {
        memcpy(colons + 3 * i, &HEX64[2 * i], 2);
        colons[3 * i + 2] = i == 31 ? '\0' : ':';
    }

    cr_assert_eq(compliance_fingerprint_parse(str(colons), out),
                 COMPLIANCE_OK);
    cr_assert_str_eq(out, "0123456789abcdef0123456789abcdef"
                          "0123456789abcdef0123456789abcdef");

    for (size_t i = 0; i < 95; i++) {
        char was = colons[i];

        colons[i] = was == ':' ? '-' : 'g';
        cr_assert_eq(compliance_fingerprint_parse(str(colons), out),
                     COMPLIANCE_MALFORMED);
        cr_assert_str_eq(out, "");
        colons[i] = was;
    }
}


Test(names, a_fingerprint_of_another_length_is_refused)
{
    char out[COMPLIANCE_FINGERPRINT_LEN + 1];

    for (size_t len = 0; len < 64; len++) {
        cr_assert_eq(compliance_fingerprint_parse(
                         (compliance_str_t) { HEX64, len }, out),
                     COMPLIANCE_MALFORMED);
    }

    cr_assert_eq(compliance_fingerprint_parse(str(HEX64 "0"), out),
                 COMPLIANCE_MALFORMED);
    cr_assert_eq(compliance_fingerprint_parse(str(HEX64 "z"), out),
                 COMPLIANCE_MALFORMED);
    cr_assert_eq(compliance_fingerprint_parse(compliance_absent, out),
                 COMPLIANCE_MALFORMED);
}


Test(names, group_names_are_lower_case_and_begin_with_a_letter_or_digit)
{
    static const char *const good[] = { "sales", "a", "0", "a.b_c-d9" };
    static const char *const bad[] = { "", "Sales", "-a", ".a", "_a", "a b",
                                       "a:b", "\xc3\xa4", "a\n", "a*" };
    char text[65];

    for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
        cr_assert(compliance_group_name_valid(str(good[i])), "%s", good[i]);
    }

    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        cr_assert_not(compliance_group_name_valid(str(bad[i])), "%s", bad[i]);
    }

    memset(text, 'a', sizeof(text));
    cr_assert(compliance_group_name_valid((compliance_str_t) { text, 64 }));
    cr_assert_not(compliance_group_name_valid(
                      (compliance_str_t) { text, 65 }));
    cr_assert_not(compliance_group_name_valid(compliance_absent));
}


Test(names, equality_is_of_length_and_bytes)
{
    compliance_principal_t a = { 5, "alice" }, b = { 5, "alice" };
    compliance_device_id_t x = { 2, "AB" }, y = { 3, "ABC" };

    cr_assert(compliance_principal_eq(&a, &b));
    b.data[4] = 'a';
    cr_assert_not(compliance_principal_eq(&a, &b));
    b.len = 4;
    cr_assert_not(compliance_principal_eq(&a, &b));
    cr_assert_not(compliance_device_id_eq(&x, &y));
    y.len = 2;
    cr_assert(compliance_device_id_eq(&x, &y));
    y.data[0] = 'B';
    cr_assert_not(compliance_device_id_eq(&x, &y));
}
