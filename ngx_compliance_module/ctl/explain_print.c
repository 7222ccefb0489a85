/*
 * An explanation for a person; explain_json.c has the program's.
 */
#include "colour.h"
#include "explain.h"

#include "../core/facts.h"

#include <string.h>


static void
line(const char *name, const char *text)
{
    printf("%-15s %s\n", name, text);
}


static void
print_verdict(const ctl_explanation_t *e)
{
    const compliance_decision_t *decision = &e->decision;

    printf("%-15s ", "verdict");
    ctl_colour_put(stdout, compliance_verdict_name(decision->verdict), 0);
    putchar('\n');
    line("reason", ctl_format("%s: %s",
                              compliance_reason_name(decision->reason),
                              compliance_reason_detail(decision->reason)));
    line("group", decision->group == NULL ? "-"
                  : ctl_format("%s (%s)", decision->group->name,
                               ctl_mode_name(decision->group->mode)));

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
    line("at", ctl_time_format(e->of.at));

    if (decision->deadline != 0) {
        line("holds until", ctl_time_format(decision->deadline));
    }
}


static void
print_request(const ctl_explanation_t *e)
{
    const compliance_request_t *request = &e->of.request;

    puts("\nrequest");
    line("  protocol", compliance_protocol_name(request->protocol));
    line("  user", ctl_format("%s (%s)",
                              request->user.len == 0 ? "-"
                              : ctl_escape(ctl_str(request->user.data)),
                              ctl_user_source_name(request->user_source)));

    if (request->identity != COMPLIANCE_OK) {
        line("  malformed", "the gateway refuses a user or device spelt like "
             "this");
    }

    if (request->device_free) {
        line("  device", "none needed");
    }

    for (size_t i = 0; i < request->n_claims; i++) {
        line("  device", ctl_format("%s (%s)",
                 ctl_escape(ctl_str(ctl_claim_name(&request->claims[i]))),
                 ctl_device_source_name(request->claims[i].source)));
    }

}


static void
print_lookup(const ctl_explanation_t *e)
{
    ctl_table_t *table = ctl_table(2, NULL);

    puts("\nlookup");

    for (size_t i = 0; i < e->steps.n; i++) {
        ctl_table_row(table, (const char *[]) {
                          ctl_format("  %s",
                                     ctl_escape(ctl_str(e->steps.items[i].key))),
                          e->steps.items[i].answer });
    }

    ctl_table_print(table);
}


static void
print_device(const ctl_explanation_t *e)
{
    const compliance_facts_t  *facts = &e->of.lookup.facts;
    const compliance_device_t *device = &facts->device;

    if (!facts->device_claimed) {
        line("  device", "none presented");
        return;
    }

    line("  device", ctl_format("%s (%s)", device->id.len == 0 ? "-"
                                           : device->id.data,
                                ctl_presence_name(facts->device_presence)));

    if (facts->device_presence != COMPLIANCE_PRESENT) {
        return;
    }

    line("    state", compliance_state_name(device->state));

    if (e->details.reasons[0] != '\0') {
        line("    reasons", ctl_escape(ctl_str(e->details.reasons)));
    }

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
    const compliance_facts_t *facts = &e->of.lookup.facts;

    puts("\nfacts");

    if (facts->ambiguous) {
        line("  ambiguous", "the names led to different records");
    }

    print_device(e);

    if (!facts->user_claimed) {
        line("  user", "none");
        return;
    }

    line("  user", ctl_format("%s (%s)",
             ctl_escape(ctl_str(facts->user.principal.data)),
             ctl_presence_name(facts->user_presence)));

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
print_steps(const ctl_explanation_t *e)
{
    ctl_table_t *table = ctl_table(2, NULL);

    puts("\nsteps, in order");

    for (int i = 0; i < COMPLIANCE_STEPS; i++) {
        const char *outcome = ctl_step_outcome(&e->trace, i);

        ctl_table_row(table, (const char *[]) {
            ctl_format("  %s", compliance_step_name((compliance_step_t) i)),
            strcmp(outcome, "decided") == 0
            ? ctl_format("decided: %s",
                         compliance_verdict_name(e->decision.verdict))
            : strcmp(outcome, "passed") == 0 ? outcome : "not reached" });
    }

    ctl_table_print(table);
}


/* Every condition of a group that was in scope. */
static void
print_conditions(const ctl_explanation_t *e,
    const compliance_judgement_t *judgement)
{
    ctl_table_t *table = ctl_table(2, NULL);

    printf("\n%s%s: %s\n", judgement->group->name,
           judgement->group == e->decision.group ? " (decided)" : "",
           ctl_judgement_why(judgement, &e->trace));

    if (!judgement->in_scope) {
        return;
    }

    for (size_t i = 0; i < COMPLIANCE_CONDITIONS; i++) {
        ctl_table_row(table, (const char *[]) {
            ctl_format("  %s", compliance_reason_name(
                                   compliance_condition_reason(i))),
            ctl_condition_text(judgement->conditions[i]) });
    }

    ctl_table_print(table);
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
            judgement->group->name, ctl_mode_name(judgement->group->mode),
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

    for (size_t i = 0; i < e->trace.n; i++) {
        print_conditions(e, &e->trace.judgements[i]);
    }

    printf("\ngroup default: mode %s, unknown_user %s, unknown_device %s\n",
           ctl_mode_name(standard->mode),
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
    print_steps(e);
    print_groups(e);
}
