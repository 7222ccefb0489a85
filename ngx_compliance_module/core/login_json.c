/*
 * A JSON body (RFC 8259), stricter than any parser behind us, so that theirs
 * cannot stumble where this one did not: SOGo's, once it fails, unescapes the
 * text and reads it a second time, and keeps only the low 16 bits of a
 * surrogate pair.  Hence no escapes in the outermost object's names, short
 * numbers, valid UTF-8 and no repeated names.
 *
 * A body that is no object logs nobody in.
 */
#include "login_scan.h"

#include <string.h>


enum {
    JSON_START = 0,      /* blanks before the first byte */
    JSON_OTHER,          /* no object: not looked at any further */
    JSON_VALUE,
    JSON_FIRST_VALUE,    /* or ']' */
    JSON_NAME,
    JSON_FIRST_NAME,     /* or '}' */
    JSON_COLON,
    JSON_BEHIND_VALUE,
    JSON_STRING,
    JSON_ESCAPE,
    JSON_HEX,
    JSON_LOW_BACKSLASH,  /* a low surrogate has to follow */
    JSON_LOW_U,
    JSON_NUMBER,
    JSON_LITERAL,
    JSON_END
};


static void
malformed(compliance_login_scan_t *scan)
{
    compliance_login_fail(scan, COMPLIANCE_MALFORMED);
}


static bool
is_digit(char c)
{
    return c >= '0' && c <= '9';
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
        if (c != '-' && !is_digit(c)) {
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


/* A character of a string, decoded. */
static void
string_char(compliance_login_scan_t *scan, char c)
{
    if (scan->json.key) {
        /* A longer name than any of interest stays longer. */
        if (scan->json.text_len < sizeof(scan->json.text)) {
            scan->json.text[scan->json.text_len++] = c;
        }

    } else if (scan->value != NULL) {
        compliance_login_value_char(scan->value, c);
    }
}


/* The first byte of a character, or a later one. */
static bool
valid_utf8(compliance_login_scan_t *scan, uint8_t byte)
{
    if (scan->json.utf8_left != 0) {
        bool valid = byte >= scan->json.utf8_low
                     && byte <= scan->json.utf8_high;

        scan->json.utf8_left--;
        scan->json.utf8_low = 0x80;
        scan->json.utf8_high = 0xbf;
        return valid;
    }

    if (byte < 0x80) {
        return true;
    }

    scan->json.utf8_low = byte == 0xe0 ? 0xa0 : byte == 0xf0 ? 0x90 : 0x80;
    scan->json.utf8_high = byte == 0xed ? 0x9f : byte == 0xf4 ? 0x8f : 0xbf;
    scan->json.utf8_left = byte < 0xe0 ? 1 : byte < 0xf0 ? 2 : 3;

    return byte >= 0xc2 && byte <= 0xf4;
}


static void
in_string(compliance_login_scan_t *scan, char c)
{
    if (!valid_utf8(scan, (uint8_t) c) || (unsigned char) c < 0x20) {
        malformed(scan);

    } else if (c == '"') {
        string_end(scan);

    } else if (c != '\\') {
        string_char(scan, c);

    } else if (scan->json.key && scan->json.depth == 1) {
        compliance_login_fail(scan, COMPLIANCE_AMBIGUOUS);

    } else {
        scan->state = JSON_ESCAPE;
    }
}


static void
escape(compliance_login_scan_t *scan, char c)
{
    static const char from[] = "\"\\/bfnrt";
    static const char to[] = "\"\\/\b\f\n\r\t";

    const char *at;

    if (c == 'u') {
        scan->json.n_hex = 0;
        scan->json.hex = 0;
        scan->state = JSON_HEX;
        return;
    }

    at = c != '\0' ? strchr(from, c) : NULL;

    if (at == NULL) {
        malformed(scan);
        return;
    }

    string_char(scan, to[at - from]);
    scan->state = JSON_STRING;
}


/* \uXXXX, a character of the basic plane, as UTF-8. */
static void
unicode_char(compliance_login_scan_t *scan, unsigned code)
{
    if (code < 0x80) {
        string_char(scan, (char) code);
        return;
    }

    if (code < 0x800) {
        string_char(scan, (char) (0xc0 | code >> 6));

    } else {
        string_char(scan, (char) (0xe0 | code >> 12));
        string_char(scan, (char) (0x80 | (code >> 6 & 0x3f)));
    }

    string_char(scan, (char) (0x80 | (code & 0x3f)));
}


static void
hex_end(compliance_login_scan_t *scan)
{
    unsigned code = scan->json.hex;

    scan->state = JSON_STRING;

    if (scan->json.low) {
        /* SOGo's parser takes U+DFFF for an error: so it is one. */
        if (code < 0xdc00 || code >= 0xdfff) {
            malformed(scan);
        }

        scan->json.low = false;

    } else if (code < 0xd800 || code > 0xdfff) {
        unicode_char(scan, code);

    } else if (code >= 0xdc00) {
        malformed(scan);

    } else {
        if (scan->value != NULL && !scan->json.key) {
            scan->value->fault = COMPLIANCE_AMBIGUOUS;
        }

        scan->json.low = true;
        scan->state = JSON_LOW_BACKSLASH;
    }
}


static void
hex_digit(compliance_login_scan_t *scan, char c)
{
    unsigned digit;

    if (is_digit(c)) {
        digit = (unsigned) (c - '0');

    } else {
        c |= 0x20;

        if (c < 'a' || c > 'f') {
            malformed(scan);
            return;
        }

        digit = (unsigned) (c - 'a') + 10;
    }

    scan->json.hex = scan->json.hex << 4 | digit;

    if (++scan->json.n_hex == 4) {
        hex_end(scan);
    }
}


static const char *
digits(const char *p, const char *end)
{
    while (p != end && is_digit(*p)) {
        p++;
    }

    return p;
}


/* RFC 8259 section 6, with an exponent of two digits at most: more would not
 * fit the decimal type of SOGo's parser. */
static bool
valid_number(const char *p, const char *end)
{
    const char *start;

    p += *p == '-';
    start = p;
    p = digits(p, end);

    if (p == start || (*start == '0' && p != start + 1)) {
        return false;
    }

    if (p != end && *p == '.') {
        start = ++p;
        p = digits(p, end);

        if (p == start) {
            return false;
        }
    }

    if (p != end && (*p == 'e' || *p == 'E')) {
        p++;
        p += p != end && (*p == '+' || *p == '-');
        start = p;
        p = digits(p, end);

        if (p == start || p > start + 2) {
            return false;
        }
    }

    return p == end;
}


/* False where c no longer belongs to the number. */
static bool
in_number(compliance_login_scan_t *scan, char c)
{
    if (is_digit(c) || c == '.' || c == 'e' || c == 'E' || c == '+'
        || c == '-')
    {
        if (scan->json.text_len == sizeof(scan->json.text)) {
            malformed(scan);

        } else {
            scan->json.text[scan->json.text_len++] = c;
        }

        return true;
    }

    if (!valid_number(scan->json.text,
                      scan->json.text + scan->json.text_len))
    {
        malformed(scan);
    }

    value_end(scan);
    return false;
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
    if (scan->state == JSON_NUMBER && in_number(scan, c)) {
        return;
    }

    switch (scan->state) {
    case JSON_START:
        start(scan, c);
        break;
    case JSON_STRING:
        in_string(scan, c);
        break;
    case JSON_ESCAPE:
        escape(scan, c);
        break;
    case JSON_HEX:
        hex_digit(scan, c);
        break;
    case JSON_LOW_BACKSLASH:
    case JSON_LOW_U:
        if (c != (scan->state == JSON_LOW_U ? 'u' : '\\')) {
            malformed(scan);

        } else if (scan->state == JSON_LOW_U) {
            scan->json.n_hex = 0;
            scan->json.hex = 0;
            scan->state = JSON_HEX;

        } else {
            scan->state = JSON_LOW_U;
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
