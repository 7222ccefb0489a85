/*
 * report users: the accesses of each, and the states of his devices.  Whoever
 * is on record has a row, unless a filter asks about accesses.
 */
#include "device_walk.h"
#include "report_access.h"

#include <string.h>


static void
user_keys(const ctl_report_t *report, const ctl_access_t *access,
    const char *user, const char **keys)
{
    (void) report;
    keys[0] = user;
    keys[1] = access->seen.device;
}


/* How many of his devices are in which state: "compliant 2, retired 1". */
static const char *
states_of(ctl_t *ctl, const char *user, int64_t *devices)
{
    char        *text = ctl_dup(compliance_str(""));
    const char  *owner = ctl_key_index(ctl, "owner", ctl_str(user));

    *devices = 0;

    if (owner == NULL || user[0] == '\0') {
        return text;
    }

    for (size_t i = 0; i < CTL_STATES; i++) {
        ctl_store_send(ctl, "SINTERCARD 2 %s %s", owner,
                       ctl_key_index(ctl, "state", ctl_str(ctl_states[i])));
    }

    for (size_t i = 0; i < CTL_STATES; i++) {
        long long count = ctl_store_receive(ctl)->integer;

        *devices += count;

        if (count > 0) {
            text = ctl_format("%s%s%s %lld", text, text[0] == '\0' ? "" : ", ",
                              ctl_states[i], count);
        }
    }

    return text;
}


/* Behind --limit rows are only counted: nothing is asked for them. */
static void
print_user(ctl_t *ctl, ctl_output_t *output, const ctl_tally_row_t *row,
    bool shown)
{
    ctl_mark_t  mark = ctl_mark();
    int64_t     devices = 0;
    const char *states = shown ? states_of(ctl, row->keys[0], &devices) : "";
    ctl_cell_t  cells[] = {
        ctl_cell_text(ctl_str(row->keys[0])),
        ctl_cell_number(devices),
        ctl_cell_text(ctl_str(states)),
        ctl_cell_number(row->counts[CTL_ENDED_ALLOWED]
                        + row->counts[CTL_ENDED_BREAK_GLASS]),
        ctl_cell_number(row->counts[CTL_ENDED_BLOCKED]),
        ctl_cell_number(row->counts[CTL_ENDED_WOULD_BLOCK]),
        ctl_cell_number(row->last),
    };

    ctl_output_row(output, cells);
    ctl_release(mark);
}


static bool
row_shown(const ctl_report_t *report, int64_t *shown)
{
    return ++*shown <= report->limit || report->limit == 0;
}


/* Who has a row without an access: sorted as the rows are. */
static const char **
recorded(const ctl_report_t *report, size_t *n)
{
    const char             *key, **names;
    compliance_principal_t  name;

    *n = 0;

    if (report->protocol != COMPLIANCE_PROTOCOL_NONE
        || report->reason != COMPLIANCE_REASON_NONE || report->device.n > 0)
    {
        return NULL;
    }

    if (report->filter.user.data != NULL) {
        names = ctl_alloc_array(1, sizeof(*names));
        names[0] = ctl_dup(report->filter.user);
        ctl_principal(names[0], &name);
        *n = (size_t) ctl_store_ask(report->ctl, "EXISTS %s",
                                    ctl_key_user(report->ctl, &name))->integer;
        return names;
    }

    ctl_principal("x", &name);
    key = ctl_key_user(report->ctl, &name);

    return ctl_store_scan(report->ctl, ctl_dup((compliance_str_t) {
                              key, strlen(key) - 1 }), n);
}


ctl_exit_t
ctl_report_users(ctl_t *ctl)
{
    static const ctl_column_t columns[] = {
        { "user", "USER", CTL_COLUMN_TEXT },
        { "devices", "DEVICES", CTL_COLUMN_COUNT },
        { "states", "STATES", CTL_COLUMN_TEXT },
        { "allowed", "ALLOWED", CTL_COLUMN_COUNT },
        { "blocked", "BLOCKED", CTL_COLUMN_COUNT },
        { "would_block", "WOULD BLOCK", CTL_COLUMN_COUNT },
        { "last", "LAST ACCESS", CTL_COLUMN_TIME },
    };

    size_t            n, n_names;
    int64_t           shown = 0;
    const char      **names;
    ctl_report_t      report;
    ctl_output_t     *output;
    ctl_tally_row_t **rows, sum;

    ctl_report_begin(ctl, &report);
    report.keys = user_keys;
    output = ctl_output(ctl, sizeof(columns) / sizeof(columns[0]), columns,
                        report.limit);
    rows = ctl_report_collect(&report, &n);

    names = recorded(&report, &n_names);

    for (size_t i = 0, k = 0; i < n || k < n_names; /* void */ ) {
        int order = i == n ? 1 : k == n_names ? -1
                    : strcmp(rows[i]->keys[0], names[k]);

        if (order <= 0) {
            sum = ctl_report_merge(rows, n, &i);
            k += order == 0;
            print_user(ctl, output, &sum, row_shown(&report, &shown));

        } else {
            if (ctl_report_member(&report, names[k])) {
                memset(&sum, 0, sizeof(sum));
                sum.keys[0] = names[k];
                print_user(ctl, output, &sum, row_shown(&report, &shown));
            }

            k++;
        }
    }

    ctl_output_end(output, "no such user is on record, nor an access in that "
                   "time");
    ctl_notes_flush();

    return CTL_DONE;
}
