/*
 * A name from the command line -> the record it leads to.  The record's own
 * name comes first, then its aliases, as at the gateway; where the gateway
 * would find two different records, so does this, and says so.
 */
#include "record.h"

#include <stdlib.h>
#include <string.h>


void
ctl_device_id(const char *text, compliance_device_id_t *id)
{
    if (compliance_device_id_parse(ctl_str(text), id) != COMPLIANCE_OK) {
        ctl_die(CTL_USAGE, "\"%s\" is no device id; it expects 1 to %d "
                "letters, digits, '.', '_' and '-'", ctl_escape(ctl_str(text)),
                COMPLIANCE_DEVICE_ID_MAX);
    }
}


void
ctl_principal(const char *text, compliance_principal_t *name)
{
    if (compliance_principal_parse(ctl_str(text), name) != COMPLIANCE_OK) {
        ctl_die(CTL_USAGE, "\"%s\" is no user name; it expects at most %d "
                "bytes of UTF-8 without control characters, '*' and '#', and "
                "no blank or dot at the end", ctl_escape(ctl_str(text)),
                COMPLIANCE_PRINCIPAL_MAX);
    }
}


static void
watch(ctl_t *ctl, const char *key)
{
    if (ctl->command->role >= CTL_OPERATOR) {
        ctl_store_watch(ctl, key);
    }
}


/* Where the device's aliases of this text lead, or NULL.  *kind: which. */
static const char *
device_alias(ctl_t *ctl, const char *text, const char **kind)
{
    char             fingerprint[COMPLIANCE_FINGERPRINT_LEN + 1];
    const char      *key, *value, *found = NULL;
    compliance_str_t target;
    compliance_device_id_t id;

    for (int i = COMPLIANCE_ALIAS_EAS; i < COMPLIANCE_ALIAS_KINDS; i++) {
        compliance_alias_kind_t alias = (compliance_alias_kind_t) i;

        if (alias == COMPLIANCE_ALIAS_CERT) {
            if (compliance_fingerprint_parse(ctl_str(text), fingerprint)
                != COMPLIANCE_OK)
            {
                continue;
            }

            value = fingerprint;

        } else {
            if (compliance_device_id_parse(ctl_str(text), &id)
                != COMPLIANCE_OK)
            {
                continue;
            }

            value = id.data;
        }

        key = ctl_key_alias(ctl, alias, value);
        watch(ctl, key);
        target = ctl_reply_text(ctl_store_ask(ctl, "GET %s", key));

        if (target.data == NULL) {
            continue;
        }

        if (found != NULL && !compliance_str_eq(target, ctl_str(found))) {
            ctl_die(CTL_CONFLICT, "\"%s\" is an alias (%s) of \"%s\" and an "
                    "alias (%s) of \"%s\": name the one you mean",
                    ctl_escape(ctl_str(text)), *kind,
                    ctl_escape(ctl_str(found)),
                    compliance_alias_kind_name(alias), ctl_escape(target));
        }

        found = ctl_dup(target);
        *kind = compliance_alias_kind_name(alias);
    }

    return found;
}


static void
said_twice(const char *noun, const char *name, const char *leads)
{
    ctl_note("\"%s\" is a %s of its own and an alias of \"%s\": the gateway "
             "refuses it as ambiguous until one of them is deleted",
             ctl_escape(ctl_str(name)), noun, ctl_escape(ctl_str(leads)));
}


static CTL_NORETURN void
dangling(const char *noun, const char *text, const char *target)
{
    ctl_die(CTL_CONFLICT, "\"%s\" is an alias of \"%s\", which has no record; "
            "create it with: compliancectl %s set %s",
            ctl_escape(ctl_str(text)), ctl_escape(ctl_str(target)), noun,
            ctl_escape(ctl_str(target)));
}


void
ctl_resolve_device(ctl_t *ctl, const char *text, ctl_record_t *record)
{
    char                   fingerprint[COMPLIANCE_FINGERPRINT_LEN + 1];
    const char            *target, *kind = "";
    compliance_device_id_t id;

    memset(record, 0, sizeof(*record));
    id.len = 0;

    if (compliance_fingerprint_parse(ctl_str(text), fingerprint)
        != COMPLIANCE_OK || strchr(text, ':') == NULL)
    {
        ctl_device_id(text, &id);
        watch(ctl, ctl_key_device(ctl, &id));
        ctl_record_read(ctl, record,
                        ctl_dup((compliance_str_t) { id.data, id.len }),
                        ctl_key_device(ctl, &id));
    }

    target = device_alias(ctl, text, &kind);

    if (target == NULL) {
        if (id.len == 0) {
            ctl_die(CTL_NOT_FOUND, "no device has the certificate \"%s\"",
                    ctl_escape(ctl_str(text)));
        }

        return;
    }

    if (record->exists) {
        if (strcmp(target, record->name) != 0) {
            said_twice("device", record->name, target);
        }

        return;
    }

    ctl_device_id(target, &id);
    watch(ctl, ctl_key_device(ctl, &id));
    ctl_record_read(ctl, record, target, ctl_key_device(ctl, &id));

    if (!record->exists) {
        dangling("device", text, target);
    }
}


void
ctl_resolve_user(ctl_t *ctl, const char *text, ctl_record_t *record)
{
    const char            *key, *target;
    compliance_str_t       held;
    compliance_principal_t name;

    memset(record, 0, sizeof(*record));
    ctl_principal(text, &name);

    watch(ctl, ctl_key_user(ctl, &name));
    ctl_record_read(ctl, record,
                    ctl_dup((compliance_str_t) { name.data, name.len }),
                    ctl_key_user(ctl, &name));

    key = ctl_key_user_alias(ctl, &name);
    watch(ctl, key);
    held = ctl_reply_text(ctl_store_ask(ctl, "GET %s", key));

    if (held.data == NULL) {
        return;
    }

    target = ctl_dup(held);

    if (record->exists) {
        if (strcmp(target, record->name) != 0) {
            said_twice("user", record->name, target);
        }

        return;
    }

    ctl_principal(target, &name);
    watch(ctl, ctl_key_user(ctl, &name));
    ctl_record_read(ctl, record, target, ctl_key_user(ctl, &name));

    if (!record->exists) {
        dangling("user", text, target);
    }
}
