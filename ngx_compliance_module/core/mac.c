/*
 * Signing and encrypting.  Fields are length-prefixed, so that no two messages
 * are spelt alike, and every purpose has a key of its own, derived from the
 * ring's: a signature of one kind is never one of another.
 */
#include "mac.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <string.h>


static const char compliance_purpose_encrypt[] = "compliance link encrypt 1";


void
compliance_bytes_add(compliance_bytes_t *bytes, const void *data, size_t len)
{
    if (bytes->overflow || len > bytes->cap - bytes->len) {
        bytes->overflow = true;
        return;
    }

    if (len > 0) {
        memcpy(bytes->data + bytes->len, data, len);
        bytes->len += len;
    }
}


void
compliance_bytes_uint(compliance_bytes_t *bytes, uint64_t value, size_t width)
{
    uint8_t big_endian[8];

    for (size_t i = width; i > 0; i--, value >>= 8) {
        big_endian[i - 1] = (uint8_t) value;
    }

    compliance_bytes_add(bytes, big_endian, width);
}


/* u16 length, then the bytes: two fields never run into one another */
void
compliance_bytes_field(compliance_bytes_t *bytes, const void *data, size_t len)
{
    if (len > UINT16_MAX) {
        bytes->overflow = true;
        return;
    }

    compliance_bytes_uint(bytes, len, 2);
    compliance_bytes_add(bytes, data, len);
}


uint64_t
compliance_uint_read(const uint8_t *data, size_t width)
{
    uint64_t value = 0;

    for (size_t i = 0; i < width; i++) {
        value = value << 8 | data[i];
    }

    return value;
}


const compliance_key_t *
compliance_key_by_id(const compliance_keyring_t *keys, unsigned id)
{
    for (size_t i = 0; i < keys->n; i++) {
        if (keys->keys[i].id == id) {
            return &keys->keys[i];
        }
    }

    return NULL;
}


/* The secrets are uniform and at least as long as the hash, so one HMAC per
 * purpose is a sound derivation (RFC 5869, expand). */
bool
compliance_derive(const compliance_key_t *key, const char *purpose,
    uint8_t out[COMPLIANCE_MAC_LEN])
{
    unsigned len = COMPLIANCE_MAC_LEN;

    return HMAC(EVP_sha256(), key->secret, (int) key->len,
               (const unsigned char *) purpose, strlen(purpose), out, &len)
           != NULL && len == COMPLIANCE_MAC_LEN;
}


bool
compliance_sign(const compliance_key_t *key, const char *purpose,
    const compliance_bytes_t *message, uint8_t mac[COMPLIANCE_MAC_LEN])
{
    bool     ok;
    uint8_t  derived[COMPLIANCE_MAC_LEN];
    unsigned len = COMPLIANCE_MAC_LEN;

    ok = !message->overflow && compliance_derive(key, purpose, derived)
         && HMAC(EVP_sha256(), derived, sizeof(derived), message->data,
                 message->len, mac, &len) != NULL
         && len == COMPLIANCE_MAC_LEN;

    OPENSSL_cleanse(derived, sizeof(derived));

    return ok;
}


/* CTR: the same call encrypts and decrypts. */
bool
compliance_crypt(const compliance_key_t *key,
    const uint8_t nonce[COMPLIANCE_NONCE_LEN], const uint8_t *in, size_t len,
    uint8_t *out)
{
    int             n = 0, last = 0;
    bool            ok;
    uint8_t         derived[COMPLIANCE_MAC_LEN];
    EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();

    ok = ctx != NULL
         && compliance_derive(key, compliance_purpose_encrypt, derived)
         && EVP_EncryptInit_ex(ctx, EVP_aes_256_ctr(), NULL, derived, nonce)
            == 1
         && EVP_EncryptUpdate(ctx, out, &n, in, (int) len) == 1
         && EVP_EncryptFinal_ex(ctx, out + n, &last) == 1
         && (size_t) n + (size_t) last == len;

    EVP_CIPHER_CTX_free(ctx);
    OPENSSL_cleanse(derived, sizeof(derived));

    return ok;
}
