/*
 * The recorded devices that some filters leave, page by page: a million of
 * them are never in memory at once.  The smallest index tells where to look,
 * the records tell what is so.
 */
#ifndef COMPLIANCE_CTL_DEVICE_WALK_H
#define COMPLIANCE_CTL_DEVICE_WALK_H

#include "record.h"


/* Every state a device may be in, in the order reports show them. */
#define CTL_STATES  5
extern const char *const ctl_states[CTL_STATES];


/* Canonical; absent: any. */
typedef struct {
    compliance_str_t state, platform, owner, reason;
    compliance_str_t group;    /* of the owner; "default": of those who are in
                                  no group, or unknown */
} ctl_device_filter_t;

/* The record is the visitor's until it returns.  In no order; a device that
 * somebody writes meanwhile may come twice, or as it was before. */
typedef void (*ctl_device_pt)(void *data, const ctl_record_t *device);
void ctl_devices_each(ctl_t *ctl, const ctl_device_filter_t *filter,
    ctl_device_pt visit, void *data);

#endif
