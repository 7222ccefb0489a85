/*
 * A change to a record: read, compare, and what is to be written.  The index
 * sets follow from the values alone, so a record that is written puts its own
 * entries right, whoever wrote it before.
 */
#include "record.h"

#include <stdlib.h>
#include <string.h>


bool
ctl_item(compliance_str_t *list, compliance_str_t *item)
{
    const char *comma;

    if (list->data == NULL) {
        return false;
    }

    comma = list->len > 0 ? memchr(list->data, ',', list->len) : NULL;
    *item = *list;

    if (comma == NULL) {
        *list = compliance_absent;

    } else {
        item->len = (size_t) (comma - list->data);
        list->data += item->len + 1;
        list->len -= item->len + 1;
    }

    while (item->len > 0 && item->data[0] == ' ') {
        item->data++;
        item->len--;
    }

    while (item->len > 0 && item->data[item->len - 1] == ' ') {
        item->len--;
    }

    return true;
}


void
ctl_assignment(const ctl_t *ctl, const char *word, compliance_str_t *field,
    compliance_str_t *value)
{
    const char *equals = strchr(word, '=');

    if (equals == NULL || equals == word) {
        ctl_die_usage(ctl, "\"%s\" is no FIELD=VALUE",
                      ctl_escape(ctl_str(word)));
    }

    *field = (compliance_str_t) { word, (size_t) (equals - word) };
    *value = ctl_str(equals + 1);
}


static _Noreturn void
unknown_field(const ctl_kind_t *kind, compliance_str_t field)
{
    const char **names, *nearest;
    char        *all = ctl_format("%s", "");
    size_t       n = 0;

    names = ctl_alloc_array(kind->n, sizeof(*names));

    for (size_t i = 0; i < kind->n; i++) {
        if (kind->fields[i].check == NULL) {
            continue;
        }

        all = ctl_format("%s%s%s", all, n == 0 ? "" : ", ",
                         kind->fields[i].name);
        names[n++] = kind->fields[i].name;
    }

    nearest = ctl_nearest(ctl_dup(field), names, n);

    if (nearest != NULL) {
        ctl_die(CTL_USAGE, "a %s has no field \"%s\"; did you mean \"%s\"? "
                "Its fields: %s", kind->noun, ctl_escape(field), nearest, all);
    }

    ctl_die(CTL_USAGE, "a %s has no field \"%s\"; its fields: %s", kind->noun,
            ctl_escape(field), all);
}


static ctl_change_t *
add_change(ctl_changes_t *changes, const ctl_field_t *field,
    compliance_str_t value)
{
    ctl_change_t *items;

    if (changes->n == changes->cap) {
        items = ctl_alloc_array(changes->cap * 2 + 16, sizeof(*items));

        if (changes->n > 0) {
            memcpy(items, changes->items, changes->n * sizeof(*items));
        }

        changes->items = items;
        changes->cap = changes->cap * 2 + 16;
    }

    items = &changes->items[changes->n++];
    items->field = field;
    items->old = compliance_absent;
    items->value = value;

    return items;
}


void
ctl_changes_assign(const ctl_t *ctl, const ctl_kind_t *kind,
    ctl_changes_t *changes, compliance_str_t name, compliance_str_t value)
{
    const ctl_field_t *field = ctl_field_find(kind, name);
    compliance_str_t   canonical = compliance_absent;

    if (field == NULL) {
        unknown_field(kind, name);
    }

    if (field->check == NULL) {
        ctl_die(CTL_USAGE, "\"%s\" is written by compliancectl itself",
                field->name);
    }

    if (ctl_changes_find(changes, field->name) != NULL) {
        ctl_die_usage(ctl, "\"%s\" was given twice", field->name);
    }

    if (value.len == 0) {
        canonical = ctl_str(field->standard);

    } else if (!field->check(ctl, field, value, &canonical)) {
        ctl_die(CTL_USAGE, "%s \"%s\" is not valid; it expects %s",
                field->name, ctl_escape(value), field->expects);
    }

    (void) add_change(changes, field, canonical);
}


void
ctl_changes_put(const ctl_kind_t *kind, ctl_changes_t *changes,
    const char *name, compliance_str_t value)
{
    for (size_t i = 0; i < changes->n; i++) {
        if (strcmp(changes->items[i].field->name, name) == 0) {
            changes->items[i].value = value;
            return;
        }
    }

    (void) add_change(changes, ctl_field_find(kind, ctl_str(name)), value);
}


const ctl_change_t *
ctl_changes_find(const ctl_changes_t *changes, const char *field)
{
    for (size_t i = 0; i < changes->n; i++) {
        if (strcmp(changes->items[i].field->name, field) == 0) {
            return &changes->items[i];
        }
    }

    return NULL;
}


void
ctl_record_fill(ctl_record_t *record, const redisReply *reply)
{
    ctl_reply_expect(reply, REDIS_REPLY_ARRAY, "a record");

    record->n = reply->elements / 2;
    record->exists = record->n > 0;
    record->pairs = ctl_alloc_array(record->n, sizeof(*record->pairs));

    for (size_t i = 0; i < record->n; i++) {
        record->pairs[i].field = ctl_reply_text(reply->element[2 * i]);
        record->pairs[i].value = ctl_reply_text(reply->element[2 * i + 1]);
    }
}


void
ctl_record_read(ctl_t *ctl, ctl_record_t *record, const char *name,
    const char *key)
{
    record->name = name;
    record->key = key;
    ctl_record_fill(record, ctl_store_ask(ctl, "HGETALL %s", key));
}


compliance_str_t
ctl_record_get(const ctl_record_t *record, const char *field)
{
    for (size_t i = 0; i < record->n; i++) {
        if (compliance_str_eq(record->pairs[i].field, ctl_str(field))) {
            return record->pairs[i].value;
        }
    }

    return compliance_absent;
}


compliance_str_t
ctl_record_after(const ctl_record_t *record, const ctl_changes_t *changes,
    const char *field)
{
    const ctl_change_t *change = ctl_changes_find(changes, field);

    return change != NULL ? change->value : ctl_record_get(record, field);
}


void
ctl_record_diff(const ctl_kind_t *kind, const ctl_record_t *record,
    const ctl_changes_t *wanted, ctl_changes_t *real)
{
    compliance_str_t old, value;

    for (size_t i = 0; i < kind->n; i++) {
        const ctl_field_t *field = &kind->fields[i];

        old = ctl_record_get(record, field->name);
        value = ctl_record_after(record, wanted, field->name);

        if (value.data == NULL) {
            value = ctl_str(field->standard);
        }

        if (!compliance_str_eq(old, value)) {
            add_change(real, field, value)->old = old;
        }
    }
}


void
ctl_changes_compare(const ctl_record_t *record, ctl_changes_t *real)
{
    size_t kept = 0;

    for (size_t i = 0; i < real->n; i++) {
        ctl_change_t change = real->items[i];

        change.old = ctl_record_get(record, change.field->name);

        if (!compliance_str_eq(change.old, change.value)) {
            real->items[kept++] = change;
        }
    }

    real->n = kept;
}


/* Puts `name` into the sets that a value stands for, or out of those that it
 * stood for and no longer does. */
static void
index_value(ctl_t *ctl, const ctl_field_t *field, const char *name,
    compliance_str_t value, const char *command)
{
    compliance_str_t item;
    const char      *key;

    if (field->index == CTL_INDEX_NONE
        || (field->index == CTL_INDEX_ONE
            && !compliance_str_eq(value, compliance_str("1"))))
    {
        return;
    }

    if (field->index != CTL_INDEX_ITEMS && value.len > 0) {
        key = ctl_key_index(ctl, field->name, value);

        if (key != NULL) {
            ctl_store_write(ctl, CTL_TYPE_SET, key, "%s %s %s", command, key,
                            name);
        }

        return;
    }

    while (ctl_item(&value, &item)) {
        key = item.len == 0 ? NULL : ctl_key_index(ctl, field->name, item);

        if (key != NULL) {
            ctl_store_write(ctl, CTL_TYPE_SET, key, "%s %s %s", command, key,
                            name);
        }
    }
}


void
ctl_record_store(ctl_t *ctl, const ctl_kind_t *kind,
    const ctl_record_t *record, const ctl_changes_t *real)
{
    for (size_t i = 0; i < real->n; i++) {
        const ctl_change_t *change = &real->items[i];

        if (change->value.data != NULL) {
            ctl_store_write(ctl, CTL_TYPE_HASH, record->key, "HSET %s %s %b",
                            record->key, change->field->name,
                            change->value.data, change->value.len);
        }
    }

    /* removed behind what was set, so that the record never vanishes */
    for (size_t i = 0; i < real->n; i++) {
        const ctl_change_t *change = &real->items[i];

        if (change->value.data == NULL) {
            ctl_store_write(ctl, CTL_TYPE_HASH, record->key, "HDEL %s %s",
                            record->key, change->field->name);
        }
    }

    for (size_t i = 0; i < kind->n; i++) {
        const ctl_field_t  *field = &kind->fields[i];
        const ctl_change_t *change = ctl_changes_find(real, field->name);

        if (change != NULL && change->old.data != NULL) {
            index_value(ctl, field, record->name, change->old, "SREM");
        }

        index_value(ctl, field, record->name,
                    change != NULL ? change->value
                                   : ctl_record_get(record, field->name),
                    "SADD");
    }
}


void
ctl_record_delete(ctl_t *ctl, const ctl_kind_t *kind,
    const ctl_record_t *record)
{
    ctl_store_write(ctl, CTL_TYPE_HASH, record->key, "DEL %s", record->key);

    for (size_t i = 0; i < kind->n; i++) {
        index_value(ctl, &kind->fields[i], record->name,
                    ctl_record_get(record, kind->fields[i].name), "SREM");
    }
}


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
