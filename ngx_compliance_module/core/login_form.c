/*
 * A urlencoded body, and the names of form fields.  A name is read as the most
 * lenient of the readers does it (PHP drops leading blanks, turns '.' and ' '
 * into '_', stops at '[' and NUL): a name that becomes the one looked for, and
 * is not spelt like it, is AMBIGUOUS.
 */
#include "login_scan.h"

#include <string.h>


enum {
    FORM_NAME = 0,
    FORM_VALUE
};


void
compliance_login_field_begin(compliance_login_scan_t *scan, bool odd)
{
    memset(&scan->field, 0, sizeof(scan->field));
    scan->field.odd = odd;
    scan->value = NULL;
}


void
compliance_login_field_char(compliance_login_scan_t *scan, char c)
{
    if (scan->field.ended) {
        return;
    }

    if (c == '\0' || c == '[') {
        scan->field.odd = true;
        scan->field.ended = true;
        return;
    }

    if (scan->field.len == 0 && (unsigned char) c <= ' ') {
        scan->field.odd = true;
        return;
    }

    if (c == ' ' || c == '.') {
        scan->field.odd = true;
        c = '_';
    }

    if (scan->field.len == sizeof(scan->field.data)) {
        scan->field.too_long = true;
        return;
    }

    scan->field.data[scan->field.len++] = c;
}


static bool
field_matches(compliance_login_scan_t *scan, const char *name,
    compliance_login_value_t *value)
{
    compliance_str_t field = { scan->field.data, scan->field.len };

    if (name == NULL || scan->field.too_long
        || !compliance_str_is(field, name))
    {
        return false;
    }

    if (scan->field.odd || value->seen
        || memcmp(field.data, name, field.len) != 0)
    {
        value->fault = COMPLIANCE_AMBIGUOUS;
    }

    value->seen = true;
    scan->value = value;
    return true;
}


void
compliance_login_field_end(compliance_login_scan_t *scan)
{
    if (!field_matches(scan, scan->profile->field, &scan->name)) {
        (void) field_matches(scan, scan->profile->domain_field, &scan->domain);
    }
}


static void
decoded_char(compliance_login_scan_t *scan, char c)
{
    if (scan->state == FORM_NAME) {
        compliance_login_field_char(scan, c);

    } else if (scan->value != NULL) {
        compliance_login_value_char(scan->value, c);
    }
}


/* A '%' without two digits: literal to PHP, something else ("%u0075") or an
 * error to others. */
static void
broken_escape(compliance_login_scan_t *scan)
{
    unsigned n = scan->field.n_escape;

    scan->field.n_escape = 0;

    if (scan->state == FORM_NAME && !scan->profile->php) {
        compliance_login_fail(scan, COMPLIANCE_AMBIGUOUS);

    } else if (scan->state == FORM_VALUE && scan->value != NULL) {
        scan->value->fault = COMPLIANCE_AMBIGUOUS;

    } else if (n != 0) {
        decoded_char(scan, '%');

        if (n == 2) {
            decoded_char(scan, scan->field.digit);
        }
    }
}


/* True where c belonged to an escape. */
static bool
escape_char(compliance_login_scan_t *scan, char c)
{
    int value;

    if (scan->field.n_escape == 0) {
        return false;
    }

    value = compliance_hex_digit(c);

    if (value < 0) {
        broken_escape(scan);
        return false;
    }

    if (scan->field.n_escape == 1) {
        scan->field.digit = c;
        scan->field.high = (unsigned) value;
        scan->field.n_escape = 2;
        return true;
    }

    scan->field.n_escape = 0;
    decoded_char(scan, (char) (scan->field.high << 4 | (unsigned) value));
    return true;
}


/* The end of name=value.  A name without '=' has an empty value. */
static void
end_pair(compliance_login_scan_t *scan)
{
    if (scan->field.n_escape != 0) {
        broken_escape(scan);
    }

    if (scan->state == FORM_NAME) {
        compliance_login_field_end(scan);
    }

    scan->state = FORM_NAME;
}


/* The bytes of a value nobody asks for. */
static size_t
skip_value(const compliance_login_scan_t *scan, const char *data, size_t len)
{
    size_t n = 0;

    if (scan->state != FORM_VALUE || scan->value != NULL) {
        return 0;
    }

    while (n < len && data[n] != '&' && data[n] != ';') {
        n++;
    }

    return n;
}


void
compliance_login_form_feed(compliance_login_scan_t *scan, const char *data,
    size_t len)
{
    for (size_t i = 0; i < len && scan->failed == COMPLIANCE_OK; i++) {
        char c;

        i += skip_value(scan, data + i, len - i);

        if (i == len) {
            break;
        }

        c = data[i];

        if (escape_char(scan, c)) {
            continue;
        }

        if (c == '&') {
            end_pair(scan);
            compliance_login_field_begin(scan, false);

        } else if (c == ';') {
            /* A separator to some readers: what stands behind it must not be
             * the field, and the field's value must not hold one. */
            if (scan->state == FORM_VALUE && scan->value != NULL) {
                scan->value->fault = COMPLIANCE_AMBIGUOUS;
            }

            end_pair(scan);
            compliance_login_field_begin(scan, true);

        } else if (c == '=' && scan->state == FORM_NAME) {
            compliance_login_field_end(scan);
            scan->state = FORM_VALUE;

        } else if (c == '%') {
            scan->field.n_escape = 1;

        } else {
            decoded_char(scan, c == '+' ? ' ' : c);
        }
    }
}


void
compliance_login_form_end(compliance_login_scan_t *scan)
{
    if (scan->failed == COMPLIANCE_OK) {
        end_pair(scan);
    }
}
