/*
 * Keyrings, sealed links, login tags and decision ids: what was signed opens,
 * and nothing else does.
 */
#include "fixture.h"

#include "link.h"


TestSuite(link);

#define KEY_A  "000102030405060708090a0b0c0d0e0f"                             \
               "101112131415161718191a1b1c1d1e1f"
#define KEY_B  "f0f1f2f3f4f5f6f7f8f9fafbfcfdfeff"                             \
               "e0e1e2e3e4e5e6e7e8e9eaebecedeeef"

static compliance_keyring_t ring;
static const uint8_t        nonce[16] = { 1, 2, 3, 4, 5, 6, 7, 8 };


static compliance_keyring_t
keyring(const char *text)
{
    unsigned              line;
    const char           *why = NULL;
    compliance_keyring_t  out;

    cr_assert_eq(compliance_keyring_parse(str(text), &out, &line, &why),
        COMPLIANCE_OK, "line %u: %s", line, why);

    return out;
}


static void
setup(void)
{
    ring = keyring("7 " KEY_A "\n9 " KEY_B "\n");
}


static compliance_link_t
a_link(void)
{
    compliance_link_t link;

    memset(&link, 0, sizeof(link));
    strcpy(link.decision_id, "abcdefgh23456777");
    link.protocol = COMPLIANCE_WEB;
    link.reason = COMPLIANCE_DEVICE_NONCOMPLIANT;
    link.binding = COMPLIANCE_BINDING_CERTIFICATE;
    link.device = device_id("PHONE1");
    link.user = principal("alice@example.com");
    strcpy(link.return_path, "/SOGo/so/?x=1");
    link.expires = TEST_NOW + COMPLIANCE_LINK_TTL;

    return link;
}


static char token[COMPLIANCE_LINK_TOKEN_MAX];


static compliance_rc_t
seal(const compliance_link_t *link, size_t cap)
{
    compliance_buf_t buf;

    compliance_buf_init(&buf, token, cap);

    return compliance_link_seal(&ring, link, nonce, &buf);
}


static bool
same(const compliance_link_t *a, const compliance_link_t *b)
{
    return strcmp(a->decision_id, b->decision_id) == 0
           && a->protocol == b->protocol && a->reason == b->reason
           && a->binding == b->binding && a->expires == b->expires
           && compliance_device_id_eq(&a->device, &b->device)
           && compliance_principal_eq(&a->user, &b->user)
           && strcmp(a->return_path, b->return_path) == 0;
}


/* keyrings */

Test(link, a_secret_file_is_read_line_by_line)
{
    ring = keyring("# signs\r\n12 " KEY_A "\r\n\n# old\n255 " KEY_B KEY_A);
    cr_assert_eq(ring.n, 2);
    cr_assert_eq(ring.keys[0].id, 12);
    cr_assert_eq(ring.keys[0].len, 32);
    cr_assert_eq(ring.keys[0].secret[31], 0x1f);
    cr_assert_eq(ring.keys[1].id, 255);
    cr_assert_eq(ring.keys[1].len, 64);
}


Test(link, a_bad_secret_file_is_refused_with_its_line)
{
    static const struct {
        const char *text;
        unsigned    line;
    } rows[] = {
        { "", 0 }, { "\n\n", 2 }, { "# nothing\n", 1 },
        { KEY_A, 1 }, { "x " KEY_A, 1 }, { "256 " KEY_A, 1 },
        { "-1 " KEY_A, 1 }, { " 1 " KEY_A, 1 }, { "1  " KEY_A, 1 },
        { "1 " KEY_A " ", 1 }, { "1 " KEY_A "0", 1 }, { "1 0011", 1 },
        { "1 " KEY_A KEY_A "00", 1 },
        { "1 g00102030405060708090a0b0c0d0e0f10111213141516171819"
          "1a1b1c1d1e1f", 1 },
        { "1 " KEY_A "\n1 " KEY_B, 2 },
        { "1 " KEY_A "\n2 " KEY_A "\n3 " KEY_A "\n4 " KEY_A "\n5 " KEY_A, 5 },
        { "1 " KEY_A "\nbroken\n", 2 },
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        unsigned    line = 99;
        const char *why = NULL;

        memset(&ring, 0xff, sizeof(ring));
        cr_assert_eq(compliance_keyring_parse(str(rows[i].text), &ring, &line,
            &why), COMPLIANCE_MALFORMED, "row %zu", i);
        cr_assert_eq(line, rows[i].line, "row %zu: line %u", i, line);
        cr_assert_not_null(why);
        cr_assert_eq(ring.n, 0, "half a ring");
    }
}


Test(link, an_absent_or_binary_secret_file_is_refused)
{
    unsigned    line;
    const char *why = NULL;

    cr_assert_eq(compliance_keyring_parse(compliance_absent, &ring, &line,
        &why), COMPLIANCE_MALFORMED);
    cr_assert_eq(compliance_keyring_parse(
        (compliance_str_t) { "1 \0", 3 }, &ring, &line, &why),
        COMPLIANCE_MALFORMED);
}


/* links */

Test(link, what_was_sealed_opens, .init = setup)
{
    compliance_link_t in = a_link(), out;

    cr_assert_eq(seal(&in, sizeof(token)), COMPLIANCE_OK);
    cr_assert_eq(compliance_link_open(&ring, str(token), TEST_NOW, &out),
        COMPLIANCE_OK);
    cr_assert(same(&in, &out));
}


Test(link, empty_and_longest_links_have_tokens, .init = setup)
{
    compliance_link_t in, out;

    memset(&in, 0, sizeof(in));
    in.expires = TEST_NOW + 1;
    cr_assert_eq(seal(&in, sizeof(token)), COMPLIANCE_OK);
    cr_assert_eq(compliance_link_open(&ring, str(token), TEST_NOW, &out),
        COMPLIANCE_OK);
    cr_assert(same(&in, &out));

    in = a_link();
    memset(in.device.data, 'D', COMPLIANCE_DEVICE_ID_MAX);
    in.device.len = COMPLIANCE_DEVICE_ID_MAX;
    memset(in.user.data, 'u', COMPLIANCE_PRINCIPAL_MAX);
    in.user.len = COMPLIANCE_PRINCIPAL_MAX;
    memset(in.return_path, '/', 1);
    memset(in.return_path + 1, 'p', COMPLIANCE_RETURN_MAX - 1);
    in.return_path[COMPLIANCE_RETURN_MAX] = '\0';
    cr_assert_eq(seal(&in, sizeof(token)), COMPLIANCE_OK);
    cr_assert_lt(strlen(token), COMPLIANCE_LINK_TOKEN_MAX);
    cr_assert_eq(compliance_link_open(&ring, str(token), TEST_NOW, &out),
        COMPLIANCE_OK);
    cr_assert(same(&in, &out));
}


Test(link, a_mail_link_fits_a_line_of_pop3, .init = setup)
{
    compliance_link_t in = a_link();

    in.return_path[0] = '\0';
    seal(&in, sizeof(token));
    cr_assert_lt(strlen(token), 300, "%zu", strlen(token));
}


Test(link, a_token_tells_nothing_of_what_is_in_it, .init = setup)
{
    compliance_link_t in = a_link();
    size_t            len;

    seal(&in, sizeof(token));
    len = strlen(token);
    cr_assert_eq(strspn(token, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnop"
        "qrstuvwxyz0123456789-_"), len, "a query argument as it is");

    in.user = principal("bob@example.com");
    seal(&in, sizeof(token));
    cr_assert_eq(strlen(token), len, "names of like length look alike");
}


Test(link, a_link_expires, .init = setup)
{
    compliance_link_t in = a_link(), out;

    seal(&in, sizeof(token));
    cr_assert_eq(compliance_link_open(&ring, str(token), in.expires - 1,
        &out), COMPLIANCE_OK);
    cr_assert_eq(compliance_link_open(&ring, str(token), in.expires, &out),
        COMPLIANCE_EXPIRED);
    cr_assert(same(&in, &out));
}


Test(link, every_changed_character_is_noticed, .init = setup)
{
    compliance_link_t in = a_link(), out;
    size_t            len;

    seal(&in, sizeof(token));
    len = strlen(token);

    for (size_t i = 0; i < len; i++) {
        char was = token[i];

        token[i] = was == 'A' ? 'B' : 'A';
        cr_assert_neq(compliance_link_open(&ring, str(token), TEST_NOW, &out),
            COMPLIANCE_OK, "at %zu", i);
        cr_assert_eq(out.user.len, 0, "nothing is read from a forgery");
        token[i] = was;
    }

    cr_assert_eq(compliance_link_open(&ring, str(token), TEST_NOW, &out),
        COMPLIANCE_OK);
}


Test(link, a_token_cut_anywhere_is_none, .init = setup)
{
    compliance_link_t in = a_link(), out;

    seal(&in, sizeof(token));

    for (size_t len = 0; len < strlen(token); len++) {
        compliance_rc_t rc = compliance_link_open(&ring,
            (compliance_str_t) { token, len }, TEST_NOW, &out);

        cr_assert(rc == COMPLIANCE_MALFORMED || rc == COMPLIANCE_FORGED,
            "%zu", len);
    }
}


Test(link, the_key_named_in_the_token_and_no_other_opens_it, .init = setup)
{
    compliance_link_t    in = a_link(), out;
    compliance_keyring_t other;

    seal(&in, sizeof(token));

    other = keyring("9 " KEY_B "\n7 " KEY_A);
    cr_assert_eq(compliance_link_open(&other, str(token), TEST_NOW, &out),
        COMPLIANCE_OK, "an older key still opens");

    other = keyring("9 " KEY_B "\n8 " KEY_A);
    cr_assert_eq(compliance_link_open(&other, str(token), TEST_NOW, &out),
        COMPLIANCE_FORGED, "the same secret by another id");

    other = keyring("7 " KEY_B);
    cr_assert_eq(compliance_link_open(&other, str(token), TEST_NOW, &out),
        COMPLIANCE_FORGED, "another secret by the same id");
}


Test(link, what_is_no_token_is_malformed, .init = setup)
{
    static const char *const odd[] = {
        "", "A", "AQ", "====", "AQdh IQ", "../../etc", "\xff",
        "AQcAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
    };
    compliance_link_t        out;
    char                     long_token[COMPLIANCE_LINK_TOKEN_MAX + 1];

    for (size_t i = 0; i < sizeof(odd) / sizeof(odd[0]); i++) {
        cr_assert_eq(compliance_link_open(&ring, str(odd[i]), TEST_NOW, &out),
            COMPLIANCE_MALFORMED, "%zu", i);
    }

    cr_assert_eq(compliance_link_open(&ring, compliance_absent, TEST_NOW,
        &out), COMPLIANCE_MALFORMED);
    memset(long_token, 'A', sizeof(long_token));
    cr_assert_eq(compliance_link_open(&ring,
        (compliance_str_t) { long_token, sizeof(long_token) }, TEST_NOW,
        &out), COMPLIANCE_MALFORMED);
}


Test(link, a_token_of_another_version_is_malformed, .init = setup)
{
    compliance_link_t in = a_link(), out;

    seal(&in, sizeof(token));
    cr_assert_eq(token[0], 'A');
    cr_assert_eq(token[1], 'Q');
    token[1] = 'g';
    cr_assert_eq(compliance_link_open(&ring, str(token), TEST_NOW, &out),
        COMPLIANCE_MALFORMED);
}


Test(link, a_link_that_is_none_is_not_sealed, .init = setup)
{
    compliance_link_t    in;
    compliance_keyring_t none;

    in = a_link();
    strcpy(in.return_path, "//evil.example");
    cr_assert_eq(seal(&in, sizeof(token)), COMPLIANCE_MALFORMED);

    in = a_link();
    strcpy(in.decision_id, "SHOUTINGSHOUTING");
    cr_assert_eq(seal(&in, sizeof(token)), COMPLIANCE_MALFORMED);
    strcpy(in.decision_id, "abc");
    cr_assert_eq(seal(&in, sizeof(token)), COMPLIANCE_MALFORMED);

    in = a_link();
    in.protocol = COMPLIANCE_PROTOCOLS;
    cr_assert_eq(seal(&in, sizeof(token)), COMPLIANCE_MALFORMED);

    in = a_link();
    in.reason = COMPLIANCE_REASONS;
    cr_assert_eq(seal(&in, sizeof(token)), COMPLIANCE_MALFORMED);

    in = a_link();
    in.binding = (compliance_binding_t) 9;
    cr_assert_eq(seal(&in, sizeof(token)), COMPLIANCE_MALFORMED);

    in = a_link();
    in.device.len = COMPLIANCE_DEVICE_ID_MAX + 1;
    cr_assert_eq(seal(&in, sizeof(token)), COMPLIANCE_MALFORMED);

    in = a_link();
    in.user.len = COMPLIANCE_PRINCIPAL_MAX + 1;
    cr_assert_eq(seal(&in, sizeof(token)), COMPLIANCE_MALFORMED);

    in = a_link();
    in.expires = -1;
    cr_assert_eq(seal(&in, sizeof(token)), COMPLIANCE_MALFORMED);

    in = a_link();
    none = ring;
    ring.n = 0;
    cr_assert_eq(seal(&in, sizeof(token)), COMPLIANCE_MALFORMED);
    ring = none;
}


Test(link, a_token_that_does_not_fit_is_too_long, .init = setup)
{
    compliance_link_t in = a_link();

    seal(&in, sizeof(token));
    cr_assert_eq(seal(&in, strlen(token)), COMPLIANCE_TOO_LONG);
}


Test(link, every_nonce_makes_another_token, .init = setup)
{
    char              first[COMPLIANCE_LINK_TOKEN_MAX];
    uint8_t           other[16] = { 9 };
    compliance_buf_t  buf;
    compliance_link_t in = a_link();
    size_t            differ = 0;

    seal(&in, sizeof(token));
    strcpy(first, token);
    compliance_buf_init(&buf, token, sizeof(token));
    cr_assert_eq(compliance_link_seal(&ring, &in, other, &buf),
        COMPLIANCE_OK);

    for (size_t i = 36; i < strlen(first); i++) {
        differ += first[i] != token[i];
    }

    cr_assert_gt(differ, strlen(first) / 2);
}


/* return paths */

Test(link, return_paths_stay_on_this_origin)
{
    static const char *const good[] = {
        "/", "/SOGo/", "/?_task=mail&_mbox=INBOX", "/a/../b", "/a?u=//x\\y",
        "/a#//x",
    };
    static const char *const bad[] = {
        "", "SOGo", "//evil", "/\\evil", "/a//b", "/..//evil", "/a\\b",
        "https://evil", "/a b", "/a\tb", "/a\nb", "/\x7f", "/\xc3\xa4",
        "\\evil", "/a\x01",
    };
    char                     path[COMPLIANCE_RETURN_MAX + 1];

    for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
        cr_assert(compliance_return_path_valid(str(good[i])), "%s", good[i]);
    }

    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        cr_assert_not(compliance_return_path_valid(str(bad[i])), "%s",
            bad[i]);
    }

    cr_assert_not(compliance_return_path_valid(compliance_absent));
    cr_assert_not(compliance_return_path_valid(
        (compliance_str_t) { "/\0", 2 }));
    memset(path, 'a', sizeof(path));
    path[0] = '/';
    cr_assert(compliance_return_path_valid(
        (compliance_str_t) { path, COMPLIANCE_RETURN_MAX }));
    cr_assert_not(compliance_return_path_valid(
        (compliance_str_t) { path, COMPLIANCE_RETURN_MAX + 1 }));
}


/* login tags */

static compliance_principal_t user;
static compliance_device_id_t device;
static char                   tag[COMPLIANCE_TAG_MAC_LEN + 3];


static void
setup_tag(void)
{
    setup();
    user = principal("alice");
    device = device_id("PHONE1");
    cr_assert_eq(compliance_tag_sign(&ring, &user, &device, tag, sizeof(tag)),
        COMPLIANCE_OK);
}


Test(link, a_tag_holds_for_its_user_and_device_only, .init = setup_tag)
{
    compliance_principal_t other_user = principal("bob");
    compliance_device_id_t other_device = device_id("PHONE2");

    cr_assert_eq(strlen(tag), COMPLIANCE_TAG_MAC_LEN + 2);
    cr_assert_eq(strncmp(tag, "07", 2), 0);
    cr_assert_eq(compliance_tag_verify(&ring, &user, &device, str(tag)),
        COMPLIANCE_OK);
    cr_assert_eq(compliance_tag_verify(&ring, &other_user, &device,
        str(tag)), COMPLIANCE_FORGED);
    cr_assert_eq(compliance_tag_verify(&ring, &user, &other_device,
        str(tag)), COMPLIANCE_FORGED);
}


Test(link, a_tag_does_not_run_fields_into_one_another, .init = setup_tag)
{
    compliance_principal_t other_user = principal("alicep");
    compliance_device_id_t other_device = device_id("HONE1");

    cr_assert_eq(compliance_tag_verify(&ring, &other_user, &other_device,
        str(tag)), COMPLIANCE_FORGED);
}


Test(link, every_changed_character_of_a_tag_is_noticed, .init = setup_tag)
{
    for (size_t i = 0; i < strlen(tag); i++) {
        char was = tag[i];

        tag[i] = was == 'A' ? 'B' : 'A';
        cr_assert_neq(compliance_tag_verify(&ring, &user, &device, str(tag)),
            COMPLIANCE_OK, "at %zu", i);
        tag[i] = was;
    }
}


Test(link, a_tag_of_another_length_is_malformed, .init = setup_tag)
{
    for (size_t len = 0; len < strlen(tag); len++) {
        cr_assert_eq(compliance_tag_verify(&ring, &user, &device,
            (compliance_str_t) { tag, len }), COMPLIANCE_MALFORMED);
    }

    cr_assert_eq(compliance_tag_verify(&ring, &user, &device,
        compliance_absent), COMPLIANCE_MALFORMED);
    tag[0] = 'x';
    cr_assert_eq(compliance_tag_verify(&ring, &user, &device, str(tag)),
        COMPLIANCE_MALFORMED);
    tag[0] = '0';
    tag[5] = '=';
    cr_assert_eq(compliance_tag_verify(&ring, &user, &device, str(tag)),
        COMPLIANCE_MALFORMED);
}


Test(link, two_keys_of_tags_are_live_at_a_time, .init = setup_tag)
{
    ring = keyring("9 " KEY_B "\n7 " KEY_A);
    cr_assert_eq(compliance_tag_verify(&ring, &user, &device, str(tag)),
        COMPLIANCE_OK);
    ring = keyring("9 " KEY_B);
    cr_assert_eq(compliance_tag_verify(&ring, &user, &device, str(tag)),
        COMPLIANCE_FORGED);
}


Test(link, a_tag_needs_a_user_a_device_a_key_and_room, .init = setup_tag)
{
    compliance_principal_t nobody = principal("");
    compliance_device_id_t nothing = device_id("");

    cr_assert_eq(compliance_tag_sign(&ring, &nobody, &device, tag,
        sizeof(tag)), COMPLIANCE_MALFORMED);
    cr_assert_eq(compliance_tag_sign(&ring, &user, &nothing, tag,
        sizeof(tag)), COMPLIANCE_MALFORMED);
    cr_assert_eq(compliance_tag_verify(&ring, &nobody, &device, str(tag)),
        COMPLIANCE_MALFORMED);
    cr_assert_eq(compliance_tag_sign(&ring, &user, &device, tag,
        sizeof(tag) - 1), COMPLIANCE_TOO_LONG);
    ring.n = 0;
    cr_assert_eq(compliance_tag_sign(&ring, &user, &device, tag,
        sizeof(tag)), COMPLIANCE_MALFORMED);
}


Test(link, key_ids_above_15_keep_both_digits)
{
    setup_tag();
    ring = keyring("171 " KEY_A);
    cr_assert_eq(compliance_tag_sign(&ring, &user, &device, tag, sizeof(tag)),
        COMPLIANCE_OK);
    cr_assert_eq(strncmp(tag, "ab", 2), 0);
    cr_assert_eq(compliance_tag_verify(&ring, &user, &device, str(tag)),
        COMPLIANCE_OK);
}


/* decision ids */

Test(link, a_decision_id_is_base32_of_its_bits)
{
    static const uint8_t ones[10] = { 0xff, 0xff, 0xff, 0xff, 0xff,
                                      0xff, 0xff, 0xff, 0xff, 0xff };
    static const uint8_t zeros[10];
    static const uint8_t mixed[10] = { 'f', 'o', 'o', 'b', 'a',
                                       'f', 'o', 'o', 'b', 'a' };
    char                 id[COMPLIANCE_DECISION_ID_LEN + 1];

    compliance_decision_id(zeros, id);
    cr_assert_str_eq(id, "aaaaaaaaaaaaaaaa");
    compliance_decision_id(ones, id);
    cr_assert_str_eq(id, "7777777777777777");
    compliance_decision_id(mixed, id);
    cr_assert_str_eq(id, "mzxw6ytbmzxw6ytb");   /* RFC 4648, section 10 */
}
