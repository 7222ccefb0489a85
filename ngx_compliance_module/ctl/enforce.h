/*
 * What stands between an administrator and a lock-out: a change that newly
 * enforces is taken through the accesses of the last days before it is
 * written.
 */
#ifndef COMPLIANCE_CTL_ENFORCE_H
#define COMPLIANCE_CTL_ENFORCE_H

#include "replay.h"


/* Could the change block anyone who was let in? */
bool ctl_group_tightens(const compliance_group_t *before,
    const compliance_group_t *after);

/* Dies with CTL_CONFLICT, unless --force is given: no break-glass user is
 * defined, or more than --max-block percent of the group's accesses would be
 * blocked.  *notes: who was seen without a record; filled in only where the
 * change tightens, which is what it returns. */
bool ctl_enforce_check(ctl_t *ctl, const char *group,
    const ctl_changes_t *changes, ctl_replay_notes_t *notes);

#endif
