/*
 * A row is looked for as a whole, and read once it is there: rows are short,
 * and looking again is cheaper than remembering.
 */
#include "csv.h"

#include <string.h>


static const char separators[] = { ',', ';', '\t' };


typedef enum {
    ROW_WHOLE = 0,
    ROW_OPEN,       /* its end has not come */
    ROW_QUOTED      /* it has not, and a quote is open */
} row_t;


/* To the end of the row that begins the data: *end is the line's end, or len
 * where that is the end of everything. */
static row_t
find_end(const compliance_csv_t *csv, const char *data, size_t len, bool last,
    size_t *end)
{
    bool   quoted = false, begins = true, closed = false;
    size_t i;

    for (i = 0; i < len && i <= COMPLIANCE_CSV_ROW_MAX; i++) {
        char c = data[i];

        if (quoted) {
            quoted = c != '"';
            closed = !quoted;
            continue;
        }

        if (c == '\n') {
            *end = i;
            return ROW_WHOLE;
        }

        /* a quote opens at a field's beginning, and again behind one that has
         * just closed: that is a quote in the text */
        quoted = c == '"' && (begins || closed);
        closed = false;
        begins = c == csv->separator
                 || (csv->separator == '\0'
                     && memchr(separators, c, sizeof(separators)) != NULL);
    }

    *end = len;

    if (last && !quoted && len <= COMPLIANCE_CSV_ROW_MAX) {
        return ROW_WHOLE;
    }

    return quoted ? ROW_QUOTED : ROW_OPEN;
}


/* The one that the first row has most of, outside quotes. */
static char
find_separator(const char *data, size_t len)
{
    size_t counts[sizeof(separators)] = { 0 }, best = 0;
    bool   quoted = false;

    for (size_t i = 0; i < len; i++) {
        quoted = quoted != (data[i] == '"');

        for (size_t k = 0; !quoted && k < sizeof(separators); k++) {
            counts[k] += data[i] == separators[k];
        }
    }

    for (size_t k = 1; k < sizeof(separators); k++) {
        best = counts[k] > counts[best] ? k : best;
    }

    return separators[best];
}


/* A field in quotes that begins at `at`; where it ends, or len + 1 where
 * something stands behind the closing quote. */
static size_t
read_quoted(char separator, char *data, size_t at, size_t len,
    compliance_str_t *field)
{
    size_t out = at, i = at + 1;

    while (i < len) {
        if (data[i] == '"') {
            if (i + 1 < len && data[i + 1] == '"') {
                i++;

            } else {
                break;
            }
        }

        data[out++] = data[i++];
    }

    *field = (compliance_str_t) { data + at, out - at };
    i++;

    return i >= len || data[i] == separator ? i : len + 1;
}


static const char *
read_row(compliance_csv_t *csv, char *data, size_t len)
{
    size_t at = 0, end;

    csv->n = 0;

    for ( ;; ) {
        if (csv->n == COMPLIANCE_CSV_FIELDS_MAX) {
            return "it has more than 256 columns";
        }

        if (at < len && data[at] == '"') {
            end = read_quoted(csv->separator, data, at, len,
                              &csv->fields[csv->n]);
            if (end > len) {
                return "there is something behind a closing quote";
            }

        } else {
            for (end = at; end < len && data[end] != csv->separator; end++) {
                continue;
            }

            csv->fields[csv->n] = (compliance_str_t) { data + at, end - at };
        }

        csv->n++;

        if (end >= len) {
            return NULL;
        }

        at = end + 1;
    }
}


static int64_t
count_lines(const char *data, size_t len)
{
    int64_t     n = 0;
    const char *p = data, *end = data + len;

    while (p < end && (p = memchr(p, '\n', (size_t) (end - p))) != NULL) {
        n++;
        p++;
    }

    return n;
}


static compliance_csv_event_t
broken(compliance_csv_t *csv, const char *data, size_t from, size_t len,
    const char *why)
{
    size_t      max = len - from > COMPLIANCE_CSV_ROW_MAX
                      ? COMPLIANCE_CSV_ROW_MAX + 1 : len - from;
    const char *newline = memchr(data + from, '\n', max);

    csv->consumed = newline == NULL ? from + max
                                    : (size_t) (newline - data) + 1;
    csv->newlines += newline != NULL;
    csv->why = why;

    return COMPLIANCE_CSV_BROKEN;
}


/* Empty lines, and at the very beginning the mark of UTF-8. */
static size_t
skip(compliance_csv_t *csv, const char *data, size_t len, bool last)
{
    static const char bom[] = "\xef\xbb\xbf";
    size_t            at = 0;

    if (!csv->begun && len >= sizeof(bom) - 1
        && memcmp(data, bom, sizeof(bom) - 1) == 0)
    {
        at = sizeof(bom) - 1;
    }

    while (at < len
           && (data[at] == '\n'
               || (data[at] == '\r' && (at + 1 < len ? data[at + 1] == '\n'
                                                     : last))))
    {
        csv->newlines += data[at] == '\n';
        at++;
    }

    return at;
}


compliance_csv_event_t
compliance_csv(compliance_csv_t *csv, char *data, size_t len, bool last)
{
    size_t from, end;
    row_t  row;

    csv->consumed = 0;

    if (!csv->begun && len < 3 && !last) {
        return COMPLIANCE_CSV_MORE;
    }

    from = skip(csv, data, len, last);
    csv->begun = csv->begun || from > 0 || len >= 3;
    csv->consumed = from;
    csv->line = csv->newlines + 1;

    if (from == len) {
        return last ? COMPLIANCE_CSV_END : COMPLIANCE_CSV_MORE;
    }

    row = find_end(csv, data + from, len - from, last, &end);

    if (row != ROW_WHOLE) {
        if (!last && len - from <= COMPLIANCE_CSV_ROW_MAX) {
            return COMPLIANCE_CSV_MORE;
        }

        return broken(csv, data, from, len,
                      row == ROW_QUOTED ? "a quote does not close"
                                        : "it is longer than 64 KiB");
    }

    csv->consumed = from + end + (from + end < len);
    csv->newlines += count_lines(data + from, csv->consumed - from);

    if (end > 0 && data[from + end - 1] == '\r') {
        end--;
    }

    if (csv->separator == '\0') {
        csv->separator = find_separator(data + from, end);
    }

    csv->why = read_row(csv, data + from, end);

    return csv->why == NULL ? COMPLIANCE_CSV_ROW : COMPLIANCE_CSV_BROKEN;
}
