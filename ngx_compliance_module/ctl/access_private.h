/*
 * What access.c and access_audit.c share.
 */
#ifndef COMPLIANCE_CTL_ACCESS_PRIVATE_H
#define COMPLIANCE_CTL_ACCESS_PRIVATE_H

#include "access.h"


/* Those that the gateways' audit streams record. */
void ctl_access_audited(ctl_t *ctl, const ctl_access_filter_t *filter,
    ctl_access_pt visit, void *data);

#endif
