/*
 * What hashes the audit: contexts that are set up once and used again for
 * every record, since a blocked request waits for its record to be made.
 */
#include "audit_private.h"

#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/params.h>
#include <stdlib.h>
#include <string.h>


static const char *const compliance_audit_purposes[] = {
    [COMPLIANCE_AUDIT_CHAIN] = "compliance audit chain 1",
    [COMPLIANCE_AUDIT_ERASE] = "compliance audit erase 1",
    [COMPLIANCE_AUDIT_ANCHOR] = "compliance audit anchor 1",
};

struct compliance_audit_keys_s {
    EVP_MD_CTX *plain;    /* SHA-256 was begun in it */
    size_t      n;
    struct {
        int64_t      id;
        EVP_MAC_CTX *mac[COMPLIANCE_AUDIT_PURPOSES];
    } keys[COMPLIANCE_KEYS_MAX];
};


static EVP_MAC_CTX *
compliance_audit_mac(EVP_MAC *hmac, const compliance_key_t *key,
    const char *purpose)
{
    bool         ok;
    char         digest[] = "SHA256";
    uint8_t      derived[COMPLIANCE_MAC_LEN];
    OSSL_PARAM   params[2];
    EVP_MAC_CTX *mac = EVP_MAC_CTX_new(hmac);

    params[0] = OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, digest,
        0);
    params[1] = OSSL_PARAM_construct_end();

    ok = mac != NULL && compliance_derive(key, purpose, derived)
         && EVP_MAC_init(mac, derived, sizeof(derived), params) == 1;

    OPENSSL_cleanse(derived, sizeof(derived));

    if (!ok) {
        EVP_MAC_CTX_free(mac);
        return NULL;
    }

    return mac;
}


static bool
compliance_audit_keys_fill(compliance_audit_keys_t *keys,
    const compliance_keyring_t *ring)
{
    bool     ok = true;
    EVP_MAC *hmac = EVP_MAC_fetch(NULL, "HMAC", NULL);

    if (hmac == NULL) {
        return false;
    }

    for (size_t i = 0; ok && i < ring->n; i++) {
        keys->keys[i].id = ring->keys[i].id;
        keys->n++;

        for (size_t p = 0; ok && p < COMPLIANCE_AUDIT_PURPOSES; p++) {
            keys->keys[i].mac[p] = compliance_audit_mac(hmac, &ring->keys[i],
                compliance_audit_purposes[p]);
            ok = keys->keys[i].mac[p] != NULL;
        }
    }

    EVP_MAC_free(hmac);

    return ok;
}


compliance_audit_keys_t *
compliance_audit_keys_create(const compliance_keyring_t *ring)
{
    bool                     ok;
    compliance_audit_keys_t *keys = calloc(1, sizeof(*keys));

    if (keys == NULL) {
        return NULL;
    }

    keys->plain = EVP_MD_CTX_new();
    ok = keys->plain != NULL
         && EVP_DigestInit_ex(keys->plain, EVP_sha256(), NULL) == 1
         && (ring == NULL || ring->n == 0
             || compliance_audit_keys_fill(keys, ring));

    if (!ok) {
        compliance_audit_keys_free(keys);
        return NULL;
    }

    return keys;
}


void
compliance_audit_keys_free(compliance_audit_keys_t *keys)
{
    if (keys == NULL) {
        return;
    }

    for (size_t i = 0; i < keys->n; i++) {
        for (size_t p = 0; p < COMPLIANCE_AUDIT_PURPOSES; p++) {
            EVP_MAC_CTX_free(keys->keys[i].mac[p]);
        }
    }

    EVP_MD_CTX_free(keys->plain);
    free(keys);
}


int64_t
compliance_audit_kid(const compliance_audit_keys_t *keys)
{
    return keys->n > 0 ? keys->keys[0].id : -1;
}


static EVP_MAC_CTX *
compliance_audit_find(const compliance_audit_keys_t *keys,
    compliance_audit_purpose_t purpose, int64_t kid)
{
    for (size_t i = 0; i < keys->n; i++) {
        if (keys->keys[i].id == kid) {
            return keys->keys[i].mac[purpose];
        }
    }

    return NULL;
}


bool
compliance_audit_has_kid(const compliance_audit_keys_t *keys, int64_t kid)
{
    return compliance_audit_find(keys, COMPLIANCE_AUDIT_CHAIN, kid) != NULL;
}


static bool
compliance_audit_sha256(EVP_MD_CTX *plain, compliance_str_t text,
    compliance_str_t more, uint8_t out[COMPLIANCE_MAC_LEN])
{
    unsigned n = 0;

    return EVP_DigestInit_ex(plain, NULL, NULL) == 1
           && EVP_DigestUpdate(plain, text.data, text.len) == 1
           && EVP_DigestUpdate(plain, more.data, more.len) == 1
           && EVP_DigestFinal_ex(plain, out, &n) == 1
           && n == COMPLIANCE_MAC_LEN;
}


/* No key: the one that the context has. */
static bool
compliance_audit_hmac(EVP_MAC_CTX *mac, compliance_str_t text,
    compliance_str_t more, uint8_t out[COMPLIANCE_MAC_LEN])
{
    size_t n = 0;

    return mac != NULL
           && EVP_MAC_init(mac, NULL, 0, NULL) == 1
           && EVP_MAC_update(mac, (const uint8_t *) text.data, text.len) == 1
           && EVP_MAC_update(mac, (const uint8_t *) more.data, more.len) == 1
           && EVP_MAC_final(mac, out, &n, COMPLIANCE_MAC_LEN) == 1
           && n == COMPLIANCE_MAC_LEN;
}


void
compliance_audit_hex(const uint8_t *data, size_t len, char *out)
{
    static const char hex[] = "0123456789abcdef";

    for (size_t i = 0; i < len; i++) {
        out[2 * i] = hex[data[i] >> 4];
        out[2 * i + 1] = hex[data[i] & 0xf];
    }

    out[2 * len] = '\0';
}


bool
compliance_audit_hash(const compliance_audit_keys_t *keys,
    compliance_audit_purpose_t purpose, int64_t kid, compliance_str_t text,
    compliance_str_t more, char out[COMPLIANCE_AUDIT_HASH_LEN + 1])
{
    bool    ok;
    uint8_t digest[COMPLIANCE_MAC_LEN];

    ok = kid < 0
         ? compliance_audit_sha256(keys->plain, text, more, digest)
         : compliance_audit_hmac(compliance_audit_find(keys, purpose, kid),
               text, more, digest);

    if (ok) {
        compliance_audit_hex(digest, sizeof(digest), out);
    }

    return ok;
}


bool
compliance_audit_sign(const compliance_audit_keys_t *keys,
    compliance_str_t text, int64_t *kid,
    char out[COMPLIANCE_AUDIT_HASH_LEN + 1])
{
    *kid = compliance_audit_kid(keys);

    return compliance_audit_hash(keys, COMPLIANCE_AUDIT_ANCHOR, *kid, text,
        compliance_str(""), out);
}


bool
compliance_audit_signed(const compliance_audit_keys_t *keys,
    compliance_str_t text, int64_t kid, compliance_str_t mac,
    compliance_audit_proof_t *proof)
{
    char want[COMPLIANCE_AUDIT_HASH_LEN + 1];

    if (kid >= 0 && !compliance_audit_has_kid(keys, kid)) {
        *proof = COMPLIANCE_AUDIT_KEY_MISSING;
        return true;
    }

    *proof = kid < 0 ? COMPLIANCE_AUDIT_PLAIN : COMPLIANCE_AUDIT_KEYED;

    return mac.len == COMPLIANCE_AUDIT_HASH_LEN
           && compliance_audit_hash(keys, COMPLIANCE_AUDIT_ANCHOR, kid, text,
                  compliance_str(""), want)
           && CRYPTO_memcmp(want, mac.data, COMPLIANCE_AUDIT_HASH_LEN) == 0;
}
