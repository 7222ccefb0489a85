/*
 * Wrappers that fail once, at the call they were told.
 */
#include "failing.h"

#include <openssl/evp.h>
#include <openssl/hmac.h>


static long until_failure;


void
fail_openssl_call(long n)
{
    until_failure = n;
}


int
openssl_call_failed(void)
{
    return until_failure == 0;
}


static int
fails(void)
{
    return until_failure > 0 && --until_failure == 0;
}


unsigned char *__real_HMAC(const EVP_MD *md, const void *key, int key_len,
    const unsigned char *data, size_t len, unsigned char *out,
    unsigned int *out_len);
unsigned char *__wrap_HMAC(const EVP_MD *md, const void *key, int key_len,
    const unsigned char *data, size_t len, unsigned char *out,
    unsigned int *out_len);

unsigned char *
__wrap_HMAC(const EVP_MD *md, const void *key, int key_len,
    const unsigned char *data, size_t len, unsigned char *out,
    unsigned int *out_len)
{
    return fails() ? NULL
                   : __real_HMAC(md, key, key_len, data, len, out, out_len);
}


EVP_CIPHER_CTX *__real_EVP_CIPHER_CTX_new(void);
EVP_CIPHER_CTX *__wrap_EVP_CIPHER_CTX_new(void);

EVP_CIPHER_CTX *
__wrap_EVP_CIPHER_CTX_new(void)
{
    return fails() ? NULL : __real_EVP_CIPHER_CTX_new();
}


int __real_EVP_EncryptInit_ex(EVP_CIPHER_CTX *ctx, const EVP_CIPHER *cipher,
    ENGINE *engine, const unsigned char *key, const unsigned char *iv);
int __wrap_EVP_EncryptInit_ex(EVP_CIPHER_CTX *ctx, const EVP_CIPHER *cipher,
    ENGINE *engine, const unsigned char *key, const unsigned char *iv);

int
__wrap_EVP_EncryptInit_ex(EVP_CIPHER_CTX *ctx, const EVP_CIPHER *cipher,
    ENGINE *engine, const unsigned char *key, const unsigned char *iv)
{
    return fails() ? 0
                   : __real_EVP_EncryptInit_ex(ctx, cipher, engine, key, iv);
}


int __real_EVP_EncryptUpdate(EVP_CIPHER_CTX *ctx, unsigned char *out,
    int *out_len, const unsigned char *in, int len);
int __wrap_EVP_EncryptUpdate(EVP_CIPHER_CTX *ctx, unsigned char *out,
    int *out_len, const unsigned char *in, int len);

int
__wrap_EVP_EncryptUpdate(EVP_CIPHER_CTX *ctx, unsigned char *out,
    int *out_len, const unsigned char *in, int len)
{
    return fails() ? 0 : __real_EVP_EncryptUpdate(ctx, out, out_len, in, len);
}


EVP_MAC_CTX *__real_EVP_MAC_CTX_new(EVP_MAC *mac);
EVP_MAC_CTX *__wrap_EVP_MAC_CTX_new(EVP_MAC *mac);

EVP_MAC_CTX *
__wrap_EVP_MAC_CTX_new(EVP_MAC *mac)
{
    return fails() ? NULL : __real_EVP_MAC_CTX_new(mac);
}


int __real_EVP_MAC_init(EVP_MAC_CTX *ctx, const unsigned char *key, size_t len,
    const OSSL_PARAM params[]);
int __wrap_EVP_MAC_init(EVP_MAC_CTX *ctx, const unsigned char *key, size_t len,
    const OSSL_PARAM params[]);

int
__wrap_EVP_MAC_init(EVP_MAC_CTX *ctx, const unsigned char *key, size_t len,
    const OSSL_PARAM params[])
{
    return fails() ? 0 : __real_EVP_MAC_init(ctx, key, len, params);
}


int __real_EVP_DigestInit_ex(EVP_MD_CTX *ctx, const EVP_MD *md,
    ENGINE *engine);
int __wrap_EVP_DigestInit_ex(EVP_MD_CTX *ctx, const EVP_MD *md,
    ENGINE *engine);

int
__wrap_EVP_DigestInit_ex(EVP_MD_CTX *ctx, const EVP_MD *md, ENGINE *engine)
{
    return fails() ? 0 : __real_EVP_DigestInit_ex(ctx, md, engine);
}
