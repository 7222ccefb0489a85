/*
 * Rows for a person, a spreadsheet or a program, from one description of the
 * columns: an aligned table, RFC 4180 CSV (--csv), or a JSON array (--json).
 */
#ifndef COMPLIANCE_CTL_OUTPUT_H
#define COMPLIANCE_CTL_OUTPUT_H

#include "ctl.h"


typedef enum {
    CTL_COLUMN_TEXT = 0,
    CTL_COLUMN_COUNT,
    CTL_COLUMN_TIME     /* Unix seconds; 0: never */
} ctl_column_type_t;

typedef struct {
    const char       *name;      /* in JSON and CSV */
    const char       *heading;   /* in the table */
    ctl_column_type_t type;
} ctl_column_t;

typedef struct {
    compliance_str_t text;
    int64_t          number;
} ctl_cell_t;

typedef struct ctl_output_s  ctl_output_t;

/* Dies where both --csv and --json are given.  limit: rows shown; 0: all. */
ctl_output_t *ctl_output(const ctl_t *ctl, size_t n,
    const ctl_column_t *columns, int64_t limit);
/* n cells, copied. */
void ctl_output_row(ctl_output_t *output, const ctl_cell_t *cells);
/* none: what is said (on stderr) where there was no row. */
void ctl_output_end(ctl_output_t *output, const char *none);

static inline ctl_cell_t
ctl_cell_text(compliance_str_t text)
{
    return (ctl_cell_t) { text, 0 };
}

static inline ctl_cell_t
ctl_cell_number(int64_t number)
{
    return (ctl_cell_t) { compliance_absent, number };
}

/* One CSV cell, quoted where it must be; what a spreadsheet would read as a
 * formula gets an apostrophe before it. */
void ctl_csv_cell(FILE *out, compliance_str_t text, bool first);

#endif
