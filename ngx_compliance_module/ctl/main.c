/*
 * compliancectl: the administrator's hand on the compliance store.  Finds the
 * command's row in commands.c and runs it.
 */
#include "ctl.h"
#include "store.h"

#include "../core/keys.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>


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
