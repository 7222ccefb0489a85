/*
 * group set, mode, delete; cmd_group_show.c has the rest.  The settings are
 * core's own table, so that no value gets in here that the gateway would read
 * as its strictest.
 */
#include "enforce.h"
#include "group.h"

#include <stdlib.h>
#include <string.h>


typedef struct {
    const char       *name;
    bool              must_exist;
    const ctl_kind_t *kind;
    ctl_changes_t     wanted;
    ctl_record_t      record;
    ctl_changes_t     real;
    bool              known;     /* in the set of groups */
    ctl_replay_notes_t seen;     /* what the safety check saw by the way */
} group_t;


/* The names without a record that the last days have seen. */
static const char *
names_seen(const ctl_replay_notes_t *seen)
{
    char *text = ctl_format("%s", "");

    for (size_t i = 0; i < seen->n_names; i++) {
        text = ctl_format("%s%s\"%s\"", text, i == 0 ? " Seen lately: " : ", ",
                          ctl_escape(ctl_str(seen->names[i])));
    }

    return seen->n_names == 0 ? ""
           : ctl_format("%s%s.", text, seen->more_names ? " and others" : "");
}


/* An unknown spelling of a member's name escapes his group for as long as the
 * default group lets unknown names in. */
static void
warn_unknown_users(ctl_t *ctl, const group_t *group)
{
    size_t       n;
    const char **names, *unknown_user, *enforced = NULL;
    ctl_record_t record;

    ctl_record_read(ctl, &record, "default", ctl_key_group(ctl, "default"));
    unknown_user = ctl_group_value(group->kind, &record, "unknown_user");

    if (strcmp(unknown_user, "allow") != 0) {
        return;
    }

    if (ctl_changes_find(&group->real, "mode") != NULL
        && compliance_str_eq(ctl_changes_find(&group->real, "mode")->value,
                             compliance_str("enforce")))
    {
        enforced = group->name;

    } else if (ctl_group_is_default(group->name)
               && ctl_changes_find(&group->real, "unknown_user") != NULL)
    {
        names = ctl_group_names(ctl, &n);

        for (size_t i = 0; i < n && enforced == NULL; i++) {
            ctl_record_read(ctl, &record, names[i],
                            ctl_key_group(ctl, names[i]));

            if (compliance_str_eq(ctl_record_get(&record, "mode"),
                                  compliance_str("enforce")))
            {
                enforced = names[i];
            }
        }
    }

    if (enforced != NULL) {
        ctl_warn("group \"%s\" is enforced while group \"default\" lets "
                 "unknown users in: a spelling of a member's name that is not "
                 "recorded escapes it.%s Close it with: compliancectl group "
                 "set default unknown_user=block", enforced,
                 names_seen(&group->seen));
    }
}


/* Web mail knows its user by the device; a browser that proves none is judged
 * by the default group, whoever is signed in there. */
static void
warn_open_web(ctl_t *ctl, const group_t *group)
{
    ctl_record_t record;

    if (ctl_group_is_default(group->name)
        || ctl_changes_find(&group->real, "mode") == NULL
        || !compliance_str_eq(ctl_changes_find(&group->real, "mode")->value,
                              compliance_str("enforce")))
    {
        return;
    }

    ctl_record_read(ctl, &record, "default", ctl_key_group(ctl, "default"));

    if (strcmp(ctl_group_value(group->kind, &record, "mode"), "enforce") != 0
        || strcmp(ctl_group_value(group->kind, &record, "unknown_device"),
                  "block") != 0)
    {
        ctl_warn("group \"%s\" is enforced, but in web mail a browser that "
                 "proves no device is judged by group \"default\", which lets "
                 "it in. Close it with: compliancectl group set default "
                 "mode=enforce unknown_device=block", group->name);
    }
}


static void
plan_set(ctl_t *ctl, void *data)
{
    group_t    *group = data;
    const char *key = ctl_key_group(ctl, group->name);
    const char *groups = ctl_key_groups(ctl);

    ctl_store_watch(ctl, key);
    ctl_store_watch(ctl, groups);
    ctl_record_read(ctl, &group->record, group->name, key);
    group->known = ctl_store_ask(ctl, "SISMEMBER %s %s", groups,
                                 group->name)->integer != 0;

    if (group->must_exist && !group->known && !group->record.exists
        && !ctl_group_is_default(group->name))
    {
        ctl_group_missing(ctl, group->name);
    }

    /* "default" has its place in the snapshot whether it is recorded or not */
    if (!group->known && !ctl_group_is_default(group->name)
        && ctl_store_ask(ctl, "SCARD %s", groups)->integer
           >= COMPLIANCE_GROUPS_MAX - 1)
    {
        ctl_die(CTL_CONFLICT, "there are %d groups already, and gateways read "
                "no more; nothing was written", COMPLIANCE_GROUPS_MAX);
    }

    group->real = (ctl_changes_t) { 0, 0, NULL };
    ctl_record_diff(group->kind, &group->record, &group->wanted, &group->real);

    if (group->real.n > 0) {
        ctl_record_store(ctl, group->kind, &group->record, &group->real);
    }

    if (!group->known) {
        ctl_write_sadd(ctl, groups, ctl_str(group->name));
    }
}


/* The plan says what is wrong where it does not. */
static bool
group_exists(ctl_t *ctl, const char *name)
{
    return ctl_group_is_default(name)
           || ctl_store_ask(ctl, "SISMEMBER %s %s", ctl_key_groups(ctl),
                            name)->integer != 0;
}


static ctl_exit_t
set(ctl_t *ctl, group_t *group)
{
    json_t     *object;
    const char *result;

    if (!group->must_exist || group_exists(ctl, group->name)) {
        (void) ctl_enforce_check(ctl, group->name, &group->wanted,
                                 &group->seen);
    }

    ctl_store_transact(ctl, plan_set, group);

    result = !group->record.exists ? "created"
             : group->real.n == 0 && group->known ? "unchanged" : "changed";

    if (ctl->json) {
        object = ctl_json_object();
        ctl_json_set(object, "group", ctl_json_text(ctl_str(group->name)));
        ctl_json_set(object, "result", ctl_json_text(ctl_str(result)));
        ctl_json_set(object, "changes", ctl_changes_json(&group->real));
        ctl_json_print(object);

    } else {
        printf("group %s %s\n", group->name, result);
        ctl_changes_print(&group->real);
    }

    warn_unknown_users(ctl, group);
    warn_open_web(ctl, group);

    return CTL_DONE;
}


ctl_exit_t
ctl_group_set(ctl_t *ctl)
{
    group_t          group;
    compliance_str_t field, value;

    memset(&group, 0, sizeof(group));
    group.name = ctl->args[0];
    group.kind = ctl_group_kind();
    ctl_group_check_name(group.name);

    for (size_t i = 1; i < ctl->n_args; i++) {
        ctl_assignment(ctl, ctl->args[i], &field, &value);
        ctl_changes_assign(ctl, group.kind, &group.wanted, field, value);
    }

    return set(ctl, &group);
}


ctl_exit_t
ctl_group_mode(ctl_t *ctl)
{
    group_t group;

    memset(&group, 0, sizeof(group));
    group.name = ctl->args[0];
    group.kind = ctl_group_kind();
    group.must_exist = true;
    ctl_group_check_name(group.name);

    if (ctl->args[1][0] == '\0') {
        ctl_die_usage(ctl, "the mode is empty; it expects off, report or "
                      "enforce");
    }

    ctl_changes_assign(ctl, group.kind, &group.wanted, compliance_str("mode"),
                       ctl_str(ctl->args[1]));

    return set(ctl, &group);
}


static void
plan_delete(ctl_t *ctl, void *data)
{
    group_t    *group = data;
    const char *key = ctl_key_group(ctl, group->name);
    const char *groups = ctl_key_groups(ctl);
    const char *index = ctl_key_index(ctl, "groups", ctl_str(group->name));

    ctl_store_watch(ctl, key);
    ctl_store_watch(ctl, groups);
    ctl_store_watch(ctl, index);
    ctl_record_read(ctl, &group->record, group->name, key);

    if (!group->record.exists
        && ctl_store_ask(ctl, "SISMEMBER %s %s", groups,
                         group->name)->integer == 0)
    {
        ctl_group_missing(ctl, group->name);
    }

    if (ctl_group_members(ctl, group->name) > 0) {
        ctl_die(CTL_CONFLICT, "group \"%s\" has %lld members; nothing was "
                "deleted. List them with: compliancectl user list groups=%s, "
                "or switch it off: compliancectl group mode %s off",
                group->name, (long long) ctl_group_members(ctl, group->name),
                group->name, group->name);
    }

    ctl_write_del(ctl, CTL_TYPE_HASH, key);
    ctl_write_srem(ctl, groups, ctl_str(group->name));
}


ctl_exit_t
ctl_group_delete(ctl_t *ctl)
{
    json_t *object;
    group_t group;

    memset(&group, 0, sizeof(group));
    group.name = ctl->args[0];
    ctl_group_check_name(group.name);

    if (ctl_group_is_default(group.name)) {
        ctl_die(CTL_CONFLICT, "the group \"default\" cannot be deleted: it "
                "holds for everyone without a group of his own; switch it off "
                "with: compliancectl group mode default off");
    }

    ctl_store_transact(ctl, plan_delete, &group);

    if (ctl->json) {
        object = ctl_json_object();
        ctl_json_set(object, "group", ctl_json_text(ctl_str(group.name)));
        ctl_json_set(object, "result", ctl_json_text(ctl_str("deleted")));
        ctl_json_print(object);

    } else {
        printf("group %s deleted\n", group.name);
    }

    return CTL_DONE;
}


void
ctl_group_details(void)
{
    ctl_fields_print(ctl_group_kind());
    puts("\nThe group \"default\" always exists and holds for everyone without "
         "a group of his\nown; its unknown_user decides about names without a "
         "record. Standards: see\ncompliancectl group get default.");
}
