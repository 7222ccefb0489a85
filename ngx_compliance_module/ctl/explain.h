/*
 * One explanation: what was asked, what the store said, what was decided.
 * cmd_explain.c fills it, explain_print.c tells it.
 */
#ifndef COMPLIANCE_CTL_EXPLAIN_H
#define COMPLIANCE_CTL_EXPLAIN_H

#include "store.h"

#include "../core/decide.h"


#define CTL_STEPS_MAX  64   /* more than all rounds of a lookup can ask */

/* One question of the lookup and its answer, in order. */
typedef struct {
    const char *key;        /* without the prefix */
    const char *answer;     /* "found", "none", "-> DEV1" */
} ctl_step_t;

typedef struct {
    compliance_request_t   request;
    compliance_lookup_t    lookup;
    compliance_snapshot_t  snapshot;
    compliance_decision_t  decision;
    compliance_trace_t     trace;
    compliance_device_details_t details;  /* of the device that was found */
    int64_t                at;
    const char            *user;       /* as given, or NULL */
    const char            *device;     /* as given, or NULL */
    size_t                 n_steps;
    ctl_step_t             steps[CTL_STEPS_MAX];
} ctl_explanation_t;

/* All groups and break-glass names, as the gateway reads them; notes say which
 * stored values are unreadable. */
void ctl_snapshot_read(ctl_t *ctl, compliance_snapshot_t *snapshot);

/* explain_names.c */
const char *ctl_presence_name(compliance_presence_t presence);
const char *ctl_user_source_name(compliance_user_source_t source);
const char *ctl_device_source_name(compliance_device_source_t source);
const char *ctl_mode_name(compliance_mode_t mode);
const char *ctl_claim_name(const compliance_claim_t *claim);

void ctl_explain_text(const ctl_explanation_t *explanation);
void ctl_explain_json(const ctl_explanation_t *explanation);

#endif
