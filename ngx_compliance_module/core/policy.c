/*
 * What the policies say of a device.  Every policy that concerns its platform
 * judges, and the worst of all counts; a grace period runs from the day the
 * device stopped being compliant, and of several the one that ends first
 * holds.  Next: the writer of the record (ctl/bulk.c).
 */
#include "policy_private.h"

#include <string.h>


#define COMPLIANCE_DAY_SECONDS  86400
#define COMPLIANCE_TIME_MAX     INT64_C(253402300799)   /* the year 9999 */

/* What is gathered over all verdicts of one device. */
typedef struct {
    bool                      judged;       /* anybody had a verdict */
    bool                      failed;
    bool                      unknown;      /* the MDM does not know */
    bool                      retired;
    bool                      no_grace;     /* one failure has none, or its
                                               grace is over */
    int64_t                   since;
    int64_t                   grace_until;  /* the first end; 0: none */
    compliance_buf_t          reasons;
    const compliance_policy_t *first, *failing;
} compliance_sum_t;


const char *
compliance_policy_name(const compliance_policy_t *policy)
{
    return policy->name;
}


const json_t *
compliance_policy_json(const compliance_policy_t *policy)
{
    return policy->root;
}


bool
compliance_platform_in(const json_t *platforms, compliance_str_t platform)
{
    size_t  i;
    json_t *item;

    if (platforms == NULL) {
        return true;
    }

    json_array_foreach((json_t *) platforms, i, item) {
        if (compliance_str_eq(platform,
                (compliance_str_t) { json_string_value(item),
                                     json_string_length(item) }))
        {
            return true;
        }
    }

    return false;
}


bool
compliance_policy_concerns(const compliance_policy_t *policy,
    compliance_str_t platform)
{
    return compliance_platform_in(policy->platforms, platform);
}


/* The text of the whole tag, else of its language, else English, else any. */
static const char *
compliance_text_in(json_t *texts, compliance_str_t locale)
{
    size_t      language = 0;
    json_t     *text;
    const char *tag, *best = NULL;
    int         rank, best_rank = 0;

    while (language < locale.len && locale.data[language] != '-'
           && locale.data[language] != '_')
    {
        language++;
    }

    json_object_foreach(texts, tag, text) {
        rank = compliance_str_is(locale, tag) ? 4
               : compliance_str_is((compliance_str_t) { locale.data,
                                                        language }, tag) ? 3
               : strcmp(tag, "en") == 0 ? 2 : 1;

        if (rank > best_rank) {
            best_rank = rank;
            best = json_string_value(text);
        }
    }

    return best;
}


const char *
compliance_policy_remediation(const compliance_policy_t *policy,
    compliance_str_t platform, compliance_str_t reason,
    compliance_str_t locale)
{
    json_t     *platforms, *texts, *any = NULL, *its = NULL;
    const char *name;

    if (policy->remediation == NULL || reason.data == NULL) {
        return NULL;
    }

    json_object_foreach((json_t *) policy->remediation, name, platforms) {
        if (strlen(name) != reason.len
            || memcmp(name, reason.data, reason.len) != 0)
        {
            continue;
        }

        json_object_foreach(platforms, name, texts) {
            if (strcmp(name, "any") == 0) {
                any = texts;

            } else if (platform.data != NULL && strlen(name) == platform.len
                       && memcmp(name, platform.data, platform.len) == 0)
            {
                its = texts;
            }
        }

        break;
    }

    if (its == NULL) {
        its = any;
    }

    return its == NULL ? NULL : compliance_text_in(its, locale);
}


/* Each once, and only whole ones. */
static void
compliance_reason_add(compliance_sum_t *sum, compliance_str_t reason)
{
    compliance_str_t list = { sum->reasons.data, sum->reasons.len }, item;

    while (list.len > 0 && compliance_list_item(&list, &item)) {
        if (compliance_str_eq(item, reason)) {
            return;
        }
    }

    if (reason.len == 0
        || sum->reasons.len + 1 + reason.len > COMPLIANCE_REASONS_MAX)
    {
        return;
    }

    if (sum->reasons.len > 0) {
        compliance_buf_str(&sum->reasons, ",");
    }

    compliance_buf_add(&sum->reasons, reason.data, reason.len);
}


/* One failure: it is forgiven until `grace_until`, or not at all. */
static void
compliance_failure(compliance_sum_t *sum, int64_t grace_until, int64_t now)
{
    sum->failed = true;

    if (grace_until <= now) {
        sum->no_grace = true;
        return;
    }

    if (sum->grace_until == 0 || grace_until < sum->grace_until) {
        sum->grace_until = grace_until;
    }
}


static void
compliance_policy_judge(const compliance_policy_t *policy,
    const compliance_inventory_t *device, compliance_sum_t *sum)
{
    sum->judged = true;

    if (sum->first == NULL) {
        sum->first = policy;
    }

    for (size_t i = 0; i < policy->n_rules; i++) {
        const compliance_rule_t *rule = &policy->rules[i];
        int64_t days = rule->own_grace ? rule->grace_days
                                       : policy->grace_days;

        if (!compliance_platform_in(rule->platforms, device->platform)
            || compliance_rule_holds(rule, device->inventory, device->now))
        {
            continue;
        }

        if (sum->failing == NULL) {
            sum->failing = policy;
        }

        compliance_reason_add(sum, (compliance_str_t) { rule->reason,
                                                        strlen(rule->reason) });
        compliance_failure(sum, sum->since + days * COMPLIANCE_DAY_SECONDS,
                           sum->since > device->now ? sum->since
                                                    : device->now);
    }
}


static void
compliance_mdm_reasons(compliance_sum_t *sum,
    const compliance_inventory_t *device, compliance_str_t otherwise)
{
    compliance_str_t list = device->mdm_reasons, item;

    if (list.data == NULL || list.len == 0) {
        compliance_reason_add(sum, otherwise);
        return;
    }

    while (compliance_list_item(&list, &item)) {
        compliance_reason_add(sum, item);
    }
}


static void
compliance_mdm_judge(const compliance_inventory_t *device,
    compliance_sum_t *sum)
{
    sum->judged = true;

    switch (device->mdm_state) {

    case COMPLIANCE_STATE_COMPLIANT:
        return;

    case COMPLIANCE_STATE_UNKNOWN:
        sum->unknown = true;
        return;

    case COMPLIANCE_STATE_RETIRED:
        sum->retired = true;
        return;

    case COMPLIANCE_STATE_GRACE:
        compliance_mdm_reasons(sum, device,
                               compliance_str("mdm_noncompliant"));
        compliance_failure(sum, device->mdm_grace_until, device->now);
        return;

    case COMPLIANCE_STATE_NONCOMPLIANT:
        compliance_mdm_reasons(sum, device,
                               compliance_str("mdm_noncompliant"));
        compliance_failure(sum, 0, device->now);
        return;
    }
}


/* The worst, by what it admits: retired, noncompliant, unknown, grace. */
static compliance_state_t
compliance_worst(const compliance_sum_t *sum)
{
    if (sum->retired) {
        return COMPLIANCE_STATE_RETIRED;
    }

    if (sum->failed && sum->no_grace) {
        return COMPLIANCE_STATE_NONCOMPLIANT;
    }

    if (sum->unknown || !sum->judged) {
        return COMPLIANCE_STATE_UNKNOWN;
    }

    return sum->failed ? COMPLIANCE_STATE_GRACE : COMPLIANCE_STATE_COMPLIANT;
}


void
compliance_policies_judge(const compliance_policy_t *const *policies,
    size_t n, const compliance_inventory_t *device,
    compliance_judgement_of_device_t *out)
{
    bool             concerned = false, ignored = true;
    int64_t          since;
    compliance_sum_t sum;

    memset(out, 0, sizeof(*out));
    memset(&sum, 0, sizeof(sum));
    compliance_buf_init(&sum.reasons, out->reasons, sizeof(out->reasons));
    /* It may lie behind `now`: a policy can come after the inventory. */
    since = device->noncompliant_since > 0
            && device->noncompliant_since <= COMPLIANCE_TIME_MAX
            ? device->noncompliant_since : 0;
    sum.since = since > 0 ? since : device->now;

    for (size_t i = 0; i < n; i++) {
        if (policies[i] == NULL
            || !compliance_policy_concerns(policies[i], device->platform))
        {
            continue;
        }

        concerned = true;
        ignored &= policies[i]->mdm_ignored;
        compliance_policy_judge(policies[i], device, &sum);
    }

    /* only where all that concern it say so */
    if (device->mdm_said && !(concerned && ignored)) {
        compliance_mdm_judge(device, &sum);
    }

    out->state = compliance_worst(&sum);
    out->grace_until = out->state == COMPLIANCE_STATE_GRACE ? sum.grace_until
                                                            : 0;
    out->noncompliant_since = sum.failed ? sum.since
                              : out->state == COMPLIANCE_STATE_COMPLIANT ? 0
                              : since;

    if (sum.failing != NULL || sum.first != NULL) {
        strncpy(out->policy, sum.failing != NULL ? sum.failing->name
                                                 : sum.first->name,
                sizeof(out->policy) - 1);
    }
}
