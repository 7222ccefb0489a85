/*
 * The changed set: the live groups with somebody's changes applied, in memory.
 */
#include "explain.h"
#include "group.h"
#include "whatif.h"

#include <string.h>


ctl_sets_t *
ctl_sets(ctl_t *ctl)
{
    ctl_sets_t *sets = ctl_alloc(sizeof(*sets));

    ctl_snapshot_read(ctl, &sets->live);
    sets->changed = sets->live;

    return sets;
}


static compliance_str_t
standard_of(const char *field)
{
    for (size_t i = 0; i < compliance_group_settings_n; i++) {
        if (strcmp(compliance_group_settings[i].name, field) == 0) {
            return ctl_str(compliance_group_settings[i].standard);
        }
    }

    return compliance_absent;
}


void
ctl_sets_change(ctl_sets_t *sets, const char *name,
    const ctl_changes_t *changes)
{
    compliance_str_t    value;
    compliance_group_t *group;

    group = (compliance_group_t *) compliance_snapshot_find(&sets->changed,
                                                            ctl_str(name));
    if (group == NULL) {
        group = compliance_snapshot_add(&sets->changed, ctl_str(name));
    }

    if (group == NULL) {
        ctl_die(CTL_CONFLICT, "there are %d groups already, and gateways read "
                "no more", COMPLIANCE_GROUPS_MAX);
    }

    for (size_t i = 0; i < changes->n; i++) {
        const ctl_change_t *change = &changes->items[i];

        value = change->value.data != NULL ? change->value
                                           : standard_of(change->field->name);

        if (compliance_group_set(group, ctl_str(change->field->name), value)
            != COMPLIANCE_OK)
        {
            ctl_die(CTL_USAGE, "%s=\"%s\" is not valid; it expects %s",
                    change->field->name, ctl_escape(value),
                    change->field->expects);
        }
    }
}


const char *
ctl_sets_read(ctl_t *ctl, ctl_sets_t *sets, ctl_changes_t *changes)
{
    const char       *name = ctl->options[CTL_OPT_GROUP];
    const char       *mode = ctl->options[CTL_OPT_MODE];
    const ctl_kind_t *kind = ctl_group_kind();
    compliance_str_t  field, value;

    if (name == NULL) {
        if (mode != NULL || ctl->n_args > 0) {
            ctl_die_usage(ctl, "--group is missing: whose setting is it?");
        }

        return NULL;
    }

    ctl_group_check_name(name);

    if (compliance_snapshot_find(&sets->live, ctl_str(name)) == NULL) {
        ctl_group_missing(ctl, name);
    }

    if (mode != NULL) {
        ctl_changes_assign(ctl, kind, changes, compliance_str("mode"),
                           ctl_str(mode));
    }

    for (size_t i = 0; i < ctl->n_args; i++) {
        ctl_assignment(ctl, ctl->args[i], &field, &value);
        ctl_changes_assign(ctl, kind, changes, field, value);
    }

    ctl_sets_change(sets, name, changes);

    return name;
}


bool
ctl_group_concerned(const char *group, const compliance_trace_t *trace)
{
    if (trace->step == COMPLIANCE_STEP_USER_UNKNOWN) {
        return ctl_group_is_default(group);
    }

    for (size_t i = 0; i < trace->n; i++) {
        if (strcmp(trace->judgements[i].group->name, group) == 0) {
            return true;
        }
    }

    return false;
}
