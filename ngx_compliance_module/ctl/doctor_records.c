/*
 * Users and devices: names nobody reads, devices without a state, users in
 * groups that do not exist, records that an index lacks.  Read and asked about
 * in batches, so that a million of them take minutes.
 */
#include "bulk.h"
#include "doctor.h"

#include <stdlib.h>
#include <string.h>


typedef struct {
    ctl_t            *ctl;
    const ctl_kind_t *kind;
    size_t            n_groups;
    const char      **groups;
    ctl_faults_t      unnamed, no_state, no_group, no_index;
} look_t;

/* The index entries that a batch of records should have. */
typedef struct {
    const ctl_t *ctl;
    const char  *source;     /* of the record in hand */
    size_t       n, cap;
    ctl_link_t  *links;
} wanted_t;


static int
by_text(const void *a, const void *b)
{
    return strcmp(*(const char *const *) a, *(const char *const *) b);
}


static void
want(void *data, const char *key, compliance_str_t name)
{
    wanted_t         *wanted = data;
    ctl_link_t       *links;
    const ctl_kind_t *kind;

    if (wanted->n == wanted->cap) {
        links = ctl_alloc_array(wanted->cap * 2 + 256, sizeof(*links));

        if (wanted->n > 0) {
            memcpy(links, wanted->links, wanted->n * sizeof(*links));
        }

        wanted->links = links;
        wanted->cap = wanted->cap * 2 + 256;
    }

    links = &wanted->links[wanted->n];

    if (ctl_link_of_key(wanted->ctl, key, links, &kind)) {
        links->member = name.data;
        links->source = wanted->source;
        wanted->n++;
    }
}


static bool
groups_exist(const look_t *look, compliance_str_t list)
{
    compliance_str_t item;
    const char      *name;

    while (compliance_list_item(&list, &item)) {
        name = ctl_dup(item);

        if (item.len > 0 && strcmp(name, "default") != 0
            && (look->n_groups == 0
                || bsearch(&name, look->groups, look->n_groups,
                           sizeof(*look->groups), by_text) == NULL))
        {
            return false;
        }
    }

    return true;
}


static void
look_at(look_t *look, const ctl_record_t *record)
{
    compliance_str_t state = ctl_record_get(record, "state");

    if (look->kind == &ctl_device_kind) {
        if (compliance_state_parse(state) == COMPLIANCE_STATE_UNKNOWN
            && !compliance_str_eq(state, compliance_str("unknown")))
        {
            ctl_fault(&look->no_state, record->name);
        }

    } else if (!groups_exist(look, ctl_record_get(record, "groups"))) {
        ctl_fault(&look->no_group, record->name);
    }
}


/* Up to a batch of `names`, every step-th. */
static void
look_at_batch(look_t *look, const char *const *names, size_t n, size_t step)
{
    static const ctl_changes_t none;
    ctl_t        *ctl = look->ctl;
    const char  **keys = ctl_alloc_array(n, sizeof(*keys));
    wanted_t      wanted = { .ctl = ctl };
    ctl_link_t   *lacking;
    size_t        n_lacking = 0;
    const char   *last = NULL;

    for (size_t i = 0; i < n; i += step) {
        keys[i] = ctl_doctor_key(ctl, look->kind, names[i]);

        if (keys[i] != NULL) {
            ctl_store_send(ctl, "HGETALL %s", keys[i]);
        } else {
            ctl_fault(&look->unnamed, names[i]);
        }
    }

    for (size_t i = 0; i < n; i += step) {
        ctl_record_t record = { .name = names[i], .key = keys[i] };

        if (keys[i] == NULL) {
            continue;
        }

        ctl_record_fill(&record, ctl_store_receive(ctl));

        if (record.exists) {   /* it may have gone since it was listed */
            look_at(look, &record);
            wanted.source = keys[i];
            ctl_record_index(ctl, look->kind, &record, &none, want, want,
                             &wanted);
        }
    }

    for (size_t i = 0; i < wanted.n; i++) {
        ctl_store_send(ctl, "SISMEMBER %s %s", wanted.links[i].index,
                       wanted.links[i].member);
    }

    lacking = ctl_alloc_array(wanted.n, sizeof(*lacking));

    for (size_t i = 0; i < wanted.n; i++) {
        if (ctl_store_receive(ctl)->integer != 0) {
            continue;
        }

        lacking[n_lacking++] = wanted.links[i];

        if (last == NULL || strcmp(last, wanted.links[i].member) != 0) {
            last = wanted.links[i].member;
            ctl_fault(&look->no_index, last);
        }
    }

    if (ctl_given(ctl, CTL_OPT_REPAIR)) {
        ctl_links_mend(ctl, lacking, n_lacking);
    }
}


static void
say(ctl_doctor_t *doctor, const look_t *look, size_t looked, size_t n)
{
    const char *noun = look->kind->noun;
    bool        fix = ctl_given(doctor->ctl, CTL_OPT_REPAIR);

    ctl_faults_say(doctor, &look->unnamed, CTL_HEALTH_ERROR, noun,
                   "keys whose name is not canonical, which nobody reads",
                   "write them again with compliancectl, and delete these");
    ctl_faults_say(doctor, &look->no_state, CTL_HEALTH_WARNING, noun,
                   "devices without a readable state, which counts as "
                   "unknown", "compliancectl device set ID state=...");
    ctl_faults_say(doctor, &look->no_group, CTL_HEALTH_ERROR, noun,
                   "users in a group that is not recorded, which stands for "
                   "default", "compliancectl group set NAME");
    ctl_faults_say(doctor, &look->no_index,
                   fix ? CTL_HEALTH_OK : CTL_HEALTH_ERROR, noun,
                   fix ? "records entered into their indexes"
                       : "records that an index lacks",
                   fix ? NULL : "compliancectl doctor --repair");
    ctl_doctor_say(doctor, CTL_HEALTH_OK, noun, ctl_format(
                   "%zu of %zu records looked at%s", looked, n,
                   ctl_doctor_part(looked, n)), NULL);
}


void
ctl_doctor_records(ctl_doctor_t *doctor, const ctl_kind_t *kind,
    const char *begin)
{
    ctl_t          *ctl = doctor->ctl;
    look_t          look = { .ctl = ctl, .kind = kind };
    size_t          n, step, batch, looked = 0;
    const char    **names;
    ctl_progress_t *progress;

    look.groups = ctl_store_members(ctl, ctl_key_groups(ctl), &look.n_groups);
    names = ctl_store_scan(ctl, begin, &n);
    step = ctl_doctor_step(ctl, n);
    batch = step * CTL_DOCTOR_BATCH;
    progress = ctl_progress_begin(kind->noun, (int64_t) n);

    for (size_t i = 0; i < n; i += batch) {
        ctl_mark_t mark = ctl_mark();
        size_t     part = n - i < batch ? n - i : batch;

        look_at_batch(&look, names + i, part, step);
        looked += (part + step - 1) / step;
        ctl_release(mark);
        ctl_progress_at(progress, (int64_t) (i + part));
    }

    ctl_progress_end(progress);
    say(doctor, &look, looked, n);
}
