/*
 * Policies are stored first and the devices judged afterwards; a mark in
 * `meta` says so in between.  Whoever is interrupted finds it, and runs the
 * command again: judging is repeatable.
 */
#include "policies.h"

#include <string.h>


#define MARK  "policy_apply"


const char *
ctl_policies_half_done(ctl_t *ctl)
{
    compliance_str_t text = ctl_reply_text(ctl_store_ask(ctl, "HGET %s %s",
                                               ctl_key_meta(ctl), MARK));

    return text.data == NULL ? NULL : ctl_escape(text);
}


/* Are the stored policies what the plan has read (or, settled, what it has
 * written)?  Watches them. */
static bool
are_as_planned(ctl_t *ctl, const ctl_policies_t *plan, bool settled)
{
    size_t      n = 0;
    const char *policies = ctl_key_policies(ctl);

    ctl_store_watch(ctl, policies);

    for (size_t i = 0; i < plan->n; i++) {
        const ctl_policy_t *policy = &plan->policies[i];
        const char         *key = ctl_key_policy(ctl, policy->name);
        compliance_str_t    wanted = settled ? policy->text : policy->stored;

        ctl_store_watch(ctl, key);
        n += settled ? policy->text.data != NULL : policy->listed;

        if (!compliance_str_eq(wanted,
                ctl_reply_text(ctl_store_ask(ctl, "GET %s", key)))
            && (wanted.data != NULL
                || ctl_store_ask(ctl, "EXISTS %s", key)->integer != 0))
        {
            return false;
        }
    }

    return (size_t) ctl_store_ask(ctl, "SCARD %s", policies)->integer == n;
}


/* "ios, windows; by root" */
static compliance_str_t
mark_text(const ctl_policies_t *plan)
{
    const char *text = "";

    for (size_t i = 0; i < plan->n; i++) {
        if (plan->policies[i].touched) {
            text = ctl_format("%s%s%s", text, text[0] == '\0' ? "" : ", ",
                              plan->policies[i].name);
        }
    }

    return ctl_str(ctl_format("%s; by %s", text[0] == '\0' ? "all" : text,
                              ctl_actor()));
}


static void
plan_store(ctl_t *ctl, void *data)
{
    ctl_policies_t *plan = data;
    const char     *meta = ctl_key_meta(ctl);
    const char     *policies = ctl_key_policies(ctl);
    const char     *mark;

    if (!are_as_planned(ctl, plan, false)) {
        ctl_die(CTL_CONFLICT, "somebody else has changed a policy since this "
                "was looked at; nothing was written, run it again");
    }

    for (size_t i = 0; i < plan->n; i++) {
        const ctl_policy_t *policy = &plan->policies[i];
        const char         *key = ctl_key_policy(ctl, policy->name);

        if (!policy->touched) {
            continue;
        }

        if (policy->text.data == NULL) {
            ctl_write_del(ctl, CTL_TYPE_STRING, key);
            ctl_write_srem(ctl, policies, ctl_str(policy->name));

        } else if (!policy->listed
                   || !compliance_str_eq(policy->text, policy->stored))
        {
            ctl_write_set(ctl, key, policy->text);
            ctl_write_sadd(ctl, policies, ctl_str(policy->name));
        }
    }

    mark = ctl_dup(mark_text(plan));
    ctl_store_write(ctl, CTL_TYPE_HASH, meta, "HSET %s %s %s", meta, MARK,
                    mark);
}


void
ctl_policies_store(ctl_t *ctl, ctl_policies_t *plan)
{
    ctl_store_transact(ctl, plan_store, plan);
}


typedef struct {
    const ctl_policies_t *plan;
    bool                  settled;
} settling_t;


static void
plan_settle(ctl_t *ctl, void *data)
{
    settling_t *settling = data;
    const char *meta = ctl_key_meta(ctl);

    settling->settled = are_as_planned(ctl, settling->plan, true);

    if (settling->settled) {
        ctl_store_write(ctl, CTL_TYPE_HASH, meta, "HDEL %s %s", meta, MARK);
    }
}


bool
ctl_policies_settle(ctl_t *ctl, ctl_policies_t *plan)
{
    settling_t settling = { plan, false };

    ctl_store_transact(ctl, plan_settle, &settling);

    return settling.settled;
}
