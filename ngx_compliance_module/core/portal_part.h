/*
 * Inside the remediation page: what its files share.
 *
 *   portal_page    the pages, and what stands on every one
 *   portal_device  what is told of a device, and to whom
 *   portal_time    a moment, for people
 *
 * What comes from a record or a request is written by text(), which escapes
 * it; raw() is for literals.
 */
#ifndef COMPLIANCE_PORTAL_PART_H
#define COMPLIANCE_PORTAL_PART_H

#include <string.h>

#include "answer_http.h"
#include "portal_page.h"


/* Of the device, or OTHER where the asker must not learn it. */
compliance_platform_t compliance_portal_platform(
    const compliance_portal_view_t *view);

/* What has to be put right, a section each. */
void compliance_portal_checks(const compliance_portal_view_t *view,
    compliance_buf_t *out);

/* What only a proven device's holder sees. */
void compliance_portal_device(const compliance_portal_view_t *view,
    compliance_buf_t *out);

/* "09:05 UTC", with the day in front where it is asked for. */
void compliance_portal_moment(compliance_buf_t *out, int64_t when,
    bool with_day);


static inline void
raw(compliance_buf_t *out, const char *html)
{
    compliance_buf_str(out, html);
}


static inline void
text(compliance_buf_t *out, const char *data)
{
    compliance_html_escape(out, (compliance_str_t) { data, strlen(data) });
}

#endif
