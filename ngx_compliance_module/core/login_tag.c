/*
 * Login tags: the proof that we gave a device id to a user's mail profile.
 * The MAC covers purpose, key id, user and device.
 */
#include "mac.h"

#include <openssl/crypto.h>


#define COMPLIANCE_TAG_MAC_BYTES  16   /* 128 bits: 22 characters */

static const char compliance_purpose_tag[] = "compliance tag 1";


static compliance_rc_t
compliance_tag_mac(const compliance_key_t *key,
    const compliance_principal_t *user, const compliance_device_id_t *device,
    uint8_t mac[COMPLIANCE_MAC_LEN])
{
    uint8_t            data[COMPLIANCE_PRINCIPAL_MAX + COMPLIANCE_DEVICE_ID_MAX
                            + 64];
    compliance_bytes_t message = { data, 0, sizeof(data), false };

    if (user->len == 0 || device->len == 0) {
        return COMPLIANCE_MALFORMED;
    }

    compliance_bytes_field(&message, compliance_purpose_tag,
        sizeof(compliance_purpose_tag) - 1);
    compliance_bytes_field(&message, &key->id, 1);
    compliance_bytes_field(&message, user->data, user->len);
    compliance_bytes_field(&message, device->data, device->len);

    return compliance_sign(key, compliance_purpose_tag, &message, mac)
           ? COMPLIANCE_OK : COMPLIANCE_NO_MEMORY;
}


compliance_rc_t
compliance_tag_sign(const compliance_keyring_t *keys,
    const compliance_principal_t *user, const compliance_device_id_t *device,
    char *out, size_t cap)
{
    static const char       hex[] = "0123456789abcdef";
    uint8_t                 mac[COMPLIANCE_MAC_LEN];
    compliance_rc_t         rc;
    compliance_buf_t        buf;
    const compliance_key_t *key = &keys->keys[0];

    if (keys->n == 0) {
        return COMPLIANCE_MALFORMED;
    }

    rc = compliance_tag_mac(key, user, device, mac);

    if (rc != COMPLIANCE_OK) {
        return rc;
    }

    compliance_buf_init(&buf, out, cap);
    compliance_buf_add(&buf, &hex[key->id >> 4], 1);
    compliance_buf_add(&buf, &hex[key->id & 0xf], 1);
    compliance_base64url_encode(&buf, mac, COMPLIANCE_TAG_MAC_BYTES);

    return buf.overflow ? COMPLIANCE_TOO_LONG : COMPLIANCE_OK;
}


compliance_rc_t
compliance_tag_verify(const compliance_keyring_t *keys,
    const compliance_principal_t *user, const compliance_device_id_t *device,
    compliance_str_t mac)
{
    int                     high, low;
    size_t                  len = 0;
    uint8_t                 want[COMPLIANCE_MAC_LEN];
    uint8_t                 got[COMPLIANCE_TAG_MAC_BYTES];
    compliance_rc_t         rc;
    const compliance_key_t *key;

    if (mac.data == NULL || mac.len != COMPLIANCE_TAG_MAC_LEN + 2) {
        return COMPLIANCE_MALFORMED;
    }

    high = compliance_hex_digit(mac.data[0]);
    low = compliance_hex_digit(mac.data[1]);

    if (high < 0 || low < 0
        || compliance_base64url_decode(
               (compliance_str_t) { mac.data + 2, mac.len - 2 }, got,
               sizeof(got), &len) != COMPLIANCE_OK
        || len != sizeof(got))
    {
        return COMPLIANCE_MALFORMED;
    }

    key = compliance_key_by_id(keys, (unsigned) (high << 4 | low));

    if (key == NULL) {
        return COMPLIANCE_FORGED;
    }

    rc = compliance_tag_mac(key, user, device, want);

    if (rc != COMPLIANCE_OK) {
        return rc;
    }

    return CRYPTO_memcmp(want, got, sizeof(got)) == 0 ? COMPLIANCE_OK
                                                      : COMPLIANCE_FORGED;
}
