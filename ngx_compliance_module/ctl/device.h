/*
 * A change to one device as a command plans it: device set, approve and deny.
 */
#ifndef COMPLIANCE_CTL_DEVICE_H
#define COMPLIANCE_CTL_DEVICE_H

#include "record.h"


typedef struct {
    const char    *text;       /* the id as given */
    bool           fresh;      /* it must not have a record yet */
    ctl_changes_t  wanted;
    ctl_aliases_t  aliases;
    ctl_record_t   record;     /* before */
    ctl_changes_t  real;       /* what was changed */
} ctl_device_change_t;

/* Whose word counts, older and newer, overrides, grace: all that `device set`
 * holds.  Dies on a conflict; then reports what was done. */
void ctl_device_change(ctl_t *ctl, ctl_device_change_t *device);

/* cmd_approve.c: how device pending names a certificate without a device. */
#define CTL_PENDING_CERTIFICATE  "cert:"
bool ctl_pending_certificate(const char *device);

#endif
