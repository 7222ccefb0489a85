/*
 * jwt.c: tokens made here with fresh keys, and everything that must not pass.
 */
#include "jwt.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cjose/cjose.h>
#include <criterion/criterion.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

#define NOW  1700000000


static compliance_str_t
str(const char *text)
{
    return (compliance_str_t) { text, strlen(text) };
}


static cjose_jwk_t *
new_rsa(size_t bits, const char *kid)
{
    static uint8_t e[] = { 1, 0, 1 };

    cjose_err    err;
    cjose_jwk_t *key = cjose_jwk_create_RSA_random(bits, e, sizeof(e), &err);

    cr_assert_not_null(key);

    if (kid != NULL) {
        cr_assert(cjose_jwk_set_kid(key, kid, strlen(kid), &err));
    }

    return key;
}


static cjose_jwk_t *
new_ec(cjose_jwk_ec_curve curve, const char *kid)
{
    cjose_err    err;
    cjose_jwk_t *key = cjose_jwk_create_EC_random(curve, &err);

    cr_assert_not_null(key);
    cr_assert(cjose_jwk_set_kid(key, kid, strlen(kid), &err));
    return key;
}


/* A JWKS of the keys' public parts (private: of all of them). */
static char *
jwks_text(cjose_jwk_t *const *keys, size_t n, bool private, const char *more)
{
    static char text[32768];

    cjose_err err;
    size_t    len;

    len = (size_t) snprintf(text, sizeof(text), "{\"keys\":[");

    for (size_t i = 0; i < n; i++) {
        char *one = cjose_jwk_to_json(keys[i], private, &err);

        cr_assert_not_null(one);
        one[strlen(one) - 1] = '\0';   /* the closing brace */
        len += (size_t) snprintf(text + len, sizeof(text) - len, "%s%s%s}",
                                 i != 0 ? "," : "", one, more);
        free(one);
    }

    (void) snprintf(text + len, sizeof(text) - len, "]}");
    return text;
}


static compliance_jwks_t *
load(const char *text)
{
    char               err[200] = "";
    compliance_jwks_t *jwks = compliance_jwks_load(str(text), err,
                                                   sizeof(err));

    cr_assert_not_null(jwks, "%s", err);
    return jwks;
}


static void
load_fails(const char *text, const char *part)
{
    char err[200] = "";

    cr_assert_null(compliance_jwks_load(str(text), err, sizeof(err)), "%s",
                   text);
    cr_assert_not_null(strstr(err, part), "%s: %s", text, err);
}


static char *
sign(const cjose_jwk_t *key, const char *alg, const char *kid,
    const char *claims)
{
    static char text[8192];

    cjose_err       err;
    cjose_header_t *header = cjose_header_new(&err);
    cjose_jws_t    *jws;
    const char     *compact;

    cr_assert(cjose_header_set(header, CJOSE_HDR_ALG, alg, &err));

    if (kid != NULL) {
        cr_assert(cjose_header_set(header, CJOSE_HDR_KID, kid, &err));
    }

    jws = cjose_jws_sign(key, header, (const uint8_t *) claims, strlen(claims),
                         &err);
    cr_assert_not_null(jws, "%s", alg);
    cr_assert(cjose_jws_export(jws, &compact, &err));
    (void) snprintf(text, sizeof(text), "%s", compact);
    cjose_jws_release(jws);
    cjose_header_release(header);
    return text;
}


typedef struct {
    compliance_rc_t        rc;
    compliance_principal_t user;
    const char            *why;
} result_t;


static result_t
verify_for(const compliance_jwks_t *jwks, const char *token,
    const char *issuer, const char *audience, int64_t now)
{
    result_t r;

    r.rc = compliance_jwt_verify(jwks, str(token),
                                 issuer != NULL ? str(issuer)
                                                : compliance_absent,
                                 audience != NULL ? str(audience)
                                                  : compliance_absent,
                                 "upn", now, &r.user, &r.why);
    cr_assert_eq(r.why == NULL, r.rc == COMPLIANCE_OK);

    if (r.rc != COMPLIANCE_OK) {
        cr_assert_eq(r.user.len, 0);
    }

    return r;
}


static result_t
verify(const compliance_jwks_t *jwks, const char *token)
{
    return verify_for(jwks, token, NULL, NULL, NOW);
}

#define CLAIMS  "{\"upn\":\"Alice@Example.com\",\"exp\":1700000060}"


Test(jwt, every_allowed_algorithm_verifies_with_its_key)
{
    static const char *const rsa_algs[] = { "RS256", "RS384", "RS512", "PS256",
                                            "PS384", "PS512" };
    static const char *const ec_algs[] = { "ES256", "ES384", "ES512" };

    cjose_jwk_t *keys[4] = {
        new_rsa(2048, "rsa"), new_ec(CJOSE_JWK_EC_P_256, "ES256"),
        new_ec(CJOSE_JWK_EC_P_384, "ES384"),
        new_ec(CJOSE_JWK_EC_P_521, "ES512")
    };
    compliance_jwks_t *jwks = load(jwks_text(keys, 4, false, ""));

    for (size_t i = 0; i < 6; i++) {
        result_t r = verify(jwks, sign(keys[0], rsa_algs[i], "rsa", CLAIMS));

        cr_assert_eq(r.rc, COMPLIANCE_OK, "%s", rsa_algs[i]);
        cr_assert_str_eq(r.user.data, "alice@example.com");
    }

    for (size_t i = 0; i < 3; i++) {
        cr_assert_eq(verify(jwks, sign(keys[1 + i], ec_algs[i], ec_algs[i],
                                       CLAIMS)).rc, COMPLIANCE_OK);
        /* The right signature under another key's name. */
        cr_assert_eq(verify(jwks, sign(keys[1 + i], ec_algs[i],
                                       ec_algs[(i + 1) % 3], CLAIMS)).rc,
                     COMPLIANCE_FORGED);
        cr_assert_eq(verify(jwks, sign(keys[1 + i], ec_algs[i], "rsa",
                                       CLAIMS)).rc, COMPLIANCE_FORGED);
    }

    compliance_jwks_free(jwks);

    for (size_t i = 0; i < 4; i++) {
        cjose_jwk_release(keys[i]);
    }
}


/* header "." claims "." signature, the first two encoded here. */
static char *
compose(const char *header, const char *claims, const char *signature)
{
    static char text[8192];

    compliance_buf_t buf;

    compliance_buf_init(&buf, text, sizeof(text));
    compliance_base64url_encode(&buf, (const uint8_t *) header,
                                strlen(header));
    compliance_buf_str(&buf, ".");
    compliance_base64url_encode(&buf, (const uint8_t *) claims,
                                strlen(claims));
    compliance_buf_str(&buf, ".");
    compliance_buf_str(&buf, signature);
    cr_assert_not(buf.overflow);
    return text;
}


Test(jwt, none_and_hmac_never_verify)
{
    cjose_jwk_t       *key = new_rsa(2048, "k");
    char              *text = jwks_text(&key, 1, false, "");
    compliance_jwks_t *jwks = load(text);
    static const char *const headers[] = {
        "{\"alg\":\"none\"}", "{\"alg\":\"none\",\"kid\":\"k\"}",
        "{\"alg\":\"None\",\"kid\":\"k\"}", "{\"alg\":\"\",\"kid\":\"k\"}",
        "{\"kid\":\"k\"}", "{\"alg\":null,\"kid\":\"k\"}",
        "{\"alg\":[\"RS256\"],\"kid\":\"k\"}", "{\"alg\":1,\"kid\":\"k\"}",
        "{\"alg\":\"rs256\",\"kid\":\"k\"}",
        "{\"alg\":\"EdDSA\",\"kid\":\"k\"}",
    };

    for (size_t i = 0; i < sizeof(headers) / sizeof(headers[0]); i++) {
        cr_assert_eq(verify(jwks, compose(headers[i], CLAIMS, "AAAA")).rc,
                     COMPLIANCE_FORGED, "%s", headers[i]);
        cr_assert_eq(verify(jwks, compose(headers[i], CLAIMS, "")).rc,
                     COMPLIANCE_MALFORMED);
    }

    /* HS256 with the public key's text for a secret. */
    {
        char             head[4096], signature[64];
        uint8_t          mac[32];
        unsigned         mac_len = sizeof(mac);
        compliance_buf_t buf;

        (void) snprintf(head, sizeof(head), "%s",
                        compose("{\"alg\":\"HS256\",\"kid\":\"k\"}", CLAIMS,
                                ""));
        head[strlen(head) - 1] = '\0';
        cr_assert_not_null(HMAC(EVP_sha256(), text, (int) strlen(text),
                                (const uint8_t *) head, strlen(head), mac,
                                &mac_len));
        compliance_buf_init(&buf, signature, sizeof(signature));
        compliance_base64url_encode(&buf, mac, sizeof(mac));
        cr_assert_eq(verify(jwks,
                            compose("{\"alg\":\"HS256\",\"kid\":\"k\"}",
                                    CLAIMS, signature)).rc,
                     COMPLIANCE_FORGED);
    }

    compliance_jwks_free(jwks);
    cjose_jwk_release(key);
}


Test(jwt, no_truncation_and_no_changed_byte_verifies)
{
    cjose_jwk_t       *key = new_ec(CJOSE_JWK_EC_P_256, "k");
    compliance_jwks_t *jwks = load(jwks_text(&key, 1, false, ""));
    char              *token = sign(key, "ES256", "k", CLAIMS);
    size_t             len = strlen(token);

    cr_assert_eq(verify(jwks, token).rc, COMPLIANCE_OK);

    for (size_t i = 0; i < len; i++) {
        char was = token[i];

        token[i] = was == 'A' ? 'Q' : 'A';
        cr_assert_neq(verify(jwks, token).rc, COMPLIANCE_OK, "byte %zu", i);
        token[i] = '=';
        cr_assert_neq(verify(jwks, token).rc, COMPLIANCE_OK, "byte %zu", i);
        token[i] = '\0';
        cr_assert_neq(verify(jwks, token).rc, COMPLIANCE_OK, "cut %zu", i);
        token[i] = was;
    }

    (void) strcat(token, "A");
    cr_assert_neq(verify(jwks, token).rc, COMPLIANCE_OK);
    (void) strcat(token, ".");
    cr_assert_eq(verify(jwks, token).rc, COMPLIANCE_MALFORMED);

    compliance_jwks_free(jwks);
    cjose_jwk_release(key);
}


Test(jwt, a_token_of_no_three_objects_is_malformed)
{
    static const char *const bad[] = { "", ".", "..", "...", "a.b", "a.b.c",
                                       "e30.e30", "e30..e30", ".e30.AAAA",
                                       "e30.e30.AA.AA", "W10.e30.AAAA",
                                       "e30.W10.AAAA", "e30=.e30.AAAA" };
    cjose_jwk_t       *key = new_ec(CJOSE_JWK_EC_P_256, "k");
    compliance_jwks_t *jwks = load(jwks_text(&key, 1, false, ""));
    char              *big = malloc(9000);
    compliance_principal_t user;
    const char            *why;

    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        cr_assert_eq(verify(jwks, bad[i]).rc, COMPLIANCE_MALFORMED, "%s",
                     bad[i]);
    }

    cr_assert_eq(compliance_jwt_verify(jwks, compliance_absent,
                                       compliance_absent, compliance_absent,
                                       "upn", NOW, &user, &why),
                 COMPLIANCE_MALFORMED);

    memset(big, 'A', 8999);
    big[8999] = '\0';
    cr_assert_eq(verify(jwks, big).rc, COMPLIANCE_TOO_LONG);
    free(big);

    cr_assert_eq(verify(jwks, compose("{\"alg\":\"ES256\",\"alg\":\"none\"}",
                                      CLAIMS, "AAAA")).rc,
                 COMPLIANCE_MALFORMED);
    cr_assert_eq(verify(jwks, compose("{\"alg\":\"ES256\",\"crit\":[\"b64\"],"
                                      "\"kid\":\"k\"}", CLAIMS, "AAAA")).rc,
                 COMPLIANCE_MALFORMED);

    compliance_jwks_free(jwks);
    cjose_jwk_release(key);
}


Test(jwt, the_kid_chooses_the_key_and_may_lack_only_where_there_is_one)
{
    cjose_jwk_t *keys[2] = { new_ec(CJOSE_JWK_EC_P_256, "one"),
                             new_ec(CJOSE_JWK_EC_P_256, "two") };
    compliance_jwks_t *both = load(jwks_text(keys, 2, false, ""));
    compliance_jwks_t *single = load(jwks_text(keys, 1, false, ""));

    cr_assert_eq(verify(both, sign(keys[0], "ES256", "one", CLAIMS)).rc,
                 COMPLIANCE_OK);
    cr_assert_eq(verify(both, sign(keys[1], "ES256", "two", CLAIMS)).rc,
                 COMPLIANCE_OK);
    cr_assert_eq(verify(both, sign(keys[0], "ES256", "two", CLAIMS)).rc,
                 COMPLIANCE_FORGED);
    cr_assert_eq(verify(both, sign(keys[0], "ES256", "three", CLAIMS)).rc,
                 COMPLIANCE_FORGED);
    cr_assert_eq(verify(both, sign(keys[0], "ES256", NULL, CLAIMS)).rc,
                 COMPLIANCE_FORGED);
    cr_assert_eq(verify(single, sign(keys[0], "ES256", NULL, CLAIMS)).rc,
                 COMPLIANCE_OK);
    cr_assert_eq(verify(single, sign(keys[1], "ES256", NULL, CLAIMS)).rc,
                 COMPLIANCE_FORGED);
    cr_assert_eq(verify(single, compose("{\"alg\":\"ES256\",\"kid\":1}",
                                        CLAIMS, "AAAA")).rc,
                 COMPLIANCE_FORGED);

    compliance_jwks_free(both);
    compliance_jwks_free(single);
    cjose_jwk_release(keys[0]);
    cjose_jwk_release(keys[1]);
}


Test(jwt, a_key_for_one_algorithm_serves_no_other)
{
    cjose_jwk_t       *key = new_rsa(2048, "k");
    compliance_jwks_t *jwks = load(jwks_text(&key, 1, false,
                                             ",\"alg\":\"PS256\","
                                             "\"use\":\"sig\""));

    cr_assert_eq(verify(jwks, sign(key, "PS256", "k", CLAIMS)).rc,
                 COMPLIANCE_OK);
    cr_assert_eq(verify(jwks, sign(key, "RS256", "k", CLAIMS)).rc,
                 COMPLIANCE_FORGED);
    compliance_jwks_free(jwks);
    cjose_jwk_release(key);
}


Test(jwt, claims_decide_when_by_whom_for_whom)
{
    static const struct {
        const char      *claims;
        const char      *issuer;
        const char      *audience;
        compliance_rc_t  rc;
    } cases[] = {
        /* when */
        { "{\"upn\":\"a\"}", NULL, NULL, COMPLIANCE_MALFORMED },
        { "{\"upn\":\"a\",\"exp\":\"1700000060\"}", NULL, NULL,
          COMPLIANCE_MALFORMED },
        { "{\"upn\":\"a\",\"exp\":null}", NULL, NULL, COMPLIANCE_MALFORMED },
        { "{\"upn\":\"a\",\"exp\":-1}", NULL, NULL, COMPLIANCE_MALFORMED },
        { "{\"upn\":\"a\",\"exp\":1e300}", NULL, NULL, COMPLIANCE_MALFORMED },
        { "{\"upn\":\"a\",\"exp\":1699999940}", NULL, NULL,
          COMPLIANCE_EXPIRED },
        { "{\"upn\":\"a\",\"exp\":1699999941}", NULL, NULL, COMPLIANCE_OK },
        { "{\"upn\":\"a\",\"exp\":1700000000.5}", NULL, NULL, COMPLIANCE_OK },
        { "{\"upn\":\"a\",\"exp\":1700000001,\"nbf\":1700000060}", NULL, NULL,
          COMPLIANCE_OK },
        { "{\"upn\":\"a\",\"exp\":1700000001,\"nbf\":1700000061}", NULL, NULL,
          COMPLIANCE_EXPIRED },
        { "{\"upn\":\"a\",\"exp\":1700000001,\"nbf\":\"x\"}", NULL, NULL,
          COMPLIANCE_MALFORMED },
        /* by whom */
        { "{\"upn\":\"a\",\"exp\":1700000001,\"iss\":\"i\"}", "i", NULL,
          COMPLIANCE_OK },
        { "{\"upn\":\"a\",\"exp\":1700000001,\"iss\":\"j\"}", "i", NULL,
          COMPLIANCE_FORGED },
        { "{\"upn\":\"a\",\"exp\":1700000001,\"iss\":[\"i\"]}", "i", NULL,
          COMPLIANCE_FORGED },
        { "{\"upn\":\"a\",\"exp\":1700000001}", "i", NULL,
          COMPLIANCE_FORGED },
        /* for whom */
        { "{\"upn\":\"a\",\"exp\":1700000001,\"aud\":\"m\"}", NULL, "m",
          COMPLIANCE_OK },
        { "{\"upn\":\"a\",\"exp\":1700000001,\"aud\":[\"x\",\"m\"]}", NULL,
          "m", COMPLIANCE_OK },
        { "{\"upn\":\"a\",\"exp\":1700000001,\"aud\":[\"x\",1,null]}", NULL,
          "m", COMPLIANCE_FORGED },
        { "{\"upn\":\"a\",\"exp\":1700000001,\"aud\":[]}", NULL, "m",
          COMPLIANCE_FORGED },
        { "{\"upn\":\"a\",\"exp\":1700000001,\"aud\":{\"m\":1}}", NULL, "m",
          COMPLIANCE_FORGED },
        { "{\"upn\":\"a\",\"exp\":1700000001}", NULL, "m",
          COMPLIANCE_FORGED },
        /* who */
        { "{\"exp\":1700000001}", NULL, NULL, COMPLIANCE_MALFORMED },
        { "{\"upn\":7,\"exp\":1700000001}", NULL, NULL,
          COMPLIANCE_MALFORMED },
        { "{\"upn\":[\"a\"],\"exp\":1700000001}", NULL, NULL,
          COMPLIANCE_MALFORMED },
        { "{\"upn\":\"\",\"exp\":1700000001}", NULL, NULL,
          COMPLIANCE_MALFORMED },
        { "{\"upn\":\"a*\",\"exp\":1700000001}", NULL, NULL,
          COMPLIANCE_MALFORMED },
        { "{\"upn\":\"a\\u0000b\",\"exp\":1700000001}", NULL, NULL,
          COMPLIANCE_MALFORMED },
        { "{\"upn\":\"a\",\"upn\":\"b\",\"exp\":1700000001}", NULL, NULL,
          COMPLIANCE_MALFORMED },
        { "[]", NULL, NULL, COMPLIANCE_MALFORMED },
        { "\"a\"", NULL, NULL, COMPLIANCE_MALFORMED },
        { "{", NULL, NULL, COMPLIANCE_MALFORMED },
        { "{\"upn\":\"a\",\"exp\":1700000001}x", NULL, NULL,
          COMPLIANCE_MALFORMED },
    };

    cjose_jwk_t       *key = new_ec(CJOSE_JWK_EC_P_256, "k");
    compliance_jwks_t *jwks = load(jwks_text(&key, 1, false, ""));

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        char     *token = sign(key, "ES256", "k", cases[i].claims);
        result_t  r = verify_for(jwks, token, cases[i].issuer,
                                 cases[i].audience, NOW);

        cr_assert_eq(r.rc, cases[i].rc, "%s: %d (%s)", cases[i].claims, r.rc,
                     r.why != NULL ? r.why : "");
    }

    compliance_jwks_free(jwks);
    cjose_jwk_release(key);
}


Test(jwt, a_private_key_in_the_file_is_read_as_its_public_part)
{
    cjose_jwk_t       *key = new_ec(CJOSE_JWK_EC_P_256, "k");
    compliance_jwks_t *jwks = load(jwks_text(&key, 1, true, ""));

    cr_assert_eq(verify(jwks, sign(key, "ES256", "k", CLAIMS)).rc,
                 COMPLIANCE_OK);
    compliance_jwks_free(jwks);
    cjose_jwk_release(key);
}


Test(jwt, keys_for_other_purposes_are_passed_over)
{
    cjose_jwk_t       *key = new_ec(CJOSE_JWK_EC_P_256, "k");
    char               text[4096];
    char              *one;
    cjose_err          err;
    compliance_jwks_t *jwks;

    one = cjose_jwk_to_json(key, false, &err);
    (void) snprintf(text, sizeof(text),
                    "{\"keys\":[{\"kty\":\"OKP\",\"kid\":\"k\"},"
                    "{\"kty\":\"RSA\",\"use\":\"enc\",\"kid\":\"k\"},%s]}",
                    one);
    free(one);
    jwks = load(text);
    cr_assert_eq(verify(jwks, sign(key, "ES256", "k", CLAIMS)).rc,
                 COMPLIANCE_OK);
    compliance_jwks_free(jwks);
    cjose_jwk_release(key);
}


Test(jwt, a_bad_key_file_is_refused_with_its_fault)
{
    cjose_jwk_t *weak = new_rsa(1024, "weak");
    cjose_jwk_t *twice[2] = { new_ec(CJOSE_JWK_EC_P_256, "k"),
                              new_ec(CJOSE_JWK_EC_P_384, "k") };
    char         err[64];

    load_fails("", "empty");
    load_fails("{", "not JSON");
    load_fails("[]", "keys");
    load_fails("{\"keys\":{}}", "keys");
    load_fails("{\"keys\":[],\"keys\":[]}", "not JSON");
    load_fails("{\"keys\":[]}", "no RSA or EC key");
    load_fails("{\"keys\":[1]}", "key 1: not an object");
    load_fails("{\"keys\":[{}]}", "no kty");
    load_fails("{\"keys\":[{\"kty\":1}]}", "no kty");
    load_fails("{\"keys\":[{\"kty\":\"oct\",\"k\":\"AAAA\"}]}", "symmetric");
    load_fails("{\"keys\":[{\"kty\":\"RSA\",\"kid\":1}]}", "not a string");
    load_fails("{\"keys\":[{\"kty\":\"RSA\",\"alg\":1}]}", "not a string");
    load_fails("{\"keys\":[{\"kty\":\"RSA\",\"use\":1}]}", "not a string");
    load_fails("{\"keys\":[{\"kty\":\"RSA\",\"n\":\"AQAB\"}]}", "not a valid");
    load_fails("{\"keys\":[{\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":\"AA\","
               "\"y\":\"AA\"}]}", "not a valid");
    load_fails("{\"keys\":[{\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":\"A\","
               "\"y\":\"AAAAA\"}]}", "not a valid");
    load_fails("{\"keys\":[{\"kty\":\"RSA\",\"n\":1,\"e\":\"AQAB\"}]}",
               "not a valid");
    load_fails("{\"keys\":[{\"kty\":\"OKP\"}]}", "no RSA or EC key");
    load_fails(jwks_text(&weak, 1, false, ""), "2048");
    load_fails(jwks_text(twice, 2, false, ""), "same kid");
    cr_assert_null(compliance_jwks_load(compliance_absent, err, sizeof(err)));

    cjose_jwk_release(weak);
    cjose_jwk_release(twice[0]);
    cjose_jwk_release(twice[1]);
}


Test(jwt, a_file_with_too_many_keys_is_refused)
{
    cjose_jwk_t *keys[65];
    char         kid[8];

    for (int i = 0; i < 65; i++) {
        (void) snprintf(kid, sizeof(kid), "k%d", i);
        keys[i] = new_ec(CJOSE_JWK_EC_P_256, kid);
    }

    load_fails(jwks_text(keys, 65, false, ""), "too many keys");
    compliance_jwks_free(load(jwks_text(keys, 64, false, "")));

    for (int i = 0; i < 65; i++) {
        cjose_jwk_release(keys[i]);
    }
}


Test(jwt, freeing_nothing_is_nothing)
{
    compliance_jwks_free(NULL);
}
