/*
 * Bearer tokens: a JWT (RFC 7519) verified against a JWKS file (RFC 7517) with
 * cjose.  Asymmetric algorithms only, fixed list; never "none", never HMAC.
 */
#ifndef COMPLIANCE_JWT_H
#define COMPLIANCE_JWT_H

#include "compliance.h"


typedef struct compliance_jwks_s compliance_jwks_t;

/* json: the file's bytes.  NULL on any fault, *why names it (a literal or a
 * text that lives in err).  Free with compliance_jwks_free(). */
compliance_jwks_t *compliance_jwks_load(compliance_str_t json, char *err,
    size_t err_cap);
void compliance_jwks_free(compliance_jwks_t *jwks);

/*
 * OK: signature, exp and nbf (60 s of leeway), iss and aud (where not absent)
 * hold, and *user is the canonical value of `claim`.  FORGED, EXPIRED,
 * MALFORMED otherwise.  *why: a literal.
 */
compliance_rc_t compliance_jwt_verify(const compliance_jwks_t *jwks,
    compliance_str_t token, compliance_str_t issuer,
    compliance_str_t audience, const char *claim, int64_t now,
    compliance_principal_t *user, const char **why);

#endif
