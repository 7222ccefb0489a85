/*
 * A candidate set: changes to groups, and policies, that lie over the live
 * set.  A file an administrator wrote, or what is stored under the key
 * `candidate`:
 *   {"groups": {name: {field: value} | null}, "policies": [policy, ...]}
 * A group's other settings stay as they are; null takes the group away.  A
 * policy stands for the one of its name, or comes in addition.
 */
#ifndef COMPLIANCE_CTL_CANDIDATE_H
#define COMPLIANCE_CTL_CANDIDATE_H

#include "whatif.h"

#include "../core/candidate.h"
#include "../core/policy.h"


typedef struct {
    json_t               *json;      /* canonical: values as group set stores
                                        them */
    size_t                n_groups;
    size_t                n_own;     /* policies of its own, first */
    size_t                n_policies;/* with the live ones that it keeps */
    compliance_policy_t **policies;
    /* live policies that it replaces: what they concerned is judged anew */
    size_t                n_replaced;
    compliance_policy_t **replaced;
} ctl_candidate_t;

/* Dies with a message that names the place in `where` and what is expected
 * there.  The texts and policies live until the end. */
ctl_candidate_t *ctl_candidate_read(ctl_t *ctl, compliance_str_t text,
    const char *where);
ctl_candidate_t *ctl_candidate_file(ctl_t *ctl, const char *path);
/* What is stored; dies where nothing is. */
json_t *ctl_candidate_stored(ctl_t *ctl, bool *runs);
/* As it is stored. */
char *ctl_candidate_text(const ctl_candidate_t *candidate);
/* Lays its groups over the changed set. */
void ctl_candidate_apply(ctl_t *ctl, const ctl_candidate_t *candidate,
    ctl_sets_t *sets);

/* Would its policies judge this device another way than it was judged? */
bool ctl_candidate_concerns(const ctl_candidate_t *candidate,
    compliance_str_t platform);

#endif
