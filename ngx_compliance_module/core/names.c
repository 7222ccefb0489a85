/*
 * Canonical names.  Whoever judges, forwards or stores a name does it with
 * what this file made of it, so one person or device has one spelling.  What
 * cannot be made canonical is refused, never repaired.
 */
#include "names.h"

#include <string.h>

#include <utf8proc.h>


/* Folding and decomposing one code point yields at most 18 (U+FDFA), three in
 * a canonical mapping; a name that needs more room than this, four times
 * PRINCIPAL_MAX, is too long anyway. */
#define NAME_CODE_POINTS_MAX  1016


/* Characters no login holds and that some reader drops, cuts at or expands:
 * '*' is a wildcard to LDAP filters and master-user logins, '#' separates the
 * login tag. */
static bool
name_byte_forbidden(unsigned char c)
{
    return c < 0x20 || c == 0x7f || c == '*' || c == '#';
}


/* Cf are invisible (zero-width, direction marks): two names that look alike
 * must not be two people.  Zl and Zp end a line. */
static bool
code_point_forbidden(utf8proc_int32_t cp)
{
    switch (utf8proc_category(cp)) {
    case UTF8PROC_CATEGORY_CN:
    case UTF8PROC_CATEGORY_CC:
    case UTF8PROC_CATEGORY_CF:
    case UTF8PROC_CATEGORY_CS:
    case UTF8PROC_CATEGORY_CO:
    case UTF8PROC_CATEGORY_ZL:
    case UTF8PROC_CATEGORY_ZP:
        return true;
    case UTF8PROC_CATEGORY_LU:
    case UTF8PROC_CATEGORY_LL:
    case UTF8PROC_CATEGORY_LT:
    case UTF8PROC_CATEGORY_LM:
    case UTF8PROC_CATEGORY_LO:
    case UTF8PROC_CATEGORY_MN:
    case UTF8PROC_CATEGORY_MC:
    case UTF8PROC_CATEGORY_ME:
    case UTF8PROC_CATEGORY_ND:
    case UTF8PROC_CATEGORY_NL:
    case UTF8PROC_CATEGORY_NO:
    case UTF8PROC_CATEGORY_PC:
    case UTF8PROC_CATEGORY_PD:
    case UTF8PROC_CATEGORY_PS:
    case UTF8PROC_CATEGORY_PE:
    case UTF8PROC_CATEGORY_PI:
    case UTF8PROC_CATEGORY_PF:
    case UTF8PROC_CATEGORY_PO:
    case UTF8PROC_CATEGORY_SM:
    case UTF8PROC_CATEGORY_SC:
    case UTF8PROC_CATEGORY_SK:
    case UTF8PROC_CATEGORY_SO:
    case UTF8PROC_CATEGORY_ZS:
        return false;
    }

    return true;
}


/* NFC and case folding, with `more` also NFKC; MALFORMED where in is not
 * UTF-8. */
static compliance_rc_t
fold(const char *in, size_t len, utf8proc_option_t more, char *out, size_t cap,
    size_t *out_len)
{
    utf8proc_int32_t  points[NAME_CODE_POINTS_MAX + 1];
    utf8proc_option_t options = UTF8PROC_STABLE | UTF8PROC_COMPOSE
                                | UTF8PROC_CASEFOLD | UTF8PROC_REJECTNA | more;
    utf8proc_ssize_t  n;

    n = utf8proc_decompose((const utf8proc_uint8_t *) in,
                           (utf8proc_ssize_t) len, points,
                           NAME_CODE_POINTS_MAX, options);

    if (n < 0) {
        return COMPLIANCE_MALFORMED;
    }

    if (n > NAME_CODE_POINTS_MAX) {
        return COMPLIANCE_TOO_LONG;
    }

    n = utf8proc_normalize_utf32(points, n, options);

    if (n < 0) {
        return COMPLIANCE_MALFORMED;
    }

    *out_len = 0;

    for (utf8proc_ssize_t i = 0; i < n; i++) {
        utf8proc_uint8_t bytes[4];
        utf8proc_ssize_t k = utf8proc_encode_char(points[i], bytes);

        if (k <= 0 || code_point_forbidden(points[i])) {
            return COMPLIANCE_MALFORMED;
        }

        if ((size_t) k > cap - *out_len) {
            return COMPLIANCE_TOO_LONG;
        }

        memcpy(out + *out_len, bytes, (size_t) k);
        *out_len += (size_t) k;
    }

    return COMPLIANCE_OK;
}


/* Blanks at either end, Unicode's among them: servers trim them or do not. */
static bool
ends_blank(const char *text, size_t len)
{
    utf8proc_int32_t first, last;
    size_t           at = len - 1;

    while (at > 0 && ((unsigned char) text[at] & 0xc0) == 0x80) {
        at--;
    }

    if (utf8proc_iterate((const utf8proc_uint8_t *) text,
                         (utf8proc_ssize_t) len, &first) <= 0
        || utf8proc_iterate((const utf8proc_uint8_t *) text + at,
                            (utf8proc_ssize_t) (len - at), &last) <= 0)
    {
        return true;
    }

    return utf8proc_category(first) == UTF8PROC_CATEGORY_ZS
           || utf8proc_category(last) == UTF8PROC_CATEGORY_ZS;
}


/* Would a back end that folds once more arrive at the same name? */
static bool
folds_to_itself(const compliance_principal_t *name, utf8proc_option_t more)
{
    char   again[COMPLIANCE_PRINCIPAL_MAX];
    size_t len;

    return fold(name->data, name->len, more, again, sizeof(again), &len)
           == COMPLIANCE_OK
           && len == name->len && memcmp(again, name->data, len) == 0;
}


/* Characters with a compatibility mapping (fullwidth letters, superscripts) are
 * no part of user names (RFC 8264 9.17): some servers map them, some do not. */
static compliance_rc_t
fold_unicode(compliance_str_t name, compliance_principal_t *out)
{
    compliance_rc_t rc = fold(name.data, name.len, 0, out->data,
                              COMPLIANCE_PRINCIPAL_MAX, &out->len);

    if (rc != COMPLIANCE_OK) {
        return rc;
    }

    if (!folds_to_itself(out, 0) || !folds_to_itself(out, UTF8PROC_COMPAT)
        || ends_blank(out->data, out->len))
    {
        return COMPLIANCE_MALFORMED;
    }

    return COMPLIANCE_OK;
}


/* Plain ASCII into out, lower-cased; false where there is another byte. */
static bool
fold_ascii(compliance_str_t name, compliance_principal_t *out)
{
    unsigned seen = 0;

    for (size_t i = 0; i < name.len; i++) {
        unsigned c = (unsigned char) name.data[i];

        seen |= c;
        out->data[i] = (char) (c - 'A' < 26u ? c | 0x20 : c);
    }

    out->len = name.len;
    return seen < 0x80;
}


static compliance_rc_t
principal_fold(compliance_str_t name, compliance_principal_t *out)
{
    bool forbidden = false;

    if (name.data == NULL || name.len == 0) {
        return COMPLIANCE_MALFORMED;
    }

    if (name.len > COMPLIANCE_PRINCIPAL_MAX) {
        return COMPLIANCE_TOO_LONG;
    }

    if (!fold_ascii(name, out)) {
        compliance_rc_t rc = fold_unicode(name, out);

        if (rc != COMPLIANCE_OK) {
            return rc;
        }
    }

    /* Looked at behind the folding: what a mapping yields counts too. */
    for (size_t i = 0; i < out->len; i++) {
        forbidden |= name_byte_forbidden((unsigned char) out->data[i]);
    }

    if (forbidden || out->data[0] == ' ' || out->data[out->len - 1] == ' '
        || out->data[out->len - 1] == '.')
    {
        return COMPLIANCE_MALFORMED;
    }

    out->data[out->len] = '\0';
    return COMPLIANCE_OK;
}


compliance_rc_t
compliance_principal_parse(compliance_str_t name, compliance_principal_t *out)
{
    compliance_rc_t rc = principal_fold(name, out);

    if (rc != COMPLIANCE_OK) {
        out->len = 0;
        out->data[0] = '\0';
    }

    return rc;
}


static bool
is_alnum(char c)
{
    return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z')
           || (c >= 'a' && c <= 'z');
}


static char
to_upper(char c)
{
    return (char) (c >= 'a' && c <= 'z' ? c & ~0x20 : c);
}


compliance_rc_t
compliance_device_id_parse(compliance_str_t id, compliance_device_id_t *out)
{
    out->len = 0;
    out->data[0] = '\0';

    if (id.data == NULL || id.len == 0) {
        return COMPLIANCE_MALFORMED;
    }

    if (id.len > COMPLIANCE_DEVICE_ID_MAX) {
        return COMPLIANCE_TOO_LONG;
    }

    for (size_t i = 0; i < id.len; i++) {
        char c = id.data[i];

        if (!is_alnum(c) && c != '.' && c != '_' && c != '-') {
            out->data[0] = '\0';
            return COMPLIANCE_MALFORMED;
        }

        out->data[i] = to_upper(c);
    }

    out->len = id.len;
    out->data[id.len] = '\0';
    return COMPLIANCE_OK;
}


/* Letters and digits, upper-cased; false at the first other byte. */
static bool
upper_alnum(compliance_str_t raw, char *out)
{
    for (size_t i = 0; i < raw.len; i++) {
        unsigned c = (unsigned char) raw.data[i];

        if (c - 'a' < 26u) {
            c &= 0xdf;

        } else if (c - 'A' >= 26u && c - '0' >= 10u) {
            return false;
        }

        out[i] = (char) c;
    }

    return true;
}


compliance_rc_t
compliance_eas_device_id(compliance_str_t raw, compliance_device_id_t *out)
{
    static const char hex[] = "0123456789ABCDEF";

    out->len = 0;
    out->data[0] = '\0';

    if (raw.data == NULL || raw.len == 0 || raw.len > 32) {
        return COMPLIANCE_MALFORMED;
    }

    if (upper_alnum(raw, out->data)) {
        out->len = raw.len;

    } else if (raw.len == 16) {
        for (size_t i = 0; i < raw.len; i++) {
            unsigned char c = (unsigned char) raw.data[i];

            out->data[2 * i] = hex[c >> 4];
            out->data[2 * i + 1] = hex[c & 15];
        }

        out->len = 32;

    } else {
        out->data[0] = '\0';
        return COMPLIANCE_MALFORMED;
    }

    out->data[out->len] = '\0';
    return COMPLIANCE_OK;
}


compliance_rc_t
compliance_fingerprint_parse(compliance_str_t text, char *out)
{
    bool   colons = text.len == COMPLIANCE_FINGERPRINT_LEN * 3 / 2 - 1;
    size_t n = 0;

    out[0] = '\0';

    if (text.data == NULL
        || (text.len != COMPLIANCE_FINGERPRINT_LEN && !colons))
    {
        return COMPLIANCE_MALFORMED;
    }

    for (size_t i = 0; i < text.len; i++) {
        char c = text.data[i];

        if (colons && i % 3 == 2) {
            if (c != ':') {
                out[0] = '\0';
                return COMPLIANCE_MALFORMED;
            }

            continue;
        }

        if (c >= 'A' && c <= 'F') {
            c |= 0x20;
        }

        if (!((c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'))) {
            out[0] = '\0';
            return COMPLIANCE_MALFORMED;
        }

        out[n++] = c;
    }

    out[n] = '\0';
    return COMPLIANCE_OK;
}


bool
compliance_group_name_valid(compliance_str_t name)
{
    if (name.data == NULL || name.len == 0
        || name.len > COMPLIANCE_GROUP_NAME_MAX)
    {
        return false;
    }

    for (size_t i = 0; i < name.len; i++) {
        char c = name.data[i];
        bool punctuation = c == '.' || c == '_' || c == '-';

        if ((c < 'a' || c > 'z') && (c < '0' || c > '9')
            && (!punctuation || i == 0))
        {
            return false;
        }
    }

    return true;
}


bool
compliance_principal_eq(const compliance_principal_t *a,
    const compliance_principal_t *b)
{
    return a->len == b->len && memcmp(a->data, b->data, a->len) == 0;
}


bool
compliance_device_id_eq(const compliance_device_id_t *a,
    const compliance_device_id_t *b)
{
    return a->len == b->len && memcmp(a->data, b->data, a->len) == 0;
}
