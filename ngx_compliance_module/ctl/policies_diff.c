/*
 * What differs between a stored policy and a file: rules that go and come, and
 * every other member with its old and new value.  Order and layout of the text
 * do not count; the order of rules does not either, for all of them judge.
 */
#include "policies.h"

#include <stdlib.h>
#include <string.h>


static const char *const members[] = {
    "description", "platforms", "grace_days", "mdm_verdict"
};

typedef void diff_line_t(void *data, char sign, const char *what,
    const char *text);


static const char *
flat(const json_t *value)
{
    char *text;

    if (value == NULL) {
        return "-";
    }

    text = json_dumps(value, JSON_COMPACT | JSON_ENCODE_ANY | JSON_SORT_KEYS);

    if (text == NULL) {
        ctl_die(CTL_STORE, "out of memory");
    }

    ctl_keep(text, free);

    return text;
}


static bool
has_rule(const json_t *rules, const json_t *rule)
{
    size_t        i;
    const json_t *item;

    json_array_foreach(rules, i, item) {
        if (json_equal(item, rule)) {
            return true;
        }
    }

    return false;
}


static void
diff_rules(const json_t *before, const json_t *after, diff_line_t *tell,
    void *data)
{
    size_t        i;
    const json_t *rule;

    json_array_foreach(before, i, rule) {
        if (!has_rule(after, rule)) {
            tell(data, '-', "rule", flat(rule));
        }
    }

    json_array_foreach(after, i, rule) {
        if (!has_rule(before, rule)) {
            tell(data, '+', "rule", flat(rule));
        }
    }
}


static void
diff_texts(json_t *before, json_t *after, diff_line_t *tell, void *data)
{
    const char *reason;
    json_t     *texts;

    json_object_foreach(before, reason, texts) {
        if (json_object_get(after, reason) == NULL) {
            tell(data, '-', "remediation", reason);

        } else if (!json_equal(texts, json_object_get(after, reason))) {
            tell(data, '~', "remediation", reason);
        }
    }

    json_object_foreach(after, reason, texts) {
        if (json_object_get(before, reason) == NULL) {
            tell(data, '+', "remediation", reason);
        }
    }
}


static void
diff(const ctl_policy_t *policy, diff_line_t *tell, void *data)
{
    const json_t *before = policy->before == NULL
                           ? NULL : compliance_policy_json(policy->before);
    const json_t *after = policy->after == NULL
                          ? NULL : compliance_policy_json(policy->after);

    for (size_t i = 0; i < sizeof(members) / sizeof(members[0]); i++) {
        const json_t *old = json_object_get(before, members[i]);
        const json_t *new = json_object_get(after, members[i]);

        if (old == NULL && new == NULL) {
            continue;
        }

        if (old == NULL || new == NULL || !json_equal(old, new)) {
            tell(data, '~', members[i],
                 ctl_format("%s -> %s", flat(old), flat(new)));
        }
    }

    diff_rules(json_object_get(before, "require"),
               json_object_get(after, "require"), tell, data);
    diff_texts(json_object_get(before, "remediation"),
               json_object_get(after, "remediation"), tell, data);
}


static void
print_line(void *data, char sign, const char *what, const char *text)
{
    size_t *n = data;

    (*n)++;
    printf("  %c %s %s\n", sign, what, ctl_escape(ctl_str(text)));
}


void
ctl_policy_diff_print(const ctl_policy_t *policy)
{
    size_t n = 0;

    printf("policy %s%s\n", policy->name,
           policy->stored.data == NULL ? ": new"
           : policy->before == NULL ? ": the stored one cannot be read" : "");
    diff(policy, print_line, &n);

    if (n == 0) {
        puts("  no difference");
    }
}


static void
add_line(void *data, char sign, const char *what, const char *text)
{
    json_t *json = ctl_json_object();

    ctl_json_set(json, "change", ctl_json_text(ctl_str(
                     sign == '+' ? "added" : sign == '-' ? "removed"
                                                         : "changed")));
    ctl_json_set(json, "what", ctl_json_text(ctl_str(what)));
    ctl_json_set(json, "text", ctl_json_text(ctl_str(text)));
    ctl_json_add(data, json);
}


json_t *
ctl_policy_diff_json(const ctl_policy_t *policy)
{
    json_t *json = ctl_json_object(), *list = ctl_json_array();

    ctl_json_set(json, "policy", ctl_json_text(ctl_str(policy->name)));
    ctl_json_set(json, "new", ctl_json_bool(policy->stored.data == NULL));
    diff(policy, add_line, list);
    ctl_json_set(json, "changes", list);

    return json;
}
