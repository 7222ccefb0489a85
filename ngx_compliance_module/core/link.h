/*
 * Signed links and login tags: HMAC-SHA256 over length-prefixed fields with
 * key id, purpose and expiry; two keys live at a time.
 */
#ifndef COMPLIANCE_LINK_H
#define COMPLIANCE_LINK_H

#include "compliance.h"
#include "verdict.h"


#define COMPLIANCE_KEYS_MAX        4     /* two live ones, and two to retire */
#define COMPLIANCE_KEY_MIN_BYTES   32
#define COMPLIANCE_KEY_MAX_BYTES   64
#define COMPLIANCE_LINK_TTL        900   /* seconds a portal link lives */
#define COMPLIANCE_RETURN_MAX      512   /* bytes of a return path */
#define COMPLIANCE_LINK_TOKEN_MAX  1536  /* characters of a token, and its NUL */
#define COMPLIANCE_TAG_MAC_LEN     22    /* base64url of 128 bits */
#define COMPLIANCE_DECISION_ID_LEN 16    /* lower-case base32, 80 random bits */

typedef struct {
    uint8_t id;
    uint8_t secret[COMPLIANCE_KEY_MAX_BYTES];
    size_t  len;
} compliance_key_t;

/* The first key signs, every key verifies. */
typedef struct {
    compliance_key_t keys[COMPLIANCE_KEYS_MAX];
    size_t           n;
} compliance_keyring_t;

/* The text of a secret file: one "ID HEXSECRET" a line (ID 0 to 255, at least
 * KEY_MIN_BYTES), '#' comments; the first line's key signs.  On an error
 * *line is the line's number and *why a literal. */
compliance_rc_t compliance_keyring_parse(compliance_str_t text,
    compliance_keyring_t *out, unsigned *line, const char **why);

/* What a portal link stands for.  The token is encrypted (AES-256-CTR) and
 * then signed, so that a link tells its reader nothing but that it is one. */
typedef struct {
    char                   decision_id[COMPLIANCE_DECISION_ID_LEN + 1];
    compliance_protocol_t  protocol;
    compliance_reason_t    reason;
    compliance_binding_t   binding;
    compliance_device_id_t device;      /* len 0: none was presented */
    compliance_principal_t user;        /* len 0: none */
    char                   return_path[COMPLIANCE_RETURN_MAX + 1];
                                        /* "" or an absolute path of this
                                           origin, checked again on reading */
    int64_t                expires;     /* Unix seconds */
} compliance_link_t;

/* nonce: 16 random bytes, never used twice. */
compliance_rc_t compliance_link_seal(const compliance_keyring_t *keys,
    const compliance_link_t *link, const uint8_t nonce[16],
    compliance_buf_t *token);

/* OK, MALFORMED, FORGED, EXPIRED.  On EXPIRED *link is filled in: the page may
 * say so kindly. */
compliance_rc_t compliance_link_open(const compliance_keyring_t *keys,
    compliance_str_t token, int64_t now, compliance_link_t *link);

/* True for a path that a browser can only read as one of this origin: begins
 * with one '/', no second '/' or '\' behind it, printable ASCII. */
bool compliance_return_path_valid(compliance_str_t path);

/* The HMAC of a login tag: COMPLIANCE_TAG_MAC_LEN characters behind a two-digit
 * hex key id, written to out (COMPLIANCE_TAG_MAC_LEN + 3 bytes with NUL). */
compliance_rc_t compliance_tag_sign(const compliance_keyring_t *keys,
    const compliance_principal_t *user, const compliance_device_id_t *device,
    char *out, size_t cap);
compliance_rc_t compliance_tag_verify(const compliance_keyring_t *keys,
    const compliance_principal_t *user, const compliance_device_id_t *device,
    compliance_str_t mac);

/* 10 random bytes -> a decision id people can read out on the phone. */
void compliance_decision_id(const uint8_t random[10],
    char out[COMPLIANCE_DECISION_ID_LEN + 1]);

#endif
