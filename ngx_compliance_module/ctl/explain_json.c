/*
 * An explanation for a program; docs/cli.md shows the text.
 */
#include "explain.h"


static void
set_text(json_t *object, const char *key, const char *text)
{
    ctl_json_set(object, key, ctl_json_text(ctl_str(text)));
}


static json_t *
request_json(const ctl_explanation_t *e)
{
    const compliance_request_t *request = &e->of.request;
    json_t *object = ctl_json_object(), *claims = ctl_json_array(), *claim;

    set_text(object, "protocol", compliance_protocol_name(request->protocol));
    set_text(object, "user", request->user.len == 0 ? NULL
                             : request->user.data);
    set_text(object, "user_source", ctl_user_source_name(request->user_source));
    ctl_json_set(object, "malformed",
                 ctl_json_bool(request->identity != COMPLIANCE_OK));
    ctl_json_set(object, "device_free", ctl_json_bool(request->device_free));

    for (size_t i = 0; i < request->n_claims; i++) {
        claim = ctl_json_object();
        set_text(claim, "device", ctl_claim_name(&request->claims[i]));
        set_text(claim, "source",
                 ctl_device_source_name(request->claims[i].source));
        ctl_json_add(claims, claim);
    }

    ctl_json_set(object, "devices", claims);

    return object;
}


static json_t *
lookup_json(const ctl_explanation_t *e)
{
    json_t *array = ctl_json_array(), *step;

    for (size_t i = 0; i < e->steps.n; i++) {
        step = ctl_json_object();
        set_text(step, "key", e->steps.items[i].key);
        set_text(step, "answer", e->steps.items[i].answer);
        ctl_json_add(array, step);
    }

    return array;
}


static json_t *
device_json(const ctl_explanation_t *e)
{
    const compliance_facts_t  *facts = &e->of.lookup.facts;
    const compliance_device_t *device = &facts->device;
    json_t                    *object = ctl_json_object();

    set_text(object, "presence", !facts->device_claimed ? "none presented"
                                 : ctl_presence_name(facts->device_presence));
    set_text(object, "id", device->id.len == 0 ? NULL : device->id.data);

    if (!facts->device_claimed
        || facts->device_presence != COMPLIANCE_PRESENT)
    {
        return object;
    }

    set_text(object, "state", compliance_state_name(device->state));
    set_text(object, "reasons", e->details.reasons);
    set_text(object, "owner", device->owner.len == 0 ? NULL
                              : device->owner.data);
    set_text(object, "risk", compliance_risk_name(device->risk));
    set_text(object, "management",
             compliance_management_name(device->management));
    ctl_json_set(object, "grace_until", ctl_json_int(device->grace_until));
    ctl_json_set(object, "last_checkin", ctl_json_int(device->last_checkin));
    set_text(object, "override", compliance_override_name(device->override));
    ctl_json_set(object, "override_until",
                 ctl_json_int(device->override_until));

    return object;
}


static json_t *
facts_json(const ctl_explanation_t *e)
{
    const compliance_facts_t *facts = &e->of.lookup.facts;
    json_t                   *object = ctl_json_object();
    json_t                   *user = ctl_json_object();

    set_text(user, "presence", !facts->user_claimed ? "none presented"
                               : ctl_presence_name(facts->user_presence));

    if (facts->user_claimed) {
        set_text(user, "name", facts->user.principal.data);
        set_text(user, "groups", facts->user.groups);
        ctl_json_set(user, "break_glass",
                     ctl_json_bool(facts->user.break_glass));
        ctl_json_set(user, "blocked", ctl_json_bool(facts->user.blocked));
    }

    ctl_json_set(object, "ambiguous", ctl_json_bool(facts->ambiguous));
    ctl_json_set(object, "device", device_json(e));
    ctl_json_set(object, "user", user);

    return object;
}


static json_t *
conditions_json(const compliance_judgement_t *judgement)
{
    json_t *array = ctl_json_array(), *object;

    for (size_t i = 0; i < COMPLIANCE_CONDITIONS; i++) {
        object = ctl_json_object();
        set_text(object, "condition",
                 compliance_reason_name(compliance_condition_reason(i)));
        set_text(object, "outcome",
                 compliance_condition_name(judgement->conditions[i]));
        ctl_json_add(array, object);
    }

    return array;
}


static json_t *
groups_json(const compliance_decision_t *decision,
    const compliance_trace_t *trace, bool conditions)
{
    json_t *array = ctl_json_array(), *object;

    for (size_t i = 0; i < trace->n; i++) {
        const compliance_judgement_t *judgement = &trace->judgements[i];

        object = ctl_json_object();
        set_text(object, "group", judgement->group->name);
        set_text(object, "mode", ctl_mode_name(judgement->group->mode));
        ctl_json_set(object, "in_scope", ctl_json_bool(judgement->in_scope));
        set_text(object, "scope", compliance_scope_name(judgement->scope));
        ctl_json_set(object, "enforced", ctl_json_bool(judgement->enforced));
        set_text(object, "enforcement",
                 compliance_enforcement_name(judgement->enforcement));
        set_text(object, "verdict",
                 compliance_verdict_name(judgement->verdict));
        set_text(object, "reason", compliance_reason_name(judgement->reason));
        ctl_json_set(object, "decided",
                     ctl_json_bool(judgement->group == decision->group));

        if (conditions) {
            ctl_json_set(object, "conditions", conditions_json(judgement));
            ctl_json_set(object, "rollout_percent",
                         ctl_json_int(judgement->group->rollout_percent));
            ctl_json_set(object, "enforce_from",
                         ctl_json_int(judgement->group->enforce_from));
        }

        ctl_json_add(array, object);
    }

    return array;
}


static json_t *
steps_json(const compliance_trace_t *trace)
{
    json_t *array = ctl_json_array(), *object;

    for (int i = 0; i < COMPLIANCE_STEPS; i++) {
        object = ctl_json_object();
        set_text(object, "step", compliance_step_name((compliance_step_t) i));
        set_text(object, "outcome", ctl_step_outcome(trace, i));
        ctl_json_add(array, object);
    }

    return array;
}


static void
verdict_json(json_t *object, const ctl_case_t *of,
    const compliance_decision_t *decision)
{
    set_text(object, "verdict", compliance_verdict_name(decision->verdict));
    set_text(object, "reason", compliance_reason_name(decision->reason));
    set_text(object, "group", decision->group == NULL ? NULL
                              : decision->group->name);
    ctl_json_set(object, "would_block", ctl_json_bool(decision->would_block));
    set_text(object, "would_reason", !decision->would_block ? NULL
             : compliance_reason_name(decision->would_reason));
    ctl_json_set(object, "warn", ctl_json_bool(decision->warn));
    ctl_json_set(object, "break_glass", ctl_json_bool(decision->break_glass));
    ctl_json_set(object, "audit", ctl_json_bool(decision->audit));
    set_text(object, "binding", compliance_binding_name(decision->binding));
    ctl_json_set(object, "at", ctl_json_int(of->at));
    ctl_json_set(object, "deadline", ctl_json_int(decision->deadline));
}


void
ctl_decision_json(json_t *object, const ctl_case_t *of,
    const compliance_decision_t *decision, const compliance_trace_t *trace)
{
    const compliance_facts_t *facts = &of->lookup.facts;

    verdict_json(object, of, decision);
    set_text(object, "step", compliance_step_name(trace->step));
    set_text(object, "device", facts->device_claimed
                               && facts->device.id.len > 0
                               ? facts->device.id.data : NULL);
    set_text(object, "user", facts->user_claimed
                             && facts->user.principal.len > 0
                             ? facts->user.principal.data : NULL);
    ctl_json_set(object, "groups", groups_json(decision, trace, false));
}


void
ctl_explain_json(const ctl_explanation_t *e)
{
    const compliance_decision_t *decision = &e->decision;
    const compliance_group_t    *standard = &e->snapshot.groups[0];
    json_t *object = ctl_json_object(), *group = ctl_json_object();

    verdict_json(object, &e->of, decision);
    set_text(object, "detail", compliance_reason_detail(decision->reason));
    ctl_json_set(object, "request", request_json(e));
    ctl_json_set(object, "lookup", lookup_json(e));
    ctl_json_set(object, "facts", facts_json(e));
    set_text(object, "step", compliance_step_name(e->trace.step));
    ctl_json_set(object, "steps", steps_json(&e->trace));
    ctl_json_set(object, "bucket", ctl_json_int(e->trace.bucket));
    ctl_json_set(object, "groups", groups_json(decision, &e->trace, true));

    set_text(group, "mode", ctl_mode_name(standard->mode));
    set_text(group, "unknown_user",
             standard->unknown_user_allow ? "allow" : "block");
    set_text(group, "unknown_device",
             standard->unknown_device_allow ? "allow" : "block");
    ctl_json_set(object, "default_group", group);
    ctl_json_print(object);
}
