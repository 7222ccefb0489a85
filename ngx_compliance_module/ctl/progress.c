/*
 * How far a long work is: a bar that is drawn over on a terminal, a line now
 * and then elsewhere, so that a log stays readable.  On stderr, never in the
 * way of the answer.
 */
#include "bulk.h"

#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>


#define REDRAW_MS   100
#define LINE_MS     15000
#define GUESS_MS    2000    /* an earlier guess would be a lie */
#define BAR_MAX     40
#define COLUMNS     80

struct ctl_progress_s {
    const char *what;
    int64_t     total;
    bool        terminal;
    bool        drawn;
    int64_t     begun_ms;
    int64_t     shown_ms;
};

static ctl_progress_t *shown;   /* the one whose bar is on the terminal */


static int64_t
now_ms(void)
{
    struct timespec now;

    if (clock_gettime(CLOCK_MONOTONIC, &now) != 0) {
        return 0;
    }

    return (int64_t) now.tv_sec * 1000 + now.tv_nsec / 1000000;
}


ctl_progress_t *
ctl_progress_begin(const char *what, int64_t total)
{
    ctl_progress_t *progress = ctl_alloc(sizeof(*progress));

    progress->what = what;
    progress->total = total;
    progress->terminal = isatty(STDERR_FILENO) == 1;
    progress->begun_ms = progress->shown_ms = now_ms();

    return progress;
}


void
ctl_progress_total(ctl_progress_t *progress, int64_t total)
{
    progress->total = total;
}


/* "3 m 20 s" */
static void
span(char *out, size_t cap, int64_t seconds)
{
    if (seconds >= 3600) {
        (void) snprintf(out, cap, "%lld h %lld m", (long long) seconds / 3600,
                        (long long) seconds % 3600 / 60);

    } else if (seconds >= 60) {
        (void) snprintf(out, cap, "%lld m %lld s", (long long) seconds / 60,
                        (long long) seconds % 60);

    } else {
        (void) snprintf(out, cap, "%lld s", (long long) seconds);
    }
}


/* ", 43 %, 1 m 10 s to go" */
static void
state(const ctl_progress_t *progress, int64_t done, int64_t spent_ms,
    char *out, size_t cap)
{
    char   left[48];
    double part;

    out[0] = '\0';

    if (progress->total <= 0 || done <= 0) {
        return;
    }

    part = (double) done / (double) progress->total;
    part = part > 1 ? 1 : part;

    if (spent_ms < GUESS_MS) {
        (void) snprintf(out, cap, "%3.0f %%", part * 100);
        return;
    }

    span(left, sizeof(left),
         (int64_t) ((double) spent_ms * (1 / part - 1) / 1000 + 0.5));
    (void) snprintf(out, cap, "%3.0f %%, %s to go", part * 100, left);
}


static void
draw(ctl_progress_t *progress, int64_t done, const char *text)
{
    char           bar[BAR_MAX + 1];
    struct winsize size;
    int            columns = COLUMNS, room, full;

    if (ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0) {
        columns = size.ws_col;
    }

    room = columns - (int) strlen(progress->what) - 36;
    room = room > BAR_MAX ? BAR_MAX : room;

    if (progress->total > 0 && room > 4) {
        full = done >= progress->total ? room
               : (int) ((double) done / (double) progress->total * room);
        memset(bar, '.', (size_t) room);
        memset(bar, '#', (size_t) full);
        bar[room] = '\0';
        fprintf(stderr, "\r%s [%s] %s\033[K", progress->what, bar, text);

    } else if (progress->total > 0) {
        fprintf(stderr, "\r%s %s\033[K", progress->what, text);

    } else {
        fprintf(stderr, "\r%s %lld\033[K", progress->what, (long long) done);
    }

    (void) fflush(stderr);
    progress->drawn = true;
    shown = progress;
}


void
ctl_progress_at(ctl_progress_t *progress, int64_t done)
{
    char    text[96];
    int64_t now = now_ms();

    if (now - progress->shown_ms < (progress->terminal ? REDRAW_MS : LINE_MS)) {
        return;
    }

    progress->shown_ms = now;
    state(progress, done, now - progress->begun_ms, text, sizeof(text));

    if (progress->terminal) {
        draw(progress, done, text);

    } else if (progress->total > 0) {
        fprintf(stderr, "compliancectl: %s: %s\n", progress->what, text);

    } else {
        fprintf(stderr, "compliancectl: %s: %lld so far\n", progress->what,
                (long long) done);
    }
}


void
ctl_progress_hide(void)
{
    if (shown != NULL && shown->drawn) {
        fputs("\r\033[K", stderr);
        (void) fflush(stderr);
        shown->drawn = false;
        shown = NULL;
    }
}


void
ctl_progress_end(ctl_progress_t *progress)
{
    (void) progress;
    ctl_progress_hide();
}
