/*
 * SipHash-2-4, as its authors describe it: two rounds for every eight bytes,
 * four at the end.  A hash of OpenSSL's costs fifty times as much for a key of
 * this length, and the hash is on the way of every block.
 */
#include "siphash.h"


typedef struct {
    uint64_t v0, v1, v2, v3;
} state_t;


static inline uint64_t
rotate(uint64_t x, unsigned bits)
{
    return x << bits | x >> (64 - bits);
}


static inline void
rounds(state_t *s, unsigned n)
{
    for (; n > 0; n--) {
        s->v0 += s->v1;
        s->v2 += s->v3;
        s->v1 = rotate(s->v1, 13) ^ s->v0;
        s->v3 = rotate(s->v3, 16) ^ s->v2;
        s->v0 = rotate(s->v0, 32);
        s->v2 += s->v1;
        s->v0 += s->v3;
        s->v1 = rotate(s->v1, 17) ^ s->v2;
        s->v3 = rotate(s->v3, 21) ^ s->v0;
        s->v2 = rotate(s->v2, 32);
    }
}


/* Little-endian; at most eight bytes. */
static inline uint64_t
word(const uint8_t *p, size_t len)
{
    uint64_t value = 0;

    for (size_t i = 0; i < len; i++) {
        value |= (uint64_t) p[i] << (8 * i);
    }

    return value;
}


uint64_t
compliance_siphash(const uint8_t key[COMPLIANCE_SIPHASH_KEY], const void *data,
    size_t len)
{
    uint64_t       k0 = word(key, 8), k1 = word(key + 8, 8), m;
    const uint8_t *p = data, *end = p + len / 8 * 8;
    state_t        s = {
        k0 ^ 0x736f6d6570736575, k1 ^ 0x646f72616e646f6d,
        k0 ^ 0x6c7967656e657261, k1 ^ 0x7465646279746573
    };

    for (; p != end; p += 8) {
        m = word(p, 8);
        s.v3 ^= m;
        rounds(&s, 2);
        s.v0 ^= m;
    }

    /* the length stands in the last byte */
    m = word(p, len % 8) | (uint64_t) len << 56;
    s.v3 ^= m;
    rounds(&s, 2);
    s.v0 ^= m;

    s.v2 ^= 0xff;
    rounds(&s, 4);

    return s.v0 ^ s.v1 ^ s.v2 ^ s.v3;
}
