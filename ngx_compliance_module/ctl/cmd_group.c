/*
 * group set, mode, get, list, delete.  The settings are core's own table, so
 * that no value gets in here that the gateway would read as its strictest.
 */
#include "record.h"

#include "../core/group.h"

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
} group_t;


static void
check_name(const char *name)
{
    if (!compliance_group_name_valid(ctl_str(name))) {
        ctl_die(CTL_USAGE, "\"%s\" is no group name; it expects 1 to %d of "
                "a-z, 0-9, '.', '_', '-', beginning with a letter or digit",
                ctl_escape(ctl_str(name)), COMPLIANCE_GROUP_NAME_MAX);
    }
}


static bool
is_default(const char *name)
{
    return strcmp(name, "default") == 0;
}


/* All names of groups, "default" among them. */
static const char **
group_names(ctl_t *ctl, size_t *n)
{
    const char **names, **all;
    size_t       kept = 1;

    names = ctl_store_members(ctl, ctl_key_groups(ctl), n);
    all = ctl_alloc_array(*n + 1, sizeof(*all));
    all[0] = "default";

    for (size_t i = 0; i < *n; i++) {
        if (!is_default(names[i])
            && compliance_group_name_valid(ctl_str(names[i])))
        {
            all[kept++] = names[i];
        }
    }

    *n = kept;

    return all;
}


static _Noreturn void
no_group(ctl_t *ctl, const char *name)
{
    size_t       n;
    const char **names = group_names(ctl, &n), *nearest;

    nearest = ctl_nearest(name, names, n);

    if (nearest != NULL) {
        ctl_die(CTL_NOT_FOUND, "no group \"%s\"; did you mean \"%s\"? "
                "compliancectl group set %s creates one", name, nearest, name);
    }

    ctl_die(CTL_NOT_FOUND, "no group \"%s\"; compliancectl group set %s "
            "creates one", name, name);
}


static const char *
stored_or_standard(const ctl_kind_t *kind, const ctl_record_t *record,
    const char *name)
{
    compliance_str_t value = ctl_record_get(record, name);

    for (size_t i = 0; value.data == NULL && i < kind->n; i++) {
        if (strcmp(compliance_group_settings[i].name, name) == 0) {
            return compliance_group_settings[i].standard;
        }
    }

    return ctl_escape(value);
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
    unknown_user = stored_or_standard(group->kind, &record, "unknown_user");

    if (strcmp(unknown_user, "allow") != 0) {
        return;
    }

    if (ctl_changes_find(&group->real, "mode") != NULL
        && compliance_str_eq(ctl_changes_find(&group->real, "mode")->value,
                             compliance_str("enforce")))
    {
        enforced = group->name;

    } else if (is_default(group->name)
               && ctl_changes_find(&group->real, "unknown_user") != NULL)
    {
        names = group_names(ctl, &n);

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
                 "recorded escapes it. Close it with: compliancectl group set "
                 "default unknown_user=block", enforced);
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
        && !is_default(group->name))
    {
        no_group(ctl, group->name);
    }

    /* "default" has its place in the snapshot whether it is recorded or not */
    if (!group->known && !is_default(group->name)
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
        ctl_store_write(ctl, CTL_TYPE_SET, groups, "SADD %s %s", groups,
                        group->name);
    }
}


static ctl_exit_t
set(ctl_t *ctl, group_t *group)
{
    json_t     *object;
    const char *result;

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
    check_name(group.name);

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
    check_name(group.name);

    if (ctl->args[1][0] == '\0') {
        ctl_die_usage(ctl, "the mode is empty; it expects off, report or "
                      "enforce");
    }

    ctl_changes_assign(ctl, group.kind, &group.wanted, compliance_str("mode"),
                       ctl_str(ctl->args[1]));

    return set(ctl, &group);
}


static int64_t
members(ctl_t *ctl, const char *name)
{
    const char *key = ctl_key_index(ctl, "groups", ctl_str(name));

    return key == NULL ? 0 : ctl_store_ask(ctl, "SCARD %s", key)->integer;
}


/* Every setting in force: the stored ones, and the defaults marked. */
static void
print_group(const ctl_kind_t *kind, const ctl_record_t *record,
    int64_t n_members)
{
    ctl_table_t       *table = ctl_table(2, NULL);
    compliance_group_t group;
    const char        *text;

    compliance_group_defaults(&group, record->name);
    ctl_table_row(table, (const char *[]) { "group", record->name });

    for (size_t i = 0; i < kind->n; i++) {
        const ctl_field_t *field = &kind->fields[i];
        compliance_str_t   value = ctl_record_get(record, field->name);

        if (value.data == NULL) {
            text = ctl_format("%s (default)",
                              compliance_group_settings[i].standard);

        } else if (compliance_group_set(&group, ctl_str(field->name), value)
                   != COMPLIANCE_OK)
        {
            text = ctl_format("%s (unreadable: the strictest holds; it "
                              "expects %s)", ctl_escape(value),
                              field->expects);

        } else {
            text = ctl_value_show(field, value);
        }

        ctl_table_row(table, (const char *[]) { field->name, text });
    }

    ctl_table_row(table, (const char *[]) { "members",
                      is_default(record->name)
                      ? "everyone without a group of his own"
                      : ctl_format("%lld", (long long) n_members) });
    ctl_table_print(table);
}


ctl_exit_t
ctl_group_get(ctl_t *ctl)
{
    json_t           *object, *stored;
    int64_t           n;
    const char       *name = ctl->args[0];
    ctl_record_t      record;
    const ctl_kind_t *kind = ctl_group_kind();

    check_name(name);
    ctl_record_read(ctl, &record, name, ctl_key_group(ctl, name));

    if (!record.exists && !is_default(name)
        && ctl_store_ask(ctl, "SISMEMBER %s %s", ctl_key_groups(ctl),
                         name)->integer == 0)
    {
        no_group(ctl, name);
    }

    n = members(ctl, name);

    if (!ctl->json) {
        print_group(kind, &record, n);
        return CTL_DONE;
    }

    object = ctl_json_object();
    stored = ctl_record_json(kind, "name", &record);

    for (size_t i = 0; i < kind->n; i++) {
        compliance_str_t value = ctl_record_get(&record,
                                                kind->fields[i].name);

        if (value.data == NULL) {
            ctl_json_set(object, kind->fields[i].name, ctl_value_json(
                &kind->fields[i],
                ctl_str(compliance_group_settings[i].standard)));
        }
    }

    /* what is stored on top of the defaults */
    if (json_object_update(object, stored) != 0) {
        ctl_die(CTL_STORE, "out of memory");
    }

    json_decref(stored);
    ctl_json_set(object, "members", ctl_json_int(n));
    ctl_json_print(object);

    return CTL_DONE;
}


ctl_exit_t
ctl_group_list(ctl_t *ctl)
{
    static const char *const headings[] = {
        "GROUP", "MODE", "REQUIRE", "UNKNOWN DEVICE", "UNKNOWN USER",
        "MIN BINDING", "PROTOCOLS", "MEMBERS"
    };
    static const char *const columns[] = {
        "mode", "require", "unknown_device", "unknown_user", "min_binding",
        "protocols"
    };

    size_t            n;
    json_t           *array = ctl_json_array(), *object;
    int64_t           n_members;
    const char      **names = group_names(ctl, &n), *cells[8];
    ctl_table_t      *table = ctl_table(8, headings);
    ctl_record_t      record;
    const ctl_kind_t *kind = ctl_group_kind();

    for (size_t i = 0; i < n; i++) {
        ctl_record_read(ctl, &record, names[i], ctl_key_group(ctl, names[i]));
        n_members = members(ctl, names[i]);

        cells[0] = names[i];
        object = ctl_json_object();
        ctl_json_set(object, "name", ctl_json_text(ctl_str(names[i])));

        for (size_t c = 0; c < sizeof(columns) / sizeof(columns[0]); c++) {
            cells[c + 1] = stored_or_standard(kind, &record, columns[c]);
            ctl_json_set(object, columns[c],
                         ctl_json_text(ctl_str(cells[c + 1])));
        }

        cells[7] = is_default(names[i]) ? "the rest"
                   : ctl_format("%lld", (long long) n_members);
        ctl_json_set(object, "members", ctl_json_int(n_members));
        ctl_json_add(array, object);
        ctl_table_row(table, cells);
    }

    if (ctl->json) {
        ctl_json_print(array);

    } else {
        json_decref(array);
        ctl_table_print(table);
    }

    return CTL_DONE;
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
        no_group(ctl, group->name);
    }

    if (members(ctl, group->name) > 0) {
        ctl_die(CTL_CONFLICT, "group \"%s\" has %lld members; nothing was "
                "deleted. List them with: compliancectl user list groups=%s, "
                "or switch it off: compliancectl group mode %s off",
                group->name, (long long) members(ctl, group->name),
                group->name, group->name);
    }

    ctl_store_write(ctl, CTL_TYPE_HASH, key, "DEL %s", key);
    ctl_store_write(ctl, CTL_TYPE_SET, groups, "SREM %s %s", groups,
                    group->name);
}


ctl_exit_t
ctl_group_delete(ctl_t *ctl)
{
    json_t *object;
    group_t group;

    memset(&group, 0, sizeof(group));
    group.name = ctl->args[0];
    check_name(group.name);

    if (is_default(group.name)) {
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
