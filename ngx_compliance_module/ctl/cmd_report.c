/*
 * report blocks: who was blocked or would have been, and why.
 */
#include "report_access.h"

#include <stdlib.h>


static void
block_keys(const ctl_report_t *report, const ctl_access_t *access,
    const char *user, const char **keys)
{
    ctl_ending_t ending = ctl_ending(access);

    (void) report;
    keys[0] = user;
    keys[1] = access->seen.device;
    keys[2] = compliance_reason_name(access->reason);
    keys[3] = ending == CTL_ENDED_BLOCKED ? "blocked" : "would be blocked";

    if (ending != CTL_ENDED_BLOCKED && ending != CTL_ENDED_WOULD_BLOCK) {
        keys[0] = NULL;
    }
}


ctl_exit_t
ctl_report_blocks(ctl_t *ctl)
{
    static const ctl_column_t columns[] = {
        { "user", "USER", CTL_COLUMN_TEXT },
        { "device", "DEVICE", CTL_COLUMN_TEXT },
        { "outcome", "OUTCOME", CTL_COLUMN_TEXT },
        { "reason", "REASON", CTL_COLUMN_TEXT },
        { "count", "COUNT", CTL_COLUMN_COUNT },
        { "first", "FIRST", CTL_COLUMN_TIME },
        { "last", "LAST", CTL_COLUMN_TIME },
        { "client", "CLIENT", CTL_COLUMN_TEXT },
    };

    size_t            n;
    ctl_report_t      report;
    ctl_output_t     *output;
    ctl_tally_row_t **rows;

    ctl_report_begin(ctl, &report);
    report.filter.audited_only = true;
    report.keys = block_keys;
    output = ctl_output(ctl, sizeof(columns) / sizeof(columns[0]), columns,
                        report.limit);
    rows = ctl_report_collect(&report, &n);

    if (n > 1) {
        qsort(rows, n, sizeof(*rows), ctl_tally_by_last);
    }

    for (size_t i = 0; i < n; i++) {
        const ctl_tally_row_t *row = rows[i];
        ctl_cell_t cells[] = {
            ctl_cell_text(ctl_str(row->keys[0])),
            ctl_cell_text(ctl_str(row->keys[1])),
            ctl_cell_text(ctl_str(row->keys[3])),
            ctl_cell_text(ctl_str(row->keys[2])),
            ctl_cell_number(row->counts[CTL_ENDED_BLOCKED]
                            + row->counts[CTL_ENDED_WOULD_BLOCK]),
            ctl_cell_number(row->first), ctl_cell_number(row->last),
            ctl_cell_text(ctl_str(row->client)),
        };

        ctl_output_row(output, cells);
    }

    ctl_output_end(output, "nobody was blocked, or would have been, in that "
                   "time");
    ctl_notes_flush();

    return CTL_DONE;
}


void
ctl_report_details(void)
{
    puts("Filters: --user, --group, --protocol, --reason, --since and --until, "
         "and\nstate=VALUE or platform=VALUE of the device that asked. --group "
         "is whoever is a\nmember now (default: whoever is in no group), and "
         "what the group decided itself.");
}
