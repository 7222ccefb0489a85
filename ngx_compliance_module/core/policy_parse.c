/*
 * A policy's JSON.  It is read strictly: a member that nobody knows is a
 * misspelt rule, and a misspelt rule would admit what its author meant to
 * refuse.
 */
#include "policy_private.h"
#include "names.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>


#define COMPLIANCE_TEXTS_MAX  16384   /* bytes of one remediation text */

/* What is being read, for error texts. */
typedef struct {
    compliance_policy_t       *policy;
    compliance_policy_error_t *error;
} compliance_reading_t;


static bool
compliance_wrong(compliance_reading_t *r, const char *path,
    const char *format, ...) __attribute__((format(printf, 3, 4)));

static bool
compliance_wrong(compliance_reading_t *r, const char *path,
    const char *format, ...)
{
    va_list args;

    /* cut where they are too long: both are for a person */
    (void) snprintf(r->error->path, sizeof(r->error->path), "%s", path);

    va_start(args, format);
    (void) vsnprintf(r->error->message, sizeof(r->error->message), format,
                     args);
    va_end(args);

    return false;
}


static compliance_str_t
compliance_text_of(const json_t *value)
{
    if (!json_is_string(value)) {
        return compliance_absent;
    }

    return (compliance_str_t) { json_string_value(value),
                                json_string_length(value) };
}


/* Codes, attribute names, platforms, languages: what stands between commas, in
 * keys and in indexes. */
static bool
compliance_word(const json_t *value, const char *extra, size_t max)
{
    compliance_str_t text = compliance_text_of(value);

    if (text.data == NULL || text.len == 0 || text.len > max) {
        return false;
    }

    for (size_t i = 0; i < text.len; i++) {
        char c = text.data[i];

        if (!((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9')
              || (c != '\0' && strchr(extra, c) != NULL)))
        {
            return false;
        }
    }

    return true;
}


static bool
compliance_platforms_read(compliance_reading_t *r, const json_t *value,
    const char *path)
{
    size_t  i;
    json_t *item;

    if (json_array_size(value) == 0) {
        return compliance_wrong(r, path, "expected a list of platforms such "
                                "as [\"ios\", \"ipados\"]");
    }

    json_array_foreach((json_t *) value, i, item) {
        if (!compliance_word(item, "-_", 31)) {
            return compliance_wrong(r, path, "a platform is a lower-case name "
                                    "such as ios, android, windows, macos or "
                                    "linux");
        }
    }

    return true;
}


static const compliance_operator_t *
compliance_operator_find(const char *name)
{
    for (size_t i = 0; i < compliance_operators_n; i++) {
        if (strcmp(compliance_operators[i].name, name) == 0) {
            return &compliance_operators[i];
        }
    }

    return NULL;
}


/* One member of a rule. */
static bool
compliance_rule_member(compliance_reading_t *r, compliance_rule_t *rule,
    const char *path, const char *name, const json_t *value)
{
    const compliance_operator_t *operator;

    if (strcmp(name, "attribute") == 0) {
        rule->attribute = json_string_value(value);
        return compliance_word(value, "._-", 64)
               || compliance_wrong(r, path, "expected an attribute's name: "
                      "a-z, 0-9, '.', '_', '-'");
    }

    if (strcmp(name, "reason") == 0) {
        rule->reason = json_string_value(value);
        return compliance_word(value, "._-", 64)
               || compliance_wrong(r, path, "expected a reason code such as "
                      "os_outdated: a-z, 0-9, '.', '_', '-'");
    }

    if (strcmp(name, "optional") == 0) {
        rule->optional = json_is_true(value);
        return json_is_boolean(value)
               || compliance_wrong(r, path, "expected true or false");
    }

    if (strcmp(name, "platforms") == 0) {
        rule->platforms = value;
        return compliance_platforms_read(r, value, path);
    }

    if (strcmp(name, "comment") == 0) {
        return json_is_string(value)
               || compliance_wrong(r, path, "expected a text");
    }

    operator = compliance_operator_find(name);

    if (operator == NULL) {
        return compliance_wrong(r, path, "a rule has no member of this name; "
            "it has attribute, reason, optional, platforms, comment, and the "
            "operators min_version, max_version, equals, one_of, not, "
            "max_age, min, max and exists");
    }

    if (!operator->valid(value)) {
        return compliance_wrong(r, path, "expected %s", operator->expects);
    }

    if (rule->n == COMPLIANCE_OPERATORS_MAX) {
        return compliance_wrong(r, path, "a rule has at most %d operators",
                                COMPLIANCE_OPERATORS_MAX);
    }

    if (strcmp(name, "exists") == 0 && json_is_false(value)) {
        rule->absent = true;
    }

    rule->operators[rule->n].operator = operator;
    rule->operators[rule->n++].operand = value;

    return true;
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

    if (rule->attribute == NULL || rule->reason == NULL || rule->n == 0) {
        return compliance_wrong(r, path, "%s is missing",
            rule->attribute == NULL ? "\"attribute\""
            : rule->reason == NULL ? "\"reason\" (a code such as os_outdated)"
            : "an operator (min_version, max_version, equals, one_of, not, "
              "max_age, min, max, exists)");
    }

    if (rule->absent && (rule->n > 1 || rule->optional)) {
        return compliance_wrong(r, path, "\"exists\": false stands alone: "
            "there is nothing else to ask of what must not be there");
    }

    return true;
}


static bool
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


static bool
compliance_short_text(const json_t *value)
{
    return json_is_string(value) && json_string_length(value) > 0
           && json_string_length(value) <= COMPLIANCE_TEXTS_MAX;
}


/* language -> a text */
static bool
compliance_texts_read(compliance_reading_t *r, const char *path, json_t *texts)
{
    json_t     *text;
    const char *language;

    if (!json_is_object(texts) || json_object_size(texts) == 0) {
        return compliance_wrong(r, path, "expected texts by language, such as "
                                "{\"en\": \"...\", \"de\": \"...\"}");
    }

    json_object_foreach(texts, language, text) {
        size_t len = strlen(language);

        if (len < 2 || len > 35
            || strspn(language, "abcdefghijklmnopqrstuvwxyz"
                      "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-") != len)
        {
            return compliance_wrong(r, path, "\"%.40s\" is no language tag "
                                    "such as de or pt-BR", language);
        }

        if (!compliance_short_text(text)) {
            return compliance_wrong(r, path, "the text in \"%.40s\" is no "
                                    "text of 1 to %d bytes", language,
                                    COMPLIANCE_TEXTS_MAX);
        }
    }

    return true;
}


/* reason -> platform or "any" -> language -> text */
static bool
compliance_remediation_read(compliance_reading_t *r, const json_t *value)
{
    char        path[128];
    bool        known;
    json_t     *platforms, *texts;
    const char *reason, *platform;

    r->policy->remediation = value;

    if (!json_is_object(value)) {
        return compliance_wrong(r, "remediation", "expected texts by reason, "
                                "platform and language");
    }

    json_object_foreach((json_t *) value, reason, platforms) {
        (void) snprintf(path, sizeof(path), "remediation.%.48s", reason);
        known = false;

        for (size_t i = 0; i < r->policy->n_rules; i++) {
            known |= strcmp(r->policy->rules[i].reason, reason) == 0;
        }

        if (!known) {
            return compliance_wrong(r, path, "no rule of this policy has this "
                                    "reason");
        }

        if (!json_is_object(platforms) || json_object_size(platforms) == 0) {
            return compliance_wrong(r, path, "expected texts by platform (or "
                                    "\"any\") and language");
        }

        json_object_foreach(platforms, platform, texts) {
            (void) snprintf(path, sizeof(path), "remediation.%.48s.%.31s",
                            reason, platform);

            if (!compliance_texts_read(r, path, texts)) {
                return false;
            }
        }
    }

    return true;
}


static bool
compliance_name_read(compliance_reading_t *r, const json_t *value)
{
    r->policy->name = json_string_value(value);

    return compliance_group_name_valid(compliance_text_of(value))
           || compliance_wrong(r, "name", "expected 1 to %d of a-z, 0-9, '.', "
                  "'_', '-', beginning with a letter or digit",
                  COMPLIANCE_GROUP_NAME_MAX);
}


static bool
compliance_description_read(compliance_reading_t *r, const json_t *value)
{
    return json_is_string(value)
           || compliance_wrong(r, "description", "expected a text");
}


static bool
compliance_all_platforms_read(compliance_reading_t *r, const json_t *value)
{
    r->policy->platforms = value;

    return compliance_platforms_read(r, value, "platforms");
}


static bool
compliance_grace_read(compliance_reading_t *r, const json_t *value)
{
    if (!json_is_integer(value) || json_integer_value(value) < 0
        || json_integer_value(value) > COMPLIANCE_GRACE_DAYS_MAX)
    {
        return compliance_wrong(r, "grace_days", "expected a number of days "
                                "from 0 to %d", COMPLIANCE_GRACE_DAYS_MAX);
    }

    r->policy->grace_days = json_integer_value(value);

    return true;
}


static bool
compliance_mdm_read(compliance_reading_t *r, const json_t *value)
{
    compliance_str_t text = compliance_text_of(value);

    r->policy->mdm_ignored = compliance_str_eq(text, compliance_str("ignore"));

    return r->policy->mdm_ignored
           || compliance_str_eq(text, compliance_str("worse"))
           || compliance_wrong(r, "mdm_verdict", "expected \"worse\" (the "
                  "worse of both verdicts counts) or \"ignore\"");
}


/* In this order: remediation is checked against the rules. */
static const struct {
    const char *name;
    bool        needed;
    bool      (*read)(compliance_reading_t *r, const json_t *value);
} compliance_members[] = {
    { "name", true, compliance_name_read },
    { "description", false, compliance_description_read },
    { "platforms", false, compliance_all_platforms_read },
    { "grace_days", false, compliance_grace_read },
    { "mdm_verdict", false, compliance_mdm_read },
    { "require", true, compliance_require_read },
    { "remediation", false, compliance_remediation_read },
};

#define COMPLIANCE_MEMBERS                                                    \
    (sizeof(compliance_members) / sizeof(compliance_members[0]))


static bool
compliance_policy_read(compliance_reading_t *r)
{
    json_t     *root = r->policy->root, *value;
    const char *name;
    size_t      i;

    if (!json_is_object(root)) {
        return compliance_wrong(r, "", "expected an object: {\"name\": ..., "
                                "\"require\": [...]}");
    }

    json_object_foreach(root, name, value) {
        for (i = 0; i < COMPLIANCE_MEMBERS; i++) {
            if (strcmp(name, compliance_members[i].name) == 0) {
                break;
            }
        }

        if (i == COMPLIANCE_MEMBERS) {
            return compliance_wrong(r, name, "a policy has no member of this "
                "name; it has name, description, platforms, grace_days, "
                "mdm_verdict, require and remediation");
        }
    }

    for (i = 0; i < COMPLIANCE_MEMBERS; i++) {
        value = json_object_get(root, compliance_members[i].name);

        if (value == NULL && compliance_members[i].needed) {
            return compliance_wrong(r, compliance_members[i].name,
                                    "it is missing");
        }

        if (value != NULL && !compliance_members[i].read(r, value)) {
            return false;
        }
    }

    return true;
}


compliance_policy_t *
compliance_policy_parse(compliance_str_t text,
    compliance_policy_error_t *error)
{
    json_error_t         why;
    compliance_reading_t r = { NULL, error };

    memset(error, 0, sizeof(*error));

    if (text.data == NULL || text.len == 0
        || text.len > COMPLIANCE_POLICY_TEXT_MAX)
    {
        (void) compliance_wrong(&r, "", "a policy has 1 to %d bytes",
                                COMPLIANCE_POLICY_TEXT_MAX);
        return NULL;
    }

    r.policy = calloc(1, sizeof(*r.policy));
    if (r.policy == NULL) {
        (void) compliance_wrong(&r, "", "out of memory");
        return NULL;
    }

    r.policy->root = json_loadb(text.data, text.len, JSON_REJECT_DUPLICATES,
                                &why);

    if (r.policy->root == NULL) {
        (void) compliance_wrong(&r, "", "not JSON: %.200s", why.text);
        error->line = why.line > 0 ? (unsigned) why.line : 0;

    } else if (compliance_policy_read(&r)) {
        return r.policy;
    }

    compliance_policy_free(r.policy);

    return NULL;
}


void
compliance_policy_free(compliance_policy_t *policy)
{
    if (policy != NULL) {
        json_decref(policy->root);
        free(policy);
    }
}
