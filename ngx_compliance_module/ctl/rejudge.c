/*
 * Devices judged by a candidate's policies, in memory: what `policy apply`
 * would make of the record, without writing it.
 */
#include "replay.h"

#include <string.h>


enum {
    PLATFORM = 0,
    MDM_STATE,
    NONCOMPLIANT_SINCE,
    UPDATED,
    FIELDS
};

static const char *const fields[FIELDS] = {
    "platform", "mdm_state", "noncompliant_since", "updated"
};


static int64_t
number(compliance_str_t text)
{
    int64_t value;

    return compliance_parse_uint(text, &value) ? value : 0;
}


static bool
is_asked(const ctl_case_t *of)
{
    const compliance_facts_t *facts = &of->lookup.facts;

    return facts->device_claimed
           && facts->device_presence == COMPLIANCE_PRESENT
           && facts->device.state != COMPLIANCE_STATE_RETIRED;
}


static void
judge(ctl_t *ctl, const ctl_candidate_t *candidate,
    const compliance_str_t *values, compliance_str_t text, ctl_rejudged_t *out)
{
    json_t *json = NULL;
    compliance_judgement_of_device_t judged;
    compliance_inventory_t device = {
        .platform = values[PLATFORM],
        .mdm_said = values[MDM_STATE].data != NULL,
        .mdm_state = compliance_state_parse(values[MDM_STATE]),
        .noncompliant_since = number(values[NONCOMPLIANT_SINCE]),
        .now = number(values[UPDATED])
    };

    if (!ctl_candidate_concerns(candidate, values[PLATFORM])
        || (text.data == NULL && !device.mdm_said))
    {
        return;
    }

    if (device.now == 0) {
        device.now = ctl->now;
    }

    if (text.data != NULL) {
        json = json_loadb(text.data, text.len, 0, NULL);
    }

    if (json_is_object(json)) {
        device.inventory = json;
        device.mdm_reasons = ctl_str(json_string_value(
                                 json_object_get(json, "mdm_reasons")));
        device.mdm_grace_until = (int64_t) json_integer_value(
                                 json_object_get(json, "mdm_grace_until"));
    }

    compliance_policies_judge(
        (const compliance_policy_t *const *) candidate->policies,
        candidate->n_policies, &device, &judged);

    /* a grace that begins with the policy begins today */
    if (device.noncompliant_since == 0 && judged.noncompliant_since > 0) {
        device.noncompliant_since = ctl->now;
        compliance_policies_judge(
            (const compliance_policy_t *const *) candidate->policies,
            candidate->n_policies, &device, &judged);
    }

    *out = (ctl_rejudged_t) { true, judged.state, judged.grace_until };
    json_decref(json);
}


void
ctl_rejudge(ctl_t *ctl, const ctl_candidate_t *candidate,
    ctl_case_t *const *cases, size_t n, ctl_rejudged_t *out)
{
    ctl_mark_t mark = ctl_mark();

    for (size_t i = 0; i < n; i++) {
        const compliance_device_id_t *id = &cases[i]->lookup.facts.device.id;

        if (is_asked(cases[i])) {
            ctl_store_send(ctl, "HMGET %s %s %s %s %s",
                           ctl_key_device(ctl, id), fields[PLATFORM],
                           fields[MDM_STATE], fields[NONCOMPLIANT_SINCE],
                           fields[UPDATED]);
            ctl_store_send(ctl, "GET %s", ctl_key_inventory(ctl, id));
        }
    }

    for (size_t i = 0; i < n; i++) {
        redisReply       *reply;
        compliance_str_t  values[FIELDS];

        if (!is_asked(cases[i])) {
            continue;
        }

        reply = ctl_store_receive(ctl);
        ctl_reply_expect(reply, REDIS_REPLY_ARRAY, "a device's fields");

        for (size_t k = 0; k < FIELDS; k++) {
            values[k] = k < reply->elements ? ctl_reply_text(reply->element[k])
                                            : compliance_absent;
        }

        judge(ctl, candidate, values, ctl_reply_text(ctl_store_receive(ctl)),
              &out[i]);
    }

    ctl_release(mark);
}
