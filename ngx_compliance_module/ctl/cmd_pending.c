/*
 * Devices that knocked and have no record: device pending lists them, device
 * approve and device deny write their records.
 */
#include "device.h"
#include "output.h"
#include "replay.h"
#include "tally.h"

#include <stdlib.h>
#include <string.h>


#define DAYS_DEFAULT   7
#define LIMIT_DEFAULT  200
#define LIMIT_MAX      INT64_C(1000000000)
#define PAGE           256

/* A certificate is named by its fingerprint until it has a device. */
#define CERTIFICATE     "cert:"
#define CERTIFICATE_ID  "CERT-"
#define CERTIFICATE_ID_DIGITS  16

/* Keys of a row. */
enum { KEY_DEVICE = 0, KEY_USER };


static bool
is_certificate(const char *device)
{
    return strncmp(device, CERTIFICATE, strlen(CERTIFICATE)) == 0;
}


/* What is known to have a record now is not asked about again. */
static void
visit(void *data, const ctl_access_t *access)
{
    char        user[COMPLIANCE_PRINCIPAL_MAX + 1];
    const char *keys[CTL_TALLY_KEYS] = { access->seen.device, user, "", "" };
    bool        unknown = !access->seen.known
                          || access->reason == COMPLIANCE_DEVICE_UNKNOWN
                          || access->reason == COMPLIANCE_BINDING_TOO_WEAK
                          || access->reason == COMPLIANCE_USER_UNKNOWN;

    if (!unknown || access->seen.device[0] == '\0'
        || access->user.len >= sizeof(user))
    {
        return;
    }

    memcpy(user, access->user.data, access->user.len);
    user[access->user.len] = '\0';
    (void) ctl_tally_add(data, keys, access);
}


/* Asks whether the device has a record, by its id or by another name. */
static void
ask_known(ctl_t *ctl, const char *device)
{
    compliance_device_id_t id;

    if (is_certificate(device)) {
        ctl_store_send(ctl, "EXISTS %s", ctl_key_alias(ctl,
            COMPLIANCE_ALIAS_CERT, device + strlen(CERTIFICATE)));
        return;
    }

    ctl_device_id(device, &id);
    ctl_store_send(ctl, "EXISTS %s %s %s", ctl_key_device(ctl, &id),
                   ctl_key_alias(ctl, COMPLIANCE_ALIAS_EAS, device),
                   ctl_key_alias(ctl, COMPLIANCE_ALIAS_LOGIN, device));
}


static bool
is_name(const char *device)
{
    compliance_device_id_t id;

    return is_certificate(device)
           ? strlen(device) > strlen(CERTIFICATE)
           : compliance_device_id_parse(ctl_str(device), &id) == COMPLIANCE_OK;
}


/* Keeps the rows whose devices have no record now; how many. */
static size_t
keep_unknown(ctl_t *ctl, ctl_tally_row_t **rows, size_t n)
{
    size_t named = 0, kept = 0;

    for (size_t i = 0; i < n; i++) {
        if (is_name(rows[i]->keys[KEY_DEVICE])) {
            rows[named++] = rows[i];
        }
    }

    for (size_t i = 0; i < named; i += PAGE) {
        size_t     size = named - i < PAGE ? named - i : PAGE;
        ctl_mark_t mark = ctl_mark();

        for (size_t k = 0; k < size; k++) {
            ask_known(ctl, rows[i + k]->keys[KEY_DEVICE]);
        }

        for (size_t k = 0; k < size; k++) {
            if (ctl_store_receive(ctl)->integer == 0) {
                rows[kept++] = rows[i + k];
            }
        }

        ctl_release(mark);
    }

    return kept;
}


static const char *
protocols_text(unsigned protocols)
{
    char *text = ctl_format("%s", "");

    for (int i = 1; i < COMPLIANCE_PROTOCOLS; i++) {
        if (protocols & COMPLIANCE_BIT(i)) {
            text = ctl_format("%s%s%s", text, text[0] == '\0' ? "" : ",",
                              compliance_protocol_name(
                                  (compliance_protocol_t) i));
        }
    }

    return text;
}


/* How it went so far: the worst first. */
static const char *
outcome_text(const ctl_tally_row_t *row)
{
    return row->counts[CTL_ENDED_BLOCKED] > 0 ? "blocked"
           : row->counts[CTL_ENDED_WOULD_BLOCK] > 0 ? "would be blocked"
           : row->counts[CTL_ENDED_TEMPFAIL] > 0 ? "temporary failure"
           : "allowed";
}


static void
print_row(ctl_output_t *output, const ctl_tally_row_t *row)
{
    int64_t    count = 0;
    ctl_cell_t cells[9];

    for (size_t i = 0; i < CTL_ENDINGS; i++) {
        count += row->counts[i];
    }

    cells[0] = ctl_cell_text(ctl_str(row->keys[KEY_DEVICE]));
    cells[1] = ctl_cell_text(ctl_str(row->keys[KEY_USER]));
    cells[2] = ctl_cell_text(ctl_str(outcome_text(row)));
    cells[3] = ctl_cell_number(count);
    cells[4] = ctl_cell_number(row->first);
    cells[5] = ctl_cell_number(row->last);
    cells[6] = ctl_cell_text(ctl_str(protocols_text(row->protocols)));
    cells[7] = ctl_cell_text(ctl_str(row->address));
    cells[8] = ctl_cell_text(ctl_str(row->client));
    ctl_output_row(output, cells);
}


/* One id that two people present is a copied one, or a shared device. */
static void
warn_shared(ctl_tally_row_t **rows, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        size_t users = 1;

        while (i + 1 < n && strcmp(rows[i]->keys[KEY_DEVICE],
                                   rows[i + 1]->keys[KEY_DEVICE]) == 0)
        {
            users++;
            i++;
        }

        if (users > 1) {
            ctl_note("device \"%s\" was presented by %zu users: approve it only "
                     "if they share it",
                     ctl_escape(ctl_str(rows[i]->keys[KEY_DEVICE])), users);
        }
    }
}


ctl_exit_t
ctl_device_pending(ctl_t *ctl)
{
    static const ctl_column_t columns[] = {
        { "device", "DEVICE", CTL_COLUMN_TEXT },
        { "user", "USER", CTL_COLUMN_TEXT },
        { "outcome", "OUTCOME", CTL_COLUMN_TEXT },
        { "count", "COUNT", CTL_COLUMN_COUNT },
        { "first", "FIRST", CTL_COLUMN_TIME },
        { "last", "LAST", CTL_COLUMN_TIME },
        { "protocols", "PROTOCOLS", CTL_COLUMN_TEXT },
        { "address", "ADDRESS", CTL_COLUMN_TEXT },
        { "client", "CLIENT", CTL_COLUMN_TEXT },
    };

    size_t              n;
    ctl_tally_t        *tally = ctl_tally();
    ctl_output_t       *output;
    ctl_record_t        user;
    ctl_tally_row_t   **rows;
    ctl_access_filter_t filter = { 0, 0, compliance_absent, false };

    output = ctl_output(ctl, sizeof(columns) / sizeof(columns[0]), columns,
                        ctl_option_count(ctl, CTL_OPT_LIMIT, 0, LIMIT_MAX,
                                         LIMIT_DEFAULT));
    filter.since = ctl_since(ctl, ctl->options[CTL_OPT_SINCE], DAYS_DEFAULT);

    if (ctl_given(ctl, CTL_OPT_USER)) {
        ctl_resolve_user(ctl, ctl->options[CTL_OPT_USER], &user);
        filter.user = ctl_str(user.name);
    }

    ctl_access_each(ctl, &filter, visit, tally);

    rows = ctl_tally_rows(tally, &n, ctl_tally_by_keys);
    n = keep_unknown(ctl, rows, n);
    warn_shared(rows, n);

    if (n > 1) {
        qsort(rows, n, sizeof(*rows), ctl_tally_by_last);
    }

    for (size_t i = 0; i < n; i++) {
        print_row(output, rows[i]);
    }

    ctl_output_end(output, "no unknown device knocked in that time");
    ctl_notes_flush();

    return CTL_DONE;
}


static void
assign(ctl_t *ctl, ctl_device_change_t *device, const char *field,
    const char *value)
{
    ctl_changes_assign(ctl, &ctl_device_kind, &device->wanted, ctl_str(field),
                       ctl_str(value));
}


/* "cert:ab12..." becomes a device of its own that the certificate leads to. */
static void
name_device(const ctl_t *ctl, ctl_device_change_t *device)
{
    char            *id;
    const char      *given = ctl->args[0];

    device->text = given;

    if (!is_certificate(given)) {
        return;
    }

    ctl_aliases_parse(&device->aliases, COMPLIANCE_ALIAS_CERT,
                      ctl_str(given + strlen(CERTIFICATE)));

    if (ctl_given(ctl, CTL_OPT_DEVICE)) {
        device->text = ctl->options[CTL_OPT_DEVICE];
        return;
    }

    id = ctl_format("%s%.*s", CERTIFICATE_ID, CERTIFICATE_ID_DIGITS,
                    device->aliases.items[0].value);
    device->text = id;
}


ctl_exit_t
ctl_device_approve(ctl_t *ctl)
{
    ctl_device_change_t device;

    memset(&device, 0, sizeof(device));
    device.fresh = true;

    if (!ctl_given(ctl, CTL_OPT_USER)) {
        ctl_die_usage(ctl, "whose device is it? Give --user NAME (compliancectl "
                      "device pending shows who presented it)");
    }

    name_device(ctl, &device);
    assign(ctl, &device, "state", "compliant");
    assign(ctl, &device, "owner", ctl->options[CTL_OPT_USER]);
    assign(ctl, &device, "management", "none");
    assign(ctl, &device, "source", "approval");
    ctl_device_change(ctl, &device);

    return CTL_DONE;
}


ctl_exit_t
ctl_device_deny(ctl_t *ctl)
{
    ctl_device_change_t device;

    memset(&device, 0, sizeof(device));
    name_device(ctl, &device);
    assign(ctl, &device, "override", "block");
    ctl_device_change(ctl, &device);

    return CTL_DONE;
}


void
ctl_device_pending_details(void)
{
    puts("ID is as `device pending` shows it; \"cert:...\" is a client "
         "certificate, which\nbecomes a device CERT-... (or --device ID) of "
         "its own.\n\nApproved: state=compliant, management=none, "
         "source=approval, until an import\nknows better. Denied: "
         "override=block, which no import touches.");
}
