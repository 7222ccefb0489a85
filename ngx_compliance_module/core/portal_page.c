/*
 * A view -> the remediation page: the words of each page, and what stands on
 * every one.  What is told of a device comes from portal_device.c.
 */
#include "portal_part.h"


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
    const char *noun;

    noun = compliance_platform_noun(compliance_portal_platform(view));

    raw(out, "<h1>This ");
    text(out, noun);
    raw(out, " can&#39;t open your mail yet</h1>\n");

    if (view->rechecked) {
        raw(out, "<p class=\"note\" role=\"status\">Still blocked, checked "
                 "at ");
        compliance_portal_moment(out, view->now, false);
        raw(out, ".</p>\n");
    }

    raw(out, "<p class=\"lead\">Your mail is safe. It waits on the server, "
             "and opens here when the following is put right.</p>\n");
    message(view, out);
    compliance_portal_device(view, out);
    compliance_portal_checks(view, out);
    check_again(view, out);
}


static void
open_again(const compliance_portal_view_t *view, compliance_buf_t *out)
{
    const char      *noun;
    compliance_str_t path = { view->link->return_path,
                              strlen(view->link->return_path) };

    noun = compliance_platform_noun(compliance_portal_platform(view));

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

    compliance_portal_device(view, out);
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
