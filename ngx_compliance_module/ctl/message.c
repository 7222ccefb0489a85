/*
 * What a person reads on stderr: "compliancectl: what is wrong; what to do".
 * Values inside messages are escaped by the caller with ctl_escape().
 */
#include "ctl.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>


#define NAME_MAX_LEN   64   /* a longer word is not a typo of a name */
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

    begin_line("warning: ");
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


/* Levenshtein distance, two rows. */
static size_t
distance(const char *a, const char *b)
{
    size_t rows[2][NAME_MAX_LEN + 1], la, lb, best;

    la = strlen(a);
    lb = strlen(b);

    if (la > NAME_MAX_LEN || lb > NAME_MAX_LEN) {
        return SIZE_MAX;
    }

    for (size_t j = 0; j <= lb; j++) {
        rows[0][j] = j;
    }

    for (size_t i = 1; i <= la; i++) {
        size_t *row = rows[i & 1], *above = rows[(i - 1) & 1];

        row[0] = i;

        for (size_t j = 1; j <= lb; j++) {
            best = above[j - 1] + (a[i - 1] != b[j - 1]);

            if (above[j] + 1 < best) {
                best = above[j] + 1;
            }

            if (row[j - 1] + 1 < best) {
                best = row[j - 1] + 1;
            }

            row[j] = best;
        }
    }

    return rows[la & 1][lb];
}


const char *
ctl_nearest(const char *text, const char *const *names, size_t n)
{
    size_t      d, best;
    const char *nearest;

    nearest = NULL;
    best = strlen(text) / 3 + 2;   /* more mistakes than that is a guess */

    for (size_t i = 0; i < n; i++) {
        d = distance(text, names[i]);

        if (d < best && d < strlen(names[i])) {
            best = d;
            nearest = names[i];
        }
    }

    return nearest;
}
