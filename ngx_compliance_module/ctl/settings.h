/*
 * What an administrator sets for the whole store: fields of meta, within
 * bounds.
 */
#ifndef COMPLIANCE_CTL_SETTINGS_H
#define COMPLIANCE_CTL_SETTINGS_H

#include "store.h"


typedef struct {
    const char *name;       /* the field of meta */
    int64_t     min, max;
    int64_t     standard;   /* where it is not set */
    const char *summary;
} ctl_setting_t;

extern const ctl_setting_t ctl_settings[];
extern const size_t        ctl_settings_n;

/* The stored value, or the standard; dies with CTL_CONTENT where what is
 * stored is out of bounds. */
int64_t ctl_setting(ctl_t *ctl, const char *name);

#endif
