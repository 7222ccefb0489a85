/*
 * candidate report: the audit records in which the candidate set and the live
 * one differed, summed up by what each decided, and by user and device.
 */
#include "candidate.h"
#include "replay.h"

#include <stdlib.h>
#include <string.h>


#define LIMIT_DEFAULT  100
#define LIMIT_MAX      INT64_C(1000000000)

/* One user's accesses from one device that differed in one way. */
typedef struct {
    const char *user, *device, *live, *candidate;   /* parts of `texts` */
    char       *texts;
    unsigned    protocols;
    int64_t     n, last;
} row_t;

typedef struct {
    const char *id;         /* of the candidate set */
    json_t     *places;     /* text of a row -> its place in rows */
    row_t      *rows;
    size_t      n, cap;
    int64_t     accesses;
} report_t;


static row_t *
add_row(report_t *report, const row_t *like, const char *text)
{
    row_t *rows;
    size_t cap = report->cap == 0 ? 64 : 2 * report->cap;

    if (report->n == report->cap) {
        rows = realloc(report->rows, cap * sizeof(*rows));
        if (rows == NULL) {
            ctl_die(CTL_STORE, "out of memory");
        }

        report->rows = rows;
        report->cap = cap;
    }

    ctl_json_set(report->places, text, ctl_json_int((int64_t) report->n));
    report->rows[report->n] = *like;

    return &report->rows[report->n++];
}


/* A row's texts outlive the visit: copies, end to end. */
static void
own_texts(row_t *row)
{
    size_t       len = 0, at = 0;
    const char **texts[] = { &row->user, &row->device, &row->live,
                             &row->candidate };

    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        len += strlen(*texts[i]) + 1;
    }

    row->texts = malloc(len);

    if (row->texts == NULL) {
        ctl_die(CTL_STORE, "out of memory");
    }

    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        len = strlen(*texts[i]) + 1;
        *texts[i] = memcpy(row->texts + at, *texts[i], len);
        at += len;
    }
}


/* "id:block:device_unknown" -> "block device_unknown"; NULL where it is
 * another set's. */
static const char *
candidate_text(const report_t *report, compliance_str_t text)
{
    char   *told;
    size_t  len = strlen(report->id);

    if (text.len <= len || memcmp(text.data, report->id, len) != 0
        || text.data[len] != ':')
    {
        return NULL;
    }

    told = ctl_dup((compliance_str_t) { text.data + len + 1,
                                        text.len - len - 1 });
    told[strcspn(told, ":")] = ' ';

    return ctl_escape(ctl_str(told));
}


static void
visit(void *data, const ctl_access_t *access)
{
    report_t   *report = data;
    row_t       like, *row;
    char       *text;
    json_t     *place;
    ctl_mark_t  mark = ctl_mark();

    memset(&like, 0, sizeof(like));
    like.candidate = candidate_text(report, access->candidate);

    if (like.candidate == NULL) {
        return;
    }

    like.user = ctl_escape(access->user);
    like.device = ctl_escape(ctl_str(access->seen.device));
    like.live = ctl_format(access->would_block ? "%s, would block %s" : "%s %s",
                           compliance_verdict_name(access->verdict),
                           compliance_reason_name(access->reason));
    text = ctl_format("%s\n%s\n%s\n%s", like.user, like.device, like.live,
                      like.candidate);
    place = json_object_get(report->places, text);

    if (place != NULL) {
        row = &report->rows[json_integer_value(place)];

    } else {
        row = add_row(report, &like, text);
        own_texts(row);
    }

    ctl_release(mark);
    row->protocols |= COMPLIANCE_BIT(access->seen.protocol);
    row->n += access->count;
    report->accesses += access->count;

    if (access->last > row->last) {
        row->last = access->last;
    }
}


static int
by_count(const void *left, const void *right)
{
    const row_t *a = left, *b = right;

    if (a->n != b->n) {
        return a->n > b->n ? -1 : 1;
    }

    return strcmp(a->user, b->user) != 0 ? strcmp(a->user, b->user)
                                         : strcmp(a->device, b->device);
}


static void
print_text(const report_t *report, size_t shown)
{
    static const char *const headings[] = {
        "ACCESSES", "USER", "DEVICE", "DECIDED", "CANDIDATE", "LAST"
    };

    ctl_table_t *table = ctl_table(6, headings);

    printf("%lld accesses would have been decided otherwise\n",
           (long long) report->accesses);

    for (size_t i = 0; i < shown; i++) {
        const row_t *row = &report->rows[i];

        ctl_table_row(table, (const char *[]) {
            ctl_format("%lld", (long long) row->n),
            row->user[0] == '\0' ? "-" : row->user,
            row->device[0] == '\0' ? "-" : row->device, row->live,
            row->candidate, ctl_time_format(row->last) });
    }

    if (shown > 0) {
        puts("");
        ctl_table_print(table);
    }

    if (shown < report->n) {
        fprintf(stderr, "%zu of %zu shown: --limit 0 shows all\n", shown,
                report->n);
    }
}


static void
print_json(const report_t *report, size_t shown, const char *id, bool runs,
    int64_t since)
{
    json_t *object = ctl_json_object(), *array = ctl_json_array(), *one;

    ctl_json_set(object, "id", ctl_json_text(ctl_str(id)));
    ctl_json_set(object, "runs", ctl_json_bool(runs));
    ctl_json_set(object, "since", ctl_json_int(since));
    ctl_json_set(object, "accesses", ctl_json_int(report->accesses));

    for (size_t i = 0; i < shown; i++) {
        const row_t *row = &report->rows[i];

        one = ctl_json_object();
        ctl_json_set(one, "user", ctl_json_text(ctl_str(row->user)));
        ctl_json_set(one, "device", ctl_json_text(ctl_str(row->device)));
        ctl_json_set(one, "decided", ctl_json_text(ctl_str(row->live)));
        ctl_json_set(one, "candidate",
                     ctl_json_text(ctl_str(row->candidate)));
        ctl_json_set(one, "accesses", ctl_json_int(row->n));
        ctl_json_set(one, "last", ctl_json_int(row->last));
        ctl_json_add(array, one);
    }

    ctl_json_set(object, "rows", array);
    ctl_json_set(object, "rows_left_out",
                 ctl_json_int((int64_t) (report->n - shown)));
    ctl_json_print(object);
}


static void
release(report_t *report)
{
    for (size_t i = 0; i < report->n; i++) {
        free(report->rows[i].texts);
    }

    free(report->rows);
    json_decref(report->places);
}


/* Of this set, from the moment it was stored. */
ctl_exit_t
ctl_candidate_report(ctl_t *ctl)
{
    bool                runs;
    size_t              shown;
    json_t             *json = ctl_candidate_stored(ctl, &runs);
    int64_t             limit, created;
    report_t            report;
    const char         *text = ctl->options[CTL_OPT_UNTIL];
    ctl_access_filter_t filter;

    limit = ctl_option_count(ctl, CTL_OPT_LIMIT, 0, LIMIT_MAX, LIMIT_DEFAULT);
    memset(&filter, 0, sizeof(filter));
    memset(&report, 0, sizeof(report));
    created = (int64_t) json_integer_value(json_object_get(json, "created"));
    filter.since = created;
    filter.until = ctl->now;
    filter.audited_only = true;

    if (ctl_given(ctl, CTL_OPT_SINCE)) {
        filter.since = ctl_since(ctl, ctl->options[CTL_OPT_SINCE], 0);
        filter.since = filter.since < created ? created : filter.since;
    }

    if (text != NULL
        && !ctl_time_parse(ctl_str(text), ctl->now, &filter.until))
    {
        ctl_die_usage(ctl, "--until \"%s\" is not valid; it expects %s",
                      ctl_escape(ctl_str(text)), CTL_TIME_EXPECTS);
    }

    report.id = json_string_value(json_object_get(json, "id"));

    if (report.id == NULL) {
        ctl_die(CTL_CONTENT, "the stored candidate set has no id; store it "
                "anew with: compliancectl candidate set FILE");
    }

    report.places = ctl_json_object();
    ctl_access_each(ctl, &filter, visit, &report);
    qsort(report.rows, report.n, sizeof(*report.rows), by_count);
    shown = limit > 0 && (uint64_t) limit < report.n ? (size_t) limit
                                                     : report.n;

    if (ctl->json) {
        print_json(&report, shown, report.id, runs, filter.since);
    } else {
        print_text(&report, shown);
    }

    release(&report);

    return CTL_DONE;
}
