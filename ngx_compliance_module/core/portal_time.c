/*
 * A moment as people read it, in UTC.  Reckoned here: core has no clock, and
 * libc's calendar would bring the machine's zone and locale with it.
 */
#include "portal_part.h"


#define END_OF_9999  INT64_C(253402300799)


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


void
compliance_portal_moment(compliance_buf_t *out, int64_t when, bool with_day)
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
