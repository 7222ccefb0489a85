/*
 * What an HTTP request says of itself: its credentials, the spelling of its
 * path, and whether a browser navigates or a script calls.  Paths that servers
 * disagree about are refused, so that the location nginx chose is the one the
 * back end serves.
 */
#include "identify_http.h"

#include <string.h>

#include <utf8proc.h>


static const struct {
    const char               *name;
    compliance_auth_scheme_t  scheme;
} schemes[] = {
    { "Basic",     COMPLIANCE_AUTH_BASIC },
    { "Bearer",    COMPLIANCE_AUTH_BEARER },
    { "Negotiate", COMPLIANCE_AUTH_NEGOTIATE },
    { "NTLM",      COMPLIANCE_AUTH_NEGOTIATE },
    { "Kerberos",  COMPLIANCE_AUTH_NEGOTIATE },
};


compliance_auth_scheme_t
compliance_auth_scheme(compliance_str_t value, compliance_str_t *credentials)
{
    compliance_str_t scheme = value;
    size_t           at = 0;

    *credentials = compliance_absent;

    if (value.data == NULL) {
        return COMPLIANCE_AUTH_NONE;
    }

    while (at < value.len && value.data[at] != ' ') {
        at++;
    }

    scheme.len = at;

    while (at < value.len && value.data[at] == ' ') {
        at++;
    }

    *credentials = (compliance_str_t) { value.data + at, value.len - at };

    for (size_t i = 0; i < sizeof(schemes) / sizeof(schemes[0]); i++) {
        if (compliance_str_is(scheme, schemes[i].name)) {
            return schemes[i].scheme;
        }
    }

    return COMPLIANCE_AUTH_OTHER;
}


static bool
is_control(char c)
{
    return (unsigned char) c < 0x20 || c == 0x7f;
}


/* UTF-8 without control characters. */
static bool
valid_text(const char *text, size_t len)
{
    const utf8proc_uint8_t *p = (const utf8proc_uint8_t *) text;
    size_t                  at = 0;

    while (at < len) {
        utf8proc_int32_t point;
        utf8proc_ssize_t n;

        if (p[at] < 0x80) {
            if (is_control(text[at])) {
                return false;
            }

            at++;
            continue;
        }

        n = utf8proc_iterate(p + at, (utf8proc_ssize_t) (len - at), &point);

        if (n <= 0) {
            return false;
        }

        at += (size_t) n;
    }

    return true;
}


compliance_rc_t
compliance_basic_parse(compliance_str_t credentials, char *scratch, size_t cap,
    compliance_str_t *name, compliance_str_t *password)
{
    const char      *colon;
    size_t           len;
    compliance_rc_t  rc;

    *name = compliance_absent;
    *password = compliance_absent;

    if (credentials.data == NULL || credentials.len == 0) {
        return COMPLIANCE_MALFORMED;
    }

    if (credentials.len > COMPLIANCE_AUTHORIZATION_MAX) {
        return COMPLIANCE_TOO_LONG;
    }

    rc = compliance_base64_decode(credentials, (uint8_t *) scratch, cap, &len);

    if (rc != COMPLIANCE_OK) {
        return rc;
    }

    colon = memchr(scratch, ':', len);

    if (colon == NULL || colon == scratch || !valid_text(scratch, len)) {
        return COMPLIANCE_MALFORMED;
    }

    *name = (compliance_str_t) { scratch, (size_t) (colon - scratch) };
    *password = (compliance_str_t) { colon + 1, len - name->len - 1 };
    return COMPLIANCE_OK;
}


/* In pieces of whole base64 groups, so that no copy of the password grows on
 * the way; the piece is wiped. */
compliance_rc_t
compliance_basic_build(const compliance_principal_t *login,
    compliance_str_t password, compliance_buf_t *out)
{
    uint8_t          piece[48];
    size_t           n = 0;
    compliance_str_t parts[3] = { { login->data, login->len },
                                  compliance_str(":"), password };

    /* The first colon ends the name: one inside it would move the border. */
    if (login->len == 0 || memchr(login->data, ':', login->len) != NULL
        || password.data == NULL)
    {
        return COMPLIANCE_MALFORMED;
    }

    compliance_buf_str(out, "Basic ");

    for (size_t i = 0; i < 3; i++) {
        while (parts[i].len != 0) {
            size_t room = sizeof(piece) - n;
            size_t k = parts[i].len < room ? parts[i].len : room;

            memcpy(piece + n, parts[i].data, k);
            parts[i].data += k;
            parts[i].len -= k;
            n += k;

            if (n == sizeof(piece)) {
                compliance_base64_encode(out, piece, n);
                n = 0;
            }
        }
    }

    compliance_base64_encode(out, piece, n);
    explicit_bzero(piece, sizeof(piece));

    return out->overflow ? COMPLIANCE_TOO_LONG : COMPLIANCE_OK;
}


/* The value of the two digits at text, or -1. */
static int
hex_pair(compliance_str_t text, size_t at)
{
    int high, low;

    if (at > text.len || text.len - at < 2) {
        return -1;
    }

    high = compliance_hex_digit(text.data[at]);
    low = compliance_hex_digit(text.data[at + 1]);

    return high < 0 || low < 0 ? -1 : high << 4 | low;
}


/* One byte of the path as it stands: the spellings that are refused before
 * anything is decoded. */
static compliance_rc_t
check_raw(compliance_str_t raw, size_t at, const char **why)
{
    char c = raw.data[at];

    if (is_control(c) || c == ' ') {
        *why = "control character or blank";
        return COMPLIANCE_MALFORMED;
    }

    if (c == '?' || c == '#') {
        *why = "query or fragment inside the path";
        return COMPLIANCE_MALFORMED;
    }

    if (c == '\\') {
        *why = "backslash";
        return COMPLIANCE_AMBIGUOUS;
    }

    if (c != '%') {
        return COMPLIANCE_OK;
    }

    if (at + 1 < raw.len && (raw.data[at + 1] | 0x20) == 'u') {
        *why = "%u escape";
        return COMPLIANCE_AMBIGUOUS;
    }

    switch (hex_pair(raw, at + 1)) {
    case -1:
        *why = "broken escape";
        return COMPLIANCE_MALFORMED;
    case '/':
        *why = "encoded slash";
        return COMPLIANCE_AMBIGUOUS;
    case '\\':
        *why = "encoded backslash";
        return COMPLIANCE_AMBIGUOUS;
    case ';':
        *why = "path parameter";
        return COMPLIANCE_AMBIGUOUS;
    case '?':
    case '#':
        *why = "encoded query or fragment";
        return COMPLIANCE_AMBIGUOUS;
    }

    return COMPLIANCE_OK;
}


/* One decoded byte, and the two decoded before it, the nearer one first. */
static compliance_rc_t
check_decoded(char c, const char before[2], const char **why)
{
    if (is_control(c)) {
        *why = "encoded control character";
        return COMPLIANCE_MALFORMED;
    }

    if (c == ';') {
        *why = "path parameter";
        return COMPLIANCE_AMBIGUOUS;
    }

    /* Whoever decodes twice reads another path, however the digits behind the
     * percent sign are spelt themselves. */
    if ((before[0] == '%' && (c | 0x20) == 'u')
        || (before[1] == '%' && compliance_hex_digit(before[0]) >= 0
            && compliance_hex_digit(c) >= 0))
    {
        *why = "twice encoded";
        return COMPLIANCE_AMBIGUOUS;
    }

    if (c == '/' && before[0] == '/') {
        *why = "empty segment";
        return COMPLIANCE_AMBIGUOUS;
    }

    if (c == '/' && (before[0] == '.' || before[0] == ' ')) {
        *why = "segment ends in a dot or blank";
        return COMPLIANCE_AMBIGUOUS;
    }

    if (c == ':' && before[0] == ':') {
        *why = "alternate data stream";
        return COMPLIANCE_AMBIGUOUS;
    }

    if (c >= '0' && c <= '9' && before[0] == '~') {
        *why = "short file name";
        return COMPLIANCE_AMBIGUOUS;
    }

    return COMPLIANCE_OK;
}


/* Follows a UTF-8 sequence byte by byte: the path is never copied. */
typedef struct {
    unsigned left;
    uint8_t  low, high;
} utf8_t;


static bool
utf8_step(utf8_t *state, uint8_t byte)
{
    if (state->left != 0) {
        bool valid = byte >= state->low && byte <= state->high;

        state->left--;
        state->low = 0x80;
        state->high = 0xbf;
        return valid;
    }

    state->low = byte == 0xe0 ? 0xa0 : byte == 0xf0 ? 0x90 : 0x80;
    state->high = byte == 0xed ? 0x9f : byte == 0xf4 ? 0x8f : 0xbf;
    state->left = byte < 0xc2 ? 0 : byte < 0xe0 ? 1 : byte < 0xf0 ? 2 : 3;

    return byte < 0x80 || (byte >= 0xc2 && byte <= 0xf4);
}


/* Characters that mean nothing to anyone wherever they stand, but behind '%'
 * and '~'. */
static bool
is_ordinary(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z')
           || (c >= '0' && c <= '9') || c == '-' || c == '_';
}


static size_t
ordinary_run(compliance_str_t raw, size_t at, const char before[2])
{
    size_t end = at;

    if (before[0] == '%' || before[1] == '%' || before[0] == '~') {
        return 0;
    }

    while (end < raw.len && is_ordinary(raw.data[end])) {
        end++;
    }

    return end - at;
}


/* One character or escape at *at. */
static compliance_rc_t
check_one(compliance_str_t raw, size_t *at, char before[2], utf8_t *utf8,
    const char **why)
{
    compliance_rc_t rc = check_raw(raw, *at, why);
    char            c = raw.data[*at];

    if (rc != COMPLIANCE_OK) {
        return rc;
    }

    if (c == '%') {
        c = (char) hex_pair(raw, *at + 1);
        *at += 2;
    }

    ++*at;
    rc = check_decoded(c, before, why);

    if (rc != COMPLIANCE_OK) {
        return rc;
    }

    if (!utf8_step(utf8, (uint8_t) c)) {
        *why = "not UTF-8";
        return COMPLIANCE_MALFORMED;
    }

    before[1] = before[0];
    before[0] = c;
    return COMPLIANCE_OK;
}


compliance_rc_t
compliance_path_check(compliance_str_t raw, const char **why)
{
    utf8_t utf8 = { 0, 0x80, 0xbf };
    char   before[2] = { '\0', '\0' };
    size_t at = 0;

    *why = "path does not begin with a slash";

    if (raw.data == NULL || raw.len == 0 || raw.data[0] != '/') {
        return COMPLIANCE_MALFORMED;
    }

    while (at < raw.len) {
        size_t run = utf8.left == 0 ? ordinary_run(raw, at, before) : 0;

        if (run != 0) {
            at += run;
            before[1] = run > 1 ? raw.data[at - 2] : before[0];
            before[0] = raw.data[at - 1];

        } else {
            compliance_rc_t rc = check_one(raw, &at, before, &utf8, why);

            if (rc != COMPLIANCE_OK) {
                return rc;
            }
        }
    }

    if (utf8.left != 0) {
        *why = "not UTF-8";
        return COMPLIANCE_MALFORMED;
    }

    /* The end closes the last segment as a slash would. */
    if (before[0] == '.' || before[0] == ' ') {
        *why = "segment ends in a dot or blank";
        return COMPLIANCE_AMBIGUOUS;
    }

    *why = NULL;
    return COMPLIANCE_OK;
}


static bool
contains_text_html(compliance_str_t accept)
{
    static const char html[] = "text/html";

    size_t n = sizeof(html) - 1;

    if (accept.data == NULL) {
        return false;
    }

    for (size_t i = 0; i + n <= accept.len; i++) {
        compliance_str_t part = { accept.data + i, n };

        if (compliance_str_is(part, html)) {
            return true;
        }
    }

    return false;
}


compliance_access_t
compliance_access_classify(compliance_str_t method,
    compliance_str_t sec_fetch_mode, compliance_str_t sec_fetch_dest,
    compliance_str_t accept, compliance_str_t x_requested_with)
{
    if (!compliance_str_eq(method, compliance_str("GET"))
        && !compliance_str_eq(method, compliance_str("HEAD"))
        && !compliance_str_eq(method, compliance_str("POST")))
    {
        return COMPLIANCE_ACCESS_XHR;
    }

    if (sec_fetch_mode.data != NULL || sec_fetch_dest.data != NULL) {
        if (!compliance_str_is(sec_fetch_mode, "navigate")) {
            return COMPLIANCE_ACCESS_XHR;
        }

        if (compliance_str_is(sec_fetch_dest, "document")) {
            return COMPLIANCE_ACCESS_NAVIGATION;
        }

        if (compliance_str_is(sec_fetch_dest, "iframe")
            || compliance_str_is(sec_fetch_dest, "frame"))
        {
            return COMPLIANCE_ACCESS_IFRAME;
        }

        return COMPLIANCE_ACCESS_XHR;
    }

    return x_requested_with.data == NULL && contains_text_html(accept)
           ? COMPLIANCE_ACCESS_NAVIGATION
           : COMPLIANCE_ACCESS_XHR;
}
