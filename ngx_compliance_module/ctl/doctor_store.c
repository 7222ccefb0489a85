/*
 * What is stored: groups that cannot be read or enforce nothing for long,
 * policies, the candidate set, imports; and then all records.
 */
#include "doctor.h"
#include "history.h"
#include "policies.h"

#include "../core/group.h"

#include <string.h>


#define DAY            INT64_C(86400)
#define FAR_AHEAD      (90 * DAY)    /* of enforce_from */
#define IMPORT_OLD     (3 * DAY)
#define CANDIDATE_LONG (30 * DAY)


/* A group that is to be enforced in a year is more often a slip. */
static void
check_start(ctl_doctor_t *doctor, const char *name, compliance_str_t from)
{
    int64_t time;

    if (compliance_parse_uint(from, &time)
        && time > doctor->store_now + FAR_AHEAD)
    {
        ctl_doctor_say(doctor, CTL_HEALTH_WARNING, "groups", ctl_format(
            "group %s only reports until %s", name, ctl_time_format(time)),
            ctl_format("compliancectl group set %s enforce_from=...", name));
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

        check_start(doctor, names[i], ctl_record_get(&record,
                                                     "enforce_from"));
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
check_policies(ctl_doctor_t *doctor)
{
    ctl_t       *ctl = doctor->ctl;
    size_t       n;
    const char **names = ctl_store_members(ctl, ctl_key_policies(ctl), &n);

    for (size_t i = 0; i < n; i++) {
        compliance_policy_error_t error;
        compliance_str_t          text = ctl_reply_text(ctl_store_ask(ctl,
            "GET %s", ctl_key_policy(ctl, names[i])));

        if (text.data == NULL) {
            ctl_doctor_say(doctor, CTL_HEALTH_ERROR, "policies", ctl_format(
                "policy %s is listed and not stored",
                ctl_escape(ctl_str(names[i]))),
                "compliancectl policy apply FILE");

        } else if (ctl_policy_parse(text, &error) == NULL) {
            ctl_doctor_say(doctor, CTL_HEALTH_ERROR, "policies", ctl_format(
                "policy %s cannot be read: %s", ctl_escape(ctl_str(names[i])),
                ctl_policy_error(&error)), "compliancectl policy apply FILE");
        }
    }

    if (ctl_policies_half_done(ctl) != NULL) {
        ctl_doctor_say(doctor, CTL_HEALTH_ERROR, "policies", ctl_format(
            "\"%s\" was interrupted: not all devices are judged",
            ctl_escape(ctl_str(ctl_policies_half_done(ctl)))),
            "compliancectl policy apply");
    }

    ctl_doctor_say(doctor, CTL_HEALTH_OK, "policies", ctl_format(
                   "%zu policies looked at", n), NULL);
}


static void
check_candidate(ctl_doctor_t *doctor)
{
    ctl_t           *ctl = doctor->ctl;
    compliance_str_t runs, text;
    json_t          *json;
    int64_t          created;

    runs = ctl_reply_text(ctl_store_ask(ctl, "HGET %s candidate",
                                        ctl_key_meta(ctl)));

    if (runs.data == NULL) {
        return;
    }

    text = ctl_reply_text(ctl_store_ask(ctl, "GET %s",
                                        ctl_key_candidate(ctl)));
    json = text.data == NULL ? NULL : json_loadb(text.data, text.len, 0, NULL);
    created = json_integer_value(json_object_get(json, "created"));

    if (json == NULL
        || !compliance_str_eq(runs, ctl_str(json_string_value(
                                  json_object_get(json, "id")))))
    {
        ctl_doctor_say(doctor, CTL_HEALTH_ERROR, "candidate", "a candidate "
                       "set should run that is not stored, or cannot be read",
                       "compliancectl candidate stop");

    } else if (created < doctor->store_now - CANDIDATE_LONG) {
        ctl_doctor_say(doctor, CTL_HEALTH_WARNING, "candidate", ctl_format(
            "the candidate set of %s still runs: each access is decided twice",
            ctl_time_format(created)), "compliancectl candidate report, and "
            "candidate stop");
    }

    json_decref(json);
}


static void
check_imports(ctl_doctor_t *doctor)
{
    ctl_t       *ctl = doctor->ctl;
    ctl_record_t meta;
    const char  *import = "import:";
    size_t       len = strlen(import);

    ctl_record_read(ctl, &meta, "meta", ctl_key_meta(ctl));

    for (size_t i = 0; i < meta.n; i++) {
        compliance_str_t field = meta.pairs[i].field;
        json_t          *json;
        int64_t          time;

        if (field.len <= len || memcmp(field.data, import, len) != 0) {
            continue;
        }

        json = json_loadb(meta.pairs[i].value.data, meta.pairs[i].value.len, 0,
                          NULL);
        time = json_integer_value(json_object_get(json, "time"));
        json_decref(json);

        if (time < doctor->store_now - IMPORT_OLD) {
            ctl_doctor_say(doctor, CTL_HEALTH_WARNING, "imports", ctl_format(
                "the last import of %s was %s", ctl_escape(
                (compliance_str_t) { field.data + len, field.len - len }),
                time <= 0 ? "at an unreadable time" : ctl_time_format(time)),
                "look at its timer, and import again");
        }
    }
}


static void
check_undo(ctl_doctor_t *doctor)
{
    ctl_t      *ctl = doctor->ctl;
    redisReply *reply = ctl_store_ask(ctl, "TYPE %s", ctl_key_undo(ctl));

    ctl_reply_expect(reply, REDIS_REPLY_STATUS, "a type");

    if (strcmp(reply->str, "list") != 0 && strcmp(reply->str, "none") != 0) {
        ctl_doctor_say(doctor, CTL_HEALTH_ERROR, "undo", ctl_format(
            "the list of changes is a %s: no command that changes something "
            "works", ctl_escape(ctl_str(reply->str))),
            ctl_format("redis-cli DEL %s",
                       ctl_escape(ctl_str(ctl_key_undo(ctl)))));
    }
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
    check_policies(doctor);
    check_candidate(doctor);
    check_imports(doctor);
    check_undo(doctor);
    ctl_doctor_records(doctor, &ctl_user_kind,
                       ctl_doctor_begin(ctl_key_user(ctl, &name)));
    ctl_doctor_records(doctor, &ctl_device_kind,
                       ctl_doctor_begin(ctl_key_device(ctl, &id)));
    ctl_doctor_aliases(doctor);
    ctl_doctor_indexes(doctor);
}
