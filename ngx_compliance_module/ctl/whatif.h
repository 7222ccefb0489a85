/*
 * The live set of groups and policies beside a changed one, and what the
 * difference makes of the present records (impact.c) and of recorded accesses
 * (replay.c).
 */
#ifndef COMPLIANCE_CTL_WHATIF_H
#define COMPLIANCE_CTL_WHATIF_H

#include "difference.h"
#include "record.h"


typedef struct {
    compliance_snapshot_t live;
    compliance_snapshot_t changed;
} ctl_sets_t;

/* Both are the live set. */
ctl_sets_t *ctl_sets(ctl_t *ctl);
/* Applies changes, checked before, to a group of the changed set; a group that
 * is not recorded is added.  An absent value stands for the default. */
void ctl_sets_change(ctl_sets_t *sets, const char *group,
    const ctl_changes_t *changes);
/* --group, --mode and the FIELD=VALUE arguments into both *changes and the
 * changed set; returns the group's name, or NULL where there is no --group. */
const char *ctl_sets_read(ctl_t *ctl, ctl_sets_t *sets,
    ctl_changes_t *changes);

/* Does `group` judge this, or decide it before the groups, by either set? */
bool ctl_group_concerned(const char *group, const compliance_trace_t *trace);


/* impact.c: who is concerned by the group, and what the change makes of him. */
typedef struct {
    const char           *group;
    compliance_protocol_t protocol;    /* NONE: all that are in scope */
    int64_t               at;
} ctl_impact_of_t;

typedef struct {
    int64_t without_device;     /* members who own none */
    bool    clients;            /* allowed_clients were taken as met */
    bool    networks;           /* exempt networks were not counted on */
    bool    proofs;             /* a proof was guessed from what is recorded */
} ctl_impact_notes_t;

void ctl_impact_judge(ctl_t *ctl, const ctl_sets_t *sets,
    const ctl_impact_of_t *what, ctl_difference_t *difference,
    ctl_impact_notes_t *notes);

#endif
