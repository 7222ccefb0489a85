/*
 * Below links and tags: tokens that are signed rightly and hold nonsense, and
 * OpenSSL without memory.
 */
#include "fixture.h"

#include "failing.h"
#include "mac.h"


TestSuite(mac);

#define HEAD     26    /* version, key id, expires, nonce */
#define EXPIRES  (TEST_NOW + 60)

static const compliance_keyring_t ring = {
    .keys = { { .id = 3, .len = 32,
                .secret = "0123456789abcdefghijklmnopqrstu" } },
    .n = 1
};

static char token[COMPLIANCE_LINK_TOKEN_MAX];


/* What compliance_link_seal() does, with a plaintext of the test's. */
static compliance_rc_t
open_with(const void *plain, size_t len, uint64_t expires,
    compliance_link_t *link)
{
    static const char   purpose[] = "compliance link 1";
    uint8_t             data[1200], message[1300];
    compliance_buf_t    buf;
    compliance_bytes_t  bytes = { data, 0, sizeof(data), false };
    compliance_bytes_t  fields = { message, 0, sizeof(message), false };
    static const size_t widths[] = { 1, 1, 8, COMPLIANCE_NONCE_LEN };
    size_t              at = 0;

    compliance_bytes_uint(&bytes, 1, 1);
    compliance_bytes_uint(&bytes, 3, 1);
    compliance_bytes_uint(&bytes, expires, 8);
    compliance_bytes_add(&bytes, "nonce nonce nonc", COMPLIANCE_NONCE_LEN);
    cr_assert_eq(bytes.len, HEAD);
    cr_assert(compliance_crypt(&ring.keys[0], data + 10, plain, len,
        data + HEAD));
    bytes.len += len;

    compliance_bytes_field(&fields, purpose, sizeof(purpose) - 1);
    for (size_t i = 0; i < 4; i++) {
        compliance_bytes_field(&fields, data + at, widths[i]);
        at += widths[i];
    }

    compliance_bytes_field(&fields, data + HEAD, len);
    cr_assert(compliance_sign(&ring.keys[0], purpose, &fields,
        data + bytes.len));
    bytes.len += COMPLIANCE_MAC_LEN;

    compliance_buf_init(&buf, token, sizeof(token));
    compliance_base64url_encode(&buf, data, bytes.len);
    cr_assert_not(buf.overflow);

    return compliance_link_open(&ring, str(token), TEST_NOW, link);
}


Test(mac, a_rightly_signed_token_of_nonsense_is_malformed)
{
    static const struct {
        const char      *plain;
        size_t           len;
        compliance_rc_t  rc;
    } rows[] = {
        /* protocol, reason, binding, id, device, user, path, fill */
        { "\x01\x01\x01" "\0\0" "\0\1D" "\0\1u" "\0\1/" "\0\0", 16,
          COMPLIANCE_OK },
        { "\x01", 1, COMPLIANCE_MALFORMED },
        { "\x01\x01", 2, COMPLIANCE_MALFORMED },
        { "\x01\x01\x01", 3, COMPLIANCE_MALFORMED },
        { "\x01\x01\x01\0", 4, COMPLIANCE_MALFORMED },
        { "\x63\x01\x01" "\0\0" "\0\0" "\0\0" "\0\0", 11,
          COMPLIANCE_MALFORMED },
        { "\x01\x63\x01" "\0\0" "\0\0" "\0\0" "\0\0", 11,
          COMPLIANCE_MALFORMED },
        { "\x01\x01\x63" "\0\0" "\0\0" "\0\0" "\0\0", 11,
          COMPLIANCE_MALFORMED },
        { "\x01\x01\x01" "\0\0" "\0\0" "\0\0", 9, COMPLIANCE_MALFORMED },
        { "\x01\x01\x01" "\0\0" "\0\0", 7, COMPLIANCE_MALFORMED },
        { "\x01\x01\x01" "\0\0", 5, COMPLIANCE_MALFORMED },
        { "\x01\x01\x01" "\0\0" "\0\x09" "D", 8, COMPLIANCE_MALFORMED },
        { "\x01\x01\x01" "\0\0" "\0\1\0" "\0\0" "\0\0", 12,
          COMPLIANCE_MALFORMED },
        { "\x01\x01\x01" "\0\3abc" "\0\0" "\0\0" "\0\0", 14,
          COMPLIANCE_MALFORMED },
        { "\x01\x01\x01" "\0\0" "\0\0" "\0\0" "\0\6//evil", 17,
          COMPLIANCE_MALFORMED },
        { "\x01\x01\x01" "\0\0" "\0\0" "\0\0" "\0\0" "\0x", 13,
          COMPLIANCE_MALFORMED },
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        compliance_link_t link;

        cr_assert_eq(open_with(rows[i].plain, rows[i].len, EXPIRES, &link),
            rows[i].rc, "row %zu", i);

        if (rows[i].rc != COMPLIANCE_OK) {
            cr_assert_eq(link.expires, 0, "row %zu", i);
            cr_assert_eq(link.device.len, 0, "row %zu", i);
        }
    }
}


Test(mac, a_field_longer_than_its_place_is_malformed)
{
    uint8_t            data[900];
    compliance_link_t  link;
    compliance_bytes_t plain = { data, 0, sizeof(data), false };
    static const char  xs[600] = { [0 ... 599] = 'x' };

    compliance_bytes_add(&plain, "\x01\x01\x01", 3);
    compliance_bytes_field(&plain, "", 0);
    compliance_bytes_field(&plain, xs, COMPLIANCE_DEVICE_ID_MAX + 1);
    compliance_bytes_field(&plain, "", 0);
    compliance_bytes_field(&plain, "", 0);
    cr_assert_eq(open_with(data, plain.len, EXPIRES, &link),
        COMPLIANCE_MALFORMED);
}


Test(mac, an_expiry_beyond_all_times_is_malformed)
{
    compliance_link_t link;

    cr_assert_eq(open_with("\x01\x01\x01\0\0\0\0\0\0\0\0", 11, UINT64_MAX,
        &link), COMPLIANCE_MALFORMED);
}


Test(mac, bytes_that_do_not_fit_are_not_written_in_part)
{
    uint8_t            data[4] = { 0 };
    compliance_bytes_t bytes = { data, 0, sizeof(data), false };
    static const char  long_field[UINT16_MAX + 1];

    compliance_bytes_add(&bytes, "abc", 3);
    compliance_bytes_add(&bytes, "de", 2);
    cr_assert(bytes.overflow);
    cr_assert_eq(bytes.len, 3);
    compliance_bytes_add(&bytes, "f", 1);
    cr_assert_eq(bytes.len, 3, "sticky");

    bytes = (compliance_bytes_t) { data, 0, sizeof(data), false };
    compliance_bytes_field(&bytes, long_field, sizeof(long_field));
    cr_assert(bytes.overflow);
    cr_assert_eq(bytes.len, 0);
}


Test(mac, purposes_and_keys_sign_differently)
{
    uint8_t            a[COMPLIANCE_MAC_LEN], b[COMPLIANCE_MAC_LEN];
    uint8_t            data[8] = { 1 };
    compliance_key_t   other = ring.keys[0];
    compliance_bytes_t message = { data, 8, 8, false };

    cr_assert(compliance_sign(&ring.keys[0], "one", &message, a));
    cr_assert(compliance_sign(&ring.keys[0], "two", &message, b));
    cr_assert_neq(memcmp(a, b, sizeof(a)), 0);

    other.secret[0] ^= 1;
    cr_assert(compliance_sign(&other, "one", &message, b));
    cr_assert_neq(memcmp(a, b, sizeof(a)), 0);

    message.overflow = true;
    cr_assert_not(compliance_sign(&ring.keys[0], "one", &message, b));
}


/* OpenSSL without memory: the n-th call fails, for every n. */

Test(mac, without_memory_nothing_is_sealed)
{
    long                 n = 0;
    compliance_rc_t      rc;
    compliance_buf_t     buf;
    compliance_link_t    link, out;
    const uint8_t        nonce[16] = { 1 };

    memset(&link, 0, sizeof(link));
    link.expires = EXPIRES;

    do {
        compliance_buf_init(&buf, token, sizeof(token));
        fail_openssl_call(++n);
        rc = compliance_link_seal(&ring, &link, nonce, &buf);

        if (openssl_call_failed()) {
            cr_assert_eq(rc, COMPLIANCE_NO_MEMORY, "call %ld", n);
            cr_assert_eq(buf.len, 0, "half a token");
        }

    } while (openssl_call_failed());

    cr_assert_eq(rc, COMPLIANCE_OK);
    cr_assert_gt(n, 5);

    for (n = 1; ; n++) {
        fail_openssl_call(n);
        rc = compliance_link_open(&ring, str(token), TEST_NOW, &out);

        if (!openssl_call_failed()) {
            break;
        }

        cr_assert_eq(rc, COMPLIANCE_NO_MEMORY, "call %ld", n);
        cr_assert_eq(out.expires, 0);
    }

    cr_assert_eq(rc, COMPLIANCE_OK);
    cr_assert_gt(n, 5);
}


Test(mac, without_memory_no_tag_is_signed_or_verified)
{
    long                   n;
    char                   tag[COMPLIANCE_TAG_MAC_LEN + 3];
    compliance_rc_t        rc;
    compliance_device_id_t device = device_id("PHONE1");
    compliance_principal_t user = principal("alice");

    for (n = 1; ; n++) {
        fail_openssl_call(n);
        rc = compliance_tag_sign(&ring, &user, &device, tag, sizeof(tag));

        if (!openssl_call_failed()) {
            break;
        }

        cr_assert_eq(rc, COMPLIANCE_NO_MEMORY, "call %ld", n);
    }

    cr_assert_eq(rc, COMPLIANCE_OK);
    cr_assert_eq(n, 3);

    for (n = 1; n < 3; n++) {
        fail_openssl_call(n);
        cr_assert_eq(compliance_tag_verify(&ring, &user, &device, str(tag)),
            COMPLIANCE_NO_MEMORY, "call %ld", n);
    }
}
