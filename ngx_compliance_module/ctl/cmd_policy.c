/*
 * policy apply and delete.  What changes is told before it is done, the
 * policies are stored first, and the devices judged behind them: a command
 * that was interrupted is run again and arrives at the same state.
 */
#include "policies.h"
#include "history.h"

#include <string.h>
#include <unistd.h>


static const char *
result_of(const ctl_policy_t *policy)
{
    if (policy->text.data == NULL) {
        return "deleted";
    }

    return policy->stored.data == NULL ? "created"
           : compliance_str_eq(policy->text, policy->stored) ? "unchanged"
           : "changed";
}


static bool
is_changed(const ctl_policies_t *plan)
{
    for (size_t i = 0; i < plan->n; i++) {
        if (plan->policies[i].touched
            && strcmp(result_of(&plan->policies[i]), "unchanged") != 0)
        {
            return true;
        }
    }

    return false;
}


static json_t *
policies_json(const ctl_policies_t *plan)
{
    json_t *list = ctl_json_array();

    for (size_t i = 0; i < plan->n; i++) {
        const ctl_policy_t *policy = &plan->policies[i];
        json_t             *json;

        if (!policy->touched) {
            continue;
        }

        json = ctl_json_object();
        ctl_json_set(json, "policy", ctl_json_text(ctl_str(policy->name)));
        ctl_json_set(json, "result", ctl_json_text(ctl_str(
                                         result_of(policy))));
        ctl_json_add(list, json);
    }

    return list;
}


static void
print_plan(const ctl_policies_t *plan, const ctl_judged_t *judged)
{
    for (size_t i = 0; i < plan->n; i++) {
        if (plan->policies[i].touched) {
            printf("policy %s: %s\n", plan->policies[i].name,
                   result_of(&plan->policies[i]));
        }
    }

    ctl_judged_print(judged);
}


/* A terminal is asked, a script is told. */
static void
ask(const ctl_t *ctl, const ctl_judged_t *judged)
{
    char answer[16];

    if (judged->records == 0 || ctl_given(ctl, CTL_OPT_YES)) {
        return;
    }

    if (ctl->json) {
        ctl_warn("%lld devices change, %lld are newly blocked",
                 (long long) judged->records,
                 (long long) judged->newly_blocked);
    }

    (void) fflush(stdout);

    if (isatty(STDIN_FILENO) == 1 && isatty(STDERR_FILENO) == 1) {
        fputs("Do it? [y/N] ", stderr);
        (void) fflush(stderr);

        if (fgets(answer, sizeof(answer), stdin) != NULL
            && (answer[0] == 'y' || answer[0] == 'Y'))
        {
            return;
        }
    }

    ctl_die(CTL_CONFLICT, "nothing was written; --yes does it without asking");
}


static json_t *
summary(const ctl_policies_t *plan, const ctl_judged_t *judged)
{
    json_t *json = ctl_json_object();

    ctl_json_set(json, "policies", policies_json(plan));
    ctl_json_set(json, "devices", ctl_judged_json(judged));

    return json;
}


static void
report(const ctl_t *ctl, const ctl_policies_t *plan,
    const ctl_judged_t *judged, bool written)
{
    json_t *json;

    if (ctl->json) {
        json = summary(plan, judged);
        ctl_json_set(json, "written", ctl_json_bool(written));
        ctl_json_print(json);

    } else if (!written) {
        puts(ctl_given(ctl, CTL_OPT_DRY_RUN) ? "dry run: nothing was written"
                                             : "nothing had to be written");

    } else {
        printf("done: %lld devices were changed, %lld of them in their "
               "state, %lld are newly blocked\n", (long long) judged->records,
               (long long) judged->states, (long long) judged->newly_blocked);
    }
}


static ctl_exit_t
carry_out(ctl_t *ctl, ctl_policies_t *plan)
{
    ctl_judged_t *judged = ctl_alloc(sizeof(*judged));
    bool          settled;

    if (plan->half_done != NULL) {
        ctl_warn("a change of policies (%s) was interrupted before all devices "
                 "were judged, or is still running; this one judges every "
                 "device and so completes it", plan->half_done);
    }

    ctl_policies_judge(ctl, plan, true, judged);

    if (!ctl->json) {
        print_plan(plan, judged);
    }

    if (ctl_given(ctl, CTL_OPT_DRY_RUN)
        || (judged->records == 0 && !is_changed(plan)
            && plan->half_done == NULL))
    {
        report(ctl, plan, judged, false);
        return CTL_DONE;
    }

    ask(ctl, judged);
    ctl_policies_store(ctl, plan);
    ctl_policies_judge(ctl, plan, false, judged);
    settled = ctl_policies_settle(ctl, plan);
    ctl_audit_summary(ctl, summary(plan, judged));
    report(ctl, plan, judged, true);

    if (!settled) {
        ctl_warn("somebody else has changed a policy meanwhile; judge all "
                 "devices by what is stored now with: compliancectl policy "
                 "apply");
    }

    return CTL_DONE;
}


ctl_exit_t
ctl_policy_apply(ctl_t *ctl)
{
    ctl_policies_t plan;

    ctl_policies_plan(ctl, &plan, ctl->args, ctl->n_args, NULL);

    return carry_out(ctl, &plan);
}


ctl_exit_t
ctl_policy_delete(ctl_t *ctl)
{
    ctl_policies_t plan;

    ctl_policy_check_name(ctl->args[0]);
    ctl_policies_plan(ctl, &plan, NULL, 0, ctl->args[0]);

    return carry_out(ctl, &plan);
}


void
ctl_policy_apply_details(void)
{
    puts("All files go in together.  Without a file, every device is judged "
         "again by the\npolicies that are stored: after an undo, a restore, or "
         "an apply that was\ninterrupted.  What changes is told first; without "
         "a terminal, --yes is needed\nwhere a device changes.");
}
