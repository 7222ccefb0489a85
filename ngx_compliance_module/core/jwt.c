/*
 * Bearer tokens: a JWT's compact form, verified against the keys of a JWKS
 * file.  The algorithm comes from a fixed list of asymmetric ones and must fit
 * the key's type, so a public key never serves as an HMAC secret and "none"
 * never verifies.  Keys named or carried by the token itself (jku, jwk, x5u,
 * x5c) are not looked at.
 */
#include "jwt.h"
#include "identify_http.h"
#include "names.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cjose/cjose.h>
#include <jansson.h>


/* A provider publishes a handful: the current key, the next, the last. */
#define JWKS_KEYS_MAX   64
#define JWKS_BYTES_MAX  (1024 * 1024)

/* NIST SP 800-131A. */
#define RSA_BITS_MIN    2048

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

typedef struct {
    cjose_jwk_t        *jwk;
    cjose_jwk_kty_t     kty;
    cjose_jwk_ec_curve  curve;
    size_t              bits;
    json_t             *kid;     /* string, or NULL */
    json_t             *alg;     /* string, or NULL: the key's only one */
} jwks_key_t;

struct compliance_jwks_s {
    size_t      n;
    jwks_key_t  keys[JWKS_KEYS_MAX];
};


void
compliance_jwks_free(compliance_jwks_t *jwks)
{
    if (jwks == NULL) {
        return;
    }

    for (size_t i = 0; i < jwks->n; i++) {
        cjose_jwk_release(jwks->keys[i].jwk);
        json_decref(jwks->keys[i].kid);
        json_decref(jwks->keys[i].alg);
    }

    free(jwks);
}


static compliance_str_t
json_str(const json_t *value)
{
    return (compliance_str_t) { json_string_value(value),
                                json_string_length(value) };
}


/* The bytes a text of base64url stands for, 0 where it is none.  cjose aborts
 * on base64 of an impossible length: it gets none that was not decoded here
 * before. */
static size_t
decoded_len(compliance_str_t text)
{
    uint8_t bytes[COMPLIANCE_AUTHORIZATION_MAX / 4 * 3];
    size_t  n;

    return compliance_base64url_decode(text, bytes, sizeof(bytes), &n)
           == COMPLIANCE_OK ? n : 0;
}


/* Only the public members: a private key in the file is never loaded. */
static json_t *
public_part(const json_t *entry)
{
    static const char *const members[] = { "kty", "n", "e", "crv", "x", "y" };

    json_t *part = json_object();

    for (size_t i = 0; part && i < sizeof(members) / sizeof(members[0]); i++) {
        json_t *value = json_object_get(entry, members[i]);
        bool    number = strlen(members[i]) == 1;

        if (value == NULL) {
            continue;
        }

        if (!json_is_string(value)
            || (number && decoded_len(json_str(value)) == 0)
            || json_object_set(part, members[i], value) != 0)
        {
            json_decref(part);
            return NULL;
        }
    }

    return part;
}


static cjose_jwk_t *
import_public(const json_t *entry)
{
    json_t      *part = public_part(entry);
    char        *text;
    cjose_jwk_t *jwk;
    cjose_err    err;

    if (part == NULL) {
        return NULL;
    }

    text = json_dumps(part, JSON_COMPACT);
    json_decref(part);

    if (text == NULL) {
        return NULL;
    }

    jwk = cjose_jwk_import(text, strlen(text), &err);
    free(text);
    return jwk;
}


static bool
optional_string(const json_t *entry, const char *member, json_t **out)
{
    *out = json_object_get(entry, member);

    return *out == NULL || json_is_string(*out);
}


static bool
same_kid(const json_t *a, const json_t *b)
{
    return a == b || (a != NULL && b != NULL && json_equal(a, b));
}


/* Adds the key; a literal that names the fault, or NULL. */
static const char *
add_key(compliance_jwks_t *jwks, cjose_jwk_t *jwk, json_t *kid, json_t *alg)
{
    cjose_err   err;
    jwks_key_t  key = { jwk, cjose_jwk_get_kty(jwk, &err),
                        CJOSE_JWK_EC_INVALID,
                        cjose_jwk_get_keysize(jwk, &err), kid, alg };

    if (key.kty == CJOSE_JWK_KTY_EC) {
        key.curve = cjose_jwk_EC_get_curve(jwk, &err);

    } else if (key.bits < RSA_BITS_MIN) {
        return "RSA key under 2048 bits";
    }

    for (size_t i = 0; i < jwks->n; i++) {
        if (same_kid(jwks->keys[i].kid, kid)) {
            return "two keys with the same kid";
        }
    }

    if (jwks->n == JWKS_KEYS_MAX) {
        return "too many keys";
    }

    json_incref(kid);
    json_incref(alg);
    jwks->keys[jwks->n++] = key;
    return NULL;
}


static const char *
load_key(compliance_jwks_t *jwks, const json_t *entry)
{
    json_t      *kty, *use, *kid, *alg;
    cjose_jwk_t *jwk;
    const char  *why;

    if (!json_is_object(entry)) {
        return "not an object";
    }

    if (!optional_string(entry, "kty", &kty) || kty == NULL) {
        return "no kty";
    }

    if (!optional_string(entry, "use", &use)
        || !optional_string(entry, "kid", &kid)
        || !optional_string(entry, "alg", &alg))
    {
        return "use, kid or alg is not a string";
    }

    if (strcmp(json_string_value(kty), "oct") == 0) {
        return "a symmetric key: whoever reads the file could forge tokens";
    }

    /* Keys for other purposes and of types to come are none of ours. */
    if ((strcmp(json_string_value(kty), "RSA") != 0
         && strcmp(json_string_value(kty), "EC") != 0)
        || (use != NULL && strcmp(json_string_value(use), "sig") != 0))
    {
        return NULL;
    }

    jwk = import_public(entry);

    if (jwk == NULL) {
        return "not a valid RSA or EC key";
    }

    why = add_key(jwks, jwk, kid, alg);

    if (why != NULL) {
        cjose_jwk_release(jwk);
    }

    return why;
}


compliance_jwks_t *
compliance_jwks_load(compliance_str_t json, char *err, size_t err_cap)
{
    compliance_jwks_t *jwks;
    json_t            *root, *keys, *entry;
    json_error_t       fault;
    const char        *why = NULL;
    size_t             i;

    if (json.data == NULL || json.len == 0 || json.len > JWKS_BYTES_MAX) {
        (void) snprintf(err, err_cap, "empty, or over %d bytes",
                        JWKS_BYTES_MAX);
        return NULL;
    }

    root = json_loadb(json.data, json.len, JSON_REJECT_DUPLICATES, &fault);

    if (root == NULL) {
        (void) snprintf(err, err_cap, "not JSON, line %d: %s", fault.line,
                        fault.text);
        return NULL;
    }

    keys = json_object_get(root, "keys");
    jwks = calloc(1, sizeof(*jwks));

    if (!json_is_array(keys) || jwks == NULL) {
        (void) snprintf(err, err_cap, jwks == NULL
                        ? "no memory" : "no array \"keys\"");
        json_decref(root);
        free(jwks);
        return NULL;
    }

    json_array_foreach(keys, i, entry) {
        why = load_key(jwks, entry);

        if (why != NULL) {
            (void) snprintf(err, err_cap, "key %zu: %s", i + 1, why);
            break;
        }
    }

    json_decref(root);

    if (why == NULL && jwks->n == 0) {
        why = "no RSA or EC key for signatures";
        (void) snprintf(err, err_cap, "%s", why);
    }

    if (why != NULL) {
        compliance_jwks_free(jwks);
        return NULL;
    }

    return jwks;
}


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
static const jwks_key_t *
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
        const jwks_key_t *key = &jwks->keys[i];

        if (kid != NULL ? !same_kid(key->kid, kid) : jwks->n != 1) {
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
signature_holds(compliance_str_t token, const jwks_key_t *key)
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
           && compliance_str_eq(json_str(value), expected);
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
    const jwks_key_t *key;

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
    signature_len = decoded_len(segments[2]);
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
            rc = compliance_principal_parse(json_str(name), user);
        }
    }

    if (rc == COMPLIANCE_OK) {
        *why = NULL;
    }

    json_decref(header);
    json_decref(claims);
    return rc;
}
