/*
 * A scanner for the seven IMAP commands before login.  Stricter than most
 * servers on purpose: what two readers could take for two different logins is
 * BAD here, and never becomes a login.  No NUL, no 8-bit atoms, no escape but
 * \" and \\, nothing between a string's end and the next blank.
 */
#include "imap_command.h"

#include <string.h>
#include <strings.h>


/* Ten digits could overflow a 32-bit size; no login takes a gigabyte. */
#define COMPLIANCE_IMAP_LITERAL_DIGITS  9

typedef struct {
    const char        *start;
    const char        *p;
    const char        *end;
    size_t             max;
    unsigned           granted;
    unsigned           announced;   /* synchronizing literals so far */
    compliance_imap_t *out;
} compliance_imap_cursor_t;

typedef compliance_imap_status_t (*compliance_imap_args_pt)(
    compliance_imap_cursor_t *cursor);

static compliance_imap_status_t compliance_imap_no_args(
    compliance_imap_cursor_t *cursor);
static compliance_imap_status_t compliance_imap_login_args(
    compliance_imap_cursor_t *cursor);
static compliance_imap_status_t compliance_imap_auth_args(
    compliance_imap_cursor_t *cursor);
static compliance_imap_status_t compliance_imap_id_args(
    compliance_imap_cursor_t *cursor);


static const struct {
    const char               *name;
    compliance_imap_command_t command;
    compliance_imap_args_pt   args;
} compliance_imap_commands[] = {
    { "LOGIN", COMPLIANCE_IMAP_LOGIN, compliance_imap_login_args },
    { "AUTHENTICATE", COMPLIANCE_IMAP_AUTHENTICATE, compliance_imap_auth_args },
    { "CAPABILITY", COMPLIANCE_IMAP_CAPABILITY, compliance_imap_no_args },
    { "NOOP", COMPLIANCE_IMAP_NOOP, compliance_imap_no_args },
    { "LOGOUT", COMPLIANCE_IMAP_LOGOUT, compliance_imap_no_args },
    { "STARTTLS", COMPLIANCE_IMAP_STARTTLS, compliance_imap_no_args },
    { "ID", COMPLIANCE_IMAP_ID, compliance_imap_id_args },
};

#define COMPLIANCE_IMAP_COMMANDS                                              \
    (sizeof(compliance_imap_commands) / sizeof(compliance_imap_commands[0]))


/* More may come, unless the command has outgrown its limit. */
static compliance_imap_status_t
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


/* The fault stands at or before `cursor->p`: the command ends with its line. */
static compliance_imap_status_t
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


/* COMPLETE: the cursor stands on a byte. */
static compliance_imap_status_t
compliance_imap_blanks(compliance_imap_cursor_t *cursor)
{
    while (cursor->p < cursor->end && *cursor->p == ' ') {
        cursor->p++;
    }

    return cursor->p < cursor->end ? COMPLIANCE_IMAP_COMPLETE
                                   : compliance_imap_more(cursor);
}


/* At least one blank, and then a byte that is not the line's end. */
static compliance_imap_status_t
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


static compliance_imap_status_t
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


static compliance_imap_status_t
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


static compliance_imap_status_t
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


static compliance_imap_status_t
compliance_imap_no_args(compliance_imap_cursor_t *cursor)
{
    return compliance_imap_end(cursor);
}


static compliance_imap_status_t
compliance_imap_login_args(compliance_imap_cursor_t *cursor)
{
    compliance_imap_t       *out = cursor->out;
    compliance_imap_status_t status;

    while (out->n_args < 2) {
        status = compliance_imap_separator(cursor);

        if (status == COMPLIANCE_IMAP_COMPLETE) {
            status = compliance_imap_string(cursor, &out->args[out->n_args]);
        }

        if (status != COMPLIANCE_IMAP_COMPLETE) {
            return status;
        }

        out->n_args++;
    }

    return compliance_imap_end(cursor);
}


/* A mechanism and, perhaps, its initial response (RFC 4959): atoms both. */
static compliance_imap_status_t
compliance_imap_auth_args(compliance_imap_cursor_t *cursor)
{
    compliance_imap_t       *out = cursor->out;
    compliance_imap_status_t status;

    status = compliance_imap_separator(cursor);

    if (status == COMPLIANCE_IMAP_COMPLETE) {
        status = compliance_imap_atom(cursor, &out->args[0]);
    }

    if (status != COMPLIANCE_IMAP_COMPLETE) {
        return status;
    }

    out->n_args = 1;

    status = compliance_imap_blanks(cursor);

    if (status == COMPLIANCE_IMAP_COMPLETE && cursor->p[-1] == ' '
        && *cursor->p != '\r' && *cursor->p != '\n')
    {
        status = compliance_imap_atom(cursor, &out->args[1]);
        out->n_args = 2;
    }

    if (status != COMPLIANCE_IMAP_COMPLETE) {
        return status;
    }

    return compliance_imap_end(cursor);
}


static bool
compliance_imap_is(const compliance_imap_string_t *string, const char *literal)
{
    return string->raw.len == strlen(literal)
           && strncasecmp(string->raw.data, literal, string->raw.len) == 0;
}


/* A field and its value.  COMPLETE: the cursor stands behind the pair. */
static compliance_imap_status_t
compliance_imap_id_pair(compliance_imap_cursor_t *cursor)
{
    compliance_imap_t       *out = cursor->out;
    compliance_imap_string_t field = { compliance_absent, false };
    compliance_imap_string_t value = { compliance_absent, false };
    compliance_imap_status_t status;

    status = compliance_imap_string(cursor, &field);

    if (status == COMPLIANCE_IMAP_COMPLETE) {
        status = compliance_imap_separator(cursor);
    }

    if (status == COMPLIANCE_IMAP_COMPLETE) {
        status = compliance_imap_string(cursor, &value);
    }

    if (status != COMPLIANCE_IMAP_COMPLETE) {
        return status;
    }

    if (!value.quoted && compliance_imap_is(&value, "NIL")) {
        return COMPLIANCE_IMAP_COMPLETE;
    }

    if (compliance_imap_is(&field, "name")) {
        out->id_name = value;

    } else if (compliance_imap_is(&field, "version")) {
        out->id_version = value;
    }

    return COMPLIANCE_IMAP_COMPLETE;
}


static compliance_imap_status_t
compliance_imap_id_list(compliance_imap_cursor_t *cursor)
{
    unsigned                 pairs = 0;
    compliance_imap_status_t status;

    cursor->p++;

    for ( ;; ) {
        status = compliance_imap_blanks(cursor);

        if (status != COMPLIANCE_IMAP_COMPLETE) {
            return status;
        }

        if (*cursor->p == ')') {
            cursor->p++;
            return compliance_imap_end(cursor);
        }

        if (pairs != 0 && cursor->p[-1] != ' ') {
            return compliance_imap_bad(cursor, "invalid list");
        }

        if (++pairs > COMPLIANCE_IMAP_ID_PAIRS_MAX) {
            return compliance_imap_bad(cursor, "too many fields");
        }

        status = compliance_imap_id_pair(cursor);

        if (status != COMPLIANCE_IMAP_COMPLETE) {
            return status;
        }
    }
}


static compliance_imap_status_t
compliance_imap_id_args(compliance_imap_cursor_t *cursor)
{
    compliance_imap_string_t nil = { compliance_absent, false };
    compliance_imap_status_t status;

    status = compliance_imap_separator(cursor);

    if (status != COMPLIANCE_IMAP_COMPLETE) {
        return status;
    }

    if (*cursor->p == '(') {
        return compliance_imap_id_list(cursor);
    }

    status = compliance_imap_atom(cursor, &nil);

    if (status != COMPLIANCE_IMAP_COMPLETE) {
        return status;
    }

    if (!compliance_imap_is(&nil, "NIL")) {
        return compliance_imap_bad(cursor, "invalid list");
    }

    return compliance_imap_end(cursor);
}


static bool
compliance_imap_letter(char ch)
{
    return (ch >= 'A' && ch <= 'Z') || (ch >= 'a' && ch <= 'z');
}


/* Letters, digits, '-', '.' and '_': a subset of RFC 9051's, and nginx's. */
static compliance_imap_status_t
compliance_imap_tag(compliance_imap_cursor_t *cursor)
{
    size_t len;

    while (cursor->p < cursor->end
           && (compliance_imap_letter(*cursor->p)
               || (*cursor->p >= '0' && *cursor->p <= '9')
               || *cursor->p == '-' || *cursor->p == '.'
               || *cursor->p == '_'))
    {
        cursor->p++;
    }

    len = (size_t) (cursor->p - cursor->start);

    if (len > COMPLIANCE_IMAP_TAG_MAX) {
        return compliance_imap_bad(cursor, "tag too long");
    }

    if (cursor->p == cursor->end) {
        return compliance_imap_more(cursor);
    }

    if (len == 0 || *cursor->p != ' ') {
        return compliance_imap_bad(cursor, "invalid tag");
    }

    cursor->out->tag.data = cursor->start;
    cursor->out->tag.len = len;

    return compliance_imap_blanks(cursor);
}


compliance_imap_status_t
compliance_imap_scan(compliance_str_t in, size_t max, unsigned granted,
    compliance_imap_t *out)
{
    const char              *name;
    compliance_imap_string_t word = { compliance_absent, false };
    compliance_imap_status_t status;
    compliance_imap_cursor_t cursor;

    memset(out, 0, sizeof(*out));

    if (in.len == 0) {
        return COMPLIANCE_IMAP_MORE;
    }

    cursor = (compliance_imap_cursor_t) {
        in.data, in.data, in.data + in.len, max, granted, 0, out
    };

    status = compliance_imap_tag(&cursor);

    if (status != COMPLIANCE_IMAP_COMPLETE) {
        return status;
    }

    name = cursor.p;

    while (cursor.p < cursor.end && compliance_imap_letter(*cursor.p)) {
        cursor.p++;
    }

    if (cursor.p == cursor.end) {
        return compliance_imap_more(&cursor);
    }

    word.raw.data = name;
    word.raw.len = (size_t) (cursor.p - name);

    for (size_t i = 0; i < COMPLIANCE_IMAP_COMMANDS; i++) {

        if (compliance_imap_is(&word, compliance_imap_commands[i].name)) {
            out->command = compliance_imap_commands[i].command;
            return compliance_imap_commands[i].args(&cursor);
        }
    }

    return compliance_imap_bad(&cursor, "not a command before login");
}


compliance_imap_status_t
compliance_imap_line(compliance_str_t in, size_t max, compliance_str_t *line,
    size_t *used)
{
    const char *lf = in.len == 0 ? NULL : memchr(in.data, '\n', in.len);

    if (lf == NULL) {
        return in.len >= max ? COMPLIANCE_IMAP_LOST : COMPLIANCE_IMAP_MORE;
    }

    line->data = in.data;
    line->len = (size_t) (lf - in.data);
    *used = line->len + 1;

    if (line->len != 0 && lf[-1] == '\r') {
        line->len--;
    }

    return COMPLIANCE_IMAP_COMPLETE;
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
