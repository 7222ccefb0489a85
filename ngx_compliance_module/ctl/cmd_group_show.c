/*
 * group get and list, and what is known of groups by name.
 */
#include "group.h"

#include <string.h>


bool
ctl_group_is_default(const char *name)
{
    return strcmp(name, "default") == 0;
}


/* All names of groups, "default" among them. */
const char **
ctl_group_names(ctl_t *ctl, size_t *n)
{
    const char **names, **all;
    size_t       kept = 1;

    names = ctl_store_members(ctl, ctl_key_groups(ctl), n);
    all = ctl_alloc_array(*n + 1, sizeof(*all));
    all[0] = "default";

    for (size_t i = 0; i < *n; i++) {
        if (!ctl_group_is_default(names[i])
            && compliance_group_name_valid(ctl_str(names[i])))
        {
            all[kept++] = names[i];
        }
    }

    *n = kept;

    return all;
}


CTL_NORETURN void
ctl_group_missing(ctl_t *ctl, const char *name)
{
    size_t       n;
    const char **names = ctl_group_names(ctl, &n), *nearest;

    nearest = ctl_nearest(name, names, n);

    if (nearest != NULL) {
        ctl_die(CTL_NOT_FOUND, "no group \"%s\"; did you mean \"%s\"? "
                "compliancectl group set %s creates one", name, nearest, name);
    }

    ctl_die(CTL_NOT_FOUND, "no group \"%s\"; compliancectl group set %s "
            "creates one", name, name);
}


void
ctl_group_check_name(const char *name)
{
    if (!compliance_group_name_valid(ctl_str(name))) {
        ctl_die(CTL_USAGE, "\"%s\" is no group name; it expects 1 to %d of "
                "a-z, 0-9, '.', '_', '-', beginning with a letter or digit",
                ctl_escape(ctl_str(name)), COMPLIANCE_GROUP_NAME_MAX);
    }
}


const char *
ctl_group_value(const ctl_kind_t *kind, const ctl_record_t *record,
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


int64_t
ctl_group_members(ctl_t *ctl, const char *name)
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
                      ctl_group_is_default(record->name)
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

    ctl_group_check_name(name);
    ctl_record_read(ctl, &record, name, ctl_key_group(ctl, name));

    if (!record.exists && !ctl_group_is_default(name)
        && ctl_store_ask(ctl, "SISMEMBER %s %s", ctl_key_groups(ctl),
                         name)->integer == 0)
    {
        ctl_group_missing(ctl, name);
    }

    n = ctl_group_members(ctl, name);

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
    const char      **names = ctl_group_names(ctl, &n), *cells[8];
    ctl_table_t      *table = ctl_table(8, headings);
    ctl_record_t      record;
    const ctl_kind_t *kind = ctl_group_kind();

    for (size_t i = 0; i < n; i++) {
        ctl_record_read(ctl, &record, names[i], ctl_key_group(ctl, names[i]));
        n_members = ctl_group_members(ctl, names[i]);

        cells[0] = names[i];
        object = ctl_json_object();
        ctl_json_set(object, "name", ctl_json_text(ctl_str(names[i])));

        for (size_t c = 0; c < sizeof(columns) / sizeof(columns[0]); c++) {
            cells[c + 1] = ctl_group_value(kind, &record, columns[c]);
            ctl_json_set(object, columns[c],
                         ctl_json_text(ctl_str(cells[c + 1])));
        }

        cells[7] = ctl_group_is_default(names[i]) ? "the rest"
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
