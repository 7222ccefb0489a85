/*
 * report conflicts: asserted device ids that two users or two clients present.
 * Two looks at the accesses: the first tells which devices to remember.
 */
#include "conflicts.h"
#include "output.h"
#include "record.h"
#include "replay.h"

#include <string.h>


#define DAYS_DEFAULT   7
#define LIMIT_DEFAULT  1000
#define LIMIT_MAX      INT64_C(1000000000)

typedef struct {
    compliance_str_t device;      /* absent: any */
    ctl_suspects_t  *suspects;
    ctl_tally_t     *tally;
    ctl_output_t    *output;
} conflicts_t;


static bool
wanted(const conflicts_t *conflicts, const ctl_access_t *access)
{
    return ctl_conflict_concerned(access)
           && (conflicts->device.data == NULL
               || compliance_str_eq(conflicts->device,
                                    ctl_str(access->seen.device)));
}


static void
look(void *data, const ctl_access_t *access)
{
    conflicts_t *conflicts = data;

    if (wanted(conflicts, access)) {
        ctl_suspects_add(conflicts->suspects, access);
    }
}


static void
remember(void *data, const ctl_access_t *access)
{
    conflicts_t *conflicts = data;

    if (wanted(conflicts, access)
        && ctl_suspects_have(conflicts->suspects, access))
    {
        ctl_conflict_add(conflicts->tally, access);
    }
}


static void
print(void *data, const ctl_conflict_t *conflict)
{
    conflicts_t *conflicts = data;
    ctl_cell_t   cells[] = {
        ctl_cell_text(ctl_str(conflict->device)),
        ctl_cell_text(ctl_str(conflict->users)),
        ctl_cell_text(ctl_str(conflict->clients)),
        ctl_cell_number(conflict->first),
        ctl_cell_number(conflict->last),
        ctl_cell_number(conflict->count),
    };

    ctl_output_row(conflicts->output, cells);
}


ctl_exit_t
ctl_report_conflicts(ctl_t *ctl)
{
    static const ctl_column_t columns[] = {
        { "device", "DEVICE", CTL_COLUMN_TEXT },
        { "users", "USERS", CTL_COLUMN_TEXT },
        { "clients", "CLIENTS", CTL_COLUMN_TEXT },
        { "first", "FIRST", CTL_COLUMN_TIME },
        { "last", "LAST", CTL_COLUMN_TIME },
        { "count", "COUNT", CTL_COLUMN_COUNT },
    };

    const char         *text = ctl->options[CTL_OPT_UNTIL];
    conflicts_t         conflicts;
    ctl_record_t        device;
    ctl_access_filter_t filter = { 0, 0, compliance_absent, false };

    memset(&conflicts, 0, sizeof(conflicts));
    filter.since = ctl_since(ctl, ctl->options[CTL_OPT_SINCE], DAYS_DEFAULT);
    filter.until = ctl->now;

    if (text != NULL
        && !ctl_time_parse(ctl_str(text), ctl->now, &filter.until))
    {
        ctl_die_usage(ctl, "--until \"%s\" is not valid; it expects %s",
                      ctl_escape(ctl_str(text)), CTL_TIME_EXPECTS);
    }

    conflicts.output = ctl_output(ctl, sizeof(columns) / sizeof(columns[0]),
                                  columns,
                                  ctl_option_count(ctl, CTL_OPT_LIMIT, 0,
                                                   LIMIT_MAX, LIMIT_DEFAULT));

    if (ctl_given(ctl, CTL_OPT_DEVICE)) {
        ctl_resolve_device(ctl, ctl->options[CTL_OPT_DEVICE], &device);
        conflicts.device = ctl_str(device.name);
    }

    conflicts.suspects = ctl_suspects();
    conflicts.tally = ctl_tally();
    ctl_access_each(ctl, &filter, look, &conflicts);

    if (ctl_suspects_any(conflicts.suspects)) {
        ctl_access_each(ctl, &filter, remember, &conflicts);
    }

    ctl_conflicts_each(conflicts.tally, print, &conflicts);
    ctl_output_end(conflicts.output, "no asserted device id was presented by "
                   "two users or two clients in that time");
    ctl_notes_flush();

    return CTL_DONE;
}
