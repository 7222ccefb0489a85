/*
 * The policies that are stored, and a change laid over them.  A stored policy
 * that cannot be read would judge nothing, and let in: it ends the program,
 * unless it is the one that is being replaced.
 */
#include "policies.h"

#include "../core/names.h"

#include <stdlib.h>
#include <string.h>


static void
release_policy(void *policy)
{
    compliance_policy_free(policy);
}


compliance_policy_t *
ctl_policy_parse(compliance_str_t text, compliance_policy_error_t *error)
{
    compliance_policy_t *policy = compliance_policy_parse(text, error);

    if (policy != NULL) {
        ctl_keep(policy, release_policy);
    }

    return policy;
}


const char *
ctl_policy_error(const compliance_policy_error_t *error)
{
    const char *path = ctl_escape(ctl_str(error->path));
    const char *message = ctl_escape(ctl_str(error->message));
    const char *colon = path[0] == '\0' ? "" : ": ";

    return error->line == 0 ? ctl_format("%s%s%s", path, colon, message)
                            : ctl_format("line %u: %s%s%s", error->line, path,
                                         colon, message);
}


void
ctl_policy_check_name(const char *name)
{
    if (!compliance_group_name_valid(ctl_str(name))) {
        ctl_die(CTL_USAGE, "\"%s\" is no policy name; it expects 1 to %d of "
                "a-z, 0-9, '.', '_', '-', beginning with a letter or digit",
                ctl_escape(ctl_str(name)), COMPLIANCE_GROUP_NAME_MAX);
    }
}


static CTL_NORETURN void
unreadable(const char *name, const char *why)
{
    ctl_die(CTL_CONTENT, "the stored policy \"%s\" cannot be read: %s. Nothing "
            "was judged, nothing was written; apply it anew or delete it",
            ctl_escape(ctl_str(name)), why);
}


/* NULL: *why says what is wrong with it. */
static const compliance_policy_t *
parse_stored(const char *name, compliance_str_t text, const char **why)
{
    const compliance_policy_t *policy;
    compliance_policy_error_t  error = { 0, "", "" };

    if (text.data == NULL) {
        *why = "it is in the list of policies, but its record is missing";
        return NULL;
    }

    policy = ctl_policy_parse(text, &error);

    if (policy == NULL) {
        *why = ctl_policy_error(&error);
        return NULL;
    }

    if (strcmp(compliance_policy_name(policy), name) != 0) {
        *why = "it names itself otherwise";
        return NULL;
    }

    return policy;
}


static compliance_str_t
ask_text(ctl_t *ctl, const char *name)
{
    return ctl_reply_text(ctl_store_ask(ctl, "GET %s",
                                        ctl_key_policy(ctl, name)));
}


const compliance_policy_t *const *
ctl_policies_read(ctl_t *ctl, size_t *n)
{
    const char                **names, *why = "";
    const compliance_policy_t **policies;

    names = ctl_store_members(ctl, ctl_key_policies(ctl), n);
    policies = ctl_alloc_array(*n, sizeof(compliance_policy_t *));

    for (size_t i = 0; i < *n; i++) {
        policies[i] = parse_stored(names[i], ask_text(ctl, names[i]), &why);

        if (policies[i] == NULL) {
            unreadable(names[i], why);
        }
    }

    return policies;
}


static ctl_policy_t *
find_policy(ctl_policies_t *plan, const char *name)
{
    for (size_t i = 0; i < plan->n; i++) {
        if (strcmp(plan->policies[i].name, name) == 0) {
            return &plan->policies[i];
        }
    }

    return NULL;
}


static void
read_stored(ctl_t *ctl, ctl_policies_t *plan, size_t more)
{
    size_t       n;
    const char **names = ctl_store_members(ctl, ctl_key_policies(ctl), &n);

    plan->policies = ctl_alloc_array(n + more, sizeof(*plan->policies));
    plan->n = n;

    for (size_t i = 0; i < n; i++) {
        plan->policies[i].name = names[i];
        plan->policies[i].stored = ask_text(ctl, names[i]);
        plan->policies[i].text = plan->policies[i].stored;
        plan->policies[i].listed = true;
    }
}


static void
lay_file(ctl_t *ctl, ctl_policies_t *plan, const char *file)
{
    ctl_policy_t              *policy;
    const char                *name;
    compliance_policy_t       *parsed;
    compliance_policy_error_t  error = { 0, "", "" };
    compliance_str_t text = ctl_read_file(file, COMPLIANCE_POLICY_TEXT_MAX);

    parsed = ctl_policy_parse(text, &error);

    if (parsed == NULL) {
        ctl_die(CTL_USAGE, "%s: %s", ctl_escape(ctl_str(file)),
                ctl_policy_error(&error));
    }

    name = compliance_policy_name(parsed);
    policy = find_policy(plan, name);

    if (policy == NULL) {
        policy = &plan->policies[plan->n++];
        memset(policy, 0, sizeof(*policy));
        policy->name = name;
        policy->stored = ask_text(ctl, name);

    } else if (policy->touched) {
        ctl_die(CTL_USAGE, "%s: another file has the policy \"%s\" too",
                ctl_escape(ctl_str(file)), name);
    }

    policy->text = text;
    policy->after = parsed;
    policy->touched = true;
}


static void
lay_gone(ctl_policies_t *plan, const char *gone)
{
    ctl_policy_t *policy = find_policy(plan, gone);
    const char  **names = ctl_alloc_array(plan->n, sizeof(*names)), *nearest;

    if (policy != NULL) {
        policy->text = compliance_absent;
        policy->touched = true;
        return;
    }

    for (size_t i = 0; i < plan->n; i++) {
        names[i] = plan->policies[i].name;
    }

    nearest = ctl_nearest(gone, names, plan->n);
    ctl_die(CTL_NOT_FOUND, "no policy \"%s\"%s%s%s", gone,
            nearest == NULL ? "" : "; did you mean \"",
            nearest == NULL ? "" : nearest, nearest == NULL ? "" : "\"?");
}


static int
by_name(const void *a, const void *b)
{
    return strcmp(((const ctl_policy_t *) a)->name,
                  ((const ctl_policy_t *) b)->name);
}


static size_t
count_platforms(const compliance_policy_t *policy)
{
    return policy == NULL ? 0
           : json_array_size(json_object_get(compliance_policy_json(policy),
                                             "platforms"));
}


static void
add_platforms(ctl_policies_t *plan, const compliance_policy_t *policy)
{
    size_t        i;
    const json_t *list = json_object_get(compliance_policy_json(policy),
                                         "platforms");
    const json_t *item;

    if (list == NULL) {
        plan->everyone = true;
        return;
    }

    json_array_foreach(list, i, item) {
        const char *name = json_string_value(item);
        bool        known = false;

        for (size_t k = 0; k < plan->n_platforms; k++) {
            known |= strcmp(plan->platforms[k], name) == 0;
        }

        if (!known) {
            plan->platforms[plan->n_platforms++] = name;
        }
    }
}


/* Whom it concerns: those of the policies as they were, and as they will be. */
static void
find_scope(ctl_policies_t *plan)
{
    size_t max = 0;
    bool   touched = false;

    for (size_t i = 0; i < plan->n; i++) {
        max += count_platforms(plan->policies[i].before)
               + count_platforms(plan->policies[i].after);
    }

    plan->platforms = ctl_alloc_array(max, sizeof(*plan->platforms));

    for (size_t i = 0; i < plan->n; i++) {
        const ctl_policy_t *policy = &plan->policies[i];

        if (!policy->touched) {
            continue;
        }

        touched = true;

        if (policy->before != NULL) {
            add_platforms(plan, policy->before);

        } else if (policy->stored.data != NULL) {
            plan->everyone = true;   /* nobody knows whom it concerned */
        }

        if (policy->after != NULL) {
            add_platforms(plan, policy->after);
        }
    }

    /* what was interrupted may have concerned anybody */
    plan->everyone |= !touched || plan->half_done != NULL;
}


void
ctl_policies_plan(ctl_t *ctl, ctl_policies_t *plan, const char *const *files,
    size_t n_files, const char *gone)
{
    const char *why = "";

    memset(plan, 0, sizeof(*plan));
    read_stored(ctl, plan, n_files);
    plan->half_done = ctl_policies_half_done(ctl);

    for (size_t i = 0; i < n_files; i++) {
        lay_file(ctl, plan, files[i]);
    }

    if (gone != NULL) {
        lay_gone(plan, gone);
    }

    qsort(plan->policies, plan->n, sizeof(*plan->policies), by_name);
    plan->set = ctl_alloc_array(plan->n, sizeof(compliance_policy_t *));

    for (size_t i = 0; i < plan->n; i++) {
        ctl_policy_t *policy = &plan->policies[i];

        if (policy->stored.data != NULL || !policy->touched) {
            policy->before = parse_stored(policy->name, policy->stored, &why);

            if (policy->before == NULL && !policy->touched) {
                unreadable(policy->name, why);
            }
        }

        if (!policy->touched) {
            policy->after = policy->before;
        }

        if (policy->after != NULL) {
            plan->set[plan->n_set++] = policy->after;
        }
    }

    if (plan->n_set > COMPLIANCE_POLICIES_MAX) {
        ctl_die(CTL_CONFLICT, "there would be %zu policies, and at most %d are "
                "judged; nothing was written", plan->n_set,
                COMPLIANCE_POLICIES_MAX);
    }

    find_scope(plan);
}
