/*
 * report devices: counts by platform and state, or (--list) a row a device.
 * Counts of everything, a platform or a state come from the indexes alone,
 * without reading a device; any other filter walks the devices.
 */
#include "device_walk.h"
#include "group.h"
#include "output.h"

#include <string.h>


#define LIMIT_DEFAULT  1000
#define LIMIT_MAX      INT64_C(1000000000)

typedef struct {
    const char *name;
    int64_t     counts[CTL_STATES];
} platform_t;

typedef struct {
    ctl_t              *ctl;
    ctl_device_filter_t filter;
    ctl_output_t       *output;
    int64_t             limit;
    size_t              n;            /* different platforms */
    platform_t         *platforms;
} devices_t;


/* filters */


static bool
is_or_any(compliance_str_t wanted, compliance_str_t value)
{
    return wanted.data == NULL || compliance_str_eq(wanted, value);
}


static void
set_user(devices_t *devices, const char *text)
{
    ctl_record_t user;

    ctl_resolve_user(devices->ctl, text, &user);
    devices->filter.owner = ctl_str(user.name);
}


static void
set_group(devices_t *devices, const char *text)
{
    ctl_record_t group;

    if (!compliance_group_name_valid(ctl_str(text))) {
        ctl_die_usage(devices->ctl, "\"%s\" is no group's name",
                      ctl_escape(ctl_str(text)));
    }

    ctl_record_read(devices->ctl, &group, text,
                    ctl_key_group(devices->ctl, text));

    if (!group.exists && !ctl_group_is_default(text)) {
        ctl_note("group \"%s\" is not recorded; compliancectl group list "
                 "shows them", text);
    }

    devices->filter.group = ctl_str(text);
}


/* Checked as the record's own field is. */
static void
set_field(devices_t *devices, const char *field, compliance_str_t value,
    compliance_str_t *out)
{
    ctl_changes_t checked = { 0, 0, NULL };

    if (value.len == 0) {
        ctl_die_usage(devices->ctl, "%s= has no value", field);
    }

    ctl_changes_assign(devices->ctl, &ctl_device_kind, &checked,
                       ctl_str(field), value);
    *out = checked.items[0].value;
}


static void
read_filters(devices_t *devices)
{
    ctl_t               *ctl = devices->ctl;
    compliance_str_t     field, value;
    ctl_device_filter_t *filter = &devices->filter;

    if (ctl_given(ctl, CTL_OPT_USER)) {
        set_user(devices, ctl->options[CTL_OPT_USER]);
    }

    if (ctl_given(ctl, CTL_OPT_GROUP)) {
        set_group(devices, ctl->options[CTL_OPT_GROUP]);
    }

    for (size_t i = 0; i < ctl->n_args; i++) {
        ctl_assignment(ctl, ctl->args[i], &field, &value);

        if (compliance_str_eq(field, compliance_str("user"))) {
            set_user(devices, ctl_dup(value));

        } else if (compliance_str_eq(field, compliance_str("group"))) {
            set_group(devices, ctl_dup(value));

        } else if (compliance_str_eq(field, compliance_str("platform"))) {
            set_field(devices, "platform", value, &filter->platform);

        } else if (compliance_str_eq(field, compliance_str("state"))) {
            set_field(devices, "state", value, &filter->state);

        } else if (compliance_str_eq(field, compliance_str("reason"))) {
            set_field(devices, "reasons", value, &filter->reason);

        } else {
            ctl_die_usage(ctl, "\"%s\" is no filter here; user=, group=, "
                          "platform=, state= and reason= are",
                          ctl_escape(field));
        }
    }
}


/* counts */


static const char **
platform_names(const devices_t *devices, size_t *n)
{
    const char *key, **one;

    if (devices->filter.platform.data != NULL) {
        one = ctl_alloc_array(1, sizeof(*one));
        one[0] = ctl_dup(devices->filter.platform);
        *n = 1;
        return one;
    }

    key = ctl_key_index(devices->ctl, "platform", compliance_str("x"));

    return ctl_store_scan(devices->ctl, ctl_dup((compliance_str_t) {
                              key, strlen(key) - 1 }), n);
}


/* The last is of those that tell none. */
static void
prepare_platforms(devices_t *devices)
{
    size_t       n;
    const char **names = platform_names(devices, &n);

    devices->n = n + 1;
    devices->platforms = ctl_alloc_array(devices->n,
                                         sizeof(*devices->platforms));
    devices->platforms[n].name = "";

    for (size_t i = 0; i < n; i++) {
        devices->platforms[i].name = names[i];
    }
}


/* Devices of `name` ("": of any platform) by state. */
static void
count_states(const devices_t *devices, const char *name, int64_t *counts)
{
    ctl_t *ctl = devices->ctl;

    for (size_t i = 0; i < CTL_STATES; i++) {
        const char *state = ctl_key_index(ctl, "state", ctl_str(ctl_states[i]));

        if (name[0] == '\0') {
            ctl_store_send(ctl, "SCARD %s", state);
        } else {
            ctl_store_send(ctl, "SINTERCARD 2 %s %s", state,
                           ctl_key_index(ctl, "platform", ctl_str(name)));
        }
    }

    for (size_t i = 0; i < CTL_STATES; i++) {
        int64_t count = ctl_store_receive(ctl)->integer;

        counts[i] = is_or_any(devices->filter.state, ctl_str(ctl_states[i]))
                    ? count : 0;
    }
}


static void
count_by_index(devices_t *devices)
{
    platform_t *none = &devices->platforms[devices->n - 1];

    if (devices->filter.platform.data == NULL) {
        count_states(devices, none->name, none->counts);
    }

    for (size_t i = 0; i + 1 < devices->n; i++) {
        platform_t *platform = &devices->platforms[i];

        count_states(devices, platform->name, platform->counts);

        for (size_t s = 0; s < CTL_STATES; s++) {
            none->counts[s] = none->counts[s] > platform->counts[s]
                              ? none->counts[s] - platform->counts[s] : 0;
        }
    }
}


static void
count_device(void *data, const ctl_record_t *device)
{
    size_t           i = 0;
    devices_t       *devices = data;
    compliance_str_t state = ctl_record_get(device, "state");
    compliance_str_t name = ctl_record_get(device, "platform");

    while (i + 1 < devices->n
           && !compliance_str_eq(name, ctl_str(devices->platforms[i].name)))
    {
        i++;
    }

    for (size_t s = 0; s < CTL_STATES; s++) {
        devices->platforms[i].counts[s] +=
            compliance_str_eq(state, ctl_str(ctl_states[s]));
    }
}


static void
print_platform(ctl_output_t *output, const platform_t *platform)
{
    int64_t    sum = 0;
    ctl_cell_t cells[CTL_STATES + 2];

    cells[0] = ctl_cell_text(ctl_str(platform->name));

    for (size_t i = 0; i < CTL_STATES; i++) {
        cells[i + 1] = ctl_cell_number(platform->counts[i]);
        sum += platform->counts[i];
    }

    cells[CTL_STATES + 1] = ctl_cell_number(sum);

    if (sum > 0) {
        ctl_output_row(output, cells);
    }
}


static void
count(devices_t *devices)
{
    static const ctl_column_t columns[] = {
        { "platform", "PLATFORM", CTL_COLUMN_TEXT },
        { "compliant", "COMPLIANT", CTL_COLUMN_COUNT },
        { "noncompliant", "NONCOMPLIANT", CTL_COLUMN_COUNT },
        { "grace", "GRACE", CTL_COLUMN_COUNT },
        { "unknown", "UNKNOWN", CTL_COLUMN_COUNT },
        { "retired", "RETIRED", CTL_COLUMN_COUNT },
        { "total", "TOTAL", CTL_COLUMN_COUNT },
    };

    const ctl_device_filter_t *filter = &devices->filter;

    devices->output = ctl_output(devices->ctl,
                                 sizeof(columns) / sizeof(columns[0]), columns,
                                 devices->limit);
    prepare_platforms(devices);

    if (filter->owner.data == NULL && filter->group.data == NULL
        && filter->reason.data == NULL)
    {
        count_by_index(devices);
    } else {
        ctl_devices_each(devices->ctl, filter, count_device, devices);
    }

    for (size_t i = 0; i < devices->n; i++) {
        print_platform(devices->output, &devices->platforms[i]);
    }
}


/* --list */


static ctl_cell_t
time_cell(const ctl_record_t *device, const char *field)
{
    int64_t          time = 0;
    compliance_str_t text = ctl_record_get(device, field);

    return ctl_cell_number(text.data != NULL
                           && compliance_parse_uint(text, &time) ? time : 0);
}


static void
print_device(void *data, const ctl_record_t *device)
{
    devices_t *devices = data;
    ctl_cell_t cells[] = {
        ctl_cell_text(ctl_str(device->name)),
        ctl_cell_text(ctl_record_get(device, "state")),
        ctl_cell_text(ctl_record_get(device, "platform")),
        ctl_cell_text(ctl_record_get(device, "owner")),
        ctl_cell_text(ctl_record_get(device, "reasons")),
        ctl_cell_text(ctl_record_get(device, "override")),
        time_cell(device, "grace_until"),
        time_cell(device, "last_checkin"),
    };

    for (size_t i = 1; i <= 5; i++) {
        if (cells[i].text.data == NULL) {
            cells[i].text = compliance_str("");
        }
    }

    ctl_output_row(devices->output, cells);
}


static void
list(devices_t *devices)
{
    static const ctl_column_t columns[] = {
        { "device", "DEVICE", CTL_COLUMN_TEXT },
        { "state", "STATE", CTL_COLUMN_TEXT },
        { "platform", "PLATFORM", CTL_COLUMN_TEXT },
        { "user", "USER", CTL_COLUMN_TEXT },
        { "reasons", "REASONS", CTL_COLUMN_TEXT },
        { "override", "OVERRIDE", CTL_COLUMN_TEXT },
        { "grace_until", "GRACE UNTIL", CTL_COLUMN_TIME },
        { "last_checkin", "LAST CHECK-IN", CTL_COLUMN_TIME },
    };

    devices->output = ctl_output(devices->ctl,
                                 sizeof(columns) / sizeof(columns[0]), columns,
                                 devices->limit);
    ctl_devices_each(devices->ctl, &devices->filter, print_device, devices);
}


ctl_exit_t
ctl_report_devices(ctl_t *ctl)
{
    devices_t devices;

    memset(&devices, 0, sizeof(devices));
    devices.ctl = ctl;
    devices.limit = ctl_option_count(ctl, CTL_OPT_LIMIT, 0, LIMIT_MAX,
                                     LIMIT_DEFAULT);
    read_filters(&devices);

    if (ctl_given(ctl, CTL_OPT_LIST)) {
        list(&devices);
    } else {
        count(&devices);
    }

    ctl_output_end(devices.output, "no such device is on record");
    ctl_notes_flush();

    return CTL_DONE;
}


void
ctl_report_devices_details(void)
{
    puts("Filters: user=, group= (of the owner; default: whoever is in none), "
         "platform=,\nstate= and reason=; --user and --group are the same. "
         "--list: a row a device.");
}
