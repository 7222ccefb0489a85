/*
 * OpenSSL's calls that need memory, made to fail on demand: the linker puts
 * failing.c's wrappers in front of them (see unit.mk).
 */
#ifndef COMPLIANCE_TEST_FAILING_H
#define COMPLIANCE_TEST_FAILING_H

/* The n-th wrapped call from now fails, once; 0: none does. */
void fail_openssl_call(long n);

/* Whether it has come to that. */
int openssl_call_failed(void);

#endif
