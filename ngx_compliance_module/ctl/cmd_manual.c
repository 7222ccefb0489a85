/*
 * The manual page, made of the tables: commands.c, options.c and the fields.
 */
#include "record.h"

#include <string.h>


static const char *const roles[] = {
    [CTL_VIEWER] = "viewer",
    [CTL_OPERATOR] = "operator",
    [CTL_ADMIN] = "admin",
};


/* What roff would read as its own is escaped. */
static void
roff(const char *text)
{
    for (const char *p = text; *p != '\0'; p++) {
        if (*p == '\\') {
            fputs("\\e", stdout);

        } else if (*p == '-') {
            fputs("\\-", stdout);

        } else if ((*p == '.' || *p == '\'') && p == text) {
            printf("\\&%c", *p);

        } else {
            putchar(*p);
        }
    }
}


static void
print_option(ctl_opt_t opt)
{
    fputs(".TP\n.B ", stdout);

    if (ctl_option_letter(opt) != 0) {
        printf("\\-%c, ", ctl_option_letter(opt));
    }

    fputs("\\-\\-", stdout);
    roff(ctl_option_name(opt));

    if (ctl_option_value(opt) != NULL) {
        putchar(' ');
        roff(ctl_option_value(opt));
    }

    putchar('\n');
    roff(ctl_option_summary(opt));

    if (ctl_option_environment(opt) != NULL) {
        printf(" (environment: %s)", ctl_option_environment(opt));
    }

    putchar('\n');
}


static void
print_command(const ctl_command_t *command)
{
    uint64_t taken = ctl_options_taken(command);
    bool     first = true;

    fputs(".TP\n.B ", stdout);
    roff(command->name);
    putchar(' ');
    roff(command->arguments);
    putchar('\n');
    roff(command->summary);
    printf(" (role: %s).\n", roles[command->role]);

    for (size_t i = 0; i < CTL_OPTIONS; i++) {
        if (taken & CTL_BIT(i)) {
            fputs(first ? "Options: " : ", ", stdout);
            fputs("\\-\\-", stdout);
            roff(ctl_option_name((ctl_opt_t) i));
            first = false;
        }
    }

    if (!first) {
        puts(".");
    }
}


static void
print_fields(const ctl_kind_t *kind)
{
    printf(".SS Fields of a %s\n", kind->noun);

    for (size_t i = 0; i < kind->n; i++) {
        if (kind->fields[i].check != NULL) {
            fputs(".TP\n.B ", stdout);
            roff(kind->fields[i].name);
            putchar('\n');
            roff(kind->fields[i].expects);
            putchar('\n');
        }
    }
}


ctl_exit_t
ctl_manual(ctl_t *ctl)
{
    (void) ctl;

    puts(".TH COMPLIANCECTL 1 \"\" \"compliance gateway\" \"User Commands\"\n"
         ".SH NAME\n"
         "compliancectl \\- devices, users, groups and decisions of the "
         "compliance gateway\n"
         ".SH SYNOPSIS\n"
         ".B compliancectl\n.I COMMAND\n.RI [ ARGUMENT ...]\n"
         ".RI [ OPTION ...]\n"
         ".SH DESCRIPTION\n"
         "Writes the records by which the gateway decides who may read mail "
         "from which\ndevice, explains decisions, and reads the audit. It "
         "talks to Redis directly; what\nit writes holds for the next "
         "request.\n"
         ".B compliancectl help\n.I COMMAND\nshows a command with its fields "
         "and options.\n"
         ".SH COMMANDS");

    for (size_t i = 0; i < ctl_commands_n; i++) {
        print_command(&ctl_commands[i]);
    }

    puts(".SH OPTIONS\nThe first ones are every command's.");

    for (size_t i = 0; i < CTL_OPTIONS; i++) {
        print_option((ctl_opt_t) i);
    }

    puts(".SH FIELDS");
    print_fields(&ctl_device_kind);
    print_fields(&ctl_user_kind);
    print_fields(ctl_group_kind());

    puts(".SH FILES\n.TP\n.B /etc/compliancectl.conf, "
         "~/.config/compliancectl.conf\n"
         "Options as \\(dqname = value\\(dq lines: those that have an "
         "environment variable.\n"
         "The command line comes first, then the environment, the user's file, "
         "the system's.\n"
         ".SH EXIT STATUS\n"
         "0 done, 1 not found, 2 wrong usage or value, 3 Redis is away or "
         "refuses,\n4 conflict with what is stored, 5 the store's content is "
         "not as it should be.\n"
         ".SH SEE ALSO\n.BR redis\\-cli (1),\n.BR nginx (8)");

    return CTL_DONE;
}
