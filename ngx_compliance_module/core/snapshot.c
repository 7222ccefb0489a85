/*
 * All groups and the break-glass names as of one moment.  The group "default"
 * is always there, as groups[0].
 */
#include "group.h"
#include "names.h"

#include <string.h>


void
compliance_snapshot_init(compliance_snapshot_t *snapshot)
{
    snapshot->fetched = 0;
    snapshot->stale = false;
    snapshot->n_break_glass = 0;
    snapshot->n_groups = 1;
    compliance_group_defaults(&snapshot->groups[0], "default");
}


compliance_group_t *
compliance_snapshot_add(compliance_snapshot_t *snapshot,
    compliance_str_t name)
{
    compliance_group_t *group;
    char                text[COMPLIANCE_GROUP_NAME_MAX + 1];

    if (!compliance_group_name_valid(name)) {
        return NULL;
    }

    memcpy(text, name.data, name.len);
    text[name.len] = '\0';

    group = (compliance_group_t *) compliance_snapshot_find(snapshot, name);

    if (group == NULL) {
        if (snapshot->n_groups == COMPLIANCE_GROUPS_MAX) {
            return NULL;
        }

        group = &snapshot->groups[snapshot->n_groups++];
    }

    compliance_group_defaults(group, text);

    return group;
}


void
compliance_snapshot_remove(compliance_snapshot_t *snapshot,
    compliance_str_t name)
{
    size_t                    i, left;
    const compliance_group_t *group = compliance_snapshot_find(snapshot, name);

    if (group == NULL || group == &snapshot->groups[0]) {
        return;
    }

    i = (size_t) (group - snapshot->groups);
    left = snapshot->n_groups - i - 1;
    memmove(&snapshot->groups[i], &snapshot->groups[i + 1],
            left * sizeof(snapshot->groups[0]));
    snapshot->n_groups--;
}


const compliance_group_t *
compliance_snapshot_find(const compliance_snapshot_t *snapshot,
    compliance_str_t name)
{
    for (size_t i = 0; i < snapshot->n_groups; i++) {
        const char *known = snapshot->groups[i].name;

        if (compliance_str_eq(name,
                (compliance_str_t) { known, strlen(known) }))
        {
            return &snapshot->groups[i];
        }
    }

    return NULL;
}


bool
compliance_snapshot_break_glass(const compliance_snapshot_t *snapshot,
    const compliance_principal_t *principal)
{
    for (size_t i = 0; i < snapshot->n_break_glass; i++) {
        if (compliance_principal_eq(&snapshot->break_glass[i], principal)) {
            return principal->len > 0;
        }
    }

    return false;
}
