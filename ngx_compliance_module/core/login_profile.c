/*
 * Who is about to log in to a web mail?  A profile is a row of the table; the
 * body is read by login_form.c, login_multipart.c or login_json.c, in pieces
 * and with constant memory.
 *
 * The rule no spelling gets around: every request whose body the back end
 * could take a login from is looked through to its end, and a body that two
 * readers could read differently is refused.
 *
 * Roundcube (PHP) takes _user out of every POST while nobody is logged in: its
 * task is then "login" whatever the query says, and _action may come from the
 * query, the body or a cookie.  PHP fills $_POST from urlencoded and multipart
 * bodies only.
 *
 * SOGo takes the JSON member userName out of the body of any method, whatever
 * the Content-Type; its path finds "connect" behind /SOGo/, /SOGo/so/,
 * /SOGo/x/..., in ?Cmd= and ?:method=, so the path proves nothing.  The same
 * member serves its change of password and password recovery, which are
 * judged alike.  Logins by SAML, CAS or OpenID name nobody here.
 */
#include "login_scan.h"
#include "names.h"

#include <string.h>


static const compliance_login_profile_t profiles[] = {
    { .name = "roundcube", .field = "_user", .php = true, .trims = true },
    { .name = "sogo", .field = "userName", .domain_field = "domain",
      .json = true },
    { .name = "owa", .field = "username" },
    { .name = "zimbra", .field = "username", .domain_field = "customerDomain",
      .query_counts = true, .trims = true },
};

#define PROFILES  (sizeof(profiles) / sizeof(profiles[0]))


const compliance_login_profile_t *
compliance_login_profile_find(compliance_str_t name)
{
    for (size_t i = 0; i < PROFILES; i++) {
        compliance_str_t known = { profiles[i].name,
                                   strlen(profiles[i].name) };

        if (compliance_str_eq(name, known)) {
            return &profiles[i];
        }
    }

    return NULL;
}


const char *
compliance_login_profile_name(const compliance_login_profile_t *profile)
{
    return profile->name;
}


const char *
compliance_login_profile_names(void)
{
    return "roundcube, sogo, owa, zimbra";
}


void
compliance_login_fail(compliance_login_scan_t *scan, compliance_rc_t rc)
{
    if (scan->failed == COMPLIANCE_OK) {
        scan->failed = rc;
    }
}


void
compliance_login_value_char(compliance_login_value_t *value, char c)
{
    if (value->len == sizeof(value->data)) {
        value->fault = COMPLIANCE_TOO_LONG;
        return;
    }

    value->data[value->len++] = c;
}


/* What a query holds is read as a form is; a login there is never one that a
 * login page sends. */
static bool
query_names_user(const compliance_login_profile_t *profile,
    compliance_str_t query)
{
    compliance_login_scan_t scan = { .profile = profile };

    if (query.data == NULL) {
        return false;
    }

    compliance_login_field_begin(&scan, false);
    compliance_login_form_feed(&scan, query.data, query.len);
    compliance_login_form_end(&scan);

    return scan.failed != COMPLIANCE_OK || scan.name.seen;
}


bool
compliance_login_profile_applies(const compliance_login_profile_t *profile,
    compliance_str_t method, compliance_str_t path, compliance_str_t query)
{
    (void) path;   /* proves nothing for any of them: see above */

    if (profile->json || compliance_str_is(method, "POST")) {
        return true;
    }

    return profile->query_counts && query_names_user(profile, query);
}


static bool
contains(compliance_str_t text, const char *literal)
{
    size_t n = strlen(literal);

    for (size_t i = 0; i + n <= text.len; i++) {
        if (compliance_str_is((compliance_str_t) { text.data + i, n },
                              literal))
        {
            return true;
        }
    }

    return false;
}


/* A type that is not one of the two forms, and that no parser could take for
 * one of them. */
static bool
surely_no_form(compliance_str_t text)
{
    return !contains(text, "urlencoded") && !contains(text, "multipart")
           && !contains(text, "form-data");
}


static compliance_rc_t
choose_reader(compliance_login_scan_t *scan, compliance_str_t text)
{
    compliance_content_type_t type;
    bool                      clean;

    if (text.data == NULL) {
        scan->kind = scan->profile->json ? COMPLIANCE_BODY_JSON
                                         : COMPLIANCE_BODY_UNREAD;
        return COMPLIANCE_OK;
    }

    clean = compliance_content_type_parse(text, &type);

    if (!scan->profile->json && surely_no_form(text)) {
        scan->kind = COMPLIANCE_BODY_UNREAD;
        return COMPLIANCE_OK;
    }

    /* In another charset the bytes would spell other letters. */
    if (!clean || (type.charset.data != NULL
                   && !compliance_str_is(type.charset, "utf-8")))
    {
        return COMPLIANCE_AMBIGUOUS;
    }

    if (scan->profile->json) {
        scan->kind = COMPLIANCE_BODY_JSON;

    } else if (compliance_str_is(type.type,
                                 "application/x-www-form-urlencoded"))
    {
        scan->kind = COMPLIANCE_BODY_URLENCODED;
        compliance_login_field_begin(scan, false);

    } else if (compliance_str_is(type.type, "multipart/form-data")
               && type.boundary.data != NULL
               && type.boundary.len <= COMPLIANCE_BOUNDARY_MAX)
    {
        scan->kind = COMPLIANCE_BODY_MULTIPART;
        compliance_login_multipart_init(scan, type.boundary);

    } else {
        return COMPLIANCE_AMBIGUOUS;
    }

    return COMPLIANCE_OK;
}


compliance_rc_t
compliance_login_scan_init(compliance_login_scan_t *scan,
    const compliance_login_profile_t *profile, compliance_str_t path,
    compliance_str_t query, compliance_str_t content_type)
{
    (void) path;

    memset(scan, 0, sizeof(*scan));
    scan->profile = profile;

    if (profile->query_counts && query_names_user(profile, query)) {
        scan->failed = COMPLIANCE_AMBIGUOUS;

    } else {
        scan->failed = choose_reader(scan, content_type);
    }

    if (scan->failed == COMPLIANCE_OK && scan->kind == COMPLIANCE_BODY_UNREAD) {
        return COMPLIANCE_ABSENT;
    }

    return scan->failed;
}


compliance_rc_t
compliance_login_scan_feed(compliance_login_scan_t *scan, const char *data,
    size_t len)
{
    if (scan->failed != COMPLIANCE_OK || len == 0) {
        return scan->failed;
    }

    switch (scan->kind) {
    case COMPLIANCE_BODY_UNREAD:
        break;
    case COMPLIANCE_BODY_URLENCODED:
        compliance_login_form_feed(scan, data, len);
        break;
    case COMPLIANCE_BODY_MULTIPART:
        compliance_login_multipart_feed(scan, data, len);
        break;
    case COMPLIANCE_BODY_JSON:
        compliance_login_json_feed(scan, data, len);
        break;
    }

    return scan->failed;
}


/* The whole input is there: what is left open is refused. */
static void
close_body(compliance_login_scan_t *scan)
{
    switch (scan->kind) {
    case COMPLIANCE_BODY_UNREAD:
        break;
    case COMPLIANCE_BODY_URLENCODED:
        compliance_login_form_end(scan);
        break;
    case COMPLIANCE_BODY_MULTIPART:
        compliance_login_multipart_end(scan);
        break;
    case COMPLIANCE_BODY_JSON:
        compliance_login_json_end(scan);
        break;
    }
}


/* What both PHP's trim() and Java's take away at the ends: no form feed. */
static bool
is_blank(char c)
{
    return c == ' ' || (c >= '\t' && c <= '\r' && c != '\f');
}


static compliance_str_t
trimmed(compliance_str_t text)
{
    while (text.len != 0 && is_blank(*text.data)) {
        text.data++;
        text.len--;
    }

    while (text.len != 0 && is_blank(text.data[text.len - 1])) {
        text.len--;
    }

    return text;
}


/* The back end may take name@domain for the one who logs in, or name alone:
 * both are to be the same person. */
static compliance_rc_t
read_domain(const compliance_login_value_t *domain, compliance_str_t name,
    compliance_principal_t *hint)
{
    char   full[2 * sizeof(domain->data)];
    size_t len = name.len;

    if (!domain->seen) {
        return COMPLIANCE_OK;
    }

    if (domain->fault != COMPLIANCE_OK) {
        return domain->fault;
    }

    if (domain->len == 0 || memchr(name.data, '@', name.len) != NULL) {
        return COMPLIANCE_OK;
    }

    memcpy(full, name.data, name.len);
    full[len++] = '@';
    memcpy(full + len, domain->data, domain->len);
    len += domain->len;

    return compliance_principal_parse((compliance_str_t) { full, len }, hint);
}


static compliance_rc_t
read_name(const compliance_login_scan_t *scan, compliance_principal_t *name,
    compliance_principal_t *hint)
{
    compliance_str_t text = { scan->name.data, scan->name.len };
    compliance_rc_t  rc;

    if (!scan->name.seen) {
        return COMPLIANCE_ABSENT;
    }

    if (scan->name.fault != COMPLIANCE_OK) {
        return scan->name.fault;
    }

    if (scan->profile->trims) {
        text = trimmed(text);
    }

    /* An empty name logs nobody in. */
    if (text.len == 0) {
        return COMPLIANCE_ABSENT;
    }

    /* Roundcube cuts tags out: "al<b>ice" is alice. */
    if (scan->profile->php && memchr(text.data, '<', text.len) != NULL) {
        return COMPLIANCE_AMBIGUOUS;
    }

    rc = compliance_principal_parse(text, name);

    return rc == COMPLIANCE_OK ? read_domain(&scan->domain, text, hint) : rc;
}


compliance_rc_t
compliance_login_scan_end(compliance_login_scan_t *scan,
    compliance_principal_t *name, compliance_principal_t *hint)
{
    compliance_rc_t rc;

    memset(name, 0, sizeof(*name));
    memset(hint, 0, sizeof(*hint));

    if (scan->failed == COMPLIANCE_OK) {
        close_body(scan);
    }

    rc = scan->failed != COMPLIANCE_OK ? scan->failed
                                       : read_name(scan, name, hint);

    if (rc != COMPLIANCE_OK) {
        memset(name, 0, sizeof(*name));
        memset(hint, 0, sizeof(*hint));
    }

    return rc;
}


compliance_rc_t
compliance_login_profile_read(const compliance_login_profile_t *profile,
    compliance_str_t path, compliance_str_t query,
    compliance_str_t content_type, compliance_str_t body,
    compliance_principal_t *name)
{
    compliance_login_scan_t scan;
    compliance_principal_t  hint;
    compliance_rc_t         rc;

    memset(name, 0, sizeof(*name));

    rc = compliance_login_scan_init(&scan, profile, path, query, content_type);

    if (rc == COMPLIANCE_OK && body.data != NULL) {
        rc = compliance_login_scan_feed(&scan, body.data, body.len);
    }

    if (rc == COMPLIANCE_OK) {
        rc = compliance_login_scan_end(&scan, name, &hint);
    }

    if (rc == COMPLIANCE_OK && hint.len != 0) {
        memset(name, 0, sizeof(*name));
        return COMPLIANCE_AMBIGUOUS;
    }

    return rc;
}
