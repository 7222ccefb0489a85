/*
 * The checks of fields.c's tables: a canonical value to *out, or false.
 */
#ifndef COMPLIANCE_CTL_CHECKS_H
#define COMPLIANCE_CTL_CHECKS_H

#include "record.h"


ctl_check_t ctl_check_state;
ctl_check_t ctl_check_risk;
ctl_check_t ctl_check_management;
ctl_check_t ctl_check_override;
ctl_check_t ctl_check_principal;
ctl_check_t ctl_check_time;
ctl_check_t ctl_check_flag;
ctl_check_t ctl_check_text;
ctl_check_t ctl_check_platform;
ctl_check_t ctl_check_reasons;
ctl_check_t ctl_check_group_name;
ctl_check_t ctl_check_groups;
ctl_check_t ctl_check_locale;
ctl_check_t ctl_check_setting;

#endif
