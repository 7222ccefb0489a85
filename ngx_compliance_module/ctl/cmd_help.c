/*
 * help and version: everything is read from the tables of main.c, options.c
 * and the fields.
 */
#include "ctl.h"

#include <string.h>


#ifndef COMPLIANCE_VERSION
#define COMPLIANCE_VERSION  "0.1.0"
#endif

static const char *const roles[] = {
    [CTL_VIEWER] = "viewer",
    [CTL_OPERATOR] = "operator",
    [CTL_ADMIN] = "admin",
};


void
ctl_usage(FILE *out, const ctl_command_t *command)
{
    fprintf(out, "usage: compliancectl %s%s%s%s\n", command->name,
            command->arguments[0] == '\0' ? "" : " ", command->arguments,
            ctl_options_taken(command) == 0 ? "" : " [OPTION...]");
}


void
ctl_overview(FILE *out)
{
    fputs("usage: compliancectl COMMAND [ARGUMENT...] [OPTION...]\n\n"
          "Commands:\n", out);

    for (size_t i = 0; i < ctl_commands_n; i++) {
        fprintf(out, "  %-16s %s\n", ctl_commands[i].name,
                ctl_commands[i].summary);
    }

    fputs("\nOptions of every command (before or behind it):\n", out);
    ctl_options_print(out, CTL_GLOBAL_OPTIONS);

    fputs("\nExit codes: 0 done, 1 not found, 2 wrong usage or value, 3 Redis "
          "is away or\nrefuses, 4 conflict with what is stored, 5 the store's "
          "content is not ours.\n"
          "More of a command: compliancectl help COMMAND\n", out);
}


static void
show(const ctl_command_t *command)
{
    ctl_usage(stdout, command);
    printf("\n%s: %s (role: %s)\n", command->name, command->summary,
           roles[command->role]);

    if (command->details != NULL) {
        putchar('\n');
        command->details();
    }

    if (ctl_options_taken(command) != 0) {
        puts("\nOptions:");
        ctl_options_print(stdout, ctl_options_taken(command));
    }

    puts("\nOptions of every command:");
    ctl_options_print(stdout, CTL_GLOBAL_OPTIONS);
}


/* "help device" shows every command of the noun. */
ctl_exit_t
ctl_help(ctl_t *ctl)
{
    const char *topic, *name;
    size_t      len, n = 0;

    if (ctl->n_args == 0) {
        ctl_overview(stdout);
        return CTL_DONE;
    }

    topic = ctl->n_args == 1 ? ctl->args[0]
                             : ctl_format("%s %s", ctl->args[0], ctl->args[1]);
    len = strlen(topic);

    for (size_t i = 0; i < ctl_commands_n; i++) {
        if (strcmp(ctl_commands[i].name, topic) == 0
            || strcmp(ctl_commands[i].name, ctl->args[0]) == 0)
        {
            show(&ctl_commands[i]);
            return CTL_DONE;
        }
    }

    for (size_t i = 0; i < ctl_commands_n; i++) {
        name = ctl_commands[i].name;

        if (strncmp(name, topic, len) == 0 && name[len] == ' ') {
            printf("  %-16s %-28s %s\n", name, ctl_commands[i].arguments,
                   ctl_commands[i].summary);
            n++;
        }
    }

    if (n == 0) {
        ctl_die(CTL_USAGE, "no command \"%s\"; see: compliancectl help",
                ctl_escape(ctl_str(topic)));
    }

    return CTL_DONE;
}


ctl_exit_t
ctl_version(ctl_t *ctl)
{
    json_t *object;

    if (ctl_given(ctl, CTL_OPT_JSON)) {
        object = ctl_json_object();
        ctl_json_set(object, "version",
                     ctl_json_text(ctl_str(COMPLIANCE_VERSION)));
        ctl_json_print(object);

    } else {
        puts("compliancectl " COMPLIANCE_VERSION);
    }

    return CTL_DONE;
}
