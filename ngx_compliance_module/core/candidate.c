/*
 * A candidate set over a snapshot.  The set was checked when it was stored; it
 * is read here as any stored value is: what cannot be read admits least.
 */
#include "candidate.h"
#include "names.h"

#include <jansson.h>
#include <string.h>


static compliance_rc_t
compliance_candidate_group(json_t *settings, compliance_group_t *group)
{
    json_t          *value;
    const char      *field;
    compliance_str_t text;

    json_object_foreach(settings, field, value) {
        if (!json_is_string(value)) {
            return COMPLIANCE_MALFORMED;
        }

        text = (compliance_str_t) { json_string_value(value),
                                    json_string_length(value) };

        compliance_group_put(group,
            (compliance_str_t) { field, strlen(field) }, text);
    }

    return COMPLIANCE_OK;
}


static compliance_rc_t
compliance_candidate_groups(json_t *groups, compliance_snapshot_t *snapshot)
{
    json_t             *settings;
    const char         *text;
    compliance_rc_t     rc;
    compliance_str_t    name;
    compliance_group_t *group;

    json_object_foreach(groups, text, settings) {
        name = (compliance_str_t) { text, strlen(text) };

        if (!compliance_group_name_valid(name)) {
            return COMPLIANCE_MALFORMED;
        }

        if (json_is_null(settings)) {
            compliance_snapshot_remove(snapshot, name);
            continue;
        }

        if (!json_is_object(settings)) {
            return COMPLIANCE_MALFORMED;
        }

        group = (compliance_group_t *) compliance_snapshot_find(snapshot,
                                                                name);
        if (group == NULL) {
            group = compliance_snapshot_add(snapshot, name);
        }

        if (group == NULL) {
            return COMPLIANCE_TOO_LONG;
        }

        rc = compliance_candidate_group(settings, group);

        if (rc != COMPLIANCE_OK) {
            return rc;
        }
    }

    return COMPLIANCE_OK;
}


compliance_rc_t
compliance_candidate_apply(compliance_str_t text,
    compliance_snapshot_t *snapshot)
{
    json_t         *root, *groups;
    json_error_t    why;
    compliance_rc_t rc;

    if (text.data == NULL || text.len > COMPLIANCE_CANDIDATE_TEXT_MAX) {
        return COMPLIANCE_MALFORMED;
    }

    root = json_loadb(text.data, text.len, JSON_REJECT_DUPLICATES, &why);

    if (root == NULL) {
        return json_error_code(&why) == json_error_out_of_memory
               ? COMPLIANCE_NO_MEMORY : COMPLIANCE_MALFORMED;
    }

    groups = json_object_get(root, "groups");
    rc = groups == NULL && json_is_object(root) ? COMPLIANCE_OK
         : !json_is_object(groups) ? COMPLIANCE_MALFORMED
         : compliance_candidate_groups(groups, snapshot);

    json_decref(root);

    return rc;
}
