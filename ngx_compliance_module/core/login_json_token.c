/*
 * Strings and numbers of a JSON body, byte by byte: whatever parser stands
 * behind us must read the same characters.  Hence valid UTF-8, whole surrogate
 * pairs and none in a login, no escapes in the outermost object's names, and
 * short numbers.
 */
#include "login_json.h"

#include <string.h>


static void
malformed(compliance_login_scan_t *scan)
{
    compliance_login_fail(scan, COMPLIANCE_MALFORMED);
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


/* True at the closing quote. */
static bool
in_string(compliance_login_scan_t *scan, char c)
{
    if (!valid_utf8(scan, (uint8_t) c) || (unsigned char) c < 0x20) {
        malformed(scan);

    } else if (c == '"') {
        return true;

    } else if (c != '\\') {
        string_char(scan, c);

    } else if (scan->json.key && scan->json.depth == 1) {
        compliance_login_fail(scan, COMPLIANCE_AMBIGUOUS);

    } else {
        scan->state = JSON_ESCAPE;
    }

    return false;
}


static void
begin_hex(compliance_login_scan_t *scan)
{
    scan->json.n_hex = 0;
    scan->json.hex = 0;
    scan->state = JSON_HEX;
}


static void
escape(compliance_login_scan_t *scan, char c)
{
    static const char from[] = "\"\\/bfnrt";
    static const char to[] = "\"\\/\b\f\n\r\t";

    const char *at;

    if (c == 'u') {
        begin_hex(scan);
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
    int digit = compliance_hex_digit(c);

    if (digit < 0) {
        malformed(scan);
        return;
    }

    scan->json.hex = scan->json.hex << 4 | (unsigned) digit;

    if (++scan->json.n_hex == 4) {
        hex_end(scan);
    }
}


/* A low surrogate has to follow. */
static void
low_surrogate(compliance_login_scan_t *scan, char c)
{
    if (c != (scan->state == JSON_LOW_U ? 'u' : '\\')) {
        malformed(scan);

    } else if (scan->state == JSON_LOW_U) {
        begin_hex(scan);

    } else {
        scan->state = JSON_LOW_U;
    }
}


bool
compliance_login_json_string(compliance_login_scan_t *scan, char c)
{
    switch (scan->state) {
    case JSON_ESCAPE:
        escape(scan, c);
        return false;
    case JSON_HEX:
        hex_digit(scan, c);
        return false;
    case JSON_LOW_BACKSLASH:
    case JSON_LOW_U:
        low_surrogate(scan, c);
        return false;
    default:   /* JSON_STRING */
        return in_string(scan, c);
    }
}


static const char *
digits(const char *p, const char *end)
{
    while (p != end && compliance_login_json_digit(*p)) {
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


bool
compliance_login_json_number(compliance_login_scan_t *scan, char c)
{
    if (compliance_login_json_digit(c) || c == '.' || c == 'e' || c == 'E'
        || c == '+' || c == '-')
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

    return false;
}
