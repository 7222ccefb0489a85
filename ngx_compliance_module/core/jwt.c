/*
 * Bearer tokens: a JWT's compact form, verified against the keys of a JWKS
 * file.  The algorithm comes from a fixed list of asymmetric ones and must fit
 * the key's type, so a public key never serves as an HMAC secret and "none"
 * never verifies.  Keys named or carried by the token itself (jku, jwk, x5u,
 * x5c) are not looked at.
 */
#include "jwks.h"
#include "identify_http.h"
#include "names.h"

#include <string.h>


/* Clocks of provider and gateway may differ by so many seconds. */
#define CLOCK_LEEWAY    60

/* A NumericDate beyond this is no date, and would not fit when added to. */
#define TIME_MAX        4e15

static const struct {
    const char         *name;
    cjose_jwk_kty_t     kty;
    cjose_jwk_ec_curve  curve;       /* RFC 7518 3.4: one curve for each */
    size_t              signature;   /* its bytes; 0: as many as the key's */
} algorithms[] = {
    { "RS256", CJOSE_JWK_KTY_RSA, CJOSE_JWK_EC_INVALID, 0 },
    { "RS384", CJOSE_JWK_KTY_RSA, CJOSE_JWK_EC_INVALID, 0 },
    { "RS512", CJOSE_JWK_KTY_RSA, CJOSE_JWK_EC_INVALID, 0 },
    { "PS256", CJOSE_JWK_KTY_RSA, CJOSE_JWK_EC_INVALID, 0 },
    { "PS384", CJOSE_JWK_KTY_RSA, CJOSE_JWK_EC_INVALID, 0 },
    { "PS512", CJOSE_JWK_KTY_RSA, CJOSE_JWK_EC_INVALID, 0 },
    { "ES256", CJOSE_JWK_KTY_EC,  CJOSE_JWK_EC_P_256, 64 },
    { "ES384", CJOSE_JWK_KTY_EC,  CJOSE_JWK_EC_P_384, 96 },
    { "ES512", CJOSE_JWK_KTY_EC,  CJOSE_JWK_EC_P_521, 132 },
};

#define ALGORITHMS  (sizeof(algorithms) / sizeof(algorithms[0]))

/* One segment of the compact form -> an object, or NULL. */
static json_t *
segment_object(compliance_str_t segment)
{
    char          bytes[COMPLIANCE_AUTHORIZATION_MAX / 4 * 3];
    size_t        len;
    json_t       *object;
    json_error_t  fault;

    if (compliance_base64url_decode(segment, (uint8_t *) bytes, sizeof(bytes),
                                    &len) != COMPLIANCE_OK)
    {
        return NULL;
    }

    object = json_loadb(bytes, len, JSON_REJECT_DUPLICATES, &fault);

    if (!json_is_object(object)) {
        json_decref(object);
        return NULL;
    }

    return object;
}


static bool
split(compliance_str_t token, compliance_str_t segments[3])
{
    for (size_t i = 0; i < 3; i++) {
        const char *dot = memchr(token.data, '.', token.len);

        if ((dot != NULL) != (i < 2)) {
            return false;
        }

        segments[i].data = token.data;
        segments[i].len = dot != NULL ? (size_t) (dot - token.data)
                                      : token.len;
        token.data += segments[i].len;
        token.len -= segments[i].len;

        if (segments[i].len == 0) {
            return false;
        }

        if (dot != NULL) {
            token.data++;
            token.len--;
        }
    }

    return true;
}


/* The one key the token may be signed with, or NULL.  A token without kid
 * fits where there is no choice.  cjose takes an EC signature with bytes to
 * spare: its length is checked here. */
static const compliance_jwks_key_t *
find_key(const compliance_jwks_t *jwks, const json_t *header,
    size_t signature_len, const char **why)
{
    const json_t *alg = json_object_get(header, "alg");
    const json_t *kid = json_object_get(header, "kid");
    size_t        a;

    *why = "algorithm not allowed";

    for (a = 0; a < ALGORITHMS; a++) {
        if (json_is_string(alg)
            && strcmp(json_string_value(alg), algorithms[a].name) == 0)
        {
            break;
        }
    }

    if (a == ALGORITHMS) {
        return NULL;
    }

    *why = "no such key";

    for (size_t i = 0; i < jwks->n; i++) {
        const compliance_jwks_key_t *key = &jwks->keys[i];

        if (kid != NULL ? !compliance_jwk_same_kid(key->kid, kid) : jwks->n != 1) {
            continue;
        }

        if (key->kty == algorithms[a].kty && key->curve == algorithms[a].curve
            && (key->alg == NULL || json_equal(key->alg, alg))
            && signature_len == (algorithms[a].signature != 0
                                 ? algorithms[a].signature
                                 : (key->bits + 7) / 8))
        {
            return key;
        }
    }

    return NULL;
}


static bool
signature_holds(compliance_str_t token, const compliance_jwks_key_t *key)
{
    cjose_err    err;
    cjose_jws_t *jws = cjose_jws_import(token.data, token.len, &err);
    bool         holds;

    if (jws == NULL) {
        return false;
    }

    holds = cjose_jws_verify(jws, key->jwk, &err);
    cjose_jws_release(jws);
    return holds;
}


static bool
numeric_date(const json_t *value, double *out)
{
    if (!json_is_number(value)) {
        return false;
    }

    *out = json_number_value(value);
    return *out >= 0 && *out <= TIME_MAX;
}


static bool
string_is(const json_t *value, compliance_str_t expected)
{
    return json_is_string(value)
           && compliance_str_eq(compliance_json_str(value), expected);
}


/* RFC 7519 4.1.3: one string, or an array of them. */
static bool
audience_fits(const json_t *aud, compliance_str_t expected)
{
    const json_t *one;
    size_t        i;

    if (!json_is_array(aud)) {
        return string_is(aud, expected);
    }

    json_array_foreach(aud, i, one) {
        if (string_is(one, expected)) {
            return true;
        }
    }

    return false;
}


static compliance_rc_t
check_claims(const json_t *claims, compliance_str_t issuer,
    compliance_str_t audience, int64_t now, const char **why)
{
    const json_t *nbf = json_object_get(claims, "nbf");
    double        time;

    *why = "exp is missing or no date";

    if (!numeric_date(json_object_get(claims, "exp"), &time)) {
        return COMPLIANCE_MALFORMED;
    }

    if ((double) now >= time + CLOCK_LEEWAY) {
        *why = "expired";
        return COMPLIANCE_EXPIRED;
    }

    if (nbf != NULL) {
        *why = "nbf is no date";

        if (!numeric_date(nbf, &time)) {
            return COMPLIANCE_MALFORMED;
        }

        if ((double) now + CLOCK_LEEWAY < time) {
            *why = "not valid yet";
            return COMPLIANCE_EXPIRED;
        }
    }

    if (issuer.data != NULL
        && !string_is(json_object_get(claims, "iss"), issuer))
    {
        *why = "another issuer";
        return COMPLIANCE_FORGED;
    }

    if (audience.data != NULL
        && !audience_fits(json_object_get(claims, "aud"), audience))
    {
        *why = "another audience";
        return COMPLIANCE_FORGED;
    }

    return COMPLIANCE_OK;
}


static compliance_rc_t
check_header(const compliance_jwks_t *jwks, compliance_str_t token,
    const json_t *header, size_t signature_len, const char **why)
{
    const compliance_jwks_key_t *key;

    /* RFC 7515 4.1.11: an extension that must be understood, and is not. */
    if (json_object_get(header, "crit") != NULL) {
        *why = "critical header extension";
        return COMPLIANCE_MALFORMED;
    }

    key = find_key(jwks, header, signature_len, why);

    if (key == NULL) {
        return COMPLIANCE_FORGED;
    }

    if (!signature_holds(token, key)) {
        *why = "signature does not hold";
        return COMPLIANCE_FORGED;
    }

    return COMPLIANCE_OK;
}


compliance_rc_t
compliance_jwt_verify(const compliance_jwks_t *jwks, compliance_str_t token,
    compliance_str_t issuer, compliance_str_t audience, const char *claim,
    int64_t now, compliance_principal_t *user, const char **why)
{
    compliance_str_t  segments[3];
    json_t           *header, *claims;
    const json_t     *name;
    size_t            signature_len;
    compliance_rc_t   rc;

    user->len = 0;
    user->data[0] = '\0';
    *why = "not a signed token";

    if (token.data == NULL || token.len == 0) {
        return COMPLIANCE_MALFORMED;
    }

    if (token.len > COMPLIANCE_AUTHORIZATION_MAX) {
        return COMPLIANCE_TOO_LONG;
    }

    if (!split(token, segments)) {
        return COMPLIANCE_MALFORMED;
    }

    header = segment_object(segments[0]);
    claims = segment_object(segments[1]);
    signature_len = compliance_base64url_len(segments[2]);
    rc = header == NULL || claims == NULL || signature_len == 0
         ? COMPLIANCE_MALFORMED
         : check_header(jwks, token, header, signature_len, why);

    if (rc == COMPLIANCE_OK) {
        rc = check_claims(claims, issuer, audience, now, why);
    }

    if (rc == COMPLIANCE_OK) {
        name = json_object_get(claims, claim);
        *why = "the claim that names the user is missing or unusable";
        rc = COMPLIANCE_MALFORMED;

        if (json_is_string(name)) {
            rc = compliance_principal_parse(compliance_json_str(name), user);
        }
    }

    if (rc == COMPLIANCE_OK) {
        *why = NULL;
    }

    json_decref(header);
    json_decref(claims);
    return rc;
}
