/*
 * compliancectl: the administrator's hand on the compliance store.  The table
 * below is the whole of it: usage, help and dispatch are read from there, and
 * a command is one row and one function in the file of its noun.
 */
#include "ctl.h"
#include "store.h"

#include "../core/keys.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>


#define LISTING   (CTL_BIT(CTL_OPT_LIMIT) | CTL_BIT(CTL_OPT_AFTER) \
                   | CTL_BIT(CTL_OPT_SCAN))
#define FORCIBLE  CTL_BIT(CTL_OPT_FORCE)
#define REQUEST   (CTL_BIT(CTL_OPT_USER) | CTL_BIT(CTL_OPT_DEVICE) \
                   | CTL_BIT(CTL_OPT_PROTOCOL) | CTL_BIT(CTL_OPT_AT) \
                   | CTL_BIT(CTL_OPT_CERT) | CTL_BIT(CTL_OPT_BINDING) \
                   | CTL_BIT(CTL_OPT_CLIENT_TYPE) \
                   | CTL_BIT(CTL_OPT_USER_AGENT) \
                   | CTL_BIT(CTL_OPT_ADDRESS) | CTL_BIT(CTL_OPT_LOGIN))
#define TAILING   (CTL_BIT(CTL_OPT_COUNT) | CTL_BIT(CTL_OPT_FOLLOW) \
                   | CTL_BIT(CTL_OPT_NODE))
#define ISSUING   (CTL_BIT(CTL_OPT_USER) | CTL_BIT(CTL_OPT_DEVICE) \
                   | CTL_BIT(CTL_OPT_SECRET_FILE))

const ctl_command_t ctl_commands[] = {
    { "device set", "ID FIELD=VALUE...", CTL_OPERATOR, 1, CTL_MANY, FORCIBLE,
      "create a device, or change it", ctl_device_set, ctl_device_details },
    { "device get", "ID", CTL_VIEWER, 1, 1, 0,
      "show a device and its aliases", ctl_device_get, NULL },
    { "device list", "[FIELD=VALUE...]", CTL_VIEWER, 0, CTL_MANY, LISTING,
      "list devices", ctl_device_list, NULL },
    { "device delete", "ID", CTL_OPERATOR, 1, 1, 0,
      "delete a device and its aliases", ctl_device_delete, NULL },
    { "device alias", "ID KIND VALUE", CTL_OPERATOR, 3, 3, FORCIBLE,
      "give a device another name", ctl_device_alias, ctl_alias_details },
    { "device unalias", "ID KIND VALUE", CTL_OPERATOR, 3, 3, 0,
      "take a name from a device", ctl_device_unalias, ctl_alias_details },

    { "user set", "NAME FIELD=VALUE...", CTL_ADMIN, 1, CTL_MANY, FORCIBLE,
      "create a user, or change him", ctl_user_set, ctl_user_details },
    { "user get", "NAME", CTL_VIEWER, 1, 1, 0,
      "show a user and his other names", ctl_user_get, NULL },
    { "user list", "[FIELD=VALUE...]", CTL_VIEWER, 0, CTL_MANY, LISTING,
      "list users", ctl_user_list, NULL },
    { "user delete", "NAME", CTL_ADMIN, 1, 1, 0,
      "delete a user and his other names", ctl_user_delete, NULL },
    { "user alias", "NAME OTHERNAME", CTL_ADMIN, 2, 2, FORCIBLE,
      "another spelling of the same person's login", ctl_user_alias, NULL },
    { "user unalias", "NAME OTHERNAME", CTL_ADMIN, 2, 2, 0,
      "take another name away", ctl_user_unalias, NULL },

    { "group set", "NAME FIELD=VALUE...", CTL_ADMIN, 1, CTL_MANY, 0,
      "create an enforcement group, or change it", ctl_group_set,
      ctl_group_details },
    { "group mode", "NAME off|report|enforce", CTL_ADMIN, 2, 2, 0,
      "switch a group's enforcement", ctl_group_mode, NULL },
    { "group get", "NAME", CTL_VIEWER, 1, 1, 0,
      "show a group's settings", ctl_group_get, NULL },
    { "group list", "", CTL_VIEWER, 0, 0, 0,
      "list the groups", ctl_group_list, NULL },
    { "group delete", "NAME", CTL_ADMIN, 1, 1, 0,
      "delete a group without members", ctl_group_delete, NULL },

    { "explain", "--user NAME --device ID --protocol NAME", CTL_VIEWER, 0, 0,
      REQUEST, "what the gateway would decide, and why", ctl_explain,
      ctl_explain_details },
    { "audit tail", "", CTL_VIEWER, 0, 0, TAILING,
      "show the latest decisions", ctl_audit_tail, NULL },
    { "tag issue", "--user NAME --device ID", CTL_ADMIN, 0, 0, ISSUING,
      "sign a login tag, which proves a device to IMAP", ctl_tag_issue, NULL },

    { "help", "[COMMAND]", CTL_VIEWER, 0, 2, 0,
      "show the commands, or one of them", ctl_help, NULL },
    { "version", "", CTL_VIEWER, 0, 0, 0,
      "show the version", ctl_version, NULL },
};

const size_t ctl_commands_n = sizeof(ctl_commands) / sizeof(ctl_commands[0]);


/* Does the row's name begin the words?  How many words it has, or 0. */
static size_t
row_matches(const char *name, const char *const *words, size_t n)
{
    const char *space = strchr(name, ' ');
    size_t      first;

    if (n == 0) {
        return 0;
    }

    if (space == NULL) {
        return strcmp(words[0], name) == 0 ? 1 : 0;
    }

    first = (size_t) (space - name);

    if (n < 2 || strlen(words[0]) != first
        || strncmp(words[0], name, first) != 0
        || strcmp(words[1], space + 1) != 0)
    {
        return 0;
    }

    return 2;
}


/* Nothing matched: say what comes near. */
static CTL_NORETURN void
unknown_command(const ctl_t *ctl)
{
    const char *first = ctl->args[0], *nearest, **names, *given;
    char       *verbs = ctl_format("%s", "");
    size_t      len = strlen(first);

    names = ctl_alloc_array(ctl_commands_n, sizeof(*names));

    for (size_t i = 0; i < ctl_commands_n; i++) {
        names[i] = ctl_commands[i].name;

        if (strncmp(names[i], first, len) == 0 && names[i][len] == ' ') {
            verbs = ctl_format("%s%s%s", verbs, verbs[0] == '\0' ? "" : ", ",
                               names[i] + len + 1);
        }
    }

    if (verbs[0] != '\0' && ctl->n_args < 2) {
        ctl_die(CTL_USAGE, "\"%s\" what? One of: %s", first, verbs);
    }

    given = ctl->n_args < 2 ? first
                            : ctl_format("%s %s", first, ctl->args[1]);
    nearest = ctl_nearest(given, names, ctl_commands_n);

    if (nearest == NULL) {
        nearest = ctl_nearest(first, names, ctl_commands_n);
    }

    if (nearest != NULL) {
        ctl_die(CTL_USAGE, "unknown command \"%s\"; did you mean \"%s\"?",
                ctl_escape(ctl_str(given)), nearest);
    }

    if (verbs[0] != '\0') {
        ctl_die(CTL_USAGE, "unknown command \"%s\"; \"%s\" has: %s",
                ctl_escape(ctl_str(given)), first, verbs);
    }

    ctl_die(CTL_USAGE, "unknown command \"%s\"; see: compliancectl help",
            ctl_escape(ctl_str(first)));
}


static void
find_command(ctl_t *ctl)
{
    size_t words;

    for (size_t i = 0; i < ctl_commands_n; i++) {
        words = row_matches(ctl_commands[i].name, ctl->args, ctl->n_args);

        if (words > 0) {
            ctl->command = &ctl_commands[i];
            ctl->args += words;
            ctl->n_args -= words;
            return;
        }
    }

    unknown_command(ctl);
}


static void
check_arguments(const ctl_t *ctl)
{
    const ctl_command_t *command = ctl->command;

    if (ctl->n_args < command->min_args) {
        ctl_die_usage(ctl, "\"%s\" needs more: %s", command->name,
                      command->arguments);
    }

    if (ctl->n_args > command->max_args) {
        ctl_die_usage(ctl, "\"%s\" takes no \"%s\"", command->name,
                      ctl_escape(ctl_str(ctl->args[command->max_args])));
    }
}


static ctl_exit_t
run(ctl_t *ctl, int argc, char **argv)
{
    ctl_options_parse(ctl, argc, argv);

    if (ctl->n_args == 0) {
        if (ctl_given(ctl, CTL_OPT_VERSION)) {
            return ctl_version(ctl);
        }

        ctl_overview(ctl_given(ctl, CTL_OPT_HELP) ? stdout : stderr);

        return ctl_given(ctl, CTL_OPT_HELP) ? CTL_DONE : CTL_USAGE;
    }

    if (ctl_given(ctl, CTL_OPT_HELP)) {
        return ctl_help(ctl);
    }

    find_command(ctl);
    ctl_options_finish(ctl);
    check_arguments(ctl);

    ctl->prefix = ctl_str(ctl_given(ctl, CTL_OPT_PREFIX)
                          ? ctl->options[CTL_OPT_PREFIX]
                          : COMPLIANCE_PREFIX_DEFAULT);

    if (ctl->prefix.len > COMPLIANCE_PREFIX_MAX) {
        ctl_die_usage(ctl, "--prefix is too long: at most %d bytes",
                      COMPLIANCE_PREFIX_MAX);
    }

    return ctl->command->run(ctl);
}


int
main(int argc, char **argv)
{
    ctl_t      ctl;
    ctl_exit_t code;

    memset(&ctl, 0, sizeof(ctl));
    ctl.now = (int64_t) time(NULL);

    code = run(&ctl, argc, argv);

    ctl_store_close(&ctl);

    if (fflush(stdout) != 0 || ferror(stdout)) {
        ctl_die(CTL_STORE, "cannot write the answer: %s", strerror(errno));
    }

    ctl_release(NULL);

    return (int) code;
}
