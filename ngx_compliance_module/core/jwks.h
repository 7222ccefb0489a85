/*
 * Inside jwt.c and jwks.c: the keys of a JWKS file.
 */
#ifndef COMPLIANCE_JWKS_H
#define COMPLIANCE_JWKS_H

#include "jwt.h"

#include <cjose/cjose.h>
#include <jansson.h>


/* A provider publishes a handful: the current key, the next, the last. */
#define COMPLIANCE_JWKS_KEYS_MAX  64

typedef struct {
    cjose_jwk_t        *jwk;
    cjose_jwk_kty_t     kty;
    cjose_jwk_ec_curve  curve;
    size_t              bits;
    json_t             *kid;     /* string, or NULL */
    json_t             *alg;     /* string, or NULL: the key's only one */
} compliance_jwks_key_t;

struct compliance_jwks_s {
    size_t      n;
    compliance_jwks_key_t  keys[COMPLIANCE_JWKS_KEYS_MAX];
};

/* Absent where value is no string. */
compliance_str_t compliance_json_str(const json_t *value);

/* The bytes a text of base64url stands for, 0 where it is none.  cjose aborts
 * on base64 of an impossible length: it gets none that was not decoded here
 * before. */
size_t compliance_base64url_len(compliance_str_t text);

/* Both absent, or equal. */
bool compliance_jwk_same_kid(const json_t *a, const json_t *b);

#endif
