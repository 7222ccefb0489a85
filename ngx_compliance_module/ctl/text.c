/*
 * Bytes of the store -> a terminal or JSON.  What is stored may hold anything:
 * nothing is printed that could move a cursor, hide text or break a line.
 */
#include "colour.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <utf8proc.h>


struct ctl_table_s {
    size_t              n;
    const char *const  *headings;
    size_t              n_rows;
    size_t              cap;
    const char       ***rows;
};


compliance_str_t
ctl_str(const char *text)
{
    if (text == NULL) {
        return compliance_absent;
    }

    return (compliance_str_t) { text, strlen(text) };
}


/* Controls, formatting marks (the bidirectional ones among them), line and
 * paragraph separators, surrogates, private and unassigned code points. */
static bool
printable(utf8proc_int32_t c)
{
    switch ((int) utf8proc_category(c)) {
    case UTF8PROC_CATEGORY_CC:
    case UTF8PROC_CATEGORY_CF:
    case UTF8PROC_CATEGORY_CS:
    case UTF8PROC_CATEGORY_CO:
    case UTF8PROC_CATEGORY_CN:
    case UTF8PROC_CATEGORY_ZL:
    case UTF8PROC_CATEGORY_ZP:
        return false;
    }

    return true;
}


const char *
ctl_escape(compliance_str_t text)
{
    char                *out, *p;
    size_t               i;
    utf8proc_int32_t     c;
    utf8proc_ssize_t     n;
    const utf8proc_uint8_t *in = (const utf8proc_uint8_t *) text.data;

    /* the longest escape of one byte is "\xNN", of a code point of two bytes
     * and more "\u{10ffff}" */
    out = ctl_alloc(text.len * 10 + 1);
    p = out;

    for (i = 0; i < text.len; i += (size_t) n) {
        n = utf8proc_iterate(in + i, (utf8proc_ssize_t) (text.len - i), &c);

        if (n <= 0) {
            n = 1;
            p += sprintf(p, "\\x%02x", in[i]);

        } else if (printable(c)) {
            memcpy(p, in + i, (size_t) n);
            p += n;

        } else if (c == '\n') {
            p += sprintf(p, "\\n");

        } else if (c < 0x80) {
            p += sprintf(p, "\\x%02x", (unsigned) c);

        } else {
            p += sprintf(p, "\\u{%x}", (unsigned) c);
        }
    }

    *p = '\0';

    return out;
}


compliance_str_t
ctl_read_file(const char *path, size_t max)
{
    FILE  *file;
    char  *data;
    size_t n;

    file = fopen(path, "rbe");
    if (file == NULL) {
        ctl_die(CTL_USAGE, "cannot read \"%s\": %s", ctl_escape(ctl_str(path)),
                strerror(errno));
    }

    data = ctl_alloc(max + 1);
    n = fread(data, 1, max + 1, file);

    if (ferror(file)) {
        ctl_die(CTL_USAGE, "cannot read \"%s\": %s", ctl_escape(ctl_str(path)),
                strerror(errno));
    }

    (void) fclose(file);

    if (n > max) {
        ctl_die(CTL_USAGE, "\"%s\" is too large: at most %zu bytes",
                ctl_escape(ctl_str(path)), max);
    }

    return (compliance_str_t) { data, n };
}


ctl_table_t *
ctl_table(size_t n, const char *const *headings)
{
    ctl_table_t *table;

    table = ctl_alloc(sizeof(*table));
    table->n = n;
    table->headings = headings;
    table->cap = 64;
    table->rows = ctl_alloc_array(table->cap, sizeof(*table->rows));

    return table;
}


void
ctl_table_row(ctl_table_t *table, const char *const *cells)
{
    const char **row, ***rows;

    if (table->n_rows == table->cap) {
        rows = ctl_alloc_array(table->cap * 2, sizeof(*rows));
        memcpy(rows, table->rows, table->cap * sizeof(*rows));
        table->rows = rows;
        table->cap *= 2;
    }

    row = ctl_alloc_array(table->n, sizeof(*row));

    for (size_t i = 0; i < table->n; i++) {
        row[i] = cells[i] == NULL || cells[i][0] == '\0' ? "-" : cells[i];
    }

    table->rows[table->n_rows++] = row;
}


/* Columns a terminal gives to text that ctl_escape() has let through. */
static size_t
width(const char *text)
{
    size_t           columns = 0;
    utf8proc_int32_t c;
    utf8proc_ssize_t n;

    while (*text != '\0') {
        n = utf8proc_iterate((const utf8proc_uint8_t *) text, -1, &c);

        if (n <= 0) {
            text++;
            columns++;
            continue;
        }

        columns += (size_t) utf8proc_charwidth(c);
        text += n;
    }

    return columns;
}


static void
print_row(const char *const *cells, const size_t *widths, size_t n,
    bool heading)
{
    for (size_t i = 0; i < n; i++) {
        /* the first one is a name, whatever it says */
        if (i > 0 && !heading) {
            ctl_colour_put(stdout, cells[i], 0);
        } else {
            fputs(cells[i], stdout);
        }

        if (i + 1 < n) {
            printf("%*s", (int) (widths[i] + 2 - width(cells[i])), "");
        }
    }

    putchar('\n');
}


void
ctl_table_print(ctl_table_t *table)
{
    size_t *widths, w;

    widths = ctl_alloc_array(table->n, sizeof(*widths));

    for (size_t i = 0; i < table->n; i++) {
        if (table->headings != NULL) {
            widths[i] = width(table->headings[i]);
        }

        for (size_t r = 0; r < table->n_rows; r++) {
            w = width(table->rows[r][i]);

            if (w > widths[i]) {
                widths[i] = w;
            }
        }
    }

    if (table->headings != NULL) {
        print_row(table->headings, widths, table->n, true);
    }

    for (size_t r = 0; r < table->n_rows; r++) {
        print_row(table->rows[r], widths, table->n, false);
    }
}


static json_t *
made(json_t *value)
{
    if (value == NULL) {
        ctl_die(CTL_STORE, "out of memory");
    }

    return value;
}


json_t *
ctl_json_object(void)
{
    return made(json_object());
}


json_t *
ctl_json_array(void)
{
    return made(json_array());
}


json_t *
ctl_json_text(compliance_str_t text)
{
    json_t *value;

    if (text.data == NULL) {
        return made(json_null());
    }

    /* NULL for bytes that are not UTF-8: those are shown escaped */
    value = json_stringn(text.data, text.len);

    return value != NULL ? value : made(json_string(ctl_escape(text)));
}


json_t *
ctl_json_int(int64_t value)
{
    return made(json_integer((json_int_t) value));
}


json_t *
ctl_json_bool(bool value)
{
    return made(json_boolean(value));
}


void
ctl_json_set(json_t *object, const char *key, json_t *value)
{
    if (json_object_set_new(object, key, value) != 0) {
        ctl_die(CTL_STORE, "out of memory");
    }
}


void
ctl_json_add(json_t *array, json_t *value)
{
    if (json_array_append_new(array, value) != 0) {
        ctl_die(CTL_STORE, "out of memory");
    }
}


void
ctl_json_print(json_t *value)
{
    if (json_dumpf(value, stdout, JSON_COMPACT | JSON_ENCODE_ANY) != 0
        || putchar('\n') == EOF)
    {
        ctl_die(CTL_STORE, "cannot write the answer: %s", strerror(errno));
    }

    json_decref(value);
}
