/*
 * The token of a query or of a form's body.  Strict, since a token is all that
 * is looked for: one "t", of base64url characters, not too long.
 */
#include "portal_page.h"

#include <string.h>


static bool
token_character(char c)
{
    return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z')
           || (c >= '0' && c <= '9') || c == '-' || c == '_';
}


compliance_rc_t
compliance_portal_token(compliance_str_t form, compliance_str_t *token)
{
    size_t           i, start = 0;
    compliance_str_t found = compliance_absent;

    if (form.data == NULL) {
        return COMPLIANCE_ABSENT;
    }

    for (i = 0; i <= form.len; i++) {

        if (i < form.len && form.data[i] != '&') {
            continue;
        }

        if (i - start >= 2 && memcmp(form.data + start, "t=", 2) == 0) {

            if (found.data != NULL) {
                return COMPLIANCE_MALFORMED;
            }

            found.data = form.data + start + 2;
            found.len = i - start - 2;
        }

        start = i + 1;
    }

    if (found.data == NULL) {
        return COMPLIANCE_ABSENT;
    }

    if (found.len >= COMPLIANCE_LINK_TOKEN_MAX) {
        return COMPLIANCE_TOO_LONG;
    }

    for (i = 0; i < found.len; i++) {
        if (!token_character(found.data[i])) {
            return COMPLIANCE_MALFORMED;
        }
    }

    if (found.len == 0) {
        return COMPLIANCE_MALFORMED;
    }

    *token = found;
    return COMPLIANCE_OK;
}
