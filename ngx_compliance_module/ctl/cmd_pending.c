/*
 * device pending: devices that knocked and have no record; cmd_approve.c writes
 * their records.
 */
#include "conflicts.h"
#include "device.h"
#include "output.h"
#include "replay.h"

#include <stdlib.h>
#include <string.h>


#define DAYS_DEFAULT   7
#define LIMIT_DEFAULT  200
#define LIMIT_MAX      INT64_C(1000000000)
#define PAGE           256

/* A certificate is named by its fingerprint until it has a device. */
#define CERTIFICATE    CTL_PENDING_CERTIFICATE

/* Keys of a row. */
enum { KEY_DEVICE = 0, KEY_USER };

/* An id that two users or two clients present. */
typedef struct {
    const char *device;
    size_t      n_users, n_clients;
} shared_t;

typedef struct {
    compliance_str_t  user;        /* whose rows are shown; absent: all */
    ctl_tally_t      *rows;
    ctl_tally_t      *presented;   /* by whom and by what, whoever's rows */
    size_t            n_shared, cap;
    shared_t         *shared;      /* by device */
} pending_t;


/* What is known to have a record now is not asked about again. */
static void
visit(void *data, const ctl_access_t *access)
{
    char        user[COMPLIANCE_PRINCIPAL_MAX + 1];
    const char *keys[CTL_TALLY_KEYS] = { access->seen.device, user, "", "" };
    pending_t  *pending = data;
    bool        unknown = !access->seen.known
                          || access->reason == COMPLIANCE_DEVICE_UNKNOWN
                          || access->reason == COMPLIANCE_BINDING_TOO_WEAK
                          || access->reason == COMPLIANCE_USER_UNKNOWN;

    if (!unknown || access->seen.device[0] == '\0'
        || access->user.len >= sizeof(user))
    {
        return;
    }

    if (ctl_conflict_concerned(access)) {
        ctl_conflict_add(pending->presented, access);
    }

    if (pending->user.data != NULL
        && !compliance_str_eq(pending->user, access->user))
    {
        return;
    }

    if (access->user.len > 0) {
        memcpy(user, access->user.data, access->user.len);
    }

    user[access->user.len] = '\0';
    (void) ctl_tally_add(pending->rows, keys, access);
}


/* Asks whether the device has a record, by its id or by another name. */
static void
ask_known(ctl_t *ctl, const char *device)
{
    compliance_device_id_t id;

    if (ctl_pending_certificate(device)) {
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

    return ctl_pending_certificate(device)
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
keep_shared(void *data, const ctl_conflict_t *conflict)
{
    pending_t *pending = data;
    shared_t  *grown;

    if (pending->n_shared == pending->cap) {
        pending->cap = pending->cap * 2 + 64;
        grown = ctl_alloc_array(pending->cap, sizeof(*grown));

        if (pending->n_shared > 0) {
            memcpy(grown, pending->shared, pending->n_shared * sizeof(*grown));
        }

        pending->shared = grown;
    }

    pending->shared[pending->n_shared++] = (shared_t) {
        conflict->device, conflict->n_users, conflict->n_clients
    };
}


static int
by_device(const void *a, const void *b)
{
    return strcmp(((const shared_t *) a)->device,
                  ((const shared_t *) b)->device);
}


/* "2 users, 3 clients"; "" where it is one of each. */
static const char *
shared_text(const pending_t *pending, const char *device)
{
    const char     *text = "";
    shared_t        key = { device, 0, 0 };
    const shared_t *shared;

    shared = pending->n_shared == 0 ? NULL
             : bsearch(&key, pending->shared, pending->n_shared, sizeof(key),
                       by_device);

    if (shared != NULL && shared->n_users > 1) {
        text = ctl_format("%zu users", shared->n_users);
    }

    if (shared != NULL && shared->n_clients > 1) {
        text = ctl_format("%s%s%zu clients", text, text[0] == '\0' ? "" : ", ",
                          shared->n_clients);
    }

    return text;
}


static void
print_row(ctl_output_t *output, const pending_t *pending,
    const ctl_tally_row_t *row)
{
    int64_t    count = 0;
    ctl_cell_t cells[10];

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
    cells[9] = ctl_cell_text(ctl_str(shared_text(pending,
                                                 row->keys[KEY_DEVICE])));
    ctl_output_row(output, cells);
}


/* One id that two people or two clients present is a copied one, or a shared
 * device.  Rows by their keys. */
static void
warn_shared(const pending_t *pending, ctl_tally_row_t *const *rows, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        const char *device = rows[i]->keys[KEY_DEVICE];
        const char *text = shared_text(pending, device);

        if (text[0] != '\0'
            && (i == 0 || strcmp(device, rows[i - 1]->keys[KEY_DEVICE]) != 0))
        {
            ctl_note("device \"%s\" was presented by %s: approve it only if "
                     "you know why (compliancectl report conflicts --device "
                     "%s)", ctl_escape(ctl_str(device)), text,
                     ctl_escape(ctl_str(device)));
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
        { "presented_by", "PRESENTED BY", CTL_COLUMN_TEXT },
    };

    size_t              n;
    pending_t           pending;
    ctl_output_t       *output;
    ctl_record_t        user;
    ctl_tally_row_t   **rows;
    ctl_access_filter_t filter = { 0, 0, compliance_absent, false };

    memset(&pending, 0, sizeof(pending));
    pending.rows = ctl_tally();
    pending.presented = ctl_tally();
    output = ctl_output(ctl, sizeof(columns) / sizeof(columns[0]), columns,
                        ctl_option_count(ctl, CTL_OPT_LIMIT, 0, LIMIT_MAX,
                                         LIMIT_DEFAULT));
    filter.since = ctl_since(ctl, ctl->options[CTL_OPT_SINCE], DAYS_DEFAULT);

    if (ctl_given(ctl, CTL_OPT_USER)) {
        ctl_resolve_user(ctl, ctl->options[CTL_OPT_USER], &user);
        pending.user = ctl_str(user.name);
    }

    /* everyone's, for another may present the same id */
    ctl_access_each(ctl, &filter, visit, &pending);

    rows = ctl_tally_rows(pending.rows, &n, ctl_tally_by_keys);
    n = keep_unknown(ctl, rows, n);
    ctl_conflicts_each(pending.presented, keep_shared, &pending);
    warn_shared(&pending, rows, n);

    if (n > 1) {
        qsort(rows, n, sizeof(*rows), ctl_tally_by_last);
    }

    for (size_t i = 0; i < n; i++) {
        print_row(output, &pending, rows[i]);
    }

    ctl_output_end(output, "no unknown device knocked in that time");
    ctl_notes_flush();

    return CTL_DONE;
}
