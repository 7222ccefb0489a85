/*
 * The remediation page: nothing unescaped, nothing shown to who has not proven
 * the device, and a step for every check on every platform.
 */
#include "portal_page.h"

#include <criterion/criterion.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>


#define NOW    INT64_C(1700000000)   /* 14 Nov 2023, 22:13:20 UTC */
#define ATTACK "<script>alert('x\"&y')</script>"

typedef struct {
    compliance_link_t           link;
    compliance_facts_t          facts;
    compliance_decision_t       decision;
    compliance_device_details_t details;
    compliance_portal_view_t    view;
    char                        html[COMPLIANCE_PORTAL_PAGE_MAX];
} fixture_t;


/* Alice's own phone, blocked for an old system, read by someone unproven. */
static fixture_t *
make(void)
{
    fixture_t *f = calloc(1, sizeof(*f));

    cr_assert_not_null(f);

    strcpy(f->link.decision_id, "abcdefghijklmnop");
    f->link.protocol = COMPLIANCE_EAS;
    f->link.reason = COMPLIANCE_DEVICE_NONCOMPLIANT;

    f->facts.device_claimed = true;
    f->facts.device_presence = COMPLIANCE_PRESENT;
    f->facts.device.state = COMPLIANCE_STATE_NONCOMPLIANT;
    f->facts.device.owner.len = 5;
    strcpy(f->facts.device.owner.data, "alice");
    f->facts.device.last_checkin = NOW - 86400;
    f->facts.user_claimed = true;
    f->facts.user_presence = COMPLIANCE_PRESENT;
    f->facts.user.principal.len = 5;
    strcpy(f->facts.user.principal.data, "alice");

    f->decision.verdict = COMPLIANCE_BLOCK;
    f->decision.reason = COMPLIANCE_DEVICE_NONCOMPLIANT;

    strcpy(f->details.reasons, "os_outdated");
    strcpy(f->details.platform, "ios");
    strcpy(f->details.os_version, "16.0.9");
    strcpy(f->details.model, "iPhone13,2");
    strcpy(f->details.name, "Alice's secret phone");
    strcpy(f->details.policy, "hardened");
    strcpy(f->details.source, "intune-eu");

    f->view.kind = COMPLIANCE_PORTAL_BLOCKED;
    f->view.link = &f->link;
    f->view.facts = &f->facts;
    f->view.decision = &f->decision;
    f->view.details = &f->details;
    f->view.message = "";
    f->view.contact = "";
    f->view.token = compliance_str("TOKEN-token_123");
    f->view.css = compliance_str("body{}");
    f->view.now = NOW;

    return f;
}


static const char *
render(fixture_t *f)
{
    compliance_buf_t out;

    compliance_buf_init(&out, f->html, sizeof(f->html));
    cr_assert_eq(compliance_portal_page(&f->view, &out), COMPLIANCE_OK);
    cr_assert_eq(strlen(f->html), out.len);

    return f->html;
}


static bool
says(fixture_t *f, const char *what)
{
    return strstr(render(f), what) != NULL;
}


static unsigned
count(const char *html, const char *what)
{
    unsigned n = 0;

    for (html = strstr(html, what); html != NULL;
         html = strstr(html + 1, what))
    {
        n++;
    }

    return n;
}


static void
shows_nothing_of_the_device(fixture_t *f)
{
    const char *html = render(f);

    cr_expect_null(strstr(html, "secret"));
    cr_expect_null(strstr(html, "alice"));
    cr_expect_null(strstr(html, "Alice"));
    cr_expect_null(strstr(html, "iPhone13"));
    cr_expect_null(strstr(html, "16.0.9"));
    cr_expect_null(strstr(html, "hardened"));
    cr_expect_null(strstr(html, "intune"));
    cr_expect_null(strstr(html, "13 Nov"));
}


Test(portal_page, unproven_asker_sees_the_failing_checks_and_no_details)
{
    fixture_t *f = make();

    shows_nothing_of_the_device(f);
    cr_expect(says(f, "The system needs an update"));
    cr_expect(says(f, "Software Update"));
    cr_expect(says(f, "This iPhone can&#39;t open your mail yet"));
    free(f);
}


Test(portal_page, proven_asker_sees_name_model_version_and_check_in)
{
    fixture_t *f = make();

    f->view.proven = true;
    cr_expect(says(f, "Alice&#39;s secret phone"));
    cr_expect(says(f, "iPhone13,2"));
    cr_expect(says(f, "16.0.9"));
    cr_expect(says(f, "13 Nov 2023, 22:13 UTC"));
    cr_expect_not(says(f, "hardened"), "a policy's name is not for people");
    free(f);
}


static void
sees_only_not_enrolled(fixture_t *f, const char *why)
{
    const char *html = render(f);

    cr_expect_not_null(strstr(html, "This device is not enrolled"), "%s", why);
    cr_expect_null(strstr(html, "needs an update"), "%s", why);
    cr_expect_null(strstr(html, "iPhone"), "%s", why);
    cr_expect_eq(count(html, "<section>"), 1, "%s", why);
    shows_nothing_of_the_device(f);
}


Test(portal_page, unproven_wrong_owner_sees_only_not_enrolled)
{
    fixture_t *f = make();

    f->decision.reason = COMPLIANCE_OWNER_MISMATCH;
    sees_only_not_enrolled(f, "owner_mismatch");

    f->decision.reason = COMPLIANCE_DEVICE_NONCOMPLIANT;
    strcpy(f->facts.user.principal.data, "mallo");
    sees_only_not_enrolled(f, "another owner, another reason");

    f->facts.user.principal.len = 3;
    strcpy(f->facts.user.principal.data, "ali");
    sees_only_not_enrolled(f, "a prefix of the owner");
    free(f);
}


Test(portal_page, unproven_unknown_user_sees_only_not_enrolled)
{
    fixture_t *f = make();

    f->facts.user_presence = COMPLIANCE_MISSING;
    sees_only_not_enrolled(f, "no record");

    f->facts.user_presence = COMPLIANCE_PRESENCE_UNKNOWN;
    sees_only_not_enrolled(f, "store failed");
    free(f);
}


Test(portal_page, what_is_unknown_ambiguous_or_blocked_looks_the_same)
{
    static const compliance_reason_t reasons[] = {
        COMPLIANCE_USER_BLOCKED, COMPLIANCE_USER_UNKNOWN,
        COMPLIANCE_OWNER_MISMATCH, COMPLIANCE_DEVICE_UNKNOWN,
        COMPLIANCE_IDENTITY_AMBIGUOUS, COMPLIANCE_IDENTITY_MALFORMED,
        COMPLIANCE_REASONS };

    fixture_t *f = make();
    char      *first = strdup("");

    for (size_t i = 0; i < sizeof(reasons) / sizeof(reasons[0]); i++) {
        f->decision.reason = reasons[i];
        sees_only_not_enrolled(f, compliance_reason_name(reasons[i]));

        if (i == 0) {
            free(first);
            first = strdup(f->html);
        }

        cr_expect_str_eq(f->html, first);
    }

    f->decision.reason = COMPLIANCE_DEVICE_NONCOMPLIANT;
    f->facts.ambiguous = true;
    sees_only_not_enrolled(f, "ambiguous");
    cr_expect_str_eq(f->html, first);

    f->facts.ambiguous = false;
    f->facts.device_presence = COMPLIANCE_MISSING;
    sees_only_not_enrolled(f, "no device");
    cr_expect_str_eq(f->html, first);

    f->view.facts = NULL;
    sees_only_not_enrolled(f, "no facts");
    cr_expect_str_eq(f->html, first);
    free(first);
    free(f);
}


Test(portal_page, every_field_is_escaped)
{
    char *fields[8];

    for (unsigned i = 0; i < 8; i++) {
        fixture_t  *f = make();
        const char *html;

        f->view.proven = true;
        fields[0] = f->details.reasons;
        fields[1] = f->details.platform;
        fields[2] = f->details.os_version;
        fields[3] = f->details.model;
        fields[4] = f->details.name;
        fields[5] = f->link.decision_id;
        fields[6] = f->link.return_path;
        fields[7] = NULL;

        if (fields[i] != NULL) {
            memcpy(fields[i], ATTACK, 15);   /* fits a decision id */
            fields[i][15] = '\0';
        }

        if (i == 7) {
            f->view.message = ATTACK;
            f->view.contact = ATTACK;
            f->view.token = compliance_str("\"><script>" ATTACK);
        }

        html = render(f);
        cr_expect_null(strstr(html, "<script"), "field %u", i);
        cr_expect_null(strstr(html, "\"><s"), "field %u", i);

        f->view.kind = COMPLIANCE_PORTAL_OPEN;
        cr_expect_null(strstr(render(f), "<script"), "field %u", i);
        f->view.kind = COMPLIANCE_PORTAL_EXPIRED;
        cr_expect_null(strstr(render(f), "<script"), "field %u", i);
        free(f);
    }
}


Test(portal_page, reasons_are_split_at_commas_told_once_and_bounded)
{
    fixture_t *f = make();

    strcpy(f->details.reasons,
           "os_outdated, encryption_off ,,os_outdated,jailbroken,");
    render(f);
    cr_expect_eq(count(f->html, "<section>"), 3);
    cr_expect_eq(count(f->html, "<form"), 1);

    strcpy(f->details.reasons, "a,b,c,d,e,f,g,h,i,j,k,l,m,n,o,p");
    render(f);
    cr_expect_eq(count(f->html, "<section>"), COMPLIANCE_PORTAL_CHECKS_MAX);
    cr_expect(says(f, "And more"));

    strcpy(f->details.reasons, " , ,");
    cr_expect(says(f, "A security rule is not met"));

    f->view.details = NULL;
    cr_expect(says(f, "A security rule is not met"));
    free(f);
}


Test(portal_page, an_unknown_code_is_shown_with_general_steps)
{
    fixture_t *f = make();

    strcpy(f->details.reasons, "my_custom<check");
    cr_expect(says(f, "A security rule is not met"));
    cr_expect(says(f, "<code>my_custom&lt;check</code>"));
    free(f);
}


Test(portal_page, a_page_of_the_longest_checks_fits)
{
    fixture_t *f = make();

    static char css[8192];

    memset(css, ' ', sizeof(css));
    strcpy(f->details.reasons,
           "os_outdated,encryption_off,passcode_missing,jailbroken,"
           "antivirus_off,bitlocker_off,firewall_off,out_of_contact,"
           "not_enrolled,risk_high,proof_missing,threat_detected");
    f->view.css = (compliance_str_t) { css, sizeof(css) };
    f->view.proven = true;
    f->view.rechecked = true;
    render(f);
    cr_expect_lt(strlen(f->html), 50000);
    free(f);
}


Test(portal_page, a_full_buffer_is_an_error_never_half_a_page)
{
    fixture_t       *f = make();
    compliance_buf_t out;
    size_t           whole = strlen(render(f));

    for (size_t cap = 0; cap <= whole; cap += 97) {
        compliance_buf_init(&out, f->html, cap);
        cr_assert_eq(compliance_portal_page(&f->view, &out),
                     COMPLIANCE_TOO_LONG);
    }

    free(f);
}


Test(portal_page, check_again_posts_the_token_and_keeps_it_out_of_the_url)
{
    fixture_t *f = make();

    cr_expect(says(f, "<form method=\"post\" action=\"?\">"));
    cr_expect(says(f, "name=\"t\" value=\"TOKEN-token_123\""));
    cr_expect_eq(count(f->html, "TOKEN-token_123"), 1);
    cr_expect_not(says(f, "Still blocked"));

    f->view.rechecked = true;
    cr_expect(says(f, "Still blocked, checked at 22:13 UTC."));
    free(f);
}


Test(portal_page, an_open_device_is_told_the_way_back)
{
    fixture_t *f = make();

    f->view.kind = COMPLIANCE_PORTAL_OPEN;
    cr_expect(says(f, "Go back to your mail app"));
    cr_expect_not(says(f, "<form"));
    shows_nothing_of_the_device(f);
    cr_expect_not(says(f, "iPhone"));

    strcpy(f->link.return_path, "/SOGo/so/?a=1&b=2");
    cr_expect(says(f, "href=\"/SOGo/so/?a=1&amp;b=2\""));

    f->view.proven = true;
    cr_expect(says(f, "secret phone"));
    free(f);
}


Test(portal_page, only_a_path_of_this_origin_leads_back)
{
    static const char *const bad[] = { "", "//evil.example", "/\\evil.example",
        "https://evil.example/", "evil", "javascript:alert(1)", "/a\nb",
        "/a b\t", "/\t/evil.example" };

    fixture_t *f = make();

    f->view.kind = COMPLIANCE_PORTAL_OPEN;
    f->view.rechecked = true;

    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        strcpy(f->link.return_path, bad[i]);
        cr_expect_null(compliance_portal_return(&f->view).data, "%s", bad[i]);
        cr_expect_not(says(f, "href="), "%s", bad[i]);
    }

    strcpy(f->link.return_path, "/roundcube/");
    cr_expect_eq(compliance_portal_return(&f->view).len, 11);

    f->view.rechecked = false;
    cr_expect_null(compliance_portal_return(&f->view).data);
    f->view.rechecked = true;
    f->view.kind = COMPLIANCE_PORTAL_BLOCKED;
    cr_expect_null(compliance_portal_return(&f->view).data);
    f->view.kind = COMPLIANCE_PORTAL_OPEN;
    f->view.link = NULL;
    cr_expect_null(compliance_portal_return(&f->view).data);
    free(f);
}


Test(portal_page, grace_is_told_to_the_proven_only)
{
    fixture_t *f = make();

    f->view.kind = COMPLIANCE_PORTAL_OPEN;
    f->facts.device.state = COMPLIANCE_STATE_GRACE;
    f->facts.device.grace_until = NOW + 86400;
    cr_expect_not(says(f, "15 Nov"));

    f->view.proven = true;
    cr_expect(says(f, "Put it right before"));
    cr_expect(says(f, "15 Nov 2023, 22:13 UTC"));

    f->facts.device.grace_until = NOW - 1;
    cr_expect(says(f, "ended"));

    f->facts.device.grace_until = INT64_MAX;
    cr_expect(says(f, "an unknown time"));
    free(f);
}


Test(portal_page, dates_are_those_of_the_calendar)
{
    static const struct {
        int64_t     when;
        const char *text;
    } moments[] = {
        { INT64_C(1),            "1 Jan 1970, 00:00 UTC" },
        { INT64_C(68169599),     "28 Feb 1972, 23:59 UTC" },
        { INT64_C(68169600),     "29 Feb 1972, 00:00 UTC" },
        { INT64_C(68256000),     "1 Mar 1972, 00:00 UTC" },
        { INT64_C(946684799),    "31 Dec 1999, 23:59 UTC" },
        { INT64_C(951782400),    "29 Feb 2000, 00:00 UTC" },
        { INT64_C(1704067199),   "31 Dec 2023, 23:59 UTC" },
        { INT64_C(4107542399),   "28 Feb 2100, 23:59 UTC" },
        { INT64_C(4107542400),   "1 Mar 2100, 00:00 UTC" },
        { INT64_C(253402300799), "31 Dec 9999, 23:59 UTC" },
        { INT64_C(253402300800), "an unknown time" },
        { INT64_MAX,             "an unknown time" },
    };

    fixture_t *f = make();

    f->view.proven = true;

    for (size_t i = 0; i < sizeof(moments) / sizeof(moments[0]); i++) {
        f->facts.device.last_checkin = moments[i].when;
        cr_expect(says(f, moments[i].text), "%s", moments[i].text);
    }

    free(f);
}


Test(portal_page, message_contact_and_reference_are_told)
{
    fixture_t *f = make();

    f->view.message = "Ask Ann & Bob";
    f->view.contact = "help@example.com";
    cr_expect(says(f, "Ask Ann &amp; Bob"));
    cr_expect(says(f, "<strong>help@example.com</strong>"));
    cr_expect(says(f, "Reference: <code>abcdefghijklmnop</code>"));
    free(f);
}


Test(portal_page, every_page_is_one_document_with_one_heading)
{
    static const unsigned statuses[COMPLIANCE_PORTAL_PAGES] = {
        [COMPLIANCE_PORTAL_HELP] = 200,        [COMPLIANCE_PORTAL_BLOCKED] = 200,
        [COMPLIANCE_PORTAL_OPEN] = 200,        [COMPLIANCE_PORTAL_EXPIRED] = 410,
        [COMPLIANCE_PORTAL_INVALID] = 400,     [COMPLIANCE_PORTAL_LIMITED] = 429,
        [COMPLIANCE_PORTAL_UNAVAILABLE] = 503, [COMPLIANCE_PORTAL_METHOD] = 405,
    };

    for (unsigned kind = 0; kind < COMPLIANCE_PORTAL_PAGES; kind++) {
        fixture_t *f = make();

        f->view.kind = (compliance_portal_kind_t) kind;
        render(f);
        cr_expect_eq(count(f->html, "<h1>"), 1, "kind %u", kind);
        cr_expect_eq(count(f->html, "<title>"), 1);
        cr_expect_eq(count(f->html, "<html lang=\"en\">"), 1);
        cr_expect_eq(count(f->html, "<main>"), 1);
        cr_expect_eq(count(f->html, "http"), 0, "nothing from elsewhere");
        cr_expect_eq(strncmp(f->html, "<!DOCTYPE html>", 15), 0);
        cr_expect_str_eq(f->html + strlen(f->html) - 8, "</html>\n");
        cr_expect_eq(compliance_portal_status((compliance_portal_kind_t) kind),
                     statuses[kind]);
        free(f);
    }

    cr_expect_eq(compliance_portal_status(COMPLIANCE_PORTAL_PAGES), 503);
}


Test(portal_page, pages_without_a_device_need_nothing_but_their_kind)
{
    static const compliance_portal_kind_t kinds[] = { COMPLIANCE_PORTAL_HELP,
        COMPLIANCE_PORTAL_INVALID, COMPLIANCE_PORTAL_LIMITED,
        COMPLIANCE_PORTAL_UNAVAILABLE, COMPLIANCE_PORTAL_METHOD };

    for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
        fixture_t *f = make();

        memset(&f->view, 0, sizeof(f->view));
        f->view.kind = kinds[i];
        f->view.css = compliance_str("");
        render(f);
        cr_expect_eq(count(f->html, "Reference"), 0);
        cr_expect_eq(count(f->html, "<form"), 0);
        free(f);
    }
}


Test(portal_text, every_check_has_steps_for_every_platform)
{
    for (size_t i = 0; i < compliance_remedies_n; i++) {
        const compliance_remedy_t *remedy = &compliance_remedies[i];

        cr_expect_not_null(remedy->title);
        cr_expect_not_null(remedy->why);

        for (unsigned p = 0; p < COMPLIANCE_PLATFORMS; p++) {
            const char *steps = compliance_remedy_steps(remedy,
                (compliance_platform_t) p);

            cr_assert_not_null(steps, "%s", remedy->code);
            cr_expect_null(strstr(steps, "\n\n"));
            cr_expect_neq(steps[0], '\0');
            cr_expect_neq(steps[strlen(steps) - 1], '\n');
        }

        for (size_t j = 0; j < i; j++) {
            cr_expect_str_neq(remedy->code, compliance_remedies[j].code);
        }
    }

    cr_expect_str_eq(compliance_remedies[compliance_remedies_n - 1].code, "");
}


Test(portal_text, ipados_reads_what_ios_reads)
{
    const compliance_remedy_t *remedy =
        compliance_remedy_find(compliance_str("os_outdated"));

    cr_expect_str_eq(
        compliance_remedy_steps(remedy, COMPLIANCE_PLATFORM_IPADOS),
        compliance_remedy_steps(remedy, COMPLIANCE_PLATFORM_IOS));
    cr_expect_str_eq(
        compliance_remedy_steps(remedy, COMPLIANCE_PLATFORMS),
        compliance_remedy_steps(remedy, COMPLIANCE_PLATFORM_OTHER));
}


Test(portal_text, codes_are_exact_and_platforms_are_not)
{
    cr_expect_str_eq(
        compliance_remedy_find(compliance_str("OS_OUTDATED"))->code, "");
    cr_expect_str_eq(compliance_remedy_find(compliance_str("os_"))->code, "");
    cr_expect_str_eq(compliance_remedy_find(compliance_absent)->code, "");

    cr_expect_eq(compliance_platform_parse(compliance_str("iOS")),
                 COMPLIANCE_PLATFORM_IOS);
    cr_expect_eq(compliance_platform_parse(compliance_str("Windows")),
                 COMPLIANCE_PLATFORM_WINDOWS);
    cr_expect_eq(compliance_platform_parse(compliance_str("beos")),
                 COMPLIANCE_PLATFORM_OTHER);
    cr_expect_eq(compliance_platform_parse(compliance_absent),
                 COMPLIANCE_PLATFORM_OTHER);
    cr_expect_str_eq(compliance_platform_noun(COMPLIANCE_PLATFORMS), "device");
}


static compliance_rc_t
token(const char *form, size_t len, const char *expected)
{
    /* a copy of exact size, so that a read past its end is seen */
    char            *copy = malloc(len + 1);
    compliance_rc_t  rc;
    compliance_str_t found = compliance_absent;

    cr_assert_not_null(copy);
    memcpy(copy, form, len);
    rc = compliance_portal_token((compliance_str_t) { copy, len }, &found);

    if (rc == COMPLIANCE_OK) {
        cr_expect_eq(found.len, strlen(expected));
        cr_expect_eq(memcmp(found.data, expected, found.len), 0);

    } else {
        cr_expect_null(found.data);
    }

    free(copy);

    return rc;
}


Test(portal_token, one_token_is_read_wherever_it_stands)
{
    cr_expect_eq(token("t=aB-_9", 7, "aB-_9"), COMPLIANCE_OK);
    cr_expect_eq(token("a=b&t=x", 7, "x"), COMPLIANCE_OK);
    cr_expect_eq(token("t=x&", 4, "x"), COMPLIANCE_OK);
    cr_expect_eq(token("&&t=x&utm=1", 11, "x"), COMPLIANCE_OK);
}


Test(portal_token, what_is_no_token_is_refused)
{
    static const struct {
        const char      *form;
        compliance_rc_t  rc;
    } forms[] = {
        { "", COMPLIANCE_ABSENT },          { "&", COMPLIANCE_ABSENT },
        { "T=x", COMPLIANCE_ABSENT },       { "tt=x", COMPLIANCE_ABSENT },
        { "t", COMPLIANCE_ABSENT },         { "x=t=y", COMPLIANCE_ABSENT },
        { "t=", COMPLIANCE_MALFORMED },     { "t=a&t=a", COMPLIANCE_MALFORMED },
        { "t=a%41", COMPLIANCE_MALFORMED }, { "t=a+b", COMPLIANCE_MALFORMED },
        { "t=a=", COMPLIANCE_MALFORMED },   { "t=&t=", COMPLIANCE_MALFORMED },
        { "t=a b", COMPLIANCE_MALFORMED },  { "t=<s>", COMPLIANCE_MALFORMED },
    };

    compliance_str_t none = compliance_absent;

    for (size_t i = 0; i < sizeof(forms) / sizeof(forms[0]); i++) {
        cr_expect_eq(token(forms[i].form, strlen(forms[i].form), ""),
                     forms[i].rc, "%s", forms[i].form);
    }

    cr_expect_eq(token("t=a\0b", 5, ""), COMPLIANCE_MALFORMED);
    cr_expect_eq(compliance_portal_token(none, &none), COMPLIANCE_ABSENT);
}


Test(portal_token, an_over_long_token_is_refused_at_the_limit)
{
    char form[COMPLIANCE_LINK_TOKEN_MAX + 8], *longest;

    memset(form, 'a', sizeof(form));
    memcpy(form, "t=", 2);

    longest = strndup(form + 2, COMPLIANCE_LINK_TOKEN_MAX - 1);
    cr_expect_eq(token(form, COMPLIANCE_LINK_TOKEN_MAX + 1, longest),
                 COMPLIANCE_OK);
    cr_expect_eq(token(form, COMPLIANCE_LINK_TOKEN_MAX + 2, ""),
                 COMPLIANCE_TOO_LONG);
    free(longest);
}


Test(portal_token, every_cut_of_a_form_is_read_within_its_bounds)
{
    static const char form[] = "a=b&t=abc-_XYZ&c=d&t=";

    for (size_t len = 0; len < sizeof(form); len++) {
        compliance_str_t found = compliance_absent;
        char            *copy = malloc(len + 1);

        cr_assert_not_null(copy);
        memcpy(copy, form, len);
        compliance_portal_token((compliance_str_t) { copy, len }, &found);
        cr_expect(found.data == NULL
                  || found.data + found.len <= copy + len);
        free(copy);
    }
}
