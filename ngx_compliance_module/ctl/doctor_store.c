/*
 * The records among themselves: groups that cannot be read, users in groups
 * that do not exist, devices without a state, aliases that lead nowhere, and
 * records that an index lacks.  Records are looked at by the hundred; what
 * --repair writes is read again under WATCH first, so others may write.
 */
#include "bulk.h"
#include "doctor.h"
#include "history.h"

#include "../core/group.h"

#include <string.h>


#define SAMPLE   5000    /* records of a kind, without --full */
#define SHOWN    5       /* names told of each fault */

typedef struct {
    size_t      n;
    const char *names;
} faults_t;

typedef struct {
    ctl_t       *ctl;
    size_t       n;         /* SISMEMBER questions sent */
    bool         write;
} index_walk_t;

/* The records of one batch that lack an index entry. */
typedef struct {
    const ctl_kind_t *kind;
    const char       *key;
    const char       *name;
} repair_t;


static void
add_fault(faults_t *faults, const char *name)
{
    if (faults->n < SHOWN) {
        faults->names = faults->n == 0
                        ? ctl_format("%s", ctl_escape(ctl_str(name)))
                        : ctl_format("%s, %s", faults->names,
                                     ctl_escape(ctl_str(name)));
    } else if (faults->n == SHOWN) {
        faults->names = ctl_format("%s...", faults->names);
    }

    faults->n++;
}


static void
say_faults(ctl_doctor_t *doctor, const faults_t *faults, ctl_health_t health,
    const char *check, const char *what, const char *mend)
{
    if (faults->n > 0) {
        ctl_doctor_say(doctor, health, check, ctl_format("%zu %s: %s",
                       faults->n, what, faults->names), mend);
    }
}


static void
check_groups(ctl_doctor_t *doctor)
{
    ctl_t       *ctl = doctor->ctl;
    size_t       n, break_glass = 0;
    const char **names = ctl_store_members(ctl, ctl_key_groups(ctl), &n);
    const char  *key;
    bool         enforced = false, closed = false;

    for (size_t i = 0; i < n; i++) {
        compliance_group_t group;
        ctl_record_t       record;

        ctl_record_read(ctl, &record, names[i], ctl_key_group(ctl, names[i]));
        compliance_group_defaults(&group, names[i]);

        for (size_t j = 0; j < record.n; j++) {
            if (!compliance_group_put(&group, record.pairs[j].field,
                                      record.pairs[j].value))
            {
                ctl_doctor_say(doctor, CTL_HEALTH_ERROR, "groups", ctl_format(
                    "group %s has an unreadable %s, which counts as the "
                    "strictest", names[i],
                    ctl_escape(record.pairs[j].field)),
                    ctl_format("compliancectl group set %s %s=...", names[i],
                               ctl_escape(record.pairs[j].field)));
            }
        }

        enforced |= compliance_str_eq(ctl_record_get(&record, "mode"),
                                      compliance_str("enforce"));
        closed |= strcmp(names[i], "default") == 0
                  && compliance_str_eq(ctl_record_get(&record,
                                                      "unknown_user"),
                                       compliance_str("block"));
    }

    key = ctl_key_index(ctl, "break_glass", compliance_str("1"));

    if (key != NULL) {
        break_glass = (size_t) ctl_store_ask(ctl, "SCARD %s", key)->integer;
    }

    if (enforced && break_glass == 0) {
        ctl_doctor_say(doctor, CTL_HEALTH_ERROR, "groups", "a group is "
                       "enforced and nobody is break-glass",
                       "compliancectl user set NAME break_glass=1");
    }

    if (enforced && !closed) {
        ctl_doctor_say(doctor, CTL_HEALTH_WARNING, "groups", "a group is "
                       "enforced, and users without a record are let in",
                       "compliancectl group set default unknown_user=block");
    }

    ctl_doctor_say(doctor, CTL_HEALTH_OK, "groups", ctl_format(
                   "%zu groups and %zu break-glass users looked at", n,
                   break_glass), NULL);
}


static void
ask_index(void *data, const char *key, compliance_str_t name)
{
    index_walk_t *walk = data;

    if (walk->write) {
        ctl_write_sadd(walk->ctl, key, name);
        return;
    }

    ctl_store_send(walk->ctl, "SISMEMBER %s %b", key, name.data, name.len);
    walk->n++;
}


static void
plan_repair(ctl_t *ctl, void *data)
{
    const repair_t     *repair = data;
    const ctl_changes_t none = { 0 };
    index_walk_t        walk = { .ctl = ctl, .write = true };
    ctl_record_t        record;

    ctl_store_watch(ctl, repair->key);
    ctl_record_read(ctl, &record, repair->name, repair->key);

    if (record.exists) {
        ctl_record_index(ctl, repair->kind, &record, &none, ask_index,
                         ask_index, &walk);
    }
}


static const char *
record_key(const ctl_t *ctl, const ctl_kind_t *kind, const char *name)
{
    compliance_device_id_t id;
    compliance_principal_t principal;

    if (kind == &ctl_device_kind) {
        return compliance_device_id_parse(ctl_str(name), &id) == COMPLIANCE_OK
               && compliance_str_eq((compliance_str_t) { id.data, id.len },
                                    ctl_str(name))
               ? ctl_key_device(ctl, &id) : NULL;
    }

    return compliance_principal_parse(ctl_str(name), &principal)
           == COMPLIANCE_OK
           && compliance_str_eq((compliance_str_t) { principal.data,
                                                     principal.len },
                                ctl_str(name))
           ? ctl_key_user(ctl, &principal) : NULL;
}


typedef struct {
    faults_t unnamed, no_state, no_group, no_index;
} kind_faults_t;


static void
check_record(ctl_t *ctl, const ctl_kind_t *kind, const char *name,
    const char *key, const redisReply *reply, kind_faults_t *faults,
    bool *repair)
{
    const ctl_changes_t none = { 0 };
    index_walk_t        walk = { .ctl = ctl };
    ctl_record_t        record = { .name = name, .key = key };
    compliance_str_t    list, item;
    bool                lacking = false;

    ctl_record_fill(&record, reply);

    if (kind == &ctl_device_kind
        && compliance_state_parse(ctl_record_get(&record, "state"))
           == COMPLIANCE_STATE_UNKNOWN
        && !compliance_str_eq(ctl_record_get(&record, "state"),
                              compliance_str("unknown")))
    {
        add_fault(&faults->no_state, name);
    }

    list = ctl_record_get(&record, "groups");

    while (kind == &ctl_user_kind && compliance_list_item(&list, &item)) {
        if (item.len > 0 && !compliance_str_eq(item,
                                               compliance_str("default"))
            && ctl_store_ask(ctl, "SISMEMBER %s %b", ctl_key_groups(ctl),
                             item.data, item.len)->integer == 0)
        {
            add_fault(&faults->no_group, name);
        }
    }

    ctl_record_index(ctl, kind, &record, &none, ask_index, ask_index, &walk);

    for (size_t i = 0; i < walk.n; i++) {
        lacking |= ctl_store_receive(ctl)->integer == 0;
    }

    if (lacking) {
        add_fault(&faults->no_index, name);
    }

    *repair = lacking;
}


static void
check_kind(ctl_doctor_t *doctor, const ctl_kind_t *kind, const char *begin)
{
    ctl_t          *ctl = doctor->ctl;
    bool            fix = ctl_given(ctl, CTL_OPT_REPAIR), repair;
    size_t          n, step = 1, looked = 0;
    const char    **names = ctl_store_scan(ctl, begin, &n);
    kind_faults_t   faults = { { 0 }, { 0 }, { 0 }, { 0 } };
    ctl_progress_t *progress = ctl_progress_begin(kind->noun, (int64_t) n);

    if (!fix && !ctl_given(ctl, CTL_OPT_FULL) && n > SAMPLE) {
        step = (n + SAMPLE - 1) / SAMPLE;
    }

    for (size_t i = 0; i < n; i += step) {
        /* what is said of a fault stays; there are a few of them only */
        ctl_mark_t  mark = ctl_mark();
        size_t      before = faults.no_state.n + faults.no_group.n
                             + faults.no_index.n;
        const char *key = record_key(ctl, kind, names[i]);

        looked++;
        ctl_progress_at(progress, (int64_t) i);

        if (key == NULL) {
            add_fault(&faults.unnamed, names[i]);
            continue;
        }

        check_record(ctl, kind, names[i], key,
                     ctl_store_ask(ctl, "HGETALL %s", key), &faults, &repair);

        if (repair && fix) {
            repair_t data = { kind, key, names[i] };

            ctl_store_transact(ctl, plan_repair, &data);
        }

        if (before == faults.no_state.n + faults.no_group.n
                      + faults.no_index.n)
        {
            ctl_release(mark);
        }
    }

    ctl_progress_end(progress);
    say_faults(doctor, &faults.unnamed, CTL_HEALTH_ERROR, kind->noun,
               "keys whose name is not canonical, which nobody reads",
               "write them again with compliancectl, and delete these");
    say_faults(doctor, &faults.no_state, CTL_HEALTH_WARNING, kind->noun,
               "devices without a readable state, which counts as unknown",
               "compliancectl device set ID state=...");
    say_faults(doctor, &faults.no_group, CTL_HEALTH_ERROR, kind->noun,
               "users in a group that is not recorded, which stands for "
               "default", "compliancectl group set NAME");
    say_faults(doctor, &faults.no_index,
               fix ? CTL_HEALTH_OK : CTL_HEALTH_ERROR, kind->noun,
               fix ? "records entered into their indexes"
                   : "records that an index lacks",
               fix ? NULL : "compliancectl doctor --repair");
    ctl_doctor_say(doctor, CTL_HEALTH_OK, kind->noun, ctl_format(
                   "%zu of %zu records looked at%s", looked, n,
                   looked < n ? " (--full: all)" : ""), NULL);
}


/* Everything a key function writes before the name, given a name of one
 * letter. */
static const char *
begin_of(const char *key)
{
    return ctl_dup((compliance_str_t) { key, strlen(key) - 1 });
}


static void
check_aliases(ctl_doctor_t *doctor)
{
    ctl_t   *ctl = doctor->ctl;
    faults_t dead = { 0 };
    size_t   total = 0;

    for (size_t kind = COMPLIANCE_ALIAS_EAS; kind < COMPLIANCE_ALIAS_KINDS;
         kind++)
    {
        size_t       n;
        const char  *begin = begin_of(ctl_key_alias(ctl,
                                 (compliance_alias_kind_t) kind, "X"));
        const char **names = ctl_store_scan(ctl, begin, &n);

        for (size_t i = 0; i < n; i++) {
            ctl_mark_t             mark = ctl_mark();
            size_t                 before = dead.n;
            compliance_device_id_t id;
            compliance_str_t       target = ctl_reply_text(ctl_store_ask(ctl,
                "GET %s", ctl_format("%s%s", begin, names[i])));

            if (target.data != NULL
                && (compliance_device_id_parse(target, &id) != COMPLIANCE_OK
                    || ctl_store_ask(ctl, "EXISTS %s",
                                     ctl_key_device(ctl, &id))->integer == 0))
            {
                add_fault(&dead, ctl_format("%s:%s", compliance_alias_kind_name(
                              (compliance_alias_kind_t) kind), names[i]));
            }

            if (dead.n == before) {
                ctl_release(mark);
            }
        }

        total += n;
    }

    say_faults(doctor, &dead, CTL_HEALTH_ERROR, "aliases",
               "names that lead to no device",
               "compliancectl device alias ID KIND VALUE --force");
    ctl_doctor_say(doctor, CTL_HEALTH_OK, "aliases", ctl_format(
                   "%zu names of devices looked at", total), NULL);
}


void
ctl_doctor_store(ctl_doctor_t *doctor)
{
    ctl_t                 *ctl = doctor->ctl;
    compliance_device_id_t id;
    compliance_principal_t name;

    /* an index follows from its records: there is nothing to take back */
    ctl_history(ctl, CTL_HISTORY_NONE);
    ctl_device_id("X", &id);
    ctl_principal("x", &name);

    check_groups(doctor);
    check_kind(doctor, &ctl_user_kind, begin_of(ctl_key_user(ctl, &name)));
    check_kind(doctor, &ctl_device_kind, begin_of(ctl_key_device(ctl, &id)));
    check_aliases(doctor);
}
