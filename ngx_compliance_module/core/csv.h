/*
 * A table as RFC 4180 has it, a row at a time: fields between commas,
 * semicolons or tabs, in quotes where they hold one of those, a quote (twice)
 * or the end of a line.  A row with a quote that does not close costs itself.
 */
#ifndef COMPLIANCE_CSV_H
#define COMPLIANCE_CSV_H

#include "compliance.h"


#define COMPLIANCE_CSV_ROW_MAX     65536   /* bytes of a row */
#define COMPLIANCE_CSV_FIELDS_MAX  256

typedef enum {
    COMPLIANCE_CSV_MORE = 0,   /* give it more bytes */
    COMPLIANCE_CSV_ROW,
    COMPLIANCE_CSV_BROKEN,     /* a row that is none: why; go on */
    COMPLIANCE_CSV_END
} compliance_csv_event_t;

/* Zeroed, it stands at the beginning. */
typedef struct {
    char             separator;   /* '\0': found out from the first row */
    size_t           n;           /* of the row */
    compliance_str_t fields[COMPLIANCE_CSV_FIELDS_MAX];
    const char      *why;
    size_t           consumed;    /* of the data: the caller drops it */
    int64_t          line;        /* where the row begins, from 1 */

    /* its own */
    int64_t          newlines;
    bool             begun;
} compliance_csv_t;

/* data: what was not consumed, and what came behind it; a row's quotes are
 * taken out in place.  last: nothing more will come. */
compliance_csv_event_t compliance_csv(compliance_csv_t *csv, char *data,
    size_t len, bool last);

#endif
