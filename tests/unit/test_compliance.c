/*
 * compliance.c: the text buffer, slices, strict base64, protocol names.
 */
#include "compliance.h"

#include <string.h>

#include <criterion/criterion.h>


static compliance_str_t
str(const char *text)
{
    return (compliance_str_t) { text, strlen(text) };
}


Test(compliance, every_protocol_has_a_name_that_leads_back_to_it)
{
    for (int p = COMPLIANCE_EAS; p < COMPLIANCE_PROTOCOLS; p++) {
        const char *name = compliance_protocol_name((compliance_protocol_t) p);

        cr_assert_eq((int) compliance_protocol_parse(str(name)), p);
    }

    cr_assert_str_eq(compliance_protocol_name(COMPLIANCE_PROTOCOL_NONE),
                     "none");
    cr_assert_str_eq(compliance_protocol_name(COMPLIANCE_PROTOCOLS), "none");
    cr_assert_str_eq(compliance_protocol_name((compliance_protocol_t) -1),
                     "none");
}


Test(compliance, a_protocol_name_is_exact)
{
    const char *const bad[] = { "", "none", "EAS", "ea", "eas ", " eas",
                                "easy", "imaps" };

    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        cr_assert_eq(compliance_protocol_parse(str(bad[i])),
                     COMPLIANCE_PROTOCOL_NONE, "%s", bad[i]);
    }

    cr_assert_eq(compliance_protocol_parse(compliance_absent),
                 COMPLIANCE_PROTOCOL_NONE);
    cr_assert_eq(compliance_protocol_parse((compliance_str_t) { "eas\0", 4 }),
                 COMPLIANCE_PROTOCOL_NONE);
}


Test(compliance, a_full_buffer_keeps_what_it_had_and_stays_overflown)
{
    char             data[6];
    compliance_buf_t buf;

    compliance_buf_init(&buf, data, sizeof(data));
    cr_assert_str_eq(data, "");
    compliance_buf_str(&buf, "abcde");
    cr_assert_not(buf.overflow);
    compliance_buf_add(&buf, NULL, 0);
    cr_assert_not(buf.overflow);
    compliance_buf_str(&buf, "f");
    cr_assert(buf.overflow);
    compliance_buf_str(&buf, "");
    cr_assert(buf.overflow);
    cr_assert_str_eq(data, "abcde");
    cr_assert_eq(buf.len, 5);
}


Test(compliance, a_buffer_without_room_overflows_at_once)
{
    compliance_buf_t buf;

    compliance_buf_init(&buf, NULL, 0);
    cr_assert(buf.overflow);
    compliance_buf_str(&buf, "x");
    cr_assert_eq(buf.len, 0);
}


Test(compliance, numbers_are_written_to_their_limits)
{
    char             data[64];
    compliance_buf_t buf;

    compliance_buf_init(&buf, data, sizeof(data));
    compliance_buf_int(&buf, 0);
    compliance_buf_str(&buf, " ");
    compliance_buf_int(&buf, -1);
    compliance_buf_str(&buf, " ");
    compliance_buf_int(&buf, INT64_MAX);
    compliance_buf_str(&buf, " ");
    compliance_buf_int(&buf, INT64_MIN);
    cr_assert_str_eq(data, "0 -1 9223372036854775807 -9223372036854775808");
}


Test(compliance, absent_is_not_empty)
{
    cr_assert(compliance_str_eq(compliance_absent, compliance_absent));
    cr_assert_not(compliance_str_eq(compliance_absent, str("")));
    cr_assert_not(compliance_str_eq(str(""), compliance_absent));
    cr_assert(compliance_str_eq(str(""), str("")));
    cr_assert(compliance_str_eq(str("ab"), str("ab")));
    cr_assert_not(compliance_str_eq(str("ab"), str("aB")));
    cr_assert_not(compliance_str_eq(str("ab"), str("abc")));
}


Test(compliance, letters_compare_without_case_and_nothing_else_does)
{
    cr_assert(compliance_str_is(str("NaViGaTe"), "navigate"));
    cr_assert(compliance_str_is(str("navigate"), "NAVIGATE"));
    cr_assert_not(compliance_str_is(str("navigat"), "navigate"));
    cr_assert_not(compliance_str_is(str("@"), "`"));
    cr_assert_not(compliance_str_is(str("["), "{"));
    cr_assert_not(compliance_str_is(str("\xc4"), "\xe4"));
    cr_assert_not(compliance_str_is(compliance_absent, ""));
    cr_assert(compliance_str_is(str(""), ""));
}


Test(compliance, decimals_are_strict)
{
    const char *const bad[] = { "", "-1", "+1", " 1", "1 ", "0x1", "1.0",
                                "1234567890123456789", "one" };
    int64_t           value = 7;

    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        cr_assert_not(compliance_parse_uint(str(bad[i]), &value), "%s",
                      bad[i]);
    }

    cr_assert_not(compliance_parse_uint(compliance_absent, &value));
    cr_assert_eq(value, 7);
    cr_assert(compliance_parse_uint(str("0"), &value));
    cr_assert_eq(value, 0);
    cr_assert(compliance_parse_uint(str("999999999999999999"), &value));
    cr_assert_eq(value, 999999999999999999);
}


Test(compliance, base64_of_rfc_4648_goes_both_ways)
{
    static const char *const plain[] = { "", "f", "fo", "foo", "foob", "fooba",
                                         "foobar", "\xfb\xff\xfe" };
    static const char *const coded[] = { "", "Zg==", "Zm8=", "Zm9v",
                                         "Zm9vYg==", "Zm9vYmE=", "Zm9vYmFy",
                                         "+//+" };
    static const char *const url[] = { "", "Zg", "Zm8", "Zm9v", "Zm9vYg",
                                       "Zm9vYmE", "Zm9vYmFy", "-__-" };

    for (size_t i = 0; i < sizeof(plain) / sizeof(plain[0]); i++) {
        char             text[32];
        uint8_t          out[16];
        size_t           len;
        compliance_buf_t buf;

        compliance_buf_init(&buf, text, sizeof(text));
        compliance_base64_encode(&buf, (const uint8_t *) plain[i],
                                 strlen(plain[i]));
        cr_assert_str_eq(text, coded[i]);

        compliance_buf_init(&buf, text, sizeof(text));
        compliance_base64url_encode(&buf, (const uint8_t *) plain[i],
                                    strlen(plain[i]));
        cr_assert_str_eq(text, url[i]);

        cr_assert_eq(compliance_base64_decode(str(coded[i]), out, sizeof(out),
                                              &len), COMPLIANCE_OK);
        cr_assert_eq(len, strlen(plain[i]));
        cr_assert_eq(memcmp(out, plain[i], len), 0);

        cr_assert_eq(compliance_base64url_decode(str(url[i]), out, sizeof(out),
                                                 &len), COMPLIANCE_OK);
        cr_assert_eq(len, strlen(plain[i]));
        cr_assert_eq(memcmp(out, plain[i], len), 0);
    }
}


Test(compliance, base64_has_one_spelling_only)
{
    static const char *const bad[] = {
        "Z", "Zg", "Zg=", "Zm8", "Zg===", "=", "==", "===", "====", "A===",
        "Zh==", "Zm9=", "Zm=v", "Z===", "Zm9v\n", "Zm9 ", "Zm9-", "Zm9_",
        "Zm9v====", " Zm9", "Zm9vYg==Zg==", "Zm9\x80"
    };
    uint8_t out[16];
    size_t  len;

    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        cr_assert_eq(compliance_base64_decode(str(bad[i]), out, sizeof(out),
                                              &len),
                     COMPLIANCE_MALFORMED, "%s", bad[i]);
    }

    cr_assert_eq(compliance_base64_decode(compliance_absent, out, sizeof(out),
                                          &len), COMPLIANCE_MALFORMED);
    cr_assert_eq(compliance_base64_decode((compliance_str_t) { "Zm9\0", 4 },
                                          out, sizeof(out), &len),
                 COMPLIANCE_MALFORMED);
}


Test(compliance, base64url_takes_neither_padding_nor_the_other_alphabet)
{
    static const char *const bad[] = { "Zg==", "Zm8=", "Z", "Zh", "Zm9",
                                       "+//+", "Zm9vY", "Zm9.", "Zm9v=" };
    uint8_t out[16];
    size_t  len;

    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        cr_assert_eq(compliance_base64url_decode(str(bad[i]), out, sizeof(out),
                                                 &len),
                     COMPLIANCE_MALFORMED, "%s", bad[i]);
    }

    cr_assert_eq(compliance_base64url_decode(compliance_absent, out,
                                             sizeof(out), &len),
                 COMPLIANCE_MALFORMED);
}


Test(compliance, base64_never_writes_past_its_room)
{
    uint8_t out[3] = { 0, 0, 0x55 };
    size_t  len;

    cr_assert_eq(compliance_base64_decode(str("Zm9v"), out, 2, &len),
                 COMPLIANCE_TOO_LONG);
    cr_assert_eq(compliance_base64_decode(str("Zm8="), out, 2, &len),
                 COMPLIANCE_OK);
    cr_assert_eq(compliance_base64_decode(str("Zm8="), out, 1, &len),
                 COMPLIANCE_TOO_LONG);
    cr_assert_eq(compliance_base64url_decode(str("Zm8"), out, 1, &len),
                 COMPLIANCE_TOO_LONG);
    cr_assert_eq(compliance_base64_decode(str(""), NULL, 0, &len),
                 COMPLIANCE_OK);
    cr_assert_eq(out[2], 0x55);
}


Test(compliance, a_list_gives_every_item_without_the_blanks_around_it)
{
    const char *const expected[] = { "a b", "", "c", "" };
    compliance_str_t  list = str("  a b ,,c , ");
    compliance_str_t  item;

    for (size_t i = 0; i < sizeof(expected) / sizeof(expected[0]); i++) {
        cr_assert(compliance_list_item(&list, &item));
        cr_assert(compliance_str_eq(item, str(expected[i])), "item %zu", i);
    }

    cr_assert_not(compliance_list_item(&list, &item));

    list = str("");
    cr_assert(compliance_list_item(&list, &item));
    cr_assert_eq(item.len, 0);
    cr_assert_not(compliance_list_item(&list, &item));
}


Test(compliance, a_hex_digit_is_one_in_either_case_and_nothing_else_is)
{
    static const char digits[] = "0123456789abcdef";
    static const char upper[] = "0123456789ABCDEF";

    for (int c = -128; c < 128; c++) {
        const char *low = c != 0 ? strchr(digits, c) : NULL;
        const char *high = c != 0 ? strchr(upper, c) : NULL;
        int         value = low != NULL ? (int) (low - digits)
                            : high != NULL ? (int) (high - upper) : -1;

        cr_assert_eq(compliance_hex_digit((char) c), value, "0x%02x",
                     (unsigned) c & 0xff);
    }
}
