/*
 * What is to become of a user: the mapped groups are the directory's word, all
 * other groups, break_glass and an administrator's own block stay as they are.
 * A name moves only from one who had it from the same directory and no longer
 * has it there.
 */
#include "directory_batch.h"

#include <string.h>


static bool
is_on(compliance_str_t flag)
{
    return flag.len > 0 && !compliance_str_eq(flag, compliance_str("0"));
}


static bool
is_in_list(compliance_str_t list, const char *name)
{
    compliance_str_t item;

    while (compliance_list_item(&list, &item)) {
        if (compliance_str_eq(item, ctl_str(name))) {
            return true;
        }
    }

    return false;
}


static bool
is_ours(const directory_run_t *run, const ctl_record_t *record)
{
    return compliance_str_eq(ctl_record_get(record, "directory"),
                             ctl_str(run->directory->settings->name));
}


/* The bit of a mapped group, or DIRECTORY_GROUPS. */
static size_t
mapped(const directory_settings_t *settings, compliance_str_t group)
{
    size_t i;

    for (i = 0; i < settings->n_groups; i++) {
        if (compliance_str_eq(group, ctl_str(settings->groups[i]))) {
            return i;
        }
    }

    return DIRECTORY_GROUPS;
}


static char *
append(char *list, const char *name)
{
    return ctl_format("%s%s%s", list, list[0] == '\0' ? "" : ",", name);
}


/* Those that stay keep their places, so that the same set is the same text. */
static const char *
groups_after(const directory_run_t *run, const directory_item_t *item)
{
    const directory_settings_t *settings = run->directory->settings;
    compliance_str_t had = ctl_record_get(&item->record, "groups"), group;
    compliance_str_t rest = had;
    char            *list = ctl_format("%s", "");

    while (compliance_list_item(&rest, &group)) {
        size_t bit = mapped(settings, group);

        if (group.len > 0
            && (bit == DIRECTORY_GROUPS
                || (item->user != NULL && directory_in_group(item->user, bit))))
        {
            list = append(list, ctl_dup(group));
        }
    }

    for (size_t i = 0; i < settings->n_groups && item->user != NULL; i++) {
        if (directory_in_group(item->user, i)
            && !is_in_list(had, settings->groups[i]))
        {
            list = append(list, settings->groups[i]);
        }
    }

    return list;
}


static void
refuse(const directory_run_t *run, directory_item_t *item, const char *why)
{
    item->refused = true;

    if (run->tells) {
        run->directory->n_refused += item->user != NULL;
        directory_tell(run->directory, "%s: %s; nothing of him was changed",
                       ctl_escape(ctl_str(item->login)), why);
    }
}


static void
put(ctl_changes_t *wanted, const char *field, const char *value)
{
    ctl_changes_put(&ctl_user_kind, wanted, field,
                    value == NULL || value[0] == '\0' ? compliance_absent
                                                      : ctl_str(value));
}


/* Only the block that the directory gave is taken back by it. */
static void
want_blocked(const directory_run_t *run, const directory_item_t *item,
    ctl_changes_t *wanted)
{
    const directory_settings_t *settings = run->directory->settings;
    const ctl_record_t *record = &item->record;
    bool blocked = is_on(ctl_record_get(record, "blocked"));
    bool ours = compliance_str_eq(ctl_record_get(record, "blocked_by"),
                                  ctl_str(settings->name));
    bool block;

    block = item->user == NULL ? settings->block_vanished
            : settings->block_disabled && item->user->disabled;

    if (block && !blocked && !is_on(ctl_record_get(record, "break_glass"))) {
        put(wanted, "blocked", "1");
        put(wanted, "blocked_by", settings->name);

    } else if (!block && ours) {
        put(wanted, "blocked", NULL);
        put(wanted, "blocked_by", NULL);
    }
}


static bool
may_move(const directory_run_t *run, const directory_name_t *name)
{
    const ctl_record_t *holder = &name->holder;

    if (holder->name == NULL || !holder->exists) {
        return true;    /* it leads nowhere */
    }

    return is_ours(run, holder)
           && is_in_list(ctl_record_get(holder, "directory_aliases"),
                         name->name);
}


static const char *
whose(const directory_name_t *name)
{
    return name->held.data == NULL ? "somebody" : ctl_escape(name->held);
}


/* Of a name that is not simply free or the user's. */
static void
plan_disputed(directory_run_t *run, directory_item_t *item,
    directory_name_t *name, bool is_login)
{
    directory_t *directory = run->directory;

    if (!run->last) {
        item->again = true;
        name->act = DIRECTORY_NAME_LEAVE;
        item->refused = item->refused || is_login;
        return;
    }

    if (!name->own_record && may_move(run, name)) {
        name->act = is_login ? DIRECTORY_NAME_FREE : DIRECTORY_NAME_MOVE;
        return;
    }

    name->act = DIRECTORY_NAME_LEAVE;

    if (is_login) {
        refuse(run, item, ctl_format("this login is another name of %s; take "
                                     "it away with: compliancectl user "
                                     "unalias %s %s", whose(name), whose(name),
                                     ctl_escape(ctl_str(name->name))));
        return;
    }

    if (!run->tells) {
        return;
    }

    directory->n_contested++;

    if (name->own_record) {
        directory_tell(directory, "%s: another name of %s, but a user with a "
                       "record of its own, who keeps it; if they are one "
                       "person: compliancectl user delete %s",
                       ctl_escape(ctl_str(name->name)),
                       ctl_escape(ctl_str(item->login)),
                       ctl_escape(ctl_str(name->name)));
    } else {
        directory_tell(directory, "%s: another name of %s, but it leads to "
                       "%s, who keeps it; take it away with: compliancectl "
                       "user unalias %s %s", ctl_escape(ctl_str(name->name)),
                       ctl_escape(ctl_str(item->login)), whose(name),
                       whose(name), ctl_escape(ctl_str(name->name)));
    }
}


static void
plan_name(directory_run_t *run, directory_item_t *item, directory_name_t *name)
{
    bool his = compliance_str_eq(name->held, ctl_str(item->login));
    bool is_login = name == item->names;

    if (name->stale) {
        name->act = DIRECTORY_NAME_DROP;

    } else if (is_login && (name->held.data == NULL || his)) {
        name->act = DIRECTORY_NAME_KEEP;

    } else if (!name->own_record && !is_login && his) {
        name->act = DIRECTORY_NAME_KEEP;

    } else if (!name->own_record && !is_login && name->held.data == NULL) {
        name->act = DIRECTORY_NAME_SET;

    } else {
        plan_disputed(run, item, name, is_login);
    }
}


static void
plan_names(directory_run_t *run, directory_item_t *item, ctl_changes_t *wanted)
{
    char *list = ctl_format("%s", "");

    for (size_t i = 0; i < item->n_names; i++) {
        directory_name_t *name = &item->names[i];

        plan_name(run, item, name);

        switch (name->act) {

        case DIRECTORY_NAME_SET:
        case DIRECTORY_NAME_MOVE:
            item->writes = true;
            list = append(list, name->name);
            break;

        case DIRECTORY_NAME_KEEP:
            list = i == 0 ? list : append(list, name->name);
            break;

        case DIRECTORY_NAME_FREE:
        case DIRECTORY_NAME_DROP:
            item->writes = true;
            break;

        case DIRECTORY_NAME_LEAVE:
            break;
        }
    }

    put(wanted, "directory_aliases", list);
}


static void
plan_vanished(directory_run_t *run, directory_item_t *item,
    ctl_changes_t *wanted)
{
    compliance_str_t since = ctl_record_get(&item->record, "vanished_since");

    put(wanted, "groups", groups_after(run, item));
    want_blocked(run, item, wanted);

    if (since.len == 0) {
        put(wanted, "vanished_since",
            ctl_format("%lld", (long long) run->directory->ctl->now));
    }
}


static void
plan_present(directory_run_t *run, directory_item_t *item,
    ctl_changes_t *wanted)
{
    const directory_user_t *user = item->user;
    const char             *groups = groups_after(run, item);
    compliance_str_t        other = ctl_record_get(&item->record, "directory");

    if (other.len > 0 && !is_ours(run, &item->record)) {
        refuse(run, item, ctl_format("he is kept from the directory \"%s\"",
                                     ctl_escape(other)));
        return;
    }

    if (strlen(groups) > COMPLIANCE_USER_GROUPS_MAX) {
        refuse(run, item, "the names of his groups are too long together");
        return;
    }

    plan_names(run, item, wanted);
    put(wanted, "groups", groups);
    put(wanted, "directory", run->directory->settings->name);
    put(wanted, "vanished_since", NULL);
    want_blocked(run, item, wanted);

    if (user->display_name != NULL) {
        put(wanted, "display_name", user->display_name);
    }

    if (user->locale != NULL) {
        put(wanted, "locale", user->locale);
    }
}


void
directory_plan(directory_run_t *run, directory_item_t *item)
{
    ctl_changes_t wanted;

    memset(&wanted, 0, sizeof(wanted));
    memset(&item->real, 0, sizeof(item->real));
    item->refused = item->again = item->writes = false;
    item->changes_access = false;

    if (item->user != NULL) {
        plan_present(run, item, &wanted);

    } else if (item->record.exists && is_ours(run, &item->record)) {
        plan_vanished(run, item, &wanted);

    } else {
        return;    /* deleted, or handed over, in between */
    }

    if (item->refused) {
        item->writes = false;
        return;
    }

    ctl_record_diff(&ctl_user_kind, &item->record, &wanted, &item->real);
    item->writes = item->writes || item->real.n > 0;
    item->changes_access = item->record.exists
                           && is_ours(run, &item->record)
                           && (ctl_changes_find(&item->real, "groups") != NULL
                               || ctl_changes_find(&item->real, "blocked")
                                  != NULL);
}
