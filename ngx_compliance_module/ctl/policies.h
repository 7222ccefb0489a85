/*
 * The stored policies, for whoever judges devices by them.
 */
#ifndef COMPLIANCE_CTL_POLICIES_H
#define COMPLIANCE_CTL_POLICIES_H

#include "store.h"

#include "../core/policy.h"


/* All of them, parsed, by name; never NULL, and *n may be 0.  They live until
 * ctl_release().  Dies with CTL_CONTENT on one that cannot be read: it would
 * judge nothing, and let in. */
const compliance_policy_t *const *ctl_policies_read(ctl_t *ctl, size_t *n);

#endif
