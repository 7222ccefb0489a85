/*
 * Dates and spans as texts.  The calendar is computed: a year begins in March,
 * so that the leap day is its last, and 400 years repeat.
 */
#include "civil.h"


#define COMPLIANCE_SPAN_MAX  (INT64_C(100) * 366 * 86400)


int64_t
compliance_civil_days(int64_t year, unsigned month, unsigned day)
{
    int64_t  era, of_era;
    unsigned of_year;

    year -= month <= 2 ? 1 : 0;
    era = (year >= 0 ? year : year - 399) / 400;
    of_era = year - era * 400;
    of_year = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1;

    return era * 146097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year
           - 719468;
}


/* Exactly n digits off the front. */
static bool
compliance_take_digits(compliance_str_t *text, size_t n, int64_t *out)
{
    if (text->len < n
        || !compliance_parse_uint((compliance_str_t) { text->data, n }, out))
    {
        return false;
    }

    text->data += n;
    text->len -= n;

    return true;
}


static bool
compliance_take_char(compliance_str_t *text, const char *any)
{
    for ( ; text->len > 0 && *any != '\0'; any++) {
        if (*text->data == *any) {
            text->data++;
            text->len--;
            return true;
        }
    }

    return false;
}


static bool
compliance_date_take(compliance_str_t *text, int64_t *days)
{
    static const unsigned lengths[] = { 31, 29, 31, 30, 31, 30, 31, 31, 30, 31,
                                        30, 31 };
    int64_t               year, month, day;
    bool                  leap;

    if (!compliance_take_digits(text, 4, &year)
        || !compliance_take_char(text, "-")
        || !compliance_take_digits(text, 2, &month)
        || !compliance_take_char(text, "-")
        || !compliance_take_digits(text, 2, &day))
    {
        return false;
    }

    leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;

    if (month < 1 || month > 12 || day < 1
        || day > (int64_t) lengths[month - 1]
        || (month == 2 && day == 29 && !leap))
    {
        return false;
    }

    *days = compliance_civil_days(year, (unsigned) month, (unsigned) day);

    return true;
}


/* "Z", "+01:00", or nothing: UTC. */
static bool
compliance_zone_take(compliance_str_t *text, int64_t *seconds)
{
    bool    west = text->len > 0 && *text->data == '-';
    int64_t hours, minutes;

    *seconds = 0;

    if (text->len == 0 || compliance_take_char(text, "Zz")) {
        return true;
    }

    if (!compliance_take_char(text, "+-")
        || !compliance_take_digits(text, 2, &hours)
        || !compliance_take_char(text, ":")
        || !compliance_take_digits(text, 2, &minutes)
        || hours > 23 || minutes > 59)
    {
        return false;
    }

    *seconds = (hours * 60 + minutes) * 60;
    *seconds = west ? -*seconds : *seconds;

    return true;
}


static bool
compliance_clock_take(compliance_str_t *text, int64_t *seconds)
{
    int64_t hour, minute, second = 0, zone;

    if (!compliance_take_digits(text, 2, &hour)
        || !compliance_take_char(text, ":")
        || !compliance_take_digits(text, 2, &minute))
    {
        return false;
    }

    if (compliance_take_char(text, ":")) {
        if (!compliance_take_digits(text, 2, &second)) {
            return false;
        }

        if (compliance_take_char(text, ".")) {
            if (text->len == 0 || *text->data < '0' || *text->data > '9') {
                return false;
            }

            while (compliance_take_char(text, "0123456789")) {
                /* a fraction of a second does not count */
            }
        }
    }

    /* 60: a leap second */
    if (hour > 23 || minute > 59 || second > 60
        || !compliance_zone_take(text, &zone))
    {
        return false;
    }

    *seconds = hour * 3600 + minute * 60 + second - zone;

    return true;
}


bool
compliance_time_parse(compliance_str_t text, int64_t *out)
{
    int64_t days, seconds = 0;

    if (compliance_parse_uint(text, out)) {
        return true;
    }

    if (text.data == NULL || !compliance_date_take(&text, &days)) {
        return false;
    }

    if (text.len > 0
        && (!compliance_take_char(&text, "Tt ")
            || !compliance_clock_take(&text, &seconds)))
    {
        return false;
    }

    if (text.len > 0) {
        return false;
    }

    *out = days * 86400 + seconds;

    return true;
}


bool
compliance_span_parse(compliance_str_t text, int64_t *seconds)
{
    static const struct {
        char    unit;
        int64_t seconds;
    } units[] = {
        { 's', 1 }, { 'm', 60 }, { 'h', 3600 }, { 'd', 86400 },
        { 'w', 604800 },
    };

    int64_t n, factor = 1;

    for (size_t i = 0; text.len > 1 && i < sizeof(units) / sizeof(units[0]);
         i++)
    {
        if (text.data[text.len - 1] == units[i].unit) {
            factor = units[i].seconds;
            text.len--;
            break;
        }
    }

    if (!compliance_parse_uint(text, &n) || n > COMPLIANCE_SPAN_MAX / factor) {
        return false;
    }

    *seconds = n * factor;

    return true;
}
