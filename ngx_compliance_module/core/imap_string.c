/*
 * The strings of a command before login, and what stands between them.  What
 * two readers could take for two different strings is BAD: no NUL, no 8-bit
 * atoms, no escape but \" and \\, nothing between a string's end and the next
 * blank.
 */
#include "imap_scan.h"

#include <string.h>


/* Ten digits could overflow a 32-bit size; no login takes a gigabyte. */
#define COMPLIANCE_IMAP_LITERAL_DIGITS  9


compliance_imap_status_t
compliance_imap_more(const compliance_imap_cursor_t *cursor)
{
    if ((size_t) (cursor->end - cursor->start) >= cursor->max) {
        cursor->out->why = "too long";
        return COMPLIANCE_IMAP_LOST;
    }

    return COMPLIANCE_IMAP_MORE;
}


/* A non-synchronizing literal follows this line: its bytes are on their way,
 * whatever was answered. */
static bool
compliance_imap_announces(const char *line, const char *end)
{
    const char *p = end;

    if (p > line && p[-1] == '\r') {
        p--;
    }

    if (p - line < 3 || p[-1] != '}' || p[-2] != '+') {
        return false;
    }

    for (p -= 2; p > line && p[-1] >= '0' && p[-1] <= '9'; p--) { /* void */ }

    return p > line && p[-1] == '{';
}


compliance_imap_status_t
compliance_imap_bad(const compliance_imap_cursor_t *cursor, const char *why)
{
    size_t      left = (size_t) (cursor->end - cursor->p);
    const char *lf;

    lf = left == 0 ? NULL : memchr(cursor->p, '\n', left);

    if (lf == NULL) {
        return compliance_imap_more(cursor);
    }

    cursor->out->why = why;
    cursor->out->used = (size_t) (lf + 1 - cursor->start);

    if (compliance_imap_announces(cursor->start, lf)) {
        return COMPLIANCE_IMAP_LOST;
    }

    return COMPLIANCE_IMAP_BAD;
}


compliance_imap_status_t
compliance_imap_blanks(compliance_imap_cursor_t *cursor)
{
    while (cursor->p < cursor->end && *cursor->p == ' ') {
        cursor->p++;
    }

    return cursor->p < cursor->end ? COMPLIANCE_IMAP_COMPLETE
                                   : compliance_imap_more(cursor);
}


compliance_imap_status_t
compliance_imap_separator(compliance_imap_cursor_t *cursor)
{
    compliance_imap_status_t status;

    if (cursor->p == cursor->end) {
        return compliance_imap_more(cursor);
    }

    if (*cursor->p != ' ') {
        return compliance_imap_bad(cursor, "missing argument");
    }

    status = compliance_imap_blanks(cursor);

    if (status == COMPLIANCE_IMAP_COMPLETE
        && (*cursor->p == '\r' || *cursor->p == '\n'))
    {
        return compliance_imap_bad(cursor, "missing argument");
    }

    return status;
}


compliance_imap_status_t
compliance_imap_end(compliance_imap_cursor_t *cursor)
{
    compliance_imap_status_t status = compliance_imap_blanks(cursor);

    if (status != COMPLIANCE_IMAP_COMPLETE) {
        return status;
    }

    if (*cursor->p == '\r') {
        cursor->p++;

        if (cursor->p == cursor->end) {
            return compliance_imap_more(cursor);
        }
    }

    if (*cursor->p != '\n') {
        return compliance_imap_bad(cursor, "unexpected argument");
    }

    cursor->p++;
    cursor->out->used = (size_t) (cursor->p - cursor->start);

    return COMPLIANCE_IMAP_COMPLETE;
}


/* Wider than RFC 9051's atom, since programs send names such as DOM\alice and
 * passwords as they are, but without any byte that begins another kind of
 * string. */
static bool
compliance_imap_atom_char(char ch)
{
    return ch > ' ' && ch < 0x7f && ch != '"' && ch != '{' && ch != '('
           && ch != ')';
}


compliance_imap_status_t
compliance_imap_atom(compliance_imap_cursor_t *cursor,
    compliance_imap_string_t *string)
{
    const char *begin = cursor->p;

    while (cursor->p < cursor->end && compliance_imap_atom_char(*cursor->p)) {
        cursor->p++;
    }

    if (cursor->p == cursor->end) {
        return compliance_imap_more(cursor);
    }

    if (cursor->p == begin) {
        return compliance_imap_bad(cursor, "invalid character");
    }

    string->raw.data = begin;
    string->raw.len = (size_t) (cursor->p - begin);
    string->quoted = false;

    return COMPLIANCE_IMAP_COMPLETE;
}


static compliance_imap_status_t
compliance_imap_quoted(compliance_imap_cursor_t *cursor,
    compliance_imap_string_t *string)
{
    const char *begin = ++cursor->p;

    for ( /* void */ ; cursor->p < cursor->end; cursor->p++) {

        if (*cursor->p == '"') {
            string->raw.data = begin;
            string->raw.len = (size_t) (cursor->p - begin);
            string->quoted = true;
            cursor->p++;

            return COMPLIANCE_IMAP_COMPLETE;
        }

        if (*cursor->p == '\\') {
            if (cursor->p + 1 == cursor->end) {
                break;
            }

            cursor->p++;

            if (*cursor->p != '"' && *cursor->p != '\\') {
                return compliance_imap_bad(cursor, "invalid escape");
            }

        } else if (*cursor->p == '\0' || *cursor->p == '\r'
                   || *cursor->p == '\n')
        {
            return compliance_imap_bad(cursor, "invalid character");
        }
    }

    return compliance_imap_more(cursor);
}


/* The bytes of a literal of `len`, whose announcement ended at cursor->p. */
static compliance_imap_status_t
compliance_imap_literal_bytes(compliance_imap_cursor_t *cursor, size_t len,
    compliance_imap_string_t *string)
{
    size_t left = (size_t) (cursor->end - cursor->p);
    size_t here = left < len ? left : len;

    if (here != 0 && memchr(cursor->p, '\0', here) != NULL) {
        cursor->out->why = "NUL byte in a literal";
        return COMPLIANCE_IMAP_LOST;
    }

    if (left < len) {
        return compliance_imap_more(cursor);
    }

    string->raw.data = cursor->p;
    string->raw.len = len;
    string->quoted = false;
    cursor->p += len;

    return COMPLIANCE_IMAP_COMPLETE;
}


static compliance_imap_status_t
compliance_imap_literal(compliance_imap_cursor_t *cursor,
    compliance_imap_string_t *string)
{
    bool     wait = true;
    size_t   len = 0;
    unsigned digits = 0;

    for (cursor->p++; cursor->p < cursor->end; cursor->p++) {
        char ch = *cursor->p;

        if (ch < '0' || ch > '9') {
            break;
        }

        if (++digits > COMPLIANCE_IMAP_LITERAL_DIGITS) {
            return compliance_imap_bad(cursor, "literal too long");
        }

        len = len * 10 + (size_t) (ch - '0');
    }

    if (cursor->p < cursor->end && *cursor->p == '+') {
        wait = false;
        cursor->p++;
    }

    if (cursor->p == cursor->end) {
        return compliance_imap_more(cursor);
    }

    if (digits == 0 || *cursor->p != '}') {
        return compliance_imap_bad(cursor, "invalid literal");
    }

    cursor->p++;

    if (cursor->p < cursor->end && *cursor->p == '\r') {
        cursor->p++;
    }

    if (cursor->p == cursor->end) {
        return compliance_imap_more(cursor);
    }

    if (*cursor->p != '\n') {
        return compliance_imap_bad(cursor, "invalid literal");
    }

    /* its last byte is followed by a line's end at least */

    if (len >= cursor->max
        || (size_t) (cursor->p + 1 - cursor->start) >= cursor->max - len)
    {
        return compliance_imap_bad(cursor, "literal too long");
    }

    cursor->p++;

    if (wait && ++cursor->announced > cursor->granted) {
        cursor->out->used = (size_t) (cursor->p - cursor->start);
        return COMPLIANCE_IMAP_CONTINUE;
    }

    return compliance_imap_literal_bytes(cursor, len, string);
}


compliance_imap_status_t
compliance_imap_string(compliance_imap_cursor_t *cursor,
    compliance_imap_string_t *string)
{
    switch (*cursor->p) {
    case '"':
        return compliance_imap_quoted(cursor, string);
    case '{':
        return compliance_imap_literal(cursor, string);
    default:
        return compliance_imap_atom(cursor, string);
    }
}


compliance_rc_t
compliance_imap_string_copy(const compliance_imap_string_t *string, char *out,
    size_t cap, size_t *len)
{
    size_t n = 0;

    for (size_t i = 0; i < string->raw.len; i++) {

        /* the scanner saw to it that a byte follows */

        if (string->quoted && string->raw.data[i] == '\\'
            && i + 1 < string->raw.len)
        {
            i++;
        }

        if (n == cap) {
            return COMPLIANCE_TOO_LONG;
        }

        out[n++] = string->raw.data[i];
    }

    *len = n;

    return COMPLIANCE_OK;
}
