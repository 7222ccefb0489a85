/*
 * A JWKS file (RFC 7517) -> the public keys tokens are verified with.  A file
 * with a fault in it is refused whole, when nginx starts.
 */
#include "jwks.h"
#include "identify_http.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>


#define JWKS_BYTES_MAX  1048576

/* NIST SP 800-131A. */
#define RSA_BITS_MIN    2048


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


compliance_str_t
compliance_json_str(const json_t *value)
{
    return (compliance_str_t) { json_string_value(value),
                                json_string_length(value) };
}


size_t
compliance_base64url_len(compliance_str_t text)
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
            || (number && compliance_base64url_len(compliance_json_str(value)) == 0)
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


bool
compliance_jwk_same_kid(const json_t *a, const json_t *b)
{
    return a == b || (a != NULL && b != NULL && json_equal(a, b));
}


/* Adds the key; a literal that names the fault, or NULL. */
static const char *
add_key(compliance_jwks_t *jwks, cjose_jwk_t *jwk, json_t *kid, json_t *alg)
{
    cjose_err   err;
    compliance_jwks_key_t  key = { jwk, cjose_jwk_get_kty(jwk, &err),
                        CJOSE_JWK_EC_INVALID,
                        cjose_jwk_get_keysize(jwk, &err), kid, alg };

    if (key.kty == CJOSE_JWK_KTY_EC) {
        key.curve = cjose_jwk_EC_get_curve(jwk, &err);

    } else if (key.bits < RSA_BITS_MIN) {
        return "RSA key under 2048 bits";
    }

    for (size_t i = 0; i < jwks->n; i++) {
        if (compliance_jwk_same_kid(jwks->keys[i].kid, kid)) {
            return "two keys with the same kid";
        }
    }

    if (jwks->n == COMPLIANCE_JWKS_KEYS_MAX) {
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
