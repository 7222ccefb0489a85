/*
 * A change to a record: read, compare, and what is to be written.  The index
 * sets follow from the values alone, so a record that is written puts its own
 * entries right, whoever wrote it before.
 */
#include "record.h"

#include <stdlib.h>
#include <string.h>


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


static CTL_NORETURN void
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


/* Tells the sets that a value stands for. */
static void
index_value(const ctl_t *ctl, const ctl_field_t *field, const char *name,
    compliance_str_t value, ctl_index_pt tell, void *data)
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
            tell(data, key, ctl_str(name));
        }

        return;
    }

    while (compliance_list_item(&value, &item)) {
        key = item.len == 0 ? NULL : ctl_key_index(ctl, field->name, item);

        if (key != NULL) {
            tell(data, key, ctl_str(name));
        }
    }
}


void
ctl_record_index(const ctl_t *ctl, const ctl_kind_t *kind,
    const ctl_record_t *record, const ctl_changes_t *real,
    ctl_index_pt out_of, ctl_index_pt into, void *data)
{
    for (size_t i = 0; i < kind->n; i++) {
        const ctl_field_t  *field = &kind->fields[i];
        const ctl_change_t *change = ctl_changes_find(real, field->name);

        if (change != NULL && change->old.data != NULL) {
            index_value(ctl, field, record->name, change->old, out_of, data);
        }

        index_value(ctl, field, record->name,
                    change != NULL ? change->value
                                   : ctl_record_get(record, field->name),
                    into, data);
    }
}


static void
collect_sadd(void *data, const char *key, compliance_str_t member)
{
    ctl_write_sadd(data, key, member);
}


static void
collect_srem(void *data, const char *key, compliance_str_t member)
{
    ctl_write_srem(data, key, member);
}


void
ctl_record_store(ctl_t *ctl, const ctl_kind_t *kind,
    const ctl_record_t *record, const ctl_changes_t *real)
{
    for (size_t i = 0; i < real->n; i++) {
        const ctl_change_t *change = &real->items[i];

        if (change->value.data != NULL) {
            ctl_write_hset(ctl, record->key, change->field->name,
                           change->value);
        }
    }

    /* removed behind what was set, so that the record never vanishes */
    for (size_t i = 0; i < real->n; i++) {
        const ctl_change_t *change = &real->items[i];

        if (change->value.data == NULL) {
            ctl_write_hdel(ctl, record->key, change->field->name);
        }
    }

    ctl_record_index(ctl, kind, record, real, collect_srem, collect_sadd, ctl);
}


void
ctl_record_delete(ctl_t *ctl, const ctl_kind_t *kind,
    const ctl_record_t *record)
{
    ctl_write_del(ctl, CTL_TYPE_HASH, record->key);

    for (size_t i = 0; i < kind->n; i++) {
        index_value(ctl, &kind->fields[i], record->name,
                    ctl_record_get(record, kind->fields[i].name),
                    collect_srem, ctl);
    }
}
