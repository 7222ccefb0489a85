/*
 * report users, blocks and trend: the recorded accesses, filtered
 * and counted.  Memory goes by the different rows, not by the accesses;
 * report_devices.c has the devices.
 */
#include "output.h"
#include "record.h"
#include "replay.h"
#include "tally.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>


#define DAYS_DEFAULT   7
#define LIMIT_DEFAULT  1000
#define LIMIT_MAX      INT64_C(1000000000)
#define PAGE           256
#define HOUR           3600
#define DAY            INT64_C(86400)
#define HOURLY_MAX     INT64_C(172800)   /* 2 days */
#define BAR            30

typedef struct report_s  report_t;

struct report_s {
    ctl_t                *ctl;
    ctl_access_filter_t   filter;
    compliance_protocol_t protocol;    /* NONE: any */
    compliance_reason_t   reason;      /* NONE: any */
    const char           *group;       /* NULL: any */
    const char          **members;     /* of the group */
    size_t                n_members;
    ctl_changes_t         device;      /* what its device must be */
    int64_t               bucket;      /* of trend, seconds */
    int64_t               limit;
    ctl_tally_t          *tally;
    void                (*keys)(const report_t *report,
                                const ctl_access_t *access, const char *user,
                                const char **keys);
};


static void
read_reason(report_t *report)
{
    const char *text = report->ctl->options[CTL_OPT_REASON];

    if (text == NULL) {
        return;
    }

    report->reason = compliance_reason_parse(ctl_str(text));

    if (report->reason == COMPLIANCE_REASON_NONE) {
        ctl_die_usage(report->ctl, "--reason \"%s\" is none; docs/decisions.md "
                      "lists them", ctl_escape(ctl_str(text)));
    }
}


static void
read_protocol(report_t *report)
{
    const char *text = report->ctl->options[CTL_OPT_PROTOCOL];

    if (text == NULL) {
        return;
    }

    report->protocol = compliance_protocol_parse(ctl_str(text));

    if (report->protocol == COMPLIANCE_PROTOCOL_NONE) {
        ctl_die_usage(report->ctl, "--protocol \"%s\" is none; it expects eas, "
                      "web, ews, mapi, dav, autodiscover, imap, pop3 or smtp",
                      ctl_escape(ctl_str(text)));
    }
}


static void
read_group(report_t *report)
{
    const char *key;

    report->group = report->ctl->options[CTL_OPT_GROUP];

    if (report->group == NULL) {
        return;
    }

    key = ctl_key_index(report->ctl, "groups", ctl_str(report->group));

    if (key != NULL) {
        report->members = ctl_store_members(report->ctl, key,
                                            &report->n_members);
    }

    if (report->n_members == 0) {
        ctl_note("group \"%s\" has no members on record: only what it decided "
                 "itself is shown", ctl_escape(ctl_str(report->group)));
    }
}


/* state=, platform= of the device that asked. */
static void
read_device(report_t *report)
{
    compliance_str_t field, value;

    for (size_t i = 0; i < report->ctl->n_args; i++) {
        ctl_assignment(report->ctl, report->ctl->args[i], &field, &value);

        if (!compliance_str_eq(field, compliance_str("state"))
            && !compliance_str_eq(field, compliance_str("platform")))
        {
            ctl_die_usage(report->ctl, "\"%s\" is no filter here; state=VALUE "
                          "and platform=VALUE are",
                          ctl_escape(field));
        }

        ctl_changes_assign(report->ctl, &ctl_device_kind, &report->device,
                           field, value);
    }
}


static void
begin(ctl_t *ctl, report_t *report)
{
    ctl_record_t user;
    const char  *text = ctl->options[CTL_OPT_UNTIL];

    memset(report, 0, sizeof(*report));
    report->ctl = ctl;
    report->tally = ctl_tally();
    report->limit = ctl_option_count(ctl, CTL_OPT_LIMIT, 0, LIMIT_MAX,
                                     LIMIT_DEFAULT);
    report->filter.since = ctl_since(ctl, ctl->options[CTL_OPT_SINCE],
                                     DAYS_DEFAULT);
    report->filter.until = ctl->now;

    if (text != NULL
        && !ctl_time_parse(ctl_str(text), ctl->now, &report->filter.until))
    {
        ctl_die_usage(ctl, "--until \"%s\" is not valid; it expects %s",
                      ctl_escape(ctl_str(text)), CTL_TIME_EXPECTS);
    }

    if (report->filter.until < report->filter.since) {
        ctl_die_usage(ctl, "--until is before --since");
    }

    read_reason(report);
    read_protocol(report);
    read_device(report);

    if (ctl_given(ctl, CTL_OPT_USER)) {
        ctl_resolve_user(ctl, ctl->options[CTL_OPT_USER], &user);
        report->filter.user = ctl_str(user.name);
    }

    read_group(report);
}


static int
by_name(const void *a, const void *b)
{
    return strcmp(*(const char *const *) a, *(const char *const *) b);
}


static bool
in_group(const report_t *report, const ctl_access_t *access, const char *user)
{
    return report->group == NULL
           || compliance_str_eq(access->group, ctl_str(report->group))
           || (report->n_members > 0
               && bsearch(&user, report->members, report->n_members,
                          sizeof(*report->members), by_name) != NULL);
}


static void
visit(void *data, const ctl_access_t *access)
{
    char            user[COMPLIANCE_PRINCIPAL_MAX + 1];
    const char     *keys[CTL_TALLY_KEYS] = { "", "", "", "" };
    const report_t *report = data;

    if (access->user.len >= sizeof(user)
        || (report->protocol != COMPLIANCE_PROTOCOL_NONE
            && access->seen.protocol != report->protocol)
        || (report->reason != COMPLIANCE_REASON_NONE
            && access->reason != report->reason))
    {
        return;
    }

    if (access->user.len > 0) {
        memcpy(user, access->user.data, access->user.len);
    }

    user[access->user.len] = '\0';

    if (!in_group(report, access, user)) {
        return;
    }

    report->keys(report, access, user, keys);

    if (keys[0] != NULL) {
        (void) ctl_tally_add(report->tally, keys, access);
    }
}


/* Keeps the rows whose device (keys[1]) is as was asked for. */
static size_t
keep_devices(const report_t *report, ctl_tally_row_t **rows, size_t n)
{
    size_t                 named = 0, kept = 0;
    compliance_device_id_t id;

    if (report->device.n == 0) {
        return n;
    }

    for (size_t i = 0; i < n; i++) {
        if (compliance_device_id_parse(ctl_str(rows[i]->keys[1]), &id)
            == COMPLIANCE_OK)
        {
            rows[named++] = rows[i];
        }
    }

    for (size_t i = 0; i < named; i += PAGE) {
        size_t     size = named - i < PAGE ? named - i : PAGE;
        ctl_mark_t mark = ctl_mark();

        for (size_t k = 0; k < size; k++) {
            ctl_device_id(rows[i + k]->keys[1], &id);
            ctl_store_send(report->ctl, "HGETALL %s",
                           ctl_key_device(report->ctl, &id));
        }

        for (size_t k = 0; k < size; k++) {
            bool         same = true;
            ctl_record_t record;

            memset(&record, 0, sizeof(record));
            ctl_record_fill(&record, ctl_store_receive(report->ctl));

            for (size_t f = 0; f < report->device.n; f++) {
                const ctl_change_t *filter = &report->device.items[f];

                same = same && compliance_str_eq(filter->value,
                           ctl_record_get(&record, filter->field->name));
            }

            if (same) {
                rows[kept++] = rows[i + k];
            }
        }

        ctl_release(mark);
    }

    return kept;
}


static ctl_tally_row_t **
collect(report_t *report, size_t *n)
{
    ctl_tally_row_t **rows;

    ctl_access_each(report->ctl, &report->filter, visit, report);
    rows = ctl_tally_rows(report->tally, n, ctl_tally_by_keys);
    *n = keep_devices(report, rows, *n);

    return rows;
}


/* Adds up the rows from *i on that share keys[0]; *i is behind them then. */
static ctl_tally_row_t
merge(ctl_tally_row_t *const *rows, size_t n, size_t *i)
{
    ctl_tally_row_t sum = *rows[(*i)++];

    for (; *i < n && strcmp(rows[*i]->keys[0], sum.keys[0]) == 0; (*i)++) {
        const ctl_tally_row_t *row = rows[*i];

        for (size_t e = 0; e < CTL_ENDINGS; e++) {
            sum.counts[e] += row->counts[e];
        }

        sum.first = row->first < sum.first ? row->first : sum.first;
        sum.last = row->last > sum.last ? row->last : sum.last;
        sum.protocols |= row->protocols;
    }

    return sum;
}


/* blocks */


static void
block_keys(const report_t *report, const ctl_access_t *access,
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
    report_t          report;
    ctl_output_t     *output;
    ctl_tally_row_t **rows;

    begin(ctl, &report);
    report.filter.audited_only = true;
    report.keys = block_keys;
    output = ctl_output(ctl, sizeof(columns) / sizeof(columns[0]), columns,
                        report.limit);
    rows = collect(&report, &n);

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


/* users */


static void
user_keys(const report_t *report, const ctl_access_t *access,
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
    static const char *const states[] = {
        "compliant", "noncompliant", "grace", "unknown", "retired"
    };

    const size_t n = sizeof(states) / sizeof(states[0]);
    char        *text = ctl_dup(compliance_str(""));
    const char  *owner = ctl_key_index(ctl, "owner", ctl_str(user));

    *devices = 0;

    if (owner == NULL || user[0] == '\0') {
        return text;
    }

    for (size_t i = 0; i < n; i++) {
        ctl_store_send(ctl, "SINTERCARD 2 %s %s", owner,
                       ctl_key_index(ctl, "state", ctl_str(states[i])));
    }

    for (size_t i = 0; i < n; i++) {
        long long count = ctl_store_receive(ctl)->integer;

        *devices += count;

        if (count > 0) {
            text = ctl_format("%s%s%s %lld", text, text[0] == '\0' ? "" : ", ",
                              states[i], count);
        }
    }

    return text;
}


static void
print_user(ctl_t *ctl, ctl_output_t *output, const ctl_tally_row_t *row)
{
    int64_t     devices;
    const char *states = states_of(ctl, row->keys[0], &devices);
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

    size_t            n;
    report_t          report;
    ctl_output_t     *output;
    ctl_tally_row_t **rows, sum;

    begin(ctl, &report);
    report.keys = user_keys;
    output = ctl_output(ctl, sizeof(columns) / sizeof(columns[0]), columns,
                        report.limit);
    rows = collect(&report, &n);

    for (size_t i = 0; i < n; /* void */ ) {
        sum = merge(rows, n, &i);
        print_user(ctl, output, &sum);
    }

    ctl_output_end(output, "no access was recorded in that time");
    ctl_notes_flush();

    return CTL_DONE;
}


/* trend */


static void
trend_keys(const report_t *report, const ctl_access_t *access,
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


static void
print_trend(ctl_output_t *output, const ctl_tally_row_t *row, int64_t most)
{
    static const char bar[BAR + 1] = "##############################";
    size_t            length = (size_t) (total(row) * BAR / most);
    ctl_cell_t        cells[] = {
        ctl_cell_number(strtoll(row->keys[0], NULL, 10)),
        ctl_cell_number(row->counts[CTL_ENDED_ALLOWED]),
        ctl_cell_number(row->counts[CTL_ENDED_BLOCKED]),
        ctl_cell_number(row->counts[CTL_ENDED_WOULD_BLOCK]),
        ctl_cell_number(row->counts[CTL_ENDED_TEMPFAIL]),
        ctl_cell_number(row->counts[CTL_ENDED_BREAK_GLASS]),
        ctl_cell_text((compliance_str_t) { bar, length }),
    };

    ctl_output_row(output, cells);
}


ctl_exit_t
ctl_report_trend(ctl_t *ctl)
{
    static const ctl_column_t columns[] = {
        { "from", "FROM", CTL_COLUMN_TIME },
        { "allowed", "ALLOWED", CTL_COLUMN_COUNT },
        { "blocked", "BLOCKED", CTL_COLUMN_COUNT },
        { "would_block", "WOULD BLOCK", CTL_COLUMN_COUNT },
        { "tempfail", "TEMPFAIL", CTL_COLUMN_COUNT },
        { "break_glass", "BREAK GLASS", CTL_COLUMN_COUNT },
        { "", "", CTL_COLUMN_TEXT },   /* the bar, on a terminal */
    };

    size_t            n, n_columns = sizeof(columns) / sizeof(columns[0]);
    int64_t           most = 1;
    report_t          report;
    ctl_output_t     *output;
    ctl_tally_row_t **rows, sum;

    begin(ctl, &report);
    report.keys = trend_keys;
    report.bucket = DAY;

    if (report.filter.until - report.filter.since <= HOURLY_MAX) {
        report.bucket = HOUR;
        report.filter.audited_only = true;
        ctl_note("allowed accesses are counted by the day: hours do not have "
                 "them; a span of more than two days does");
    }

    if (ctl->json || ctl_given(ctl, CTL_OPT_CSV) || !isatty(STDOUT_FILENO)) {
        n_columns--;
    }

    output = ctl_output(ctl, n_columns, columns, report.limit);
    rows = collect(&report, &n);

    for (size_t i = 0; i < n; /* void */ ) {
        sum = merge(rows, n, &i);
        most = total(&sum) > most ? total(&sum) : most;
    }

    for (size_t i = 0; i < n; /* void */ ) {
        sum = merge(rows, n, &i);
        print_trend(output, &sum, most);
    }

    ctl_output_end(output, "no access was recorded in that time");
    ctl_notes_flush();

    return CTL_DONE;
}


void
ctl_report_details(void)
{
    puts("Filters: --user, --group, --protocol, --reason, --since and --until, "
         "and\nstate=VALUE or platform=VALUE of the device that asked. --group "
         "is whoever is a\nmember now, and what the group decided itself.");
}
