/*
 * The rules of a policy.  A member that is misspelt would leave out what its
 * author meant to ask, and a rule that can never judge would look like one
 * that does: both are errors.
 */
#include "policy_reading.h"

#include <stdio.h>
#include <string.h>


#define COMPLIANCE_OWN_MEMBERS  7   /* of a rule, beside its operators */

static const char *const compliance_own_members[COMPLIANCE_OWN_MEMBERS] = {
    "attribute", "reason", "optional", "platforms", "when",
    "grace_days", "comment"
};


static bool
compliance_name_unknown(compliance_reading_t *r, const char *path,
    const char *name, bool narrowing)
{
    size_t      n = 0;
    const char *names[COMPLIANCE_OWN_MEMBERS + COMPLIANCE_OPERATORS_MAX * 2];

    for (size_t i = 0; i < (narrowing ? 1 : COMPLIANCE_OWN_MEMBERS); i++) {
        names[n++] = compliance_own_members[i];
    }

    for (size_t i = 0; i < compliance_operators_n; i++) {
        names[n++] = compliance_operators[i].name;
    }

    return compliance_wrong_name(r, path, narrowing ? "\"when\"" : "a rule",
                                 name, names, n);
}


static bool
compliance_attribute_read(compliance_reading_t *r,
    compliance_demand_t *condition, const char *path, const json_t *value)
{
    condition->attribute = json_string_value(value);

    return compliance_is_word(compliance_text_of(value), "._-", 64)
           || compliance_wrong(r, path, "expected an attribute's name of a-z, "
                  "0-9, '.', '_', '-'");
}


/* *known is false where no operator has the name. */
static bool
compliance_operator_read(compliance_reading_t *r,
    compliance_demand_t *condition, const char *path, const char *name,
    const json_t *value, bool *known)
{
    const compliance_operator_t *operator = NULL;

    for (size_t i = 0; i < compliance_operators_n; i++) {
        if (strcmp(compliance_operators[i].name, name) == 0) {
            operator = &compliance_operators[i];
        }
    }

    *known = operator != NULL;

    if (operator == NULL) {
        return false;
    }

    if (!operator->valid(value)) {
        return compliance_wrong(r, path, "expected %s", operator->expects);
    }

    if (condition->n == COMPLIANCE_OPERATORS_MAX) {
        return compliance_wrong(r, path, "there are more than %d operators",
                                COMPLIANCE_OPERATORS_MAX);
    }

    if (strcmp(name, "exists") == 0) {
        condition->exists = value;
    }

    condition->operators[condition->n].operator = operator;
    condition->operators[condition->n++].operand = value;

    return true;
}


/* Of a condition as a whole. */
static bool
compliance_condition_check(compliance_reading_t *r, const char *path,
    const compliance_demand_t *condition)
{
    if (condition->attribute == NULL) {
        return compliance_wrong(r, path, "\"attribute\" is missing");
    }

    if (condition->n == 0) {
        return compliance_wrong(r, path, "an operator is missing: min_version, "
            "max_version, equals, one_of, not, max_age, min, max or exists");
    }

    if (json_is_false(condition->exists) && condition->n > 1) {
        return compliance_wrong(r, path, "\"exists\": false stands alone: "
            "there is nothing else to ask of what must not be there");
    }

    return true;
}


static bool
compliance_when_read(compliance_reading_t *r, compliance_demand_t *when,
    const char *path, const json_t *value)
{
    char        inner[128];
    bool        known, read;
    json_t     *member;
    const char *name;

    if (!json_is_object(value)) {
        return compliance_wrong(r, path, "expected a condition such as "
                                "{\"attribute\": \"ownership\", \"equals\": "
                                "\"company\"}");
    }

    json_object_foreach((json_t *) value, name, member) {
        (void) snprintf(inner, sizeof(inner), "%.80s.%.40s", path, name);

        if (strcmp(name, "attribute") == 0) {
            read = compliance_attribute_read(r, when, inner, member);

        } else {
            read = compliance_operator_read(r, when, inner, name, member,
                                            &known)
                   || (!known && compliance_name_unknown(r, inner, name,
                                                         true));
        }

        if (!read) {
            return false;
        }
    }

    return compliance_condition_check(r, path, when);
}


static bool
compliance_rule_member(compliance_reading_t *r, compliance_rule_t *rule,
    const char *path, const char *name, const json_t *value)
{
    bool known;

    if (strcmp(name, "attribute") == 0) {
        return compliance_attribute_read(r, &rule->condition, path, value);
    }

    if (strcmp(name, "reason") == 0) {
        rule->reason = json_string_value(value);
        return compliance_is_word(compliance_text_of(value), "._-", 64)
               || compliance_wrong(r, path, "expected a reason code such as "
                      "os_outdated, of a-z, 0-9, '.', '_', '-'");
    }

    if (strcmp(name, "optional") == 0) {
        rule->optional = json_is_true(value);
        return json_is_boolean(value)
               || compliance_wrong(r, path, "expected true or false");
    }

    if (strcmp(name, "platforms") == 0) {
        rule->platforms = value;
        return compliance_platforms_read(r, value, path, r->policy->platforms);
    }

    if (strcmp(name, "when") == 0) {
        return compliance_when_read(r, &rule->when, path, value);
    }

    if (strcmp(name, "grace_days") == 0) {
        rule->own_grace = true;
        return compliance_days_read(r, path, value, &rule->grace_days);
    }

    if (strcmp(name, "comment") == 0) {
        return json_is_string(value)
               || compliance_wrong(r, path, "expected a text");
    }

    return compliance_operator_read(r, &rule->condition, path, name, value,
                                    &known)
           || (!known && compliance_name_unknown(r, path, name, false));
}


static bool
compliance_rule_read(compliance_reading_t *r, size_t i, json_t *json)
{
    char               path[96];
    json_t            *value;
    const char        *name;
    compliance_rule_t *rule = &r->policy->rules[i];

    (void) snprintf(path, sizeof(path), "require[%zu]", i);

    if (!json_is_object(json)) {
        return compliance_wrong(r, path, "expected a rule: {\"attribute\": "
            "..., an operator, \"reason\": ...}");
    }

    json_object_foreach(json, name, value) {
        (void) snprintf(path, sizeof(path), "require[%zu].%.60s", i, name);

        if (!compliance_rule_member(r, rule, path, name, value)) {
            return false;
        }
    }

    (void) snprintf(path, sizeof(path), "require[%zu]", i);

    if (!compliance_condition_check(r, path, &rule->condition)) {
        return false;
    }

    if (rule->reason == NULL) {
        return compliance_wrong(r, path, "\"reason\" is missing: a code such "
                                "as os_outdated");
    }

    if (rule->optional && rule->condition.exists != NULL) {
        return compliance_wrong(r, path, "\"optional\" and \"exists\" "
            "contradict each other: the one says that it need not be "
            "reported");
    }

    return true;
}


bool
compliance_require_read(compliance_reading_t *r, const json_t *value)
{
    size_t  i;
    json_t *rule;

    if (json_array_size(value) == 0) {
        return compliance_wrong(r, "require", "expected a list of rules");
    }

    if (json_array_size(value) > COMPLIANCE_RULES_MAX) {
        return compliance_wrong(r, "require", "there are more than %d rules",
                                COMPLIANCE_RULES_MAX);
    }

    json_array_foreach((json_t *) value, i, rule) {
        if (!compliance_rule_read(r, i, rule)) {
            return false;
        }

        r->policy->n_rules = i + 1;
    }

    return true;
}
