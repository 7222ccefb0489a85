/*
 * A JSON body (RFC 8259), stricter than any parser behind us, so that theirs
 * cannot stumble where this one did not: SOGo's, once it fails, unescapes the
 * text and reads it a second time, and keeps only the low 16 bits of a
 * surrogate pair.  Hence no escapes in the outermost object's names, short
 * numbers, valid UTF-8 and no repeated names.
 *
 * A body that is no object logs nobody in.  The structure is read here, strings
 * and numbers by login_json_token.c.
 */
#include "login_json.h"

#include <string.h>


static void
malformed(compliance_login_scan_t *scan)
{
    compliance_login_fail(scan, COMPLIANCE_MALFORMED);
}


static bool
in_array(const compliance_login_scan_t *scan)
{
    return scan->json.arrays >> (scan->json.depth - 1) & 1;
}


/* Where a value ended. */
static void
value_end(compliance_login_scan_t *scan)
{
    scan->value = NULL;
    scan->state = JSON_BEHIND_VALUE;
}


static void
open_level(compliance_login_scan_t *scan, bool array)
{
    uint64_t bit;

    if (scan->json.depth == COMPLIANCE_LOGIN_DEPTH_MAX) {
        malformed(scan);
        return;
    }

    bit = UINT64_C(1) << scan->json.depth;
    scan->json.arrays = array ? scan->json.arrays | bit
                              : scan->json.arrays & ~bit;
    scan->json.depth++;
    scan->state = array ? JSON_FIRST_VALUE : JSON_FIRST_NAME;
}


static void
close_level(compliance_login_scan_t *scan)
{
    scan->json.depth--;
    value_end(scan);

    if (scan->json.depth == 0) {
        scan->state = JSON_END;
    }
}


static void
begin_string(compliance_login_scan_t *scan, bool key)
{
    scan->json.key = key;
    scan->json.text_len = 0;
    scan->state = JSON_STRING;
}


/* A value that is none of a name's kinds. */
static void
unusable(compliance_login_scan_t *scan)
{
    if (scan->value != NULL) {
        scan->value->fault = COMPLIANCE_MALFORMED;
        scan->value = NULL;
    }
}


static void
begin_value(compliance_login_scan_t *scan, char c)
{
    if (c == '"') {
        begin_string(scan, false);
        return;
    }

    /* null says no more than nothing. */
    if (c != 'n') {
        unusable(scan);
    }

    switch (c) {
    case '{':
        open_level(scan, false);
        return;
    case '[':
        open_level(scan, true);
        return;
    case 't':
        scan->json.literal = "rue";
        break;
    case 'f':
        scan->json.literal = "alse";
        break;
    case 'n':
        scan->json.literal = "ull";
        break;
    default:
        if (c != '-' && !compliance_login_json_digit(c)) {
            malformed(scan);
            return;
        }

        scan->json.text[0] = c;
        scan->json.text_len = 1;
        scan->state = JSON_NUMBER;
        return;
    }

    scan->state = JSON_LITERAL;
}


static bool
text_is(const compliance_login_scan_t *scan, const char *literal)
{
    return literal != NULL && scan->json.text_len == strlen(literal)
           && memcmp(scan->json.text, literal, scan->json.text_len) == 0;
}


/* A name of the outermost object is complete. */
static void
member(compliance_login_scan_t *scan)
{
    compliance_login_value_t *value = NULL;

    if (text_is(scan, scan->profile->field)) {
        value = &scan->name;

    } else if (text_is(scan, scan->profile->domain_field)) {
        value = &scan->domain;
    }

    if (value == NULL) {
        return;
    }

    if (value->seen) {
        value->fault = COMPLIANCE_AMBIGUOUS;
    }

    value->seen = true;
    scan->value = value;
}


static void
string_end(compliance_login_scan_t *scan)
{
    if (!scan->json.key) {
        value_end(scan);
        return;
    }

    if (scan->json.depth == 1) {
        member(scan);
    }

    scan->state = JSON_COLON;
}


static void
in_literal(compliance_login_scan_t *scan, char c)
{
    if (c != *scan->json.literal) {
        malformed(scan);

    } else if (*++scan->json.literal == '\0') {
        value_end(scan);
    }
}


static void
behind_value(compliance_login_scan_t *scan, char c)
{
    if (c == ',') {
        scan->state = in_array(scan) ? JSON_VALUE : JSON_NAME;

    } else if (c == (in_array(scan) ? ']' : '}')) {
        close_level(scan);

    } else {
        malformed(scan);
    }
}


/* Whatever C's isspace() skips; behind the first byte only JSON's blanks
 * count. */
static void
start(compliance_login_scan_t *scan, char c)
{
    if (c == ' ' || (c >= '\t' && c <= '\r')) {
        return;
    }

    if (c == '{') {
        open_level(scan, false);

    } else if (c > ' ' && c < 0x7f) {
        scan->state = JSON_OTHER;

    } else {
        /* A byte order mark, UTF-16: someone's object, perhaps. */
        compliance_login_fail(scan, COMPLIANCE_AMBIGUOUS);
    }
}


/* Between the tokens. */
static void
structure(compliance_login_scan_t *scan, char c)
{
    if (c == ' ' || c == '\t' || c == '\n' || c == '\r') {
        return;
    }

    switch (scan->state) {
    case JSON_FIRST_VALUE:
        if (c == ']') {
            close_level(scan);
            return;
        }

        begin_value(scan, c);
        return;
    case JSON_VALUE:
        begin_value(scan, c);
        return;
    case JSON_FIRST_NAME:
        if (c == '}') {
            close_level(scan);
            return;
        }

        break;
    case JSON_NAME:
        break;
    case JSON_COLON:
        if (c == ':') {
            scan->state = JSON_VALUE;
            return;
        }

        malformed(scan);
        return;
    case JSON_BEHIND_VALUE:
        behind_value(scan, c);
        return;
    default:   /* JSON_END */
        malformed(scan);
        return;
    }

    if (c == '"') {
        begin_string(scan, true);

    } else {
        malformed(scan);
    }
}


static void
json_char(compliance_login_scan_t *scan, char c)
{
    if (scan->state == JSON_NUMBER) {
        if (compliance_login_json_number(scan, c)) {
            return;
        }

        value_end(scan);
    }

    switch (scan->state) {
    case JSON_START:
        start(scan, c);
        break;
    case JSON_STRING:
    case JSON_ESCAPE:
    case JSON_HEX:
    case JSON_LOW_BACKSLASH:
    case JSON_LOW_U:
        if (compliance_login_json_string(scan, c)) {
            string_end(scan);
        }

        break;
    case JSON_LITERAL:
        in_literal(scan, c);
        break;
    default:
        structure(scan, c);
        break;
    }
}


/* The plain characters of a string nobody asks for. */
static size_t
skip_string(const compliance_login_scan_t *scan, const char *data, size_t len)
{
    size_t n = 0;

    if (scan->state != JSON_STRING || scan->value != NULL || scan->json.key
        || scan->json.utf8_left != 0)
    {
        return 0;
    }

    while (n < len && data[n] >= 0x20 && (data[n] & 0x80) == 0
           && data[n] != '"' && data[n] != '\\')
    {
        n++;
    }

    return n;
}


void
compliance_login_json_feed(compliance_login_scan_t *scan, const char *data,
    size_t len)
{
    for (size_t i = 0; i < len && scan->failed == COMPLIANCE_OK; i++) {
        if (scan->state == JSON_OTHER) {
            return;
        }

        i += skip_string(scan, data + i, len - i);

        if (i < len) {
            json_char(scan, data[i]);
        }
    }
}


void
compliance_login_json_end(compliance_login_scan_t *scan)
{
    if (scan->state != JSON_START && scan->state != JSON_OTHER
        && scan->state != JSON_END)
    {
        malformed(scan);
    }
}
