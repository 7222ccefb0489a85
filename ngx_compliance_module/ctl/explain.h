/*
 * One explanation: what was asked, what the store said, what was decided.
 * cmd_explain.c fills it, explain_print.c tells it.
 */
#ifndef COMPLIANCE_CTL_EXPLAIN_H
#define COMPLIANCE_CTL_EXPLAIN_H

#include "question.h"


typedef struct {
    ctl_case_t             of;
    ctl_steps_t            steps;
    compliance_snapshot_t  snapshot;
    compliance_decision_t  decision;
    compliance_trace_t     trace;
    compliance_device_details_t details;  /* of the device that was found */
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

/* "passed", "decided" or "not reached". */
const char *ctl_step_outcome(const compliance_trace_t *trace, int step);
/* Why a group's judgement holds or is only reported, or why it does not judge;
 * for a person. */
const char *ctl_judgement_why(const compliance_judgement_t *judgement,
    const compliance_trace_t *trace);

const char *ctl_condition_text(compliance_condition_t outcome);

/* Adds the decision and its way, in short, to the object. */
void ctl_decision_json(json_t *object, const ctl_case_t *of,
    const compliance_decision_t *decision, const compliance_trace_t *trace);

/* explain_batch.c: a file of requests, an answer a line. */
ctl_exit_t ctl_explain_batch(ctl_t *ctl, const char *path);

void ctl_explain_text(const ctl_explanation_t *explanation);
void ctl_explain_json(const ctl_explanation_t *explanation);

#endif
