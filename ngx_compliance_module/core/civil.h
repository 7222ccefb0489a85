/*
 * Dates as texts -> Unix seconds, in UTC, without a clock or a locale.
 */
#ifndef COMPLIANCE_CIVIL_H
#define COMPLIANCE_CIVIL_H

#include "compliance.h"


/* Days from 1970-01-01 to a date of the Gregorian calendar; month 1 to 12. */
int64_t compliance_civil_days(int64_t year, unsigned month, unsigned day);

/* "2026-12-31", "2026-12-31T18:00:00Z", with a fraction, with "+01:00" in the
 * place of Z, or a blank in the place of T (RFC 3339, and what databases make
 * of it); or Unix seconds.  False: it is none of these, *out is untouched. */
bool compliance_time_parse(compliance_str_t text, int64_t *out);

/* "90d", "12h", "30m", "45s", "2w", or seconds. */
bool compliance_span_parse(compliance_str_t text, int64_t *seconds);

#endif
