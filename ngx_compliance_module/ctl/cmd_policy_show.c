/*
 * policy check, list, show and diff: nothing here writes.
 */
#include "policies.h"

#include <stdlib.h>
#include <string.h>


/* What importers make of the platforms they know (bulk_device.c). */
static const char *const platforms[] = {
    "ios", "ipados", "android", "windows", "macos", "linux", "chromeos"
};

#define PLATFORMS  (sizeof(platforms) / sizeof(platforms[0]))


static const char *
comma_list(const json_t *list, const char *none)
{
    size_t        i;
    const char   *text = "";
    const json_t *item;

    if (list == NULL) {
        return none;
    }

    json_array_foreach(list, i, item) {
        text = ctl_format("%s%s%s", text, i == 0 ? "" : ",",
                          json_string_value(item));
    }

    return text;
}


/* No mistakes, but hardly meant. */
static void
warn_platforms(const char *file, const json_t *policy)
{
    size_t        i;
    const json_t *item;

    json_array_foreach(json_object_get(policy, "platforms"), i, item) {
        const char *name = json_string_value(item), *nearest;
        bool        known = false;

        for (size_t k = 0; k < PLATFORMS; k++) {
            known |= strcmp(platforms[k], name) == 0;
        }

        nearest = ctl_nearest(name, platforms, PLATFORMS);

        if (!known) {
            ctl_warn("%s: no importer makes a platform \"%s\"%s%s%s", file,
                     name, nearest == NULL ? "" : "; did you mean \"",
                     nearest == NULL ? "" : nearest,
                     nearest == NULL ? "" : "\"?");
        }
    }
}


static void
warn_texts(const char *file, const json_t *policy)
{
    size_t        i;
    const json_t *rule, *texts = json_object_get(policy, "remediation");

    if (texts == NULL) {
        return;
    }

    json_array_foreach(json_object_get(policy, "require"), i, rule) {
        const char *reason = json_string_value(json_object_get(rule,
                                                               "reason"));

        if (json_object_get(texts, reason) == NULL) {
            ctl_warn("%s: reason \"%s\" has no remediation text", file,
                     reason);
        }
    }
}


/* NULL: told why not. */
static const compliance_policy_t *
check_file(const ctl_t *ctl, const char *file, json_t *list)
{
    const char                *shown = ctl_escape(ctl_str(file));
    const compliance_policy_t *policy;
    compliance_policy_error_t  error = { 0, "", "" };
    json_t                    *json = ctl_json_object();
    const json_t              *root = NULL;

    policy = ctl_policy_parse(ctl_read_file(file, COMPLIANCE_POLICY_TEXT_MAX),
                              &error);
    ctl_json_set(json, "file", ctl_json_text(ctl_str(file)));
    ctl_json_set(json, "valid", ctl_json_bool(policy != NULL));

    if (policy == NULL) {
        ctl_json_set(json, "line", ctl_json_int((int64_t) error.line));
        ctl_json_set(json, "path", ctl_json_text(ctl_str(error.path)));
        ctl_json_set(json, "error", ctl_json_text(ctl_str(error.message)));
        ctl_json_add(list, json);
        fprintf(stderr, "compliancectl: %s: %s\n", shown,
                ctl_policy_error(&error));
        return NULL;
    }

    root = compliance_policy_json(policy);
    ctl_json_set(json, "policy",
                 ctl_json_text(ctl_str(compliance_policy_name(policy))));
    ctl_json_add(list, json);
    warn_platforms(shown, root);
    warn_texts(shown, root);

    if (!ctl->json) {
        printf("%s: valid: policy %s, %zu rules, for %s\n", shown,
               compliance_policy_name(policy),
               json_array_size(json_object_get(root, "require")),
               comma_list(json_object_get(root, "platforms"),
                          "all platforms"));
    }

    return policy;
}


ctl_exit_t
ctl_policy_check(ctl_t *ctl)
{
    json_t      *list = ctl_json_array();
    const char **names = ctl_alloc_array(ctl->n_args, sizeof(*names));
    bool         valid = true;

    for (size_t i = 0; i < ctl->n_args; i++) {
        const compliance_policy_t *policy = check_file(ctl, ctl->args[i],
                                                       list);

        valid &= policy != NULL;
        names[i] = policy == NULL ? NULL : compliance_policy_name(policy);

        for (size_t k = 0; policy != NULL && k < i; k++) {
            if (names[k] != NULL && strcmp(names[k], names[i]) == 0) {
                ctl_warn("%s and %s are both named \"%s\"",
                         ctl_escape(ctl_str(ctl->args[k])),
                         ctl_escape(ctl_str(ctl->args[i])), names[i]);
                valid = false;
            }
        }
    }

    if (ctl->json) {
        ctl_json_print(list);
    } else {
        json_decref(list);
    }

    return valid ? CTL_DONE : CTL_USAGE;
}


static void
warn_half_done(ctl_t *ctl)
{
    const char *half_done = ctl_policies_half_done(ctl);

    if (half_done != NULL) {
        ctl_warn("a change of policies (%s) was interrupted before all devices "
                 "were judged, or is still running. Complete it with: "
                 "compliancectl policy apply", half_done);
    }
}


static const char *
text_or(const json_t *policy, const char *member, const char *standard)
{
    const char *text = json_string_value(json_object_get(policy, member));

    return text == NULL ? standard : text;
}


ctl_exit_t
ctl_policy_list(ctl_t *ctl)
{
    static const char *const headings[] = {
        "POLICY", "PLATFORMS", "RULES", "GRACE", "MDM", "DESCRIPTION"
    };
    size_t       n;
    json_t      *list = ctl_json_array();
    ctl_table_t *table = ctl_table(6, headings);
    const compliance_policy_t *const *policies = ctl_policies_read(ctl, &n);

    for (size_t i = 0; i < n; i++) {
        json_t     *json = ctl_json_object();
        json_t     *root = json_deep_copy(compliance_policy_json(policies[i]));
        int64_t     rules = (int64_t) json_array_size(
                                json_object_get(root, "require"));
        int64_t     days = json_integer_value(json_object_get(root,
                                                              "grace_days"));
        const char *name = compliance_policy_name(policies[i]);

        if (root == NULL) {
            ctl_die(CTL_STORE, "out of memory");
        }

        ctl_table_row(table, (const char *[]) {
            name, comma_list(json_object_get(root, "platforms"), "all"),
            ctl_format("%lld", (long long) rules),
            ctl_format("%lld d", (long long) days),
            text_or(root, "mdm_verdict", "worse"),
            ctl_escape(ctl_str(text_or(root, "description", ""))) });

        ctl_json_set(json, "policy", ctl_json_text(ctl_str(name)));
        ctl_json_set(json, "platforms",
            json_object_get(root, "platforms") == NULL
                ? ctl_json_array()
                : json_incref(json_object_get(root, "platforms")));
        ctl_json_set(json, "rules", ctl_json_int(rules));
        ctl_json_set(json, "grace_days", ctl_json_int(days));
        ctl_json_set(json, "mdm_verdict", ctl_json_text(ctl_str(
                         text_or(root, "mdm_verdict", "worse"))));
        ctl_json_set(json, "description", ctl_json_text(ctl_str(
                         text_or(root, "description", ""))));
        ctl_json_add(list, json);
        json_decref(root);
    }

    if (ctl->json) {
        ctl_json_print(list);

    } else {
        json_decref(list);
        ctl_table_print(table);
    }

    warn_half_done(ctl);

    return CTL_DONE;
}


/* Line by line, for a text may hold what moves a cursor. */
static void
print_lines(const char *text)
{
    while (*text != '\0') {
        size_t len = strcspn(text, "\n");

        puts(ctl_escape((compliance_str_t) { text, len }));
        text += len + (text[len] == '\n');
    }
}


ctl_exit_t
ctl_policy_show(ctl_t *ctl)
{
    size_t      n;
    char       *text;
    const char **names;
    const compliance_policy_t *const *policies;

    ctl_policy_check_name(ctl->args[0]);
    policies = ctl_policies_read(ctl, &n);
    names = ctl_alloc_array(n, sizeof(*names));

    for (size_t i = 0; i < n; i++) {
        names[i] = compliance_policy_name(policies[i]);

        if (strcmp(names[i], ctl->args[0]) != 0) {
            continue;
        }

        text = json_dumps(compliance_policy_json(policies[i]),
                          ctl->json ? JSON_COMPACT : JSON_INDENT(2));

        if (text == NULL) {
            ctl_die(CTL_STORE, "out of memory");
        }

        ctl_keep(text, free);

        if (ctl->json) {
            puts(text);
        } else {
            print_lines(text);
        }

        return CTL_DONE;
    }

    if (ctl_nearest(ctl->args[0], names, n) != NULL) {
        ctl_die(CTL_NOT_FOUND, "no policy \"%s\"; did you mean \"%s\"?",
                ctl->args[0], ctl_nearest(ctl->args[0], names, n));
    }

    ctl_die(CTL_NOT_FOUND, "no policy \"%s\"; compliancectl policy list shows "
            "them", ctl->args[0]);
}


ctl_exit_t
ctl_policy_diff(ctl_t *ctl)
{
    ctl_policies_t  plan;
    ctl_judged_t   *judged = ctl_alloc(sizeof(*judged));
    json_t         *json, *list = ctl_json_array();

    ctl_policies_plan(ctl, &plan, ctl->args, ctl->n_args, NULL);
    ctl_policies_judge(ctl, &plan, true, judged);

    for (size_t i = 0; i < plan.n; i++) {
        if (plan.policies[i].touched) {
            if (ctl->json) {
                ctl_json_add(list, ctl_policy_diff_json(&plan.policies[i]));
            } else {
                ctl_policy_diff_print(&plan.policies[i]);
            }
        }
    }

    if (ctl->json) {
        json = ctl_json_object();
        ctl_json_set(json, "policies", list);
        ctl_json_set(json, "devices", ctl_judged_json(judged));
        ctl_json_print(json);

    } else {
        json_decref(list);
        ctl_judged_print(judged);
    }

    warn_half_done(ctl);

    return CTL_DONE;
}
