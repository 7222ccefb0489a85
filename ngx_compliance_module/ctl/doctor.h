/*
 * What doctor's parts share: each finding is said with the command that mends
 * it.
 */
#ifndef COMPLIANCE_CTL_DOCTOR_H
#define COMPLIANCE_CTL_DOCTOR_H

#include "record.h"


typedef enum {
    CTL_HEALTH_OK = 0,
    CTL_HEALTH_WARNING,
    CTL_HEALTH_ERROR
} ctl_health_t;

typedef struct {
    ctl_t       *ctl;
    json_t      *findings;
    ctl_health_t worst;
} ctl_doctor_t;

/* mend NULL: there is nothing to do. */
void ctl_doctor_say(ctl_doctor_t *doctor, ctl_health_t health,
    const char *check, const char *what, const char *mend);

/* doctor_store.c: groups, users, devices, aliases and indexes. */
void ctl_doctor_store(ctl_doctor_t *doctor);

#endif
