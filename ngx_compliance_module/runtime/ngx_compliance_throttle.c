/*
 * Counters in the shared zone: a table of fixed size that forgets.  A slot is
 * one 64-bit word,
 *
 *     tag (24 bits) | second at which its window ends (24) | count (16)
 *
 * and is changed by compare and swap alone.  Two keys may share a slot's tag
 * (by accident only: the hash is keyed), and a full bucket loses its smallest
 * count: a counter may be wrong, so nothing that lets a device in rests on it.
 */
#include "ngx_compliance_internal.h"

#include "../core/siphash.h"


#define NGX_COMPLIANCE_BUCKET    4       /* slots a key may stand in */
#define NGX_COMPLIANCE_TRIES     8       /* lost races before giving up */
#define NGX_COMPLIANCE_COUNT_MAX 0xffff

#define NGX_COMPLIANCE_BLOCK_WINDOW  60  /* s */


#define ngx_compliance_count_tag(word)  ((word) >> 40)


static uint64_t ngx_compliance_count_hash(ngx_compliance_zone_t *zone,
    ngx_compliance_count_e what, const void *key, size_t len);
static ngx_uint_t ngx_compliance_count_live(uint64_t word);
static uint64_t *ngx_compliance_count_slot(uint64_t *bucket, uint64_t tag,
    uint64_t *word);


/* What a repeated block waits: the client's own retries, Android's come without
 * a pause, must not cost a decision a millisecond each. */

static const ngx_msec_t  ngx_compliance_delays[] = {
    0, 1000, 2000, 4000, 5000
};


ngx_uint_t
ngx_compliance_count(ngx_compliance_count_e what, const void *key, size_t len,
    time_t window_s)
{
    uint64_t               *slot, *bucket, word, next, tag, end, hash;
    ngx_uint_t              i;
    ngx_compliance_zone_t  *zone;

    zone = ngx_compliance_zone();

    if (zone == NULL || window_s <= 0) {
        return 1;
    }

    /* the bucket by the hash's low bits, the tag by its high ones */

    hash = ngx_compliance_count_hash(zone, what, key, len);

    bucket = &zone->slots[hash & (zone->nslots - 1)
                          & ~(uint64_t) (NGX_COMPLIANCE_BUCKET - 1)];

    /* a tag of 0 is an empty slot; a key's window begins with its first count */

    tag = hash >> 40 | 1;
    end = (uint64_t) (ngx_time() + window_s) & 0xffffff;

    for (i = 0; i < NGX_COMPLIANCE_TRIES; i++) {

        slot = ngx_compliance_count_slot(bucket, tag, &word);

        if (ngx_compliance_count_tag(word) != tag
            || !ngx_compliance_count_live(word))
        {
            next = tag << 40 | end << 16 | 1;

        } else if ((word & NGX_COMPLIANCE_COUNT_MAX)
                   == NGX_COMPLIANCE_COUNT_MAX)
        {
            return NGX_COMPLIANCE_COUNT_MAX;

        } else {
            next = word + 1;
        }

        if (__atomic_compare_exchange_n(slot, &word, next, 0,
                                        __ATOMIC_RELAXED, __ATOMIC_RELAXED))
        {
            return (ngx_uint_t) (next & NGX_COMPLIANCE_COUNT_MAX);
        }
    }

    return 1;
}


/* Is the word's window open still? */

static ngx_uint_t
ngx_compliance_count_live(uint64_t word)
{
    uint64_t  left;

    left = ((word >> 16) - (uint64_t) ngx_time()) & 0xffffff;

    return left != 0 && left <= 0x7fffff;
}


/* The slot of tag; else an empty or outdated one; else the one with the
 * smallest count. */

static uint64_t *
ngx_compliance_count_slot(uint64_t *bucket, uint64_t tag, uint64_t *word)
{
    uint64_t   *slot, w, count, least;
    ngx_uint_t  i;

    slot = bucket;
    least = NGX_COMPLIANCE_COUNT_MAX + 1;

    for (i = 0; i < NGX_COMPLIANCE_BUCKET; i++) {

        w = __atomic_load_n(&bucket[i], __ATOMIC_RELAXED);

        if (ngx_compliance_count_tag(w) == tag) {
            *word = w;
            return &bucket[i];
        }

        count = ngx_compliance_count_live(w) ? w & NGX_COMPLIANCE_COUNT_MAX : 0;

        if (count < least) {
            least = count;
            slot = &bucket[i];
            *word = w;
        }
    }

    return slot;
}


/* Each kind of count has a key of its own. */

static uint64_t
ngx_compliance_count_hash(ngx_compliance_zone_t *zone,
    ngx_compliance_count_e what, const void *key, size_t len)
{
    u_char  secret[COMPLIANCE_SIPHASH_KEY];

    ngx_memcpy(secret, zone->key, COMPLIANCE_SIPHASH_KEY);
    secret[0] ^= (u_char) what;

    return compliance_siphash(secret, key, len);
}


ngx_msec_t
ngx_compliance_block_delay(const ngx_compliance_check_t *check)
{
    size_t                       i, len;
    u_char                       key[COMPLIANCE_CLAIMS_MAX
                                     * (COMPLIANCE_FINGERPRINT_LEN
                                        + COMPLIANCE_DEVICE_ID_MAX + 1)
                                     + COMPLIANCE_PRINCIPAL_MAX];
    u_char                      *p;
    ngx_uint_t                   n;
    const compliance_claim_t    *claim;
    const compliance_request_t  *request;

    request = &check->request;

    if (request->n_claims == 0) {
        return 0;
    }

    p = key;

    for (i = 0; i < request->n_claims; i++) {
        claim = &request->claims[i];

        *p++ = (u_char) claim->source;

        if (claim->source == COMPLIANCE_DEVICE_FROM_CERTIFICATE) {
            p = ngx_cpymem(p, claim->fingerprint, COMPLIANCE_FINGERPRINT_LEN);

        } else {
            p = ngx_cpymem(p, claim->id.data, claim->id.len);
        }
    }

    p = ngx_cpymem(p, request->user.data, request->user.len);
    len = (size_t) (p - key);

    n = ngx_compliance_count(NGX_COMPLIANCE_COUNT_BLOCK, key, len,
                             NGX_COMPLIANCE_BLOCK_WINDOW);

    n = ngx_min(n, sizeof(ngx_compliance_delays) / sizeof(ngx_msec_t));

    return ngx_compliance_delays[n - 1];
}
