/*
 * Sealed portal links.  A token is base64url of
 *   u8 version, u8 key id, u64 expires, 16 bytes nonce, ciphertext, 32 bytes MAC
 * encrypted by AES-256-CTR, then signed over purpose and all that stands before
 * the MAC; nothing is decrypted before the signature was checked.  The
 * plaintext is filled up to whole blocks of 64 bytes: its length says little
 * about the names in it.
 */
#include "mac.h"

#include <openssl/crypto.h>
#include <string.h>


#define COMPLIANCE_TOKEN_VERSION  1

#define COMPLIANCE_TOKEN_HEAD     (1 + 1 + 8 + COMPLIANCE_NONCE_LEN)

/* protocol, reason, binding, four length-prefixed texts, whole blocks */
#define COMPLIANCE_PLAIN_BLOCK    64
#define COMPLIANCE_PLAIN_MAX                                                  \
    ((3 + 4 * 2 + COMPLIANCE_DECISION_ID_LEN + COMPLIANCE_DEVICE_ID_MAX       \
      + COMPLIANCE_PRINCIPAL_MAX + COMPLIANCE_RETURN_MAX                      \
      + COMPLIANCE_PLAIN_BLOCK - 1)                                           \
     / COMPLIANCE_PLAIN_BLOCK * COMPLIANCE_PLAIN_BLOCK)

#define COMPLIANCE_TOKEN_BYTES                                                \
    (COMPLIANCE_TOKEN_HEAD + COMPLIANCE_PLAIN_MAX + COMPLIANCE_MAC_LEN)

_Static_assert((COMPLIANCE_TOKEN_BYTES * 4 + 2) / 3 < COMPLIANCE_LINK_TOKEN_MAX,
    "the longest link has a token");

static const char compliance_purpose_link[] = "compliance link 1";


/* token: the head and the ciphertext as they stand in it */
static bool
compliance_link_sign(const compliance_key_t *key, const uint8_t *token,
    size_t len, uint8_t mac[COMPLIANCE_MAC_LEN])
{
    uint8_t            data[COMPLIANCE_TOKEN_BYTES + 64];
    compliance_bytes_t message = { data, 0, sizeof(data), false };

    compliance_bytes_field(&message, compliance_purpose_link,
        sizeof(compliance_purpose_link) - 1);
    compliance_bytes_field(&message, token, 1);              /* version */
    compliance_bytes_field(&message, token + 1, 1);          /* key id */
    compliance_bytes_field(&message, token + 2, 8);          /* expires */
    compliance_bytes_field(&message, token + 10, COMPLIANCE_NONCE_LEN);
    compliance_bytes_field(&message, token + COMPLIANCE_TOKEN_HEAD,
        len - COMPLIANCE_TOKEN_HEAD);

    return compliance_sign(key, compliance_purpose_link, &message, mac);
}


bool
compliance_return_path_valid(compliance_str_t path)
{
    size_t end;

    if (path.data == NULL || path.len == 0
        || path.len > COMPLIANCE_RETURN_MAX || path.data[0] != '/')
    {
        return false;
    }

    for (size_t i = 0; i < path.len; i++) {
        if (path.data[i] <= 0x20 || path.data[i] >= 0x7f) {
            return false;
        }
    }

    for (end = 0; end < path.len; end++) {
        if (path.data[end] == '?' || path.data[end] == '#') {
            break;
        }
    }

    /* a browser reads '\' as '/', and "//host" as another origin; "/..//host"
     * comes to the same for whoever takes dot segments out */
    for (size_t i = 0; i < end; i++) {
        if (path.data[i] == '\\'
            || (path.data[i] == '/' && i + 1 < end && path.data[i + 1] == '/'))
        {
            return false;
        }
    }

    return true;
}


static bool
compliance_decision_id_valid(const char *id, size_t len)
{
    if (len != COMPLIANCE_DECISION_ID_LEN) {
        return len == 0;
    }

    for (size_t i = 0; i < len; i++) {
        if (!((id[i] >= 'a' && id[i] <= 'z') || (id[i] >= '2' && id[i] <= '7')))
        {
            return false;
        }
    }

    return true;
}


static bool
compliance_link_write(const compliance_link_t *link, compliance_bytes_t *plain)
{
    static const uint8_t zeros[COMPLIANCE_PLAIN_BLOCK];
    size_t               id_len, path_len;

    id_len = strnlen(link->decision_id, sizeof(link->decision_id));
    path_len = strnlen(link->return_path, sizeof(link->return_path));

    if (!compliance_decision_id_valid(link->decision_id, id_len)
        || (unsigned) link->protocol >= COMPLIANCE_PROTOCOLS
        || (unsigned) link->reason >= COMPLIANCE_REASONS
        || (unsigned) link->binding > COMPLIANCE_BINDING_CERTIFICATE
        || link->device.len > COMPLIANCE_DEVICE_ID_MAX
        || link->user.len > COMPLIANCE_PRINCIPAL_MAX
        || link->expires < 0
        || (path_len > 0
            && !compliance_return_path_valid(
                   (compliance_str_t) { link->return_path, path_len })))
    {
        return false;
    }

    compliance_bytes_uint(plain, (uint64_t) link->protocol, 1);
    compliance_bytes_uint(plain, (uint64_t) link->reason, 1);
    compliance_bytes_uint(plain, (uint64_t) link->binding, 1);
    compliance_bytes_field(plain, link->decision_id, id_len);
    compliance_bytes_field(plain, link->device.data, link->device.len);
    compliance_bytes_field(plain, link->user.data, link->user.len);
    compliance_bytes_field(plain, link->return_path, path_len);

    if (plain->len % COMPLIANCE_PLAIN_BLOCK != 0) {
        compliance_bytes_add(plain, zeros,
            COMPLIANCE_PLAIN_BLOCK - plain->len % COMPLIANCE_PLAIN_BLOCK);
    }

    return !plain->overflow;
}


compliance_rc_t
compliance_link_seal(const compliance_keyring_t *keys,
    const compliance_link_t *link, const uint8_t nonce[16],
    compliance_buf_t *token)
{
    bool                    ok;
    uint8_t                 data[COMPLIANCE_TOKEN_BYTES];
    uint8_t                 text[COMPLIANCE_PLAIN_MAX];
    uint8_t                 mac[COMPLIANCE_MAC_LEN];
    compliance_bytes_t      plain = { text, 0, sizeof(text), false };
    compliance_bytes_t      bytes = { data, 0, sizeof(data), false };
    const compliance_key_t *key = &keys->keys[0];

    if (keys->n == 0 || !compliance_link_write(link, &plain)) {
        return COMPLIANCE_MALFORMED;
    }

    compliance_bytes_uint(&bytes, COMPLIANCE_TOKEN_VERSION, 1);
    compliance_bytes_uint(&bytes, key->id, 1);
    compliance_bytes_uint(&bytes, (uint64_t) link->expires, 8);
    compliance_bytes_add(&bytes, nonce, COMPLIANCE_NONCE_LEN);

    ok = compliance_crypt(key, nonce, plain.data, plain.len,
        bytes.data + bytes.len);
    bytes.len += plain.len;

    if (!ok || !compliance_link_sign(key, bytes.data, bytes.len, mac)) {
        return COMPLIANCE_NO_MEMORY;
    }

    compliance_bytes_add(&bytes, mac, sizeof(mac));
    compliance_base64url_encode(token, bytes.data, bytes.len);

    return bytes.overflow || token->overflow ? COMPLIANCE_TOO_LONG
                                             : COMPLIANCE_OK;
}


/* The next length-prefixed field into out, NUL-terminated; false: none, or it
 * does not fit, or holds a NUL. */
static bool
compliance_field_read(const uint8_t **at, const uint8_t *end, char *out,
    size_t cap, size_t *out_len)
{
    size_t len;

    if (end - *at < 2) {
        return false;
    }

    len = compliance_uint_read(*at, 2);
    *at += 2;

    if (len > (size_t) (end - *at) || len >= cap
        || memchr(*at, '\0', len) != NULL)
    {
        return false;
    }

    memcpy(out, *at, len);
    out[len] = '\0';
    *at += len;
    *out_len = len;

    return true;
}


/* What we sealed ourselves is sound; it is checked all the same, for a key may
 * be older than today's rules. */
static bool
compliance_link_read(const uint8_t *at, size_t len, compliance_link_t *link)
{
    size_t         id_len, path_len;
    const uint8_t *end = at + len;

    if (len < 3 || at[0] >= COMPLIANCE_PROTOCOLS || at[1] >= COMPLIANCE_REASONS
        || at[2] > COMPLIANCE_BINDING_CERTIFICATE)
    {
        return false;
    }

    link->protocol = (compliance_protocol_t) at[0];
    link->reason = (compliance_reason_t) at[1];
    link->binding = (compliance_binding_t) at[2];
    at += 3;

    if (!compliance_field_read(&at, end, link->decision_id,
            sizeof(link->decision_id), &id_len)
        || !compliance_field_read(&at, end, link->device.data,
            sizeof(link->device.data), &link->device.len)
        || !compliance_field_read(&at, end, link->user.data,
            sizeof(link->user.data), &link->user.len)
        || !compliance_field_read(&at, end, link->return_path,
            sizeof(link->return_path), &path_len))
    {
        return false;
    }

    while (at < end) {
        if (*at++ != 0) {
            return false;
        }
    }

    return compliance_decision_id_valid(link->decision_id, id_len)
           && (path_len == 0
               || compliance_return_path_valid(
                      (compliance_str_t) { link->return_path, path_len }));
}


compliance_rc_t
compliance_link_open(const compliance_keyring_t *keys, compliance_str_t token,
    int64_t now, compliance_link_t *link)
{
    size_t                  len = 0, signed_len;
    uint64_t                expires;
    uint8_t                 data[COMPLIANCE_TOKEN_BYTES];
    uint8_t                 plain[COMPLIANCE_PLAIN_MAX];
    uint8_t                 mac[COMPLIANCE_MAC_LEN];
    const compliance_key_t *key;

    memset(link, 0, sizeof(*link));

    if (token.data == NULL || token.len >= COMPLIANCE_LINK_TOKEN_MAX
        || compliance_base64url_decode(token, data, sizeof(data), &len)
           != COMPLIANCE_OK
        || len <= COMPLIANCE_TOKEN_HEAD + COMPLIANCE_MAC_LEN
        || data[0] != COMPLIANCE_TOKEN_VERSION)
    {
        return COMPLIANCE_MALFORMED;
    }

    signed_len = len - COMPLIANCE_MAC_LEN;
    key = compliance_key_by_id(keys, data[1]);

    if (key == NULL) {
        return COMPLIANCE_FORGED;
    }

    if (!compliance_link_sign(key, data, signed_len, mac)) {
        return COMPLIANCE_NO_MEMORY;
    }

    if (CRYPTO_memcmp(mac, data + signed_len, sizeof(mac)) != 0) {
        return COMPLIANCE_FORGED;
    }

    if (!compliance_crypt(key, data + 10, data + COMPLIANCE_TOKEN_HEAD,
            signed_len - COMPLIANCE_TOKEN_HEAD, plain))
    {
        return COMPLIANCE_NO_MEMORY;
    }

    expires = compliance_uint_read(data + 2, 8);

    if (expires > INT64_MAX
        || !compliance_link_read(plain, signed_len - COMPLIANCE_TOKEN_HEAD,
               link))
    {
        memset(link, 0, sizeof(*link));
        return COMPLIANCE_MALFORMED;
    }

    link->expires = (int64_t) expires;

    return link->expires <= now ? COMPLIANCE_EXPIRED : COMPLIANCE_OK;
}


void
compliance_decision_id(const uint8_t random[10],
    char out[COMPLIANCE_DECISION_ID_LEN + 1])
{
    static const char alphabet[] = "abcdefghijklmnopqrstuvwxyz234567";

    /* five bytes are eight letters */
    for (const uint8_t *p = random; p != random + 10; p += 5) {
        uint64_t bits = (uint64_t) p[0] << 32 | (uint64_t) p[1] << 24
                        | (uint64_t) p[2] << 16 | (uint64_t) p[3] << 8 | p[4];

        for (unsigned shift = 40; shift != 0; ) {
            shift -= 5;
            *out++ = alphabet[bits >> shift & 0x1f];
        }
    }

    *out = '\0';
}
