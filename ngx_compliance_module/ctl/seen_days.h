/*
 * The days of which accesses are counted, and what is counted of them.
 */
#ifndef COMPLIANCE_CTL_SEEN_DAYS_H
#define COMPLIANCE_CTL_SEEN_DAYS_H

#include "store.h"


/* Unix seconds of the days that there is a set of, the oldest first. */
const int64_t *ctl_seen_days(ctl_t *ctl, size_t *n);
const char *ctl_seen_index(const ctl_t *ctl, int64_t day);
/* Deletes a day whole; returns how many people were counted. */
int64_t ctl_seen_delete_day(ctl_t *ctl, int64_t day);

#endif
