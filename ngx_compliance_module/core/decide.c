/*
 * The decision.  compliance_steps[], at the end of this file, is the order of
 * judging: the first step that settles it wins.  How a single group judges is
 * judge.c's table.
 *
 * Invariants: an allow rests on known facts only; a block holds although other
 * facts are missing, where none of them could turn it into an allow; whatever
 * is left is a temporary failure.  Next: the callers' `act`.
 */
#include "judge.h"
#include "names.h"

#include <string.h>


unsigned
compliance_rollout_bucket(const compliance_principal_t *principal)
{
    uint64_t hash = 0xcbf29ce484222325u;   /* FNV-1a, 64 bits */

    /* nobody in particular belongs to the first ones: leaving the proof of
     * one's device at home must not lead out of a rollout */
    if (principal->len == 0) {
        return 0;
    }

    for (size_t i = 0; i < principal->len; i++) {
        hash ^= (uint8_t) principal->data[i];
        hash *= 0x100000001b3u;
    }

    hash ^= hash >> 32;

    return (unsigned) (hash % 100);
}


/* The steps: each settles the decision and answers true, or passes on. */

static bool
compliance_settle(compliance_case_t *c, compliance_verdict_t verdict,
    compliance_reason_t reason, const compliance_group_t *group)
{
    c->decision.verdict = verdict;
    c->decision.reason = reason;
    c->decision.group = group;

    return true;
}


static bool
compliance_step_identity(compliance_case_t *c)
{
    const compliance_request_t *request = c->request;

    if (request->identity == COMPLIANCE_AMBIGUOUS || c->facts->ambiguous) {
        return compliance_settle(c, COMPLIANCE_BAD_REQUEST,
            COMPLIANCE_IDENTITY_AMBIGUOUS, NULL);
    }

    /* a credential without a name is the caller's slip, and nobody's access */
    if (request->identity != COMPLIANCE_OK
        || request->protocol <= COMPLIANCE_PROTOCOL_NONE
        || request->protocol >= COMPLIANCE_PROTOCOLS
        || request->n_claims > COMPLIANCE_CLAIMS_MAX
        || (request->user.len == 0
            && (request->user_source == COMPLIANCE_USER_FROM_CREDENTIAL
                || request->user_source == COMPLIANCE_USER_FROM_LOGIN)))
    {
        return compliance_settle(c, COMPLIANCE_BAD_REQUEST,
            COMPLIANCE_IDENTITY_MALFORMED, NULL);
    }

    return false;
}


/* May this request use break-glass at all?  On the web only with proof: the
 * certificate of a device whose owner it is, also for a name that is about to
 * log in (its password the back end will check). */
static bool
compliance_break_glass_counts(const compliance_case_t *c)
{
    switch (c->request->user_source) {

    case COMPLIANCE_USER_FROM_CREDENTIAL:
        return true;

    case COMPLIANCE_USER_FROM_OWNER:
    case COMPLIANCE_USER_FROM_LOGIN:
        return c->facts->binding == COMPLIANCE_BINDING_CERTIFICATE
               && compliance_owned_by_user(c);

    case COMPLIANCE_USER_FROM_NONE:
        return false;
    }

    return false;
}


static bool
compliance_step_break_glass(compliance_case_t *c)
{
    bool is = false;

    if (!c->facts->user_claimed || !compliance_break_glass_counts(c)) {
        return false;
    }

    switch (c->user) {

    case COMPLIANCE_PRESENT:
        is = c->facts->user.break_glass;
        break;

    case COMPLIANCE_PRESENCE_UNKNOWN:
        is = c->names != NULL
             && compliance_snapshot_break_glass(c->names,
                    &c->facts->user.principal);
        break;

    case COMPLIANCE_MISSING:
        break;
    }

    if (!is) {
        return false;
    }

    c->decision.break_glass = true;

    return compliance_settle(c, COMPLIANCE_ALLOW, COMPLIANCE_BREAK_GLASS,
        NULL);
}


static bool
compliance_step_user_blocked(compliance_case_t *c)
{
    if (c->user != COMPLIANCE_PRESENT || !c->facts->user.blocked) {
        return false;
    }

    return compliance_settle(c, COMPLIANCE_BLOCK, COMPLIANCE_USER_BLOCKED,
        NULL);
}


static bool
compliance_step_override(compliance_case_t *c)
{
    compliance_override_deadline(c);

    if (!compliance_override_active(c, COMPLIANCE_OVERRIDE_BLOCK)) {
        return false;
    }

    /* the user may yet turn out to be a break-glass user, by another name */
    if (c->user == COMPLIANCE_PRESENCE_UNKNOWN
        && compliance_break_glass_counts(c))
    {
        return false;
    }

    return compliance_settle(c, COMPLIANCE_BLOCK,
        COMPLIANCE_BLOCKED_BY_OVERRIDE, NULL);
}


/* From here on the user's groups count: without them nothing is known. */
static bool
compliance_step_groups_known(compliance_case_t *c)
{
    if (c->snapshot != NULL && c->user != COMPLIANCE_PRESENCE_UNKNOWN
        && !c->facts->user.groups_unreadable)
    {
        return false;
    }

    return compliance_settle(c, COMPLIANCE_TEMPFAIL,
        COMPLIANCE_STORE_UNAVAILABLE, NULL);
}


/* Whatever the default group's mode: see design, "unknown_user". */
static bool
compliance_step_user_unknown(compliance_case_t *c)
{
    const compliance_group_t *group = &c->snapshot->groups[0];

    if (!c->facts->user_claimed || c->user != COMPLIANCE_MISSING
        || group->unknown_user_allow)
    {
        return false;
    }

    return compliance_settle(c, COMPLIANCE_BLOCK, COMPLIANCE_USER_UNKNOWN,
        group);
}


/* The best judgement of one kind so far: the lowest reason, and of equals the
 * group that the user's record names first. */
typedef struct {
    compliance_reason_t       reason;
    const compliance_group_t *group;
} compliance_best_t;

typedef struct {
    compliance_best_t block, would_block, allow, report_allow;
    bool              unsure;
} compliance_tally_t;


static void
compliance_better(compliance_best_t *best, compliance_reason_t reason,
    const compliance_group_t *group)
{
    if (best->group == NULL || reason < best->reason) {
        best->reason = reason;
        best->group = group;
    }
}


/* Whose rollout bucket counts: where none is claimed, nobody's. */
static const compliance_principal_t *
compliance_rollout_principal(const compliance_case_t *c)
{
    static const compliance_principal_t  nobody = { 0, "" };

    return c->facts->user_claimed ? &c->facts->user.principal : &nobody;
}


static compliance_scope_t
compliance_group_scope(const compliance_case_t *c)
{
    if (c->group->mode == COMPLIANCE_MODE_OFF) {
        return COMPLIANCE_SCOPE_OFF;
    }

    return ((c->group->protocols | c->group->deny_protocols)
            & COMPLIANCE_BIT(c->request->protocol)) != 0
           ? COMPLIANCE_SCOPE_IN : COMPLIANCE_SCOPE_PROTOCOL;
}


static compliance_enforcement_t
compliance_group_enforcement(const compliance_case_t *c)
{
    if (c->group->mode != COMPLIANCE_MODE_ENFORCE) {
        return COMPLIANCE_REPORTS_BY_MODE;
    }

    if (c->group->enforce_from > c->now) {
        return COMPLIANCE_REPORTS_UNTIL;
    }

    return compliance_rollout_bucket(compliance_rollout_principal(c))
           < c->group->rollout_percent ? COMPLIANCE_ENFORCES
                                       : COMPLIANCE_REPORTS_ROLLOUT;
}


static void
compliance_group_tally(compliance_case_t *c, const compliance_group_t *group,
    compliance_tally_t *tally)
{
    compliance_judgement_t judgement;

    c->group = group;
    c->noted = NULL;

    judgement.group = group;
    judgement.scope = compliance_group_scope(c);
    judgement.in_scope = judgement.scope == COMPLIANCE_SCOPE_IN;
    judgement.enforcement = compliance_group_enforcement(c);
    judgement.enforced = judgement.enforcement == COMPLIANCE_ENFORCES;

    if (c->trace != NULL && c->trace->n < COMPLIANCE_GROUPS_MAX) {
        c->noted = &c->trace->judgements[c->trace->n++];
        memset(c->noted, 0, sizeof(*c->noted));
    }

    if (judgement.in_scope) {
        judgement.verdict = compliance_group_judge(c, &judgement.reason);
        compliance_group_deadlines(c);

    } else {
        judgement.verdict = COMPLIANCE_ALLOW;
        judgement.reason = COMPLIANCE_NOT_IN_SCOPE;
    }

    if (c->noted != NULL) {
        memcpy(judgement.conditions, c->noted->conditions,
               sizeof(judgement.conditions));
        *c->noted = judgement;
    }

    if (!judgement.in_scope) {
        return;
    }

    switch (judgement.verdict) {

    case COMPLIANCE_BLOCK:
        compliance_better(judgement.enforced ? &tally->block
                                             : &tally->would_block,
            judgement.reason, group);
        break;

    case COMPLIANCE_ALLOW:
        compliance_better(judgement.enforced ? &tally->allow
                                             : &tally->report_allow,
            judgement.reason, group);
        break;

    case COMPLIANCE_UNDECIDED:
    case COMPLIANCE_BAD_REQUEST:
    case COMPLIANCE_TEMPFAIL:
        tally->unsure = true;
        break;
    }
}


/* The user's groups, each once; a group that the snapshot does not hold stands
 * for the default group, which also holds for whoever has none. */
static void
compliance_groups_tally(compliance_case_t *c, compliance_tally_t *tally)
{
    bool                         seen[COMPLIANCE_GROUPS_MAX] = { false };
    size_t                       at, n = 0;
    const char                  *name = c->facts->user.groups, *end;
    const compliance_group_t    *group;
    const compliance_snapshot_t *snapshot = c->snapshot;

    while (c->user == COMPLIANCE_PRESENT && *name != '\0') {
        end = name + strcspn(name, ",");
        group = compliance_snapshot_find(snapshot,
            (compliance_str_t) { name, (size_t) (end - name) });

        if (group == NULL) {
            group = &snapshot->groups[0];
        }

        at = (size_t) (group - snapshot->groups);

        if (!seen[at]) {
            seen[at] = true;
            n++;
            compliance_group_tally(c, group, tally);
        }

        name = *end == ',' ? end + 1 : end;
    }

    if (n == 0) {
        compliance_group_tally(c, &snapshot->groups[0], tally);
    }
}


static bool
compliance_step_groups(compliance_case_t *c)
{
    compliance_tally_t tally;

    memset(&tally, 0, sizeof(tally));
    compliance_groups_tally(c, &tally);

    if (tally.block.group != NULL) {
        return compliance_settle(c, COMPLIANCE_BLOCK, tally.block.reason,
            tally.block.group);
    }

    /* also where no group is in scope: the record may hold an override */
    if (tally.unsure
        || (!c->device_free && c->device == COMPLIANCE_PRESENCE_UNKNOWN))
    {
        return compliance_settle(c, COMPLIANCE_TEMPFAIL,
            COMPLIANCE_STORE_UNAVAILABLE, NULL);
    }

    if (tally.would_block.group != NULL) {
        c->decision.would_block = true;
        c->decision.would_reason = tally.would_block.reason;
    }

    if (tally.allow.group != NULL) {
        c->decision.warn = tally.allow.reason == COMPLIANCE_IN_GRACE
                           || tally.allow.reason
                              == COMPLIANCE_GRACE_BY_OVERRIDE;

        return compliance_settle(c, COMPLIANCE_ALLOW, tally.allow.reason,
            tally.allow.group);
    }

    if (tally.would_block.group != NULL) {
        return compliance_settle(c, COMPLIANCE_ALLOW, COMPLIANCE_REPORT_ONLY,
            tally.would_block.group);
    }

    if (tally.report_allow.group != NULL) {
        return compliance_settle(c, COMPLIANCE_ALLOW,
            tally.report_allow.reason, tally.report_allow.group);
    }

    return compliance_settle(c, COMPLIANCE_ALLOW, COMPLIANCE_NOT_IN_SCOPE,
        NULL);
}


static bool (*const compliance_steps[COMPLIANCE_STEPS])(compliance_case_t *c) = {
    [COMPLIANCE_STEP_IDENTITY] = compliance_step_identity,
    [COMPLIANCE_STEP_BREAK_GLASS] = compliance_step_break_glass,
    [COMPLIANCE_STEP_USER_BLOCKED] = compliance_step_user_blocked,
    [COMPLIANCE_STEP_OVERRIDE] = compliance_step_override,
    [COMPLIANCE_STEP_GROUPS_KNOWN] = compliance_step_groups_known,
    [COMPLIANCE_STEP_USER_UNKNOWN] = compliance_step_user_unknown,
    [COMPLIANCE_STEP_GROUPS] = compliance_step_groups
};


/* A location that only reports stops nothing but what nobody can read. */
static void
compliance_dry_run(compliance_decision_t *decision)
{
    switch (decision->verdict) {

    case COMPLIANCE_BLOCK:
    case COMPLIANCE_TEMPFAIL:
        decision->would_block = true;
        decision->would_reason = decision->reason;
        decision->verdict = COMPLIANCE_ALLOW;
        decision->reason = COMPLIANCE_REPORT_ONLY;
        break;

    case COMPLIANCE_UNDECIDED:
    case COMPLIANCE_ALLOW:
    case COMPLIANCE_BAD_REQUEST:
        break;
    }
}


/* What the request itself says, where the store never said anything. */
static void
compliance_facts_none(const compliance_request_t *request,
    compliance_facts_t *facts)
{
    memset(facts, 0, sizeof(*facts));

    facts->user_claimed = request->user_source != COMPLIANCE_USER_FROM_NONE;
    facts->user.principal = request->user;
}


compliance_decision_t
compliance_decide(const compliance_request_t *request,
    const compliance_facts_t *facts, const compliance_snapshot_t *snapshot,
    int64_t now, compliance_trace_t *trace)
{
    compliance_facts_t none;
    compliance_case_t  c;
    compliance_step_t  step = COMPLIANCE_STEP_GROUPS;

    memset(&c, 0, sizeof(c));

    if (trace != NULL) {
        trace->n = 0;
    }

    c.names = snapshot;

    if (snapshot != NULL && !snapshot->stale && facts != NULL) {
        c.snapshot = snapshot;
    }

    if (facts == NULL) {
        compliance_facts_none(request, &none);
        facts = &none;
    }

    c.request = request;
    c.facts = facts;
    c.trace = trace;
    c.now = now;
    c.device_free = request->device_free;
    c.device = facts->device_claimed ? facts->device_presence
                                     : COMPLIANCE_MISSING;
    c.user = facts->user_claimed ? facts->user_presence : COMPLIANCE_MISSING;
    c.binding = facts->binding;

    if (c.device == COMPLIANCE_PRESENT
        && request->vouched_binding > c.binding)
    {
        c.binding = request->vouched_binding;
    }

    if (c.binding == COMPLIANCE_BINDING_ASSERTED
        && compliance_owned_by_user(&c))
    {
        c.binding = COMPLIANCE_BINDING_OWNER;
    }

    c.decision.binding = c.binding;

    for (size_t i = 0; i < COMPLIANCE_STEPS; i++) {
        if (compliance_steps[i](&c)) {
            step = (compliance_step_t) i;
            break;
        }
    }

    if (trace != NULL) {
        trace->step = step;
        trace->bucket = compliance_rollout_bucket(
            compliance_rollout_principal(&c));
    }

    if (request->dry_run) {
        compliance_dry_run(&c.decision);
    }

    c.decision.audit = c.decision.verdict == COMPLIANCE_BLOCK
                       || c.decision.verdict == COMPLIANCE_TEMPFAIL
                       || c.decision.reason == COMPLIANCE_IDENTITY_AMBIGUOUS
                       || c.decision.would_block || c.decision.break_glass;

    return c.decision;
}
