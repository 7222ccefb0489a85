/*
 * One description of columns, three ways to print them.  A table is aligned a
 * page at a time: a million rows need no memory.
 */
#include "output.h"

#include <string.h>


#define PAGE  500

struct ctl_output_s {
    const ctl_t        *ctl;
    size_t              n;
    const ctl_column_t *columns;
    bool                csv;
    int64_t             limit;
    int64_t             rows;        /* handed in */
    ctl_table_t        *table;       /* of this page */
    ctl_mark_t          mark;
    const char        **headings;
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
flush_table(ctl_output_t *output)
{
    if (output->table != NULL) {
        ctl_table_print(output->table);
        output->table = NULL;
    }
}


static void
table_row(ctl_output_t *output, const ctl_cell_t *cells)
{
    const char **texts = ctl_alloc_array(output->n, sizeof(*texts));

    if (output->table == NULL) {
        output->table = ctl_table(output->n, output->rows == 1
                                             ? output->headings : NULL);
    }

    for (size_t i = 0; i < output->n; i++) {
        texts[i] = ctl_escape(cell_text(&output->columns[i], &cells[i]));
    }

    ctl_table_row(output->table, texts);

    if (output->rows % PAGE == 0) {
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
