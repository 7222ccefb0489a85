/*
 * import ldap: users, their other names and their groups out of a directory
 * (directory.h has the way through the files).
 */
#include "directory.h"
#include "history.h"

#include <stdlib.h>
#include <string.h>


#define MAX_CHANGE      10     /* per cent of the directory's users */
#define VANISHED_SHOWN  20


static void
check_groups_exist(directory_t *directory)
{
    ctl_t *ctl = directory->ctl;

    for (size_t i = 0; i < directory->settings->n_groups; i++) {
        const char *group = directory->settings->groups[i];

        if (ctl_store_ask(ctl, "SISMEMBER %s %s", ctl_key_groups(ctl),
                          group)->integer == 0)
        {
            ctl_die(CTL_CONFLICT, "there is no group \"%s\"; nothing was "
                    "written. Create it first: compliancectl group set %s "
                    "mode=report", group, group);
        }
    }
}


static void
read_directory(directory_t *directory)
{
    directory_ldap_open(directory);
    directory_users_read(directory);

    if (directory->n_users == 0) {
        ctl_die(CTL_CONTENT, "%s has no user for user_base and user_filter, "
                "or bind_dn may not see them. Nothing was written",
                ctl_escape(ctl_str(directory->settings->url)));
    }

    directory_groups_read(directory);
    directory_ldap_close(directory);
    directory_claims_settle(directory);
}


/* Whose groups change may be let in, or shut out, by the next request. */
static void
check_change(const directory_t *directory)
{
    ctl_t  *ctl = directory->ctl;
    int64_t max = ctl_option_count(ctl, CTL_OPT_MAX_CHANGE, 0, 100,
                                   MAX_CHANGE);
    size_t  change = directory->n_affected + directory->n_newly_vanished;

    if (change * 100 <= directory->n_known * (size_t) max
        || ctl_given(ctl, CTL_OPT_YES))
    {
        return;
    }

    ctl_warn("this would change the groups or the block of %zu, and mark %zu "
             "as vanished, of the %zu users kept from \"%s\"; --max-change "
             "allows %lld %%", directory->n_affected,
             directory->n_newly_vanished, directory->n_known,
             directory->settings->name, (long long) max);

    if (!ctl_confirm("Go on?")) {
        ctl_die(CTL_CONFLICT, "nothing was written. Look at it with "
                "--dry-run; --yes does it, --max-change PERCENT allows more");
    }
}


static size_t
count(const directory_t *directory, directory_outcome_t outcome)
{
    size_t n = 0;

    for (size_t i = 0; i < directory->n_users; i++) {
        n += directory->users[i].outcome == (uint8_t) outcome;
    }

    return n;
}


static json_t *
groups_json(const directory_t *directory)
{
    json_t *groups = ctl_json_object(), *group;

    for (size_t i = 0; i < directory->settings->n_groups; i++) {
        const directory_group_count_t *counts = &directory->counts[i];

        group = ctl_json_object();
        ctl_json_set(group, "members", ctl_json_int((int64_t) counts->members));
        ctl_json_set(group, "nested", ctl_json_int((int64_t) counts->nested));
        ctl_json_set(group, "others", ctl_json_int((int64_t) counts->others));
        ctl_json_set(groups, directory->settings->groups[i], group);
    }

    return groups;
}


/* The same in the report, in meta and in the audit. */
static json_t *
summary(const directory_t *directory)
{
    const struct {
        const char *name;
        size_t      value;
    } counts[] = {
        { "read", directory->n_users },
        { "created", count(directory, DIRECTORY_CREATED) },
        { "changed", count(directory, DIRECTORY_CHANGED) },
        { "unchanged", count(directory, DIRECTORY_UNCHANGED) },
        { "refused", directory->n_refused },
        { "vanished", directory->n_vanished },
        { "marked", directory->n_marked },
        { "disabled", directory->n_disabled },
        { "contested", directory->n_contested },
        { "unusable", directory->n_unusable },
        { "references", directory->n_references },
    };

    json_t *json = ctl_json_object();

    ctl_json_set(json, "source",
                 ctl_json_text(ctl_str(directory->settings->name)));
    ctl_json_set(json, "mode",
                 ctl_json_text(ctl_str(ctl_given(directory->ctl, CTL_OPT_FULL)
                                       ? "full" : "keep")));

    for (size_t i = 0; i < sizeof(counts) / sizeof(counts[0]); i++) {
        ctl_json_set(json, counts[i].name,
                     ctl_json_int((int64_t) counts[i].value));
    }

    ctl_json_set(json, "groups", groups_json(directory));

    return json;
}


static void
print_line(const char *name, size_t value, const char *meaning)
{
    if (value > 0) {
        printf("  %-14s %zu%s\n", name, value, meaning);
    }
}


static void
print_vanished(const directory_t *directory)
{
    size_t shown = ctl_given(directory->ctl, CTL_OPT_VERBOSE)
                   || directory->n_vanished < VANISHED_SHOWN
                   ? directory->n_vanished : VANISHED_SHOWN;

    if (directory->n_vanished == 0) {
        return;
    }

    printf("  %-14s %zu, no longer in the directory%s\n", "vanished",
           directory->n_vanished,
           ctl_given(directory->ctl, CTL_OPT_FULL) ? ""
               : "; --full takes the mapped groups from them");

    for (size_t i = 0; i < shown; i++) {
        printf("    %s\n", ctl_escape(ctl_str(directory->vanished[i])));
    }

    if (shown < directory->n_vanished) {
        printf("    and %zu more; --verbose lists them\n",
               directory->n_vanished - shown);
    }
}


static void
print_report(const directory_t *directory)
{
    const directory_settings_t *settings = directory->settings;

    printf("%s%s: %zu users read\n", settings->name,
           ctl_given(directory->ctl, CTL_OPT_DRY_RUN)
               ? ", dry run, nothing was written" : "", directory->n_users);

    for (size_t i = 0; i < settings->n_groups; i++) {
        const directory_group_count_t *counts = &directory->counts[i];

        printf("  group %-14s %zu members", settings->groups[i],
               counts->members);

        if (counts->nested > 0) {
            printf(", %zu groups below it", counts->nested);
        }

        if (counts->others > 0) {
            printf(", %zu that are none of the users", counts->others);
        }

        putchar('\n');
    }

    printf("  %-14s %zu\n  %-14s %zu\n  %-14s %zu\n",
           "created", count(directory, DIRECTORY_CREATED),
           "changed", count(directory, DIRECTORY_CHANGED),
           "unchanged", count(directory, DIRECTORY_UNCHANGED));
    print_line("refused", directory->n_refused, "");
    print_vanished(directory);
    print_line("disabled", directory->n_disabled,
               settings->block_disabled ? ", blocked" : ", not blocked "
                                          "(disabled = block does)");
    print_line("contested", directory->n_contested,
               " names that are also another's, not given");
    print_line("unusable", directory->n_unusable, " names and values");
    print_line("references", directory->n_references,
               " to other servers, not followed");
}


static void
plan_last(ctl_t *ctl, void *data)
{
    const directory_t *directory = data;
    json_t            *json = summary(directory);
    const char        *key = ctl_key_meta(ctl);
    char              *text;

    ctl_json_set(json, "time", ctl_json_int(ctl->now));
    ctl_json_set(json, "by", ctl_json_text(ctl_str(ctl_actor())));
    text = json_dumps(json, JSON_COMPACT);
    json_decref(json);

    if (text == NULL) {
        ctl_die(CTL_STORE, "out of memory");
    }

    ctl_keep(text, free);
    ctl_store_write(ctl, CTL_TYPE_HASH, key, "HSET %s import:%s %s", key,
                    directory->settings->name, text);
}


static void
keep_record(directory_t *directory)
{
    ctl_store_transact(directory->ctl, plan_last, directory);

    if (count(directory, DIRECTORY_CREATED) > 0
        || count(directory, DIRECTORY_CHANGED) > 0 || directory->n_marked > 0)
    {
        ctl_audit_summary(directory->ctl, summary(directory));
    }
}


static void
finish(directory_t *directory)
{
    json_t *json = NULL, *unknown = ctl_json_object(), *list;

    if (directory->ctl->json) {
        json = summary(directory);
        list = ctl_json_array();

        for (size_t i = 0; i < directory->n_vanished; i++) {
            ctl_json_add(list, ctl_json_text(ctl_str(directory->vanished[i])));
        }

        ctl_json_set(json, "vanished_users", list);
        ctl_json_set(json, "dry_run",
                     ctl_json_bool(ctl_given(directory->ctl,
                                             CTL_OPT_DRY_RUN)));
    } else {
        print_report(directory);
    }

    ctl_json_set(unknown, "result",
                 ctl_json_text(ctl_str(directory_unknown(directory,
                                                         unknown))));

    if (json != NULL) {
        ctl_json_set(json, "unknown_user", unknown);
        ctl_json_print(json);
    } else {
        json_decref(unknown);
    }
}


static void
free_directory(directory_t *directory)
{
    ctl_arena_free(&directory->arena);
    directory_map_free(&directory->dns);
    directory_map_free(&directory->accounts);
    directory_map_free(&directory->claims);
    free(directory->users);
    free(ctl_unconst(directory->vanished));
}


ctl_exit_t
ctl_import_ldap(ctl_t *ctl)
{
    directory_settings_t settings;
    directory_t          directory;
    bool                 dry_run = ctl_given(ctl, CTL_OPT_DRY_RUN);

    memset(&directory, 0, sizeof(directory));
    directory.ctl = ctl;
    directory.settings = &settings;

    directory_settings_read(ctl, ctl->args[0], &settings);
    check_groups_exist(&directory);
    read_directory(&directory);
    directory_find_vanished(&directory);

    if (dry_run || directory.n_known > 0) {
        directory_run(&directory, DIRECTORY_LOOKS, dry_run);
    }

    if (!dry_run) {
        if (directory.n_known > 0) {
            check_change(&directory);
        }

        directory_run(&directory, DIRECTORY_WRITES, true);
        keep_record(&directory);
    }

    finish(&directory);
    free_directory(&directory);

    return CTL_DONE;
}


void
ctl_import_ldap_details(void)
{
    puts("SETTINGS is a file of \"key = value\" lines:\n"
         "  preset = openldap        or ad: what the directory calls things\n"
         "  url = ldaps://HOST       or ldap://HOST with starttls = yes\n"
         "  ca_file = FILE           authorities (the system's)\n"
         "  bind_dn = DN             with password_file = FILE\n"
         "  user_base = DN           may be repeated\n"
         "  user_filter = (FILTER)\n"
         "  login = ATTRIBUTE        the name that the mail server expects\n"
         "  alias = ATTRIBUTE,...    other names of the same person\n"
         "  domain = NETBIOS         and DOMAIN\\account\n"
         "  group.NAME = DN          or a (FILTER) over users; may be "
         "repeated\n"
         "  disabled = block         disabled accounts (default: report)\n"
         "  vanished = block         with --full (default: ungroup)\n"
         "docs/directory.md has them all.");
}
