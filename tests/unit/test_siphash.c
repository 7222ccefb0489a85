/*
 * SipHash against its authors' vectors, and against OpenSSL's at every length.
 */
#include <criterion/criterion.h>
#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/params.h>

#include "siphash.h"


#define LONGEST  300


static uint8_t key[COMPLIANCE_SIPHASH_KEY];
static uint8_t message[LONGEST];


static void
count_up(void)
{
    for (size_t i = 0; i < sizeof(key); i++) {
        key[i] = (uint8_t) i;
    }

    for (size_t i = 0; i < sizeof(message); i++) {
        message[i] = (uint8_t) i;
    }
}


static uint64_t
openssl(size_t len)
{
    size_t       size = 8, n = 0;
    uint8_t      out[8];
    uint64_t     value = 0;
    EVP_MAC     *mac = EVP_MAC_fetch(NULL, "SIPHASH", NULL);
    EVP_MAC_CTX *ctx = EVP_MAC_CTX_new(mac);
    OSSL_PARAM   params[] = {
        OSSL_PARAM_construct_size_t(OSSL_MAC_PARAM_SIZE, &size),
        OSSL_PARAM_construct_end()
    };

    cr_assert_eq(EVP_MAC_init(ctx, key, sizeof(key), params), 1);
    cr_assert_eq(EVP_MAC_update(ctx, message, len), 1);
    cr_assert_eq(EVP_MAC_final(ctx, out, &n, sizeof(out)), 1);
    cr_assert_eq(n, sizeof(out));

    EVP_MAC_CTX_free(ctx);
    EVP_MAC_free(mac);

    for (size_t i = sizeof(out); i > 0; i--) {
        value = value << 8 | out[i - 1];
    }

    return value;
}


Test(siphash, the_authors_vectors_hold)
{
    count_up();

    cr_assert_eq(compliance_siphash(key, message, 0), 0x726fdb47dd0e0e31);
    cr_assert_eq(compliance_siphash(key, message, 1), 0x74f839c593dc67fd);
    cr_assert_eq(compliance_siphash(key, message, 8), 0x93f5f5799a932462);
    cr_assert_eq(compliance_siphash(key, message, 15), 0xa129ca6149be45e5);
}


Test(siphash, it_is_the_one_of_openssl_at_every_length)
{
    count_up();

    for (size_t len = 0; len <= LONGEST; len++) {
        cr_assert_eq(compliance_siphash(key, message, len), openssl(len),
                     "%zu bytes", len);
    }
}


Test(siphash, another_key_is_another_hash)
{
    uint64_t hash;

    count_up();
    hash = compliance_siphash(key, message, 20);

    for (size_t i = 0; i < sizeof(key); i++) {
        key[i] ^= 1;
        cr_assert_neq(compliance_siphash(key, message, 20), hash);
        key[i] ^= 1;
    }
}
