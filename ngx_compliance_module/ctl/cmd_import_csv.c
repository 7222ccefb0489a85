/*
 * import csv: a table whose first row names its columns.  A column that is no
 * field is an attribute for the policies; its values are read as the numbers
 * and truths they look like, for a table has only texts.
 */
#include "import_fields.h"

#include "../core/csv.h"

#include <errno.h>
#include <string.h>


#define READ_STEP    ((size_t) 256 * 1024)
#define CAP          (READ_STEP + (size_t) 4 * COMPLIANCE_CSV_ROW_MAX)
#define COLUMN_MAX   64     /* bytes of an attribute's name */
#define WHERE_MAX    32

typedef struct {
    import_field_t field;
    const char    *name;       /* of an attribute; NULL: left out */
} column_t;

typedef struct {
    ctl_t            *ctl;
    ctl_import_t     *import;
    compliance_csv_t  csv;
    size_t            n;
    column_t          columns[COMPLIANCE_CSV_FIELDS_MAX];
    char             *bytes;
    size_t            from, len;
    bool              last;
} table_t;


/* "--map": what this column is to be, or absent. */
static compliance_str_t
mapped(const ctl_t *ctl, compliance_str_t name)
{
    compliance_str_t list = ctl_str(ctl->options[CTL_OPT_MAP]), item;
    const char      *equals;

    while (list.len > 0 && compliance_list_item(&list, &item)) {
        equals = memchr(item.data, '=', item.len);

        if (equals != NULL
            && compliance_str_eq(name, (compliance_str_t) { item.data,
                                     (size_t) (equals - item.data) }))
        {
            return (compliance_str_t) { equals + 1, item.len
                                        - (size_t) (equals - item.data) - 1 };
        }
    }

    return compliance_absent;
}


/* "OS Version" -> "os_version" */
static const char *
attribute_name(compliance_str_t name)
{
    char  *text;
    size_t len = 0;

    text = ctl_alloc(COLUMN_MAX + 1);

    for (size_t i = 0; i < name.len && len < COLUMN_MAX; i++) {
        char c = name.data[i];

        c = (char) (c >= 'A' && c <= 'Z' ? c | 0x20 : c);
        text[len++] = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9')
                      || c == '.' || c == '-' ? c : '_';
    }

    return text;
}


static void
name_column(table_t *table, size_t i, compliance_str_t name)
{
    column_t        *column = &table->columns[i];
    compliance_str_t to;

    while (name.len > 0 && name.data[name.len - 1] == ' ') {
        name.len--;
    }

    while (name.len > 0 && name.data[0] == ' ') {
        name.data++;
        name.len--;
    }

    to = mapped(table->ctl, name);
    column->field = IMPORT_FIELD_ATTRIBUTE;
    column->name = NULL;

    if (to.data != NULL ? to.len == 0 : name.len == 0) {
        return;
    }

    column->name = attribute_name(to.data != NULL ? to : name);
    column->field = import_field_find(ctl_str(column->name));

    if (column->field == IMPORT_FIELD_INVENTORY) {
        column->field = IMPORT_FIELD_ATTRIBUTE;
    }
}


static void
name_columns(table_t *table)
{
    bool has_id = false;

    table->n = table->csv.n;

    for (size_t i = 0; i < table->n; i++) {
        name_column(table, i, table->csv.fields[i]);
        has_id = has_id || table->columns[i].field == IMPORT_FIELD_ID;

        for (size_t k = 0; k < i; k++) {
            if (table->columns[i].name != NULL
                && table->columns[k].name != NULL
                && strcmp(table->columns[i].name, table->columns[k].name) == 0)
            {
                ctl_die(CTL_USAGE, "two columns are \"%s\"; --map tells which "
                        "one counts: --map 'COLUMN='",
                        table->columns[i].name);
            }
        }
    }

    if (!has_id) {
        ctl_die(CTL_USAGE, "no column is the device's id; name it \"id\", or "
                "say which one it is: --map 'COLUMN=id'. The columns are "
                "separated by '%s' here; --separator says otherwise",
                table->csv.separator == '\t' ? "tab"
                : table->csv.separator == ';' ? ";" : ",");
    }
}


/* "true" and 12 as such; anything else, leading zeros among it, is a text. */
static json_t *
attribute_value(compliance_str_t text)
{
    int64_t number;

    if (compliance_str_is(text, "true") || compliance_str_is(text, "yes")) {
        return ctl_json_bool(true);
    }

    if (compliance_str_is(text, "false") || compliance_str_is(text, "no")) {
        return ctl_json_bool(false);
    }

    if (compliance_parse_uint(text, &number)
        && (text.len == 1 || text.data[0] != '0'))
    {
        return ctl_json_int(number);
    }

    return ctl_json_text(text);
}


static bool
fill(ctl_bulk_device_t *device, json_t *attributes, const table_t *table,
    const char **why)
{
    for (size_t i = 0; i < table->n; i++) {
        const column_t  *column = &table->columns[i];
        compliance_str_t text = table->csv.fields[i];

        if (column->name == NULL || text.len == 0) {
            continue;
        }

        if (memchr(text.data, '\0', text.len) != NULL) {
            *why = "it holds a NUL";
            return false;
        }

        if (column->field == IMPORT_FIELD_ATTRIBUTE) {
            ctl_json_set(attributes, column->name, attribute_value(text));

        } else if (!import_field_set(device, column->field, text, why)) {
            return false;
        }
    }

    return true;
}


static void
take(table_t *table, const char *where)
{
    ctl_bulk_device_t device;
    json_t           *attributes;
    const char       *why = NULL;

    if (!ctl_import_wants(table->import)) {
        return;
    }

    if (table->csv.n != table->n) {
        ctl_import_refuse(table->import, where, "it has %zu columns, the "
                          "first row has %zu", table->csv.n, table->n);
        return;
    }

    memset(&device, 0, sizeof(device));
    attributes = ctl_json_object();

    if (fill(&device, attributes, table, &why)) {
        import_shared_attributes(attributes, &device);
        device.inventory = attributes;
        ctl_import_device(table->import, &device, where);

    } else {
        ctl_import_refuse(table->import, where, "%s", why);
    }

    json_decref(attributes);
}


static bool
more(table_t *table, FILE *file)
{
    size_t n;

    memmove(table->bytes, table->bytes + table->from,
            table->len - table->from);
    table->len -= table->from;
    table->from = 0;

    n = fread(table->bytes + table->len, 1, READ_STEP, file);

    if (n == 0 && ferror(file)) {
        ctl_import_broken(table->import, "%s", strerror(errno));
        return false;
    }

    table->last = n == 0;
    table->len += n;

    return true;
}


static char
given_separator(const ctl_t *ctl)
{
    const char *given = ctl->options[CTL_OPT_SEPARATOR];

    if (given == NULL) {
        return '\0';
    }

    if (strcmp(given, "tab") == 0 || strcmp(given, "\t") == 0) {
        return '\t';
    }

    if (strcmp(given, ",") != 0 && strcmp(given, ";") != 0) {
        ctl_die_usage(ctl, "--separator \"%s\" is none; it expects , ; or tab",
                      ctl_escape(ctl_str(given)));
    }

    return given[0];
}


/* False: the end. */
static bool
next_row(table_t *table, FILE *file)
{
    char where[WHERE_MAX];

    for ( ;; ) {
        compliance_csv_event_t event;

        event = compliance_csv(&table->csv, table->bytes + table->from,
                               table->len - table->from, table->last);
        table->from += table->csv.consumed;
        (void) snprintf(where, sizeof(where), "line %lld",
                        (long long) table->csv.line);

        switch (event) {

        case COMPLIANCE_CSV_MORE:
            if (!more(table, file)) {
                return false;
            }

            continue;

        case COMPLIANCE_CSV_ROW:
            if (table->n == 0) {
                name_columns(table);
            } else {
                take(table, where);
            }

            return true;

        case COMPLIANCE_CSV_BROKEN:
            if (table->n == 0) {
                ctl_die(CTL_USAGE, "the first row names no columns: %s",
                        table->csv.why);
            }

            if (ctl_import_wants(table->import)) {
                ctl_import_refuse(table->import, where, "%s", table->csv.why);
            }

            return true;

        case COMPLIANCE_CSV_END:
            return false;
        }
    }
}


static void
read_csv(ctl_t *ctl, ctl_import_t *import, const char *source)
{
    table_t   *table = ctl_alloc(sizeof(*table));
    FILE      *file = ctl_import_open(import, source);
    ctl_mark_t mark;

    table->ctl = ctl;
    table->import = import;
    table->bytes = ctl_alloc(CAP);
    table->csv.separator = given_separator(ctl);

    while (table->n == 0 && next_row(table, file)) {
        continue;
    }

    if (table->n == 0) {
        ctl_import_broken(import, "it is empty: not even a first row");
        return;
    }

    mark = ctl_mark();

    while (next_row(table, file)) {
        ctl_release(mark);
    }
}


ctl_exit_t
ctl_import_csv(ctl_t *ctl)
{
    return ctl_import_run(ctl, "csv", read_csv);
}


void
ctl_import_csv_details(void)
{
    puts("The first row names the columns; these are fields:");

    for (size_t i = IMPORT_FIELD_ID; i < IMPORT_FIELD_INVENTORY; i++) {
        printf("  %s\n", import_field_name((import_field_t) i));
    }

    puts("Any other column is an attribute for the policies.  --map gives a\n"
         "column another name: --map 'Serial Number=serial,Comment='");
}
