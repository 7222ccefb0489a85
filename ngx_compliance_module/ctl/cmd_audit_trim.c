/*
 * audit trim: removes what is older than audit_days and seen_days, and tells
 * of it among the administrators' changes, so that audit verify knows where
 * each lane now begins.  The record comes first: a trim without one would look
 * like a forgery, a record without its trim does no harm.
 */
#include "audit_anchor.h"
#include "history.h"
#include "seen_days.h"
#include "settings.h"

#include <inttypes.h>


#define DAY  86400

typedef struct {
    size_t        n;
    ctl_stream_t *streams;
    uint64_t      cut_ms;      /* 0: audit records are kept for ever */
    int64_t       records;     /* older than that */
    int64_t       findings;
    json_t       *told;        /* what the record says: an array */
} trim_t;


/* What is to go of one stream, and where its lanes begin then. */
static void
look(ctl_t *ctl, trim_t *trim, const ctl_stream_t *stream,
    compliance_audit_keys_t *keys)
{
    ctl_stream_t old = *stream, rest = *stream;
    ctl_lanes_t *gone, *left;

    gone = ctl_audit_lanes(ctl, &old, 0, trim->cut_ms - 1, keys, NULL);
    left = ctl_audit_lanes(ctl, &rest, trim->cut_ms, UINT64_MAX, keys, NULL);

    trim->records += gone->records;
    trim->findings += gone->findings;
    ctl_json_add(trim->told, ctl_trim_json(stream->node, trim->cut_ms,
                                           gone->records, gone->findings,
                                           left));
}


static void
tell(ctl_t *ctl, void *data)
{
    trim_t *trim = data;

    ctl_audit_summary_plan(ctl, NULL, json_incref(trim->told));
}


static int64_t
trim_seen(ctl_t *ctl, int64_t days, bool dry, size_t *n_days)
{
    size_t         n;
    int64_t        people = 0;
    const int64_t *all = ctl_seen_days(ctl, &n);

    *n_days = 0;

    /* Redis lets them expire, after the gateways' compliance_seen_days */
    for (size_t i = 0; i < n && days > 0; i++) {
        if (all[i] + DAY > ctl->now - days * DAY) {
            continue;
        }

        (*n_days)++;
        people += dry ? ctl_store_ask(ctl, "SCARD %s",
                                      ctl_seen_index(ctl, all[i]))->integer
                      : ctl_seen_delete_day(ctl, all[i]);
    }

    return people;
}


static void
report(const ctl_t *ctl, const trim_t *trim, int64_t people, size_t days,
    bool dry)
{
    json_t *object;

    if (ctl->json) {
        object = ctl_json_object();
        ctl_json_set(object, "dry_run", ctl_json_bool(dry));
        ctl_json_set(object, "audit_records", ctl_json_int(trim->records));
        ctl_json_set(object, "audit_findings", ctl_json_int(trim->findings));
        ctl_json_set(object, "seen_days", ctl_json_int((int64_t) days));
        ctl_json_set(object, "seen_people", ctl_json_int(people));
        ctl_json_print(object);
        return;
    }

    if (trim->cut_ms == 0) {
        puts("audit records are kept for ever: compliancectl settings set "
             "audit_days=180 keeps them for half a year");

    } else {
        printf("%lld audit records from before %s %s\n",
               (long long) trim->records,
               ctl_time_format((int64_t) (trim->cut_ms / 1000)),
               dry ? "would be removed" : "were removed");
    }

    printf("%zu days of counted accesses, of %lld people, %s\n", days,
           (long long) people, dry ? "would be removed" : "were removed");
}


ctl_exit_t
ctl_audit_trim(ctl_t *ctl)
{
    bool                     dry = ctl_given(ctl, CTL_OPT_DRY_RUN);
    size_t                   days;
    trim_t                   trim = { .told = ctl_json_array() };
    int64_t                  keep = ctl_setting(ctl, "audit_days"), people;
    compliance_audit_keys_t *keys = ctl_audit_keys(ctl);

    if (keep > 0) {
        trim.cut_ms = (uint64_t) (ctl->now - keep * DAY) * 1000;
        trim.n = ctl_audit_streams(ctl, NULL, &trim.streams);
    }

    for (size_t i = 0; i < trim.n; i++) {
        look(ctl, &trim, &trim.streams[i], keys);
    }

    if (!dry && trim.records > 0) {
        ctl_store_transact(ctl, tell, &trim);

        for (size_t i = 0; i < trim.n; i++) {
            (void) ctl_store_ask(ctl, "XTRIM %s MINID = %s",
                                 trim.streams[i].key,
                                 ctl_format("%" PRIu64, trim.cut_ms));
        }
    }

    json_decref(trim.told);
    people = trim_seen(ctl, ctl_setting(ctl, "seen_days"), dry, &days);
    report(ctl, &trim, people, days, dry);

    if (trim.findings > 0) {
        ctl_warn("%lld findings were in what %s; the record of it says so",
                 (long long) trim.findings,
                 dry ? "would be removed" : "was removed");
        return CTL_CONTENT;
    }

    return CTL_DONE;
}
