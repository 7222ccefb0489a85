/*
 * Recorded accesses, counted by what they have in common: a row for each
 * combination of texts that was seen, with how they ended.
 */
#ifndef COMPLIANCE_CTL_TALLY_H
#define COMPLIANCE_CTL_TALLY_H

#include "access.h"


#define CTL_TALLY_KEYS  4

typedef enum {
    CTL_ENDED_ALLOWED = 0,
    CTL_ENDED_BLOCKED,
    CTL_ENDED_WOULD_BLOCK,     /* was allowed, and only reported */
    CTL_ENDED_TEMPFAIL,
    CTL_ENDED_BREAK_GLASS,
    CTL_ENDED_BAD_REQUEST,
    CTL_ENDINGS
} ctl_ending_t;

typedef struct {
    const char *keys[CTL_TALLY_KEYS];
    int64_t     counts[CTL_ENDINGS];
    int64_t     first, last;
    unsigned    protocols;             /* COMPLIANCE_BIT set */
    /* of the latest access */
    char        client[COMPLIANCE_SEEN_AGENT_MAX + 1];
    char        address[46];
} ctl_tally_row_t;

typedef struct ctl_tally_s  ctl_tally_t;

/* Freed at the end of the program. */
ctl_tally_t *ctl_tally(void);
/* keys: CTL_TALLY_KEYS texts, "" where there are fewer. */
ctl_tally_row_t *ctl_tally_add(ctl_tally_t *tally, const char *const *keys,
    const ctl_access_t *access);
/* NULL where nothing was counted so. */
const ctl_tally_row_t *ctl_tally_find(const ctl_tally_t *tally,
    const char *const *keys);
/* In order of compare (as qsort's, of ctl_tally_row_t **). */
ctl_tally_row_t **ctl_tally_rows(ctl_tally_t *tally, size_t *n,
    int (*compare)(const void *a, const void *b));
/* The latest first. */
int ctl_tally_by_last(const void *a, const void *b);
/* By the keys, in their order. */
int ctl_tally_by_keys(const void *a, const void *b);

ctl_ending_t ctl_ending(const ctl_access_t *access);

#endif
