/*
 * A scanner for the seven IMAP commands before login.  Stricter than most
 * servers on purpose: what two readers could take for two different logins is
 * BAD here, and never becomes a login.  A command is a row of the table; the
 * strings of its arguments are imap_string.c's.
 */
#include "imap_scan.h"

#include <string.h>
#include <strings.h>


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
