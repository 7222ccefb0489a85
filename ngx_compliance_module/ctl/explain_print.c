/*
 * An explanation, for a person and for a program.
 */
#include "explain.h"

#include "../core/facts.h"

#include <string.h>


static const char *
presence_name(compliance_presence_t presence)
{
    switch (presence) {
    case COMPLIANCE_PRESENCE_UNKNOWN:
        return "not looked up";
    case COMPLIANCE_MISSING:
        return "no record";
    case COMPLIANCE_PRESENT:
        return "found";
    }

    return "not looked up";
}


static const char *
user_source_name(compliance_user_source_t source)
{
    switch (source) {
    case COMPLIANCE_USER_FROM_NONE:
        return "none";
    case COMPLIANCE_USER_FROM_CREDENTIAL:
        return "credential";
    case COMPLIANCE_USER_FROM_OWNER:
        return "owner of the device";
    case COMPLIANCE_USER_FROM_LOGIN:
        return "about to log in";
    }

    return "none";
}


static const char *
device_source_name(compliance_device_source_t source)
{
    switch (source) {
    case COMPLIANCE_DEVICE_FROM_NONE:
        return "none";
    case COMPLIANCE_DEVICE_FROM_EAS:
        return "eas DeviceId";
    case COMPLIANCE_DEVICE_FROM_TAG:
        return "login tag";
    case COMPLIANCE_DEVICE_FROM_SIGNED_TAG:
        return "signed login tag";
    case COMPLIANCE_DEVICE_FROM_COOKIE:
        return "cookie";
    case COMPLIANCE_DEVICE_FROM_VARIABLE:
        return "record id";
    case COMPLIANCE_DEVICE_FROM_CERTIFICATE:
        return "certificate";
    }

    return "none";
}


static const char *
mode_name(compliance_mode_t mode)
{
    switch (mode) {
    case COMPLIANCE_MODE_OFF:
        return "off";
    case COMPLIANCE_MODE_REPORT:
        return "report";
    case COMPLIANCE_MODE_ENFORCE:
        return "enforce";
    }

    return "none";
}


static const char *
claim_name(const compliance_claim_t *claim)
{
    return claim->source == COMPLIANCE_DEVICE_FROM_CERTIFICATE
           ? claim->fingerprint : claim->id.data;
}


/* Why the verdict is what it is, for an administrator. */
static const char *
why(const ctl_explanation_t *e)
{
    return compliance_reason_detail(e->decision.reason);
}


static void
line(const char *name, const char *text)
{
    printf("%-15s %s\n", name, text);
}


static void
print_verdict(const ctl_explanation_t *e)
{
    const compliance_decision_t *decision = &e->decision;

    line("verdict", compliance_verdict_name(decision->verdict));
    line("reason", ctl_format("%s: %s",
                              compliance_reason_name(decision->reason),
                              why(e)));
    line("group", decision->group == NULL ? "-"
                  : ctl_format("%s (%s)", decision->group->name,
                               mode_name(decision->group->mode)));

    if (decision->would_block) {
        line("would block", ctl_format("%s: %s",
                 compliance_reason_name(decision->would_reason),
                 compliance_reason_detail(decision->would_reason)));
    }

    if (decision->warn) {
        line("warns", "in grace: the user is told");
    }

    if (decision->break_glass) {
        line("break-glass", "yes");
    }

    line("audited", decision->audit ? "yes" : "no");
    line("binding", compliance_binding_name(decision->binding));
    line("at", ctl_time_format(e->at));

    if (decision->deadline != 0) {
        line("holds until", ctl_time_format(decision->deadline));
    }
}


static void
print_request(const ctl_explanation_t *e)
{
    const compliance_request_t *request = &e->request;

    puts("\nrequest");
    line("  protocol", compliance_protocol_name(request->protocol));
    line("  user", ctl_format("%s (%s)",
                              request->user.len == 0 ? "-"
                              : ctl_escape(ctl_str(request->user.data)),
                              user_source_name(request->user_source)));

    if (request->identity != COMPLIANCE_OK) {
        line("  malformed", "the gateway refuses a user or device spelt like "
             "this");
    }

    if (request->device_free) {
        line("  device", "none needed");
    }

    for (size_t i = 0; i < request->n_claims; i++) {
        line("  device", ctl_format("%s (%s)",
                 ctl_escape(ctl_str(claim_name(&request->claims[i]))),
                 device_source_name(request->claims[i].source)));
    }

}


static void
print_lookup(const ctl_explanation_t *e)
{
    ctl_table_t *table = ctl_table(2, NULL);

    puts("\nlookup");

    for (size_t i = 0; i < e->n_steps; i++) {
        ctl_table_row(table, (const char *[]) {
                          ctl_format("  %s",
                                     ctl_escape(ctl_str(e->steps[i].key))),
                          e->steps[i].answer });
    }

    ctl_table_print(table);
}


static void
print_device(const compliance_facts_t *facts)
{
    const compliance_device_t *device = &facts->device;

    if (!facts->device_claimed) {
        line("  device", "none presented");
        return;
    }

    line("  device", ctl_format("%s (%s)", device->id.len == 0 ? "-"
                                           : device->id.data,
                                presence_name(facts->device_presence)));

    if (facts->device_presence != COMPLIANCE_PRESENT) {
        return;
    }

    line("    state", compliance_state_name(device->state));
    line("    owner", device->owner.len == 0 ? "-"
                      : ctl_escape(ctl_str(device->owner.data)));
    line("    risk", compliance_risk_name(device->risk));
    line("    management", compliance_management_name(device->management));

    if (device->grace_until != 0) {
        line("    grace", ctl_format("until %s",
                                     ctl_time_format(device->grace_until)));
    }

    if (device->last_checkin != 0) {
        line("    check-in", ctl_time_format(device->last_checkin));
    }

    if (device->override != COMPLIANCE_OVERRIDE_NONE) {
        line("    override", ctl_format("%s%s%s",
                 compliance_override_name(device->override),
                 device->override_until == 0 ? "" : " until ",
                 device->override_until == 0 ? ""
                     : ctl_time_format(device->override_until)));
    }
}


static void
print_facts(const ctl_explanation_t *e)
{
    const compliance_facts_t *facts = &e->lookup.facts;

    puts("\nfacts");

    if (facts->ambiguous) {
        line("  ambiguous", "the names led to different records");
    }

    print_device(facts);

    if (!facts->user_claimed) {
        line("  user", "none");
        return;
    }

    line("  user", ctl_format("%s (%s)",
             ctl_escape(ctl_str(facts->user.principal.data)),
             presence_name(facts->user_presence)));

    if (facts->user_presence == COMPLIANCE_PRESENT) {
        line("    groups", facts->user.groups[0] == '\0'
                           ? "- (default)"
                           : ctl_escape(ctl_str(facts->user.groups)));

        if (facts->user.break_glass) {
            line("    break-glass", "yes");
        }

        if (facts->user.blocked) {
            line("    blocked", "yes");
        }
    }
}


static void
print_groups(const ctl_explanation_t *e)
{
    static const char *const headings[] = {
        "GROUP", "MODE", "IN SCOPE", "ENFORCED", "VERDICT", "REASON"
    };

    ctl_table_t              *table = ctl_table(6, headings);
    const compliance_group_t *standard = &e->snapshot.groups[0];

    puts("\ngroups judged, in order");

    for (size_t i = 0; i < e->trace.n; i++) {
        const compliance_judgement_t *judgement = &e->trace.judgements[i];

        ctl_table_row(table, (const char *[]) {
            judgement->group->name, mode_name(judgement->group->mode),
            judgement->in_scope ? "yes" : "no",
            judgement->enforced ? "yes" : "no",
            compliance_verdict_name(judgement->verdict),
            compliance_reason_name(judgement->reason) });
    }

    if (e->trace.n > 0) {
        ctl_table_print(table);
    } else {
        puts("none: it was decided before the groups");
    }

    printf("\ngroup default: mode %s, unknown_user %s, unknown_device %s\n",
           mode_name(standard->mode),
           standard->unknown_user_allow ? "allow" : "block",
           standard->unknown_device_allow ? "allow" : "block");
}


void
ctl_explain_text(const ctl_explanation_t *e)
{
    print_verdict(e);
    print_request(e);
    print_lookup(e);
    print_facts(e);
    print_groups(e);
}


static void
set_text(json_t *object, const char *key, const char *text)
{
    ctl_json_set(object, key, ctl_json_text(ctl_str(text)));
}


static json_t *
request_json(const ctl_explanation_t *e)
{
    const compliance_request_t *request = &e->request;
    json_t *object = ctl_json_object(), *claims = ctl_json_array(), *claim;

    set_text(object, "protocol", compliance_protocol_name(request->protocol));
    set_text(object, "user", request->user.len == 0 ? NULL
                             : request->user.data);
    set_text(object, "user_source", user_source_name(request->user_source));
    ctl_json_set(object, "malformed",
                 ctl_json_bool(request->identity != COMPLIANCE_OK));
    ctl_json_set(object, "device_free", ctl_json_bool(request->device_free));

    for (size_t i = 0; i < request->n_claims; i++) {
        claim = ctl_json_object();
        set_text(claim, "device", claim_name(&request->claims[i]));
        set_text(claim, "source",
                 device_source_name(request->claims[i].source));
        ctl_json_add(claims, claim);
    }

    ctl_json_set(object, "devices", claims);

    return object;
}


static json_t *
lookup_json(const ctl_explanation_t *e)
{
    json_t *array = ctl_json_array(), *step;

    for (size_t i = 0; i < e->n_steps; i++) {
        step = ctl_json_object();
        set_text(step, "key", e->steps[i].key);
        set_text(step, "answer", e->steps[i].answer);
        ctl_json_add(array, step);
    }

    return array;
}


static json_t *
device_json(const compliance_facts_t *facts)
{
    const compliance_device_t *device = &facts->device;
    json_t                    *object = ctl_json_object();

    set_text(object, "presence", !facts->device_claimed ? "none presented"
                                 : presence_name(facts->device_presence));
    set_text(object, "id", device->id.len == 0 ? NULL : device->id.data);

    if (!facts->device_claimed
        || facts->device_presence != COMPLIANCE_PRESENT)
    {
        return object;
    }

    set_text(object, "state", compliance_state_name(device->state));
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
    const compliance_facts_t *facts = &e->lookup.facts;
    json_t                   *object = ctl_json_object();
    json_t                   *user = ctl_json_object();

    set_text(user, "presence", !facts->user_claimed ? "none presented"
                               : presence_name(facts->user_presence));

    if (facts->user_claimed) {
        set_text(user, "name", facts->user.principal.data);
        set_text(user, "groups", facts->user.groups);
        ctl_json_set(user, "break_glass",
                     ctl_json_bool(facts->user.break_glass));
        ctl_json_set(user, "blocked", ctl_json_bool(facts->user.blocked));
    }

    ctl_json_set(object, "ambiguous", ctl_json_bool(facts->ambiguous));
    ctl_json_set(object, "device", device_json(facts));
    ctl_json_set(object, "user", user);

    return object;
}


static json_t *
groups_json(const ctl_explanation_t *e)
{
    json_t *array = ctl_json_array(), *object;

    for (size_t i = 0; i < e->trace.n; i++) {
        const compliance_judgement_t *judgement = &e->trace.judgements[i];

        object = ctl_json_object();
        set_text(object, "group", judgement->group->name);
        set_text(object, "mode", mode_name(judgement->group->mode));
        ctl_json_set(object, "in_scope", ctl_json_bool(judgement->in_scope));
        ctl_json_set(object, "enforced", ctl_json_bool(judgement->enforced));
        set_text(object, "verdict",
                 compliance_verdict_name(judgement->verdict));
        set_text(object, "reason", compliance_reason_name(judgement->reason));
        ctl_json_add(array, object);
    }

    return array;
}


void
ctl_explain_json(const ctl_explanation_t *e)
{
    const compliance_decision_t *decision = &e->decision;
    const compliance_group_t    *standard = &e->snapshot.groups[0];
    json_t *object = ctl_json_object(), *group = ctl_json_object();

    set_text(object, "verdict", compliance_verdict_name(decision->verdict));
    set_text(object, "reason", compliance_reason_name(decision->reason));
    set_text(object, "detail", why(e));
    set_text(object, "group", decision->group == NULL ? NULL
                              : decision->group->name);
    ctl_json_set(object, "would_block", ctl_json_bool(decision->would_block));
    set_text(object, "would_reason", !decision->would_block ? NULL
             : compliance_reason_name(decision->would_reason));
    ctl_json_set(object, "warn", ctl_json_bool(decision->warn));
    ctl_json_set(object, "break_glass", ctl_json_bool(decision->break_glass));
    ctl_json_set(object, "audit", ctl_json_bool(decision->audit));
    set_text(object, "binding", compliance_binding_name(decision->binding));
    ctl_json_set(object, "at", ctl_json_int(e->at));
    ctl_json_set(object, "deadline", ctl_json_int(decision->deadline));
    ctl_json_set(object, "request", request_json(e));
    ctl_json_set(object, "lookup", lookup_json(e));
    ctl_json_set(object, "facts", facts_json(e));
    ctl_json_set(object, "groups", groups_json(e));

    set_text(group, "mode", mode_name(standard->mode));
    set_text(group, "unknown_user",
             standard->unknown_user_allow ? "allow" : "block");
    set_text(group, "unknown_device",
             standard->unknown_device_allow ? "allow" : "block");
    ctl_json_set(object, "default_group", group);
    ctl_json_print(object);
}
