/*
 * One description of columns, three ways to print them.  A table is aligned a
 * page at a time: a million rows need no memory.
 */
#include "output.h"

#include <stdlib.h>
#include <string.h>


#define PAGE  500

struct ctl_output_s {
    const ctl_t        *ctl;
    size_t              n;
    const ctl_column_t *columns;
    bool                csv;
    int64_t             limit;
    int64_t             rows;        /* handed in */
    const char        **headings;
    /* A page of the table, cell by cell with its NUL: memory of its own, for
     * a caller may give up his between two rows. */
    char               *held;
    size_t              len, cap;
    size_t              n_held;      /* rows */
};


void
ctl_csv_cell(FILE *out, compliance_str_t text, bool first)
{
    bool formula = text.len > 0 && strchr("=+-@\t\r", text.data[0]) != NULL
                   && text.data[0] != '\0';
    bool quoted = formula;

    for (size_t i = 0; i < text.len; i++) {
        quoted = quoted || (text.data[i] != '\0'
                            && strchr(",\"\r\n", text.data[i]) != NULL);
    }

    if (!first) {
        putc(',', out);
    }

    if (quoted) {
        putc('"', out);
    }

    if (formula) {
        putc('\'', out);
    }

    for (size_t i = 0; i < text.len; i++) {
        if (text.data[i] == '"') {
            putc('"', out);
        }

        putc(text.data[i], out);
    }

    if (quoted) {
        putc('"', out);
    }
}


static void
free_held(void *object)
{
    free(((ctl_output_t *) object)->held);
}


ctl_output_t *
ctl_output(const ctl_t *ctl, size_t n, const ctl_column_t *columns,
    int64_t limit)
{
    ctl_output_t *output = ctl_alloc(sizeof(*output));

    output->ctl = ctl;
    output->n = n;
    output->columns = columns;
    output->csv = ctl_given(ctl, CTL_OPT_CSV);
    output->limit = limit;

    if (output->csv && ctl->json) {
        ctl_die_usage(ctl, "--csv and --json are two ways to answer");
    }

    if (output->csv) {
        for (size_t i = 0; i < n; i++) {
            ctl_csv_cell(stdout, ctl_str(columns[i].name), i == 0);
        }

        fputs("\r\n", stdout);
        return output;
    }

    ctl_keep(output, free_held);
    output->headings = ctl_alloc_array(n, sizeof(*output->headings));

    for (size_t i = 0; i < n; i++) {
        output->headings[i] = columns[i].heading;
    }

    return output;
}


static compliance_str_t
cell_text(const ctl_column_t *column, const ctl_cell_t *cell)
{
    switch (column->type) {

    case CTL_COLUMN_TEXT:
        return cell->text;

    case CTL_COLUMN_COUNT:
        return ctl_str(ctl_format("%lld", (long long) cell->number));

    case CTL_COLUMN_TIME:
        return cell->number == 0 ? compliance_str("")
                                 : ctl_str(ctl_time_format(cell->number));
    }

    return compliance_absent;
}


static void
json_row(ctl_output_t *output, const ctl_cell_t *cells)
{
    json_t *object = ctl_json_object();

    for (size_t i = 0; i < output->n; i++) {
        ctl_json_set(object, output->columns[i].name,
                     output->columns[i].type == CTL_COLUMN_TEXT
                     ? ctl_json_text(cells[i].text)
                     : output->columns[i].type == CTL_COLUMN_TIME
                       && cells[i].number == 0
                     ? json_null() : ctl_json_int(cells[i].number));
    }

    fputs(output->rows == 1 ? "[" : ",", stdout);
    ctl_json_print(object);
}


static void
csv_row(const ctl_output_t *output, const ctl_cell_t *cells)
{
    for (size_t i = 0; i < output->n; i++) {
        ctl_csv_cell(stdout, cell_text(&output->columns[i], &cells[i]),
                     i == 0);
    }

    fputs("\r\n", stdout);
}


static void
hold(ctl_output_t *output, const char *text)
{
    char  *held;
    size_t len = strlen(text) + 1, cap;

    if (output->cap - output->len < len) {
        cap = output->cap * 2 + len + 4096;
        held = realloc(output->held, cap);

        if (held == NULL) {
            ctl_die(CTL_STORE, "out of memory");
        }

        output->held = held;
        output->cap = cap;
    }

    memcpy(output->held + output->len, text, len);
    output->len += len;
}


static void
flush_table(ctl_output_t *output)
{
    ctl_mark_t   mark;
    ctl_table_t *table;
    const char  *text = output->held, **cells;

    if (output->n_held == 0) {
        return;
    }

    mark = ctl_mark();
    table = ctl_table(output->n, output->headings);
    cells = ctl_alloc_array(output->n, sizeof(*cells));

    for (size_t row = 0; row < output->n_held; row++) {
        for (size_t i = 0; i < output->n; i++) {
            cells[i] = text;
            text += strlen(text) + 1;
        }

        ctl_table_row(table, cells);
    }

    ctl_table_print(table);
    ctl_release(mark);
    output->headings = NULL;    /* only once */
    output->n_held = 0;
    output->len = 0;
}


static void
table_row(ctl_output_t *output, const ctl_cell_t *cells)
{
    ctl_mark_t mark = ctl_mark();

    for (size_t i = 0; i < output->n; i++) {
        hold(output, ctl_escape(cell_text(&output->columns[i], &cells[i])));
    }

    ctl_release(mark);

    if (++output->n_held == PAGE) {
        flush_table(output);
    }
}


void
ctl_output_row(ctl_output_t *output, const ctl_cell_t *cells)
{
    output->rows++;

    if (output->limit > 0 && output->rows > output->limit) {
        return;
    }

    if (output->ctl->json) {
        json_row(output, cells);

    } else if (output->csv) {
        csv_row(output, cells);

    } else {
        table_row(output, cells);
    }
}


void
ctl_output_end(ctl_output_t *output, const char *none)
{
    if (output->ctl->json) {
        puts(output->rows == 0 ? "[]" : "]");

    } else if (!output->csv) {
        flush_table(output);
    }

    if (output->rows == 0) {
        fprintf(stderr, "%s\n", none);

    } else if (output->limit > 0 && output->rows > output->limit) {
        fprintf(stderr, "%lld of %lld shown: --limit 0 for all\n",
                (long long) output->limit, (long long) output->rows);
    }
}
