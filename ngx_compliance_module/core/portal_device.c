/*
 * What the remediation page tells of a device, and to whom: who has not proven
 * the device learns neither its name nor whose it is, nor whether a user or
 * somebody else's device is known here (concealed() and the uses of `proven`).
 */
#include "portal_part.h"


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


compliance_platform_t
compliance_portal_platform(const compliance_portal_view_t *view)
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

    step = compliance_remedy_steps(found, compliance_portal_platform(view));

    for ( /* void */ ; *step != '\0'; step = *end == '\0' ? end : end + 1) {
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
    compliance_str_t list = compliance_absent;
    compliance_str_t code, seen[COMPLIANCE_PORTAL_CHECKS_MAX];

    if (view->details != NULL) {
        list.data = view->details->reasons;
        list.len = strlen(list.data);
    }

    while (compliance_list_item(&list, &code)) {
        bool     repeated = false;
        unsigned i;

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


void
compliance_portal_checks(const compliance_portal_view_t *view,
    compliance_buf_t *out)
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


void
compliance_portal_device(const compliance_portal_view_t *view,
    compliance_buf_t *out)
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
        compliance_portal_moment(out, facts->device.last_checkin, true);
        raw(out, "</dd>\n");
    }

    if (facts->device.grace_until > 0
        && facts->device.state == COMPLIANCE_STATE_GRACE)
    {
        raw(out, facts->device.grace_until > view->now
                 ? "<dt>Put it right before</dt><dd>"
                 : "<dt>Time to put it right ended</dt><dd>");
        compliance_portal_moment(out, facts->device.grace_until, true);
        raw(out, "</dd>\n");
    }

    raw(out, "</dl>\n");
}
