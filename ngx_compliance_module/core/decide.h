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

/* What follows is for `explain`: every rule that judged, in order.  Optional:
 * where nobody asks for it, nothing of it is done. */

/* The steps of a decision.  The first that settles it is the last one taken:
 * those before it passed, those behind it were not reached. */
typedef enum {
    COMPLIANCE_STEP_IDENTITY = 0,
    COMPLIANCE_STEP_BREAK_GLASS,
    COMPLIANCE_STEP_USER_BLOCKED,
    COMPLIANCE_STEP_OVERRIDE,
    COMPLIANCE_STEP_GROUPS_KNOWN,
    COMPLIANCE_STEP_USER_UNKNOWN,
    COMPLIANCE_STEP_GROUPS,
    COMPLIANCE_STEPS
} compliance_step_t;

/* Does the group judge this protocol at all? */
typedef enum {
    COMPLIANCE_SCOPE_OFF = 0,          /* mode off */
    COMPLIANCE_SCOPE_PROTOCOL,         /* the protocol is not the group's */
    COMPLIANCE_SCOPE_IN
} compliance_scope_t;

/* Does its judgement hold at `now`, for this principal? */
typedef enum {
    COMPLIANCE_REPORTS_BY_MODE = 0,    /* mode report or off */
    COMPLIANCE_REPORTS_UNTIL,          /* enforce_from is to come */
    COMPLIANCE_REPORTS_ROLLOUT,        /* bucket >= rollout_percent */
    COMPLIANCE_ENFORCES
} compliance_enforcement_t;

/* What became of one of a group's conditions. */
typedef enum {
    COMPLIANCE_CONDITION_NOT_REACHED = 0,  /* another one had objected, or the
                                              group was not in scope */
    COMPLIANCE_CONDITION_PASSED,
    COMPLIANCE_CONDITION_OBJECTED,
    COMPLIANCE_CONDITION_GRACED,           /* objected; an override lifts it */
    COMPLIANCE_CONDITION_EXEMPTED,         /* objected; the network lifts it */
    COMPLIANCE_CONDITION_NO_DEVICE,        /* not asked: none is needed */
    COMPLIANCE_CONDITION_NOT_KNOWN         /* not asked: the store failed */
} compliance_condition_t;

#define COMPLIANCE_CONDITIONS  9

typedef struct {
    const compliance_group_t *group;
    bool                      in_scope;
    bool                      enforced;    /* at `now`, for this principal */
    compliance_verdict_t      verdict;
    compliance_reason_t       reason;
    compliance_scope_t        scope;       /* why it is in scope, or not */
    compliance_enforcement_t  enforcement; /* why it is enforced, or not */
    compliance_condition_t    conditions[COMPLIANCE_CONDITIONS];
} compliance_judgement_t;

typedef struct {
    compliance_step_t      step;           /* that settled it */
    unsigned               bucket;         /* of the principal's rollout */
    size_t                 n;
    compliance_judgement_t judgements[COMPLIANCE_GROUPS_MAX];
} compliance_trace_t;

const char *compliance_step_name(compliance_step_t step);
const char *compliance_scope_name(compliance_scope_t scope);
const char *compliance_enforcement_name(compliance_enforcement_t enforcement);
const char *compliance_condition_name(compliance_condition_t outcome);
/* The reason that the i-th condition of every group objects for. */
compliance_reason_t compliance_condition_reason(size_t i);

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
