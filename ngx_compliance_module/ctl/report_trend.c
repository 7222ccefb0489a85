/*
 * report trend: how accesses ended, by the day; by the hour in a short span.
 */
#include "report_access.h"

#include <stdlib.h>
#include <unistd.h>


#define HOUR           3600
#define DAY            INT64_C(86400)
#define HOURLY_MAX     INT64_C(172800)   /* 2 days */
#define BAR            30


static void
trend_keys(const ctl_report_t *report, const ctl_access_t *access,
    const char *user, const char **keys)
{
    static char text[24];

    (void) user;
    (void) snprintf(text, sizeof(text), "%020lld",
                    (long long) access->first / report->bucket
                    * report->bucket);
    keys[0] = text;
    keys[1] = report->device.n > 0 ? access->seen.device : "";
}


static int64_t
total(const ctl_tally_row_t *row)
{
    int64_t sum = 0;

    for (size_t e = 0; e < CTL_ENDINGS; e++) {
        sum += row->counts[e];
    }

    return sum;
}


/* hourly: without the allowed ones, whose hour nobody knows. */
static void
print_trend(ctl_output_t *output, const ctl_tally_row_t *row, int64_t most,
    bool hourly)
{
    static const char bar[BAR + 1] = "##############################";
    size_t            n = 0, length = (size_t) (total(row) * BAR / most);
    ctl_cell_t        cells[7];

    cells[n++] = ctl_cell_number(strtoll(row->keys[0], NULL, 10));

    if (!hourly) {
        cells[n++] = ctl_cell_number(row->counts[CTL_ENDED_ALLOWED]);
    }

    cells[n++] = ctl_cell_number(row->counts[CTL_ENDED_BLOCKED]);
    cells[n++] = ctl_cell_number(row->counts[CTL_ENDED_WOULD_BLOCK]);
    cells[n++] = ctl_cell_number(row->counts[CTL_ENDED_TEMPFAIL]);
    cells[n++] = ctl_cell_number(row->counts[CTL_ENDED_BREAK_GLASS]);
    cells[n] = ctl_cell_text((compliance_str_t) { bar, length });
    ctl_output_row(output, cells);
}


ctl_exit_t
ctl_report_trend(ctl_t *ctl)
{
    static const ctl_column_t daily[] = {
        { "from", "FROM", CTL_COLUMN_TIME },
        { "allowed", "ALLOWED", CTL_COLUMN_COUNT },
        { "blocked", "BLOCKED", CTL_COLUMN_COUNT },
        { "would_block", "WOULD BLOCK", CTL_COLUMN_COUNT },
        { "tempfail", "TEMPFAIL", CTL_COLUMN_COUNT },
        { "break_glass", "BREAK GLASS", CTL_COLUMN_COUNT },
        { "", "", CTL_COLUMN_TEXT },   /* the bar, on a terminal */
    };
    static const ctl_column_t hours[] = {
        { "from", "FROM", CTL_COLUMN_TIME },
        { "blocked", "BLOCKED", CTL_COLUMN_COUNT },
        { "would_block", "WOULD BLOCK", CTL_COLUMN_COUNT },
        { "tempfail", "TEMPFAIL", CTL_COLUMN_COUNT },
        { "break_glass", "BREAK GLASS", CTL_COLUMN_COUNT },
        { "", "", CTL_COLUMN_TEXT },
    };

    size_t            n, n_columns;
    bool              hourly;
    int64_t           most = 1;
    ctl_report_t      report;
    ctl_output_t     *output;
    ctl_tally_row_t **rows, sum;

    ctl_report_begin(ctl, &report);
    report.keys = trend_keys;
    report.bucket = DAY;

    hourly = report.filter.until - report.filter.since <= HOURLY_MAX;
    n_columns = hourly ? sizeof(hours) / sizeof(hours[0])
                       : sizeof(daily) / sizeof(daily[0]);

    if (hourly) {
        report.bucket = HOUR;
        report.filter.audited_only = true;
        ctl_note("allowed accesses are counted by the day, so the hours have no "
                 "column for them; a span of more than two days has");
    }

    if (ctl->json || ctl_given(ctl, CTL_OPT_CSV) || !isatty(STDOUT_FILENO)) {
        n_columns--;
    }

    output = ctl_output(ctl, n_columns, hourly ? hours : daily,
                        report.limit);
    rows = ctl_report_collect(&report, &n);

    for (size_t i = 0; i < n; /* void */ ) {
        sum = ctl_report_merge(rows, n, &i);
        most = total(&sum) > most ? total(&sum) : most;
    }

    for (size_t i = 0; i < n; /* void */ ) {
        sum = ctl_report_merge(rows, n, &i);
        print_trend(output, &sum, most, hourly);
    }

    ctl_output_end(output, "no access was recorded in that time");
    ctl_notes_flush();

    return CTL_DONE;
}
