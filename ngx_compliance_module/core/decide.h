/*
 * The only place that turns facts into a verdict, for nginx's HTTP and mail
 * sides, for the CLI and for the API.  Pure: same input, same answer.
 */
#ifndef COMPLIANCE_DECIDE_H
#define COMPLIANCE_DECIDE_H

#include "group.h"
#include "lookup.h"


typedef struct {
    compliance_verdict_t verdict;
    compliance_reason_t  reason;
    bool                 would_block;     /* only reporting groups object */
    compliance_reason_t  would_reason;
    bool                 warn;            /* allowed in grace: tell the user */
    bool                 break_glass;
    bool                 audit;           /* leaves an audit record */
    compliance_binding_t binding;         /* after the owner rung */
    const compliance_group_t *group;      /* that decided; NULL: none did.
                                             Points into the snapshot. */
    int64_t              deadline;        /* the next Unix second at which the
                                             same facts may be judged another
                                             way; 0: never */
} compliance_decision_t;

/* Every group's judgement, in order, for `explain`.  Optional. */
typedef struct {
    const compliance_group_t *group;
    bool                      in_scope;
    bool                      enforced;    /* at `now`, for this principal */
    compliance_verdict_t      verdict;
    compliance_reason_t       reason;
} compliance_judgement_t;

typedef struct {
    size_t                 n;
    compliance_judgement_t judgements[COMPLIANCE_GROUPS_MAX];
} compliance_trace_t;

/* facts and snapshot may be NULL: the store never answered.  Of a stale
 * snapshot only the break-glass names count, and only where the user's record
 * is not known.  trace may be NULL.  now: Unix seconds. */
compliance_decision_t compliance_decide(const compliance_request_t *request,
    const compliance_facts_t *facts, const compliance_snapshot_t *snapshot,
    int64_t now, compliance_trace_t *trace);

/* 0 to 99, the same for a principal for ever: below rollout_percent, the
 * group's enforcement holds for him. */
unsigned compliance_rollout_bucket(const compliance_principal_t *principal);

#endif
