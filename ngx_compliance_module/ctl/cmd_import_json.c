/*
 * import json: any MDM's devices in the documented format (docs/import.md).
 */
#include "import_fields.h"

#include <string.h>


#define NUMBER_MAX  24
#define LIST_MAX    1024   /* bytes of a list of texts */

/* What a record's texts need beside its own. */
typedef struct {
    char   numbers[8][NUMBER_MAX];
    size_t n_numbers;
    char   lists[2][LIST_MAX];
    size_t n_lists;
} scratch_t;


/* ["a", "b"] -> "a,b" */
static bool
list_text(const json_t *value, scratch_t *scratch, compliance_str_t *out)
{
    compliance_buf_t buf;
    const json_t    *item;
    size_t           i;

    if (scratch->n_lists == sizeof(scratch->lists) / sizeof(scratch->lists[0]))
    {
        return false;
    }

    compliance_buf_init(&buf, scratch->lists[scratch->n_lists++], LIST_MAX);

    json_array_foreach(value, i, item) {
        if (!json_is_string(item)) {
            return false;
        }

        compliance_buf_str(&buf, i == 0 ? "" : ",");
        compliance_buf_add(&buf, json_string_value(item),
                           json_string_length(item));
    }

    *out = (compliance_str_t) { buf.data, buf.len };

    return !buf.overflow;
}


static bool
value_text(import_field_t field, const json_t *value, scratch_t *scratch,
    compliance_str_t *out)
{
    switch (json_typeof(value)) {

    case JSON_NULL:
        *out = compliance_absent;
        return true;

    case JSON_STRING:
        *out = (compliance_str_t) { json_string_value(value),
                                    json_string_length(value) };
        return memchr(out->data, '\0', out->len) == NULL;

    case JSON_INTEGER:
        if (json_integer_value(value) < 0
            || scratch->n_numbers == sizeof(scratch->numbers)
                                     / sizeof(scratch->numbers[0]))
        {
            return false;
        }

        out->data = scratch->numbers[scratch->n_numbers];
        out->len = (size_t) snprintf(scratch->numbers[scratch->n_numbers],
                                     NUMBER_MAX, "%lld",
                                     (long long) json_integer_value(value));
        scratch->n_numbers++;
        return true;

    case JSON_ARRAY:
        return (field == IMPORT_FIELD_EAS || field == IMPORT_FIELD_REASONS)
               && list_text(value, scratch, out);

    case JSON_OBJECT:
    case JSON_REAL:
    case JSON_TRUE:
    case JSON_FALSE:
        break;
    }

    return false;
}


static bool
set_member(ctl_bulk_device_t *device, json_t *attributes, const char *name,
    json_t *value, scratch_t *scratch, const char **why)
{
    import_field_t   field = import_field_find(ctl_str(name));
    compliance_str_t text;

    if (field == IMPORT_FIELD_ATTRIBUTE) {
        if (!json_is_null(value)) {
            ctl_json_set(attributes, name, json_incref(value));
        }

        return true;
    }

    if (field == IMPORT_FIELD_INVENTORY) {
        if (json_is_null(value)) {
            return true;
        }

        if (!json_is_object(value)) {
            *why = "its inventory is no object";
            return false;
        }

        if (json_object_update(attributes, value) != 0) {
            ctl_die(CTL_STORE, "out of memory");
        }

        return true;
    }

    if (!value_text(field, value, scratch, &text)) {
        *why = ctl_format("its %s is neither a text nor what else may stand "
                          "there", name);
        return false;
    }

    return import_field_set(device, field, text, why);
}


static void
take(ctl_import_t *import, json_t *record, const char *where)
{
    ctl_bulk_device_t device;
    json_t           *attributes = ctl_json_object(), *value;
    const char       *name, *why = NULL;
    scratch_t         scratch;

    memset(&device, 0, sizeof(device));
    scratch.n_numbers = scratch.n_lists = 0;

    json_object_foreach(record, name, value) {
        if (!set_member(&device, attributes, name, value, &scratch, &why)) {
            ctl_import_refuse(import, where, "%s", why);
            json_decref(attributes);
            return;
        }
    }

    import_shared_attributes(attributes, &device);
    device.inventory = attributes;
    ctl_import_device(import, &device, where);
    json_decref(attributes);
}


static void
read_json(ctl_t *ctl, ctl_import_t *import, const char *source)
{
    FILE          *file = ctl_import_open(import, source);
    ctl_records_t *records = ctl_records_file(import, file);
    ctl_mark_t     mark;
    json_t        *record;
    const char    *where = "", *why;

    (void) ctl;
    mark = ctl_mark();

    while (ctl_records_next(records, &record, &where, &why)) {
        if (record != NULL) {
            take(import, record, where);
        } else {
            ctl_import_refuse(import, where, "%s", why);
        }

        ctl_release(mark);
    }

    if (why != NULL) {
        ctl_import_broken(import, "%s: %s", where, why);
    }

    ctl_records_close(records);
}


ctl_exit_t
ctl_import_json(ctl_t *ctl)
{
    return ctl_import_run(ctl, "json", read_json);
}


void
ctl_import_json_details(void)
{
    puts("Records: one a line, a list, or pages {\"value\": [...]}.  Members:");

    for (size_t i = IMPORT_FIELD_ID; i < IMPORT_FIELDS; i++) {
        printf("  %s\n", import_field_name((import_field_t) i));
    }

    puts("Any other member is an attribute for the policies.");
}
