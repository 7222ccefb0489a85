/*
 * What a person reads on stderr: "compliancectl: what is wrong; what to do".
 * Values inside messages are escaped by the caller with ctl_escape().
 */
#include "colour.h"

#include "../core/nearest.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>


#define NOTES_MAX      16

static const char *notes[NOTES_MAX];
static size_t      n_notes;


/* Leaves the format's own text to the caller, which has the va_list. */
static void
begin_line(const char *kind)
{
    (void) fflush(stdout);
    fprintf(stderr, "compliancectl: %s", kind);
}


CTL_NORETURN void
ctl_die(ctl_exit_t code, const char *format, ...)
{
    va_list args;

    begin_line("");
    va_start(args, format);
    vfprintf(stderr, format, args);
    va_end(args);
    fputc('\n', stderr);

    exit((int) code);
}


CTL_NORETURN void
ctl_die_usage(const ctl_t *ctl, const char *format, ...)
{
    va_list args;

    begin_line("");
    va_start(args, format);
    vfprintf(stderr, format, args);
    va_end(args);
    fputc('\n', stderr);

    if (ctl->command != NULL) {
        ctl_usage(stderr, ctl->command);
    } else {
        fputs("try: compliancectl help\n", stderr);
    }

    exit(CTL_USAGE);
}


void
ctl_warn(const char *format, ...)
{
    va_list args;

    begin_line("");
    ctl_colour_put(stderr, "warning:", 0);
    fputc(' ', stderr);
    va_start(args, format);
    vfprintf(stderr, format, args);
    va_end(args);
    fputc('\n', stderr);
}


void
ctl_note(const char *format, ...)
{
    char    text[1024];
    va_list args;

    va_start(args, format);
    (void) vsnprintf(text, sizeof(text), format, args);
    va_end(args);

    if (n_notes < NOTES_MAX) {
        notes[n_notes++] = ctl_dup(ctl_str(text));
    }
}


void
ctl_notes_drop(void)
{
    n_notes = 0;
}


void
ctl_notes_flush(void)
{
    for (size_t i = 0; i < n_notes; i++) {
        ctl_warn("%s", notes[i]);
    }

    n_notes = 0;
}


bool
ctl_confirm(const char *question)
{
    char answer[16];

    if (isatty(STDIN_FILENO) != 1 || isatty(STDERR_FILENO) != 1) {
        return false;
    }

    fprintf(stderr, "%s [y/N] ", question);
    (void) fflush(stderr);

    return fgets(answer, sizeof(answer), stdin) != NULL
           && (answer[0] == 'y' || answer[0] == 'Y');
}


const char *
ctl_nearest(const char *text, const char *const *names, size_t n)
{
    return compliance_nearest(text, names, n);
}
