/*
 * SipHash-2-4 (Aumasson, Bernstein 2012): a short keyed hash for tables whose
 * slots a client must not be able to aim at.  Nothing is signed with it.
 */
#ifndef COMPLIANCE_SIPHASH_H
#define COMPLIANCE_SIPHASH_H

#include <stddef.h>
#include <stdint.h>


#define COMPLIANCE_SIPHASH_KEY  16

uint64_t compliance_siphash(const uint8_t key[COMPLIANCE_SIPHASH_KEY],
    const void *data, size_t len);

#endif
