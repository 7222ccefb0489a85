/*
 * Inside imap_command: what the commands (imap_command.c) and the strings of
 * their arguments (imap_string.c) share.
 *
 * A function that may move the cursor moves it over one thing.  COMPLETE: it
 * stands behind that.  Anything else is the command's status, with `why` and
 * `used` filled in where they count, and is returned as it is.
 */
#ifndef COMPLIANCE_IMAP_SCAN_H
#define COMPLIANCE_IMAP_SCAN_H

#include "imap_command.h"


typedef struct {
    const char        *start;
    const char        *p;
    const char        *end;
    size_t             max;
    unsigned           granted;
    unsigned           announced;   /* synchronizing literals so far */
    compliance_imap_t *out;
} compliance_imap_cursor_t;


/* More may come, unless the command has outgrown its limit. */
compliance_imap_status_t compliance_imap_more(
    const compliance_imap_cursor_t *cursor);

/* The fault stands at or before `cursor->p`: the command ends with its line. */
compliance_imap_status_t compliance_imap_bad(
    const compliance_imap_cursor_t *cursor, const char *why);

/* COMPLETE: the cursor stands on a byte. */
compliance_imap_status_t compliance_imap_blanks(
    compliance_imap_cursor_t *cursor);

/* At least one blank, and then a byte that is not the line's end. */
compliance_imap_status_t compliance_imap_separator(
    compliance_imap_cursor_t *cursor);

/* The line's end, and with it the command's. */
compliance_imap_status_t compliance_imap_end(compliance_imap_cursor_t *cursor);

/* The cursor stands on a byte.  string: an atom, a quoted string or a
 * literal. */
compliance_imap_status_t compliance_imap_atom(
    compliance_imap_cursor_t *cursor, compliance_imap_string_t *string);
compliance_imap_status_t compliance_imap_string(
    compliance_imap_cursor_t *cursor, compliance_imap_string_t *string);

#endif
