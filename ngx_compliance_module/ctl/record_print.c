/*
 * Records and changes, for a person and for a program.
 */
#include "record.h"

#include <string.h>


const char *
ctl_value_show(const ctl_field_t *field, compliance_str_t value)
{
    int64_t time;

    if (field != NULL && field->show == CTL_SHOW_TIME
        && compliance_parse_uint(value, &time) && time > 0)
    {
        return ctl_time_format(time);
    }

    return ctl_escape(value);
}


json_t *
ctl_value_json(const ctl_field_t *field, compliance_str_t value)
{
    int64_t number;

    if (field != NULL && field->show == CTL_SHOW_TIME
        && compliance_parse_uint(value, &number))
    {
        return ctl_json_int(number);
    }

    if (field != NULL && field->show == CTL_SHOW_FLAG
        && (compliance_str_eq(value, compliance_str("1"))
            || compliance_str_eq(value, compliance_str("0"))))
    {
        return ctl_json_bool(value.data[0] == '1');
    }

    return ctl_json_text(value);
}


json_t *
ctl_record_json(const ctl_kind_t *kind, const char *name_key,
    const ctl_record_t *record)
{
    json_t *object = ctl_json_object();

    ctl_json_set(object, name_key, ctl_json_text(ctl_str(record->name)));

    for (size_t i = 0; i < kind->n; i++) {
        compliance_str_t value = ctl_record_get(record, kind->fields[i].name);

        if (value.data != NULL) {
            ctl_json_set(object, kind->fields[i].name,
                         ctl_value_json(&kind->fields[i], value));
        }
    }

    return object;
}


/* Fields of other tools are shown too: they are in the record. */
void
ctl_record_print(const ctl_kind_t *kind, const ctl_record_t *record,
    const char *const *aliases, size_t n_aliases)
{
    ctl_table_t *table = ctl_table(2, NULL);

    ctl_table_row(table, (const char *[]) { kind->noun,
                      ctl_escape(ctl_str(record->name)) });

    for (size_t i = 0; i < kind->n; i++) {
        const ctl_field_t *field = &kind->fields[i];
        compliance_str_t   value = ctl_record_get(record, field->name);

        if (value.data != NULL) {
            ctl_table_row(table, (const char *[]) { field->name,
                                     ctl_value_show(field, value) });
        }
    }

    for (size_t i = 0; i < record->n; i++) {
        if (ctl_field_find(kind, record->pairs[i].field) == NULL) {
            ctl_table_row(table, (const char *[]) {
                              ctl_escape(record->pairs[i].field),
                              ctl_escape(record->pairs[i].value) });
        }
    }

    for (size_t i = 0; i < n_aliases; i++) {
        ctl_table_row(table, (const char *[]) { "alias",
                          ctl_escape(ctl_str(aliases[i])) });
    }

    ctl_table_print(table);
}


json_t *
ctl_changes_json(const ctl_changes_t *changes)
{
    json_t *object = ctl_json_object(), *pair;

    for (size_t i = 0; i < changes->n; i++) {
        const ctl_change_t *change = &changes->items[i];

        pair = ctl_json_array();
        ctl_json_add(pair, ctl_value_json(change->field, change->old));
        ctl_json_add(pair, ctl_value_json(change->field, change->value));
        ctl_json_set(object, change->field->name, pair);
    }

    return object;
}


void
ctl_changes_print(const ctl_changes_t *changes)
{
    for (size_t i = 0; i < changes->n; i++) {
        const ctl_change_t *change = &changes->items[i];

        if (change->old.data == NULL) {
            printf("  %s: %s\n", change->field->name,
                   ctl_value_show(change->field, change->value));

        } else if (change->value.data == NULL) {
            printf("  %s: %s -> (removed)\n", change->field->name,
                   ctl_value_show(change->field, change->old));

        } else {
            printf("  %s: %s -> %s\n", change->field->name,
                   ctl_value_show(change->field, change->old),
                   ctl_value_show(change->field, change->value));
        }
    }
}
