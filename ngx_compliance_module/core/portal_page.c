/*
 * A view -> the remediation page.  Two rules hold everything together: what
 * comes from a record or a request is written by text(), which escapes it, and
 * who has not proven the device learns neither its name nor whose it is
 * (concealed() and the uses of `proven`).
 */
#include "portal_page.h"

#include <string.h>

#include "answer_http.h"


#define END_OF_9999  INT64_C(253402300799)

/* What the pages without a device say. */
typedef struct {
    unsigned    status;
    const char *title;
    const char *body;    /* HTML */
} page_text_t;

static const page_text_t pages[COMPLIANCE_PORTAL_PAGES] = {

    [COMPLIANCE_PORTAL_HELP] = { 200,
        "Device check",
        "<p class=\"lead\">Your organisation opens mail only on devices that "
        "meet its security rules.</p>\n"
        "<p>If a device of yours is stopped, its mail app or your web mail "
        "shows a link to this page. Open that link on the device: it tells "
        "you what is missing and how to put it right.</p>\n" },

    [COMPLIANCE_PORTAL_BLOCKED] = { 200, NULL, NULL },
    [COMPLIANCE_PORTAL_OPEN] = { 200, NULL, NULL },

    [COMPLIANCE_PORTAL_EXPIRED] = { 410,
        "This link is too old",
        "<p class=\"lead\">Your mail is safe. For your protection, such a "
        "link works for 15 minutes only.</p>\n"
        "<p>Open your mail again, on the same device. If it is still "
        "stopped, you get a new link.</p>\n" },

    [COMPLIANCE_PORTAL_INVALID] = { 400,
        "This link cannot be read",
        "<p class=\"lead\">Perhaps a part of it got lost on the way.</p>\n"
        "<p>Open your mail again, on the same device, and use the link you "
        "get there. If you copied the link, copy all of it.</p>\n" },

    [COMPLIANCE_PORTAL_LIMITED] = { 429,
        "One moment, please",
        "<p class=\"lead\">This page was asked for many times in a short "
        "while.</p>\n"
        "<p>Wait a minute, then try again. Nothing is lost.</p>\n" },

    [COMPLIANCE_PORTAL_UNAVAILABLE] = { 503,
        "The check does not answer right now",
        "<p class=\"lead\">Your mail is safe. We cannot look up this device "
        "at the moment; the fault is ours, not yours.</p>\n"
        "<p>Try again in half a minute.</p>\n" },

    [COMPLIANCE_PORTAL_METHOD] = { 405,
        "This page can only be read",
        "<p class=\"lead\">Open it in a browser.</p>\n" },
};


/* Where a reason has one remedy of its own.  NULL: the record's own reasons,
 * or the general remedy. */
static const char *const reason_codes[COMPLIANCE_REASONS] = {
    [COMPLIANCE_USER_BLOCKED]          = "account_blocked",
    [COMPLIANCE_BLOCKED_BY_OVERRIDE]   = "blocked_by_admin",
    [COMPLIANCE_USER_UNKNOWN]          = "not_enrolled",
    [COMPLIANCE_PROTOCOL_DENIED]       = "protocol_denied",
    [COMPLIANCE_CLIENT_NOT_ALLOWED]    = "client_not_allowed",
    [COMPLIANCE_BINDING_TOO_WEAK]      = "proof_missing",
    [COMPLIANCE_OWNER_MISMATCH]        = "wrong_owner",
    [COMPLIANCE_DEVICE_UNKNOWN]        = "not_enrolled",
    [COMPLIANCE_DEVICE_RETIRED]        = "device_retired",
    [COMPLIANCE_DEVICE_OUT_OF_CONTACT] = "out_of_contact",
    [COMPLIANCE_RISK_TOO_HIGH]         = "risk_high",
};


/* Reasons that would tell an unproven asker who or what is known here. */
static const bool concealing[COMPLIANCE_REASONS] = {
    [COMPLIANCE_IDENTITY_MALFORMED] = true,
    [COMPLIANCE_IDENTITY_AMBIGUOUS] = true,
    [COMPLIANCE_USER_BLOCKED]       = true,
    [COMPLIANCE_USER_UNKNOWN]       = true,
    [COMPLIANCE_OWNER_MISMATCH]     = true,
    [COMPLIANCE_DEVICE_UNKNOWN]     = true,
};


static void
raw(compliance_buf_t *out, const char *html)
{
    compliance_buf_str(out, html);
}


static void
text(compliance_buf_t *out, const char *data)
{
    compliance_html_escape(out, (compliance_str_t) { data, strlen(data) });
}


static void
two_digits(compliance_buf_t *out, int64_t value)
{
    char digits[2] = { (char) ('0' + value / 10 % 10),
                       (char) ('0' + value % 10) };

    compliance_buf_add(out, digits, sizeof(digits));
}


/* "14 Nov 2023, ": days since 1970 in years that begin in March, so that the
 * leap day is a year's last. */
static void
day(compliance_buf_t *out, int64_t days)
{
    static const char months[12][4] = { "Mar", "Apr", "May", "Jun", "Jul",
        "Aug", "Sep", "Oct", "Nov", "Dec", "Jan", "Feb" };

    int64_t year, month, era, of_era, of_year;

    days += 719468;                 /* 1 March 0000 */
    era = days / 146097;            /* 400 years */
    of_era = days % 146097;

    year = (of_era - of_era / 1460 + of_era / 36524 - of_era / 146096) / 365;
    of_year = of_era - (365 * year + year / 4 - year / 100);
    month = (5 * of_year + 2) / 153;

    compliance_buf_int(out, of_year - (153 * month + 2) / 5 + 1);
    raw(out, " ");
    raw(out, months[month]);
    raw(out, " ");
    compliance_buf_int(out, year + era * 400 + (month >= 10));
    raw(out, ", ");
}


/* "09:05 UTC", with the day in front where it is asked for. */
static void
moment(compliance_buf_t *out, int64_t when, bool with_day)
{
    if (when < 0 || when > END_OF_9999) {
        raw(out, "an unknown time");
        return;
    }

    if (with_day) {
        day(out, when / 86400);
    }

    two_digits(out, when / 3600 % 24);
    raw(out, ":");
    two_digits(out, when / 60 % 60);
    raw(out, " UTC");
}


static compliance_reason_t
reason(const compliance_portal_view_t *view)
{
    return view->decision != NULL ? view->decision->reason
                                  : view->link->reason;
}


/* Is the asker to be told nothing but "not enrolled"?  Who has not proven the
 * device must not find out whether a user, or somebody else's device, is known
 * here. */
static bool
concealed(const compliance_portal_view_t *view)
{
    const compliance_facts_t *facts = view->facts;

    if (view->proven) {
        return false;
    }

    if (facts == NULL || facts->ambiguous
        || facts->device_presence != COMPLIANCE_PRESENT
        || (facts->user_claimed
            && facts->user_presence != COMPLIANCE_PRESENT))
    {
        return true;
    }

    if (facts->user_claimed && facts->device.owner.len != 0
        && (facts->device.owner.len != facts->user.principal.len
            || memcmp(facts->device.owner.data, facts->user.principal.data,
                      facts->device.owner.len) != 0))
    {
        return true;
    }

    return (unsigned) reason(view) >= COMPLIANCE_REASONS
           || concealing[reason(view)];
}


static compliance_platform_t
platform(const compliance_portal_view_t *view)
{
    const char *name;

    if (view->details == NULL || concealed(view)
        || (view->kind == COMPLIANCE_PORTAL_OPEN && !view->proven))
    {
        return COMPLIANCE_PLATFORM_OTHER;
    }

    name = view->details->platform;

    return compliance_platform_parse(
        (compliance_str_t) { name, strlen(name) });
}


static void
remedy(const compliance_portal_view_t *view, compliance_buf_t *out,
    compliance_str_t code)
{
    const compliance_remedy_t *found = compliance_remedy_find(code);
    const char                *step, *end;

    raw(out, "<section>\n<h2>");
    text(out, found->title);
    raw(out, "</h2>\n<p>");
    text(out, found->why);
    raw(out, "</p>\n");

    if (found->code[0] == '\0' && code.len != 0) {
        raw(out, "<p>What it found: <code>");
        compliance_html_escape(out, code);
        raw(out, "</code></p>\n");
    }

    raw(out, "<ol>\n");

    for (step = compliance_remedy_steps(found, platform(view)); *step != '\0';
         step = *end == '\0' ? end : end + 1)
    {
        end = strchr(step, '\n');

        if (end == NULL) {
            end = step + strlen(step);
        }

        raw(out, "<li>");
        compliance_html_escape(out,
            (compliance_str_t) { step, (size_t) (end - step) });
        raw(out, "</li>\n");
    }

    raw(out, "</ol>\n</section>\n");
}


/* The record's own reasons, each once; the general remedy where there are
 * none. */
static void
record_reasons(const compliance_portal_view_t *view, compliance_buf_t *out)
{
    unsigned         n = 0;
    const char      *p, *end;
    compliance_str_t code, seen[COMPLIANCE_PORTAL_CHECKS_MAX];

    for (p = view->details != NULL ? view->details->reasons : ""; *p != '\0';
         p = *end == '\0' ? end : end + 1)
    {
        bool     repeated = false;
        unsigned i;

        end = strchr(p, ',');

        if (end == NULL) {
            end = p + strlen(p);
        }

        code = (compliance_str_t) { p, (size_t) (end - p) };

        while (code.len != 0 && code.data[0] == ' ') {
            code.data++;
            code.len--;
        }

        while (code.len != 0 && code.data[code.len - 1] == ' ') {
            code.len--;
        }

        for (i = 0; i < n; i++) {
            repeated |= compliance_str_eq(seen[i], code);
        }

        if (code.len == 0 || repeated) {
            continue;
        }

        if (n == COMPLIANCE_PORTAL_CHECKS_MAX) {
            raw(out, "<p>And more: put these right first, then check "
                     "again.</p>\n");
            return;
        }

        seen[n++] = code;
        remedy(view, out, code);
    }

    if (n == 0) {
        remedy(view, out, compliance_str(""));
    }
}


static void
checks(const compliance_portal_view_t *view, compliance_buf_t *out)
{
    const char *code;

    if (concealed(view)) {
        remedy(view, out, compliance_str("not_enrolled"));
        return;
    }

    code = (unsigned) reason(view) < COMPLIANCE_REASONS
           ? reason_codes[reason(view)] : NULL;

    if (code != NULL) {
        remedy(view, out, (compliance_str_t) { code, strlen(code) });
        return;
    }

    record_reasons(view, out);
}


static void
detail(compliance_buf_t *out, const char *label, const char *value)
{
    if (value[0] == '\0') {
        return;
    }

    raw(out, "<dt>");
    raw(out, label);
    raw(out, "</dt><dd>");
    text(out, value);
    raw(out, "</dd>\n");
}


/* What only a proven device's holder sees. */
static void
device_details(const compliance_portal_view_t *view, compliance_buf_t *out)
{
    const compliance_facts_t *facts = view->facts;

    if (!view->proven || view->details == NULL || facts == NULL) {
        return;
    }

    raw(out, "<dl>\n");
    detail(out, "Device", view->details->name);
    detail(out, "Model", view->details->model);
    detail(out, "System version", view->details->os_version);

    if (facts->device.last_checkin > 0) {
        raw(out, "<dt>Last check-in</dt><dd>");
        moment(out, facts->device.last_checkin, true);
        raw(out, "</dd>\n");
    }

    if (facts->device.grace_until > 0
        && facts->device.state == COMPLIANCE_STATE_GRACE)
    {
        raw(out, facts->device.grace_until > view->now
                 ? "<dt>Put it right before</dt><dd>"
                 : "<dt>Time to put it right ended</dt><dd>");
        moment(out, facts->device.grace_until, true);
        raw(out, "</dd>\n");
    }

    raw(out, "</dl>\n");
}


static void
check_again(const compliance_portal_view_t *view, compliance_buf_t *out)
{
    /* "?" is this page's own path without the query that holds the token. */
    raw(out, "<form method=\"post\" action=\"?\">\n"
             "<input type=\"hidden\" name=\"t\" value=\"");
    compliance_html_escape(out, view->token);
    raw(out, "\">\n<button type=\"submit\">Check again</button>\n"
             "<p class=\"hint\">A change can take some minutes to get "
             "here.</p>\n</form>\n");
}


static void
help(const compliance_portal_view_t *view, compliance_buf_t *out)
{
    bool contact = view->contact != NULL && view->contact[0] != '\0';

    if (view->link == NULL && !contact) {
        return;
    }

    raw(out, "<footer>\n<h2>Need help?</h2>\n<p>Your help desk");

    if (contact) {
        raw(out, ": <strong>");
        text(out, view->contact);
        raw(out, "</strong>");
    }

    raw(out, "</p>\n");

    if (view->link != NULL) {
        raw(out, "<p>Reference: <code>");
        text(out, view->link->decision_id);
        raw(out, "</code></p>\n");
    }

    raw(out, "</footer>\n");
}


static void
message(const compliance_portal_view_t *view, compliance_buf_t *out)
{
    if (view->message != NULL && view->message[0] != '\0') {
        raw(out, "<p class=\"message\">");
        text(out, view->message);
        raw(out, "</p>\n");
    }
}


static void
blocked(const compliance_portal_view_t *view, compliance_buf_t *out)
{
    const char *noun = compliance_platform_noun(platform(view));

    raw(out, "<h1>This ");
    text(out, noun);
    raw(out, " can&#39;t open your mail yet</h1>\n");

    if (view->rechecked) {
        raw(out, "<p class=\"note\" role=\"status\">Still blocked, checked "
                 "at ");
        moment(out, view->now, false);
        raw(out, ".</p>\n");
    }

    raw(out, "<p class=\"lead\">Your mail is safe. It waits on the server, "
             "and opens here when the following is put right.</p>\n");
    message(view, out);
    device_details(view, out);
    checks(view, out);
    check_again(view, out);
}


static void
open_again(const compliance_portal_view_t *view, compliance_buf_t *out)
{
    const char       *noun = compliance_platform_noun(platform(view));
    compliance_str_t  path = { view->link->return_path,
                               strlen(view->link->return_path) };

    raw(out, "<h1>You&#39;re in: this ");
    text(out, noun);
    raw(out, " is fine</h1>\n");

    if (compliance_return_path_valid(path)) {
        raw(out, "<p class=\"lead\"><a class=\"button\" href=\"");
        compliance_html_escape(out, path);
        raw(out, "\">Go back to your mail</a></p>\n");

    } else {
        raw(out, "<p class=\"lead\">Go back to your mail app. It may take a "
                 "minute to load new mail.</p>\n");
    }

    device_details(view, out);
}


static void
body(const compliance_portal_view_t *view, compliance_buf_t *out)
{
    switch (view->kind) {

    case COMPLIANCE_PORTAL_BLOCKED:
        blocked(view, out);
        return;

    case COMPLIANCE_PORTAL_OPEN:
        open_again(view, out);
        return;

    case COMPLIANCE_PORTAL_UNAVAILABLE:
        raw(out, "<h1>");
        raw(out, pages[view->kind].title);
        raw(out, "</h1>\n");
        raw(out, pages[view->kind].body);

        if (view->token.len != 0) {
            check_again(view, out);
        }

        return;

    case COMPLIANCE_PORTAL_HELP:
    case COMPLIANCE_PORTAL_EXPIRED:
    case COMPLIANCE_PORTAL_INVALID:
    case COMPLIANCE_PORTAL_LIMITED:
    case COMPLIANCE_PORTAL_METHOD:
    case COMPLIANCE_PORTAL_PAGES:
        break;
    }

    raw(out, "<h1>");
    raw(out, pages[view->kind].title);
    raw(out, "</h1>\n");
    raw(out, pages[view->kind].body);
}


unsigned
compliance_portal_status(compliance_portal_kind_t kind)
{
    return (unsigned) kind < COMPLIANCE_PORTAL_PAGES ? pages[kind].status
                                                     : 503;
}


compliance_str_t
compliance_portal_return(const compliance_portal_view_t *view)
{
    compliance_str_t path;

    if (view->kind != COMPLIANCE_PORTAL_OPEN || !view->rechecked
        || view->link == NULL)
    {
        return compliance_absent;
    }

    path.data = view->link->return_path;
    path.len = strlen(path.data);

    return compliance_return_path_valid(path) ? path : compliance_absent;
}


compliance_rc_t
compliance_portal_page(const compliance_portal_view_t *view,
    compliance_buf_t *out)
{
    const char *title = (unsigned) view->kind < COMPLIANCE_PORTAL_PAGES
                        ? pages[view->kind].title : NULL;

    raw(out, "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n"
             "<meta charset=\"utf-8\">\n"
             "<meta name=\"viewport\" content=\"width=device-width, "
             "initial-scale=1\">\n"
             "<meta name=\"color-scheme\" content=\"light dark\">\n"
             "<title>");
    raw(out, title != NULL ? title : "Device check");
    raw(out, "</title>\n<style>");
    compliance_buf_add(out, view->css.data, view->css.len);
    raw(out, "</style>\n</head>\n<body>\n<main>\n");

    body(view, out);
    help(view, out);

    raw(out, "</main>\n</body>\n</html>\n");

    return out->overflow ? COMPLIANCE_TOO_LONG : COMPLIANCE_OK;
}


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
