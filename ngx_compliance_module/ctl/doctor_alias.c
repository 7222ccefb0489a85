/*
 * Other names of devices and users: each leads to a record that is there, is
 * no record of its own, and is listed at the record it leads to.
 */
#include "bulk.h"
#include "doctor.h"

#include <string.h>


typedef struct {
    ctl_t                  *ctl;
    compliance_alias_kind_t kind;     /* NONE: of users */
    const char             *begin;    /* of the aliases' keys */
    ctl_faults_t            dead, unlisted, ambiguous;
    size_t                  total;
} look_t;

typedef struct {
    const char *source, *target, *member, *back;
} alias_t;


static bool
of_users(const look_t *look)
{
    return look->kind == COMPLIANCE_ALIAS_NONE;
}


static const char *
show(const look_t *look, const char *value)
{
    return of_users(look) ? value
           : ctl_format("%s:%s", compliance_alias_kind_name(look->kind),
                        value);
}


/* The key of a record with that name, in whatever spelling. */
static const char *
record_of(const look_t *look, const char *name)
{
    return ctl_doctor_key(look->ctl, of_users(look) ? &ctl_user_kind
                                                    : &ctl_device_kind, name);
}


static void
ask_targets(look_t *look, const char *const *values, size_t n,
    alias_t *aliases)
{
    ctl_t           *ctl = look->ctl;
    compliance_str_t target;

    for (size_t i = 0; i < n; i++) {
        aliases[i].source = ctl_format("%s%s", look->begin, values[i]);
        aliases[i].member = show(look, values[i]);
        ctl_store_send(ctl, "GET %s", aliases[i].source);
    }

    for (size_t i = 0; i < n; i++) {
        target = ctl_reply_text(ctl_store_receive(ctl));
        aliases[i].target = target.data == NULL ? NULL : ctl_dup(target);
    }
}


/* Is there a record behind the target, and one of the alias' own name? */
static void
ask_records(look_t *look, const char *const *values, size_t n,
    alias_t *aliases)
{
    ctl_t       *ctl = look->ctl;
    const char **own = ctl_alloc_array(n, sizeof(*own));
    const char **led = ctl_alloc_array(n, sizeof(*led));

    for (size_t i = 0; i < n; i++) {
        led[i] = aliases[i].target == NULL ? NULL
                                           : record_of(look, aliases[i].target);

        if (led[i] != NULL) {
            ctl_store_send(ctl, "EXISTS %s", led[i]);
        }

        /* a certificate is looked up as an alias only */
        own[i] = aliases[i].target == NULL
                 || look->kind == COMPLIANCE_ALIAS_CERT
                 || strcmp(aliases[i].target, values[i]) == 0
                 ? NULL : record_of(look, values[i]);

        if (own[i] != NULL) {
            ctl_store_send(ctl, "EXISTS %s", own[i]);
        }
    }

    for (size_t i = 0; i < n; i++) {
        if (led[i] != NULL && ctl_store_receive(ctl)->integer != 0) {
            aliases[i].back = ctl_key_index(ctl, of_users(look)
                                                 ? "user_alias_of" : "alias_of",
                                            ctl_str(aliases[i].target));

        } else if (aliases[i].target != NULL) {
            ctl_fault(&look->dead, aliases[i].member);
        }

        if (own[i] != NULL && ctl_store_receive(ctl)->integer != 0) {
            ctl_fault(&look->ambiguous, aliases[i].member);
        }
    }
}


static void
look_at_batch(look_t *look, const char *const *values, size_t n)
{
    ctl_t      *ctl = look->ctl;
    alias_t    *aliases = ctl_alloc_array(n, sizeof(*aliases));
    ctl_link_t *lacking = ctl_alloc_array(n, sizeof(*lacking));
    size_t      n_lacking = 0;

    ask_targets(look, values, n, aliases);
    ask_records(look, values, n, aliases);

    for (size_t i = 0; i < n; i++) {
        if (aliases[i].back != NULL) {
            ctl_store_send(ctl, "SISMEMBER %s %s", aliases[i].back,
                           aliases[i].member);
        }
    }

    for (size_t i = 0; i < n; i++) {
        if (aliases[i].back == NULL
            || ctl_store_receive(ctl)->integer != 0)
        {
            continue;
        }

        ctl_fault(&look->unlisted, aliases[i].member);
        lacking[n_lacking].index = aliases[i].back;
        lacking[n_lacking].member = aliases[i].member;
        lacking[n_lacking].source = aliases[i].source;
        lacking[n_lacking].value = aliases[i].target;
        n_lacking++;
    }

    if (ctl_given(ctl, CTL_OPT_REPAIR)) {
        ctl_links_mend(ctl, lacking, n_lacking);
    }
}


static void
look_at(look_t *look, size_t *looked)
{
    ctl_t          *ctl = look->ctl;
    size_t          n, step, part;
    const char    **values = ctl_store_scan(ctl, look->begin, &n);
    ctl_progress_t *progress = ctl_progress_begin("aliases", (int64_t) n);

    step = ctl_doctor_step(ctl, n);

    /* whole batches are looked at, or passed over */
    for (size_t i = 0; i < n; i += CTL_DOCTOR_BATCH * step) {
        ctl_mark_t mark = ctl_mark();

        part = n - i < CTL_DOCTOR_BATCH ? n - i : CTL_DOCTOR_BATCH;
        look_at_batch(look, values + i, part);
        *looked += part;
        ctl_release(mark);
        ctl_progress_at(progress, (int64_t) i);
    }

    ctl_progress_end(progress);
    look->total += n;
}


static void
say(ctl_doctor_t *doctor, const look_t *look, const char *check,
    const char *move, const char *drop)
{
    bool fix = ctl_given(doctor->ctl, CTL_OPT_REPAIR);

    ctl_faults_say(doctor, &look->dead, CTL_HEALTH_ERROR, check,
                   "names that lead to no record", move);
    ctl_faults_say(doctor, &look->ambiguous, CTL_HEALTH_ERROR, check,
                   "names of one record that have a record of their own, "
                   "and are refused as ambiguous", drop);
    ctl_faults_say(doctor, &look->unlisted,
                   fix ? CTL_HEALTH_OK : CTL_HEALTH_ERROR, check,
                   fix ? "names listed at their records"
                       : "names that are not listed at their record, and "
                         "would outlive it",
                   fix ? NULL : "compliancectl doctor --repair");
}


void
ctl_doctor_aliases(ctl_doctor_t *doctor)
{
    ctl_t                 *ctl = doctor->ctl;
    look_t                 devices = { .ctl = ctl }, users = { .ctl = ctl };
    compliance_principal_t name;
    size_t                 looked = 0, total;

    for (size_t kind = COMPLIANCE_ALIAS_EAS; kind < COMPLIANCE_ALIAS_KINDS;
         kind++)
    {
        devices.kind = (compliance_alias_kind_t) kind;
        devices.begin = ctl_doctor_begin(ctl_key_alias(ctl, devices.kind,
                                                       "X"));
        look_at(&devices, &looked);
    }

    ctl_principal("x", &name);
    users.begin = ctl_doctor_begin(ctl_key_user_alias(ctl, &name));
    look_at(&users, &looked);
    total = devices.total + users.total;

    say(doctor, &devices, "aliases",
        "compliancectl device alias ID KIND VALUE --force",
        "compliancectl device unalias ID KIND VALUE, or device delete VALUE");
    say(doctor, &users, "aliases",
        "compliancectl user alias NAME OTHERNAME --force",
        "compliancectl user unalias NAME OTHERNAME, or user delete OTHERNAME");
    ctl_doctor_say(doctor, CTL_HEALTH_OK, "aliases", ctl_format(
                   "%zu of %zu other names looked at%s", looked, total,
                   ctl_doctor_part(looked, total)), NULL);
}
