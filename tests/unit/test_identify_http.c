/*
 * identify_http.c: credentials, path spellings, navigation or script.
 */
#include "identify_http.h"
#include "names.h"

#include <string.h>

#include <criterion/criterion.h>


static compliance_str_t
str(const char *text)
{
    return text != NULL ? (compliance_str_t) { text, strlen(text) }
                        : compliance_absent;
}


Test(identify_http, schemes_are_told_apart_without_case)
{
    static const struct {
        const char               *value;
        compliance_auth_scheme_t  scheme;
        const char               *rest;
    } cases[] = {
        { "Basic YTpi", COMPLIANCE_AUTH_BASIC, "YTpi" },
        { "bASIC   YTpi", COMPLIANCE_AUTH_BASIC, "YTpi" },
        { "Basic", COMPLIANCE_AUTH_BASIC, "" },
        { "Bearer a.b.c", COMPLIANCE_AUTH_BEARER, "a.b.c" },
        { "Negotiate YII=", COMPLIANCE_AUTH_NEGOTIATE, "YII=" },
        { "NTLM TlRM", COMPLIANCE_AUTH_NEGOTIATE, "TlRM" },
        { "Kerberos x", COMPLIANCE_AUTH_NEGOTIATE, "x" },
        { "Digest username=\"a\"", COMPLIANCE_AUTH_OTHER, "username=\"a\"" },
        { "Basic\tYTpi", COMPLIANCE_AUTH_OTHER, "" },
        { " Basic YTpi", COMPLIANCE_AUTH_OTHER, "Basic YTpi" },
        { "Basi YTpi", COMPLIANCE_AUTH_OTHER, "YTpi" },
        { "BasicX YTpi", COMPLIANCE_AUTH_OTHER, "YTpi" },
        { "", COMPLIANCE_AUTH_OTHER, "" },
    };

    compliance_str_t rest;

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        cr_assert_eq(compliance_auth_scheme(str(cases[i].value), &rest),
                     cases[i].scheme, "%s", cases[i].value);
        cr_assert(compliance_str_eq(rest, str(cases[i].rest)));
    }

    cr_assert_eq(compliance_auth_scheme(compliance_absent, &rest),
                 COMPLIANCE_AUTH_NONE);
    cr_assert_null(rest.data);
}


static compliance_rc_t
basic(const char *plain, size_t len, compliance_str_t *name,
    compliance_str_t *password)
{
    static char      scratch[COMPLIANCE_AUTHORIZATION_MAX];
    char             text[2048];
    compliance_buf_t buf;

    compliance_buf_init(&buf, text, sizeof(text));
    compliance_base64_encode(&buf, (const uint8_t *) plain, len);
    return compliance_basic_parse((compliance_str_t) { text, buf.len },
                                  scratch, sizeof(scratch), name, password);
}

#define BASIC(literal)  basic(literal, sizeof(literal) - 1, &name, &password)


Test(identify_http, a_basic_pair_is_split_at_its_first_colon)
{
    compliance_str_t name, password;

    cr_assert_eq(BASIC("alice:se:cr:et"), COMPLIANCE_OK);
    cr_assert(compliance_str_eq(name, str("alice")));
    cr_assert(compliance_str_eq(password, str("se:cr:et")));

    cr_assert_eq(BASIC("alice:"), COMPLIANCE_OK);
    cr_assert_eq(password.len, 0);
    cr_assert_not_null(password.data);

    cr_assert_eq(BASIC("DOM\\\xc3\xa4:p\xe2\x82\xac"), COMPLIANCE_OK);
}


Test(identify_http, a_basic_pair_that_servers_could_misread_is_refused)
{
    compliance_str_t name, password;

    cr_assert_eq(BASIC("alice"), COMPLIANCE_MALFORMED);
    cr_assert_eq(BASIC(":secret"), COMPLIANCE_MALFORMED);
    cr_assert_eq(BASIC(":"), COMPLIANCE_MALFORMED);
    cr_assert_eq(BASIC("ali\0ce:x"), COMPLIANCE_MALFORMED);
    cr_assert_eq(BASIC("alice\n:x"), COMPLIANCE_MALFORMED);
    cr_assert_eq(BASIC("alice:x\r"), COMPLIANCE_MALFORMED);
    cr_assert_eq(BASIC("alice:x\x7f"), COMPLIANCE_MALFORMED);
    cr_assert_eq(BASIC("alice:x\xff"), COMPLIANCE_MALFORMED);
    cr_assert_eq(BASIC("\xe4:x"), COMPLIANCE_MALFORMED);
    cr_assert_eq(BASIC("alice:x\xc3"), COMPLIANCE_MALFORMED);
    cr_assert_null(name.data);
    cr_assert_null(password.data);
}


Test(identify_http, basic_credentials_are_strict_base64)
{
    static const char *const bad[] = { "", "YTpi=", "YTpi ", "YTp", "YTpi\n",
                                       "YTpiYw", "Y T=", "Y-_=" };
    char             scratch[COMPLIANCE_AUTHORIZATION_MAX];
    compliance_str_t name, password;

    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        cr_assert_eq(compliance_basic_parse(str(bad[i]), scratch,
                                            sizeof(scratch), &name, &password),
                     COMPLIANCE_MALFORMED, "%s", bad[i]);
    }

    cr_assert_eq(compliance_basic_parse(compliance_absent, scratch,
                                        sizeof(scratch), &name, &password),
                 COMPLIANCE_MALFORMED);
}


Test(identify_http, long_credentials_are_refused_before_they_are_decoded)
{
    char             text[COMPLIANCE_AUTHORIZATION_MAX + 4];
    char             scratch[COMPLIANCE_AUTHORIZATION_MAX];
    compliance_str_t name, password;

    memset(text, 'A', sizeof(text));
    cr_assert_eq(compliance_basic_parse(
                     (compliance_str_t) { text, sizeof(text) }, scratch,
                     sizeof(scratch), &name, &password), COMPLIANCE_TOO_LONG);
    cr_assert_eq(compliance_basic_parse(str("YTpi"), scratch, 2, &name,
                                        &password), COMPLIANCE_TOO_LONG);
}


Test(identify_http, built_credentials_are_read_back_for_every_length)
{
    compliance_principal_t login = { 5, "alice" };
    char                   secret[300];

    memset(secret, 'p', sizeof(secret));

    for (size_t len = 0; len < 300; len++) {
        char             text[1024], scratch[COMPLIANCE_AUTHORIZATION_MAX];
        compliance_buf_t buf;
        compliance_str_t rest, name, password;

        compliance_buf_init(&buf, text, sizeof(text));
        cr_assert_eq(compliance_basic_build(
                         &login, (compliance_str_t) { secret, len }, &buf),
                     COMPLIANCE_OK);
        cr_assert_eq(compliance_auth_scheme(
                         (compliance_str_t) { text, buf.len }, &rest),
                     COMPLIANCE_AUTH_BASIC);
        cr_assert_eq(compliance_basic_parse(rest, scratch, sizeof(scratch),
                                            &name, &password), COMPLIANCE_OK);
        cr_assert(compliance_str_eq(name, str("alice")));
        cr_assert_eq(password.len, len);
    }
}


Test(identify_http, a_login_with_a_colon_is_never_built)
{
    compliance_principal_t login = { 7, "alice:b" }, none = { 0, "" };
    compliance_principal_t alice = { 5, "alice" };
    char                   text[64];
    compliance_buf_t       buf;

    compliance_buf_init(&buf, text, sizeof(text));
    cr_assert_eq(compliance_basic_build(&login, str("x"), &buf),
                 COMPLIANCE_MALFORMED);
    cr_assert_eq(compliance_basic_build(&none, str("x"), &buf),
                 COMPLIANCE_MALFORMED);
    cr_assert_eq(compliance_basic_build(&alice, compliance_absent, &buf),
                 COMPLIANCE_MALFORMED);
    compliance_buf_init(&buf, text, 10);
    cr_assert_eq(compliance_basic_build(&alice, str("x"), &buf),
                 COMPLIANCE_TOO_LONG);
}


Test(identify_http, ordinary_paths_pass)
{
    static const char *const good[] = {
        "/", "/SOGo/so/alice%40example.com/Mail/0/folderINBOX/",
        "/Microsoft-Server-ActiveSync", "/SOGo/dav/alice/Calendar/personal/",
        "/owa/service.svc", "/.well-known/caldav", "/a.b/c..d", "/a%20b",
        "/%C3%A4/\xc3\xa4", "/skins/elastic/images/logo.svg", "/~alice/",
        "/100%25/x", "/a:b/c,d/e=f", "/%F0%9F%98%80", "/...x", "/a%3Ab"
    };
    const char *why;

    for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
        cr_assert_eq(compliance_path_check(str(good[i]), &why), COMPLIANCE_OK,
                     "%s: %s", good[i], why != NULL ? why : "");
        cr_assert_null(why);
    }
}


Test(identify_http, paths_that_servers_disagree_about_are_refused)
{
    static const char *const bad[] = {
        /* no slash, or another one */
        "", "owa", "http://x/owa", "*", "\\owa", "/x\\owa", "/%5cowa",
        "/%5Cowa",
        /* empty and dot segments */
        "//owa", "/owa//", "/x/../owa", "/x/./owa", "/..", "/.", "/x/..",
        "/x/%2e%2e/owa", "/%2E/owa", "/x/.%2e/owa", "/x%2f%2e%2e%2fowa",
        /* what follows the segment in some readers' eyes */
        "/owa;x", "/;/owa", "/owa/;jsessionid=1", "/owa%3bx", "/owa./x",
        "/owa.", "/owa%20", "/owa%20/x", "/owa%2e/x", "/owa...",
        "/owa::$DATA", "/owa%3a%3a$DATA", "/owa:%3a$INDEX", "/POWERS~1",
        "/x%7e1/y", "/powers~1/",
        /* encodings */
        "/%2fowa", "/%2Fowa", "/%u006fwa", "/%U006fwa", "/%256fwa",
        "/%252fowa", "/%25%36fwa", "/%25%36%66wa", "/%2%35", "/%25u006f",
        "/%25%75006f", "/%", "/%4", "/%zz", "/%4z", "/%00", "/a%00b", "/%0a",
        "/%7f", "/a\tb", "/a b", "/a\x7f", "/a?b", "/a#b", "/%3f", "/%23",
        /* no UTF-8 */
        "/%ff", "/\xff", "/%c0%af", "/%c0%ae%c0%ae/", "/%e0%80%af", "/%c3",
        "/%c3/x", "/%ed%a0%80", "/%f4%90%80%80", "/%f8%88%80%80%80", "/\x80",
        "/%c3x", "/%e2%82", "/%f0%80%80%80"
    };
    const char *why;

    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        compliance_rc_t rc = compliance_path_check(str(bad[i]), &why);

        cr_assert(rc == COMPLIANCE_MALFORMED || rc == COMPLIANCE_AMBIGUOUS,
                  "%s", bad[i]);
        cr_assert_not_null(why);
    }

    cr_assert_eq(compliance_path_check(compliance_absent, &why),
                 COMPLIANCE_MALFORMED);
    cr_assert_eq(compliance_path_check((compliance_str_t) { "/a\0b", 4 },
                                       &why), COMPLIANCE_MALFORMED);
}


Test(identify_http, every_truncation_of_a_path_is_judged_by_itself)
{
    static const char path[] = "/a%C3%A4/b.c%20d/\xe2\x82\xac%F0%9F%98%80/x";

    for (size_t len = 0; len <= sizeof(path) - 1; len++) {
        const char      *why;
        compliance_rc_t  rc = compliance_path_check(
                                  (compliance_str_t) { path, len }, &why);

        cr_assert_eq(why == NULL, rc == COMPLIANCE_OK);
        cr_assert(len != sizeof(path) - 1 || rc == COMPLIANCE_OK);
        cr_assert(len != 0 || rc == COMPLIANCE_MALFORMED);
    }
}


static compliance_access_t
classify(const char *method, const char *mode, const char *dest,
    const char *accept, const char *xrw)
{
    return compliance_access_classify(str(method), str(mode), str(dest),
                                      str(accept), str(xrw));
}


Test(identify_http, a_navigation_is_told_by_sec_fetch)
{
    cr_assert_eq(classify("GET", "navigate", "document", NULL, NULL),
                 COMPLIANCE_ACCESS_NAVIGATION);
    cr_assert_eq(classify("HEAD", "navigate", "document", NULL, NULL),
                 COMPLIANCE_ACCESS_NAVIGATION);
    cr_assert_eq(classify("POST", "navigate", "document", "*/*", NULL),
                 COMPLIANCE_ACCESS_NAVIGATION);
    cr_assert_eq(classify("GET", "navigate", "iframe", NULL, NULL),
                 COMPLIANCE_ACCESS_IFRAME);
    cr_assert_eq(classify("GET", "navigate", "frame", NULL, NULL),
                 COMPLIANCE_ACCESS_IFRAME);
    cr_assert_eq(classify("GET", "navigate", "object", "text/html", NULL),
                 COMPLIANCE_ACCESS_XHR);
    cr_assert_eq(classify("GET", "navigate", NULL, "text/html", NULL),
                 COMPLIANCE_ACCESS_XHR);
    cr_assert_eq(classify("GET", "cors", "empty", "text/html", NULL),
                 COMPLIANCE_ACCESS_XHR);
    cr_assert_eq(classify("GET", NULL, "document", "text/html", NULL),
                 COMPLIANCE_ACCESS_XHR);
    cr_assert_eq(classify("PUT", "navigate", "document", NULL, NULL),
                 COMPLIANCE_ACCESS_XHR);
}


Test(identify_http, without_sec_fetch_a_navigation_accepts_html)
{
    cr_assert_eq(classify("GET", NULL, NULL,
                          "text/html,application/xhtml+xml,*/*;q=0.8", NULL),
                 COMPLIANCE_ACCESS_NAVIGATION);
    cr_assert_eq(classify("GET", NULL, NULL, "a/b, Text/HTML", NULL),
                 COMPLIANCE_ACCESS_NAVIGATION);
    cr_assert_eq(classify("GET", NULL, NULL, "text/html", "XMLHttpRequest"),
                 COMPLIANCE_ACCESS_XHR);
    cr_assert_eq(classify("GET", NULL, NULL, "application/json", NULL),
                 COMPLIANCE_ACCESS_XHR);
    cr_assert_eq(classify("GET", NULL, NULL, "text/htm", NULL),
                 COMPLIANCE_ACCESS_XHR);
    cr_assert_eq(classify("GET", NULL, NULL, NULL, NULL),
                 COMPLIANCE_ACCESS_XHR);
    cr_assert_eq(classify("get", NULL, NULL, "text/html", NULL),
                 COMPLIANCE_ACCESS_XHR);
}
