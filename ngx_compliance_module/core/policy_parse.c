/*
 * A policy's JSON.  It is read strictly: a member that nobody knows is a
 * misspelt rule, and a misspelt rule would admit what its author meant to
 * refuse.
 */
#include "policy_reading.h"
#include "names.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>


#define COMPLIANCE_PLATFORM_MAX  31


compliance_str_t
compliance_text_of(const json_t *value)
{
    if (!json_is_string(value)) {
        return compliance_absent;
    }

    return (compliance_str_t) { json_string_value(value),
                                json_string_length(value) };
}


bool
compliance_is_word(compliance_str_t text, const char *extra, size_t max)
{
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


bool
compliance_is_platform(compliance_str_t text)
{
    return compliance_is_word(text, "-_", COMPLIANCE_PLATFORM_MAX);
}


/* within: NULL, or the only ones that make sense. */
bool
compliance_platforms_read(compliance_reading_t *r, const json_t *value,
    const char *path, const json_t *within)
{
    char    inner[128];
    size_t  i;
    json_t *item;

    if (json_array_size(value) == 0) {
        return compliance_wrong(r, path, "expected a list of platforms such "
                                "as [\"ios\", \"ipados\"]");
    }

    json_array_foreach((json_t *) value, i, item) {
        (void) snprintf(inner, sizeof(inner), "%.96s[%zu]", path, i);

        if (!compliance_is_platform(compliance_text_of(item))) {
            return compliance_wrong(r, inner, "a platform is a lower-case "
                                    "name such as ios, ipados, android, "
                                    "windows, macos or linux");
        }

        if (!compliance_platform_in(within, compliance_text_of(item))) {
            return compliance_wrong(r, inner, "the policy's \"platforms\" do "
                "not have this one: the rule would never judge it");
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

    return compliance_platforms_read(r, value, "platforms", NULL);
}


bool
compliance_days_read(compliance_reading_t *r, const char *path,
    const json_t *value, int64_t *days)
{
    if (!json_is_integer(value) || json_integer_value(value) < 0
        || json_integer_value(value) > COMPLIANCE_GRACE_DAYS_MAX)
    {
        return compliance_wrong(r, path, "expected a number of days from 0 to "
                                "%d", COMPLIANCE_GRACE_DAYS_MAX);
    }

    *days = json_integer_value(value);

    return true;
}


static bool
compliance_grace_read(compliance_reading_t *r, const json_t *value)
{
    return compliance_days_read(r, "grace_days", value,
                                &r->policy->grace_days);
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
    const char *name, *names[COMPLIANCE_MEMBERS];
    char        path[72];
    size_t      i;

    if (!json_is_object(root)) {
        return compliance_wrong(r, "", "expected an object: {\"name\": ..., "
                                "\"require\": [...]}");
    }

    for (i = 0; i < COMPLIANCE_MEMBERS; i++) {
        names[i] = compliance_members[i].name;
    }

    json_object_foreach(root, name, value) {
        for (i = 0; i < COMPLIANCE_MEMBERS; i++) {
            if (strcmp(name, names[i]) == 0) {
                break;
            }
        }

        if (i == COMPLIANCE_MEMBERS) {
            (void) snprintf(path, sizeof(path), "%.64s", name);
            return compliance_wrong_name(r, path, "a policy", name, names,
                                         COMPLIANCE_MEMBERS);
        }
    }

    for (i = 0; i < COMPLIANCE_MEMBERS; i++) {
        value = json_object_get(root, compliance_members[i].name);

        if (value == NULL && compliance_members[i].needed) {
            return compliance_wrong(r, "", "\"%s\" is missing",
                                    compliance_members[i].name);
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

    } else {
        error->line = compliance_policy_line(text, error->path);
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
