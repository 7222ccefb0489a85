/*
 * Filters, and the accesses that they leave; report_devices.c has the devices.
 */
#include "group.h"
#include "replay.h"
#include "report_access.h"

#include <stdlib.h>
#include <string.h>


#define DAYS_DEFAULT   7
#define LIMIT_DEFAULT  1000
#define LIMIT_MAX      INT64_C(1000000000)
#define PAGE           256


static void
read_reason(ctl_report_t *report)
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
read_protocol(ctl_report_t *report)
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


/* What the index of every group begins with. */
static const char *
groups_begin(ctl_t *ctl)
{
    const char *key = ctl_key_index(ctl, "groups", compliance_str("x"));

    return ctl_dup((compliance_str_t) { key, strlen(key) - 1 });
}


static void
read_group(ctl_report_t *report)
{
    size_t       n = 1;
    const char  *key;
    const char **names = &report->group;

    report->group = report->ctl->options[CTL_OPT_GROUP];

    if (report->group == NULL) {
        return;
    }

    if (ctl_group_is_default(report->group)) {
        names = ctl_store_scan(report->ctl, groups_begin(report->ctl), &n);
    }

    report->members = ctl_alloc_array(n + 1, sizeof(*report->members));
    report->n_members = n;

    for (size_t i = 0; i < n; i++) {
        key = ctl_key_index(report->ctl, "groups", ctl_str(names[i]));

        if (key != NULL) {
            report->members[i].names = ctl_store_members(report->ctl, key,
                                                     &report->members[i].n);
        }
    }

    if (!ctl_group_is_default(report->group) && report->members[0].n == 0) {
        ctl_note("group \"%s\" has no members on record: only what it decided "
                 "itself is shown", ctl_escape(ctl_str(report->group)));
    }
}


/* state=, platform= of the device that asked. */
static void
read_device(ctl_report_t *report)
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


void
ctl_report_begin(ctl_t *ctl, ctl_report_t *report)
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


bool
ctl_report_member(const ctl_report_t *report, const char *user)
{
    bool found = false;

    if (report->group == NULL) {
        return true;
    }

    for (size_t i = 0; i < report->n_members && !found; i++) {
        found = report->members[i].n > 0
                && bsearch(&user, report->members[i].names,
                           report->members[i].n, sizeof(user), by_name)
                   != NULL;
    }

    return found != ctl_group_is_default(report->group);
}


static bool
in_group(const ctl_report_t *report, const ctl_access_t *access,
    const char *user)
{
    return (report->group != NULL
            && compliance_str_eq(access->group, ctl_str(report->group)))
           || ctl_report_member(report, user);
}


static void
visit(void *data, const ctl_access_t *access)
{
    char            user[COMPLIANCE_PRINCIPAL_MAX + 1];
    const char     *keys[CTL_TALLY_KEYS] = { "", "", "", "" };
    const ctl_report_t *report = data;

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
keep_devices(const ctl_report_t *report, ctl_tally_row_t **rows, size_t n)
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


ctl_tally_row_t **
ctl_report_collect(ctl_report_t *report, size_t *n)
{
    ctl_tally_row_t **rows;

    ctl_access_each(report->ctl, &report->filter, visit, report);
    rows = ctl_tally_rows(report->tally, n, ctl_tally_by_keys);
    *n = keep_devices(report, rows, *n);

    return rows;
}


ctl_tally_row_t
ctl_report_merge(ctl_tally_row_t *const *rows, size_t n, size_t *i)
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
