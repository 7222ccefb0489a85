/*
 * The value of a Content-Type header, for those who must be sure how others
 * read it: no escapes, no comments, every parameter once.
 */
#include "login_scan.h"

#include <string.h>


static bool
is_token_char(char c)
{
    return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z')
           || (c >= 'a' && c <= 'z')
           || (c != '\0' && strchr("!#$&'+-.^_`|~", c) != NULL);
}


/* No blanks, quotes, or what some reader ends a boundary at (',', ';'). */
static bool
is_boundary_char(char c)
{
    return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z')
           || (c >= 'a' && c <= 'z')
           || (c != '\0' && strchr("'()+_-./:?", c) != NULL);
}


static compliance_str_t
take_token(compliance_str_t *text)
{
    compliance_str_t token = { text->data, 0 };

    while (text->len != 0 && is_token_char(*text->data)) {
        text->data++;
        text->len--;
        token.len++;
    }

    return token;
}


static bool
take_char(compliance_str_t *text, char c)
{
    if (text->len == 0 || *text->data != c) {
        return false;
    }

    text->data++;
    text->len--;
    return true;
}


static void
skip_blanks(compliance_str_t *text)
{
    while (take_char(text, ' ') || take_char(text, '\t')) {
        /* next */
    }
}


/* A parameter's value: characters of a boundary, or a quoted string of
 * them. */
static bool
take_value(compliance_str_t *text, compliance_str_t *value)
{
    bool quoted = take_char(text, '"');

    value->data = text->data;
    value->len = 0;

    while (text->len != 0 && is_boundary_char(*text->data)) {
        text->data++;
        text->len--;
        value->len++;
    }

    return value->len != 0 && (!quoted || take_char(text, '"'));
}


bool
compliance_content_type_parse(compliance_str_t text,
    compliance_content_type_t *out)
{
    compliance_str_t major, minor;

    *out = (compliance_content_type_t) { compliance_absent, compliance_absent,
                              compliance_absent };
    skip_blanks(&text);
    out->type.data = text.data;
    major = take_token(&text);

    if (major.len == 0 || !take_char(&text, '/')) {
        return false;
    }

    minor = take_token(&text);
    out->type.len = major.len + 1 + minor.len;
    skip_blanks(&text);

    while (minor.len != 0 && text.len != 0) {
        compliance_str_t name, value, *known;

        if (!take_char(&text, ';')) {
            return false;
        }

        skip_blanks(&text);
        name = take_token(&text);

        if (name.len == 0 || !take_char(&text, '=')
            || !take_value(&text, &value))
        {
            return false;
        }

        skip_blanks(&text);
        known = compliance_str_is(name, "charset") ? &out->charset
                : compliance_str_is(name, "boundary") ? &out->boundary : NULL;

        if (known != NULL) {
            if (known->data != NULL) {
                return false;
            }

            *known = value;
        }
    }

    return minor.len != 0;
}
