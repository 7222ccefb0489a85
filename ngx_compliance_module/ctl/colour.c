/*
 * Colours, for a person at a terminal: what lets in is green, what warns is
 * yellow, what blocks is red.  Never in a file or a pipe, in JSON or CSV, nor
 * where NO_COLOR is set or the terminal is a dumb one.
 */
#include "colour.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>


#define END  "\033[0m"

static const struct {
    const char *word;
    const char *begin;
} words[] = {
    { "allow", "\033[32m" },
    { "ok", "\033[32m" },
    { "compliant", "\033[32m" },
    { "warning", "\033[33m" },
    { "warning:", "\033[33m" },
    { "grace", "\033[33m" },
    { "unknown", "\033[33m" },
    { "tempfail", "\033[33m" },
    { "bad_request", "\033[31m" },
    { "block", "\033[31m" },
    { "error", "\033[31m" },
    { "noncompliant", "\033[31m" },
};


static bool
coloured(int fd)
{
    const char *no = getenv("NO_COLOR"), *term = getenv("TERM");

    return isatty(fd) == 1 && (no == NULL || no[0] == '\0')
           && term != NULL && term[0] != '\0' && strcmp(term, "dumb") != 0;
}


static const char *
begin(int fd, const char *word)
{
    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
        if (strcmp(words[i].word, word) == 0) {
            return coloured(fd) ? words[i].begin : "";
        }
    }

    return "";
}


void
ctl_colour_put(FILE *out, const char *word, int width)
{
    const char *on = begin(fileno(out), word);

    fprintf(out, "%s%s%s", on, word, on[0] == '\0' ? "" : END);

    if (width > (int) strlen(word)) {
        fprintf(out, "%*s", width - (int) strlen(word), "");
    }
}
