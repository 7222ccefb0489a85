/*
 * report devices: counts by platform and state, answered by the indexes alone,
 * without reading a device.
 */
#include "output.h"
#include "record.h"

#include <string.h>


static const char *const states[] = {
    "compliant", "noncompliant", "grace", "unknown", "retired"
};

#define STATES  (sizeof(states) / sizeof(states[0]))


/* Devices of `platform` (NULL: of any) by state; their sum. */
static int64_t
count_states(ctl_t *ctl, const char *platform, int64_t counts[STATES])
{
    int64_t sum = 0;

    for (size_t i = 0; i < STATES; i++) {
        const char *state = ctl_key_index(ctl, "state", ctl_str(states[i]));

        if (platform == NULL) {
            ctl_store_send(ctl, "SCARD %s", state);
        } else {
            ctl_store_send(ctl, "SINTERCARD 2 %s %s", state,
                           ctl_key_index(ctl, "platform", ctl_str(platform)));
        }
    }

    for (size_t i = 0; i < STATES; i++) {
        counts[i] = ctl_store_receive(ctl)->integer;
        sum += counts[i];
    }

    return sum;
}


static void
print_platform(ctl_output_t *output, const char *name,
    const int64_t counts[STATES])
{
    int64_t    sum = 0;
    ctl_cell_t cells[STATES + 2];

    cells[0] = ctl_cell_text(ctl_str(name));

    for (size_t i = 0; i < STATES; i++) {
        cells[i + 1] = ctl_cell_number(counts[i]);
        sum += counts[i];
    }

    cells[STATES + 1] = ctl_cell_number(sum);

    if (sum > 0) {
        ctl_output_row(output, cells);
    }
}


ctl_exit_t
ctl_report_devices(ctl_t *ctl)
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

    size_t        n;
    int64_t       all[STATES], counts[STATES];
    const char  **platforms, *key;
    ctl_output_t *output;

    output = ctl_output(ctl, sizeof(columns) / sizeof(columns[0]), columns, 0);
    key = ctl_key_index(ctl, "platform", compliance_str("x"));
    platforms = ctl_store_scan(ctl, ctl_dup((compliance_str_t) { key,
                                                strlen(key) - 1 }), &n);
    (void) count_states(ctl, NULL, all);

    for (size_t i = 0; i < n; i++) {
        (void) count_states(ctl, platforms[i], counts);
        print_platform(output, platforms[i], counts);

        for (size_t s = 0; s < STATES; s++) {
            all[s] = all[s] > counts[s] ? all[s] - counts[s] : 0;
        }
    }

    print_platform(output, "", all);   /* those that tell none */
    ctl_output_end(output, "no device is on record");

    return CTL_DONE;
}
