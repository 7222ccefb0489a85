/*
 * The stored policies, for whoever judges devices by them, and a change to
 * them: what is stored after it, and which devices it concerns.
 */
#ifndef COMPLIANCE_CTL_POLICIES_H
#define COMPLIANCE_CTL_POLICIES_H

#include "store.h"

#include "../core/policy.h"


/* All of them, parsed, by name; never NULL, and *n may be 0.  They live until
 * ctl_release().  Dies with CTL_CONTENT on one that cannot be read: it would
 * judge nothing, and let in. */
const compliance_policy_t *const *ctl_policies_read(ctl_t *ctl, size_t *n);

/* Dies where it is no name of a policy. */
void ctl_policy_check_name(const char *name);
/* NULL: *error says why.  Lives until ctl_release(). */
compliance_policy_t *ctl_policy_parse(compliance_str_t text,
    compliance_policy_error_t *error);
/* "line 7, require[2].min_version: expected ..."; escaped. */
const char *ctl_policy_error(const compliance_policy_error_t *error);

/* One policy that is stored, or will be. */
typedef struct {
    const char                *name;
    compliance_str_t           stored;   /* absent: it is new */
    compliance_str_t           text;     /* absent: it goes */
    const compliance_policy_t *before;   /* NULL: none, or unreadable */
    const compliance_policy_t *after;
    bool                       listed;   /* in the set of policies */
    bool                       touched;  /* by this command */
} ctl_policy_t;

typedef struct {
    size_t        n;
    ctl_policy_t *policies;              /* by name */
    size_t        n_set;                 /* those that hold after it */
    const compliance_policy_t **set;
    bool          everyone;              /* every device is concerned */
    size_t        n_platforms;           /* else those of these */
    const char  **platforms;
    const char   *half_done;             /* what was interrupted, or NULL */
} ctl_policies_t;

/* Reads what is stored and lays the change over it.  files: of policies that
 * come or change; or gone: the name of one that goes. */
void ctl_policies_plan(ctl_t *ctl, ctl_policies_t *plan,
    const char *const *files, size_t n_files, const char *gone);

/* policies_store.c: in one transaction, with a mark in `meta` that the devices
 * are yet to be judged; dies where the policies are no longer those of the
 * plan. */
void ctl_policies_store(ctl_t *ctl, ctl_policies_t *plan);
/* Takes the mark away.  False: others have changed policies meanwhile. */
bool ctl_policies_settle(ctl_t *ctl, ctl_policies_t *plan);
/* What an interrupted command was at, or NULL. */
const char *ctl_policies_half_done(ctl_t *ctl);


/* policies_judge.c: the devices that a plan concerns. */
#define CTL_JUDGED_STATES    6   /* compliance_state_t, and none at all */
#define CTL_JUDGED_EXAMPLES  3

typedef struct {
    int64_t count;
    struct {
        char id[COMPLIANCE_DEVICE_ID_MAX + 1];
        char owner[128];
        char reasons[128];
    } examples[CTL_JUDGED_EXAMPLES];
} ctl_judged_cell_t;

typedef struct {
    int64_t           read, records, states, newly_blocked, newly_admitted;
    ctl_judged_cell_t cells[CTL_JUDGED_STATES][CTL_JUDGED_STATES];
} ctl_judged_t;

void ctl_policies_judge(ctl_t *ctl, const ctl_policies_t *plan, bool dry_run,
    ctl_judged_t *out);
void ctl_judged_print(const ctl_judged_t *judged);
json_t *ctl_judged_json(const ctl_judged_t *judged);

/* policies_diff.c: what differs between two, for a person and in JSON. */
void ctl_policy_diff_print(const ctl_policy_t *policy);
json_t *ctl_policy_diff_json(const ctl_policy_t *policy);

#endif
