/*
 * Paths, Authorization values and the headers that tell a navigation.
 */
#include <stdlib.h>
#include <string.h>

#include "identify_http.h"
#include "names.h"


int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);


static void
check(bool holds)
{
    if (!holds) {
        abort();
    }
}


static int
hex(char c)
{
    if (c >= '0' && c <= '9') {
        return c - '0';
    }

    c |= 0x20;
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}


static size_t
decode(const char *in, size_t len, char *out)
{
    size_t n = 0;

    for (size_t i = 0; i < len; i++) {
        char c = in[i];

        if (c == '%' && len - i > 2 && hex(in[i + 1]) >= 0
            && hex(in[i + 2]) >= 0)
        {
            c = (char) (hex(in[i + 1]) << 4 | hex(in[i + 2]));
            i += 2;
        }

        out[n++] = c;
    }

    return n;
}


/* A path that passed reads the same however often it is decoded, and holds
 * nothing that a server resolves. */
static void
check_path(compliance_str_t raw)
{
    static const char *const never[] = { "//", "\\", "/./", "/../", "./", " /",
                                         ";", "::", "~1", "%u", "?", "#" };

    const char *why;
    char       *once, *twice;
    size_t      n;

    if (compliance_path_check(raw, &why) != COMPLIANCE_OK) {
        check(why != NULL);
        return;
    }

    once = malloc(raw.len + 1);
    twice = malloc(raw.len + 1);
    check(once != NULL && twice != NULL);
    n = decode(raw.data, raw.len, once);
    once[n] = '\0';
    check(decode(once, n, twice) == n && memcmp(once, twice, n) == 0);
    check(once[0] == '/' && strlen(once) == n);
    check(once[n - 1] != '.' && once[n - 1] != ' ');

    for (size_t i = 0; i < sizeof(never) / sizeof(never[0]); i++) {
        check(strstr(once, never[i]) == NULL);
    }

    free(once);
    free(twice);
}


static void
check_authorization(compliance_str_t value)
{
    char                    scratch[COMPLIANCE_AUTHORIZATION_MAX];
    char                    again[2 * COMPLIANCE_AUTHORIZATION_MAX];
    compliance_str_t        credentials, name, password;
    compliance_principal_t  login;
    compliance_buf_t        buf;

    (void) compliance_auth_scheme(value, &credentials);

    if (compliance_basic_parse(credentials, scratch, sizeof(scratch), &name,
                               &password) != COMPLIANCE_OK)
    {
        return;
    }

    check(name.len != 0 && memchr(name.data, ':', name.len) == NULL);

    if (compliance_principal_parse(name, &login) != COMPLIANCE_OK) {
        return;
    }

    compliance_buf_init(&buf, again, sizeof(again));
    check(compliance_basic_build(&login, password, &buf) == COMPLIANCE_OK);

    if (login.len == name.len && memcmp(login.data, name.data, name.len) == 0)
    {
        check(buf.len == credentials.len + 6
              && memcmp(again + 6, credentials.data, credentials.len) == 0);
    }
}


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    compliance_str_t text = { (const char *) data, size };
    compliance_str_t mode = { text.data, size / 3 };
    compliance_str_t dest = { text.data + size / 3, size / 3 };
    compliance_str_t accept = { text.data + 2 * (size / 3),
                                size - 2 * (size / 3) };

    check_path(text);
    check_authorization(text);

    check(compliance_access_classify(text, mode, dest, accept,
                                     compliance_absent)
          != COMPLIANCE_ACCESS_API);
    check(compliance_access_classify(compliance_str("GET"), compliance_absent,
                                     compliance_absent, text,
                                     compliance_absent)
          != COMPLIANCE_ACCESS_IFRAME);
    check(compliance_access_classify(compliance_str("GET"), mode, dest, text,
                                     compliance_absent)
          != COMPLIANCE_ACCESS_API);
    return 0;
}
