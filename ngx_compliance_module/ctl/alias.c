/*
 * Other names of a device or a user.  alias:<kind>:<value> leads to the
 * record; index:alias_of:<id> (index:user_alias_of:<principal>) leads back, so
 * that a deleted record takes its names along.  A name never leads to two
 * records: the gateway would refuse it as ambiguous.
 */
#include "record.h"

#include <stdlib.h>
#include <string.h>


static const char *
alias_key(const ctl_t *ctl, const ctl_alias_t *alias)
{
    compliance_principal_t name;

    if (alias->kind != COMPLIANCE_ALIAS_NONE) {
        return ctl_key_alias(ctl, alias->kind, alias->value);
    }

    ctl_principal(alias->value, &name);

    return ctl_key_user_alias(ctl, &name);
}


/* The record that would have this name as its own. */
static const char *
own_key(const ctl_t *ctl, const ctl_alias_t *alias)
{
    compliance_device_id_t id;
    compliance_principal_t name;

    if (alias->kind == COMPLIANCE_ALIAS_NONE) {
        ctl_principal(alias->value, &name);
        return ctl_key_user(ctl, &name);
    }

    ctl_device_id(alias->value, &id);

    return ctl_key_device(ctl, &id);
}


static const char *
back_key(const ctl_t *ctl, bool user, const char *target)
{
    const char *key;

    key = ctl_key_index(ctl, user ? "user_alias_of" : "alias_of",
                        ctl_str(target));
    if (key == NULL) {
        ctl_die(CTL_USAGE, "\"%s\" is too long", ctl_escape(ctl_str(target)));
    }

    return key;
}


const char *
ctl_alias_show(const ctl_alias_t *alias)
{
    const char *value = ctl_escape(ctl_str(alias->value));

    if (alias->kind == COMPLIANCE_ALIAS_NONE) {
        return value;
    }

    return ctl_format("%s:%s", compliance_alias_kind_name(alias->kind), value);
}


/* What index:alias_of holds. */
static const char *
back_member(const ctl_alias_t *alias)
{
    return alias->kind == COMPLIANCE_ALIAS_NONE
           ? alias->value
           : ctl_format("%s:%s", compliance_alias_kind_name(alias->kind),
                        alias->value);
}


compliance_alias_kind_t
ctl_alias_kind(const ctl_t *ctl, const char *kind)
{
    compliance_alias_kind_t found;

    found = compliance_alias_kind_parse(ctl_str(kind));

    if (found == COMPLIANCE_ALIAS_NONE) {
        ctl_die_usage(ctl, "\"%s\" is no kind of alias; it expects eas, cert, "
                      "serial or login", ctl_escape(ctl_str(kind)));
    }

    return found;
}


static const struct {
    const char *expects;
    const char *refuses;    /* of the characters of a record's id */
    size_t      max;
} kinds[COMPLIANCE_ALIAS_KINDS] = {
    [COMPLIANCE_ALIAS_NONE] = { "a user's name as he logs in", "", 0 },
    /* not compliance_eas_device_id(): 16 bytes that are no text are a GUID on
     * the wire, here they are a typing mistake */
    [COMPLIANCE_ALIAS_EAS] = {
        "an EAS DeviceId: 1 to 32 letters and digits", "._-", 32 },
    [COMPLIANCE_ALIAS_CERT] = {
        "the SHA-256 of a certificate: 64 hex digits, ':' allowed between "
        "pairs", "", 0 },
    [COMPLIANCE_ALIAS_SERIAL] = {
        "a serial number: 1 to 64 letters, digits, '.', '_', '-'", "",
        COMPLIANCE_DEVICE_ID_MAX },
    [COMPLIANCE_ALIAS_LOGIN] = {
        "the id of a login tag: 1 to 64 letters, digits, '_', '-'", ".",
        COMPLIANCE_DEVICE_ID_MAX },
};


static const char *
canonical_value(compliance_alias_kind_t kind, const char *value)
{
    char                   fingerprint[COMPLIANCE_FINGERPRINT_LEN + 1];
    compliance_device_id_t id;
    compliance_principal_t name;

    if (kind == COMPLIANCE_ALIAS_NONE) {
        return compliance_principal_parse(ctl_str(value), &name)
               != COMPLIANCE_OK ? NULL
               : ctl_dup((compliance_str_t) { name.data, name.len });
    }

    if (kind == COMPLIANCE_ALIAS_CERT) {
        return compliance_fingerprint_parse(ctl_str(value), fingerprint)
               != COMPLIANCE_OK ? NULL : ctl_dup(ctl_str(fingerprint));
    }

    if (strlen(value) > kinds[kind].max
        || strpbrk(value, kinds[kind].refuses) != NULL
        || compliance_device_id_parse(ctl_str(value), &id) != COMPLIANCE_OK)
    {
        return NULL;
    }

    return ctl_dup((compliance_str_t) { id.data, id.len });
}


void
ctl_aliases_parse(ctl_aliases_t *aliases, compliance_alias_kind_t kind,
    compliance_str_t value)
{
    const char  *canonical = canonical_value(kind, ctl_dup(value));
    ctl_alias_t *items;

    if (canonical == NULL) {
        ctl_die(CTL_USAGE, "alias \"%s\" is not valid; it expects %s",
                ctl_escape(value), kinds[kind].expects);
    }

    if (aliases->n == aliases->cap) {
        items = ctl_alloc_array(aliases->cap * 2 + 8, sizeof(*items));

        if (aliases->n > 0) {
            memcpy(items, aliases->items, aliases->n * sizeof(*items));
        }

        aliases->items = items;
        aliases->cap = aliases->cap * 2 + 8;
    }

    aliases->items[aliases->n++] = (ctl_alias_t) { kind, canonical, false };
}


/* A record that has this name as its own makes an alias of it ambiguous. */
static void
check_own(ctl_t *ctl, const char *target, const ctl_alias_t *alias)
{
    bool        user = alias->kind == COMPLIANCE_ALIAS_NONE;
    const char *key;

    if (alias->kind == COMPLIANCE_ALIAS_CERT) {
        return;   /* a certificate is looked up as an alias only */
    }

    key = own_key(ctl, alias);
    ctl_store_watch(ctl, key);

    if (ctl_store_ask(ctl, "EXISTS %s", key)->integer != 0) {
        ctl_die(CTL_CONFLICT, "\"%s\" is a %s with a record of its own: as an "
                "alias of \"%s\" it would be ambiguous and refused. Nothing "
                "was written; delete that record first (compliancectl %s "
                "delete %s)", ctl_escape(ctl_str(alias->value)),
                user ? "user" : "device", ctl_escape(ctl_str(target)),
                user ? "user" : "device", ctl_escape(ctl_str(alias->value)));
    }
}


static void
plan_one(ctl_t *ctl, const char *target, ctl_alias_t *alias)
{
    bool             user = alias->kind == COMPLIANCE_ALIAS_NONE;
    const char      *key, *back;
    compliance_str_t held;

    alias->changed = false;

    if (strcmp(alias->value, target) == 0) {
        ctl_note("\"%s\" is the %s's own name and needs no alias",
                 ctl_escape(ctl_str(target)), user ? "user" : "device");
        return;
    }

    key = alias_key(ctl, alias);
    back = back_key(ctl, user, target);
    ctl_store_watch(ctl, key);
    check_own(ctl, target, alias);
    held = ctl_reply_text(ctl_store_ask(ctl, "GET %s", key));

    if (compliance_str_eq(held, ctl_str(target))) {
        /* the way back may be missing where another tool wrote the alias */
        if (ctl_store_ask(ctl, "SISMEMBER %s %s", back,
                          back_member(alias))->integer != 0)
        {
            return;
        }

    } else if (held.data != NULL) {
        if (!ctl_given(ctl, CTL_OPT_FORCE)) {
            ctl_die(CTL_CONFLICT, "alias %s already leads to \"%s\"; nothing "
                    "was written. --force moves it here",
                    ctl_alias_show(alias), ctl_escape(held));
        }

        if (ctl_key_index(ctl, user ? "user_alias_of" : "alias_of", held)) {
            const char *other = back_key(ctl, user, ctl_dup(held));

            ctl_write_srem(ctl, other, ctl_str(back_member(alias)));
        }
    }

    ctl_write_set(ctl, key, ctl_str(target));
    ctl_write_sadd(ctl, back, ctl_str(back_member(alias)));
    alias->changed = true;
}


void
ctl_aliases_plan(ctl_t *ctl, const char *target, ctl_aliases_t *aliases)
{
    for (size_t i = 0; i < aliases->n; i++) {
        plan_one(ctl, target, &aliases->items[i]);
    }
}


bool
ctl_alias_plan_remove(ctl_t *ctl, const char *target,
    const ctl_alias_t *alias)
{
    bool             user = alias->kind == COMPLIANCE_ALIAS_NONE;
    const char      *key = alias_key(ctl, alias);
    const char      *back = back_key(ctl, user, target);
    compliance_str_t held;

    ctl_store_watch(ctl, key);
    held = ctl_reply_text(ctl_store_ask(ctl, "GET %s", key));

    if (!compliance_str_eq(held, ctl_str(target))) {
        return false;
    }

    ctl_write_del(ctl, CTL_TYPE_STRING, key);
    ctl_write_srem(ctl, back, ctl_str(back_member(alias)));

    return true;
}


const char **
ctl_aliases_of(ctl_t *ctl, bool user, const char *target, size_t *n)
{
    return ctl_store_members(ctl, back_key(ctl, user, target), n);
}


/* "eas:APPLX" -> kind and value; false for what is none of ours. */
static bool
split_member(bool user, const char *member, ctl_alias_t *alias)
{
    const char *colon;

    if (user) {
        *alias = (ctl_alias_t) { COMPLIANCE_ALIAS_NONE, member, false };
        return true;
    }

    colon = strchr(member, ':');

    if (colon == NULL) {
        return false;
    }

    alias->kind = compliance_alias_kind_parse((compliance_str_t) { member,
                      (size_t) (colon - member) });
    alias->value = colon + 1;
    alias->changed = false;

    return alias->kind != COMPLIANCE_ALIAS_NONE && alias->value[0] != '\0';
}


size_t
ctl_aliases_plan_delete(ctl_t *ctl, bool user, const char *target)
{
    size_t       n, deleted = 0;
    const char **members, *back = back_key(ctl, user, target);
    ctl_alias_t  alias;

    ctl_store_watch(ctl, back);
    members = ctl_aliases_of(ctl, user, target, &n);

    for (size_t i = 0; i < n; i++) {
        if (split_member(user, members[i], &alias)
            && ctl_alias_plan_remove(ctl, target, &alias))
        {
            deleted++;
        }
    }

    if (n > 0) {
        ctl_write_del(ctl, CTL_TYPE_SET, back);
    }

    return deleted;
}


json_t *
ctl_aliases_json(ctl_t *ctl, bool user, const char *target)
{
    size_t       n;
    json_t      *all = user ? ctl_json_array() : ctl_json_object(), *list;
    const char **members = ctl_aliases_of(ctl, user, target, &n), *kind;
    ctl_alias_t  alias;

    for (size_t i = 0; i < n; i++) {
        if (!split_member(user, members[i], &alias)) {
            continue;
        }

        list = all;

        if (!user) {
            kind = compliance_alias_kind_name(alias.kind);
            list = json_object_get(all, kind);

            if (list == NULL) {
                list = ctl_json_array();
                ctl_json_set(all, kind, list);
            }
        }

        ctl_json_add(list, ctl_json_text(ctl_str(alias.value)));
    }

    return all;
}
