/*
 * Completions for bash, zsh and fish, made of the tables.  Names of groups are
 * asked of the store when they are completed; everything else is in the
 * script.
 */
#include "record.h"

#include <string.h>


/* The commands whose first argument is a group's name. */
#define GROUP_NOUN  "group "


/* Of a command that takes FIELD=VALUE: the fields of its noun. */
static const ctl_kind_t *
kind_of(const ctl_command_t *command)
{
    if (strstr(command->arguments, "FIELD=VALUE") == NULL) {
        return NULL;
    }

    return strncmp(command->name, "device ", 7) == 0 ? &ctl_device_kind
           : strncmp(command->name, "user ", 5) == 0 ? &ctl_user_kind
           : strncmp(command->name, GROUP_NOUN, 6) == 0 ? ctl_group_kind()
           : NULL;
}


/* "--redis --db ...": the command's options, or with NULL every command's. */
static void
print_options(const ctl_command_t *command, const char *begin)
{
    uint64_t which = command == NULL ? CTL_GLOBAL_OPTIONS
                                     : ctl_options_taken(command);

    for (size_t i = 0; i < CTL_OPTIONS; i++) {
        if (which & CTL_BIT(i)) {
            printf("%s--%s", begin, ctl_option_name((ctl_opt_t) i));
            begin = " ";
        }
    }
}


static void
print_words(const ctl_command_t *command)
{
    const ctl_kind_t *kind = kind_of(command);

    print_options(command, "");

    for (size_t i = 0; kind != NULL && i < kind->n; i++) {
        if (kind->fields[i].check != NULL) {
            printf(" %s=", kind->fields[i].name);
        }
    }

    if (strcmp(command->name, "group mode") == 0) {
        fputs(" off report enforce", stdout);
    }

    if (strcmp(command->name, "completion") == 0) {
        fputs(" bash zsh fish", stdout);
    }
}


/* The noun is told once, however many verbs it has. */
static bool
first_of_noun(size_t i, size_t *len)
{
    const char *name = ctl_commands[i].name;

    *len = strcspn(name, " ");

    for (size_t k = 0; k < i; k++) {
        if (strncmp(ctl_commands[k].name, name, *len) == 0
            && (ctl_commands[k].name[*len] == ' '
                || ctl_commands[k].name[*len] == '\0'))
        {
            return false;
        }
    }

    return true;
}


static void
print_nouns(void)
{
    size_t len;

    for (size_t i = 0; i < ctl_commands_n; i++) {
        if (first_of_noun(i, &len)) {
            printf("%s%.*s", i == 0 ? "" : " ", (int) len,
                   ctl_commands[i].name);
        }
    }
}


/* What bash and zsh share: the words that may stand there.  $1 and $2 are the
 * command's words, $3 how many words stand before the one completed. */
static void
print_shell_function(void)
{
    size_t len;

    puts("_compliancectl_words() {\n    case \"$1 $2\" in");

    for (size_t i = 0; i < ctl_commands_n; i++) {
        const ctl_command_t *command = &ctl_commands[i];
        bool                 two = strchr(command->name, ' ') != NULL;

        printf("    \"%s\"%s)\n        ", command->name, two ? "" : "\\ *");

        if (strncmp(command->name, GROUP_NOUN, 6) == 0
            && strcmp(command->name, "group list") != 0)
        {
            fputs("[ \"$3\" = 3 ] && compliancectl group list 2>/dev/null "
                  "| sed 1d | cut -d' ' -f1\n        ", stdout);
        }

        fputs("echo \"", stdout);
        print_words(command);
        print_options(NULL, " ");
        puts("\";;");
    }

    for (size_t i = 0; i < ctl_commands_n; i++) {
        if (!first_of_noun(i, &len) || ctl_commands[i].name[len] == '\0') {
            continue;
        }

        printf("    \"%.*s \"*) echo \"", (int) len, ctl_commands[i].name);

        for (size_t k = i; k < ctl_commands_n; k++) {
            if (strncmp(ctl_commands[k].name, ctl_commands[i].name, len + 1)
                == 0)
            {
                printf("%s%s", k == i ? "" : " ",
                       ctl_commands[k].name + len + 1);
            }
        }

        puts("\";;");
    }

    fputs("    *) echo \"", stdout);
    print_nouns();
    print_options(NULL, " ");
    puts("\";;\n    esac\n}");
}


/* The options whose value is a file or a known word. */
static void
print_values(const char *files)
{
    puts("    case \"$previous\" in");
    fputs("    ", stdout);

    for (size_t i = 0, n = 0; i < CTL_OPTIONS; i++) {
        if (ctl_option_value((ctl_opt_t) i) != NULL
            && strcmp(ctl_option_value((ctl_opt_t) i), "FILE") == 0)
        {
            printf("%s--%s", n++ == 0 ? "" : "|", ctl_option_name((ctl_opt_t) i));
        }
    }

    printf(") %s;;\n    --protocol) words=\"", files);

    for (int i = 1; i < COMPLIANCE_PROTOCOLS; i++) {
        printf("%s%s", i == 1 ? "" : " ",
               compliance_protocol_name((compliance_protocol_t) i));
    }

    puts("\";;\n    esac");
}


static void
print_bash(void)
{
    puts("# bash completion of compliancectl");
    print_shell_function();
    puts("_compliancectl() {\n"
         "    local current=${COMP_WORDS[COMP_CWORD]} words\n"
         "    local previous=${COMP_WORDS[COMP_CWORD-1]} first= second=\n"
         "    [ $COMP_CWORD -gt 1 ] && first=${COMP_WORDS[1]}\n"
         "    [ $COMP_CWORD -gt 2 ] && second=${COMP_WORDS[2]}\n"
         "    words=$(_compliancectl_words \"$first\" \"$second\" "
         "$COMP_CWORD)");
    print_values("COMPREPLY=( $(compgen -f -- \"$current\") ); return");
    puts("    COMPREPLY=( $(compgen -W \"$words\" -- \"$current\") )\n"
         "    case \"${COMPREPLY[0]}\" in *=) compopt -o nospace 2>/dev/null;; "
         "esac\n"
         "    return 0\n"
         "}\n"
         "complete -o default -F _compliancectl compliancectl");
}


static void
print_zsh(void)
{
    puts("#compdef compliancectl");
    print_shell_function();
    puts("_compliancectl() {\n"
         "    local previous=${words[CURRENT-1]} first= second= found\n"
         "    (( CURRENT > 2 )) && first=${words[2]}\n"
         "    (( CURRENT > 3 )) && second=${words[3]}\n"
         "    found=$(_compliancectl_words \"$first\" \"$second\" "
         "$((CURRENT - 1)))");
    puts("    case \"$previous\" in");
    fputs("    ", stdout);

    for (size_t i = 0, n = 0; i < CTL_OPTIONS; i++) {
        if (ctl_option_value((ctl_opt_t) i) != NULL
            && strcmp(ctl_option_value((ctl_opt_t) i), "FILE") == 0)
        {
            printf("%s--%s", n++ == 0 ? "" : "|", ctl_option_name((ctl_opt_t) i));
        }
    }

    puts(") _files; return;;\n    esac\n"
         "    compadd -- ${=found}\n"
         "}\n"
         "if [ \"$funcstack[1]\" = _compliancectl ]; then\n"
         "    _compliancectl \"$@\"\n"
         "elif whence compdef >/dev/null; then\n"
         "    compdef _compliancectl compliancectl\n"
         "fi");
}


/* fish's quotes hold everything but themselves and the backslash. */
static void
fish_text(const char *text)
{
    putchar('\'');

    for ( ; *text != '\0'; text++) {
        if (*text == '\'' || *text == '\\') {
            putchar('\\');
        }

        putchar(*text);
    }

    putchar('\'');
}


static void
print_fish_command(const ctl_command_t *command)
{
    size_t            len = strcspn(command->name, " ");
    uint64_t          taken = ctl_options_taken(command);
    char             *seen;
    const ctl_kind_t *kind = kind_of(command);

    seen = ctl_format("__fish_seen_subcommand_from %.*s", (int) len,
                      command->name);

    if (command->name[len] == ' ') {
        printf("complete -c compliancectl -f -n \"%s; and test (count "
               "(commandline -opc)) -eq 2\" -a %s -d ", seen,
               command->name + len + 1);
        fish_text(command->summary);
        putchar('\n');
        seen = ctl_format("%s; and __fish_seen_subcommand_from %s", seen,
                          command->name + len + 1);
    }

    for (size_t i = 0; i < CTL_OPTIONS; i++) {
        if (taken & CTL_BIT(i)) {
            printf("complete -c compliancectl -n \"%s\" -l %s%s -d ", seen,
                   ctl_option_name((ctl_opt_t) i),
                   ctl_option_value((ctl_opt_t) i) == NULL ? "" : " -r");
            fish_text(ctl_option_summary((ctl_opt_t) i));
            putchar('\n');
        }
    }

    for (size_t i = 0; kind != NULL && i < kind->n; i++) {
        if (kind->fields[i].check != NULL) {
            printf("complete -c compliancectl -f -n \"%s\" -a %s= -d ", seen,
                   kind->fields[i].name);
            fish_text(kind->fields[i].expects);
            putchar('\n');
        }
    }
}


static void
print_fish(void)
{
    size_t len;

    puts("# fish completion of compliancectl\n"
         "complete -c compliancectl -f");

    for (size_t i = 0; i < ctl_commands_n; i++) {
        if (first_of_noun(i, &len)) {
            printf("complete -c compliancectl -f -n __fish_use_subcommand "
                   "-a %.*s\n", (int) len, ctl_commands[i].name);
        }
    }

    for (size_t i = 0; i < CTL_OPTIONS; i++) {
        if (CTL_GLOBAL_OPTIONS & CTL_BIT(i)) {
            printf("complete -c compliancectl -l %s%s -d ",
                   ctl_option_name((ctl_opt_t) i),
                   ctl_option_value((ctl_opt_t) i) == NULL ? "" : " -r");
            fish_text(ctl_option_summary((ctl_opt_t) i));
            putchar('\n');
        }
    }

    for (size_t i = 0; i < ctl_commands_n; i++) {
        print_fish_command(&ctl_commands[i]);
    }
}


ctl_exit_t
ctl_completion(ctl_t *ctl)
{
    static const struct {
        const char *shell;
        void      (*print)(void);
    } shells[] = {
        { "bash", print_bash }, { "zsh", print_zsh }, { "fish", print_fish },
    };

    for (size_t i = 0; i < sizeof(shells) / sizeof(shells[0]); i++) {
        if (strcmp(ctl->args[0], shells[i].shell) == 0) {
            shells[i].print();
            return CTL_DONE;
        }
    }

    ctl_die_usage(ctl, "no completion for \"%s\"; there is one for bash, zsh "
                  "and fish", ctl_escape(ctl_str(ctl->args[0])));
}
