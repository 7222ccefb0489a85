/*
 * Which records are looked for.
 */
#include "audit.h"
#include "record.h"

#include <string.h>


/* A time, or a span back from now: "7d". */
static uint64_t
time_option(const ctl_t *ctl, ctl_opt_t opt, const char *name,
    uint64_t standard)
{
    int64_t          time;
    compliance_str_t text;

    if (!ctl_given(ctl, opt)) {
        return standard;
    }

    text = ctl_str(ctl->options[opt]);

    if (!compliance_parse_uint(text, &time) && ctl_span_parse(text, &time)) {
        time = ctl->now - time;

    } else if (!ctl_time_parse(text, ctl->now, &time)) {
        ctl_die_usage(ctl, "--%s \"%s\" is not a span (7d, 12h) nor %s", name,
                      ctl_escape(text), CTL_TIME_EXPECTS);
    }

    return time < 0 ? 0 : (uint64_t) time * 1000;
}


void
ctl_audit_filter(ctl_t *ctl, ctl_audit_filter_t *filter)
{
    ctl_record_t           record;
    compliance_device_id_t device;

    memset(filter, 0, sizeof(*filter));
    filter->from = time_option(ctl, CTL_OPT_SINCE, "since", 0);
    filter->until = time_option(ctl, CTL_OPT_UNTIL, "until", UINT64_MAX);

    if (filter->until != UINT64_MAX) {
        filter->until += 999;
    }

    if (filter->from > filter->until) {
        ctl_die_usage(ctl, "--since is later than --until");
    }

    if (ctl_given(ctl, CTL_OPT_USER)) {
        ctl_resolve_user(ctl, ctl->options[CTL_OPT_USER], &record);
        filter->user = record.name;
    }

    /* a record holds a device's own id, or "cert:..." */
    if (ctl_given(ctl, CTL_OPT_DEVICE)) {
        filter->device = ctl->options[CTL_OPT_DEVICE];

        if (strncmp(filter->device, "cert:", 5) != 0) {
            ctl_device_id(filter->device, &device);
            filter->device = ctl_dup((compliance_str_t) { device.data,
                                                          device.len });
        }
    }

    filter->n_words = ctl->n_args;
    filter->words = ctl->args;
}


static bool
is(const json_t *record, const char *key, const char *want)
{
    const char *have = json_string_value(json_object_get(record, key));

    return want == NULL || (have != NULL && strcmp(have, want) == 0);
}


/* An administrator's change is about a user or a device that it names. */
static bool
is_about(const ctl_entry_t *entry, const json_t *record, const char *key,
    const char *want)
{
    if (want == NULL || is(record, key, want)) {
        return true;
    }

    return json_object_get(record, "changes") != NULL
           && memmem(entry->text.data, entry->text.len, want, strlen(want))
              != NULL;
}


static const char *
lowered(compliance_str_t text)
{
    char *copy = ctl_dup(text);

    for (char *p = copy; *p != '\0'; p++) {
        if (*p >= 'A' && *p <= 'Z') {
            *p = (char) (*p - 'A' + 'a');
        }
    }

    return copy;
}


bool
ctl_audit_matches(const ctl_t *ctl, const ctl_audit_filter_t *filter,
    const ctl_entry_t *entry, const json_t *record)
{
    bool       ok = true;
    ctl_mark_t mark;

    if (!is_about(entry, record, "user", filter->user)
        || !is_about(entry, record, "device", filter->device)
        || !is(record, "verdict", ctl->options[CTL_OPT_VERDICT])
        || !is(record, "protocol", ctl->options[CTL_OPT_PROTOCOL])
        || (!is(record, "reason", ctl->options[CTL_OPT_REASON])
            && !is(record, "would_block", ctl->options[CTL_OPT_REASON])))
    {
        return false;
    }

    if (filter->n_words == 0) {
        return true;
    }

    mark = ctl_mark();

    for (size_t i = 0; ok && i < filter->n_words; i++) {
        ok = strstr(lowered(entry->text),
                    lowered(ctl_str(filter->words[i]))) != NULL;
    }

    ctl_release(mark);

    return ok;
}
