/*
 * Completion for shells, and the manual page: printed from the rows of
 * commands.c and options.c, so that neither can grow stale.
 */
#include "record.h"

#include <string.h>


static const char *const shells[] = { "bash", "zsh", "fish" };


/* The words that may follow a command, beside its options. */
static void
print_fields(const ctl_command_t *command)
{
    const ctl_kind_t *kind;

    if (strstr(command->arguments, "FIELD=") == NULL) {
        return;
    }

    kind = strncmp(command->name, "device", 6) == 0 ? &ctl_device_kind
           : strncmp(command->name, "user", 4) == 0 ? &ctl_user_kind
                                                    : ctl_group_kind();

    for (size_t i = 0; i < kind->n; i++) {
        printf(" %s=", kind->fields[i].name);
    }
}


static void
print_options(uint64_t taken)
{
    for (size_t i = 0; i < CTL_OPTIONS; i++) {
        if (taken & CTL_BIT(i)) {
            printf(" --%s", ctl_option_name((ctl_opt_t) i));
        }
    }
}


/* Both words of two-word names; each first word once. */
static void
print_firsts(void)
{
    const char *last = "";
    size_t      len, last_len = 0;

    for (size_t i = 0; i < ctl_commands_n; i++) {
        len = strcspn(ctl_commands[i].name, " ");

        if (len != last_len || strncmp(last, ctl_commands[i].name, len) != 0) {
            printf(" %.*s", (int) len, ctl_commands[i].name);
        }

        last = ctl_commands[i].name;
        last_len = len;
    }
}


/* Behind the first word of two: one row for each first word. */
static void
print_seconds(void)
{
    bool first;

    for (size_t i = 0; i < ctl_commands_n; i++) {
        const char *name = ctl_commands[i].name, *space = strchr(name, ' ');
        size_t      len = space == NULL ? 0 : (size_t) (space - name);

        first = len > 0;

        for (size_t j = 0; j < i; j++) {
            first = first && strncmp(ctl_commands[j].name, name, len + 1) != 0;
        }

        if (!first) {
            continue;
        }

        printf("    '%.*s '*) words='", (int) len, name);

        for (size_t j = i; j < ctl_commands_n; j++) {
            if (strncmp(ctl_commands[j].name, name, len + 1) == 0) {
                printf(" %s", ctl_commands[j].name + len + 1);
            }
        }

        puts("' ;;");
    }
}


static void
print_bash(bool zsh)
{
    if (zsh) {
        puts("#compdef compliancectl\nautoload -U +X bashcompinit && "
             "bashcompinit");
    }

    puts("_compliancectl() {\n"
         "    local word=${COMP_WORDS[COMP_CWORD]} words first=${COMP_WORDS[1]}"
         " second=${COMP_WORDS[2]}\n"
         "    COMPREPLY=()\n"
         "    [ \"$COMP_CWORD\" -lt 2 ] && first=\n"
         "    [ \"$COMP_CWORD\" -lt 3 ] && second=\n"
         "    case \"$first $second\" in");
    fputs("    ' ') words='", stdout);
    print_firsts();
    print_options(CTL_GLOBAL_OPTIONS);
    puts("' ;;");

    for (size_t i = 0; i < ctl_commands_n; i++) {
        const char *name = ctl_commands[i].name;

        printf(strchr(name, ' ') != NULL ? "    '%s') words='"
                                         : "    '%s '*) words='", name);
        print_fields(&ctl_commands[i]);
        print_options(ctl_options_taken(&ctl_commands[i])
                      | CTL_GLOBAL_OPTIONS);
        puts("' ;;");
    }

    print_seconds();
    puts("    esac\n"
         "    COMPREPLY=($(compgen -W \"$words\" -- \"$word\"))\n"
         "    [ ${#COMPREPLY[@]} -gt 0 ] || "
         "COMPREPLY=($(compgen -f -- \"$word\"))\n"
         "    case ${COMPREPLY[0]} in *=) type compopt >/dev/null 2>&1 && "
         "compopt -o nospace ;; esac 2>/dev/null\n"
         "}\n"
         "complete -F _compliancectl compliancectl");
}


static void
print_fish(void)
{
    const char *name, *space;

    puts("complete -c compliancectl -e");

    for (size_t i = 0; i < ctl_commands_n; i++) {
        name = ctl_commands[i].name;
        space = strchr(name, ' ');

        if (space == NULL) {
            printf("complete -c compliancectl -n __fish_use_subcommand -a %s "
                   "-d \"%s\"\n", name, ctl_commands[i].summary);
        } else {
            printf("complete -c compliancectl -n __fish_use_subcommand -a "
                   "%.*s\n"
                   "complete -c compliancectl -n "
                   "\"__fish_seen_subcommand_from %.*s\" -a %s -d \"%s\"\n",
                   (int) (space - name), name, (int) (space - name), name,
                   space + 1, ctl_commands[i].summary);
        }
    }

    for (size_t i = 0; i < CTL_OPTIONS; i++) {
        printf("complete -c compliancectl -l %s%s -d \"%s\"\n",
               ctl_option_name((ctl_opt_t) i),
               ctl_option_value((ctl_opt_t) i) == NULL ? "" : " -r",
               ctl_option_summary((ctl_opt_t) i));
    }
}


/* roff reads '-' as a hyphen, and a line's first '.' as a request. */
static void
print_roff(const char *text)
{
    for (const char *p = text; *p != '\0'; p++) {
        fputs(*p == '-' ? "\\-" : *p == '\\' ? "\\e" : "", stdout);

        if (*p != '-' && *p != '\\') {
            putchar(*p);
        }
    }
}


static void
print_man(void)
{
    puts(".TH COMPLIANCECTL 1 \"\" \"compliance gateway\" \"User Commands\"\n"
         ".SH NAME\ncompliancectl \\- devices, users, groups and decisions of "
         "the compliance gateway\n.SH SYNOPSIS\n.B compliancectl\n.I COMMAND\n"
         ".RI [ ARGUMENT ...]\n.RI [ OPTION ...]\n.SH DESCRIPTION\n"
         "Writes the records by which the gateway decides who may read mail "
         "from which device,\nexplains decisions, and shows the audit. It "
         "talks to Redis directly; what it writes\nholds for the next "
         "request.\n.SH COMMANDS");

    for (size_t i = 0; i < ctl_commands_n; i++) {
        fputs(".TP\n\\fB", stdout);
        print_roff(ctl_commands[i].name);
        fputs("\\fR ", stdout);
        print_roff(ctl_commands[i].arguments);
        fputs("\n\\&", stdout);
        print_roff(ctl_commands[i].summary);
        puts(".");
    }

    puts(".SH OPTIONS");

    for (size_t i = 0; i < CTL_OPTIONS; i++) {
        const char *value = ctl_option_value((ctl_opt_t) i);

        fputs(".TP\n\\fB\\-\\-", stdout);
        print_roff(ctl_option_name((ctl_opt_t) i));
        fputs("\\fR ", stdout);
        print_roff(value == NULL ? "" : value);
        fputs("\n\\&", stdout);
        print_roff(ctl_option_summary((ctl_opt_t) i));

        if (ctl_option_environment((ctl_opt_t) i) != NULL) {
            printf(" [%s]", ctl_option_environment((ctl_opt_t) i));
        }

        puts(".");
    }

    puts(".SH FILES\n/etc/compliancectl.conf, ~/.config/compliancectl.conf: "
         "NAME = VALUE, for what has\nan environment variable.\n"
         ".SH EXIT STATUS\n0 done, 1 not found, 2 wrong usage or value, 3 "
         "Redis is away or refuses, 4\nconflict with what is stored, 5 the "
         "store's content is not ours.");
}


ctl_exit_t
ctl_completion(ctl_t *ctl)
{
    const char *what = ctl->args[0], *nearest;

    if (strcmp(what, "man") == 0) {
        print_man();

    } else if (strcmp(what, "fish") == 0) {
        print_fish();

    } else if (strcmp(what, "bash") == 0 || strcmp(what, "zsh") == 0) {
        print_bash(what[0] == 'z');

    } else {
        nearest = ctl_nearest(what, shells, sizeof(shells) / sizeof(*shells));
        ctl_die(CTL_USAGE, "no completion for \"%s\"; %s%s",
                ctl_escape(ctl_str(what)),
                nearest == NULL ? "there is one for bash, zsh and fish"
                                : "did you mean ",
                nearest == NULL ? "" : nearest);
    }

    return CTL_DONE;
}
