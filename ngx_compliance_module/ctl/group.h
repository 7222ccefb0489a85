/*
 * Groups by name: shared by cmd_group.c and cmd_group_show.c.
 */
#ifndef COMPLIANCE_CTL_GROUP_H
#define COMPLIANCE_CTL_GROUP_H

#include "record.h"

#include "../core/group.h"


bool ctl_group_is_default(const char *name);
void ctl_group_check_name(const char *name);
/* All names of groups, "default" first. */
const char **ctl_group_names(ctl_t *ctl, size_t *n);
/* Dies with CTL_NOT_FOUND and the nearest name. */
CTL_NORETURN void ctl_group_missing(ctl_t *ctl, const char *name);
/* What is in force: the stored value, or the setting's default. */
const char *ctl_group_value(const ctl_kind_t *kind, const ctl_record_t *record,
    const char *name);
int64_t ctl_group_members(ctl_t *ctl, const char *name);

#endif
