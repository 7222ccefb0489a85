/*
 * Login bodies: any pieces give what the whole gives, and a login that a
 * lenient reader would find in a body is found, or the body is refused.
 *
 * Input: a letter for the profile (r, s, o, z), one for the Content-Type
 * (f urlencoded, m multipart with boundary XX, j JSON), the body.
 */
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "login_profile.h"
#include "names.h"

#include "fuzz_php.h"


int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);


static void
check(bool holds)
{
    if (!holds) {
        abort();
    }
}


typedef struct {
    compliance_rc_t        rc;
    compliance_principal_t name;
    compliance_principal_t hint;
} seen_t;


static seen_t
scan(const compliance_login_profile_t *profile, compliance_str_t type,
    const char *body, size_t len, size_t step)
{
    compliance_login_scan_t s;
    seen_t                  seen;

    memset(&seen, 0, sizeof(seen));
    seen.rc = compliance_login_scan_init(&s, profile, compliance_str("/"),
                                         compliance_absent, type);

    for (size_t at = 0; at < len && seen.rc == COMPLIANCE_OK; at += step) {
        seen.rc = compliance_login_scan_feed(&s, body + at,
                                             len - at < step ? len - at
                                                             : step);
    }

    if (seen.rc == COMPLIANCE_OK) {
        seen.rc = compliance_login_scan_end(&s, &seen.name, &seen.hint);
    }

    return seen;
}


/* PHP's name of a variable: what $_POST knows it by.  An array is told by
 * *array. */
static size_t
mangle(char *name, size_t len, bool *array)
{
    size_t skip = 0, n;
    char  *nul;

    while (skip < len && name[skip] == ' ') {
        skip++;
    }

    memmove(name, name + skip, len - skip);
    len -= skip;
    nul = memchr(name, '\0', len);
    len = nul != NULL ? (size_t) (nul - name) : len;
    *array = false;

    for (n = 0; n < len && name[n] != '['; n++) {
        if (name[n] == ' ' || name[n] == '.') {
            name[n] = '_';
        }
    }

    if (n < len && memchr(name + n, ']', len - n) != NULL) {
        *array = true;
        return n;
    }

    return len;
}


/* trim(strip_tags($_POST['_user'])), or 0. */
static size_t
php_user(const char *body, size_t len, const char *separators, char *out)
{
    size_t at = 0, out_len = 0;

    while (at < len) {
        size_t      end = at;
        const char *equals;
        char       *key;
        size_t      key_len;
        bool        array;

        while (end < len && strchr(separators, body[end]) == NULL) {
            end++;
        }

        if (end < len && body[end] == '\0') {
            /* strchr() finds the end of its string, too. */
            return 0;
        }

        equals = memchr(body + at, '=', end - at);
        key_len = equals != NULL ? (size_t) (equals - body) - at : end - at;
        key = malloc(key_len + 1);
        check(key != NULL);
        memcpy(key, body + at, key_len);
        key_len = mangle(key, urldecode(key, key_len), &array);

        if (key_len == 5 && memcmp(key, "_user", 5) == 0) {
            out_len = 0;

            if (equals != NULL && !array) {
                out_len = end - (size_t) (equals - body) - 1;
                memcpy(out, equals + 1, out_len);
                out_len = urldecode(out, out_len);
            }
        }

        free(key);
        at = end + 1;
    }

    while (out_len != 0 && strchr(" \t\n\r\v", out[out_len - 1]) != NULL) {
        out_len--;
    }

    while (out_len != 0 && strchr(" \t\n\r\v", out[0]) != NULL) {
        memmove(out, out + 1, --out_len);
    }

    return out_len;
}


static void
check_php(const seen_t *seen, const char *body, size_t len)
{
    char                   *value = malloc(len + 1);
    compliance_str_t        text = { value, 0 };
    compliance_principal_t  name;

    check(value != NULL);
    text.len = php_user(body, len, "&", value);

    if (text.len != 0) {
        check(seen->rc != COMPLIANCE_ABSENT);
    }

    if (seen->rc == COMPLIANCE_OK && memchr(body, '\0', len) == NULL) {
        check(text.len != 0);
        check(compliance_principal_parse(text, &name) == COMPLIANCE_OK
              && compliance_principal_eq(&name, &seen->name));
    }

    text.len = php_user(body, len, "&;", value);
    check(text.len == 0 || seen->rc != COMPLIANCE_ABSENT);
    free(value);
}


/* jansson in its most lenient mood. */
static void
check_json(const seen_t *seen, const char *body, size_t len)
{
    json_t                 *root;
    const json_t           *user;
    compliance_principal_t  name;

    root = json_loadb(body, len, JSON_DISABLE_EOF_CHECK | JSON_ALLOW_NUL,
                      NULL);
    user = json_object_get(root, "userName");

    if (json_is_string(user) && json_string_length(user) != 0) {
        compliance_str_t text = { json_string_value(user),
                                  json_string_length(user) };

        check(seen->rc != COMPLIANCE_ABSENT);

        if (seen->rc == COMPLIANCE_OK) {
            check(compliance_principal_parse(text, &name) == COMPLIANCE_OK
                  && compliance_principal_eq(&name, &seen->name));
        }

    } else {
        check(seen->rc != COMPLIANCE_OK);
    }

    json_decref(root);
}


/* A part named _user that is easily found, with a value. */
static void
check_multipart(const seen_t *seen, const char *body, size_t len)
{
    static const char field[] = "\r\nContent-Disposition: form-data; "
                                "name=\"_user\"\r\n\r\na";

    if (memmem(body, len, field, sizeof(field) - 1) == body + 4
        && memcmp(body, "--XX", 4) == 0)
    {
        check(seen->rc != COMPLIANCE_ABSENT);
    }
}


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct {
        char        letter;
        const char *name;
    } profiles[] = { { 'r', "roundcube" }, { 's', "sogo" }, { 'o', "owa" },
                     { 'z', "zimbra" } };
    static const struct {
        char             letter;
        compliance_str_t type;
    } types[] = {
        { 'f', compliance_str("application/x-www-form-urlencoded") },
        { 'm', compliance_str("multipart/form-data; boundary=XX") },
        { 'j', compliance_str("application/json") },
    };

    const compliance_login_profile_t *profile;
    const char                       *body = (const char *) data + 2;
    size_t                            len, p, t;
    seen_t                            whole;
    compliance_login_scan_t           s;

    if (size < 2) {
        return 0;
    }

    len = size - 2;

    for (p = 0; p < 3 && profiles[p].letter != data[0]; p++) {
        /* next */
    }

    for (t = 0; t < 2 && types[t].letter != data[1]; t++) {
        /* next */
    }

    profile = compliance_login_profile_find(
                  (compliance_str_t) { profiles[p].name,
                                       strlen(profiles[p].name) });
    whole = scan(profile, types[t].type, body, len, len != 0 ? len : 1);

    for (size_t step = 1; step < 8; step += 3) {
        seen_t split = scan(profile, types[t].type, body, len, step);

        check(split.rc == whole.rc
              && compliance_principal_eq(&split.name, &whole.name)
              && compliance_principal_eq(&split.hint, &whole.hint));
    }

    check((whole.rc == COMPLIANCE_OK) == (whole.name.len != 0));

    if (p == 0 && t == 0) {
        check_php(&whole, body, len);

    } else if (p == 1) {
        check_json(&whole, body, len);

    } else if (p == 0 && t == 1) {
        check_multipart(&whole, body, len);
    }

    /* The input as a Content-Type, and as a query. */
    (void) compliance_login_scan_init(&s, profile, compliance_str("/"),
                                      (compliance_str_t) { body, len },
                                      (compliance_str_t) { body, len });
    return 0;
}
