/*
 * audit search and audit export: records of a span of time, of all nodes in
 * order of time.  Search picks some and shows them, export hands on all.
 */
#include "audit.h"
#include "bulk.h"

#include "../core/verdict.h"

#include <stdlib.h>
#include <string.h>


#define LIMIT_DEFAULT  1000

static const char *const columns[] = {
    "time", "id", "node", "protocol", "verdict", "reason", "would_block",
    "group", "user", "device", "binding", "client", "device_type",
    "user_agent", "command", "candidate", "dropped", "who", "changes",
    "erased", "lane", "seq", "kid", "hash"
};

typedef struct {
    ctl_t             *ctl;
    ctl_audit_filter_t filter;
    bool               csv;
    int64_t            limit;      /* 0: all */
    int64_t            found, seen;
    ctl_progress_t    *progress;
} search_t;


/* A name that no record can have finds nothing: say so before looking. */
static void
check_names(const ctl_t *ctl)
{
    const char           *reason = ctl->options[CTL_OPT_REASON];
    const char           *verdict = ctl->options[CTL_OPT_VERDICT];
    const char           *protocol = ctl->options[CTL_OPT_PROTOCOL];
    compliance_protocol_t found;
    bool                  known = verdict == NULL;

    for (size_t i = COMPLIANCE_UNDECIDED; !known && i <= COMPLIANCE_TEMPFAIL;
         i++)
    {
        known = strcmp(compliance_verdict_name((compliance_verdict_t) i),
                       verdict) == 0;
    }

    if (!known) {
        ctl_die_usage(ctl, "--verdict \"%s\" is none; docs/decisions.md "
                      "lists them",
                      ctl_escape(ctl_str(verdict)));
    }

    known = reason == NULL;

    for (size_t i = 0; !known && i < COMPLIANCE_REASONS; i++) {
        known = strcmp(compliance_reason_name((compliance_reason_t) i), reason)
                == 0;
    }

    if (!known) {
        ctl_die_usage(ctl, "--reason \"%s\" is none; docs/decisions.md lists "
                      "them", ctl_escape(ctl_str(reason)));
    }

    found = protocol == NULL ? COMPLIANCE_EAS
                             : compliance_protocol_parse(ctl_str(protocol));

    if (found == COMPLIANCE_PROTOCOL_NONE) {
        ctl_die_usage(ctl, "--protocol \"%s\" is none",
                      ctl_escape(ctl_str(protocol)));
    }
}


/* RFC 4180; a value that a spreadsheet would take for a formula gets a quote
 * in front. */
static void
print_cell(const char *text)
{
    if (text[0] != '\0' && strchr("=+-@\t\r", text[0]) != NULL) {
        text = ctl_format("'%s", text);
    }

    if (strpbrk(text, "\",\r\n") == NULL) {
        fputs(text, stdout);
        return;
    }

    putchar('"');

    for (const char *p = text; *p != '\0'; p++) {
        if (*p == '"') {
            putchar('"');
        }

        putchar(*p);
    }

    putchar('"');
}


static void
print_value(const json_t *value)
{
    char *text;

    if (json_is_string(value)) {
        print_cell(json_string_value(value));
        return;
    }

    if (value == NULL || json_is_null(value)) {
        return;
    }

    text = json_dumps(value, JSON_COMPACT | JSON_ENCODE_ANY);

    if (text == NULL) {
        ctl_die(CTL_STORE, "out of memory");
    }

    print_cell(text);
    free(text);
}


static void
print_csv(const ctl_entry_t *entry, const json_t *record)
{
    for (size_t i = 0; i < sizeof(columns) / sizeof(columns[0]); i++) {
        const json_t *value = json_object_get(record, columns[i]);

        if (i > 0) {
            putchar(',');
        }

        if (strcmp(columns[i], "time") == 0) {
            fputs(ctl_time_format((int64_t) (entry->ms / 1000)), stdout);

        } else if (strcmp(columns[i], "node") == 0) {
            print_cell(ctl_escape(ctl_str(entry->node)));

        } else {
            print_value(value);
        }
    }

    fputs("\r\n", stdout);
}


static bool
show(void *data, const ctl_entry_t *entry)
{
    search_t  *search = data;
    json_t    *record = ctl_entry_json(entry);
    ctl_mark_t mark = ctl_mark();

    if (search->progress != NULL) {
        ctl_progress_at(search->progress, ++search->seen);
    }

    if (ctl_audit_matches(search->ctl, &search->filter, entry, record)) {
        if (search->limit > 0 && search->found == search->limit) {
            json_decref(record);
            ctl_warn("only the first %lld are shown; --limit shows more, "
                     "--since begins later", (long long) search->limit);
            return false;
        }

        search->found++;

        if (search->csv) {
            print_csv(entry, record);

        } else {
            ctl_audit_print(search->ctl, entry, record);
        }
    }

    json_decref(record);
    ctl_release(mark);

    return true;
}


static void
run(search_t *search)
{
    size_t        n;
    ctl_stream_t *streams;
    ctl_t        *ctl = search->ctl;

    ctl_audit_filter(ctl, &search->filter);
    search->csv = ctl_given(ctl, CTL_OPT_CSV);

    if (search->csv && ctl->json) {
        ctl_die_usage(ctl, "--csv and --json are two ways to answer");
    }

    n = ctl_audit_streams(ctl, ctl->options[CTL_OPT_NODE], &streams);

    if (search->csv) {
        for (size_t i = 0; i < sizeof(columns) / sizeof(columns[0]); i++) {
            printf("%s%s", i > 0 ? "," : "", columns[i]);
        }

        fputs("\r\n", stdout);
    }

    ctl_audit_merge(ctl, streams, n, search->filter.from,
                    search->filter.until, show, search);
}


ctl_exit_t
ctl_audit_search(ctl_t *ctl)
{
    search_t search;

    memset(&search, 0, sizeof(search));
    search.ctl = ctl;
    search.limit = ctl_option_count(ctl, CTL_OPT_LIMIT, 0, INT64_MAX,
                                    LIMIT_DEFAULT);
    check_names(ctl);
    run(&search);

    if (search.found == 0) {
        fputs("no record is like that\n", stderr);
        return CTL_NOT_FOUND;
    }

    return CTL_DONE;
}


ctl_exit_t
ctl_audit_export(ctl_t *ctl)
{
    search_t search;
    ctl_t    as = *ctl;

    memset(&search, 0, sizeof(search));
    as.json = !ctl_given(ctl, CTL_OPT_CSV);
    search.ctl = &as;
    search.progress = ctl_progress_begin("audit export", 0);
    run(&search);
    ctl_progress_end(search.progress);
    ctl->store = as.store;

    return CTL_DONE;
}


void
ctl_audit_search_details(void)
{
    puts("Every TEXT must stand somewhere in the record, in upper or lower "
         "case. --user\nand --device find administrators' changes of them, "
         "too. Times: 7d is a week\nago, 2026-12-31 a day, "
         "2026-12-31T18:00:00Z a second.");
}
