/*
 * Messages of length-prefixed fields, their signature and encryption under a
 * key per purpose; private to keyring.c, link.c, login_tag.c and audit_key.c.
 */
#ifndef COMPLIANCE_MAC_H
#define COMPLIANCE_MAC_H

#include "link.h"


#define COMPLIANCE_MAC_LEN    32
#define COMPLIANCE_NONCE_LEN  16

/* Bytes into a fixed array: what does not fit is never written in part. */
typedef struct {
    uint8_t *data;
    size_t   len;
    size_t   cap;
    bool     overflow;
} compliance_bytes_t;

void compliance_bytes_add(compliance_bytes_t *bytes, const void *data,
    size_t len);
/* width: at most 8 */
void compliance_bytes_uint(compliance_bytes_t *bytes, uint64_t value,
    size_t width);
void compliance_bytes_field(compliance_bytes_t *bytes, const void *data,
    size_t len);
uint64_t compliance_uint_read(const uint8_t *data, size_t width);

/* NULL where the ring has no key of that id. */
const compliance_key_t *compliance_key_by_id(const compliance_keyring_t *keys,
    unsigned id);

/* The key of one purpose.  False: OpenSSL had no memory. */
bool compliance_derive(const compliance_key_t *key, const char *purpose,
    uint8_t out[COMPLIANCE_MAC_LEN]);

/* HMAC-SHA256 under the key that is derived from `key` for `purpose`.  False:
 * the message overflowed, or OpenSSL had no memory. */
bool compliance_sign(const compliance_key_t *key, const char *purpose,
    const compliance_bytes_t *message, uint8_t mac[COMPLIANCE_MAC_LEN]);

/* AES-256-CTR; false: OpenSSL had no memory. */
bool compliance_crypt(const compliance_key_t *key,
    const uint8_t nonce[COMPLIANCE_NONCE_LEN], const uint8_t *in, size_t len,
    uint8_t *out);

#endif
