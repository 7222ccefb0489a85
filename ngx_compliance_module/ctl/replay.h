/*
 * Recorded accesses, judged again: by the live set and by a changed one, as
 * of one moment and by the present records.
 */
#ifndef COMPLIANCE_CTL_REPLAY_H
#define COMPLIANCE_CTL_REPLAY_H

#include "access.h"
#include "candidate.h"


#define CTL_NAMES_SHOWN  10

typedef struct {
    const ctl_sets_t      *sets;
    const ctl_candidate_t *candidate;  /* for its policies; NULL: none */
    const char            *group;      /* only what it judges; NULL: all */
    compliance_protocol_t  protocol;   /* NONE: all */
    int64_t                at;         /* as of when it is judged */
    ctl_access_filter_t    filter;
} ctl_replay_of_t;

/* What cannot be judged as it was, and what was seen by the way. */
typedef struct {
    int64_t recorded;         /* accesses, all of them */
    int64_t erased;           /* of a person who was taken out */
    int64_t malformed;        /* of which no request can be made */
    int64_t gone;             /* of a device whose record is no more */
    int64_t rejudged;         /* whose device the candidate's policies judged */
    int64_t unrecorded;       /* of a user who has no record */
    size_t  n_names;          /* the first of these names; more: there are */
    bool    more_names;
    char    names[CTL_NAMES_SHOWN][COMPLIANCE_PRINCIPAL_MAX + 1];
} ctl_replay_notes_t;

void ctl_replay_judge(ctl_t *ctl, const ctl_replay_of_t *what,
    ctl_difference_t *difference, ctl_replay_notes_t *notes);

/* access -> the request it was, as far as it is recorded.  False: none can be
 * made.  The texts of `seen` are borrowed. */
bool ctl_access_request(const ctl_access_t *access,
    const compliance_seen_t *seen, ctl_case_t *out);

/* rejudge.c: what the candidate's policies make of n devices that were looked
 * up.  states[i].judged false: the record's state stands. */
typedef struct {
    bool               judged;
    compliance_state_t state;
    int64_t            grace_until;
} ctl_rejudged_t;

void ctl_rejudge(ctl_t *ctl, const ctl_candidate_t *candidate,
    ctl_case_t *const *cases, size_t n, ctl_rejudged_t *out);

/* "7d" ago, or a time. */
int64_t ctl_since(const ctl_t *ctl, const char *text, int64_t days);

#endif
