/*
 * login_profile.c and its readers: who is about to log in, whatever the
 * spelling, and whatever pieces the body arrives in.
 */
#include "login_profile.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <criterion/criterion.h>

#define FORM       "application/x-www-form-urlencoded"
#define BOUNDARY   "----WebKitFormBoundary7MA4YWxk"
#define MULTIPART  "multipart/form-data; boundary=" BOUNDARY


static compliance_str_t
str(const char *text)
{
    return text != NULL ? (compliance_str_t) { text, strlen(text) }
                        : compliance_absent;
}


static const compliance_login_profile_t *
profile(const char *name)
{
    const compliance_login_profile_t *p = compliance_login_profile_find(
                                              str(name));

    cr_assert_not_null(p);
    return p;
}


typedef struct {
    compliance_rc_t        rc;
    compliance_principal_t name;
    compliance_principal_t hint;
} seen_t;


/* The body in pieces of `step` bytes, each in memory of its own. */
static seen_t
scan(const char *who, const char *query, const char *type, const char *body,
    size_t len, size_t step)
{
    compliance_login_scan_t s;
    seen_t                  seen = { .rc = COMPLIANCE_OK };

    seen.rc = compliance_login_scan_init(&s, profile(who), str("/x"),
                                         str(query), str(type));

    for (size_t at = 0; at < len && seen.rc == COMPLIANCE_OK; at += step) {
        size_t  n = len - at < step ? len - at : step;
        char   *piece = malloc(n);

        cr_assert_not_null(piece);
        memcpy(piece, body + at, n);
        seen.rc = compliance_login_scan_feed(&s, piece, n);
        free(piece);
    }

    if (seen.rc == COMPLIANCE_OK) {
        seen.rc = compliance_login_scan_end(&s, &seen.name, &seen.hint);
    }

    return seen;
}


/* Whole, at every pair of pieces, and byte by byte: all the same. */
static seen_t
read_all(const char *who, const char *query, const char *type,
    const char *body, size_t len)
{
    seen_t whole = scan(who, query, type, body, len, len != 0 ? len : 1);

    for (size_t step = 1; step < len; step++) {
        seen_t split = scan(who, query, type, body, len, step);

        cr_assert_eq(split.rc, whole.rc, "in pieces of %zu: %.*s", step,
                     (int) len, body);
        cr_assert_eq(split.name.len, whole.name.len);
        cr_assert_str_eq(split.name.data, whole.name.data);
        cr_assert_str_eq(split.hint.data, whole.hint.data);
    }

    return whole;
}


static void
logs_in_bytes(const char *who, const char *type, const char *body, size_t len,
    const char *name)
{
    seen_t seen = read_all(who, NULL, type, body, len);

    cr_assert_eq(seen.rc, COMPLIANCE_OK, "%d: %.*s", seen.rc, (int) len, body);
    cr_assert_str_eq(seen.name.data, name);
}


static void
gives_bytes(const char *who, const char *type, const char *body, size_t len,
    compliance_rc_t rc)
{
    seen_t seen = read_all(who, NULL, type, body, len);

    cr_assert_eq(seen.rc, rc, "%d, not %d: %.*s", seen.rc, rc, (int) len,
                 body);

    if (rc != COMPLIANCE_OK) {
        cr_assert_eq(seen.name.len, 0);
        cr_assert_eq(seen.hint.len, 0);
    }
}

#define logs_in(who, type, body, name) \
    logs_in_bytes(who, type, body, sizeof(body) - 1, name)
#define gives(who, type, body, rc) \
    gives_bytes(who, type, body, sizeof(body) - 1, rc)


Test(login_profile, profiles_are_found_by_exact_name)
{
    static const char *const names[] = { "roundcube", "sogo", "owa",
                                         "zimbra" };

    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        cr_assert_str_eq(compliance_login_profile_name(profile(names[i])),
                         names[i]);
        cr_assert_not_null(strstr(compliance_login_profile_names(),
                                  names[i]));
    }

    cr_assert_null(compliance_login_profile_find(str("Roundcube")));
    cr_assert_null(compliance_login_profile_find(str("")));
    cr_assert_null(compliance_login_profile_find(compliance_absent));
}


static bool
applies(const char *who, const char *method, const char *path,
    const char *query)
{
    return compliance_login_profile_applies(profile(who), str(method),
                                            str(path), str(query));
}


Test(login_profile, every_request_that_could_carry_a_login_is_looked_at)
{
    cr_assert(applies("roundcube", "POST", "/", "_task=login"));
    cr_assert(applies("roundcube", "POST", "/", "_task=mail&_action=send"));
    cr_assert(applies("roundcube", "POST", "/roundcube/index.php", NULL));
    cr_assert_not(applies("roundcube", "GET", "/", "_task=login&_user=a"));
    cr_assert_not(applies("roundcube", "PUT", "/", NULL));

    cr_assert(applies("sogo", "POST", "/SOGo/connect", NULL));
    cr_assert(applies("sogo", "GET", "/SOGo/so/x", "Cmd=connect"));
    cr_assert(applies("sogo", "PUT", "/SOGo/", ":method=connect"));

    cr_assert(applies("owa", "POST", "/OWA/Auth.OWA", NULL));
    cr_assert_not(applies("owa", "GET", "/owa/auth.owa", NULL));

    cr_assert(applies("zimbra", "POST", "/", NULL));
    cr_assert(applies("zimbra", "GET", "/", "loginOp=login&%75sername=a"));
    cr_assert(applies("zimbra", "GET", "/", "a;username=b"));
    cr_assert_not(applies("zimbra", "GET", "/", "loginOp=login"));
    cr_assert_not(applies("zimbra", "GET", "/", NULL));
}


Test(login_profile, a_roundcube_form_names_its_user)
{
    logs_in("roundcube", FORM, "_token=x&_task=login&_action=login&"
            "_timezone=Europe%2FBerlin&_url=&_user=Alice&_pass=a%26_user%3Db",
            "alice");
    logs_in("roundcube", FORM, "_user=alice%40example.com",
            "alice@example.com");
    logs_in("roundcube", FORM "; charset=UTF-8", "_user=demo%5calice",
            "demo\\alice");
    logs_in("roundcube", "Application/X-WWW-Form-URLencoded;charset=\"utf-8\"",
            "%5Fuser=%41lice&x", "alice");
    logs_in("roundcube", FORM, "&&_pass=%zz%&_user=+alice%09%0a&", "alice");
    logs_in("roundcube", FORM, "_user=stra%C3%9fe", "strasse");
}


Test(login_profile, a_form_without_the_field_logs_nobody_in)
{
    gives("roundcube", FORM, "", COMPLIANCE_ABSENT);
    gives("roundcube", FORM, "_task=mail&_action=send", COMPLIANCE_ABSENT);
    gives("roundcube", FORM, "_user=&_pass=x", COMPLIANCE_ABSENT);
    gives("roundcube", FORM, "_user", COMPLIANCE_ABSENT);
    gives("roundcube", FORM, "_user=+%20", COMPLIANCE_ABSENT);
    gives("roundcube", FORM, "_users=a&x_user=b&__user=c&_use=r",
          COMPLIANCE_ABSENT);
    gives("roundcube", FORM, "x=_user=alice&y=%26_user=alice",
          COMPLIANCE_ABSENT);
    gives("roundcube", FORM, "a[_user]=alice&_u%ser=alice&%=1",
          COMPLIANCE_ABSENT);
    gives("roundcube", FORM, "_attachments[]=1&very_long_field_name_that_goes_"
          "on=1", COMPLIANCE_ABSENT);
}


Test(login_profile, names_that_php_bends_into_the_field_are_ambiguous)
{
    gives("roundcube", FORM, "+_user=bob", COMPLIANCE_AMBIGUOUS);
    gives("roundcube", FORM, "%20%20_user=bob", COMPLIANCE_AMBIGUOUS);
    gives("roundcube", FORM, "++++++++++++++++++++++++++++++_user=bob",
          COMPLIANCE_AMBIGUOUS);
    gives("roundcube", FORM, ".user=bob", COMPLIANCE_AMBIGUOUS);
    gives("roundcube", FORM, "+.user=bob", COMPLIANCE_AMBIGUOUS);
    gives("roundcube", FORM, "%2Euser=bob", COMPLIANCE_AMBIGUOUS);
    gives("roundcube", FORM, "_user%00x=bob", COMPLIANCE_AMBIGUOUS);
    gives("roundcube", FORM, "_user%00", COMPLIANCE_AMBIGUOUS);
    gives("roundcube", FORM, "_user[]=bob", COMPLIANCE_AMBIGUOUS);
    gives("roundcube", FORM, "_user%5B0%5D=bob", COMPLIANCE_AMBIGUOUS);
    gives("roundcube", FORM, "_user[=bob", COMPLIANCE_AMBIGUOUS);
    gives("roundcube", FORM, "_USER=bob", COMPLIANCE_AMBIGUOUS);
    gives("roundcube", FORM, "_user=alice&.user=bob", COMPLIANCE_AMBIGUOUS);
}


Test(login_profile, a_field_given_twice_is_ambiguous)
{
    gives("roundcube", FORM, "_user=alice&_user=alice", COMPLIANCE_AMBIGUOUS);
    gives("roundcube", FORM, "_user=alice&_user=", COMPLIANCE_AMBIGUOUS);
    gives("roundcube", FORM, "_user&_user=bob", COMPLIANCE_AMBIGUOUS);
    gives("roundcube", FORM, "_user=alice&%5fuser=bob", COMPLIANCE_AMBIGUOUS);
    gives("roundcube", FORM, "_user=alice&_user[]=bob", COMPLIANCE_AMBIGUOUS);
}


Test(login_profile, a_semicolon_must_not_separate_for_anyone)
{
    gives("roundcube", FORM, "_task=login;_user=bob", COMPLIANCE_AMBIGUOUS);
    gives("roundcube", FORM, "_user=alice;x=1", COMPLIANCE_AMBIGUOUS);
    gives("roundcube", FORM, "_user=alice&x=1;_user=bob",
          COMPLIANCE_AMBIGUOUS);
    gives("roundcube", FORM, "_user=alice;", COMPLIANCE_AMBIGUOUS);
    gives("roundcube", FORM, "a=1;b=2;c&d;e", COMPLIANCE_ABSENT);
    logs_in("roundcube", FORM, "_pass=a;b&_user=alice", "alice");
    logs_in("roundcube", FORM, "_user=al%3Bice", "al;ice");
}


Test(login_profile, a_name_the_back_end_would_alter_is_refused)
{
    gives("roundcube", FORM, "_user=al<b>ice", COMPLIANCE_AMBIGUOUS);
    gives("roundcube", FORM, "_user=%3Cb%3Ealice", COMPLIANCE_AMBIGUOUS);
    gives("roundcube", FORM, "_user=al%00ice", COMPLIANCE_MALFORMED);
    gives("roundcube", FORM, "_user=al%FFice", COMPLIANCE_MALFORMED);
    gives("roundcube", FORM, "_user=ali%2A", COMPLIANCE_MALFORMED);
    gives("roundcube", FORM, "_user=alice%", COMPLIANCE_AMBIGUOUS);
    gives("roundcube", FORM, "_user=al%4ice", COMPLIANCE_AMBIGUOUS);
    gives("roundcube", FORM, "_user=al%4", COMPLIANCE_AMBIGUOUS);
    gives("roundcube", FORM, "_user=al%u0069ce&x=1", COMPLIANCE_AMBIGUOUS);
    gives("roundcube", FORM, "_user=%0c", COMPLIANCE_MALFORMED);
    gives("roundcube", FORM, "_user=%0calice", COMPLIANCE_MALFORMED);
    gives("owa", FORM, "username=+alice", COMPLIANCE_MALFORMED);
}


Test(login_profile, a_long_name_is_too_long_however_long)
{
    char body[2000];

    for (size_t len = 250; len < sizeof(body) - 6; len += 29) {
        seen_t seen;

        memcpy(body, "_user=", 6);
        memset(body + 6, 'a', len);
        seen = scan("roundcube", NULL, FORM, body, len + 6, 64);
        cr_assert_eq(seen.rc, len <= 254 ? COMPLIANCE_OK
                                         : COMPLIANCE_TOO_LONG, "%zu", len);
    }
}


Test(login_profile, only_forms_hold_fields)
{
    static const char *const types[] = { NULL, "text/xml", "application/json",
                                         "text/plain; charset=utf-16", "",
                                         "application/octet-stream" };

    for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
        compliance_login_scan_t s;

        cr_assert_eq(compliance_login_scan_init(&s, profile("roundcube"),
                                                str("/"), compliance_absent,
                                                str(types[i])),
                     COMPLIANCE_ABSENT);
        cr_assert_eq(compliance_login_scan_feed(&s, "_user=alice", 11),
                     COMPLIANCE_OK);
    }
}


Test(login_profile, a_content_type_that_some_reader_takes_for_a_form_is_refused)
{
    static const char *const types[] = {
        "application/x-www-form-urlencoded, text/plain",
        "application/x-www-form-urlencoded text/plain",
        "application/x-www-form-urlencoded; charset=utf-16",
        "application/x-www-form-urlencoded; charset=utf-7",
        "application/x-www-form-urlencoded; charset=utf-8; charset=utf-16",
        "application/x-www-form-urlencoded; charset",
        "application/x-www-form-urlencoded; charset=\"utf-8",
        "application/x-www-form-urlencoded;",
        "application/x-www-form-urlencoded; =x",
        "application/x-www-form-urlencoded; a=\"x\\\"y\"",
        "x-www-form-urlencoded", "application/x-www-form-urlencodedx",
        "a/b; x=application/x-www-form-urlencoded", "/form-data",
        "multipart/form-data", "multipart/mixed; boundary=x",
        "multipart/form-data; boundary=", "multipart/form-data; boundary=a b",
        "multipart/form-data; boundary=\"a", "multipart/form-data; boundary=a;"
        "boundary=b", "multipart/form-data; boundary=a,b",
        "multipart/form-data; xboundary=a; boundary=\"b c\"",
        "multipart/; boundary=a", "multipart", "multipart/form-data; boundary="
        "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"
    };

    for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
        compliance_login_scan_t s;

        cr_assert_eq(compliance_login_scan_init(&s, profile("roundcube"),
                                                str("/"), compliance_absent,
                                                str(types[i])),
                     COMPLIANCE_AMBIGUOUS, "%s", types[i]);
        cr_assert_eq(compliance_login_scan_feed(&s, "a", 1),
                     COMPLIANCE_AMBIGUOUS);
    }
}

#define PART(name, value) \
    "--" BOUNDARY "\r\nContent-Disposition: form-data; name=\"" name "\"\r\n" \
    "\r\n" value "\r\n"
#define FILE_PART(name, file, value) \
    "--" BOUNDARY "\r\nContent-Disposition: form-data; name=\"" name "\"; "   \
    "filename=\"" file "\"\r\nContent-Type: application/octet-stream\r\n"     \
    "\r\n" value "\r\n"
#define CLOSE  "--" BOUNDARY "--\r\n"


Test(login_profile, a_multipart_form_names_its_user)
{
    logs_in("roundcube", MULTIPART,
            PART("_task", "login") PART("_user", "Alice")
            PART("_pass", "secret") CLOSE, "alice");
    logs_in("roundcube", MULTIPART, PART("_user", "alice\r\n") CLOSE, "alice");
    logs_in("roundcube", "Multipart/Form-Data;boundary=\"" BOUNDARY "\"",
            FILE_PART("_file", "x.bin", "--\r\n--\r\n------Web\r\r\n-")
            PART("_user", " bob") "--" BOUNDARY "--", "bob");
}


Test(login_profile, an_upload_logs_nobody_in)
{
    gives("roundcube", MULTIPART, CLOSE, COMPLIANCE_ABSENT);
    gives("roundcube", MULTIPART,
          PART("_task", "mail") FILE_PART("_attachments[]", "a \xc3\xa4.txt",
                                          "_user=alice\r\n\r\n&_user=bob")
          FILE_PART("_file", "", "") PART("", "x") PART("_user", "") CLOSE,
          COMPLIANCE_ABSENT);
}


Test(login_profile, a_disguised_field_in_a_multipart_form_is_ambiguous)
{
    gives("roundcube", MULTIPART, FILE_PART("_user", "x", "alice") CLOSE,
          COMPLIANCE_AMBIGUOUS);
    gives("roundcube", MULTIPART, PART(" _user", "alice") CLOSE,
          COMPLIANCE_AMBIGUOUS);
    gives("roundcube", MULTIPART, PART(".user", "alice") CLOSE,
          COMPLIANCE_AMBIGUOUS);
    gives("roundcube", MULTIPART, PART("_user[]", "alice") CLOSE,
          COMPLIANCE_AMBIGUOUS);
    gives("roundcube", MULTIPART, PART("_user", "a") PART("_user", "b") CLOSE,
          COMPLIANCE_AMBIGUOUS);
    gives("roundcube", MULTIPART, PART("_us\\er", "a") CLOSE,
          COMPLIANCE_AMBIGUOUS);
}

/* One part with this header block. */
#define HEAD(lines)  "--" BOUNDARY "\r\n" lines "\r\nx\r\n" CLOSE
#define CD           "Content-Disposition: form-data; "


Test(login_profile, a_part_header_has_one_reading_or_is_refused)
{
    static const char *const bad[] = {
        HEAD(""),
        HEAD("Content-Type: text/plain\r\n"),
        HEAD(CD "name=_user\r\n"),
        HEAD(CD "name='_user'\r\n"),
        HEAD(CD "name=\"a\"; name=\"_user\"\r\n"),
        HEAD(CD "name=\"a\"\r\n" CD "name=\"_user\"\r\n"),
        HEAD(CD "name=\"a\";\r\n name=\"_user\"\r\n"),
        HEAD(CD "name=\"a\"\r\n; name=\"_user\"\r\n"),
        HEAD(CD "name=\"a\" name=\"_user\"\r\n"),
        HEAD(CD "name=\"a\"; filename=\"x\\\"; name=\"_user\"\r\n"),
        HEAD(CD "name=\"a\"; filename=\"x\"; filename=\"y\"\r\n"),
        HEAD(CD "name=\"a\"; filename*=UTF-8''x\r\n"),
        HEAD(CD "name*=UTF-8''_user\r\n"),
        HEAD(CD "name=\"a\r\n"),
        HEAD(CD "name=\r\n"),
        HEAD(CD "\r\n"),
        HEAD("Content-Disposition: attachment; name=\"a\"\r\n"),
        HEAD("Content-Disposition : form-data; name=\"a\"\r\n"),
        HEAD("Content Disposition: form-data; name=\"a\"\r\n"),
        HEAD("X\r\n" CD "name=\"a\"\r\n"),
        HEAD(": x\r\n" CD "name=\"a\"\r\n"),
        HEAD(CD "filename=\"a\"\r\n"),
        HEAD(CD "name=\"a\x01\"\r\n"),
        HEAD(CD "name=\"a\x7f\"\r\n"),
        HEAD(CD "name=\"a\"\r\nX: y\rz\r\n"),
        HEAD(CD "name=\"a\"\n"),
        HEAD(CD "name=\"--" BOUNDARY "\"\r\n"),
        HEAD("X-Y: --" BOUNDARY "\r\n" CD "name=\"a\"\r\n"),
    };

    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        seen_t seen = read_all("roundcube", NULL, MULTIPART, bad[i],
                               strlen(bad[i]));

        cr_assert(seen.rc == COMPLIANCE_MALFORMED
                  || seen.rc == COMPLIANCE_AMBIGUOUS, "%zu: %s", i, bad[i]);
    }

    gives("roundcube", MULTIPART,
          HEAD("content-type: text/plain\r\nCONTENT-DISPOSITION:Form-Data ;\t"
               "Name=\"a\" ; FileName=\"O'B\\r \xc3\xa4.txt\" \r\nX-Y: z\r\n"),
          COMPLIANCE_ABSENT);
    gives("roundcube", MULTIPART, "--" BOUNDARY "\r\n" CD "name=\"a\0\"\r\n\r\n"
          "x\r\n" CLOSE, COMPLIANCE_MALFORMED);
}


Test(login_profile, the_boundary_stands_in_delimiters_only)
{
    gives("roundcube", MULTIPART, PART("a", "x--" BOUNDARY) CLOSE,
          COMPLIANCE_AMBIGUOUS);
    gives("roundcube", MULTIPART, PART("a", "x\n--" BOUNDARY "\r\n") CLOSE,
          COMPLIANCE_AMBIGUOUS);
    gives("roundcube", MULTIPART, PART("a", "x\r--" BOUNDARY "\r\n") CLOSE,
          COMPLIANCE_AMBIGUOUS);
    gives("roundcube", MULTIPART, PART("a", "\r\n\r\n--" BOUNDARY "x") CLOSE,
          COMPLIANCE_MALFORMED);
    gives("roundcube", MULTIPART, PART("a", "\r\n--" BOUNDARY "\n") CLOSE,
          COMPLIANCE_MALFORMED);
    gives("roundcube", MULTIPART, PART("a", "\r\n--" BOUNDARY "-x") CLOSE,
          COMPLIANCE_MALFORMED);
    gives("roundcube", MULTIPART,
          "--" BOUNDARY "\r\n" CD "name=\"a\"\r\n\r\n" CLOSE,
          COMPLIANCE_AMBIGUOUS);
    gives("roundcube", MULTIPART, PART("a", "\r\n\r\r\n--\r\n----Web") CLOSE,
          COMPLIANCE_ABSENT);
    gives("roundcube", "multipart/form-data; boundary=--x",
          "----x\r\n" CD "name=\"a\"\r\n\r\n-----x\r\n----x--",
          COMPLIANCE_AMBIGUOUS);
    logs_in("roundcube", "multipart/form-data; boundary=-a-a",
            "---a-a\r\n" CD "name=\"_user\"\r\n\r\n---a-\r\n---a-a--",
            "---a-");
}


Test(login_profile, nothing_stands_before_or_behind_the_parts)
{
    gives("roundcube", MULTIPART, "\r\n" PART("a", "x") CLOSE,
          COMPLIANCE_MALFORMED);
    gives("roundcube", MULTIPART, "preamble\r\n" PART("a", "x") CLOSE,
          COMPLIANCE_MALFORMED);
    gives("roundcube", MULTIPART, PART("a", "x") CLOSE "epilogue",
          COMPLIANCE_MALFORMED);
    gives("roundcube", MULTIPART, PART("a", "x") CLOSE PART("_user", "bob")
          CLOSE, COMPLIANCE_MALFORMED);
    gives("roundcube", MULTIPART, PART("a", "x") "--" BOUNDARY "--x",
          COMPLIANCE_MALFORMED);
    gives("roundcube", MULTIPART, PART("a", "x") "--" BOUNDARY "--\rx",
          COMPLIANCE_MALFORMED);
    gives("roundcube", MULTIPART, "", COMPLIANCE_MALFORMED);
}


Test(login_profile, every_truncation_of_a_multipart_form_is_refused)
{
    static const char body[] = PART("_task", "login") PART("_user", "alice")
                               FILE_PART("f", "x", "y") "--" BOUNDARY "--";

    for (size_t len = 0; len < sizeof(body) - 1; len++) {
        seen_t seen = scan("roundcube", NULL, MULTIPART, body, len, 7);

        cr_assert_eq(seen.rc, COMPLIANCE_MALFORMED, "%zu", len);
    }

    cr_assert_eq(scan("roundcube", NULL, MULTIPART, body, sizeof(body) - 1, 7)
                     .rc, COMPLIANCE_OK);
}


Test(login_profile, values_and_headers_of_parts_are_bounded)
{
    static const char head[] = "--" BOUNDARY "\r\n" CD "name=\"_user\"\r\n\r\n";
    char body[4096];

    for (size_t len = 250; len < 2000; len += 13) {
        size_t n = 0;
        seen_t seen;

        memcpy(body, head, sizeof(head) - 1);
        n = sizeof(head) - 1;
        memset(body + n, 'a', len);
        n += len;
        memcpy(body + n, "\r\n" CLOSE, sizeof("\r\n" CLOSE) - 1);
        n += sizeof("\r\n" CLOSE) - 1;
        seen = scan("roundcube", NULL, MULTIPART, body, n, 100);
        cr_assert_eq(seen.rc, len <= 254 ? COMPLIANCE_OK
                                         : COMPLIANCE_TOO_LONG, "%zu", len);
    }

    (void) snprintf(body, sizeof(body), "--" BOUNDARY "\r\nX: %01500d\r\n", 0);
    cr_assert_eq(scan("roundcube", NULL, MULTIPART, body, strlen(body), 100)
                     .rc, COMPLIANCE_TOO_LONG);
}


Test(login_profile, a_large_upload_is_scanned_to_its_end)
{
    static const char begin[] = "--" BOUNDARY "\r\n" CD "name=\"f\"; filename="
                                "\"big\"\r\nContent-Type: a/b\r\n\r\n";
    static const char end[] = "\r\n" PART("_user", "Alice") CLOSE;
    compliance_login_scan_t s;
    compliance_principal_t  name, hint;
    char                    piece[4096];

    cr_assert_eq(compliance_login_scan_init(&s, profile("roundcube"), str("/"),
                                            compliance_absent,
                                            str(MULTIPART)), COMPLIANCE_OK);
    cr_assert_eq(compliance_login_scan_feed(&s, begin, sizeof(begin) - 1),
                 COMPLIANCE_OK);

    for (size_t i = 0; i < sizeof(piece); i++) {
        piece[i] = (char) (i * 31 + i / 256);
    }

    for (size_t i = 0; i < 2048; i++) {
        cr_assert_eq(compliance_login_scan_feed(&s, piece, sizeof(piece)),
                     COMPLIANCE_OK);
    }

    cr_assert_eq(compliance_login_scan_feed(&s, end, sizeof(end) - 1),
                 COMPLIANCE_OK);
    cr_assert_eq(compliance_login_scan_end(&s, &name, &hint), COMPLIANCE_OK);
    cr_assert_str_eq(name.data, "alice");
}

#define JSON  "application/json;charset=UTF-8"


Test(login_profile, a_sogo_login_names_its_user)
{
    logs_in("sogo", JSON, "{\"userName\":\"Alice\",\"password\":\"x\","
            "\"domain\":null,\"language\":\"English\",\"rememberLogin\":1}",
            "alice");
    logs_in("sogo", NULL, " \v\f{ \"userName\" : \"alice\" }\r\n\t", "alice");
    logs_in("sogo", "text/plain", "{\"a\":[{\"userName\":\"bob\"},[],{},[[1]],"
            "true,false,null,-0.5e+2,0,12,\"\\u00e4\\ud83d\\ude00\\n\"],"
            "\"userName\":\"demo\\\\alice\"}", "demo\\alice");
    logs_in("sogo", FORM, "{\"userName\":\"\\u0061lice\",\"\":\"\"}", "alice");
    logs_in("sogo", MULTIPART, "{\"userName\":\"\xc3\x84lice\\/\"}",
            "\xc3\xa4lice/");
    logs_in("sogo", JSON, "{\"userName\":\"\\u00c4\\u20ac\"}",
            "\xc3\xa4\xe2\x82\xac");
}


Test(login_profile, the_domain_beside_a_sogo_name_is_a_second_name)
{
    static const char body[] = "{\"domain\":\"Example.com\",\"userName\":"
                               "\"Alice\"}";
    compliance_principal_t name;
    seen_t seen = read_all("sogo", NULL, JSON, body, sizeof(body) - 1);

    cr_assert_eq(seen.rc, COMPLIANCE_OK);
    cr_assert_str_eq(seen.name.data, "alice");
    cr_assert_str_eq(seen.hint.data, "alice@example.com");
    cr_assert_eq(compliance_login_profile_read(
                     profile("sogo"), str("/SOGo/connect"), compliance_absent,
                     str(JSON), str(body), &name), COMPLIANCE_AMBIGUOUS);
    cr_assert_eq(name.len, 0);

    logs_in("sogo", JSON, "{\"domain\":\"x\",\"userName\":\"a@b\"}", "a@b");
    gives("sogo", JSON, "{\"domain\":\"x*\",\"userName\":\"a\"}",
          COMPLIANCE_MALFORMED);
    gives("sogo", JSON, "{\"domain\":{},\"userName\":\"a\"}",
          COMPLIANCE_MALFORMED);
    gives("sogo", JSON, "{\"domain\":\"x\",\"domain\":\"y\",\"userName\":\"a\""
          "}", COMPLIANCE_AMBIGUOUS);
    gives("sogo", JSON, "{\"domain\":5,\"domain\":[]}", COMPLIANCE_ABSENT);
}


Test(login_profile, a_body_that_is_no_object_is_no_sogo_login)
{
    gives("sogo", NULL, "", COMPLIANCE_ABSENT);
    gives("sogo", NULL, " \t\r\n", COMPLIANCE_ABSENT);
    gives("sogo", MULTIPART, PART("userName", "alice") CLOSE,
          COMPLIANCE_ABSENT);
    gives("sogo", "text/xml", "<a>\xff\x01{\"userName\":\"bob\"}",
          COMPLIANCE_ABSENT);
    gives("sogo", JSON, "[{\"userName\":\"bob\"}]", COMPLIANCE_ABSENT);
    gives("sogo", JSON, "{}", COMPLIANCE_ABSENT);
    gives("sogo", JSON, "{\"username\":\"a\",\"userName2\":\"b\","
          "\"defaults\":{\"userName\":\"c\"}}", COMPLIANCE_ABSENT);
    gives("sogo", JSON, "{\"userName\":null}", COMPLIANCE_ABSENT);
    gives("sogo", JSON, "{\"userName\":\"\"}", COMPLIANCE_ABSENT);
    gives("sogo", JSON, "{\"a_very_long_member_name_that_goes_on_and_on_userNam"
          "e\":\"a\"}", COMPLIANCE_ABSENT);
}


Test(login_profile, json_that_sogo_could_read_another_way_is_refused)
{
    static const struct {
        const char      *body;
        compliance_rc_t  rc;
    } cases[] = {
        { "{\"userName\":\"a\",\"userName\":\"a\"}", COMPLIANCE_AMBIGUOUS },
        { "{\"userName\":null,\"userName\":\"a\"}", COMPLIANCE_AMBIGUOUS },
        { "{\"user\\u004eame\":\"a\"}", COMPLIANCE_AMBIGUOUS },
        { "{\"\\ud800\\udc75serName\":\"a\"}", COMPLIANCE_AMBIGUOUS },
        { "{\"x\\\\\":1}", COMPLIANCE_AMBIGUOUS },
        { "{\"userName\":\"\\ud83d\\ude00\"}", COMPLIANCE_AMBIGUOUS },
        { "{\"userName\":\"a\\u0000b\"}", COMPLIANCE_MALFORMED },
        { "{\"userName\":\"a\\nb\"}", COMPLIANCE_MALFORMED },
        { "{\"userName\":\"a*\"}", COMPLIANCE_MALFORMED },
        { "{\"userName\":5}", COMPLIANCE_MALFORMED },
        { "{\"userName\":true}", COMPLIANCE_MALFORMED },
        { "{\"userName\":[\"a\"]}", COMPLIANCE_MALFORMED },
        { "{\"userName\":{\"a\":1}}", COMPLIANCE_MALFORMED },
        { "{\"userName\":\"a\"}x", COMPLIANCE_MALFORMED },
        { "{\"userName\":\"a\"},{\"userName\":\"b\"}", COMPLIANCE_MALFORMED },
        { "{\"userName\":\"a\"}{}", COMPLIANCE_MALFORMED },
        { "{\"userName\" \"a\"}", COMPLIANCE_MALFORMED },
        { "{\"userName\":\"a\",}", COMPLIANCE_MALFORMED },
        { "{\"userName\":\"a\" \"b\":1}", COMPLIANCE_MALFORMED },
        { "{,}", COMPLIANCE_MALFORMED },
        { "{'userName':'a'}", COMPLIANCE_MALFORMED },
        { "{userName:\"a\"}", COMPLIANCE_MALFORMED },
        { "{\"a\":\v1}", COMPLIANCE_MALFORMED },
        { "{\"a\":/**/1}", COMPLIANCE_MALFORMED },
        { "{\"a\":[1,]}", COMPLIANCE_MALFORMED },
        { "{\"a\":[1 2]}", COMPLIANCE_MALFORMED },
        { "{\"a\":[}", COMPLIANCE_MALFORMED },
        { "{\"a\":1]", COMPLIANCE_MALFORMED },
        { "{\"a\":tru}", COMPLIANCE_MALFORMED },
        { "{\"a\":True}", COMPLIANCE_MALFORMED },
        { "{\"a\":nul1}", COMPLIANCE_MALFORMED },
        { "{\"a\":01}", COMPLIANCE_MALFORMED },
        { "{\"a\":-}", COMPLIANCE_MALFORMED },
        { "{\"a\":+1}", COMPLIANCE_MALFORMED },
        { "{\"a\":1.}", COMPLIANCE_MALFORMED },
        { "{\"a\":.5}", COMPLIANCE_MALFORMED },
        { "{\"a\":1e}", COMPLIANCE_MALFORMED },
        { "{\"a\":1e+}", COMPLIANCE_MALFORMED },
        { "{\"a\":1e999}", COMPLIANCE_MALFORMED },
        { "{\"a\":1-1}", COMPLIANCE_MALFORMED },
        { "{\"a\":11111111111111111111111111111111111111111}",
          COMPLIANCE_MALFORMED },
        { "{\"a\":\"\\ud800\"}", COMPLIANCE_MALFORMED },
        { "{\"a\":\"\\ud800x\"}", COMPLIANCE_MALFORMED },
        { "{\"a\":\"\\ud800\\n\"}", COMPLIANCE_MALFORMED },
        { "{\"a\":\"\\ud800\\u0041\"}", COMPLIANCE_MALFORMED },
        { "{\"a\":\"\\ud83c\\udfff\"}", COMPLIANCE_MALFORMED },
        { "{\"a\":\"\\udc00\"}", COMPLIANCE_MALFORMED },
        { "{\"a\":\"\\u12g4\"}", COMPLIANCE_MALFORMED },
        { "{\"a\":\"\\x41\"}", COMPLIANCE_MALFORMED },
        { "{\"a\":\"\n\"}", COMPLIANCE_MALFORMED },
        { "{\"a\":\"\xff\"}", COMPLIANCE_MALFORMED },
        { "{\"a\":\"\xc0\xa2\"}", COMPLIANCE_MALFORMED },
        { "{\"a\":\"\xed\xa0\x80\"}", COMPLIANCE_MALFORMED },
        { "{\"a\":\"\xe0\x80\x80\"}", COMPLIANCE_MALFORMED },
        { "{\"a\":\"\xf4\x90\x80\x80\"}", COMPLIANCE_MALFORMED },
        { "{\"a\":\"\xf0\x80\x80\x80\"}", COMPLIANCE_MALFORMED },
        { "{\"a\":\"\xe2\x82\"}", COMPLIANCE_MALFORMED },
        { "{\"a\":\"\xe2\x82\\n\"}", COMPLIANCE_MALFORMED },
        { "\xef\xbb\xbf{\"userName\":\"a\"}", COMPLIANCE_AMBIGUOUS },
        { "\xff\xfe{", COMPLIANCE_AMBIGUOUS },
        { "\x01{", COMPLIANCE_AMBIGUOUS },
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        gives_bytes("sogo", JSON, cases[i].body, strlen(cases[i].body),
                    cases[i].rc);
    }

    gives("sogo", JSON, "{\"a\":\"\0\"}", COMPLIANCE_MALFORMED);
    gives("sogo", JSON, "{\"a\":\"\\\0\"}", COMPLIANCE_MALFORMED);
    gives("sogo", JSON, "\0{\"userName\":\"a\"}", COMPLIANCE_AMBIGUOUS);
    gives("sogo", JSON, "{\"userName\":\"a\"}\0", COMPLIANCE_MALFORMED);
    gives("sogo", "application/json; charset=utf-16", "{}",
          COMPLIANCE_AMBIGUOUS);
    gives("sogo", "application/json; charset=\"utf-8\\\"", "{}",
          COMPLIANCE_AMBIGUOUS);
    gives("sogo", "json", "{}", COMPLIANCE_AMBIGUOUS);
}


Test(login_profile, every_truncation_of_a_sogo_login_is_refused)
{
    static const char body[] = "{\"userName\":\"alice\",\"a\":[1,{\"b\":true}],"
                               "\"c\":\"\\u00e4\xc3\xa4\",\"d\":-1.5e2}";

    for (size_t len = 1; len < sizeof(body) - 1; len++) {
        cr_assert_eq(scan("sogo", NULL, JSON, body, len, 3).rc,
                     COMPLIANCE_MALFORMED, "%zu", len);
    }

    cr_assert_eq(scan("sogo", NULL, JSON, body, sizeof(body) - 1, 3).rc,
                 COMPLIANCE_OK);
}


Test(login_profile, json_is_nested_64_levels_deep_at_most)
{
    char body[200];

    for (size_t depth = 60; depth < 70; depth++) {
        size_t n = 0;

        n += (size_t) sprintf(body, "{\"a\":");

        for (size_t i = 1; i < depth; i++) {
            body[n++] = '[';
        }

        for (size_t i = 1; i < depth; i++) {
            body[n++] = ']';
        }

        body[n++] = '}';
        cr_assert_eq(scan("sogo", NULL, JSON, body, n, n).rc,
                     depth <= 64 ? COMPLIANCE_ABSENT : COMPLIANCE_MALFORMED);
    }
}


Test(login_profile, a_long_json_name_is_too_long)
{
    char body[1200];

    for (size_t len = 254; len < 1100; len += 50) {
        int n = snprintf(body, sizeof(body), "{\"userName\":\"%0*d\"}",
                         (int) len, 0);

        cr_assert_eq(scan("sogo", NULL, JSON, body, (size_t) n, 50).rc,
                     len == 254 ? COMPLIANCE_OK : COMPLIANCE_TOO_LONG);
    }
}


Test(login_profile, an_owa_form_names_its_user)
{
    logs_in("owa", FORM, "destination=https%3A%2F%2Fx%2Fowa%2F&flags=4&"
            "forcedownlevel=0&username=DEMO%5Calice&password=x&isUtf8=1",
            "demo\\alice");
    gives("owa", FORM, "UserName=alice", COMPLIANCE_AMBIGUOUS);
    gives("owa", FORM, "%u0075sername=alice", COMPLIANCE_AMBIGUOUS);
    gives("owa", FORM, "user%name=alice", COMPLIANCE_AMBIGUOUS);
    gives("owa", FORM, "a%4", COMPLIANCE_AMBIGUOUS);
    gives("owa", FORM, "x=%u0075", COMPLIANCE_ABSENT);
    gives("owa", FORM, "username=%u0061lice", COMPLIANCE_AMBIGUOUS);
    gives("owa", "application/x-www-form-urlencoded; charset=IBM037",
          "username=alice", COMPLIANCE_AMBIGUOUS);
    logs_in("owa", FORM, "username=al<ice", "al<ice");
}


Test(login_profile, a_zimbra_form_names_its_user)
{
    seen_t seen;

    logs_in("zimbra", FORM, "loginOp=login&username=+Alice&password=x",
            "alice");
    gives("zimbra", FORM, "loginOp=login", COMPLIANCE_ABSENT);

    seen = read_all("zimbra", NULL, FORM, "username=al&customerDomain=x.org",
                    32);
    cr_assert_eq(seen.rc, COMPLIANCE_OK);
    cr_assert_str_eq(seen.name.data, "al");
    cr_assert_str_eq(seen.hint.data, "al@x.org");
    gives("zimbra", FORM, "username=a&customerdomain=x", COMPLIANCE_AMBIGUOUS);
    gives("zimbra", FORM, "customerdomain=x", COMPLIANCE_ABSENT);

    cr_assert_eq(scan("zimbra", "username=bob", FORM, "username=a", 10, 10).rc,
                 COMPLIANCE_AMBIGUOUS);
    cr_assert_eq(scan("zimbra", "%zz", FORM, "username=a", 10, 10).rc,
                 COMPLIANCE_AMBIGUOUS);
    cr_assert_eq(scan("zimbra", "client=mobile", FORM, "username=a", 10, 10)
                     .rc, COMPLIANCE_OK);
    cr_assert_eq(scan("zimbra", "username=bob", NULL, "", 0, 1).rc,
                 COMPLIANCE_AMBIGUOUS);
}


Test(login_profile, a_whole_body_is_read_like_its_pieces)
{
    compliance_principal_t name;

    cr_assert_eq(compliance_login_profile_read(
                     profile("roundcube"), str("/"), str("_task=login"),
                     str(FORM), str("_user=Alice"), &name), COMPLIANCE_OK);
    cr_assert_str_eq(name.data, "alice");
    cr_assert_eq(compliance_login_profile_read(
                     profile("roundcube"), str("/"), str("_task=login"),
                     str(FORM), compliance_absent, &name), COMPLIANCE_ABSENT);
    cr_assert_eq(name.len, 0);
    cr_assert_eq(compliance_login_profile_read(
                     profile("roundcube"), str("/"), str("_task=login"),
                     str("text/plain"), str("_user=Alice"), &name),
                 COMPLIANCE_ABSENT);
    cr_assert_eq(compliance_login_profile_read(
                     profile("sogo"), str("/"), compliance_absent, str(JSON),
                     str("{\"userName\":\"a\"}}"), &name),
                 COMPLIANCE_MALFORMED);
}


Test(login_profile, a_failed_scan_stays_failed)
{
    compliance_login_scan_t s;
    compliance_principal_t  name, hint;

    cr_assert_eq(compliance_login_scan_init(&s, profile("sogo"), str("/"),
                                            compliance_absent, str(JSON)),
                 COMPLIANCE_OK);
    cr_assert_eq(compliance_login_scan_feed(&s, "{x", 2),
                 COMPLIANCE_MALFORMED);
    cr_assert_eq(compliance_login_scan_feed(&s, "\"userName\":\"a\"}", 15),
                 COMPLIANCE_MALFORMED);
    cr_assert_eq(compliance_login_scan_end(&s, &name, &hint),
                 COMPLIANCE_MALFORMED);
    cr_assert_eq(name.len, 0);
}
