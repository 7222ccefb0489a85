/*
 * identify_mail.c: SASL PLAIN, logins and their tags.
 */
#include "identify_mail.h"
#include "names.h"

#include <stdio.h>
#include <string.h>

#include <criterion/criterion.h>


static compliance_str_t
str(const char *text)
{
    return (compliance_str_t) { text, strlen(text) };
}


static compliance_keyring_t
keyring(uint8_t id, uint8_t fill)
{
    compliance_keyring_t keys;

    memset(&keys, 0, sizeof(keys));
    keys.n = 1;
    keys.keys[0].id = id;
    keys.keys[0].len = COMPLIANCE_KEY_MIN_BYTES;
    memset(keys.keys[0].secret, fill, sizeof(keys.keys[0].secret));
    return keys;
}


typedef struct {
    compliance_rc_t        rc;
    compliance_principal_t name;
    compliance_device_id_t device;
    compliance_tag_t       tag;
} login_t;


static login_t
parse(compliance_str_t text, const compliance_keyring_t *keys)
{
    login_t login;

    login.rc = compliance_login_parse(text, keys, &login.name, &login.device,
                                      &login.tag);

    if (login.rc != COMPLIANCE_OK) {
        cr_assert_eq(login.name.len, 0);
        cr_assert_str_eq(login.name.data, "");
        cr_assert_eq(login.device.len, 0);
        cr_assert_str_eq(login.device.data, "");
        cr_assert_eq(login.tag, COMPLIANCE_TAG_NONE);
    }

    return login;
}


/* alice#DEV1.<hmac>, written to text. */
static void
sign(const compliance_keyring_t *keys, char *text, size_t cap)
{
    compliance_principal_t user = { 5, "alice" };
    compliance_device_id_t device = { 4, "DEV1" };
    char                   mac[64];

    cr_assert_eq(compliance_tag_sign(keys, &user, &device, mac, sizeof(mac)),
                 COMPLIANCE_OK);
    (void) snprintf(text, cap, "Alice#dev1.%s", mac);
}


Test(identify_mail, a_login_without_a_tag_is_a_name)
{
    login_t login = parse(str("ALICE@Example.com"), NULL);

    cr_assert_eq(login.rc, COMPLIANCE_OK);
    cr_assert_str_eq(login.name.data, "alice@example.com");
    cr_assert_eq(login.device.len, 0);
    cr_assert_eq(login.tag, COMPLIANCE_TAG_NONE);
}


Test(identify_mail, a_plain_tag_is_asserted)
{
    login_t login = parse(str("Alice#dev-1_x"), NULL);

    cr_assert_eq(login.rc, COMPLIANCE_OK);
    cr_assert_str_eq(login.name.data, "alice");
    cr_assert_str_eq(login.device.data, "DEV-1_X");
    cr_assert_eq(login.tag, COMPLIANCE_TAG_ASSERTED);
}


Test(identify_mail, a_signed_tag_proves_its_device)
{
    compliance_keyring_t keys = keyring(7, 0x11);
    char                 text[256];
    login_t              login;

    sign(&keys, text, sizeof(text));
    login = parse(str(text), &keys);
    cr_assert_eq(login.rc, COMPLIANCE_OK);
    cr_assert_str_eq(login.name.data, "alice");
    cr_assert_str_eq(login.device.data, "DEV1");
    cr_assert_eq(login.tag, COMPLIANCE_TAG_SIGNED);
}


Test(identify_mail, a_tag_signed_for_another_or_by_another_is_forged)
{
    compliance_keyring_t keys = keyring(7, 0x11), other = keyring(7, 0x12);
    compliance_keyring_t renamed = keyring(8, 0x11);
    char                 text[256], moved[256];

    sign(&keys, text, sizeof(text));
    cr_assert_eq(parse(str(text), NULL).rc, COMPLIANCE_FORGED);
    cr_assert_eq(parse(str(text), &other).rc, COMPLIANCE_FORGED);
    cr_assert_eq(parse(str(text), &renamed).rc, COMPLIANCE_FORGED);

    (void) snprintf(moved, sizeof(moved), "bob%s", strchr(text, '#'));
    cr_assert_eq(parse(str(moved), &keys).rc, COMPLIANCE_FORGED);
    (void) snprintf(moved, sizeof(moved), "alice#DEV2%s", strchr(text, '.'));
    cr_assert_eq(parse(str(moved), &keys).rc, COMPLIANCE_FORGED);
}


Test(identify_mail, no_truncation_or_change_of_a_signed_tag_holds)
{
    compliance_keyring_t keys = keyring(7, 0x11);
    char                 text[256];
    size_t               len, dot;

    sign(&keys, text, sizeof(text));
    len = strlen(text);
    dot = (size_t) (strchr(text, '.') - text);

    for (size_t n = dot + 1; n < len; n++) {
        cr_assert_eq(parse((compliance_str_t) { text, n }, &keys).rc,
                     COMPLIANCE_FORGED);
    }

    for (size_t i = dot + 1; i < len; i++) {
        char was = text[i];

        text[i] = was == 'A' ? 'B' : 'A';
        cr_assert_neq(parse(str(text), &keys).rc, COMPLIANCE_OK);
        text[i] = was;
    }

    text[len] = 'A';
    cr_assert_eq(parse((compliance_str_t) { text, len + 1 }, &keys).rc,
                 COMPLIANCE_FORGED);
}


Test(identify_mail, half_tags_are_refused)
{
    static const struct {
        const char      *text;
        compliance_rc_t  rc;
    } cases[] = {
        { "", COMPLIANCE_MALFORMED },
        { "#", COMPLIANCE_MALFORMED },
        { "#DEV1", COMPLIANCE_MALFORMED },
        { "alice#", COMPLIANCE_MALFORMED },
        { "alice#.", COMPLIANCE_MALFORMED },
        { "alice#.abc", COMPLIANCE_MALFORMED },
        { "alice#DEV1.", COMPLIANCE_FORGED },
        { "alice#DEV1.x", COMPLIANCE_FORGED },
        { "alice#DEV 1", COMPLIANCE_MALFORMED },
        { "alice#DEV1 ", COMPLIANCE_MALFORMED },
        { "alice #DEV1", COMPLIANCE_MALFORMED },
        { "alice.#DEV1", COMPLIANCE_MALFORMED },
        { "alice#DEV1#DEV2", COMPLIANCE_AMBIGUOUS },
        { "alice##DEV1", COMPLIANCE_AMBIGUOUS },
        { "alice#DEV1#", COMPLIANCE_AMBIGUOUS },
        { "alice#DEV:1", COMPLIANCE_MALFORMED },
        { "alice#DEV1*", COMPLIANCE_MALFORMED },
        { "ali*#DEV1", COMPLIANCE_MALFORMED },
        { "alice*breakglass", COMPLIANCE_MALFORMED },
    };
    compliance_keyring_t keys = keyring(1, 1);

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        cr_assert_eq(parse(str(cases[i].text), &keys).rc, cases[i].rc, "%s",
                     cases[i].text);
    }

    cr_assert_eq(parse(compliance_absent, &keys).rc, COMPLIANCE_MALFORMED);
    cr_assert_eq(parse((compliance_str_t) { "alice\0#DEV1", 11 }, &keys).rc,
                 COMPLIANCE_MALFORMED);
    cr_assert_eq(parse((compliance_str_t) { "alice#DEV1\0", 11 }, &keys).rc,
                 COMPLIANCE_MALFORMED);
}


Test(identify_mail, names_and_devices_in_a_login_are_bounded)
{
    char text[512];

    memset(text, 'a', sizeof(text));
    cr_assert_eq(parse((compliance_str_t) { text, 254 }, NULL).rc,
                 COMPLIANCE_OK);
    cr_assert_eq(parse((compliance_str_t) { text, 255 }, NULL).rc,
                 COMPLIANCE_TOO_LONG);
    text[5] = '#';
    cr_assert_eq(parse((compliance_str_t) { text, 6 + 64 }, NULL).rc,
                 COMPLIANCE_OK);
    cr_assert_eq(parse((compliance_str_t) { text, 6 + 65 }, NULL).rc,
                 COMPLIANCE_TOO_LONG);
    text[100] = '.';
    cr_assert_eq(parse((compliance_str_t) { text, 120 }, NULL).rc,
                 COMPLIANCE_TOO_LONG);
}


static compliance_rc_t
plain(const char *message, size_t len, compliance_str_t *login,
    compliance_str_t *password)
{
    compliance_rc_t rc = compliance_sasl_plain(
                             (compliance_str_t) { message, len }, login,
                             password);

    if (rc != COMPLIANCE_OK) {
        cr_assert_null(login->data);
        cr_assert_null(password->data);
    }

    return rc;
}

#define PLAIN(literal)  plain(literal, sizeof(literal) - 1, &login, &password)


Test(identify_mail, a_plain_message_is_taken_apart)
{
    compliance_str_t login, password;

    cr_assert_eq(PLAIN("\0alice\0secret"), COMPLIANCE_OK);
    cr_assert(compliance_str_eq(login, str("alice")));
    cr_assert(compliance_str_eq(password, str("secret")));

    cr_assert_eq(PLAIN("alice\0alice\0s"), COMPLIANCE_OK);
    cr_assert(compliance_str_eq(login, str("alice")));
    cr_assert(compliance_str_eq(password, str("s")));
}


Test(identify_mail, to_act_for_another_is_ambiguous)
{
    compliance_str_t login, password;

    cr_assert_eq(PLAIN("bob\0alice\0secret"), COMPLIANCE_AMBIGUOUS);
    cr_assert_eq(PLAIN("Alice\0alice\0secret"), COMPLIANCE_AMBIGUOUS);
    cr_assert_eq(PLAIN("alice \0alice\0secret"), COMPLIANCE_AMBIGUOUS);
}


Test(identify_mail, a_plain_message_has_two_nuls_and_no_empty_part)
{
    compliance_str_t login, password;

    cr_assert_eq(plain(NULL, 0, &login, &password), COMPLIANCE_MALFORMED);
    cr_assert_eq(PLAIN(""), COMPLIANCE_MALFORMED);
    cr_assert_eq(PLAIN("alice"), COMPLIANCE_MALFORMED);
    cr_assert_eq(PLAIN("\0"), COMPLIANCE_MALFORMED);
    cr_assert_eq(PLAIN("\0alice"), COMPLIANCE_MALFORMED);
    cr_assert_eq(PLAIN("alice\0secret"), COMPLIANCE_MALFORMED);
    cr_assert_eq(PLAIN("\0alice\0"), COMPLIANCE_MALFORMED);
    cr_assert_eq(PLAIN("\0\0secret"), COMPLIANCE_MALFORMED);
    cr_assert_eq(PLAIN("\0\0"), COMPLIANCE_MALFORMED);
    cr_assert_eq(PLAIN("\0alice\0sec\0ret"), COMPLIANCE_MALFORMED);
    cr_assert_eq(PLAIN("\0alice\0secret\0"), COMPLIANCE_MALFORMED);
    cr_assert_eq(PLAIN("\0\0alice\0secret"), COMPLIANCE_MALFORMED);
}


Test(identify_mail, every_truncation_of_a_plain_message_is_seen)
{
    static const char message[] = "alice\0alice\0secret";
    compliance_str_t  login, password;

    for (size_t len = 0; len < sizeof(message) - 1; len++) {
        cr_assert_eq(plain(message, len, &login, &password),
                     len > 12 ? COMPLIANCE_OK : COMPLIANCE_MALFORMED);
    }
}
