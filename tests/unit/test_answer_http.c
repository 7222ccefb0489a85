/*
 * Who gets which status and body, and what escaping leaves of hostile text.
 */
#include "fixture.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>

#include "answer_http.h"


TestSuite(answer_http);

static char             text[1024];
static compliance_buf_t buf;


static void
begin(void)
{
    compliance_buf_init(&buf, text, sizeof(text));
}


static void
expect(compliance_protocol_t protocol, compliance_access_t access,
    compliance_verdict_t verdict, unsigned status,
    compliance_http_body_t body, int line)
{
    compliance_http_answer_t answer;

    answer = compliance_http_answer(protocol, access, verdict);
    cr_assert_eq(answer.status, status, "line %d: %u", line, answer.status);
    cr_assert_eq(answer.body, body, "line %d: %d", line, answer.body);
    cr_assert_eq(answer.retry_after, status == 503, "line %d", line);
}


#define EXPECT(protocol, access, verdict, status, body)                       \
    expect(COMPLIANCE_##protocol, COMPLIANCE_ACCESS_##access,                 \
        COMPLIANCE_##verdict, status, COMPLIANCE_BODY_##body, __LINE__)


Test(answer_http, blocks_are_told_as_the_design_says)
{
    EXPECT(EAS, API, BLOCK, 403, EAS);
    EXPECT(WEB, NAVIGATION, BLOCK, 303, REDIRECT);
    EXPECT(WEB, IFRAME, BLOCK, 403, FRAME);
    EXPECT(WEB, XHR, BLOCK, 403, PROBLEM);
    EXPECT(WEB, API, BLOCK, 403, PROBLEM);
    EXPECT(EWS, API, BLOCK, 403, TEXT);
    EXPECT(MAPI, API, BLOCK, 403, TEXT);
    EXPECT(DAV, API, BLOCK, 403, TEXT);
    EXPECT(AUTODISCOVER, API, BLOCK, 403, TEXT);
}


Test(answer_http, programs_are_never_redirected)
{
    EXPECT(EWS, NAVIGATION, BLOCK, 403, TEXT);
    EXPECT(DAV, NAVIGATION, BLOCK, 403, TEXT);
    EXPECT(EAS, NAVIGATION, BLOCK, 403, EAS);
    EXPECT(PROTOCOL_NONE, NAVIGATION, BLOCK, 403, TEXT);
}


Test(answer_http, temporary_failures_are_503_with_retry_after)
{
    EXPECT(EAS, API, TEMPFAIL, 503, NONE);
    EXPECT(WEB, NAVIGATION, TEMPFAIL, 503, PAGE);
    EXPECT(WEB, IFRAME, TEMPFAIL, 503, PAGE);
    EXPECT(WEB, XHR, TEMPFAIL, 503, PROBLEM);
    EXPECT(EWS, API, TEMPFAIL, 503, TEXT);
}


Test(answer_http, an_undecided_access_is_a_temporary_failure)
{
    EXPECT(WEB, NAVIGATION, UNDECIDED, 503, PAGE);
    EXPECT(EAS, API, UNDECIDED, 503, NONE);
    EXPECT(EAS, API, ALLOW, 503, NONE);
}


Test(answer_http, bad_requests_are_400)
{
    EXPECT(EAS, API, BAD_REQUEST, 400, NONE);
    EXPECT(WEB, NAVIGATION, BAD_REQUEST, 400, TEXT);
    EXPECT(WEB, IFRAME, BAD_REQUEST, 400, TEXT);
    EXPECT(WEB, XHR, BAD_REQUEST, 400, PROBLEM);
    EXPECT(MAPI, API, BAD_REQUEST, 400, TEXT);
}


Test(answer_http, no_answer_makes_a_client_prompt_loop_or_believe_it_worked)
{
    for (unsigned p = 0; p < COMPLIANCE_PROTOCOLS; p++) {
        for (unsigned a = 0; a <= COMPLIANCE_ACCESS_IFRAME; a++) {
            for (unsigned v = 0; v <= COMPLIANCE_TEMPFAIL; v++) {
                unsigned status = compliance_http_answer(
                    (compliance_protocol_t) p, (compliance_access_t) a,
                    (compliance_verdict_t) v).status;

                cr_assert(status == 303 || status == 400 || status == 403
                          || status == 503);
            }
        }
    }
}


Test(answer_http, a_problem_is_json_with_everything_escaped)
{
    json_t *json;

    begin();
    cr_assert_eq(compliance_http_problem(&buf, 403, "say \"no\"\n",
        str("https://portal/?t=a\"b"), "abcdefgh23456777"), COMPLIANCE_OK);
    json = json_loads(text, 0, NULL);
    cr_assert_not_null(json, "%s", text);
    cr_assert_eq(json_integer_value(json_object_get(json, "status")), 403);
    cr_assert_str_eq(json_string_value(json_object_get(json, "title")),
        "Forbidden");
    cr_assert_str_eq(json_string_value(json_object_get(json, "detail")),
        "say \"no\"\n");
    cr_assert_str_eq(json_string_value(json_object_get(json, "portal")),
        "https://portal/?t=a\"b");
    cr_assert_str_eq(json_string_value(json_object_get(json, "decision")),
        "abcdefgh23456777");
    json_decref(json);
}


Test(answer_http, a_problem_without_a_link_or_id_names_none)
{
    begin();
    cr_assert_eq(compliance_http_problem(&buf, 503, "later",
        compliance_absent, NULL), COMPLIANCE_OK);
    cr_assert_str_eq(text, "{\"type\":\"about:blank\",\"title\":"
        "\"Service Unavailable\",\"status\":503,\"detail\":\"later\"}");

    begin();
    cr_assert_eq(compliance_http_problem(&buf, 418, "", compliance_absent,
        ""), COMPLIANCE_OK);
    cr_assert_not_null(strstr(text, "\"title\":\"Error\""));
}


Test(answer_http, a_problem_that_does_not_fit_is_too_long)
{
    for (size_t cap = 0; cap < 60; cap++) {
        compliance_buf_init(&buf, text, cap);
        cr_assert_eq(compliance_http_problem(&buf, 403, "x",
            compliance_absent, NULL), COMPLIANCE_TOO_LONG);
    }
}


Test(answer_http, html_is_inert_after_escaping)
{
    begin();
    compliance_html_escape(&buf, str("<a href=\"x\" title='y'>&\x01\n\x7f"
        "\xc2\x85\xe2\x80\xaeÄ\xff</a>"));
    cr_assert_str_eq(text, "&lt;a href=&quot;x&quot; title=&#39;y&#39;&gt;"
        "&amp;Ä\xef\xbf\xbd&lt;/a&gt;");

    begin();
    compliance_html_escape(&buf, compliance_absent);
    cr_assert_str_eq(text, "");
}


Test(answer_http, json_strings_survive_any_bytes)
{
    for (unsigned a = 0; a < 256; a++) {
        for (unsigned b = 0; b < 256; b += 5) {
            char    bytes[4] = { 'x', (char) a, (char) b, 'y' };
            char    whole[sizeof(text) + 8];
            json_t *json;

            begin();
            compliance_json_escape(&buf, (compliance_str_t) { bytes, 4 });
            cr_assert_not(buf.overflow);
            snprintf(whole, sizeof(whole), "[\"%s\"]", text);
            json = json_loads(whole, JSON_ALLOW_NUL, NULL);
            cr_assert_not_null(json, "%02x %02x: %s", a, b, whole);
            json_decref(json);
        }
    }
}


Test(answer_http, json_text_steers_no_terminal)
{
    begin();
    compliance_json_escape(&buf, (compliance_str_t) {
        "\x1b[2J\x7f\xc2\x9b\xe2\x80\xae\0", 11 });
    cr_assert_str_eq(text, "\\u001b[2J\\u007f\\u009b\\u202e\\u0000");
}


Test(answer_http, uris_keep_only_what_is_unreserved)
{
    begin();
    compliance_uri_escape(&buf, (compliance_str_t) { "aZ09-._~ /?&=#%\0\xff",
        17 });
    cr_assert_str_eq(text, "aZ09-._~%20%2F%3F%26%3D%23%25%00%FF");

    begin();
    compliance_uri_escape(&buf, compliance_absent);
    cr_assert_str_eq(text, "");
}
