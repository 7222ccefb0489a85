/*
 * user set, get, list, delete, alias, unalias.
 */
#include "record.h"

#include "../core/group.h"

#include <stdlib.h>
#include <string.h>


typedef struct {
    const char    *text;       /* the name as given */
    ctl_changes_t  wanted;
    ctl_aliases_t  aliases;
    ctl_record_t   record;
    ctl_changes_t  real;
    size_t         deleted;    /* aliases */
    int64_t        devices;    /* that still name a deleted user */
} user_t;


/* A user in a group that does not exist would be judged by nothing that the
 * administrator can see. */
static void
check_groups_exist(ctl_t *ctl, const ctl_changes_t *real)
{
    const ctl_change_t *change = ctl_changes_find(real, "groups");
    compliance_str_t    list, group;
    const char         *key = ctl_key_groups(ctl), *name;

    if (change == NULL || change->value.data == NULL) {
        return;
    }

    ctl_store_watch(ctl, key);
    list = change->value;

    while (compliance_list_item(&list, &group)) {
        name = ctl_dup(group);

        if (strcmp(name, "default") == 0
            || ctl_store_ask(ctl, "SISMEMBER %s %s", key, name)->integer != 0)
        {
            continue;
        }

        if (!ctl_given(ctl, CTL_OPT_FORCE)) {
            ctl_die(CTL_CONFLICT, "there is no group \"%s\"; nothing was "
                    "written. Create it first: compliancectl group set %s "
                    "mode=report (or --force)", ctl_escape(group),
                    ctl_escape(group));
        }

        ctl_note("there is no group \"%s\" yet", ctl_escape(group));
    }
}


/* The gateways keep these names through an outage, and only so many. */
static void
check_break_glass(ctl_t *ctl, const ctl_record_t *record,
    const ctl_changes_t *real)
{
    const ctl_change_t *change = ctl_changes_find(real, "break_glass");
    const char         *key;

    if (change == NULL
        || !compliance_str_eq(change->value, compliance_str("1")))
    {
        return;
    }

    key = ctl_key_index(ctl, "break_glass", compliance_str("1"));
    ctl_store_watch(ctl, key);

    if (ctl_store_ask(ctl, "SISMEMBER %s %s", key, record->name)->integer == 0
        && ctl_store_ask(ctl, "SCARD %s", key)->integer
           >= COMPLIANCE_BREAK_GLASS_MAX)
    {
        ctl_die(CTL_CONFLICT, "there are %d break-glass users already, and "
                "gateways keep no more; nothing was written. List them with: "
                "compliancectl user list break_glass=1",
                COMPLIANCE_BREAK_GLASS_MAX);
    }
}


static void
plan_set(ctl_t *ctl, void *data)
{
    user_t *user = data;

    ctl_resolve_user(ctl, user->text, &user->record);

    user->real = (ctl_changes_t) { 0, 0, NULL };
    ctl_record_diff(&ctl_user_kind, &user->record, &user->wanted, &user->real);
    check_groups_exist(ctl, &user->real);
    check_break_glass(ctl, &user->record, &user->real);

    if (user->real.n > 0) {
        ctl_record_store(ctl, &ctl_user_kind, &user->record, &user->real);
    }

    ctl_aliases_plan(ctl, user->record.name, &user->aliases);
}


ctl_exit_t
ctl_user_set(ctl_t *ctl)
{
    user_t           user;
    compliance_str_t field, value, item;

    memset(&user, 0, sizeof(user));
    user.text = ctl->args[0];

    for (size_t i = 1; i < ctl->n_args; i++) {
        ctl_assignment(ctl, ctl->args[i], &field, &value);

        if (!compliance_str_eq(field, compliance_str("alias"))) {
            ctl_changes_assign(ctl, &ctl_user_kind, &user.wanted, field,
                               value);
            continue;
        }

        while (compliance_list_item(&value, &item)) {
            ctl_aliases_parse(&user.aliases, COMPLIANCE_ALIAS_NONE, item);
        }
    }

    /* an administrator's word, which no import takes back */
    if (ctl_changes_find(&user.wanted, "blocked") != NULL) {
        ctl_changes_put(&ctl_user_kind, &user.wanted, "blocked_by",
                        compliance_absent);
    }

    ctl_store_transact(ctl, plan_set, &user);
    ctl_report_set(ctl, "user", &user.record, &user.real, &user.aliases);

    return CTL_DONE;
}


static CTL_NORETURN void
no_user(const ctl_record_t *record)
{
    ctl_die(CTL_NOT_FOUND, "no user \"%s\"", ctl_escape(ctl_str(record->name)));
}


ctl_exit_t
ctl_user_get(ctl_t *ctl)
{
    size_t       n;
    json_t      *object;
    const char **aliases;
    ctl_record_t record;

    ctl_resolve_user(ctl, ctl->args[0], &record);

    if (!record.exists) {
        no_user(&record);
    }

    if (ctl->json) {
        object = ctl_record_json(&ctl_user_kind, "name", &record);
        ctl_json_set(object, "aliases",
                     ctl_aliases_json(ctl, true, record.name));
        ctl_json_print(object);

    } else {
        aliases = ctl_aliases_of(ctl, true, record.name, &n);
        ctl_record_print(&ctl_user_kind, &record, aliases, n);
    }

    ctl_notes_flush();

    return CTL_DONE;
}


ctl_exit_t
ctl_user_list(ctl_t *ctl)
{
    static const char *const columns[] = {
        "groups", "break_glass", "blocked", "display_name"
    };
    static const char *const headings[] = {
        "USER", "GROUPS", "BREAK-GLASS", "BLOCKED", "NAME"
    };

    compliance_principal_t sample = { 1, "x" };
    const char            *key = ctl_key_user(ctl, &sample);
    ctl_listing_t          listing;

    listing.kind = &ctl_user_kind;
    listing.begin = ctl_dup((compliance_str_t) { key, strlen(key) - 1 });
    listing.n_columns = sizeof(columns) / sizeof(columns[0]);
    listing.columns = columns;
    listing.headings = headings;
    listing.name_key = "name";

    return ctl_list(ctl, &listing);
}


static void
plan_delete(ctl_t *ctl, void *data)
{
    user_t     *user = data;
    const char *owned;

    ctl_resolve_user(ctl, user->text, &user->record);

    if (!user->record.exists) {
        no_user(&user->record);
    }

    ctl_record_delete(ctl, &ctl_user_kind, &user->record);
    user->deleted = ctl_aliases_plan_delete(ctl, true, user->record.name);

    owned = ctl_key_index(ctl, "owner", ctl_str(user->record.name));
    user->devices = owned == NULL ? 0
                    : ctl_store_ask(ctl, "SCARD %s", owned)->integer;

    if (user->devices > 0) {
        ctl_note("%lld device%s still his own; list them with: "
                 "compliancectl device list owner=%s",
                 (long long) user->devices,
                 user->devices == 1 ? " is" : "s are",
                 ctl_escape(ctl_str(user->record.name)));
    }
}


ctl_exit_t
ctl_user_delete(ctl_t *ctl)
{
    user_t user;

    memset(&user, 0, sizeof(user));
    user.text = ctl->args[0];

    ctl_store_transact(ctl, plan_delete, &user);
    ctl_report_deleted(ctl, "user", &user.record, user.deleted);

    return CTL_DONE;
}


static void
plan_alias(ctl_t *ctl, void *data)
{
    user_t *user = data;

    ctl_resolve_user(ctl, user->text, &user->record);

    if (!user->record.exists) {
        ctl_die(CTL_NOT_FOUND, "no user \"%s\"; create him first: "
                "compliancectl user set %s groups=...",
                ctl_escape(ctl_str(user->record.name)),
                ctl_escape(ctl_str(user->record.name)));
    }

    ctl_aliases_plan(ctl, user->record.name, &user->aliases);
}


ctl_exit_t
ctl_user_alias(ctl_t *ctl)
{
    user_t user;

    memset(&user, 0, sizeof(user));
    user.text = ctl->args[0];
    ctl_aliases_parse(&user.aliases, COMPLIANCE_ALIAS_NONE,
                      ctl_str(ctl->args[1]));

    ctl_store_transact(ctl, plan_alias, &user);
    ctl_report_set(ctl, "user", &user.record, &user.real, &user.aliases);

    return CTL_DONE;
}


static void
plan_unalias(ctl_t *ctl, void *data)
{
    user_t *user = data;

    ctl_resolve_user(ctl, user->text, &user->record);

    if (!ctl_alias_plan_remove(ctl, user->record.name, user->aliases.items)) {
        ctl_die(CTL_NOT_FOUND, "user \"%s\" has no alias \"%s\"",
                ctl_escape(ctl_str(user->record.name)),
                ctl_alias_show(user->aliases.items));
    }
}


ctl_exit_t
ctl_user_unalias(ctl_t *ctl)
{
    user_t user;

    memset(&user, 0, sizeof(user));
    user.text = ctl->args[0];
    ctl_aliases_parse(&user.aliases, COMPLIANCE_ALIAS_NONE,
                      ctl_str(ctl->args[1]));

    ctl_store_transact(ctl, plan_unalias, &user);
    ctl_report_unaliased(ctl, "user", &user.record, user.aliases.items);

    return CTL_DONE;
}


void
ctl_user_details(void)
{
    ctl_fields_print(&ctl_user_kind);
    puts("  alias            other names of the same person, "
         "comma-separated, such as\n"
         "                   alice@example.com,demo\\alice\n"
         "\nA user of no group is judged by the group \"default\". Break-glass "
         "users get in\nwhatever the device, and every time is audited.");
}
