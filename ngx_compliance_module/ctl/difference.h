/*
 * What a change makes of accesses: each is decided by the live set and by the
 * changed one, and where the two differ it is counted, by user, device and
 * reason.  impact, replay and the safety checks fill it; difference_print.c
 * tells it.
 */
#ifndef COMPLIANCE_CTL_DIFFERENCE_H
#define COMPLIANCE_CTL_DIFFERENCE_H

#include "question.h"


typedef struct ctl_difference_s  ctl_difference_t;

typedef enum {
    CTL_SAME = 0,
    CTL_BLOCKED,      /* was let in, would be no longer */
    CTL_ADMITTED,     /* was not let in, would be */
    CTL_REPORTED,     /* is let in by both; a group would newly report it */
    CTL_OTHERWISE,    /* is let in by neither, for another reason */
    CTL_CHANGES
} ctl_change_kind_t;

/* Users and devices are counted once each, however often they asked. */
typedef struct {
    int64_t users, devices, accesses;
} ctl_counts_t;

/* One user's accesses from one device that change in one way. */
typedef struct {
    ctl_change_kind_t    kind;
    const char          *user;        /* "": nobody in particular */
    const char          *device;      /* "": none */
    unsigned             protocols;   /* COMPLIANCE_BIT set */
    compliance_verdict_t was, becomes;
    compliance_reason_t  was_reason, reason;
    const char          *group;       /* that would decide, or report; "" */
    int64_t              accesses;
    int64_t              recorded_in; /* of these, recorded as let in */
} ctl_difference_row_t;

/* Freed at the end of the program. */
ctl_difference_t *ctl_difference(void);

/* One case, decided twice.  accesses: how often it happened; recorded_in: how
 * often of these it was let in. */
ctl_change_kind_t ctl_difference_add(ctl_difference_t *difference,
    const ctl_case_t *of, const compliance_decision_t *live,
    const compliance_decision_t *changed, int64_t accesses,
    int64_t recorded_in);

ctl_counts_t ctl_difference_judged(const ctl_difference_t *difference);
ctl_counts_t ctl_difference_counts(const ctl_difference_t *difference,
    ctl_change_kind_t kind);
ctl_counts_t ctl_difference_reason(const ctl_difference_t *difference,
    ctl_change_kind_t kind, compliance_reason_t reason);
/* Sorted: what is blocked first, and of that the most accesses. */
const ctl_difference_row_t *const *ctl_difference_rows(
    ctl_difference_t *difference, size_t *n);

/* accesses: false where they say nothing, as with impact.  limit 0: all rows */
void ctl_difference_print(ctl_difference_t *difference, bool accesses,
    int64_t limit);
/* The same as members of an object. */
void ctl_difference_json(ctl_difference_t *difference, json_t *object,
    bool accesses, int64_t limit);
/* The n most frequent reasons for which accesses would come to be blocked:
 * "device_noncompliant (12 users), ..." */
const char *ctl_difference_reasons(const ctl_difference_t *difference,
    size_t n);
const char *ctl_change_name(ctl_change_kind_t kind);
/* "1.5 %" */
const char *ctl_share(int64_t part, int64_t whole);

#endif
