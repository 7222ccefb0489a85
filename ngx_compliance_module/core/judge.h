/*
 * One group's judgement of one request; private to decide.c and judge.c.
 */
#ifndef COMPLIANCE_JUDGE_H
#define COMPLIANCE_JUDGE_H

#include "decide.h"


/* A request being judged: what decide() was given, read once. */
typedef struct {
    const compliance_request_t  *request;
    const compliance_facts_t    *facts;
    const compliance_snapshot_t *snapshot;   /* NULL: groups are not known */
    const compliance_snapshot_t *names;      /* for break-glass; may be stale */
    const compliance_group_t    *group;      /* being judged by */
    compliance_trace_t          *trace;
    compliance_judgement_t      *noted;      /* c->group's in it, or NULL */
    int64_t                      now;
    bool                         device_free;
    compliance_presence_t        device;
    compliance_presence_t        user;       /* MISSING too where none asks */
    compliance_binding_t         binding;    /* after the owner rung */
    compliance_decision_t        decision;
} compliance_case_t;

/* The record's owner and the judged user are one person. */
bool compliance_owned_by_user(const compliance_case_t *c);

bool compliance_override_active(const compliance_case_t *c,
    compliance_override_t override);

/* c->group's judgement: ALLOW, BLOCK, or TEMPFAIL where it depends on a fact
 * that is missing. */
compliance_verdict_t compliance_group_judge(const compliance_case_t *c,
    compliance_reason_t *reason);

/* The moments at which time alone may change what was judged. */
void compliance_override_deadline(compliance_case_t *c);
void compliance_group_deadlines(compliance_case_t *c);

#endif
