/*
 * A policy's mistake as a text for its author: where, what, and the way out.
 */
#include "policy_reading.h"
#include "nearest.h"

#include <stdarg.h>
#include <stdio.h>


bool
compliance_wrong(compliance_reading_t *r, const char *path,
    const char *format, ...)
{
    va_list args;

    /* cut where they are too long: both are for a person */
    (void) snprintf(r->error->path, sizeof(r->error->path), "%s", path);

    va_start(args, format);
    (void) vsnprintf(r->error->message, sizeof(r->error->message), format,
                     args);
    va_end(args);

    return false;
}


bool
compliance_wrong_name(compliance_reading_t *r, const char *path,
    const char *what, const char *name, const char *const *names, size_t n)
{
    compliance_buf_t text;
    const char      *nearest = compliance_nearest(name, names, n);

    (void) snprintf(r->error->path, sizeof(r->error->path), "%s", path);
    compliance_buf_init(&text, r->error->message, sizeof(r->error->message));
    compliance_buf_str(&text, what);

    if (nearest != NULL) {
        compliance_buf_str(&text, " has no such name; did you mean \"");
        compliance_buf_str(&text, nearest);
        compliance_buf_str(&text, "\"?");
        return false;
    }

    compliance_buf_str(&text, " has no such name; it has ");

    for (size_t i = 0; i < n; i++) {
        compliance_buf_str(&text, i == 0 ? "" : i + 1 < n ? ", " : " and ");
        compliance_buf_str(&text, names[i]);
    }

    return false;
}
