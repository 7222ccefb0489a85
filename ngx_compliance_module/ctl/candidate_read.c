/*
 * Reading and checking a candidate set.  Everything is checked, against the
 * same tables as `group set` and by the same parser as `policy apply`, before
 * anybody judges by it: a slip must not look like a policy.
 */
#include "candidate.h"
#include "group.h"

#include <stdlib.h>
#include <string.h>


static void
release_json(void *object)
{
    json_decref(object);
}


static void
release_policy(void *object)
{
    compliance_policy_free(object);
}


/* "7", true and "7d" are what an administrator may write. */
static compliance_str_t
value_text(const json_t *value, const char *where, const char *group,
    const char *field)
{
    if (json_is_string(value)
        && strlen(json_string_value(value)) == json_string_length(value))
    {
        return ctl_str(json_string_value(value));
    }

    if (json_is_integer(value)) {
        return ctl_str(ctl_format("%lld",
                                  (long long) json_integer_value(value)));
    }

    ctl_die(CTL_USAGE, "%s: groups.%s.%s is neither a text nor a number",
            where, ctl_escape(ctl_str(group)), ctl_escape(ctl_str(field)));
}


/* The settings of one group, checked; their canonical texts go back into the
 * object. */
static void
check_group(ctl_t *ctl, const char *where, const char *name, json_t *settings)
{
    json_t            *value;
    const char        *field;
    ctl_changes_t      changes = { 0, 0, NULL };
    const ctl_kind_t  *kind = ctl_group_kind();

    json_object_foreach(settings, field, value) {
        compliance_str_t text = value_text(value, where, name, field);

        if (ctl_field_find(kind, ctl_str(field)) == NULL) {
            const char *names[64], *nearest;
            size_t      n = 0;

            while (n < kind->n && n < 64) {
                names[n] = kind->fields[n].name;
                n++;
            }

            nearest = ctl_nearest(field, names, n);
            ctl_die(CTL_USAGE, "%s: groups.%s has no setting \"%s\"%s%s%s",
                    where, name, ctl_escape(ctl_str(field)),
                    nearest == NULL ? "" : "; did you mean \"",
                    nearest == NULL ? "" : nearest,
                    nearest == NULL ? "" : "\"?");
        }

        ctl_changes_assign(ctl, kind, &changes, ctl_str(field), text);
    }

    for (size_t i = 0; i < changes.n; i++) {
        ctl_json_set(settings, changes.items[i].field->name,
                     ctl_json_text(changes.items[i].value.data != NULL
                                   ? changes.items[i].value
                                   : compliance_str("")));
    }
}


static void
check_groups(ctl_t *ctl, const char *where, ctl_candidate_t *candidate)
{
    json_t     *groups = json_object_get(candidate->json, "groups"), *value;
    const char *name;

    if (groups == NULL) {
        return;
    }

    if (!json_is_object(groups)) {
        ctl_die(CTL_USAGE, "%s: \"groups\" is no object of groups", where);
    }

    json_object_foreach(groups, name, value) {
        if (!compliance_group_name_valid(ctl_str(name))) {
            ctl_die(CTL_USAGE, "%s: \"%s\" is no group name", where,
                    ctl_escape(ctl_str(name)));
        }

        candidate->n_groups++;

        if (json_is_null(value)) {
            if (ctl_group_is_default(name)) {
                ctl_die(CTL_USAGE, "%s: the group \"default\" cannot be taken "
                        "away; give it \"mode\": \"off\"", where);
            }

            continue;
        }

        if (!json_is_object(value)) {
            ctl_die(CTL_USAGE, "%s: groups.%s is neither an object of "
                    "settings nor null", where, name);
        }

        check_group(ctl, where, name, value);
    }
}


static compliance_policy_t *
parse_policy(compliance_str_t text, const char *where)
{
    compliance_policy_t       *policy;
    compliance_policy_error_t  error;

    memset(&error, 0, sizeof(error));
    policy = compliance_policy_parse(text, &error);

    if (policy == NULL) {
        ctl_die(CTL_USAGE, "%s%s%s: %s", where,
                error.path[0] == '\0' ? "" : ", ",
                ctl_escape(ctl_str(error.path)),
                ctl_escape(ctl_str(error.message)));
    }

    ctl_keep(policy, release_policy);

    return policy;
}


static const char *
is_replaced(const ctl_candidate_t *candidate, const char *name)
{
    for (size_t i = 0; i < candidate->n_own; i++) {
        const char *own = compliance_policy_name(candidate->policies[i]);

        if (strcmp(own, name) == 0) {
            return own;
        }
    }

    return NULL;
}


static void
check_policies(ctl_t *ctl, const char *where, ctl_candidate_t *candidate)
{
    char   *text;
    json_t *policies = json_object_get(candidate->json, "policies");
    size_t  n;

    (void) ctl;

    if (policies == NULL) {
        return;
    }

    n = json_array_size(policies);

    if (!json_is_array(policies) || n > COMPLIANCE_POLICIES_MAX) {
        ctl_die(CTL_USAGE, "%s: \"policies\" is no array of at most %d "
                "policies", where, COMPLIANCE_POLICIES_MAX);
    }

    candidate->policies = ctl_alloc_array(n + COMPLIANCE_POLICIES_MAX,
                                          sizeof(compliance_policy_t *));
    candidate->replaced = ctl_alloc_array(COMPLIANCE_POLICIES_MAX,
                                          sizeof(compliance_policy_t *));

    for (size_t i = 0; i < n; i++) {
        compliance_policy_t *policy;

        text = json_dumps(json_array_get(policies, i),
                          JSON_COMPACT | JSON_ENCODE_ANY);
        if (text == NULL) {
            ctl_die(CTL_STORE, "out of memory");
        }

        ctl_keep(text, free);
        policy = parse_policy(ctl_str(text),
                              ctl_format("%s: policies[%zu]", where, i));

        if (is_replaced(candidate, compliance_policy_name(policy)) != NULL) {
            ctl_die(CTL_USAGE, "%s: two policies are named \"%s\"", where,
                    ctl_escape(ctl_str(compliance_policy_name(policy))));
        }

        candidate->policies[i] = policy;
        candidate->n_own = candidate->n_policies = i + 1;
    }
}


/* The live policies lie beneath the candidate's. */
static void
add_live_policies(ctl_t *ctl, ctl_candidate_t *candidate)
{
    size_t       n;
    redisReply  *reply;
    const char **names;

    if (candidate->n_own == 0) {
        return;
    }

    names = ctl_store_members(ctl, ctl_key_policies(ctl), &n);

    for (size_t i = 0; i < n && i < COMPLIANCE_POLICIES_MAX; i++) {
        compliance_policy_t *policy;

        reply = ctl_store_ask(ctl, "GET %s", ctl_key_policy(ctl, names[i]));

        if (reply->type != REDIS_REPLY_STRING) {
            continue;
        }

        policy = parse_policy(ctl_reply_text(reply),
                              ctl_format("the live policy %s",
                                         ctl_escape(ctl_str(names[i]))));

        if (is_replaced(candidate, names[i]) != NULL) {
            candidate->replaced[candidate->n_replaced++] = policy;
        } else {
            candidate->policies[candidate->n_policies++] = policy;
        }
    }
}


static void
check_members(const ctl_candidate_t *candidate, const char *where)
{
    static const char *const known[] = { "id", "created", "by", "groups",
                                         "policies" };

    json_t     *value;
    bool        is = false;
    const char *name, *nearest;

    json_object_foreach(candidate->json, name, value) {
        is = false;

        for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
            is = is || strcmp(name, known[i]) == 0;
        }

        if (!is) {
            nearest = ctl_nearest(name, known,
                                  sizeof(known) / sizeof(known[0]));
            ctl_die(CTL_USAGE, "%s: unknown member \"%s\"; %s%s%s", where,
                    ctl_escape(ctl_str(name)),
                    nearest == NULL ? "it expects " : "did you mean \"",
                    nearest == NULL ? "groups and policies" : nearest,
                    nearest == NULL ? "" : "\"?");
        }
    }
}


ctl_candidate_t *
ctl_candidate_read(ctl_t *ctl, compliance_str_t text, const char *where)
{
    json_error_t     error;
    ctl_candidate_t *candidate = ctl_alloc(sizeof(*candidate));

    candidate->json = json_loadb(text.data, text.len, JSON_REJECT_DUPLICATES,
                                 &error);
    if (candidate->json == NULL) {
        ctl_die(CTL_USAGE, "%s, line %d: %s", where, error.line,
                ctl_escape(ctl_str(error.text)));
    }

    ctl_keep(candidate->json, release_json);

    if (!json_is_object(candidate->json)) {
        ctl_die(CTL_USAGE, "%s: it expects an object with \"groups\", "
                "\"policies\" or both", where);
    }

    check_members(candidate, where);
    check_groups(ctl, where, candidate);
    check_policies(ctl, where, candidate);

    if (candidate->n_groups + candidate->n_own == 0) {
        ctl_die(CTL_USAGE, "%s: it changes nothing; it expects \"groups\", "
                "\"policies\" or both", where);
    }

    add_live_policies(ctl, candidate);

    return candidate;
}


ctl_candidate_t *
ctl_candidate_file(ctl_t *ctl, const char *path)
{
    return ctl_candidate_read(ctl,
                              ctl_read_file(path,
                                            COMPLIANCE_CANDIDATE_TEXT_MAX),
                              ctl_escape(ctl_str(path)));
}


void
ctl_candidate_apply(ctl_t *ctl, const ctl_candidate_t *candidate,
    ctl_sets_t *sets)
{
    char *text = ctl_candidate_text(candidate);

    (void) ctl;

    switch (compliance_candidate_apply(ctl_str(text), &sets->changed)) {

    case COMPLIANCE_OK:
        return;

    case COMPLIANCE_TOO_LONG:
        ctl_die(CTL_CONFLICT, "with the candidate there would be more than %d "
                "groups, and gateways read no more", COMPLIANCE_GROUPS_MAX);

    case COMPLIANCE_NO_MEMORY:
        ctl_die(CTL_STORE, "out of memory");

    case COMPLIANCE_ABSENT:
    case COMPLIANCE_MALFORMED:
    case COMPLIANCE_AMBIGUOUS:
    case COMPLIANCE_EXPIRED:
    case COMPLIANCE_FORGED:
        break;
    }

    ctl_die(CTL_CONTENT, "the gateways could not read this candidate set");
}


char *
ctl_candidate_text(const ctl_candidate_t *candidate)
{
    char *text = json_dumps(candidate->json, JSON_COMPACT);

    if (text == NULL) {
        ctl_die(CTL_STORE, "out of memory");
    }

    ctl_keep(text, free);

    return text;
}


bool
ctl_candidate_concerns(const ctl_candidate_t *candidate,
    compliance_str_t platform)
{
    for (size_t i = 0; i < candidate->n_own; i++) {
        if (compliance_policy_concerns(candidate->policies[i], platform)) {
            return true;
        }
    }

    for (size_t i = 0; i < candidate->n_replaced; i++) {
        if (compliance_policy_concerns(candidate->replaced[i], platform)) {
            return true;
        }
    }

    return false;
}
