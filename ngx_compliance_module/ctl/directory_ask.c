/*
 * What is stored of a batch: the record, where the user's names lead to, and
 * whether one of them has a record of its own.
 */
#include "directory_batch.h"

#include <string.h>


static compliance_principal_t
principal(const char *name)
{
    compliance_principal_t out;

    ctl_principal(name, &out);

    return out;
}


static compliance_str_t
user_key(const directory_run_t *run, const char *name)
{
    compliance_principal_t out = principal(name);

    return ctl_str(ctl_key_user(run->directory->ctl, &out));
}


static compliance_str_t
alias_key(const directory_run_t *run, const char *name)
{
    compliance_principal_t out = principal(name);

    return ctl_str(ctl_key_user_alias(run->directory->ctl, &out));
}


/* One question about a key, under WATCH if it is to hold until EXEC. */
static void
ask(directory_run_t *run, bool watch, const char *command,
    compliance_str_t key)
{
    if (watch) {
        ctl_wire_words(run->wire, "WATCH", 1, &key);
    }

    ctl_wire_words(run->wire, command, 1, &key);
}


static const redisReply *
hear(directory_run_t *run, bool watch)
{
    if (watch) {
        (void) ctl_wire_next(run->wire);
    }

    return ctl_wire_next(run->wire);
}


/* The names that the directory gives the user and nobody else. */
static void
fill_names(const directory_t *directory, directory_item_t *item)
{
    const directory_user_t *user = item->user;
    const char             *alias = user == NULL ? NULL : user->aliases;
    size_t                  n = user == NULL ? 0 : user->n_aliases;
    uint32_t                nth;

    nth = user == NULL ? DIRECTORY_NOBODY : (uint32_t) (user
                                                        - directory->users);
    item->names = ctl_alloc_array(n + 1, sizeof(*item->names));
    item->names[0].name = item->login;
    item->n_names = 1;

    for (size_t i = 0; i < n; i++) {
        if (directory_map_find(&directory->claims, alias) == nth) {
            item->names[item->n_names++].name = alias;
        }

        alias = directory_next_alias(alias);
    }
}


/* Those that he once had from it, and are not among these. */
static void
fill_stale(directory_item_t *item)
{
    compliance_str_t  list = ctl_record_get(&item->record, "directory_aliases");
    compliance_str_t  rest = list, name;
    directory_name_t *names;
    size_t            n = 0, wanted = item->n_names;

    while (compliance_list_item(&rest, &name)) {
        n++;
    }

    if (n == 0 || item->user == NULL) {
        return;
    }

    names = ctl_alloc_array(item->n_names + n, sizeof(*names));
    memcpy(names, item->names, item->n_names * sizeof(*names));
    item->names = names;

    while (compliance_list_item(&list, &name)) {
        bool found = name.len == 0;

        for (size_t i = 0; i < wanted && !found; i++) {
            found = compliance_str_eq(name, ctl_str(names[i].name));
        }

        if (!found) {
            names[item->n_names].name = ctl_dup(name);
            names[item->n_names++].stale = true;
        }
    }
}


/* Another record of the same login must not be made while we look. */
static void
ask_item(directory_run_t *run, directory_item_t *item, bool watch)
{
    fill_names(run->directory, item);
    ask(run, watch, "HGETALL", user_key(run, item->login));

    for (size_t i = 0; i < item->n_names && item->user != NULL; i++) {
        ask(run, watch, "GET", alias_key(run, item->names[i].name));

        if (i > 0) {
            ask(run, watch, "EXISTS", user_key(run, item->names[i].name));
        }
    }
}


static void
hear_item(directory_run_t *run, directory_item_t *item, bool watch)
{
    memset(&item->record, 0, sizeof(item->record));
    item->record.name = item->login;
    item->record.key = user_key(run, item->login).data;
    ctl_record_fill(&item->record, hear(run, watch));

    for (size_t i = 0; i < item->n_names && item->user != NULL; i++) {
        item->names[i].held = ctl_reply_text(hear(run, watch));

        if (i > 0) {
            item->names[i].own_record = hear(run, watch)->integer != 0;
        }
    }

    fill_stale(item);
}


static bool
is_elsewhere(const directory_item_t *item, const directory_name_t *name)
{
    return name->held.data != NULL
           && !compliance_str_eq(name->held, ctl_str(item->login));
}


/* Whoever holds one of the names, for directory_plan() to judge. */
static void
ask_holders(directory_run_t *run, directory_item_t *item, bool watch)
{
    compliance_principal_t holder;

    for (size_t i = 0; i < item->n_names; i++) {
        directory_name_t *name = &item->names[i];

        if (name->stale || !is_elsewhere(item, name)
            || compliance_principal_parse(name->held, &holder)
               != COMPLIANCE_OK)
        {
            continue;
        }

        name->holder.name = ctl_dup((compliance_str_t) { holder.data,
                                                         holder.len });
        name->holder.key = user_key(run, name->holder.name).data;
        ask(run, watch, "HGETALL", ctl_str(name->holder.key));
        ctl_wire_flush(run->wire);
        ctl_record_fill(&name->holder, hear(run, watch));
    }
}


void
directory_ask(directory_run_t *run, directory_item_t *items, size_t n,
    bool watch)
{
    for (size_t i = 0; i < n; i++) {
        ask_item(run, &items[i], watch);
    }

    ctl_wire_flush(run->wire);

    for (size_t i = 0; i < n; i++) {
        hear_item(run, &items[i], watch);
    }

    for (size_t i = 0; i < n; i++) {
        for (size_t k = 0; k < items[i].n_names; k++) {
            if (items[i].names[k].stale) {
                ask(run, watch, "GET", alias_key(run, items[i].names[k].name));
            }
        }
    }

    ctl_wire_flush(run->wire);

    for (size_t i = 0; i < n; i++) {
        for (size_t k = 0; k < items[i].n_names; k++) {
            if (items[i].names[k].stale) {
                items[i].names[k].held = ctl_reply_text(hear(run, watch));
            }
        }
    }

    for (size_t i = 0; i < n && run->last; i++) {
        ask_holders(run, &items[i], watch);
    }
}
